"""FlaskBB: its addresses, and pages as 2.0.2 serves them and as later ones do."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crawler.software import Count, Item, Page
from crawler.software.flaskbb import FlaskBB
from crawler.software.items import Post
from tests.software.walker import Walked

BASE = "http://f.example/forum/"
AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def html(text: str, url: str = BASE) -> Page:
    head = '<div class="flaskbb-layout"><div class="navbar"><a href=/forum/memberlist>Memberlist</a></div>'
    return Page(url, 200, "text/html", f"<html><body>{head}{text}</div></body></html>".encode(), AT)


@pytest.mark.parametrize(
    ("url", "kind", "id", "usual"),
    [
        ("", "index", "", ""),
        ("category/1-le-forum", "category", "1", ""),
        ("forum/3-general", "board", "3", ""),
        ("forum/3-general?page=2", "board-page", "3 page 2", ""),
        ("topic/45-ete-foret-:-ca-brule", "topic", "45", ""),
        ("topic/45-ete?page=1", "topic", "45", "topic/45-ete"),
        ("topic/45-ete?page=12", "topic-page", "45 page 12", ""),
    ],
)
def test_what_is_kept(url: str, kind: str, id: str, usual: str) -> None:
    found = FlaskBB(BASE).classify(BASE + url)
    assert found is not None
    assert (found.keep, found.kind, found.id, found.item) == (True, kind, id, bool(id))
    assert found.url == (BASE + usual if usual else "")


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("topic/45", "short"),
        ("topic/45?page=2", "short"),
        ("forum/3", "short"),
        ("post/7", "post"),
        ("user/Zo%C3%A9", "members"),
        ("memberlist", "members"),
        ("memberlist?sort_by=post_count", "members"),
        ("who-is-online", "members"),
        ("search", "search"),
        ("topic/45-ete?page=0", "other"),
        ("topic/45-ete?page=2&sort_by=x", "other"),
        ("forum/3-general/topic/new", "other"),
        ("topictracker", "other"),
        ("?page=2", "other"),
    ],
)
def test_what_is_left(url: str, rule: str) -> None:
    found = FlaskBB(BASE).classify(BASE + url)
    assert found is not None
    assert (found.keep, found.rule) == (False, f"flaskbb:{rule}")
    assert found.reason


def test_what_is_none_of_its_business() -> None:
    for url in ("static/css/styles.css", "portal", "topics/5-x", "forums"):
        assert FlaskBB(BASE).classify(BASE + url) is None


def test_it_is_where_its_list_of_members_lies() -> None:
    found = FlaskBB.detect(html("", f"{BASE}topic/45-ete"))
    assert found is not None and found.base == BASE
    assert FlaskBB.detect(html("", "http://f.example/blog/")) is None
    other = html("")
    assert FlaskBB.detect(Page(BASE, 200, "text/html", other.body.replace(b"flaskbb-", b"x-"), AT)) is None


INDEX = """
<div class="index-view">
<div class="row category-row">
<div class="forum-info"><div class="forum-name"><a href="/forum/forum/3-general">Général</a>
</div><div class="forum-description"><a href="/forum/forum/9-x">x</a></div></div>
<div class="forum-topics">12</div><div class="forum-posts">345</div>
<div class="forum-last-post"><div class="last-post-title"><a href="/forum/post/7">Été</a></div></div></div>
<div class="row category-row">
<div class="forum-info"><div class="forum-name"><span class="forum-link">Link to</span>
<a href="https://elsewhere.example/">Ailleurs</a></div></div><div class="forum-posts">-</div>
<div class="forum-topics">-</div></div>
<p class="flaskbb-stats">users: <strong>3</strong></p><p class="flaskbb-stats">topics: <strong>20</strong></p>
<p class="flaskbb-stats">posts: <strong>400</strong></p>
<p class="flaskbb-stats">online: <strong>1</strong></p></div>
"""


def test_the_index_tells_boards_and_totals() -> None:
    found = list(FlaskBB(BASE).read(html(INDEX), Walked()))
    assert [item for item in found if isinstance(item, Item)] == [
        Item("board", "3", "index", f"{BASE}forum/3-general", as_page=True)
    ]
    assert [count for count in found if isinstance(count, Count)] == [
        Count("topic", 20, "index", bound="at most"),
        Count("post", 400, "index", bound="at most"),
        Count("topic", 12, "index", "board 3"),
    ]
    category = list(FlaskBB(BASE).read(html(INDEX, f"{BASE}category/1-le-forum"), Walked()))
    assert Count("topic", 12, "category", "board 3") in category
    assert not [count for count in category if isinstance(count, Count) and not count.group]


BOARD = """
<div class="forum-view"><ul class="pagination">
<li><a href="#">Pages:</a></li><li class="active"><a href="#">1</a></li>
<li><a href="/forum/forum/3-general?page=2">2</a></li>
<li><a href="/forum/forum/3-general?page=5">5</a></li></ul>
<div class="row forum-row">
<div class="topic-info"><div class="topic-name"><a href="/forum/topic/45-ete">Été</a>
<span class="topic-pages">[<a href="/forum/topic/45?page=1">1</a>
<a href="/forum/topic/45?page=3">3</a>]</span></div></div>
<div class="topic-stats">23</div><div class="topic-stats">99</div>
<div class="topic-last-post"><a href="/forum/post/7">il y a 2 jours</a><br /></div></div></div>
"""


def test_a_board_tells_topics_their_posts_and_its_other_pages() -> None:
    found = list(FlaskBB(BASE).read(html(BOARD, f"{BASE}forum/3-general"), Walked()))
    assert Item("topic", "45", "board", f"{BASE}topic/45-ete", "board 3", as_page=True) in found
    assert Count("post", 23, "board", "topic 45") in found
    pages = [item.url for item in found if isinstance(item, Item) and item.kind == "board-page"]
    assert pages == [f"{BASE}forum/3-general?page={number}" for number in (2, 3, 4, 5)]


def topic(date: str, number: str = '<div class="pull-right"><strong>#21</strong></div>') -> Page:
    text = f"""
