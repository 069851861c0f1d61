"""vBulletin by its published grammar: addresses and markup of releases 3, 4 and 5."""

# ruff: noqa: E501  markup is easier to hold against the original in whole tags
from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crawler.software import Ask, Count, Item, Page
from crawler.software.items import Post
from crawler.software.vbulletin import VBulletin
from tests.software.walker import Walked

BASE = "http://f.example/forum/"
AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FOOT = '<div align="center">All times are GMT +1. The time now is <span class="time">03:14 PM</span>.</div>'
GENERATOR = '<meta name="generator" content="vBulletin %s" />'


def page(body: str, url: str = "showthread.php?t=45") -> Page:
    return Page(BASE + url, 200, "text/html", f"<html><body>{body}{FOOT}</body></html>".encode(), AT)


@pytest.mark.parametrize(
    ("url", "kind", "id", "usual"),
    [
        ("forumdisplay.php?f=3", "board", "3", ""),
        ("forumdisplay.php?f=3&page=2", "board-page", "3 page 2", ""),
        ("forumdisplay.php?3-Le-jardin/page2", "board-page", "3 page 2", ""),
        ("showthread.php?t=45", "topic", "45", ""),
        ("showthread.php?t=45&page=1", "topic", "45", "showthread.php?t=45"),
        ("showthread.php?page=12&t=45", "topic-page", "45 page 12", "showthread.php?t=45&page=12"),
        ("showthread.php?45-L-%C3%A9t%C3%A9", "topic", "45", ""),
        ("showthread.php?45-L-%C3%A9t%C3%A9/page12", "topic-page", "45 page 12", ""),
        ("threads/45-Subject/page12", "topic-page", "45 page 12", ""),
        ("threads/45-Subject/page1", "topic", "45", "threads/45-Subject"),
        ("attachment.php?attachmentid=7&d=1200000000", "attachment", "7", ""),
        ("index.php", "index", "", ""),
    ],
)
def test_what_is_kept(url: str, kind: str, id: str, usual: str) -> None:
    found = VBulletin(BASE).classify(BASE + url)
    assert found is not None and found.keep
    assert (found.kind, found.id) == (kind, id)
    assert found.url == (BASE + usual if usual else "")


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("showthread.php?p=1001", "vbulletin:post"),
        ("showthread.php?goto=newpost&t=45", "vbulletin:post"),
        ("showpost.php?p=1001&postcount=3", "vbulletin:post"),
        ("showthread.php?t=45&pp=40", "vbulletin:sort"),
        ("forumdisplay.php?f=3&sort=lastpost&order=desc", "vbulletin:sort"),
        ("forumdisplay.php?f=3&daysprune=-1&sort=lastpost&order=desc&page=2", "vbulletin:sort"),
        ("attachment.php?attachmentid=7&thumb=1", "vbulletin:thumbnail"),
        ("archive/index.php/t-45.html", "vbulletin:other"),
        ("member.php?u=2", "vbulletin:other"),
        ("calendar.php", "vbulletin:other"),
        ("forumdisplay.php?do=markread&f=3", "vbulletin:other"),
    ],
)
def test_what_is_left(url: str, rule: str) -> None:
    found = VBulletin(BASE).classify(BASE + url)
    assert found is not None and not found.keep and found.rule == rule


def test_release_5_has_channels_and_subjects() -> None:
    five = VBulletin("http://f.example/", {"release": "5"})
    kinds = {
        "forum/jardin": ("board", "forum/jardin"),
        "forum/jardin/page2": ("board-page", "forum/jardin page 2"),
        "forum/jardin/45-subject": ("topic", "45"),
        "forum/jardin/45-subject/page2": ("topic-page", "45 page 2"),
        "filedata/fetch?id=7": ("attachment", "7"),
    }
    for url, wanted in kinds.items():
        found = five.classify(f"http://f.example/{url}")
        assert found is not None and found.keep and (found.kind, found.id) == wanted
    assert (
        five.at("http://f.example/forum/jardin/45-subject", 3)
        == "http://f.example/forum/jardin/45-subject/page3"
    )
    assert five.board_url("forum/jardin") == "http://f.example/forum/jardin"
    assert five.classify("http://f.example/galerie/2024/") is None
    assert VBulletin("http://f.example/").classify("http://f.example/forum/jardin/45-subject") is None


@pytest.mark.parametrize(
    ("body", "base", "release"),
    [
        (GENERATOR % "3.8.11", BASE, ""),
        (GENERATOR % "4.2.5" + f'<base href="{BASE}" />', BASE, ""),
        (
            GENERATOR % "5.6.0" + r'<script>var pageData = {"baseurl":"http:\/\/f.example\/forum"}</script>',
            BASE,
            "5",
        ),
        (GENERATOR % "4.2.5" + '<base href="http://elsewhere.example/" />', None, ""),
        ("<p>nothing</p>", None, ""),
    ],
)
def test_where_it_is_installed(body: str, base: str | None, release: str) -> None:
    installed = VBulletin.detect(page(body))
    assert (installed.base if installed else None) == base
    assert (installed.settings.get("release", "") if installed else "") == release
    assert VBulletin.experimental


