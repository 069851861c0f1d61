"""A MyBB mirrored end to end: whole, cheap and proven; and what is withheld is named."""

from __future__ import annotations

from pathlib import Path

from tests.journeys import mirrored
from tests.journeys.forums import crawl, differing, instead, prove_whole, withheld
from tests.sites import forum_model
from tests.sites.forum_model import Topic
from tests.sites.mybb import TRAPS, mybb, says
from tests.sites.static import Request, Response


def test_it_is_whole_and_cheap(tmp_path: Path) -> None:
    forum = forum_model.seed()
    crawled = crawl(tmp_path, mybb(forum, base="/forum/"), start="/forum/")
    prove_whole(crawled, forum, TRAPS)
    assert [one["name"] for one in crawled.coverage["software"]] == ["mybb"]
    assert crawled.item("board")["denied"] == 1


def test_what_is_withheld_is_named(tmp_path: Path) -> None:
    forum = forum_model.seed(0.4)
    closed, short = [topic for topic in forum.public() if len(topic.posts) > 20][:2]
    forum.miscounted[short.id] = 1
    lost = forum.files()[0]

    def refuse(target: str) -> Response | None:
        text = "The bulletin board is currently closed."
        if target == f"/showthread.php?tid={closed.id}&page=3":
            return Response(f'<html><div id="content">{says(text)}</div></html>'.encode())
        if target == f"/attachment.php?aid={lost.id}":
            return Response(b"", status=404)
        return None

    crawled = crawl(tmp_path, instead(refuse), mybb(forum), start="/", code=3)
    assert crawled.coverage["verdict"] == "gaps"
    assert withheld(crawled) == {
        f"showthread.php?tid={closed.id}&page=3",
        f"topic {closed.id}",
        f"topic {short.id}",
        f"attachment.php?aid={lost.id}",
    }
    assert differing(crawled)[f"topic {short.id}"] == (len(short.posts) + 1, len(short.posts))
    assert [gap for gap in crawled.coverage["gaps"] if "currently closed" in gap["reason"]]


def test_what_is_written_meanwhile_is_there(tmp_path: Path) -> None:
    """Answers to topics that were taken already, a new topic and a deleted one, while the crawl runs."""
    forum = forum_model.seed(0.4)
    forum.topics = 4
    part, seen = mybb(forum), 0
    board, doomed = forum.boards[0], forum.boards[0].topics[-1]
    long = [topic for topic in forum.public() if len(topic.posts) > 40][1]
    short = [topic for topic in forum.public() if len(topic.posts) < 8][3]

    def written(request: Request) -> Response | None:
        nonlocal seen
        seen += 1
        if request.target == f"/showthread.php?tid={doomed.id}" and doomed in board.topics:
            board.topics.remove(doomed)
        if seen == 100:
            forum.reply(long, 13)
            forum.reply(short)
            fresh = Topic(4_999, "Nouveau & frais", [])
            forum.boards[1].topics.insert(1, fresh)
            forum.reply(fresh, 11)
        return part(request)

    crawled = crawl(tmp_path, written, start="/")
    bodies = b"\n".join(mirrored.bodies(crawled.snapshot)).decode("utf-8", "replace")
    assert seen > 100 and doomed not in board.topics
    assert [marker for marker in forum.markers() if marker not in bodies] == []
    assert (crawled.coverage["verdict"], crawled.coverage["counters"]["differ"]) == ("complete", [])
