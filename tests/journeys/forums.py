"""A made-up forum mirrored by the program, and what must hold of the archive and of the server's log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.snapshot import Snapshot
from tests.journeys import mirrored
from tests.journeys.jukni import Ended, Jukni
from tests.sites.forum_model import Forum
from tests.sites.static import Part, Request, Response, Site

MOST = 1.3
"""Requests for each page of posts or attachment."""


@dataclass(frozen=True)
class Crawled:
    """requests: what the server saw, in order; url: of the forum, its end a slash."""

    ended: Ended
    snapshot: Snapshot
    coverage: dict[str, Any]
    requests: list[Request]
    url: str

    def item(self, kind: str) -> dict[str, Any]:
        """How the items of a kind stand, from coverage.json."""
        (found,) = [one for one in self.coverage["items"] if one["kind"] == kind]
        assert isinstance(found, dict)
        return found


def crawl(folder: Path, *parts: Part, start: str, code: int = 0, more: str = "") -> Crawled:
    """Crawl what the parts serve, from `start` (a path) on, and be sure of the exit code.

    more: lines of the site's configuration.
    """
    jukni = Jukni(folder)
    with Site(*parts) as site:
        jukni.configure(
            f'[archive]\npath = "{jukni.archive}"\n[site.forum]\nurl = "{site.url}{start}"\n'
            f"delay = 0.0\nconcurrency = 4\nattempts = 2\nretry_wait = 0.05\n{more}"
        )
        ended = jukni.run("crawl", "forum", code=code)
        snapshot = mirrored.sealed(jukni.archive)
        return Crawled(ended, snapshot, mirrored.coverage(snapshot), list(site.requests), site.url + start)


def prove_whole(crawled: Crawled, forum: Forum, traps: tuple[str, ...]) -> None:
    """All that is public and nothing else, no trap, no POST, few requests, and a verdict that says so."""
    bodies = b"\n".join(mirrored.bodies(crawled.snapshot)).decode("utf-8", "replace")
    assert len(forum.markers()) > 1_000 and forum.secrets()
    assert [marker for marker in forum.markers() if marker not in bodies] == []
    assert [marker for marker in forum.secrets() if marker in bodies] == []
    asked = [request.target for request in crawled.requests]
    assert [target for target in asked if any(trap in target for trap in traps)] == []
    assert {request.method for request in crawled.requests} == {"GET"}
    useful = forum.pages() + len(forum.files())
    assert useful > 150
    assert len(asked) <= MOST * useful, f"{len(asked)} requests for {useful} pages of posts and files"
    pages = [target for target, _ in mirrored.statuses(crawled.snapshot).items()]
    assert len(set(pages)) == len(pages)
    assert (crawled.coverage["verdict"], crawled.coverage["gaps"]) == ("complete", [])
    assert crawled.coverage["counters"]["differ"] == []
    assert crawled.coverage["counters"]["agree"] > len([*forum.public()])
    assert crawled.item("post")["captured"] == sum(len(topic.posts) for topic in forum.public())
    assert crawled.item("attachment")["captured"] == len(forum.files())
    mirrored.proved(crawled.snapshot)


def withheld(crawled: Crawled) -> set[str]:
    """Every address and every group that the verdict calls missing; addresses without the forum's."""
    gaps = crawled.coverage["gaps"]
    urls = {gap["url"].removeprefix(crawled.url) for gap in gaps if gap["url"]}
    return urls | {gap["id"] for gap in gaps if not gap["url"]}


def differing(crawled: Crawled) -> dict[str, tuple[int, int]]:
    """Group → what was published and what was found, of the numbers that do not agree."""
    return {one["group"]: (one["published"], one["found"]) for one in crawled.coverage["counters"]["differ"]}


def instead(answers: Callable[[str], Response | None]) -> Part:
    """A part that answers some targets for ever instead of the forum."""
    return lambda request: answers(request.target)
