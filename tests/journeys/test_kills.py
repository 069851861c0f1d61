"""Killed at any moment, nothing is lost: SIGKILL while it crawls, rolls over, seals; a power cut.

The long form: JUKNI_KILLS=100 (over 1,000 pages), JUKNI_SEED=… for other moments.
"""

from __future__ import annotations

import os
import random
import struct
import time
from pathlib import Path

import pytest

from storage.snapshot import SEALED_FILES, Snapshot
from storage.warc import OPEN
from tests.journeys import mirrored
from tests.journeys.jukni import LONG, Jukni, mirror, wait_for_requests, wait_until
from tests.sites import parts
from tests.sites.static import Site

KILLS = int(os.environ.get("JUKNI_KILLS", "8"))
SEED = os.environ.get("JUKNI_SEED", "jukni")
PAGES = 1_000 if KILLS >= 100 else 200
LATENCY = 0.005
BESIDE = {"/robots.txt", "/favicon.ico"}
"""What is asked for besides the pages themselves."""


@pytest.mark.slow
@pytest.mark.parametrize("concurrency", [1, 4])
def test_kills_at_random_moments(tmp_path: Path, concurrency: int) -> None:
    dice = random.Random(f"{SEED}/{concurrency}")
    jukni = Jukni(tmp_path)
    # Pages to come before a kill: little enough that the site is not through when the last kill is due.
    pages = int(1.2 * PAGES / KILLS)
    with Site(parts.slow(parts.pages(PAGES), LATENCY)) as site:
        command = mirror(site.url, concurrency=concurrency)
        print(f"{KILLS} kills over {PAGES} pages, concurrency {concurrency}, seed {SEED}")
        for number in range(KILLS):
            before = len(site.requests)
            began = time.monotonic()
            run = jukni.start(*command)
            # While it starts, reads the disk and recovers; or else while it crawls.
            latest = began + (dice.uniform(0.0, 1.5) if dice.random() < 0.2 else LONG)
            enough = before + 1 + dice.randrange(pages)
            wait_until(lambda: len(site.requests) >= enough or time.monotonic() > latest, run)  # noqa: B023
            time.sleep(dice.uniform(0.0, 3 * LATENCY))
            ended = run.kill()
            moment = time.monotonic() - began
            assert ended.code == -9, f"ended by itself before kill {number}:\n{ended.err}"
            asked = {request.target for request in site.requests[before:]}
            known, again = _after(jukni, asked)
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


def _whole_site(snapshot: Snapshot, pages: int) -> None:
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


@pytest.mark.parametrize("stage", ["index.cdxj.gz.part", "coverage.json", "manifest.json"])
def test_killed_while_sealing(tmp_path: Path, stage: str) -> None:
    jukni = Jukni(tmp_path)
    with Site(parts.pages(60)) as site:
        run = jukni.start(*mirror(site.url, concurrency=4))
        wait_until(lambda: any(jukni.archive.glob(f"*/snapshots/*/{stage}")), run)
        run.kill()
        asked = len(site.requests)
        if stage == "manifest.json":
            mirrored.proved(mirrored.sealed(jukni.archive))
            return
        assert mirrored.known_is_whole(mirrored.open_one(jukni.archive)) == 62
        jukni.run(*mirror(site.url))
        snapshot = mirrored.sealed(jukni.archive)
        assert len(site.requests) == asked
        mirrored.proved(snapshot)
        _whole_site(snapshot, 60)
        assert {path.name for path in snapshot.folder.iterdir()} == {"manifest.json", *SEALED_FILES}


def test_killed_when_a_warc_follows_another(tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    with Site(parts.pages(120)) as site:
        jukni.configure(
            f"[archive]\nwarc_size = '30 kB'\n[site.forum]\nurl = '{site.url}/'\ndelay = 0\nconcurrency = 4\n"
        )
        for _ in range(4):
            there = len(_warcs(jukni))
            run = jukni.start("crawl")
            # An old file gets its name and a new one begins, one right after the other.
            assert wait_until(lambda there=there: len(_warcs(jukni)) >= there + 2, run)  # type: ignore[misc]
            run.kill()
            mirrored.known_is_whole(mirrored.open_one(jukni.archive))
        jukni.run("crawl")
        snapshot = mirrored.sealed(jukni.archive)
        mirrored.proved(snapshot)
        _whole_site(snapshot, 120)
        named = {warc.path.rpartition("/")[2] for warc in snapshot.manifest().warcs}
        assert len(named) > 5
        assert {name for name in _warcs(jukni) if not name.endswith(".stray")} == named


def _warcs(jukni: Jukni) -> list[str]:
    return [path.name for path in jukni.archive.glob("forum/warcs/*")]


@pytest.mark.parametrize(
    ("log", "records"), [("whole", "cut"), ("whole", "zeros"), ("cut", "whole"), ("cut", "cut")]
)
def test_power_cut(tmp_path: Path, log: str, records: str) -> None:
    """The disk keeps what was synced; of the rest any part, cut or zeros; of the log any beginning."""
    dice = random.Random(f"{SEED}/{log}/{records}")
    jukni = Jukni(tmp_path)
    with Site(parts.slow(parts.pages(200), 0.02)) as site:
        command = mirror(site.url, concurrency=2)
        run = jukni.start(*command)
        wait_for_requests(site, 140, run)
        run.kill()
        snapshot = mirrored.open_one(jukni.archive)
        if log == "cut":
            _lose_log(snapshot, dice)
        _lose_records(snapshot, dice, records)
        jukni.run(*command)
        snapshot = mirrored.sealed(jukni.archive)
        mirrored.proved(snapshot)
        _whole_site(snapshot, 200)


def _lose_log(snapshot: Snapshot, dice: random.Random) -> None:
    """Cut SQLite's write-ahead log behind any of the frames that no checkpoint has begun to copy.

    Layout: sqlite.org/walformat.html, sections 2.1 and 4 (WAL header and frames, WAL index).
    """
    wal, shm = (snapshot.database.with_name(snapshot.database.name + end) for end in ("-wal", "-shm"))
    index = shm.read_bytes()
    (frames,) = struct.unpack_from("=I", index, 16)
    (copied,) = struct.unpack_from("=I", index, 128)
    (page,) = struct.unpack_from(">I", wal.read_bytes(), 8)
    kept = dice.randint(min(copied, frames), frames)
    print(f"{frames} frames in the log, {copied} of them copied: {kept} kept")
    os.truncate(wal, 32 + kept * (24 + page))


def _lose_records(snapshot: Snapshot, dice: random.Random, kind: str) -> None:
    """Of what the database knows but not as synced, part is not what was written."""
    with mirrored.database(snapshot) as db:
        name, known, synced = db.execute("SELECT name, size, synced FROM warcs").fetchone()
    path = snapshot.warcs / (name + OPEN)
    size = path.stat().st_size
    left = dice.randint(synced, max(synced, known - 1))
    print(f"{size:,} bytes, {known:,} of them known, {synced:,} synced: {kind} from {left:,}")
    if kind != "whole":
        os.truncate(path, left)
    if kind == "zeros":
        os.truncate(path, size)
