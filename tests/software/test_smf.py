"""SMF: its addresses, its pages in the markup of 2.0 and 2.1, and a walk over a whole forum."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from crawler.software import Ask, Count, Item, Page, Setting, Skip
from crawler.software.items import Post
from crawler.software.smf import Smf
from tests.sites import forum_model, smf
from tests.sites.static import Site
from tests.software.walker import Walked, get, walk

BASE = "http://f.example/forum/"
AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass
class Seen:
    board: smf.Smf
    walked: Walked

    @property
    def forum(self) -> forum_model.Forum:
        return self.board.forum

    @property
    def module(self) -> Smf:
        return Smf(next(iter(self.walked.pages)).partition("index.php")[0])

    def page(self, kind: str, id: int, start: int = 0) -> Page:
        rest = self.board.link(kind, id, start).removeprefix("~")
        return self.walked.pages[self.module.base + rest]


@pytest.fixture(scope="module", params=["2.0", "2.1", "2.1 queryless"])
def each(request: pytest.FixtureRequest) -> Iterator[Seen]:
    version, _, queryless = str(request.param).partition(" ")
    forum = forum_model.seed(0.5)
    forum.topics = 7
    board = smf.Smf(forum, "2.0" if version == "2.0" else "2.1", queryless=bool(queryless))
    with Site(board.part()) as site:
        yield Seen(board, walk(Smf, f"{site.url}/forum/index.php", get))


@pytest.mark.parametrize(
    ("url", "kind", "id", "usual"),
    [
        ("", "index", "", ""),
        ("index.php", "index", "", ""),
        ("index.php?board=3.0", "board", "3", ""),
        ("index.php?board=3.20", "board-page", "3 from 21", ""),
        ("index.php?board=3", "board", "3", "index.php?board=3.0"),
        ("index.php?topic=45.0", "topic", "45", ""),
        ("index.php?topic=45.30", "topic-page", "45 from 31", ""),
        ("index.php?topic=45.37", "topic-page", "45 from 31", "index.php?topic=45.30"),
        ("index.php/board,3.20.html", "board-page", "3 from 21", ""),
        ("index.php/topic,45.30.html", "topic-page", "45 from 31", ""),
        ("index.php/topic,45.37.html", "topic-page", "45 from 31", "index.php/topic,45.30.html"),
        ("index.php?action=dlattach;topic=45.0;attach=7", "attachment", "7", ""),
        ("index.php?action=dlattach;topic=45.0;attach=7;image", "attachment", "7", ""),
        ("index.php?action=dlattach;attach=7;type=avatar", "avatar", "7", ""),
        ("index.php?action=.xml;type=rss", "feed", "all", ""),
    ],
)
def test_what_is_kept(url: str, kind: str, id: str, usual: str) -> None:
    found = Smf(BASE, {"posts a page": "15"}).classify(BASE + url)
    assert found is not None and found.keep
    assert (found.kind, found.id, found.item) == (kind, id, bool(id))
    assert found.url == (BASE + usual if usual else "")


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("index.php?topic=45.msg1234", "anchor"),
        ("index.php?topic=45.new", "anchor"),
        ("index.php/topic,45.msg1234.html", "anchor"),
        ("index.php?topic=45.0;prev_next=next", "neighbour"),
        ("index.php?topic=45.0;all", "all"),
        ("index.php?topic=45.0;topicseen", "other"),
        ("index.php?board=3.0;sort=views;desc", "sort"),
        ("index.php?action=printpage;topic=45.0", "print"),
        ("index.php?action=profile;u=2", "members"),
        ("index.php?action=mlist", "members"),
        ("index.php?action=recent", "recent"),
        ("index.php?action=calendar;year=2031", "calendar"),
        ("index.php?action=who", "online"),
        ("index.php?action=stats", "stats"),
        ("index.php?action=credits", "other"),
        ("index.php?action=.xml;type=atom;board=2", "feed"),
        ("index.php?action=dlattach;topic=45.0", "other"),
        ("index.php?theme=3", "other"),
        ("index.php/action,mlist.html", "other"),
    ],
)
def test_what_is_left(url: str, rule: str) -> None:
    found = Smf(BASE).classify(BASE + url)
    assert found is not None and not found.keep and found.reason
    assert found.rule == f"smf:{rule}"


def test_what_is_none_of_its_business() -> None:
    assert Smf(BASE).classify(BASE + "docs/règlement.pdf") is None
    assert Smf(BASE).classify(BASE + "galerie.php?album=3") is None


def test_the_base_is_where_its_script_lies() -> None:
    def found(script: str) -> str | None:
        page = _page(f'<script>var smf_scripturl = "{script}";</script>', "index.php?topic=45.0")
        installed = Smf.detect(page)
        return installed.base if installed else None

    assert found(f"{BASE}index.php") == BASE
    assert found(f"{BASE}index.php?PHPSESSID={'0' * 32}&amp;") == BASE
    assert (
        found("https://www.f.example/forum/index.php") == BASE
    )  # it names itself otherwise than it was found
    assert Smf.detect(_page("<p>SMF</p>")) is None


def test_the_walk_brings_everything_public_once(each: Seen) -> None:
    forum, found = each.forum, each.walked
    text = b"\n".join(page.body for page in found.pages.values()).decode("utf-8", "replace")
    assert [marker for marker in forum.secrets() if marker in text] == []
    assert [topic for topic in forum.public() for p in topic.posts if p.marker not in text] == []
    assert {*found.ids("post", "captured")} == {str(p.id) for t in forum.public() for p in t.posts}
    assert {*found.ids("topic", "captured")} >= {str(topic.id) for topic in forum.public()}
    assert found.number("topic-page", state="captured") == forum.pages() - len([*forum.public()])
    named = {
        id for id in found.ids("attachment", "captured") if found.items["attachment", id].sources & {"topic"}
    }
    assert named == {str(file.id) for file in forum.files()}
    assert [url for url in found.requests for trap in smf.TRAPS if re.search(trap, url)] == []


def test_what_visitors_may_not_have_is_told_apart(each: Seen) -> None:
    private = next(board for board in each.forum.boards if board.private)
    assert each.walked.state("board", str(private.id)) == "denied"
    assert each.walked.state("topic", str(private.topics[0].id)) == (
        "denied" if each.board.new else "missing"
    )
    assert each.walked.state("topic", str(smf.GONE)) in ("denied", "missing")
    assert any("board=99" in url for url in each.walked.skipped["smf:door"])


def test_every_counter_agrees_with_what_was_found(each: Seen) -> None:
    found = each.walked
    moved = [topic for board in each.forum.boards for topic in each.board.left(board)]
    for topic in moved:  # the walker follows redirects, the engine settles what answers with one
        found.items["topic", str(topic.id + smf.MOVED)].state = "captured"
    latest = {(count.kind, count.group, count.source): count for count in found.counts}
    exact = [count for count in latest.values() if count.bound == "exact"]
    assert len(exact) > 2 * len([*each.forum.public()])
    assert [c for c in exact if c.n != found.number(c.kind, c.group, "captured")] == []
    boards = {f"board {board.id}" for board in each.forum.boards if not board.private}
    assert {c.group for c in exact if (c.kind, c.source) == ("topic", "board")} == boards
    assert {c.group for c in exact if (c.kind, c.source) == ("topic", "index")} == boards - {
        "board 2",
        "board 4",
    }
    total = latest["post", "", "index"]
    assert total.bound == "at most" and total.n > found.number("post")
    assert latest["topic", "", "index"].n > found.number("topic") - len(moved)
    assert not [c for c in exact for topic in moved if c.group == f"topic {topic.id + smf.MOVED}"]


def test_pages_that_only_javascript_links_are_asked_for(each: Seen) -> None:
    topic = max(each.forum.public(), key=lambda topic: len(topic.posts))
    page = each.page("topic", topic.id)
    assert b"expand_pages" in page.body
    told = list(each.module.read(page, Walked()))
    urls = [one.url for one in told if isinstance(one, Item) and one.kind == "topic-page"]
    size = each.forum.posts
    assert [one.value for one in told if isinstance(one, Setting)] == [str(size)]
    assert urls == [each.page("topic", topic.id, at).url for at in range(size, len(topic.posts), size)]


def test_the_last_page_tells_how_many_posts_there_are(each: Seen) -> None:
    topic = max(each.forum.public(), key=lambda topic: len(topic.posts))
    last = (len(topic.posts) - 1) // each.forum.posts * each.forum.posts
    for start, expected in ((0, []), (last, [len(topic.posts)])):
        told = each.module.read(each.page("topic", topic.id, start), Walked())
        assert [one.n for one in told if isinstance(one, Count)] == expected


def test_the_second_of_three_pages_tells_how_long_a_page_is() -> None:
    """It links what begins at 0 and at 20."""
    forum = forum_model.seed(0.2)
    topic = forum.boards[0].topics[1]
    topic.posts = topic.posts[:25]
    with Site(smf.Smf(forum).part()) as site:
        page = get(f"{site.url}/forum/index.php?topic={topic.id}.10")
        told = list(Smf(f"{site.url}/forum/").read(page, Walked()))
    pages = [one.id for one in told if isinstance(one, Item) and one.kind == "topic-page"]
    assert pages == [f"{topic.id} from 11", f"{topic.id} from 21"]


def test_behind_the_end_stands_the_last_page(each: Seen) -> None:
    """A page that was there a moment ago: its posts are counted and numbered as what they are."""
    topic = max(each.forum.public(), key=lambda topic: len(topic.posts))
    page = each.page("topic", topic.id, (len(topic.posts) - 1) // 10 * 10)
    behind = replace(page, url=each.module.at(page.url, 9_001))
    assert [c.n for c in each.module.read(behind, Walked()) if isinstance(c, Count)] == [len(topic.posts)]
    posts = [post for post in each.module.extract(behind) if isinstance(post, Post)]
    assert posts[-1].number == len(topic.posts)


def test_pages_tell_how_long_the_list_was(each: Seen) -> None:
    topic = max(each.forum.public(), key=lambda topic: len(topic.posts))
    told = [
        c for c in each.module.read(each.page("topic", topic.id, 20), each.walked) if isinstance(c, Count)
    ]
    assert [(c.source, c.n, c.bound) for c in told] == [("board from 21", len(topic.posts), "once")]
    told = [c for c in each.module.read(each.page("board", 3, 0), each.walked) if isinstance(c, Count)]
    listed = len(each.board.listed(each.forum.boards[1]))
    assert [(c.source, c.n) for c in told if c.bound == "once"] == [("index from 1", listed)]


def test_a_theme_may_leave_numbers_out(each: Seen) -> None:
    front = each.walked.pages[f"{each.module.base}index.php"]
    bare = re.sub(rb'class="(?:board_stats[^"]*|stats windowbg)"', b"", front.body)
    told = list(each.module.read(replace(front, body=bare), Walked()))
    boards = {one.id for one in told if isinstance(one, Item) and one.kind == "board"}
    assert boards == {str(board.id) for board in each.forum.boards if not board.private}
    assert [one for one in told if isinstance(one, Count) and one.group] == []
    assert len([one for one in told if isinstance(one, Skip)]) == 1


def test_a_row_that_is_not_there_is_no_hidden_topic(each: Seen) -> None:
    """phpBB leaves rows out for a reason, SMF never: the number must differ then."""
    page = each.page("board", 2)
    page = replace(page, body=page.body.replace(b'<span id="msg_', b'<span id="other_', 1))
    told = each.module.read(page, Walked())
    listed = [one for one in told if isinstance(one, Item) and one.kind == "topic"]
    assert len(listed) == each.forum.topics - 1
    assert [one for one in listed if one.state != "expected"] == []


def test_a_topic_that_grew_is_asked_for_again(each: Seen) -> None:
    topic = next(t for t in each.forum.boards[0].topics if len(t.posts) == 231)
    page, module = each.page("board", 2), each.module
    module.settings["posts a page"] = str(each.forum.posts)
    assert [one for one in module.read(page, each.walked) if isinstance(one, Ask)] == []
    for before in (b"<p>R\xc3\xa9ponses: 230", b">230 R\xc3\xa9ponses"):
        page = replace(page, body=page.body.replace(before, before.replace(b"230", b"231")))
    asks = [one.url for one in module.read(page, each.walked) if isinstance(one, Ask)]
    assert asks == [each.page("topic", topic.id, 230).url]


def test_a_post_is_read_whole(each: Seen) -> None:
    topic = next(t for t in each.forum.public() if len(t.posts) > 10 and t.posts[1].file)
    posts = [post for post in each.module.extract(each.page("topic", topic.id)) if isinstance(post, Post)]
    assert [post.number for post in posts] == list(range(1, 11))
    first, second = posts[:2]
    made = topic.posts[1]
    assert first.title == topic.title and (second.id, second.topic) == (str(made.id), str(topic.id))
    assert second.author == forum_model.MEMBERS[made.author]
    assert second.date == made.posted.isoformat()[:19]
    assert made.marker in second.html and "Signature" not in second.html and "12,5" not in second.html
    assert made.file and [file.name for file in second.attachments] == [made.file.name]
    later = each.module.extract(each.page("topic", topic.id, 10))
    assert [post.number for post in later if isinstance(post, Post)][:1] == [11]


def _page(body: str, url: str = "index.php?topic=45.0") -> Page:
    return Page(BASE + url, 200, "text/html", f"<html><body>{body}</body></html>".encode(), AT)


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        (
            "The topic or board you are looking for appears to be either missing or off limits to you.",
            "missing",
        ),
        ("Ce fil semble être soit manquant, soit hors limite pour vous.", "missing"),
        ("You are not allowed to access this section", "denied"),
        ("Sorry Guest, you are banned from using this forum!", "challenge"),
        ("Bonjour", "challenge"),
    ],
)
def test_a_200_that_is_no_page(words: str, verdict: str) -> None:
    box = f'<div id="fatal_error"><h3>Error!</h3><div class="padding">{words}</div></div>'
    for url in ("index.php?topic=45.0", "index.php?board=3.20", "index.php?action=dlattach;attach=7"):
        page = _page(f'<script>var smf_scripturl = "{BASE}index.php";</script>{box}', url)
        assert Smf(BASE).accept(page).verdict == verdict


def test_a_login_and_a_forum_closed_for_work() -> None:
    login = '<div class="login"><form id="frmLogin"><p class="information">Solo iscritti</p></form></div>'
    found = Smf(BASE).accept(_page(login))
    assert (found.verdict, found.why) == ("denied", "Solo iscritti")
    closed = f'<div id="maintenance_mode"><h3>Maintenance</h3></div>{login}'
    for url in ("index.php?topic=45.0", "index.php"):
        assert Smf(BASE).accept(_page(closed, url)).verdict == "challenge"


def test_a_page_cut_off_is_not_accepted(each: Seen) -> None:
    page = each.page("board", 2)
    assert each.module.accept(page).verdict == "ok"
    assert each.module.accept(replace(page, body=page.body[: len(page.body) // 2])).verdict == "challenge"
    wall = replace(_page("<title>Just a moment...</title>"), url=page.url)
    assert each.module.accept(wall).verdict == "challenge"


def test_spots_that_change_at_every_fetch_are_known(each: Seen) -> None:
    page = each.page("board", 2).body
    later = re.sub(rb'smf_session_id = "\w+"', b'smf_session_id = "ff"', page)
    later = re.sub(rb"<time datetime=[^<]*<strong>", b'<time datetime="x"><strong>', later)
    later = re.sub(rb"Page cr\xc3\xa9\xc3\xa9e en [\d.]+", b"Page cr\xc3\xa9\xc3\xa9e en 9", later)
    later = re.sub(rb"(Vues: |(?<= />))\d+(?= Vues|</p>)", rb"\g<1>7", later)
    assert page != later

    def still(body: bytes) -> bytes:
        for spot in Smf.volatile:
            body = spot.sub(b"", body)
        return body

    assert still(page) == still(later)
    assert still(page) != still(page.replace(b'<span id="msg_', b'<span id="msg_!', 1))
