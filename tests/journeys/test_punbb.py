"""A PunBB mirrored end to end, its addresses made for search engines: whole, cheap and proven."""

from __future__ import annotations

import re
from pathlib import Path

from tests.journeys.forums import crawl, differing, instead, prove_whole, withheld
from tests.sites import forum_model
from tests.sites.punbb import TRAPS, message, punbb
from tests.sites.static import Response


def test_it_is_whole_and_cheap(tmp_path: Path) -> None:
    forum = forum_model.seed()
    crawled = crawl(tmp_path, punbb(forum, "file-fancy"), start="/")
    prove_whole(crawled, forum, TRAPS)
    assert [one["name"] for one in crawled.coverage["software"]] == ["punbb"]


def test_what_is_withheld_is_named(tmp_path: Path) -> None:
    forum = forum_model.seed(0.4)
    closed, topic = forum.boards[3 + 1], next(topic for topic in forum.public() if len(topic.posts) > 20)

    def refuse(target: str) -> Response | None:
        if target.startswith(f"/forum/{closed.id}/"):
            return Response(f"<html>{message('Le forum est en maintenance.')}</html>".encode())
        if target.startswith(f"/topic/{topic.id}/") and target.endswith("/page/2/"):
            return Response(b"", status=500)
        return None

    crawled = crawl(tmp_path, instead(refuse), punbb(forum, "folder-fancy"), start="/", code=3)
    assert crawled.coverage["verdict"] == "gaps"
    named = {name.rstrip("/") for name in withheld(crawled)}
    assert {re.sub(r"(?<=\d/)[^/]+", "…", name, count=1) for name in named} == {
        f"forum/{closed.id}/…",
        f"board {closed.id}",
        f"topic/{topic.id}/…/page/2",
        f"topic {topic.id}",
    }
    assert differing(crawled)[f"board {closed.id}"] == (len(closed.topics), 0)
