"""An SMF mirrored end to end: whole, cheap and proven; or gaps, named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.journeys import mirrored
from tests.journeys.forums import Crawled, crawl, differing, instead, prove_whole, withheld
from tests.sites import forum_model
from tests.sites.smf import MOVED, TRAPS, Smf
from tests.sites.static import Request, Response

START = "/forum/index.php"


def no_traps(crawled: Crawled) -> bool:
    asked = [request.target for request in crawled.requests]
    return not [target for target in asked for trap in TRAPS if re.search(trap, target)]


@pytest.mark.parametrize("spelling", ["sessions", "queryless"])
def test_it_is_whole_and_cheap(spelling: str, tmp_path: Path) -> None:
    board = Smf(forum_model.seed(), queryless=spelling == "queryless", sessions=spelling == "sessions")
    crawled = crawl(tmp_path, board.part(), start=START)
    smaller = [file for file in board.forum.files() if file.id % 2]
    named = crawled.item("attachment")
    assert (named["sources"]["topic"], named["captured"]) == (
        len(board.forum.files()),
        len(board.forum.files()) + len(smaller),
    )
    named["captured"] -= len(smaller)
    prove_whole(crawled, board.forum, ())
    assert no_traps(crawled)
    assert [one["name"] for one in crawled.coverage["software"]] == ["smf"]
    assert crawled.item("board")["denied"] == 1
    addresses = mirrored.statuses(crawled.snapshot)
    (moved,) = [topic for one in board.forum.boards for topic in one.left]
    left = board.link("topic", moved.id + MOVED).replace("~", "/forum/")
    assert addresses[left] == [302]
    assert {"smf:anchor", "smf:members", "smf:door"} <= set(mirrored.skipped(crawled.snapshot))


def test_what_is_withheld_is_named(tmp_path: Path) -> None:
    board = Smf(forum_model.seed(0.4))
    broken, closed, short = [topic for topic in board.forum.public() if len(topic.posts) > 20][:3]
    board.forum.miscounted[short.id] = 1
    board.closed = lambda request: request.target.endswith(f"topic={closed.id}.0")
    wall = board.forum.boards[4]

    def refuse(target: str) -> Response | None:
        if target.endswith(f"topic={broken.id}.10"):
            return Response(b"<h1>Internal Server Error</h1>", status=500)
        if target.endswith(f"board={wall.id}.0"):
            return Response(b"<html><title>Just a moment...</title><body></body></html>")
        return None

    crawled = crawl(tmp_path, instead(refuse), board.part(), start=START, code=3)
    assert crawled.coverage["verdict"] == "gaps"
    gone = {name.removeprefix("?") for name in withheld(crawled)}
    assert gone == {
        f"topic={broken.id}.10",
        f"topic={closed.id}.0",
        f"board={wall.id}.0",
        f"topic {broken.id}",
        f"topic {closed.id}",
        f"topic {short.id}",
        "board 2",
        f"board {wall.id}",
    }
    found = differing(crawled)
    assert found[f"topic {short.id}"] == (len(short.posts) + 1, len(short.posts))
    assert found[f"topic {broken.id}"] == (len(broken.posts), len(broken.posts) - board.forum.posts)
    assert found[f"board {wall.id}"] == (len(wall.topics), 0)
    assert [gap for gap in crawled.coverage["gaps"] if "maintenance" in gap["reason"]]


def test_what_changes_during_the_crawl_is_no_gap(tmp_path: Path) -> None:
    """Two topics get answers after they were read, one of them so many that a page begins; of a third a post
    goes when one of its pages was read, and what follows moves up; a topic is moved.
    """
    board = Smf(forum_model.seed(0.4), "2.0")
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
        for topic, start in ((full, len(full.posts) - 10), (brief, 0), (pruned, 10), (moved, 0)):
            if topic.id not in changed and request.target.endswith(f"topic={topic.id}.{start}"):
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
