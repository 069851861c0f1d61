"""A Flarum mirrored end to end: whole, cheap and proven; and what is withheld is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys import mirrored
from tests.journeys.forums import MOST, Crawled, crawl, instead, withheld
from tests.sites import parts
from tests.sites.flarum import PER_PAGE, TRAPS, Forum
from tests.sites.static import Request, Response


def said(crawled: Crawled) -> bytes:
    return b"\n".join(mirrored.bodies(crawled.snapshot))


def harmless(crawled: Crawled, forum: Forum) -> None:
    """Nothing private, no trap, no order."""
    bodies = said(crawled)
    assert forum.secrets() and [marker for marker in forum.secrets() if marker.encode() in bodies] == []
    closing = "sort=-lastPostedAt"
    asked = [r.target for r in crawled.requests if closing not in r.target]
    assert [target for target in asked for trap in TRAPS if trap in target] == []
    assert {r.method for r in crawled.requests} == {"GET"}


@pytest.mark.parametrize("prefix, modern", [("", True), ("/forum", False)])
def test_it_is_whole_and_cheap(prefix: str, modern: bool, tmp_path: Path) -> None:
    forum = Forum(prefix, small=not modern, modern=modern)
    crawled = crawl(tmp_path, forum, start=f"{prefix}/")
    harmless(crawled, forum)
    bodies = said(crawled)
    assert [marker for marker in forum.markers() if marker.encode() not in bodies] == []
    assert [path for path, content in forum.files.items() if content not in bodies] == []
    useful = forum.pages() + len(forum.files)
    coverage = crawled.coverage
    assert (coverage["verdict"], coverage["gaps"], coverage["counters"]["differ"]) == ("complete", [], [])
    assert coverage["counters"]["agree"] == len(forum.public())
    assert coverage["useful"] == useful
    assert crawled.item("comment")["captured"] == len(forum.markers())
    assert crawled.item("post")["captured"] == sum(len(one.seen()) for one in forum.public())
    named = crawled.item("discussion")["sources"]
    assert (named["api"], named["index"]) == (len(forum.public()), len(forum.public()))
    if modern:
        assert useful > 150 and len(forum.markers()) > 1_000
        assert len(crawled.requests) <= MOST * useful, f"{len(crawled.requests)} requests for {useful}"
        mirrored.proved(crawled.snapshot)


def test_what_is_withheld_is_named(tmp_path: Path) -> None:
    forum = Forum(small=True)
    long = next(one for one in forum.public() if len(one.posts) > 60)
    other = next(one for one in forum.public() if one.title.startswith("Deux pages ("))
    lost = long.posts[30]
    forum.withheld.add(lost.id)
    broken, wall = f"/d/{other.slug}?page=2", f"/d/{long.slug}?page=3"

    def refuse(target: str) -> Response | None:
        if target == broken:
            return Response(b"<title>Oops! Something went wrong.</title>", status=500)
        if target == wall:
            return Response("<html><title>Verger — en travaux</title><p>Revenez bientôt".encode())
        return None

    crawled = crawl(tmp_path, instead(refuse), forum, start="/", code=3)
    harmless(crawled, forum)
    assert crawled.coverage["verdict"] == "gaps"
    found = withheld(crawled)
    # The posts of a page that nobody saw are asked for one by one, and come.
    assert found == {
        broken.removeprefix("/"),
        wall.removeprefix("/"),
        f"api/posts/{lost.id}",
        f"discussion {long.id}",
    }
    assert [gap for gap in crawled.coverage["gaps"] if "en travaux" in gap["reason"]]


def test_a_forum_for_members_is_no_complete_forum(tmp_path: Path) -> None:
    forum = Forum(small=True)
    forum.closed = True
    crawled = crawl(tmp_path, forum, start="/")
    assert crawled.coverage["verdict"] == "unknown"
    assert crawled.item("list")["denied"] >= 2


def test_a_limit_is_obeyed_and_what_is_written_meanwhile_is_taken(tmp_path: Path) -> None:
    forum = Forum(small=True)
    full = next(one for one in forum.public() if one.title == "Deux pages exactement")
    new: list[str] = []

    def watch(request: Request) -> Response | None:
        if not new and request.target == f"/d/{full.slug}?page=2":
            for _ in range(3):
                forum.reply(full)
            new.append(forum.discuss("Tout neuf", "general", 2).slug)
        return None

    limited = parts.refusing(forum, parts.every(60, 10), status=429, retry_after="1")
    crawled = crawl(tmp_path, watch, limited, start="/")
    assert 429 in {r.status for r in crawled.requests}
    assert len(full.posts) == 2 * PER_PAGE + 3 and new
    bodies = said(crawled)
    assert [marker for marker in forum.markers() if marker.encode() not in bodies] == []
    assert (crawled.coverage["verdict"], crawled.coverage["gaps"]) == ("complete", [])
    assert {f"/d/{full.slug}?page=3", f"/d/{new[0]}"} <= set(mirrored.statuses(crawled.snapshot))
