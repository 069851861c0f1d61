"""Misago: its addresses, and pages recorded from 0.39.6 (on PostgreSQL, which the tests do not start)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crawler.software import Ask, Count, Heard, Item, Page
from crawler.software.items import Attachment, Post
from crawler.software.misago import Misago
from tests.software.walker import Known, Walked

BASE = "http://f.example/forum/"
AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def html(text: str, url: str = BASE, head: str = "") -> Page:
    body = (
        f'<html><head>{head}</head><body class="misago-anonymous"><div id="misago-container"><nav>'
        '<div class="navbar-branding"><a href="/forum/" class="navbar-branding-text">Misago</a></div></nav>'
        f'<div id="page-mount">{text}</div><a href="http://misago-project.org" class="misago-branding">m</a>'
        "</div></body></html>"
    )
    return Page(url, 200, "text/html", body.encode(), AT)


@pytest.mark.parametrize(
    ("url", "kind", "id", "usual"),
    [
        ("", "index", "front", ""),
        ("?start=88", "index-page", "front page 88", ""),
        ("?start=0", "index", "front", ""),
        ("categories/", "index", "categories", "categories/"),
        ("c/jardin-foret/4/", "board", "4", "c/jardin-foret/4/"),
        ("c/jardin-foret/4/?start=62", "board-page", "4 page 62", "c/jardin-foret/4/?start=62"),
        ("t/ete-foret/45/", "topic", "45", "t/ete-foret/45/"),
        ("t/ete-foret/45/1/", "topic", "45", "t/ete-foret/45/"),
        ("t/ete-foret/45/12/", "topic-page", "45 page 12", "t/ete-foret/45/12/"),
        ("t/ete-foret/45/?x=1", "topic", "45", "t/ete-foret/45/"),
        ("a/q7OVkS6AXktY/3/", "attachment", "3", "a/q7OVkS6AXktY/3/"),
        ("a/q7OVkS6AXktY/3/?shva=1", "attachment", "3", "a/q7OVkS6AXktY/3/"),
    ],
)
def test_what_is_kept(url: str, kind: str, id: str, usual: str) -> None:
    found = Misago(BASE).classify(BASE + url)
    assert found is not None
    assert (found.keep, found.item, found.kind, found.id) == (True, True, kind, id)
    assert (found.url or BASE + url) == BASE + (usual or url.removesuffix("?start=0"))


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("?page=88", "other"),  # the pager without JavaScript: the first list again
        ("c/jardin-foret/4/?page=62", "other"),
        ("t/ete-foret/45/post/7/", "post"),
        ("t/ete-foret/45/last/", "post"),
        ("t/ete-foret/45/new/", "post"),
        ("u/zoe/1/", "members"),
        ("users/active-posters/", "members"),
        ("c/jardin-foret/4/unread/", "mine"),
        ("watched/", "mine"),
        ("private-threads/", "mine"),
        ("api/threads/", "api"),
        ("a/thumb/q7OVkS6AXktY/3/", "other"),
        ("search/?q=x", "other"),
    ],
)
def test_what_is_left(url: str, rule: str) -> None:
    found = Misago(BASE).classify(BASE + url)
    assert found is not None
    assert (found.keep, found.rule) == (False, f"misago:{rule}")


def test_what_is_none_of_its_business() -> None:
    for url in (
        "static/misago/css/misago.css",
        "media/avatars/a.png",
        "terms-of-service",
        "django-i18n.js?l=fr",
    ):
        assert Misago(BASE).classify(BASE + url) is None


def test_it_is_where_its_name_leads() -> None:
    found = Misago.detect(html("", f"{BASE}t/ete/45/"))
    assert found is not None and (found.name, found.base) == ("misago", BASE)
    assert Misago.detect(html("", "http://f.example/blog/")) is None


def row(id: int, label: str = "", replies: str = "23 replies", shown: str = "23") -> str:
    return f"""
