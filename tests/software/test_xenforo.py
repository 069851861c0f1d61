"""XenForo by its published grammar: addresses, markup of both releases, and a walk over a made-up one."""

# ruff: noqa: E501  markup is easier to hold against the original in whole tags
from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crawler.software import Page
from crawler.software.items import Post
from crawler.software.xenforo import XenForo
from tests.sites import forum_model
from tests.sites.static import Site
from tests.sites.xenforo import TRAPS, xenforo
from tests.software.walker import Walked, get, walk

BASE = "http://f.example/community/"
AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def page(body: str, url: str = "threads/été.45/", html: str = 'id="XF"', status: int = 200) -> Page:
    return Page(BASE + url, status, "text/html", f"<html {html}><body>{body}</body></html>".encode(), AT)


@pytest.mark.parametrize(
    ("url", "kind", "id", "usual"),
    [
        ("forums/jardin.3/", "board", "3", ""),
        ("forums/jardin.3/page-2", "board-page", "3 page 2", ""),
        ("forums/annonces/", "board", "annonces", ""),
        ("threads/l-%C3%A9t%C3%A9.45/", "topic", "45", ""),
        ("threads/45/", "topic", "45", ""),
        ("threads/a.45/page-1", "topic", "45", "threads/a.45/"),
        ("threads/a.45/page-12", "topic-page", "45 page 12", ""),
        ("index.php?threads/a.45/page-12", "topic-page", "45 page 12", ""),
        ("index.php?forums/jardin.3/", "board", "3", ""),
        ("attachments/plan-txt.7/", "attachment", "7", ""),
        ("", "index", "", ""),
        ("forums/", "index", "", ""),
    ],
)
def test_what_is_kept(url: str, kind: str, id: str, usual: str) -> None:
    found = XenForo(BASE).classify(BASE + url)
    assert found is not None and found.keep
    assert (found.kind, found.id) == (kind, id)
    assert found.url == (BASE + usual if usual else "")


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("threads/a.45/post-1001", "xenforo:post"),
        ("threads/a.45/latest", "xenforo:post"),
        ("threads/a.45/unread", "xenforo:post"),
        ("posts/1001/", "xenforo:post"),
        ("forums/jardin.3/?order=title&direction=asc", "xenforo:sort"),
        ("members/elodie.2/", "xenforo:other"),
        ("whats-new/posts/", "xenforo:other"),
        ("index.php?members/elodie.2/", "xenforo:other"),
        ("forums/-/index.rss", "xenforo:other"),
        ("tags/rose/", "xenforo:other"),
    ],
)
def test_what_is_left(url: str, rule: str) -> None:
    found = XenForo(BASE).classify(BASE + url)
    assert found is not None and not found.keep and found.rule == rule


def test_what_is_none_of_its_business() -> None:
    assert XenForo(BASE).classify(BASE + "pages/statuts/") is None
    assert XenForo.experimental


@pytest.mark.parametrize(
    ("html", "body", "base"),
    [
        (
            'id="XF"',
            r"<script>XF.config = {url: {fullBase: 'http:\/\/f.example\/community\/'}}</script>",
            BASE,
        ),
        ('id="XenForo"', f'<base href="{BASE}" />', BASE),
        ('id="XF"', "", BASE),
        ('id="XF"', "<script>fullBase: 'http://elsewhere.example/'</script>", None),
        ('id="other"', "", None),
    ],
)
def test_where_it_is_installed(html: str, body: str, base: str | None) -> None:
    installed = XenForo.detect(page(body, html=html))
    assert (installed.base if installed else None) == base


def test_a_whole_forum() -> None:
    forum = forum_model.seed(0.3)
    with Site(xenforo(forum)) as site:
        found = walk(XenForo, f"{site.url}/community/", get)
    _is_whole(forum, found)
    shown = next(page for url, page in found.pages.items() if f'"post-{_wanted(forum).id}"' in page.text)
    module = XenForo(shown.url[: shown.url.index("threads/")])
    posts = {post.id: post for post in module.extract(shown) if isinstance(post, Post)}
    post, wanted = posts[str(_wanted(forum).id)], _wanted(forum)
    assert post.date == wanted.posted.isoformat()
    assert (post.number, post.author) == (wanted.number, forum_model.MEMBERS[wanted.author])
    assert wanted.marker in post.html and "Signature" not in post.html
    assert wanted.file and [one.name for one in post.attachments] == [wanted.file.name]


def _wanted(forum: forum_model.Forum) -> forum_model.Post:
    return next(post for topic in forum.public() for post in topic.posts if post.file)


def _is_whole(forum: forum_model.Forum, found: Walked) -> None:
    assert {*found.ids("post", "captured")} == {str(p.id) for t in forum.public() for p in t.posts}
    assert found.number("topic-page", state="captured") == forum.pages() - len([*forum.public()])
    assert {*found.ids("attachment", "captured")} == {str(file.id) for file in forum.files()}
    assert [url for url in found.requests if any(trap in url for trap in TRAPS)] == []
    text = b"\n".join(page.body for page in found.pages.values()).decode()
    assert [marker for marker in forum.secrets() if marker in text] == []
    latest = {(count.kind, count.group, count.source): count for count in found.counts}
    exact = [count for count in latest.values() if count.bound == "exact"]
    assert [c for c in exact if c.n != found.number(c.kind, c.group, "captured")] == []
    assert {(c.kind, c.source) for c in exact} == {("topic", "index"), ("post", "board"), ("post", "topic")}


def test_the_markup_of_release_1() -> None:
    body = """<li id="post-77" class="message" data-author="Ülkü"><blockquote class="messageText ugc">Vieux</blockquote>
    <span class="DateTime" title="May 3, 2014 at 9:30 PM">May 3</span><a class="postNumber hashPermalink">#12</a></li>
    <div class="PageNav"><a href="threads/été.45/page-3">3</a></div>"""
    shown = page(f'<base href="{BASE}" />{body}', html='id="XenForo"')
    module = XenForo(BASE)
    assert module.accept(shown).verdict == "ok"
    (post,) = module.extract(shown)
    assert isinstance(post, Post)
    assert (post.id, post.number, post.author, post.html) == ("77", 12, "Ülkü", "Vieux")
    assert post.date == "2014-05-03T21:30:00"
    told = [getattr(one, "id", "") for one in module.read(shown, Walked())]
    assert "45 page 2" in told and "45 page 3" in told


def test_a_rounded_number_is_held_against_nothing() -> None:
    row = """<div class="structItem structItem--thread"><div class="structItem-title"><a href="threads/a.45/">A</a></div>
    <div class="structItem-cell--meta"><dl><dt>Replies</dt><dd>2K</dd></dl></div></div>"""
    (topic,) = XenForo(BASE).topics(page(row.replace("threads/", f"{BASE}threads/"), "forums/x.3/"))
    assert (topic.id, topic.posts) == ("45", None)


def test_a_login_page_with_status_200_is_a_refusal() -> None:
    words = '<div class="p-body-pageContent"><div class="blockMessage">You must be logged-in to do that.</div></div>'
    assert XenForo(BASE).accept(page(words)).verdict == "denied"
