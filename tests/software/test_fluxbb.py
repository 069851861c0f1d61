"""FluxBB: its addresses, its pages, and a walk over a whole forum without the engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from crawler.software import Count, Item, Page
from crawler.software.fluxbb import FluxBB
from crawler.software.items import Post
from tests.sites import forum_model
from tests.sites.fluxbb import TRAPS, fluxbb, message
from tests.sites.static import Site
from tests.software.walker import Known, Walked, get, walk

BASE = "http://f.example/forum/"
AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def walked() -> Iterator[tuple[forum_model.Forum, Walked]]:
    """A forum and the walk over it."""
    forum = forum_model.seed(0.4)
    with Site(fluxbb(forum)) as site:
        yield forum, walk(FluxBB, f"{site.url}/forum/", get)


@pytest.mark.parametrize(
    ("url", "kind", "id", "usual"),
    [
        ("viewforum.php?id=3", "board", "3", ""),
        ("viewforum.php?id=3&p=2", "board-page", "3 page 2", ""),
        ("viewforum.php?p=2&id=3", "board-page", "3 page 2", "viewforum.php?id=3&p=2"),
        ("viewtopic.php?id=45", "topic", "45", ""),
        ("viewtopic.php?id=45&p=1", "topic", "45", "viewtopic.php?id=45"),
        ("viewtopic.php?id=45&p=12", "topic-page", "45 page 12", ""),
        ("attachment.php?item=7", "attachment", "7", ""),
        ("attachment.php?item=7&download=0", "attachment", "7", ""),
        ("index.php", "index", "", ""),
    ],
)
def test_what_is_kept(url: str, kind: str, id: str, usual: str) -> None:
    found = FluxBB(BASE).classify(BASE + url)
    assert found is not None and found.keep
    assert (found.kind, found.id) == (kind, id)
    assert found.item == bool(id)
    assert found.url == (BASE + usual if usual else "")


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("viewtopic.php?pid=1001", "fluxbb:post"),
        ("viewtopic.php?id=45&action=new", "fluxbb:jump"),
        ("viewtopic.php?id=45&action=last", "fluxbb:jump"),
        ("viewforum.php?id=3&sort=2", "fluxbb:other"),
        ("viewtopic.php?id=abc", "fluxbb:other"),
        ("viewtopic.php", "fluxbb:other"),
        ("index.php?action=x", "fluxbb:other"),
        ("profile.php?id=2", "fluxbb:members"),
        ("userlist.php", "fluxbb:members"),
        ("extern.php?action=feed&type=atom", "fluxbb:feed"),
        ("search.php?action=show_recent", "fluxbb:other"),
    ],
)
def test_what_is_left(url: str, rule: str) -> None:
    found = FluxBB(BASE).classify(BASE + url)
    assert found is not None and not found.keep and found.reason
    assert found.rule == rule


def test_what_is_none_of_its_business() -> None:
    assert FluxBB(BASE).classify(BASE + "statuts/à-lire.html") is None


def test_the_walk_brings_everything_public_once(walked: tuple[forum_model.Forum, Walked]) -> None:
    forum, found = walked
    text = b"\n".join(page.body for page in found.pages.values()).decode()
    assert [marker for marker in forum.markers() if marker not in text] == []
    assert [marker for marker in forum.secrets() if marker in text] == []
    posts = {str(post.id) for topic in forum.public() for post in topic.posts}
    assert set(found.ids("post", "captured")) == posts
    assert {*found.ids("topic", "captured")} >= {str(topic.id) for topic in forum.public()}
    assert found.number("topic-page", state="captured") == forum.pages() - len([*forum.public()])
    assert {*found.ids("attachment", "captured")} == {str(file.id) for file in forum.files()}
    assert [trap for trap in TRAPS for url in found.requests if trap in url] == []


def test_every_counter_agrees_with_what_was_found(walked: tuple[forum_model.Forum, Walked]) -> None:
    forum, found = walked
    latest = {(count.kind, count.group, count.source): count for count in found.counts}
    exact = [count for count in latest.values() if count.bound == "exact"]
    assert len(exact) > 2 * len([*forum.public()])
    differing = [c for c in exact if c.n != found.number(c.kind, c.group, "captured")]
    assert differing == []
    total = latest["post", "", "index"]
    assert total.bound == "at most" and total.n > found.number("post")
    assert ("topic", "index", "board 2") in {(c.kind, c.source, c.group) for c in exact}
    assert {("topic", "board")} <= found.heard


def test_pages_that_nothing_links_are_asked_for() -> None:
    """A page in the middle of a long topic stands in no link of the first one."""
    forum = forum_model.seed(0.4)
    topic = max(forum.public(), key=lambda topic: len(topic.posts))
    with Site(fluxbb(forum)) as site:
        page = get(f"{site.url}/forum/viewtopic.php?id={topic.id}")
        module = FluxBB(f"{site.url}/forum/")
        assert b"p=12" not in page.body
        told = [one for one in module.read(page, Walked()) if isinstance(one, Item)]
    urls = [one.url for one in told if one.kind == "topic-page"]
    assert urls == [f"{page.url}&p={number}" for number in range(2, forum.last(topic) + 1)]


def test_a_post_is_read_whole(walked: tuple[forum_model.Forum, Walked]) -> None:
    forum, found = walked
    topic = next(topic for topic in forum.public() if len(topic.posts) > 10 and topic.posts[1].file)
    (url,) = [url for url in found.pages if url.endswith(f"viewtopic.php?id={topic.id}")]
    module = FluxBB(url.rpartition("/")[0] + "/")
    posts = [post for post in module.extract(found.pages[url]) if isinstance(post, Post)]
    assert [post.number for post in posts] == list(range(1, 11))
    first, second = posts[0], posts[1]
    assert first.title == topic.title and second.id == str(topic.posts[1].id)
    assert second.author == forum_model.MEMBERS[topic.posts[1].author]
    assert second.date == topic.posts[1].posted.isoformat()[:19]
    assert topic.posts[1].marker in second.html
    assert "Signature" not in second.html and "Dernière" not in second.html
    file = topic.posts[1].file
    assert file and second.attachments[0].name == file.name


def _page(body: str, url: str = "viewtopic.php?id=45", mime: str = "text/html") -> Page:
    return Page(BASE + url, 200, mime, f"<html><body>{body}</body></html>".encode(), AT)


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("Bad request. The link you followed is incorrect or outdated.", "missing"),
        ("You do not have permission to view these forums.", "denied"),
        ("Vous n'avez pas l'autorisation de voir ces forums.", "denied"),
        ("Vous êtes banni de ce forum. Motif : robot", "challenge"),
        ("You are banned and do not have permission to view these forums.", "challenge"),
        ("The forums are temporarily down for maintenance. Please try again in a few minutes.", "challenge"),
        ("Quelque chose d'autre", "challenge"),
    ],
)
def test_a_200_that_is_no_page(words: str, verdict: str) -> None:
    assert FluxBB(BASE).accept(_page(message(words))).verdict == verdict


def test_a_login_in_the_head_is_no_refusal() -> None:
    page = _page("<p><a href='login.php'>You must log in</a></p>")
    assert FluxBB(BASE).accept(page).verdict == "challenge"


def test_a_page_cut_off_is_not_accepted(walked: tuple[forum_model.Forum, Walked]) -> None:
    _, found = walked
    url, page = next((url, page) for url, page in found.pages.items() if "viewtopic.php" in url)
    module = FluxBB(url.rpartition("/")[0] + "/")
    assert module.accept(page).verdict == "ok"
    broken = page.body[: page.body.index(b"postfoot")] + b"<b>Fatal error</b>: Allowed memory size of 3 bytes"
    cut = module.accept(replace(page, body=broken))
    assert cut.verdict == "challenge" and "Fatal error" in cut.why


def test_an_attachment_that_is_the_forum_speaking_is_none() -> None:
    head = '<div id="punattachment" class="pun"><div id="brdmenu"><a href="index.php">x</a></div>'
    refused = _page(head + message("Vous n'avez pas la permission") + "</div>", "attachment.php?item=7")
    assert FluxBB(BASE).accept(refused).verdict == "denied"
    file = _page("<h1>Une page en pièce jointe</h1>", "attachment.php?item=7")
    assert FluxBB(BASE).accept(file).verdict == "ok"


@pytest.mark.parametrize(("long", "more"), [(True, 83), (True, 1), (False, 1), (False, 25)])
def test_a_topic_that_grew_meanwhile_is_completed(long: bool, more: int) -> None:
    forum = forum_model.seed(0.2)
    topic = next(topic for topic in forum.public() if (len(topic.posts) > 40) == long)
    before, last = len(topic.posts), forum.last(topic)
    grown = False

    def grow(url: str) -> Page:
        nonlocal grown
        page = get(url)
        if not grown and url.endswith(f"viewtopic.php?id={topic.id}" + (f"&p={last}" if long else "")):
            grown = True
            forum.reply(topic, more)
        return page

    with Site(fluxbb(forum)) as site:
        found = walk(FluxBB, f"{site.url}/forum/index.php", grow)
    assert grown
    assert {str(post.id) for post in topic.posts} <= {*found.ids("post", "captured")}
    told = [count for count in found.counts if count.group == f"topic {topic.id}"]
    assert told[-1].n == before + more


def test_a_number_of_what_is_refused_is_held_against_nothing() -> None:
    forum = forum_model.seed(0.2)
    with Site(fluxbb(forum)) as site:
        module, page = FluxBB(f"{site.url}/forum/"), get(f"{site.url}/forum/")
    known = Walked()
    bounds = []
    for _ in range(2):
        counts = [one for one in module.read(page, known) if isinstance(one, Count)]
        bounds.append(next(one.bound for one in counts if one.group == "board 3"))
        known.items["board", "3"] = Known("denied")
    assert bounds == ["exact", "at most"]


def test_the_markup_of_punbb_1_2_is_read_too() -> None:
    """FluxBB's ancestor: the same pages, other names in the head."""
    body = """<div id="punwrap"><div id="punviewtopic" class="pun"><div id="brdmenui"><ul><li id="navindex">
    <a href="http://f.example/forum/index.php">Index</a></li></ul></div>
    <p class="pagelink conl">Pages: <strong>1</strong></p>
    <div id="p62698" class="blockpost rowodd firstpost"><h2><span><span class="conr">#1&nbsp;</span>
    <a href="viewtopic.php?pid=62698#p62698">2005-03-17 20:47:30</a></span></h2><div class="postleft"><dl>
    <dt><strong>Ülkü</strong></dt></dl></div><div class="postright"><h3>Sujet</h3>
    <div class="postmsg"><p>Texte</p></div>
    <div class="postsignature"><hr>Signature</div></div></div></div></div>"""
    page = _page(body)
    installed = FluxBB.detect(page)
    assert installed is not None and installed.base == BASE
    assert FluxBB(BASE).accept(page).verdict == "ok"
    (post,) = FluxBB(BASE).extract(page)
    assert isinstance(post, Post)
    assert (post.id, post.number, post.author, post.html) == ("62698", 1, "Ülkü", "<p>Texte</p>")
    assert post.date == "2005-03-17T20:47:30"