<li id="threads-item-{id}" class="list-group-item threads-list-item" itemprop="itemListElement">
<a href="/forum/u/zoe/1/" class="threads-list-item-starter"></a>
<div class="threads-list-item-col-title">
<a href="/forum/t/ete/{id}/" class="threads-list-item-title">Été</a></div>
{label}<span class="threads-replies" title="{replies}"><span class="material-icon">chat</span>{shown}</span>
<a href="/forum/t/ete/{id}/last/" class="threads-list-item-last-activity">Nov. 22, 2026</a>
<meta itemprop="url" content="http://before.example/t/ete/{id}/"></li>"""


def label(id: int) -> str:
    return f'<a href="/forum/c/x/{id}/" class="threads-list-item-category threads-list-category-label">X</a>'


NEXT = '<link rel="canonical" href="/forum/" /><link rel="next" href="/forum/?start=88" />'
PAGER = '<noscript><ul class="pager"><li><a href="/forum/?page=88" rel="next">n</a></li></ul></noscript>'


def threads(*rows: str) -> str:
    return f'<div class="page page-threads"><div class="threads-list">{"".join(rows)}</div>{PAGER}</div>'


def test_a_list_tells_threads_where_they_are_and_how_it_goes_on() -> None:
    long = row(6, replies="1,234 replies", shown="1.2k")
    page = html(threads(row(5, label(4) + label(7)), long), head=NEXT)
    found = list(Misago(BASE).read(page, Walked()))
    assert Heard("topic", "index") in found
    assert Item("topic", "5", "index", f"{BASE}t/ete/5/", "board 7", as_page=True) in found
    assert Count("post", 24, "index", "topic 5") in found
    assert Count("post", 1235, "index", "topic 6") in found
    boards = [(one.id, one.url) for one in found if isinstance(one, Item) and one.kind == "board"]
    assert boards == [("4", f"{BASE}c/x/4/"), ("7", f"{BASE}c/x/7/")]
    after = [one.url for one in found if isinstance(one, Item) and one.kind == "index-page"]
    assert after == [f"{BASE}?start=88"]
    assert [one.url for one in found if isinstance(one, Ask)] == [f"{BASE}categories/"]
    board = list(Misago(BASE).read(html(threads(row(5)), f"{BASE}c/x/4/"), Walked()))
    assert Item("topic", "5", "board", f"{BASE}t/ete/5/", "board 4", as_page=True) in board


def test_a_thread_that_grew_is_read_again_from_its_last_page() -> None:
    known = Walked()
    known.items["topic", "5"] = Known("captured")
    known.items["topic-page", "5 page 2"] = Known("captured", group="topic 5")
    for id in range(24):
        known.items["post", str(id)] = Known("captured", group="topic 5")
    same = list(Misago(BASE).read(html(threads(row(5)), f"{BASE}c/x/4/"), known))
    grown = list(Misago(BASE).read(html(threads(row(5, replies="24 replies")), f"{BASE}c/x/4/"), known))
    assert [one for one in same if isinstance(one, Ask)] == []
    assert [one for one in grown if isinstance(one, Ask)] == [Ask(f"{BASE}t/ete/5/2/", "page", again=True)]


def category(id: int, threads: int) -> str:
    return f"""<li class="list-group-item"><div class="category-main"><h4 class="media-heading">
