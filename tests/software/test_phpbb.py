"""phpBB: its addresses, its pages in the markup of two releases, and a walk over a whole forum."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from crawler.software import Ask, Count, Item, Page, Setting, Skip
from crawler.software.items import Post
from crawler.software.phpbb import PhpBB
from tests.sites import forum_model, phpbb
from tests.sites.static import Site
from tests.software.walker import Walked, get, walk

BASE = "http://f.example/forum/"
AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
OLD, NEW = "3.0", "3.3"


@dataclass
class Seen:
    board: phpbb.PhpBB
    walked: Walked

    @property
    def forum(self) -> forum_model.Forum:
        return self.board.forum

    @property
    def module(self) -> PhpBB:
        return PhpBB(next(iter(self.walked.pages)).partition("?")[0].rpartition("/")[0] + "/")

    def page(self, rest: str) -> Page:
        """The only page whose address ends with these parts."""
        (url,) = [url for url in self.walked.pages if re.search(f"[/?&]{re.escape(rest)}$", url)]
        return self.walked.pages[url]


def seen(style: str) -> Iterator[Seen]:
    forum = forum_model.seed(0.5)
    forum.topics = 7
    board = phpbb.PhpBB(forum, "3.0" if style == OLD else "3.3")
    with Site(board.part()) as site:
        yield Seen(board, walk(PhpBB, f"{site.url}/forum/", get))


@pytest.fixture(scope="module", params=[OLD, NEW])
def both(request: pytest.FixtureRequest) -> Iterator[Seen]:
    yield from seen(request.param)


@pytest.mark.parametrize(
    ("url", "kind", "id", "usual"),
    [
        ("", "index", "", ""),
        ("index.php", "index", "", ""),
        ("viewforum.php?f=3", "board", "3", ""),
        ("viewforum.php?f=3&start=25", "board-page", "3 from 26", ""),
        ("viewforum.php?f=3&start=0", "board", "3", "viewforum.php?f=3"),
        ("viewtopic.php?f=3&t=45", "topic", "45", ""),
        ("viewtopic.php?t=45", "topic", "45", ""),
        ("viewtopic.php?t=45&start=0", "topic", "45", "viewtopic.php?t=45"),
        ("viewtopic.php?f=3&t=45&start=20", "topic-page", "45 from 21", ""),
        ("viewtopic.php?t=45&start=27", "topic-page", "45 from 21", "viewtopic.php?t=45&start=20"),
        ("download/file.php?id=7", "attachment", "7", ""),
        ("download/file.php?id=7&mode=view", "attachment", "7", ""),
        ("download/file.php?avatar=2_1.png", "avatar", "", ""),
        ("feed.php", "feed", "", ""),
        ("app.php/feed", "feed", "", ""),
        ("ucp.php?mode=privacy", "terms", "", ""),
    ],
)
def test_what_is_kept(url: str, kind: str, id: str, usual: str) -> None:
    found = PhpBB(BASE, {"posts a page": "10"}).classify(BASE + url)
    assert found is not None and found.keep
    assert (found.kind, found.id, found.item) == (kind, id, bool(id))
    assert found.url == (BASE + usual if usual else "")


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("viewtopic.php?p=1234", "post"),
        ("viewtopic.php?f=3&t=45&p=1234", "post"),
        ("viewtopic.php?f=3&t=45&view=next", "neighbour"),
        ("viewtopic.php?f=3&t=45&view=print", "print"),
        ("viewtopic.php?t=45&view=unread", "jump"),
        ("viewtopic.php?t=45&view=viewpoll", "variant"),
        ("viewtopic.php?t=45&hilit=été", "variant"),
        ("viewtopic.php?f=3&t=45&st=0&sk=t&sd=a&start=10", "sort"),
        ("viewforum.php?f=3&sk=a", "sort"),
        ("viewforum.php?f=x", "variant"),
        ("viewforum.php", "variant"),
        ("viewtopic.php?t=45&start=-1", "variant"),
        ("index.php?mark=forums", "variant"),
        ("memberlist.php?mode=viewprofile&u=2", "members"),
        ("viewonline.php", "online"),
        ("search.php?search_id=newposts", "search"),
        ("posting.php?mode=reply&t=45", "writes"),
        ("ucp.php?mode=login", "other"),
        ("app.php/feed/topic/45", "feed"),
        ("feed.php?f=3", "feed"),
        ("app.php/help/faq", "other"),
        ("download/file.php?id=7&t=1", "thumbnail"),
        ("download/file.php?archive=.zip&post_id=9", "archive"),
        ("download/file.php", "other"),
    ],
)
def test_what_is_left(url: str, rule: str) -> None:
    found = PhpBB(BASE).classify(BASE + url)
    assert found is not None and not found.keep and found.reason
    assert found.rule == f"phpbb:{rule}"


def test_what_is_none_of_its_business() -> None:
    module = PhpBB(BASE)
    assert module.classify(BASE + "docs/règlement.pdf") is None
    assert module.classify(BASE + "galerie.php?album=3") is None


def test_the_base_is_where_its_links_lead() -> None:
    link = '<a href="./viewforum.php?f=1">x</a><a href="./index.php">i</a>'
    other = '<a href="http://elsewhere.example/phpBB/index.php">y</a>' * 5
    found = PhpBB.detect(_page(f"<p>{link}{other}</p>", mark='id="phpbb" class="section-index"'))
    assert found is not None and (found.name, found.base) == ("phpbb", BASE)
    assert PhpBB.detect(_page(f"<p>{link}</p>")) is None
    assert PhpBB.detect(_page("<p></p>", mark='id="phpbb"')) is None
    bot = replace(_page(f"<p>{link}</p>"), headers=((b"X-PHPBB-IS-BOT", b"yes"),))
    assert PhpBB.detect(bot) is not None


def test_the_walk_brings_everything_public_once(both: Seen) -> None:
    forum, found = both.forum, both.walked
    text = b"\n".join(page.body for page in found.pages.values()).decode("utf-8", "replace")
    assert [marker for marker in forum.secrets() if marker in text] == []
    assert [topic for topic in forum.public() for p in topic.posts if p.marker not in text] == []
    assert {*found.ids("post", "captured")} == {str(p.id) for t in forum.public() for p in t.posts}
    assert {*found.ids("topic", "captured")} >= {str(topic.id) for topic in forum.public()}
    assert found.number("topic-page", state="captured") == forum.pages() - len([*forum.public()])
    assert {*found.ids("attachment", "captured")} == {str(file.id) for file in forum.files()}
    assert [url for url in found.requests for trap in phpbb.TRAPS if re.search(trap, url)] == []


def test_what_visitors_may_not_have_is_told_apart(both: Seen) -> None:
    private = next(board for board in both.forum.boards if board.private)
    assert both.walked.state("board", str(private.id)) == "denied"
    assert both.walked.state("topic", str(private.topics[0].id)) == "denied"
    assert both.walked.state("topic", str(phpbb.GONE)) == "missing"
    assert "f=99" not in "".join(both.walked.requests)
    assert any(url.endswith("f=99") for url in both.walked.skipped["phpbb:door"])


def test_each_page_has_one_address_as_the_site_writes_it(both: Seen) -> None:
    topics = [url for url in both.walked.requests if "viewtopic" in url and f"t={phpbb.GONE}" not in url]
    with_board = [url for url in topics if "f=" in url]
    assert with_board == ([] if both.board.new else topics)


def test_every_counter_agrees_with_what_was_found(both: Seen) -> None:
    found = both.walked
    latest = {(count.kind, count.group, count.source): count for count in found.counts}
    exact = [count for count in latest.values() if count.bound == "exact"]
    assert len(exact) > 2 * len([*both.forum.public()])
    differing = [
        c
        for c in exact
        if c.n != found.number(c.kind, c.group, "captured") + found.number(c.kind, c.group, "denied")
    ]
    assert differing == []
    loose = [count for count in latest.values() if count.bound == "at most"]
    assert [c for c in loose if c.n < found.number(c.kind, c.group)] == []
    assert latest["post", "", "index"].n > found.number("post")
    boards = {c.group for c in exact if (c.kind, c.source) == ("topic", "board")}
    assert boards == {f"board {board.id}" for board in both.forum.boards if not board.private}
    assert {("topic", "board"), ("topic", "index"), ("post", "topic"), ("post", "board")} <= (
        found.heard | {(c.kind, c.source) for c in found.counts}
    )


def test_shadows_and_announcements_are_counted_where_the_board_counts_them(both: Seen) -> None:
    found, forum = both.walked, both.forum
    moved = forum.boards[1].left[0]
    assert found.items["topic", f"{moved.id} moved from board 3"].group == "board 3"
    assert found.items["topic", str(moved.id)].group == "board 2"
    assert found.items["topic", str(both.board.everywhere.id)].group == ""
    assert found.number("topic", "board 2", "denied") == 1


def test_pages_that_nothing_links_are_asked_for() -> None:
    """A page in the middle of a long topic stands in no link of the first one."""
    board = phpbb.PhpBB(forum_model.seed(0.2), "3.0")
    topic = max(board.forum.public(), key=lambda topic: len(topic.posts))
    with Site(board.part()) as site:
        page = get(f"{site.url}/forum/viewtopic.php?f=2&t={topic.id}")
        assert b"start=120" not in page.body
        told = list(PhpBB(f"{site.url}/forum/").read(page, Walked()))
    assert [one.value for one in told if isinstance(one, Setting)] == ["10"]
    urls = [one.url for one in told if isinstance(one, Item) and one.kind == "topic-page"]
    assert urls == [f"{page.url}&start={n}" for n in range(10, len(topic.posts), 10)]


def test_pages_tell_how_long_the_list_was(both: Seen) -> None:
    topic = max(both.forum.public(), key=lambda topic: len(topic.posts))
    page = both.page(f"t={topic.id}&start=20")
    told = [c for c in both.module.read(page, Walked()) if isinstance(c, Count) and c.bound == "once"]
    assert [(c.source, c.n, c.group) for c in told] == [
        ("topic from 21", len(topic.posts), f"topic {topic.id}")
    ]
    page = both.page("viewforum.php?f=3")
    told = [c for c in both.module.read(page, Walked()) if isinstance(c, Count) and c.bound == "once"]
    assert [(c.source, c.n) for c in told] == [("board from 1", len(both.board.listed(both.forum.boards[1])))]


def test_the_second_of_three_pages_tells_how_long_a_page_is() -> None:
    """It links what begins at 0 and at 20."""
    forum = forum_model.seed(0.2)
    topic = forum.boards[0].topics[1]
    topic.posts = topic.posts[:25]
    with Site(phpbb.PhpBB(forum).part()) as site:
        page = get(f"{site.url}/forum/viewtopic.php?t={topic.id}&start=10")
        told = list(PhpBB(f"{site.url}/forum/").read(page, Walked()))
    pages = [one.id for one in told if isinstance(one, Item) and one.kind == "topic-page"]
    assert pages == [f"{topic.id} from 11", f"{topic.id} from 21"]


def test_a_page_that_begins_anywhere_tells_the_same() -> None:
    with Site(phpbb.PhpBB(forum_model.seed(0.2), "3.0").part()) as site:
        page = get(f"{site.url}/forum/viewtopic.php?f=2&t=10&start=7")
        told = list(PhpBB(f"{site.url}/forum/").read(page, Walked()))
    assert [one.id for one in told if isinstance(one, Item)][-2:] == ["10 from 221", "10 from 231"]
    assert "10 from 11" in [one.id for one in told if isinstance(one, Item)]
    assert [one for one in told if isinstance(one, Setting)] == []


def test_behind_the_end_stands_the_last_page(both: Seen) -> None:
    """A page that was there a moment ago makes no pages up."""
    topic = max(both.forum.public(), key=lambda topic: len(topic.posts))
    page = both.page(f"t={topic.id}&start={(len(topic.posts) - 1) // 10 * 10}")
    behind = replace(page, url=both.module.at(page.url, 9_001))
    items = [one for one in both.module.read(behind, both.walked) if isinstance(one, Item)]
    assert [one.id for one in items if one.kind == "topic-page"] == []


def test_a_topic_that_grew_is_asked_for_again(both: Seen) -> None:
    """The board says one post more than was taken: the page where it must be, and no other."""
    topic = next(t for t in both.forum.boards[0].topics if len(t.posts) == 231)
    walked, module = both.walked, both.module
    page = both.page("viewforum.php?f=2")
    assert [one for one in module.read(page, walked) if isinstance(one, Ask)] == []
    for size, start in (("10", "&start=230"), ("", "")):
        module.settings["posts a page"] = size or "1000"
        grown = replace(page, body=page.body.replace(b'<dd class="posts">230 ', b'<dd class="posts">231 '))
        asks = [one.url for one in module.read(grown, walked) if isinstance(one, Ask)]
        assert [url.rpartition(f"t={topic.id}")[2] for url in asks] == [start]


def test_a_post_is_read_whole(both: Seen) -> None:
    topic = next(t for t in both.forum.public() if len(t.posts) > 10 and t.posts[1].file)
    page = both.page(f"t={topic.id}")
    posts = [post for post in both.module.extract(page) if isinstance(post, Post)]
    assert [post.number for post in posts] == list(range(1, 11))
    first, second = posts[:2]
    made = topic.posts[1]
    assert first.title == topic.title and (second.id, second.topic) == (str(made.id), str(topic.id))
    assert second.author == forum_model.MEMBERS[made.author]
    local = made.posted.astimezone(phpbb.ZONE)
    assert second.date == (made.posted.isoformat() if both.board.new else local.replace(second=0).isoformat())
    assert made.marker in second.html
    assert "Signature" not in second.html and "Modifié" not in second.html and "attachbox" not in second.html
    assert made.file and second.attachments[0].name == made.file.name
    later = both.page(f"t={topic.id}&start=10")
    assert [post.number for post in both.module.extract(later) if isinstance(post, Post)][:1] == [11]


def _page(body: str, url: str = "viewtopic.php?t=45", mark: str = "") -> Page:
    text = f"<html><body {mark}>{body}</body></html>"
    return Page(BASE + url, 200, "text/html", text.encode(), AT)


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("The requested topic does not exist.", "missing"),
        ("Le sujet que vous souhaitez consulter n’existe pas.", "missing"),
        ("You are not authorised to read this forum.", "denied"),
        ("You do not have the required permissions to view or read topics within this forum.", "denied"),
        ("Vous n’avez pas les permissions requises.", "denied"),
        ("Sorry but this board is currently unavailable.", "challenge"),
        ("Désolé, mais ce forum est actuellement indisponible.", "challenge"),
        ("You have been permanently banned from this board.", "challenge"),
        ("Merci de votre visite", "challenge"),
    ],
)
def test_a_200_that_is_no_page(words: str, verdict: str) -> None:
    box = f'<div id="message"><h2 class="message-title">Information</h2><p>{words}</p></div>'
    for url in ("viewtopic.php?t=45", "viewforum.php?f=3", "viewtopic.php?t=45&start=10"):
        found = PhpBB(BASE).accept(_page(box, url, 'id="phpbb" class="section-viewtopic"'))
        assert found.verdict == verdict, found


def test_a_board_that_only_members_read() -> None:
    login = '<form id="login"><h2 class="login-title">Devi essere iscritto</h2></form>'
    found = PhpBB(BASE).accept(_page(login, "viewforum.php?f=3", 'id="phpbb"'))
    assert (found.verdict, found.why) == ("denied", "Devi essere iscritto")
    password = '<form id="login_forum"><div class="content"><h2>Mot de passe</h2></div></form>'
    assert PhpBB(BASE).accept(_page(password, "viewforum.php?f=3", 'id="phpbb"')).verdict == "denied"
    words = "<strong>Vous n’avez pas la permission de lire</strong>"
    listed = f'<div id="page-body"><div class="panel">{words}</div></div>'
    assert PhpBB(BASE).accept(_page(listed, "viewforum.php?f=3", 'id="phpbb"')).verdict == "denied"


def test_a_message_instead_of_a_file() -> None:
    words = "The selected attachment does not exist anymore."
    box = f'<a href="./index.php">i</a><div id="message"><p>{words}</p></div>'
    found = PhpBB(BASE).accept(_page(box, "download/file.php?id=7", 'id="phpbb"'))
    assert found.verdict == "missing"
    assert PhpBB(BASE).accept(_page("<p>Une page jointe</p>", "download/file.php?id=7")).verdict == "ok"


def test_a_captcha_and_a_page_cut_off(both: Seen) -> None:
    wall = _page("<title>Just a moment...</title>")
    assert (
        both.module.accept(replace(wall, url=f"{both.module.base}viewtopic.php?t=45")).verdict == "challenge"
    )
    page = both.page("viewforum.php?f=2")
    assert both.module.accept(page).verdict == "ok"
    broken = replace(page, body=page.body[: len(page.body) // 2])
    assert both.module.accept(broken).verdict == "challenge"


def test_spots_that_change_at_every_fetch_are_known(both: Seen) -> None:
    page = both.page("viewforum.php?f=2").body
    later = re.sub(rb"Nous sommes le [^<]*", b"Nous sommes demain", page)
    later = re.sub(rb"<dd class=\"views\">\d+", b'<dd class="views">9', later).replace(
        b"cron_type=t", b"cron_type=q"
    )
    later = later.replace(b"tidy_sessions", b"prune")
    assert page != later

    def still(body: bytes) -> bytes:
        for spot in PhpBB.volatile:
            body = spot.sub(b"", body)
        return body

    assert still(page) == still(later)
    assert still(page) != still(page.replace(b'topictitle">', b'topictitle">!', 1))


def test_skips_of_doors_only(both: Seen) -> None:
    front = both.page("forum/")
    skips = [one.url for one in both.module.read(front, Walked()) if isinstance(one, Skip)]
    assert [url.rpartition("?")[2] for url in skips] == ["f=99"]
    other = replace(front, body=front.body.replace(b"forum_link", b"forum_read"))
    assert [one for one in both.module.read(other, Walked()) if isinstance(one, Skip)] == [
        one for one in both.module.read(front, Walked()) if isinstance(one, Skip)
    ]
    bare = replace(front, body=re.sub(rb'<dd class="(?:topics|redirect)">.*?</dd>', b"", front.body))
    boards = [one.id for one in both.module.read(bare, Walked()) if isinstance(one, Item)]
    assert sorted(boards) == [str(board.id) for board in both.forum.boards]


def test_topics_that_an_extension_shows_are_none_of_the_board(both: Seen) -> None:
    page = both.page("viewforum.php?f=2")
    row = '<li class="row"><a class="topictitle" href="./viewtopic.php?f=9&amp;t=9">x</a></li>'
    recent = f'<div class="forumbg recent-topics"><ul class="topiclist topics">{row}</ul></div></body>'
    more = replace(page, body=page.body.replace(b"</body>", recent.encode()))
    assert list(both.module.topics(more)) == list(both.module.topics(page)) != []
