"""A vBulletin, as far as it is known, mirrored end to end while it puts session ids into its links."""

from __future__ import annotations

from pathlib import Path

from tests.journeys import mirrored
from tests.journeys.forums import crawl
from tests.sites import forum_model, parts
from tests.sites.vbulletin import TRAPS, vbulletin


def test_it_is_whole_and_said_to_be_experimental(tmp_path: Path) -> None:
    forum = forum_model.seed(0.2)
    crawled = crawl(tmp_path, parts.sessions(vbulletin(forum), "s"), start="/")
    bodies = b"\n".join(mirrored.bodies(crawled.snapshot)).decode("utf-8", "replace")
    assert [marker for marker in forum.markers() if marker not in bodies] == []
    assert [marker for marker in forum.secrets() if marker in bodies] == []
    asked = [request.target for request in crawled.requests]
    assert [
        target
        for target in asked
        if any(f"?{t}" in target or f"&{t}" in target or f"/{t}" in target for t in TRAPS)
    ] == []
    assert crawled.coverage["verdict"] == "complete"
    assert [one["experimental"] for one in crawled.coverage["software"]] == [True]
    assert crawled.item("post")["captured"] == sum(len(topic.posts) for topic in forum.public())
