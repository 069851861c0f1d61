"""A XenForo, as far as it is known, mirrored end to end: said to be experimental, and whole."""

from __future__ import annotations

from pathlib import Path

from tests.journeys import mirrored
from tests.journeys.forums import crawl
from tests.sites import forum_model
from tests.sites.xenforo import TRAPS, xenforo


def test_it_is_whole_and_said_to_be_experimental(tmp_path: Path) -> None:
    forum = forum_model.seed(0.2)
    crawled = crawl(tmp_path, xenforo(forum), start="/community/")
    bodies = b"\n".join(mirrored.bodies(crawled.snapshot)).decode("utf-8", "replace")
    assert [marker for marker in forum.markers() if marker not in bodies] == []
    assert [marker for marker in forum.secrets() if marker in bodies] == []
    asked = [request.target for request in crawled.requests]
    assert [target for target in asked if any(trap in target for trap in TRAPS)] == []
    assert crawled.coverage["verdict"] == "complete"
    assert [one["experimental"] for one in crawled.coverage["software"]] == [True]
    assert crawled.item("post")["captured"] == sum(len(topic.posts) for topic in forum.public())
