"""A real forum, Spirit: the generic spider comes to an end on it, takes every post, and touches nothing."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.journeys import mirrored
from tests.journeys.jukni import Jukni, mirror
from tests.sites.spirit import Forum

pytestmark = [pytest.mark.real, pytest.mark.slow]

# First words of a path, or words anywhere in it, that log in, write, vote, report, mark or search.
FORBIDDEN = (
    *("login", "logout", "register", "password-reset", "publish", "update", "edit", "delete", "undelete"),
    *("like", "flag", "report", "bookmark", "notification", "unsubscribe", "favorite", "move", "moderate"),
    *("close", "open", "pin", "unpin", "vote", "search", "admin", "mark", "upload", "find"),
)


def test_a_forum_is_captured_whole_and_left_alone(spirit: Forum, tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    jukni.run(*mirror(f"{spirit.url}/", concurrency=4))
    snapshot = mirrored.sealed(jukni.archive)
    bodies = b"\n".join(mirrored.bodies(snapshot))
    posts = [comment.marker for topic in spirit.public() for comment in topic.comments]
    assert len(posts) > 20
    assert [marker for marker in posts if marker.encode() not in bodies] == []
    assert spirit.hidden_markers()
    assert [marker for marker in spirit.hidden_markers() if marker.encode() in bodies] == []
    asked = {line.url for line in mirrored.lines(snapshot) if line.url.startswith(spirit.url)}
    words = {url: urlsplit(url).path.strip("/").split("/") for url in asked if "/static/" not in url}
    assert [url for url, parts in words.items() if set(parts) & set(FORBIDDEN)] == []
    pages = [line for line in mirrored.lines(snapshot) if line.mime == "text/html" and line.status == 200]
    assert len({line.url for line in pages}) == len(pages)
    mirrored.proved(snapshot)
