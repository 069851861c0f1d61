"""A real forum, FlaskBB: complete and proven so, at the price agreed; nothing touched, nothing private."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler.software.flaskbb import FlaskBB as Software
from tests.journeys import mirrored
from tests.journeys.jukni import Jukni, mirror, wait_until
from tests.sites import wsgi
from tests.sites.flaskbb import FlaskBB, flaskbb
from tests.software.walker import get

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.xdist_group("flaskbb")]

WANTED = re.compile(
    r"/(?:robots\.txt|static/.*|(?:category|forum|topic)/\d+-[^/?]+(?:\?page=(?:[2-9]|\d\d))?)?"
)
PER_USEFUL = 1.3


@pytest.fixture(scope="module")
def forum(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskBB]:
    """A FlaskBB: look, do not change."""
    try:
        with flaskbb(tmp_path_factory.mktemp("flaskbb")) as running:
            yield running
    except wsgi.Unavailable as missing:
        pytest.skip(str(missing))


def test_a_forum_comes_out_complete(forum: FlaskBB, tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    before = len(forum.requests())
    jukni.run(*mirror(f"{forum.url}/", concurrency=4))
    asked = forum.requests()[before:]
    snapshot = mirrored.sealed(jukni.archive)
    said = mirrored.coverage(snapshot)
    items = {entry["kind"]: entry for entry in said["items"]}

    assert (said["verdict"], said["gaps"]) == ("complete", [])
    posts = [post for topic in forum.public() for post in topic.visible()]
    assert items["post"]["captured"] == len(posts)
    assert items["topic"]["captured"] == len(forum.public())
    assert items["topic"]["captured"] + items["topic-page"]["captured"] == len(forum.pages())
    assert (items["board"]["captured"], items["board"]["denied"]) == (4, 0)
    assert said["counters"]["differ"] == []
    assert said["counters"]["checked"] > 2 * len(forum.public())

    bodies = b"\n".join(mirrored.bodies(snapshot))
    assert [post.marker for post in posts if post.marker.encode() not in bodies] == []
    assert len(forum.hidden_markers()) == 6
    assert [marker for marker in forum.hidden_markers() if marker.encode() in bodies] == []

    assert {request.method for request in asked} == {"GET"}
    assert [request.target for request in asked if not WANTED.fullmatch(request.target)] == []
    assert [request.target for request in asked if request.status != 200] == ["/robots.txt"]
    assert said["useful"] == len(forum.pages())
    assert said["requests"] == len(asked)
    assert len(asked) / len(forum.pages()) <= PER_USEFUL


def test_two_fetches_of_a_page_are_the_same_but_for_volatile_spots(forum: FlaskBB) -> None:
    for path in ("/", "/forum/4-annonces", "/category/1-le-forum", *forum.topics[0].pages()):
        one, other = get(forum.url + path).body, get(forum.url + path).body
        assert one != other, path  # the token, or how often it was looked at
        for pattern in Software.volatile:
            one, other = pattern.sub(b"", one), pattern.sub(b"", other)
        assert one == other, path
        assert b"/topic/" in one or b"/forum/" in one


def test_what_is_not_there(forum: FlaskBB) -> None:
    module = Software(f"{forum.url}/")
    for path, status in (("/topic/9999-x", 200), ("/forum/9999-x", 200), ("/forum/3-equipe", 403)):
        page = get(forum.url + path)
        assert (page.status, status == 403 or module.accept(page).verdict) == (
            status,
            status == 403 or "missing",
        )


def test_what_is_withheld_is_named_and_what_comes_meanwhile_is_taken(forum: FlaskBB, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    jukni = Jukni(tmp_path)
    with forum.copied(tmp_path / "site") as copy:
        copy.execute("DELETE FROM topics WHERE id > 12 OR title LIKE 'Quinze%'")
        copy.execute("DELETE FROM posts WHERE topic_id NOT IN (SELECT id FROM topics)")
        copy.execute(
            "UPDATE forums SET topic_count ="
            " (SELECT count(*) FROM topics WHERE forum_id = forums.id AND NOT hidden)"
        )
        more, gone = copy.topic("Exactement une page"), copy.topic("Petite annonce 1")
        last = copy.topic("Petite annonce 4")
        copy.execute("UPDATE topics SET post_count = 12 WHERE id = ?", more.id)
        copy.execute("UPDATE posts SET hidden = 1 WHERE topic_id = ?", gone.id)  # its page answers 404 then
        running = jukni.start(*mirror(f"{copy.url}/"))
        assert wait_until(lambda: last.path in {one.target for one in copy.requests()}, running)
        copy.execute("UPDATE posts SET content = 'markwritten' WHERE topic_id = ?", last.id)
        copy.execute(
            "INSERT INTO posts (topic_id, user_id, username, content, date_created, hidden)"
            " SELECT topic_id, user_id, username, 'markanswer', date_created, 0 FROM posts"
            " WHERE topic_id = ?",
            last.id,
        )
        copy.execute("UPDATE topics SET post_count = 2 WHERE id = ?", last.id)
        ended = running.wait()
    assert ended.code == 3
    snapshot = mirrored.sealed(jukni.archive)
    said = mirrored.coverage(snapshot)
    assert said["verdict"] == "gaps"
    named = {(gap["kind"], gap["id"]) for gap in said["gaps"]}
    withheld = {("post", f"topic {more.id}"), ("topic", str(gone.id)), ("post", f"topic {gone.id}")}
    assert named == withheld | {("topic", "board 4")}  # it has one less than the index says
    assert b"markanswer" in b"\n".join(mirrored.bodies(snapshot))