<div class="topic-view"><div class="topic-head"><a href="/forum/topic/45-ete">Été &amp; forêt</a></div>
<div id="7" class="row post-row">
<div class="author-name"><h4><a href="/forum/user/Zo%C3%A9">Zoé</a></h4></div>
<div class="post-meta"><div class="pull-left">{date}</div>{number}</div>
<div class="post-content" id="pid7"><p>Bonjour</p><div class="post-signature"><hr>Zoé</div></div></div></div>
"""
    return html(text, f"{BASE}topic/45-ete?page=3")


@pytest.mark.parametrize(
    ("date", "read"),
    [
        ('<a href="/forum/post/7">01 April 2021 - 14:02</a>', "2021-04-01T14:02:00"),
        (
            '<a href="/forum/post/7"><time datetime="2021-04-01T14:02:05+00:00">April 1</time></a>',
            "2021-04-01T14:02:05+00:00",
        ),
    ],
)
def test_posts_are_taken_out(date: str, read: str) -> None:
    page = topic(date)
    found = list(FlaskBB(BASE).read(page, Walked()))
    assert Item("post", "7", "topic", group="topic 45", state="captured") in found
    assert Count("post", 21, "topic", "topic 45") in found
    assert list(FlaskBB(BASE).extract(page)) == [
        Post("7", "45", 21, "Zoé", read, "<p>Bonjour</p>", "Été & forêt")
    ]


def test_what_an_answer_is() -> None:
    module = FlaskBB(BASE)
    assert module.accept(html(INDEX)).verdict == "ok"
    assert module.accept(topic("")).verdict == "ok"
    assert module.accept(html(BOARD, f"{BASE}forum/3-general")).verdict == "ok"
    assert module.accept(html(INDEX, f"{BASE}topic/45-ete")).verdict == "challenge"
    gone = "<title>None Unknown Error</title>\n<h1>Unknown Error</h1>\n<p>Could not load topic data</p>"
    page = Page(f"{BASE}topic/45-ete", 200, "text/html", gone.encode(), AT)
    assert module.accept(page).verdict == "missing"
