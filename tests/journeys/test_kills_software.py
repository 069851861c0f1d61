"""Killed at any moment of a crawl that knows its software: what is counted is there, and nothing twice.

Random moments from the first request to the seal, rounds at the end among them, as SIGKILL or as SIGTERM. The
long form: JUKNI_KILLS=100 (the whole forum and wiki), JUKNI_SEED=… for other moments.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from crawler.closing import ROUNDS
from storage.snapshot import Snapshot
from tests.journeys import mirrored
from tests.journeys.forums import crawl, withheld
from tests.journeys.jukni import CHECKOUT, LONG, Jukni, mirror, wait_until
from tests.journeys.wiki import FORBIDDEN, found
from tests.sites import forum_model, parts
from tests.sites.dokuwiki import Wikis
from tests.sites.fluxbb import TRAPS, fluxbb
from tests.sites.forum_model import Forum
from tests.sites.static import Request, Response, Site

KILLS = int(os.environ.get("JUKNI_KILLS", "5"))
SEED = os.environ.get("JUKNI_SEED", "jukni")
LONG_FORM = KILLS >= 50
CONCURRENCY = 3
LATENCY = 0.005
BASE = "/forum/"

Config = Callable[[str], str]


def hit(
    jukni: Jukni,
    command: tuple[str, ...],
    asked: Callable[[], int],
    *,
    total: int,
    kills: int,
    dice: random.Random,
) -> list[int]:
    """Stop the crawl again and again, somewhere between its first request and its last.

    total: requests of the crawl, about. Gives the exit codes; fewer than `kills` when it was done first.
    """
    codes: list[int] = []
    for _ in range(kills):
        before, began = asked(), time.monotonic()
        run = jukni.start(*command)
        latest = began + (dice.uniform(0.0, 1.2) if dice.random() < 0.15 else LONG)
        enough = before + 1 + dice.randrange(max(2, int(1.6 * total / kills)))
        wait_until(lambda: asked() >= enough or time.monotonic() > latest, run)  # noqa: B023
        time.sleep(dice.uniform(0.0, 3 * LATENCY))
        run.send(signal.SIGTERM if dice.random() < 0.3 else signal.SIGKILL)
        ended = run.wait()
        codes.append(ended.code)
        print(f"{ended.code:4} after {asked() - before:4} requests")
        if ended.code == 0:
            break  # it was quicker than we
        assert ended.code in (-signal.SIGKILL, -signal.SIGTERM, 130), ended.err
        mirrored.known_is_whole(mirrored.open_one(jukni.archive)) if jukni.archive.exists() else 0
    return codes


def whole(snapshot: Snapshot) -> dict[str, Any]:
    """What coverage.json says of a crawl that was stopped: complete, and every number holds."""
    coverage = mirrored.coverage(snapshot)
    assert (coverage["verdict"], coverage["gaps"]) == ("complete", []), coverage["why"]
    assert coverage["counters"]["differ"] == []
    assert coverage["counters"]["agree"] == coverage["counters"]["checked"]
    for kind in coverage["items"]:
        assert kind["expected"] == kind["captured"] + kind["denied"], kind
    mirrored.proved(snapshot)
    return coverage


def repeated(times: dict[str, int], most: int) -> None:
    """No more was asked twice than was under way when it was stopped, or asked again by the rounds."""
    again = {target: n for target, n in times.items() if n > 1}
    print(f"{sum(times.values())} requests, {sum(n - 1 for n in again.values())} of them repeated")
    assert sum(n - 1 for n in again.values()) <= most, again


def forum_is_whole(jukni: Jukni, forum: Forum) -> None:
    snapshot = mirrored.sealed(jukni.archive)
    coverage = whole(snapshot)
    bodies = b"\n".join(mirrored.bodies(snapshot)).decode("utf-8", "replace")
    assert [marker for marker in forum.markers() if marker not in bodies] == []
    assert [marker for marker in forum.secrets() if marker in bodies] == []
    assert coverage["counters"]["checked"] > len([*forum.public()])
    items = {item["kind"]: item for item in coverage["items"]}
    assert items["post"]["captured"] == sum(len(topic.posts) for topic in forum.public())
    assert items["topic"]["captured"] == len([*forum.public()])
    assert items["attachment"]["captured"] == len(forum.files())


def test_a_forum(tmp_path: Path) -> None:
    dice = random.Random(f"{SEED}/forum")
    forum = forum_model.seed(1.0 if LONG_FORM else 0.5)
    jukni = Jukni(tmp_path)
    with Site(parts.slow(fluxbb(forum, BASE), LATENCY)) as site:
        command = mirror(site.url + BASE, concurrency=CONCURRENCY)
        total = forum.pages() + len(forum.files()) + 30
        codes = hit(jukni, command, lambda: len(site.requests), total=total, kills=KILLS, dice=dice)
        if 0 not in codes:
            jukni.run(*command)
        targets = Counter(request.target for request in site.requests)
        boards = len([board for board in forum.boards if not board.private])
        repeated(targets, len(codes) * CONCURRENCY + ROUNDS * (boards + 1))
        assert {request.method for request in site.requests} == {"GET"}
        assert [target for target in targets if any(trap in target for trap in TRAPS)] == []
    forum_is_whole(jukni, forum)


def test_at_each_turn_of_a_crawl(tmp_path: Path) -> None:
    """Just recognised; a list read and nothing it names; in the rounds at the end, twice; sealing."""
    forum = forum_model.seed(0.2)
    board = f"{BASE}viewforum.php?id=2"
    jukni = Jukni(tmp_path)
    with Site(parts.slow(fluxbb(forum, BASE), 0.02)) as site:

        def asked(target: str, times: int) -> bool:
            return [request.target for request in site.requests].count(target) >= times

        turns: list[Callable[[], bool]] = [
            lambda: asked(BASE, 1) and len(site.requests) > 3,
            lambda: asked(board, 1) and site.requests[-1].target != board,
            lambda: asked(BASE, 2) and asked(board, 2),
            lambda: any(jukni.archive.glob("*/snapshots/*/coverage.json")),
        ]
        command = mirror(site.url + BASE, concurrency=CONCURRENCY)
        for turn in turns:
            run = jukni.start(*command)
            wait_until(turn, run)
            run.kill()
        jukni.run(*command, code=None)
        targets = Counter(request.target for request in site.requests)
        repeated(targets, len(turns) * CONCURRENCY + ROUNDS * 6)
    forum_is_whole(jukni, forum)


@pytest.mark.real
@pytest.mark.slow
def test_a_wiki(tmp_path: Path, wikis: Wikis) -> None:
    dice = random.Random(f"{SEED}/wiki")
    wiki = wikis.wikhan if LONG_FORM else wikis.autre
    jukni = Jukni(tmp_path)
    start = len(wikis.host.requests())

    def requests() -> list[str]:
        return [request.target for request in wikis.host.requests()[start:]]

    command = mirror(wikis.url(wiki.path), concurrency=CONCURRENCY)
    total = 3 * wiki.useful()
    codes = hit(jukni, command, lambda: len(requests()), total=total, kills=KILLS, dice=dice)
    if 0 not in codes:
        jukni.run(*command)
    snapshot = mirrored.sealed(jukni.archive)
    coverage = whole(snapshot)
    assert found(wiki.markers(), snapshot) == wiki.markers()
    assert found(wiki.private_markers(), snapshot) == set()
    kinds = {items["kind"]: items for items in coverage["items"]}
    assert kinds["page"]["captured"] == len([page for page in wiki.pages if not page.gone])
    assert kinds["revision"]["captured"] == sum(len(page.revisions) - 1 for page in wiki.pages)
    repeated(Counter(requests()), len(codes) * CONCURRENCY + ROUNDS * 8)
    assert [target for target in requests() if any(word in unquote(target) for word in FORBIDDEN)] == []


@pytest.mark.parametrize(
    ("forbidden", "code", "verdict"),
    [("viewforum.php", 0, "unknown"), ("viewtopic.php?id=", 0, "unknown"), ("", 4, "")],
)
def test_an_obeyed_robots_txt_is_never_complete(
    tmp_path: Path, forbidden: str, code: int, verdict: str
) -> None:
    forum = forum_model.seed(0.2)
    robots = parts.robots(f"User-agent: *\nDisallow: {BASE}{forbidden}\n")
    jukni = Jukni(tmp_path)
    with Site(robots, fluxbb(forum, BASE)) as site:
        ended = jukni.run(*mirror(site.url + BASE, concurrency=4), "--obey-robots", code=code)
        asked = [request.target for request in site.requests]
    assert [target for target in asked if target.startswith(BASE + forbidden)] == []
    if code:
        assert "robots.txt of the site asks not to" in ended.err
        return
    coverage = mirrored.coverage(mirrored.sealed(jukni.archive))
    assert (coverage["verdict"], coverage["gaps"]) == (verdict, [])
    assert "robots.txt is obeyed" in coverage["why"][0] and "robots.txt" in ended.out + ended.err


BROKEN = """
from crawler.software.fluxbb import FluxBB as one