<a href="/forum/c/x/{id}/">X</a></h4></div><ul class="list-unstyled category-stats">
<li class="category-stat-threads">{threads} threads</li><li class="category-stat-posts">99 posts</li></ul>
<a class="thread-title" href="/forum/t/ete/5/new/">Été</a></li>"""


def test_categories_tell_their_threads_and_those_above_others_tell_theirs_too() -> None:
    one = f'<ul class="list-group list-group-category">{category(3, 31)}</ul>'
    two = f'<ul class="list-group list-group-category">{category(4, 32)}{category(5, 30)}</ul>'
    page = html(f'<div class="page page-categories">{one}{two}</div>', f"{BASE}categories/")
    found = list(Misago(BASE).read(page, Walked()))
    assert [one for one in found if isinstance(one, Count)] == [
        Count("topic", 31, "index", "board 3"),
        Count("topic", 32, "index", "board 4", "at most"),
        Count("topic", 30, "index", "board 5"),
    ]
    assert Heard("topic", "index") not in found  # it names none


POST = """
<li id="post-7" class="post   " itemtype="http://schema.org/DiscussionForumPosting">
<a class="item-title" href="/forum/u/zoe/1/"><span itemprop="author">Zoé</span></a>
<span class="user-postcount"> 12 posts </span><time itemprop="datePublished"
 datetime="2026-11-22T17:52:23.107043+00:00">Nov. 22, 2026, 5:52 p.m.</time>
<div class="post-body" itemprop="articleBody"><article class="misago-markup"><p>Bonjour</p></article></div>
<div class="post-attachments"><a href="/forum/a/q7OV/3/" class="post-thumbnail"
 style='background-image: url("/forum/a/thumb/q7OV/3/")'></a>
<a href="/forum/a/q7OV/3/" class="attachment-name item-title">carte d’été.png</a></div></li>
<li id="post-8" class="post post-hidden"><div class="post-body post-body-hidden"><p>hidden</p></div></li>
<li id="post-9" class="event "><div class="event-body">closed</div></li>
"""
TOPIC = f"""
<div class="page-header"><h1>Été &amp; forêt</h1></div><nav class="thread-paginator"><div class="dropdown">
<button type="button" disabled> Page 1 of 4 </button></div><a rel="next" href="/forum/t/ete/45/2/">n</a>
<a href="/forum/t/ete/45/4/">l</a></nav><ul class="posts-list ui-ready">{POST}</ul>
"""


def test_a_thread_tells_posts_hidden_ones_pages_and_attachments() -> None:
    page = html(TOPIC, f"{BASE}t/ete/45/")
    found = [one for one in Misago(BASE).read(page, Walked()) if isinstance(one, Item)]
    assert [(one.id, one.state) for one in found if one.kind == "post"] == [
        ("7", "captured"),
        ("8", "denied"),
    ]
    assert [one.url for one in found if one.kind == "topic-page"] == [
        f"{BASE}t/ete/45/{number}/" for number in (2, 3, 4)
    ]
    files = {(one.id, one.url) for one in found if one.kind == "attachment"}
    assert files == {("3", f"{BASE}a/q7OV/3/")}
    assert list(Misago(BASE).extract(page)) == [
        Post(
            "7",
            "45",
            author="Zoé",
            date="2026-11-22T17:52:23+00:00",
            html="<p>Bonjour</p>",
            title="Été & forêt",
            attachments=(Attachment(f"{BASE}a/q7OV/3/", "carte d’été.png"),),
        )
    ]


def test_what_an_answer_is() -> None:
    module = Misago(BASE)
    assert module.accept(html(threads())).verdict == "ok"
    assert module.accept(html(TOPIC, f"{BASE}t/ete/45/")).verdict == "ok"
    assert module.accept(html(threads(), f"{BASE}t/ete/45/")).verdict == "challenge"
    banned = '<div class="page page-error"><div class="message-body"><p>You are banned.</p></div></div>'
    assert module.accept(html(banned)).verdict == "challenge"


def test_what_changes_at_each_fetch() -> None:
    def fetched(token: str, posts: int) -> bytes:
        return (
            f'<input type="hidden" name="csrfmiddlewaretoken" value="{token}"><span class="user-postcount">'
            f'{posts} posts</span><script>\nmisago.init({{"TOKEN": "{token}"}});\n    </script><p>Bonjour</p>'
        ).encode()

    one, other = fetched("a", 1), fetched("b", 2)
    for pattern in Misago.volatile:
        one, other = pattern.sub(b"", one), pattern.sub(b"", other)
    assert one == other and b"Bonjour" in one