THREE = """<div class="pagenav"><a href="showthread.php?s=0123456789abcdef0123456789abcdef&amp;t=45&amp;page=4">4</a></div>
<table id="post1001"><tr><td class="thead">03-05-2014, 09:30 PM</td><td><a id="postcount1001" name="12"><strong>12</strong>
</a></td></tr><tr><td><a class="bigusername" href="member.php?u=2">Ülkü</a></td></tr><tr><td>
<div id="post_message_1001">Vieux <b>texte</b></div><a href="attachment.php?attachmentid=7&amp;d=9">plan.txt</a></td></tr></table>"""
FOUR = """<div class="pagination"><a href="showthread.php?t=45&amp;page=4">4</a></div>
<li id="post_1001"><span class="postdate"><span class="date">05-13-2014, 09:30 PM</span></span><a class="postcounter">#12</a>
<a class="username" href="member.php?u=2">Ülkü</a><div id="post_message_1001">Vieux <b>texte</b></div>
<a href="attachment.php?attachmentid=7&amp;d=9">plan.txt</a></li>"""


@pytest.mark.parametrize(("body", "when"), [(THREE, ""), (FOUR, "2014-05-13T21:30:00+01:00")])
def test_posts_of_releases_3_and_4(body: str, when: str) -> None:
    module, shown = VBulletin(BASE), page(body)
    assert module.accept(shown).verdict == "ok"
    (post,) = module.extract(shown)
    assert isinstance(post, Post)
    assert (post.id, post.number, post.author, post.html) == ("1001", 12, "Ülkü", "Vieux <b>texte</b>")
    assert post.date == when
    assert [one.name for one in post.attachments] == ["plan.txt"]
    items = [one for one in module.read(shown, Walked()) if isinstance(one, Item)]
    pages = [one.url for one in items if one.kind == "topic-page"]
    assert pages == [f"{BASE}showthread.php?t=45&page={n}" for n in (2, 3, 4)]
    assert {(one.kind, one.id) for one in items} >= {("post", "1001"), ("attachment", "7")}


def test_posts_of_release_5() -> None:
    body = """<li class="b-post" data-node-id="1001"><div class="author"><a href="/member/2">Ülkü</a></div>
    <time itemprop="dateCreated" datetime="2014-05-13T21:30:00">…</time><a class="b-post__count">#12</a>
    <div class="js-post__content-text">Texte</div></li>"""
    five = VBulletin(BASE, {"release": "5"})
    (post,) = five.extract(page(body, "jardin/45-subject"))
    assert isinstance(post, Post)
    assert (post.id, post.topic, post.number, post.author) == ("1001", "45", 12, "Ülkü")
    assert post.date == "2014-05-13T21:30:00+01:00"


def test_lists_of_releases_3_and_4() -> None:
    three = """<table><tr><td></td><td class="alt1Active" id="f3"><a href="forumdisplay.php?f=3">Jardin</a></td><td>x</td>
    <td class="alt1">1,234</td><td class="alt2">9,876</td></tr></table><table id="threadslist"><tr><td id="td_threadtitle_45">
    <a href="showthread.php?t=45" id="thread_title_45">A</a></td><td><a href="misc.php?do=whoposted&amp;t=45"
    onclick="who(45); return false;">1,041</a></td></tr></table>"""
    four = """<li id="forum3"><h2 class="forumtitle"><a href="forumdisplay.php?f=3">Jardin</a></h2><ul class="forumstats">
    <li>Threads: 1,234</li><li>Posts: 9,876</li></ul></li><li class="threadbit" id="thread_45"><a class="title"
    href="showthread.php?t=45" id="thread_title_45">A</a><ul class="threadstats"><li>Replies: <a>1,041</a></li></ul></li>"""
    for body in (three, four):
        module, shown = VBulletin(BASE), page(body, "forumdisplay.php?f=2")
        assert module.accept(shown).verdict == "ok"
        counts = [one for one in module.read(shown, Walked()) if isinstance(one, Count)]
        assert {(one.kind, one.n, one.group) for one in counts} == {
            ("topic", 1234, "board 3"),
            ("post", 1042, "topic 45"),
        }


def test_a_refusal_with_status_200() -> None:
    words = "You are not logged in or you do not have permission to access this page."
    shown = page(f'<table><tr><td class="panelsurround"><div class="panel">{words}</div></td></tr></table>')
    assert VBulletin(BASE).accept(shown).verdict == "denied"


def test_old_topics_that_a_board_leaves_out_are_asked_for() -> None:
    """Most installations show the topics of the last month unasked."""
    form = """<div id="threads"></div><select name="daysprune"><option value="30" selected="selected">30</option></select>"""
    module = VBulletin(BASE)
    told = [one for one in module.read(page(form, "forumdisplay.php?f=3"), Walked()) if isinstance(one, Ask)]
    assert [one.url for one in told] == [f"{BASE}forumdisplay.php?f=3&daysprune=-1"]
    more = """<div id="threads"></div><div class="pagination">
    <a href="forumdisplay.php?f=3&amp;daysprune=-1&amp;sort=lastpost&amp;order=desc&amp;page=3">3</a></div>"""
    told = [
        one
        for one in module.read(page(more, "forumdisplay.php?f=3&daysprune=-1"), Walked())
        if isinstance(one, Ask)
    ]
    assert [one.url for one in told] == [f"{BASE}forumdisplay.php?f=3&daysprune=-1&page={n}" for n in (2, 3)]
