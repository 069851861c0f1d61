"""The Spirit forum is what the truth beside it says."""

from __future__ import annotations

import re

import pytest

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
    for topic in spirit.public():
        wanted = [comment.marker for comment in topic.comments]
        for number, path in enumerate(topic.pages()):
            first = number * COMMENTS_PER_PAGE
            assert markers(text(spirit.url + path)) == wanted[first : first + COMMENTS_PER_PAGE], path


def test_the_categories_list_the_topics(spirit: Forum) -> None:
    listed: set[str] = set()
    more = {"Annonces": ["", "?page=2"]}
    for path, title in spirit.categories:
        for page in more.get(title, [""]):
            shown = text(f"{spirit.url}{path}{page}")
            assert title.replace("&", "&amp;") in shown
            listed |= set(re.findall(r'href="(/topic/\d+/[^"/]*/)"', shown))
    assert listed == {topic.path for topic in spirit.public()}


def test_nothing_hidden_is_visible(spirit: Forum) -> None:
    assert len(spirit.hidden_markers()) == 5
    for topic in spirit.topics:
        if topic.hidden:
            status, _, body = fetch(spirit.url + topic.path)
            assert spirit.hidden_markers().isdisjoint(markers(body.decode())), status
    assert spirit.hidden_markers().isdisjoint(markers(text(f"{spirit.url}/")))


def test_a_picture_in_a_comment_is_served(spirit: Forum) -> None:
    page = text(spirit.url + spirit.topics[0].path)
    picture = re.search(r'<img src="(/media/[^"]*)"', page)
    assert picture is not None
    assert fetch(spirit.url + picture[1].replace("&#x27;", "'").replace("&#39;", "'"))[2] == spirit.picture
