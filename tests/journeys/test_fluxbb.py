"""A FluxBB mirrored end to end: whole, cheap and proven; and what is withheld is named."""

from __future__ import annotations

from pathlib import Path

from tests.journeys.forums import crawl, differing, instead, prove_whole, withheld
from tests.sites import forum_model
from tests.sites.fluxbb import TRAPS, fluxbb, message
from tests.sites.static import Response


def test_it_is_whole_and_cheap(tmp_path: Path) -> None:
    forum = forum_model.seed()
    crawled = crawl(tmp_path, fluxbb(forum), start="/forum/")
    prove_whole(crawled, forum, TRAPS)
    assert [one["name"] for one in crawled.coverage["software"]] == ["fluxbb"]


def test_what_is_withheld_is_named(tmp_path: Path) -> None:
    forum = forum_model.seed(0.4)
    broken, banned, short = [topic for topic in forum.public() if len(topic.posts) > 20][:3]
    forum.miscounted[short.id] = 1

    def refuse(target: str) -> Response | None:
        if target.endswith(f"viewtopic.php?id={broken.id}&p=2"):
            return Response(b"<h1>Internal Server Error</h1>", status=500)
        if target.endswith(f"viewtopic.php?id={banned.id}"):
            return Response(f"<html>{message('Vous êtes banni de ce forum.')}</html>".encode())
        return None

    crawled = crawl(tmp_path, instead(refuse), fluxbb(forum), start="/forum/", code=3)
    assert crawled.coverage["verdict"] == "gaps"
    assert withheld(crawled) == {
        f"viewtopic.php?id={broken.id}&p=2",
        f"viewtopic.php?id={banned.id}",
        f"topic {broken.id}",
        f"topic {banned.id}",
        f"topic {short.id}",
        "board 2",
    }
    found = differing(crawled)
    assert found[f"topic {short.id}"] == (len(short.posts) + 1, len(short.posts))
    assert found[f"topic {broken.id}"] == (len(broken.posts), len(broken.posts) - forum.posts)
    assert [gap for gap in crawled.coverage["gaps"] if "banni" in gap["reason"]]