real = one.{method}

def broken(self, *given):
    if {when}:
        raise RuntimeError("une erreur à nous")
    return real(self, *given)

one.{method} = broken
"""


@pytest.mark.parametrize(
    ("method", "when"),
    [
        ("accept", "'viewtopic.php?id={id}' in given[0].url"),
        ("read", "'viewtopic.php?id={id}' in given[0].url"),
        ("classify", "given[0].endswith('viewtopic.php?id={id}')"),
        ("again", "True"),
    ],
)
def test_a_bug_in_a_module_costs_what_it_concerns(tmp_path: Path, method: str, when: str) -> None:
    """An error of ours: a gap that says so, exit code 1, and everything else is captured."""
    forum = forum_model.seed(0.2)
    topic = next(topic for topic in forum.public() if len(topic.posts) <= forum.posts)
    (tmp_path / "sitecustomize.py").write_text(
        BROKEN.format(method=method, when=when.format(id=topic.id)), "utf-8"
    )
    jukni = Jukni(tmp_path)
    with Site(fluxbb(forum, BASE)) as site:
        command = mirror(site.url + BASE, concurrency=4)
        ended = jukni.run(*command, code=1, env={"PYTHONPATH": f"{tmp_path}:{CHECKOUT}"})
    assert "une erreur à nous" in ended.err
    snapshot = mirrored.sealed(jukni.archive)
    coverage = mirrored.coverage(snapshot)
    bodies = b"\n".join(mirrored.bodies(snapshot)).decode("utf-8", "replace")
    here = {post.marker for post in topic.posts} | {post.file.marker for post in topic.posts if post.file}
    assert [marker for marker in forum.markers() if marker not in bodies and marker not in here] == []
    if method == "again":
        assert (coverage["verdict"], len(coverage["why"])) == ("unknown", 1)
        assert "a bug in Jukni" in coverage["why"][0]
    else:
        reasons = {gap["url"] or gap["id"]: gap["reason"] for gap in coverage["gaps"]}
        url = f"{site.url}{BASE}viewtopic.php?id={topic.id}"
        assert coverage["verdict"] == "gaps"
        assert reasons.keys() - {"board 2"} == {url, f"topic {topic.id}"}
        assert reasons[url] == "our bug: RuntimeError: une erreur à nous"
    mirrored.proved(snapshot)


def test_the_second_crawl_is_whole_too_and_small(tmp_path: Path) -> None:
    """Unchanged files answer 304: they count as captured, and cost hardly a byte."""
    forum = forum_model.seed(0.4)
    jukni = Jukni(tmp_path)
    unchanged = "Sun, 01 Nov 2026 10:00:00 GMT"
    answered: list[int] = []

    def files(request: Request) -> Response | None:
        if "attachment.php" not in request.target and not request.path.endswith(".png"):
            return None
        if request.headers.get("if-modified-since") == unchanged:
            answered.append(304)
            return Response(status=304)
        whole = fluxbb(forum, BASE)(request)
        assert whole is not None and isinstance(whole.body, bytes)
        body = whole.body + b"\0" * 2_000
        return Response(body, "application/octet-stream", headers=(("Last-Modified", unchanged),))

    with Site(files, fluxbb(forum, BASE)) as site:
        jukni.configure(
            f'[site.forum]\nurl = "{site.url}{BASE}"\ndelay = 0.0\nconcurrency = 4\nattempts = 2\n'
        )
        jukni.run("crawl")
        first = mirrored.sealed(jukni.archive)
        forum_is_whole(jukni, forum)
        for more in ("--full", "--new"):
            answered.clear()
            jukni.run("crawl", more)
            second = mirrored.sealed(jukni.archive)
            assert second.name != first.name
            assert (len(answered) >= len(forum.files())) is (more != "--full")
            assert {request.method for request in site.requests} == {"GET"}
            items = {item["kind"]: item for item in whole(second)["items"]}
            assert items["attachment"]["captured"] == len(forum.files())
            assert items["post"]["captured"] == sum(len(topic.posts) for topic in forum.public())
            assert (_own_bytes(second) < 0.6 * _own_bytes(first)) is (more != "--full")
        run = jukni.start("crawl")
        wait_until(lambda: len(list(jukni.archive.glob("forum/snapshots/*/crawl.sqlite"))) > 0, run)
        run.kill()
        jukni.configure((tmp_path / "jukni.toml").read_text("utf-8") + "limit = 25\n")
        jukni.run("crawl", "--new")
        limited = mirrored.coverage(mirrored.sealed(jukni.archive))
    assert (limited["verdict"], limited["gaps"]) == ("unknown", [])
    assert "limit" in limited["why"][0]


def _own_bytes(snapshot: Snapshot) -> int:
    """Bytes of the WARC files that this crawl wrote."""
    return sum(
        warc.size for warc in snapshot.manifest().warcs if snapshot.name in warc.path.rpartition("/")[2]
    )


def test_a_forum_that_leads_in_circles_ends(tmp_path: Path) -> None:
    """A number that grows whenever it is read, and topics that redirect to each other and to themselves."""
    forum = forum_model.seed(0.2)
    growing, first, second, itself = [topic for topic in forum.public() if len(topic.posts) < 10][:4]
    forum.miscounted[growing.id] = 0
    circle = {first.id: second.id, second.id: first.id, itself.id: itself.id}

    def hostile(request: Request) -> Response | None:
        if request.path.endswith("viewforum.php"):
            forum.miscounted[growing.id] += 1
        id = int(request.query.get("id", "0"))
        if request.path.endswith("viewtopic.php") and id in circle:
            to = f"{BASE}viewtopic.php?id={circle[id]}"
            return Response(status=302, headers=(("Location", to),))
        return None

    crawled = crawl(tmp_path, hostile, fluxbb(forum, BASE), start=BASE, code=3)
    missing = withheld(crawled)
    assert {f"topic {topic.id}" for topic in (growing, first, second, itself)} <= missing
    assert f"viewtopic.php?id={itself.id}" in missing
    times = Counter(request.target for request in crawled.requests)
    assert max(times.values()) <= 1 + ROUNDS
