"""The Spirit forum is what the truth beside it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.journeys.jukni import wait_until
from tests.sites.spirit import COMMENTS_PER_PAGE, Forum
from tests.sites.wiki_host import fetch

pytestmark = pytest.mark.real


def text(url: str) -> str:
    status, _, body = fetch(url)
    assert status == 200, url
    return body.decode()


def markers(page: str) -> list[str]:
    return re.findall(r"mark[0-9a-f]{16}", page)


def test_every_page_of_every_topic_shows_its_comments_in_order(spirit: Forum) -> None:
    assert [len(spirit.topic("La forêt en été : ça brûle ?").pages())] == [3]
    assert len(spirit.pages()) >= 145
    for topic in [*spirit.public()[:8], spirit.public()[-1]]:
        for number, path in enumerate(topic.pages()):
            entries = topic.comments[number * COMMENTS_PER_PAGE :][:COMMENTS_PER_PAGE]
            wanted = [entry.marker for entry in entries if not entry.hidden and not entry.note]
            assert markers(text(spirit.url + path)) == wanted, path


def test_the_categories_list_the_topics(spirit: Forum) -> None:
    listed: set[str] = set()
    for category in spirit.categories:
        status, _, body = fetch(spirit.url + category.path)
        assert status == (404 if category.hidden else 200), category
        for page in ("", *(f"?page={number}" for number in range(2, 7))):
            shown = fetch(f"{spirit.url}{category.path}{page}")[2].decode()
            listed |= set(re.findall(r'href="(/topic/\d+/[^"/]*/)"', shown))
        assert category.hidden or category.title.replace("&", "&amp;") in body.decode()
    assert listed == {topic.path for topic in spirit.public()}
    assert sum(category.hidden for category in spirit.categories) == 2


def test_nothing_hidden_is_visible(spirit: Forum) -> None:
    # three posts and a file in private, two removed, two and two in hidden boards, one removed, one reworded
    assert len(spirit.hidden_markers()) == 12
    for topic in spirit.topics:
        if topic.hidden:
            status, _, body = fetch(spirit.url + topic.path)
            assert spirit.hidden_markers().isdisjoint(markers(body.decode())), status
    for path in ("/", spirit.topics[0].path):
        assert spirit.hidden_markers().isdisjoint(markers(text(f"{spirit.url}{path}")))
    reworded = next(c for c in spirit.topics[0].comments if c.first)
    assert "/user/login/" in text(f"{spirit.url}/comment/history/{reworded.id}/")


def test_pictures_and_files_in_comments_are_served(spirit: Forum) -> None:
    page = text(spirit.url + spirit.topics[0].path)
    picture = re.search(r'<img src="(/media/carte[^"]*)"', page)
    assert picture is not None
    assert fetch(spirit.url + picture[1].replace("&#x27;", "'").replace("&#39;", "'"))[2] == spirit.picture
    assert len(spirit.files()) == 2
    for path, marker in spirit.files().items():
        assert marker.encode() in fetch(spirit.url + path)[2]


def test_a_copy_may_be_changed_and_keeps_its_own_log(spirit: Forum, tmp_path: Path) -> None:
    topic = spirit.topic("Question sans réponse")
    with spirit.copied(tmp_path) as copy:
        before = len(spirit.requests())
        copy.answer(topic, "markcopy")
        assert "markcopy" in text(copy.url + topic.path)
        assert wait_until(lambda: topic.path in {request.target for request in copy.requests()})
        assert len(spirit.requests()) == before
    assert "markcopy" not in text(spirit.url + topic.path)
