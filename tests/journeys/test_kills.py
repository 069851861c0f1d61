"""Killed at any moment, nothing is lost: SIGKILL while it crawls, rolls over, seals; a power cut.

The long form: JUKNI_KILLS=100 (over 1,000 pages), JUKNI_SEED=… for other moments.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from tests.journeys import mirrored
from tests.journeys.jukni import Jukni, Running, mirror, wait_for_requests, wait_until
from tests.sites import parts
from tests.sites.static import Site

KILLS = int(os.environ.get("JUKNI_KILLS", "12"))
SEED = os.environ.get("JUKNI_SEED", "jukni")
PAGES = 1_000 if KILLS >= 100 else 300
LATENCY = 0.005
BESIDE = {"/robots.txt", "/favicon.ico"}
"""What is asked for besides the pages themselves."""


@pytest.mark.parametrize("concurrency", [1, 4])
def test_kills_at_random_moments(tmp_path: Path, concurrency: int) -> None:
    dice = random.Random(f"{SEED}/{concurrency}")
    jukni = Jukni(tmp_path)
    # Pages to come before a kill: little enough that the site is not through when the last kill is due.
    pages = int(1.2 * PAGES / KILLS)
    worst = 0
    with Site(parts.slow(parts.pages(PAGES), LATENCY)) as site:
        command = mirror(site.url, concurrency=concurrency)
        print(f"{KILLS} kills over {PAGES} pages, concurrency {concurrency}, seed {SEED}")
        for number in range(KILLS):
            before = len(site.requests)
            began = time.monotonic()
            run = jukni.start(*command)
            if dice.random() < 0.2:
                # While it starts, reads the disk and recovers.
                time.sleep(dice.uniform(0.0, 1.5))
            else:
                wait_for_requests(site, before + 1 + dice.randrange(pages), run)
                time.sleep(dice.uniform(0.0, 3 * LATENCY))
            ended = run.kill()
            moment = time.monotonic() - began
            assert ended.code == -9, f"ended by itself before kill {number}:\n{ended.err}"
            asked = {request.target for request in site.requests[before:]}
            known, again = _after(jukni, asked)
            worst = max(worst, again)
            print(
                f"kill {number + 1:3} after {moment:6.3f} s: {len(asked):3} asked, "
                f"{known:4} exchanges known and whole, {again} to be asked again"
            )
            assert again <= concurrency
        jukni.run(*command)
        snapshot = mirrored.sealed(jukni.archive)
        mirrored.proved(snapshot)
        times = site.times_asked()
        repeated = len(site.requests) - len(times)
        print(f"sealed: {len(site.requests)} requests for {len(times)} URLs, {repeated} of them repeated")
        assert set(times) == {parts.page_path(n) for n in range(PAGES)} | BESIDE
        assert repeated <= KILLS * concurrency
        _whole_site(snapshot, PAGES)


def _after(jukni: Jukni, asked: set[str]) -> tuple[int, int]:
    """Look at what a kill left: exchanges known (all whole), and URLs asked for in vain."""
    if not jukni.archive.exists() or not (there := mirrored.collection(jukni.archive).open()):
        return 0, len(asked)
    known = mirrored.known_is_whole(there[-1])
    settled = {mirrored.target(url) for url in mirrored.done(there[-1])}
    return known, len(asked - settled)


def _whole_site(snapshot: mirrored.Snapshot, pages: int) -> None:
    """Each page is in the view, and a record that holds it stands behind every line."""
    captured = set()
    for line in mirrored.lines(snapshot):
        if line.status == 200:
            number = parts.page_number(mirrored.target(line.url))
            assert number is not None
            if line.kind == "response":
                assert parts.marker(number).encode() in mirrored.block(snapshot, line)
                captured.add(number)
    assert captured == set(range(pages))
