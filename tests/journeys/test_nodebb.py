"""A real NodeBB mirrored end to end: whole, cheap and proven; and what is withheld is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys import mirrored
from tests.journeys.forums import MOST, Crawled, withheld
from tests.journeys.jukni import Jukni
from tests.sites.nodebb import PER_PAGE, TRAPS, Forum, Unavailable, nodebb

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.xdist_group("nodebb")]


@pytest.fixture
def forum(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Forum]:
    """The whole forum, or the one with few topics where a test is parametrized with "small"."""
    (folder := tmp_path / "nodebb").mkdir()
    try:
        with nodebb(folder, small=getattr(request, "param", "") == "small") as running:
            yield running
    except Unavailable as missing:
        pytest.skip(str(missing))


def crawl(folder: Path, forum: Forum, code: int = 0) -> Crawled:
    """Mirror it, and be sure that nothing private came and no trap was asked for."""
    jukni, before = Jukni(folder), len(forum.site.requests)
    jukni.configure(
        f'[archive]\npath = "{jukni.archive}"\n[site.forum]\nurl = "{forum.base}"\n'
        "delay = 0.0\nconcurrency = 4\nattempts = 2\nretry_wait = 0.05\n"
    )
    ended = jukni.run("crawl", "forum", code=code)
    snapshot = mirrored.sealed(jukni.archive)
    requests = forum.site.requests[before:]
    bodies = b"\n".join(mirrored.bodies(snapshot))
    assert forum.secrets() and [marker for marker in forum.secrets() if marker.encode() in bodies] == []
    assert [r.target for r in requests if TRAPS.search(r.target)] == []
    assert {r.method for r in requests} == {"GET"}
    return Crawled(ended, snapshot, mirrored.coverage(snapshot), requests, forum.base)


def test_it_is_whole_and_cheap(forum: Forum, tmp_path: Path) -> None:
    """A limit is obeyed on the way: 429, which ends when it was said to."""
    long = max(forum.topics, key=lambda topic: len(topic.posts))
    forum.refuse.add(f"/{long.path}?page=3")
    crawled = crawl(tmp_path, forum)
    bodies = b"\n".join(mirrored.bodies(crawled.snapshot))
    assert len(forum.markers()) > 1_000
    assert [marker for marker in forum.markers() if marker.encode() not in bodies] == []
    assert [path for path, content in forum.files.items() if content not in bodies] == []
    useful = forum.pages() + len(forum.files) + 1  # NodeBB's own welcome
    assert useful > 200
    assert len(crawled.requests) <= MOST * useful, f"{len(crawled.requests)} requests for {useful}"
    coverage = crawled.coverage
    assert (coverage["verdict"], coverage["gaps"], coverage["counters"]["differ"]) == ("complete", [], [])
    assert coverage["useful"] == useful
    topics = len(forum.public()) + 1
    assert coverage["counters"]["agree"] >= topics
    assert (crawled.item("topic")["captured"], crawled.item("topic")["denied"]) == (topics, 1)
    assert crawled.item("topic")["sources"]["category"] == topics + 1
    posts = crawled.item("post")
    assert (posts["captured"], posts["denied"]) == (len(forum.markers()) + 1, 2)
    mirrored.proved(crawled.snapshot)


@pytest.mark.parametrize("forum", ["small"], indirect=True)
def test_what_is_withheld_is_named(forum: Forum, tmp_path: Path) -> None:
    long = max(forum.topics, key=lambda topic: len(topic.posts))
    short, walled = (topic for topic in forum.topics[:2])
    broken = f"/{long.path}?page=2"
    wall = f"/{walled.path}"
    forum.down.add(broken)
    forum.without[wall] = (b"<title>", b"<title>Just a moment...</title><title>")
    forum.without[f"/{short.path}"] = (b'"postcount":"1"', b'"postcount":"2"')
    crawled = crawl(tmp_path, forum, code=3)
    assert crawled.coverage["verdict"] == "gaps"
    assert withheld(crawled) == {
        f"{long.path}?page=2",
        walled.path,
        f"topic {long.tid}",
        f"topic {short.tid}",
        f"category {walled.cid}",
    }
    found = {one["group"]: one["published"] - one["found"] for one in crawled.coverage["counters"]["differ"]}
    assert (found[f"topic {long.tid}"], found[f"topic {short.tid}"]) == (PER_PAGE, 1)
