"""PunBB: its address schemes, its pages, and a walk over a whole forum without the engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from crawler.software import Item, Page
from crawler.software.items import Post
from crawler.software.punbb import PunBB
from tests.sites import forum_model
from tests.sites.punbb import SCHEMES, TRAPS, message, punbb
from tests.sites.static import Site
from tests.software.walker import Walked, get, walk

BASE = "http://f.example/punbb/"
AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "kind", "id", "usual"),
    [
        ("viewforum.php?id=3", "board", "3", ""),
        ("viewtopic.php?id=45&p=1", "topic", "45", "viewtopic.php?id=45"),
        ("viewtopic.php?p=12&id=45", "topic-page", "45 page 12", "viewtopic.php?id=45&p=12"),
        ("forum3.html", "board", "3", ""),
        ("forum3-p2.html", "board-page", "3 page 2", ""),
        ("forum3-le-jardin-p2.html", "board-page", "3 page 2", ""),
        ("topic45-presentations-qui-etes-vous.html", "topic", "45", ""),
        ("topic45-presentations-p12.html", "topic-page", "45 page 12", ""),
        ("forum/3/", "board", "3", ""),
        ("forum/3/page/2/", "board-page", "3 page 2", ""),
        ("topic/45/presentations/", "topic", "45", ""),
        ("topic/45/presentations/page/12/", "topic-page", "45 page 12", ""),
        ("misc.php?action=pun_attachment&item=7&download=1", "attachment", "7", ""),
        ("index.php", "index", "", ""),
        ("", "index", "", ""),
    ],
)
def test_what_is_kept(url: str, kind: str, id: str, usual: str) -> None:
    found = PunBB(BASE).classify(BASE + url)
    assert found is not None and found.keep
    assert (found.kind, found.id) == (kind, id)
    assert found.url == (BASE + usual if usual else "")


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("viewtopic.php?pid=1001", "punbb:post"),
        ("post1001.html", "punbb:post"),
        ("post/1001/", "punbb:post"),
        ("viewtopic.php?id=45&action=new", "punbb:jump"),
        ("topic45-presentations-new-posts.html", "punbb:jump"),
        ("topic45last-post.html", "punbb:jump"),
        ("topic/45/last/post/", "punbb:jump"),
        ("topic/45/presentations/new/posts/", "punbb:jump"),
        ("user/7/", "punbb:members"),
        ("user7.html", "punbb:members"),
        ("users.html", "punbb:members"),
        ("feed/rss/topic/45/", "punbb:other"),
        ("feed-rss-topic45.xml", "punbb:other"),
        ("new/reply/45/", "punbb:other"),
        ("login.html", "punbb:other"),
        ("viewforum.php?id=3&sort_by=1", "punbb:other"),
        ("extern.php?action=feed&type=rss", "punbb:feed"),
    ],
)
def test_what_is_left(url: str, rule: str) -> None:
    found = PunBB(BASE).classify(BASE + url)
    assert found is not None and not found.keep and found.reason
    assert found.rule == rule


def test_what_is_none_of_its_business() -> None:
    assert PunBB(BASE).classify(BASE + "wiki/forum/3/") is None
    assert PunBB(BASE).classify(BASE + "nouveau/été.html") is None
    assert PunBB(BASE).classify(BASE + "userguide/intro.html") is None
    assert PunBB(BASE).classify(BASE + "new/photo.jpg") is None


@pytest.mark.parametrize(
    ("first", "third"),
    [
        ("viewtopic.php?id=45", "viewtopic.php?id=45&p=3"),
        ("topic45-a-b.html", "topic45-a-b-p3.html"),
        ("topic45.html", "topic45-p3.html"),
        ("topic/45/a-b/", "topic/45/a-b/page/3/"),
        ("topic/45/", "topic/45/page/3/"),
    ],
)
def test_the_address_of_another_page(first: str, third: str) -> None:
    module = PunBB(BASE)
    assert module.at(BASE + first, 3) == BASE + third
    assert module.at(BASE + third, 1) == BASE + first


@pytest.fixture(scope="module", params=("default", "folder-fancy"))
def walked(request: pytest.FixtureRequest) -> Iterator[tuple[forum_model.Forum, Walked]]:
    """A forum and the walk over it."""
    forum = forum_model.seed(0.4)
    with Site(punbb(forum, request.param)) as site:
        yield forum, walk(PunBB, f"{site.url}/", get)


def test_the_walk_brings_everything_public_once(walked: tuple[forum_model.Forum, Walked]) -> None:
    forum, found = walked
    text = b"\n".join(page.body for page in found.pages.values()).decode()
    assert [p.marker for t in forum.public() for p in t.posts if p.marker not in text] == []
    assert [marker for marker in forum.secrets() if marker in text] == []
    posts = {str(post.id) for topic in forum.public() for post in topic.posts}
    assert set(found.ids("post", "captured")) == posts
    assert found.number("topic-page", state="captured") == forum.pages() - len([*forum.public()])
    assert {*found.ids("attachment", "captured")} == {str(file.id) for file in forum.files()}
    paths = [url.partition("//")[2].partition("/")[2] for url in found.requests]
    assert [path for path in paths if any(f"/{path}".find(trap) >= 0 for trap in TRAPS)] == []


def test_every_counter_agrees_with_what_was_found(walked: tuple[forum_model.Forum, Walked]) -> None:
    _, found = walked
    latest = {(count.kind, count.group, count.source): count for count in found.counts}
    exact = [count for count in latest.values() if count.bound == "exact"]
    assert {(c.kind, c.source) for c in exact} == {
        ("topic", "index"),
        ("topic", "board"),
        ("post", "board"),
        ("post", "topic"),
    }
    assert [c for c in exact if c.n != found.number(c.kind, c.group, "captured")] == []
    assert latest["post", "", "index"].n > found.number("post")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_pages_that_nothing_links_are_asked_for(scheme: str) -> None:
    forum = forum_model.seed(0.4)
    topic = max(forum.public(), key=lambda topic: len(topic.posts))
    with Site(punbb(forum, scheme, "/punbb/")) as site:
        page = get(f"{site.url}/punbb/")
        installed = PunBB.detect(page)
        assert installed is not None and installed.base == f"{site.url}/punbb/"
        module = PunBB(installed.base)
        boards = [one for one in module.read(page, Walked()) if isinstance(one, Item)]
        rows = [one for one in module.read(get(boards[0].url), Walked()) if isinstance(one, Item)]
        first = get(next(one.url for one in rows if one.id == str(topic.id)))
        told = [one for one in module.read(first, Walked()) if isinstance(one, Item)]
        pages = [one for one in told if one.kind == "topic-page"]
        assert [one.id for one in pages] == [f"{topic.id} page {n}" for n in range(2, forum.last(topic) + 1)]
        twelfth = get(pages[10].url)
        ids = {
            one.id for one in module.read(twelfth, Walked()) if isinstance(one, Item) and one.kind == "post"
        }
        assert ids == {str(post.id) for post in topic.posts[110:120]}


def test_a_board_under_a_friendly_address_is_asked_again_there() -> None:
    found = Walked()
    forum = forum_model.seed(0.4)
    with Site(punbb(forum, "folder-fancy")) as site:
        found = walk(PunBB, f"{site.url}/", get)
        again = [url for url in found.requests if found.requests.count(url) > 1]
    assert not [url for url in found.requests if "viewforum" in url]
    assert any("/forum/2/" in url for url in again)


def test_a_post_is_read_whole(walked: tuple[forum_model.Forum, Walked]) -> None:
    forum, found = walked
    topic = next(topic for topic in forum.public() if len(topic.posts) > 10 and topic.posts[1].file)
    url = next(
        url for url, page in found.pages.items() if f'id="pc{topic.posts[1].id}"'.encode() in page.body
    )
    module = PunBB(url[: url.index("/", 8) + 1])
    posts = [post for post in module.extract(found.pages[url]) if isinstance(post, Post)]
    second = posts[1]
    assert (second.id, second.topic, second.number) == (str(topic.posts[1].id), str(topic.id), 2)
    assert second.author == forum_model.MEMBERS[topic.posts[1].author]
    assert second.date == topic.posts[1].posted.isoformat()[:19]
    assert second.title == f"Re : {topic.title}"
    assert topic.posts[1].marker in second.html
    assert "Signature" not in second.html and "Modifié" not in second.html and "joints" not in second.html
    file = topic.posts[1].file
    assert file and [one.name for one in second.attachments] == [file.name]


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("Bad request. The link you followed is incorrect or outdated.", "missing"),
        ("You do not have permission to view this page.", "denied"),
        ("Vous êtes banni de ce forum.", "challenge"),
        ("Le forum est en maintenance.", "challenge"),
        ("", "challenge"),
    ],
)
def test_a_200_that_is_no_page(words: str, verdict: str) -> None:
    body = f'<html><body><div id="brd-message">{message(words)}</div></body></html>'
    page = Page(BASE + "topic/45/x/", 200, "text/html", body.encode(), AT)
    assert PunBB(BASE).accept(page).verdict == verdict
