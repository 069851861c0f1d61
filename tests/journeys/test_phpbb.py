"""A phpBB mirrored end to end, in the markup of two releases: whole, cheap and proven; or gaps, named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import pytest

from tests.journeys import mirrored
from tests.journeys.forums import Crawled, crawl, differing, instead, prove_whole, withheld
from tests.sites import forum_model, parts
from tests.sites.phpbb import GONE, TRAPS, PhpBB
from tests.sites.static import Request, Response

START = "/forum/"


def no_traps(crawled: Crawled) -> bool:
    asked = [request.target for request in crawled.requests]
    return not [target for target in asked for trap in TRAPS if re.search(trap, target)]


@pytest.mark.parametrize("style", ["3.0", "3.3"])
def test_it_is_whole_and_cheap(style: Literal["3.0", "3.3"], tmp_path: Path) -> None:
    board = PhpBB(forum_model.seed(), style)
    # Links carry a session id until a cookie comes back, as phpBB's do.
    crawled = crawl(tmp_path, parts.sessions(board.part(), "sid"), start=START)
    prove_whole(crawled, board.forum, ())
    assert no_traps(crawled)
    assert [one["name"] for one in crawled.coverage["software"]] == ["phpbb"]
    private = next(one for one in board.forum.boards if one.private)
    assert crawled.item("board")["denied"] == 1
    assert crawled.item("topic")["missing"] == 1  # linked to, and deleted
    addresses = set(mirrored.statuses(crawled.snapshot))
    assert f"{START}viewforum.php?f={private.id}" in addresses
    assert [
        a for a in addresses if "viewtopic" in a and ("f=" in a) == board.new and f"t={GONE}" not in a
    ] == []
    skipped = mirrored.skipped(crawled.snapshot)
    assert skipped["phpbb:post"] > 1_000 and {"phpbb:members", "phpbb:door", "phpbb:archive"} <= set(skipped)


def test_what_is_withheld_is_named(tmp_path: Path) -> None:
    board = PhpBB(forum_model.seed(0.4), "3.3")
    broken, closed, short = [topic for topic in board.forum.public() if len(topic.posts) > 20][:3]
    board.more[short.id] = 1
    scarce = next(topic for topic in board.forum.boards[1].topics if len(topic.posts) < 9)
    board.forum.miscounted[scarce.id] = 2
    board.closed = lambda request: request.target.endswith(f"t={closed.id}")
    wall = board.forum.boards[4]
    assert len(board.listed(wall)) > 1 and not wall.private

    def refuse(target: str) -> Response | None:
        if target.endswith(f"viewtopic.php?t={broken.id}&start=10"):
            return Response(b"<h1>Internal Server Error</h1>", status=500)
        if target.endswith(f"viewforum.php?f={wall.id}"):
            return Response(b"<html><title>Just a moment...</title><body></body></html>")
        return None

    crawled = crawl(tmp_path, instead(refuse), board.part(), start=START, code=3)
    assert crawled.coverage["verdict"] == "gaps"
    assert withheld(crawled) == {
        f"viewtopic.php?t={broken.id}&start=10",
        f"viewtopic.php?t={closed.id}",
        f"viewforum.php?f={wall.id}",
        f"topic {broken.id}",
        f"topic {closed.id}",
        f"topic {short.id}",
        f"topic {scarce.id}",
        "board 2",
    }
    found = differing(crawled)
    assert found[f"topic {short.id}"] == (len(short.posts) + 1, len(short.posts))
    assert found[f"topic {scarce.id}"] == (len(scarce.posts) + 2, len(scarce.posts))
    assert found[f"topic {broken.id}"] == (len(broken.posts), len(broken.posts) - board.forum.posts)
    assert [gap for gap in crawled.coverage["gaps"] if "indisponible" in gap["reason"]]


def test_what_changes_during_the_crawl_is_no_gap(tmp_path: Path) -> None:
    """Two topics get answers after they were read, one of them so many that a page begins; of a third a post
    goes when one of its pages was read, and what follows moves up; a topic is moved.
    """
    board = PhpBB(forum_model.seed(0.4), "3.0")
    full, pruned = [topic for topic in board.forum.public() if len(topic.posts) > 20][:2]
    board.forum.reply(full, -len(full.posts) % 10)
    ours, theirs = board.forum.boards[1].topics, board.forum.boards[4].topics
    brief = next(topic for topic in theirs if len(topic.posts) < 9 and not topic.sticky)
    moved = next(topic for topic in ours if topic is not pruned and not topic.sticky)
    changed: set[int] = set()

    def change(topic: forum_model.Topic) -> None:
        if topic is pruned:
            topic.posts.pop(3)
        elif topic is moved:
            ours.remove(topic)
            theirs.append(topic)
        else:
            board.forum.reply(topic, 3)

    def watch(request: Request) -> Response | None:
        for topic, start in (
            (full, f"&start={len(full.posts) - 10}"),
            (brief, ""),
            (pruned, "&start=10"),
            (moved, ""),
        ):
            if topic.id not in changed and request.target.endswith(f"t={topic.id}{start}"):
                response = board.part()(request)
                changed.add(topic.id)
                change(topic)
                return response
        return None

    crawled = crawl(tmp_path, watch, board.part(), start=START)
    assert len(changed) == 4
    bodies = b"\n".join(mirrored.bodies(crawled.snapshot)).decode("utf-8", "replace")
    assert [marker for marker in board.forum.markers() if marker not in bodies] == []
    assert (crawled.coverage["verdict"], crawled.coverage["gaps"]) == ("complete", [])
    assert crawled.coverage["counters"]["differ"] == []
    assert crawled.item("post")["captured"] == sum(len(topic.posts) for topic in board.forum.public())
