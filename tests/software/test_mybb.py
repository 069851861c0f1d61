"""MyBB: its addresses, its pages, and a walk over a whole forum without the engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timezone

import pytest

from crawler.software import Count, Item, Page
from crawler.software.items import Post
from crawler.software.mybb import MyBB
from tests.sites import forum_model
from tests.sites.mybb import LOGIN, TRAPS, ZONE, mybb, says
from tests.sites.static import Site
from tests.software.walker import Known, Walked, get, walk

BASE = "http://f.example/mybb/"
AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "kind", "id", "usual"),
    [
        ("forumdisplay.php?fid=3", "board", "3", ""),
        ("forumdisplay.php?fid=3&page=2", "board-page", "3 page 2", ""),
        ("forum-3.html", "board", "3", ""),
        ("forum-3-page-2.html", "board-page", "3 page 2", ""),
        ("showthread.php?tid=45", "topic", "45", ""),
        ("showthread.php?tid=45&page=1", "topic", "45", "showthread.php?tid=45"),
        ("showthread.php?page=12&tid=45", "topic-page", "45 page 12", "showthread.php?tid=45&page=12"),
        ("thread-45.html", "topic", "45", ""),
        ("thread-45-page-1.html", "topic", "45", "thread-45.html"),
        ("thread-45-page-12.html", "topic-page", "45 page 12", ""),
        ("announcements.php?aid=2", "announcement", "2", ""),
        ("announcement-2.html", "announcement", "2", ""),
        ("attachment.php?aid=7", "attachment", "7", ""),
        ("index.php", "index", "", ""),
        ("portal.php", "portal", "", ""),
    ],
)
def test_what_is_kept(url: str, kind: str, id: str, usual: str) -> None:
    found = MyBB(BASE).classify(BASE + url)
    assert found is not None and found.keep
    assert (found.kind, found.id, found.item) == (kind, id, bool(id))
    assert found.url == (BASE + usual if usual else "")


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("showthread.php?tid=45&pid=1001", "mybb:post"),
        ("showthread.php?tid=45&action=lastpost", "mybb:post"),
        ("showthread.php?mode=threaded&tid=45", "mybb:post"),
        ("thread-45-post-1001.html", "mybb:post"),
        ("thread-45-lastpost.html", "mybb:post"),
        ("post-1001.html", "mybb:post"),
        ("showthread.php?tid=45&highlight=rose", "mybb:other"),
        ("forumdisplay.php?fid=3&sortby=subject&order=asc", "mybb:sort"),
        ("forumdisplay.php?fid=3&datecut=30", "mybb:sort"),
        ("forumdisplay.php?fid=3&datecut=9999&prefix=0&sortby=lastpost&order=desc", "mybb:sort"),
        ("attachment.php?thumbnail=7", "mybb:thumbnail"),
        ("printthread.php?tid=45", "mybb:print"),
        ("archive/index.php/thread-45.html", "mybb:archive"),
        ("syndication.php?type=atom1.0", "mybb:feed"),
        ("member.php?action=profile&uid=2", "mybb:members"),
        ("user-2.html", "mybb:members"),
        ("calendar-1-year-2026-month-3.html", "mybb:members"),
        ("calendar.php?action=event&eid=2", "mybb:other"),
        ("portal.php?page=2", "mybb:other"),
        ("misc.php?action=help", "mybb:other"),
    ],
)
def test_what_is_left(url: str, rule: str) -> None:
    found = MyBB(BASE).classify(BASE + url)
    assert found is not None and not found.keep and found.reason
    assert found.rule == rule


def test_what_is_none_of_its_business() -> None:
    assert MyBB(BASE).classify(BASE + "galerie/été.html") is None


@pytest.fixture(scope="module", params=(False, True), ids=("own", "friendly"))
def walked(request: pytest.FixtureRequest) -> Iterator[tuple[forum_model.Forum, Walked]]:
    """A forum and the walk over it."""
    forum = forum_model.seed(0.4)
    with Site(mybb(forum, request.param)) as site:
        yield forum, walk(MyBB, f"{site.url}/", get)


def test_the_walk_brings_everything_public_once(walked: tuple[forum_model.Forum, Walked]) -> None:
    forum, found = walked
    text = b"\n".join(page.body for page in found.pages.values()).decode()
    assert [marker for marker in forum.markers() if marker not in text] == []
    assert [marker for marker in forum.secrets() if marker in text] == []
    posts = {str(post.id) for topic in forum.public() for post in topic.posts}
    assert set(found.ids("post", "captured")) == posts
    assert found.number("topic-page", state="captured") == forum.pages() - len([*forum.public()])
    assert {*found.ids("attachment", "captured")} == {str(file.id) for file in forum.files()}
    targets = [url.partition("//")[2].partition("/")[2] for url in found.requests]
    assert [target for target in targets if any(trap in target for trap in TRAPS)] == []


def test_every_counter_agrees_with_what_was_found(walked: tuple[forum_model.Forum, Walked]) -> None:
    forum, found = walked
    latest = {(count.kind, count.group, count.source): count for count in found.counts}
    exact = [count for count in latest.values() if count.bound == "exact"]
    told = {("topic", "index"), ("topic", "board"), ("post", "board"), ("post", "topic")}
    assert {(c.kind, c.source) for c in exact} == told
    assert [c for c in exact if c.n != found.number(c.kind, c.group, "captured")] == []
    nested = latest["topic", "board 2", "index"]
    assert nested.bound == "at most"
    assert nested.n == len(forum.boards[0].topics) + len(forum.boards[2].topics)
    assert latest["topic", "board 4", "board"].bound == "exact"
    assert ("topic", "board 5", "index") not in latest
    assert latest["post", "", "index"].n > found.number("post")
    assert latest["topic", "", "index"].bound == "at most"


def test_old_topics_that_a_board_leaves_out_are_found() -> None:
    forum = forum_model.seed(0.8)
    with Site(mybb(forum, days=300)) as site:
        found = walk(MyBB, f"{site.url}/", get)
        shown = get(f"{site.url}/forumdisplay.php?fid=2").body.count(b'id="tid_')
    assert 0 < shown < 12 < len(forum.boards[0].topics)
    assert {*found.ids("post", "captured")} == {str(p.id) for t in forum.public() for p in t.posts}
    asked = [url for url in found.requests if "datecut" in url]
    assert asked and not [url for url in asked if "sortby" in url]
    assert any(url.endswith("fid=2&datecut=9999&page=2") for url in asked)
    latest = {(count.kind, count.group, count.source): count for count in found.counts}
    exact = [count for count in latest.values() if count.bound == "exact"]
    assert [c for c in exact if c.n != found.number(c.kind, c.group, "captured")] == []


def test_each_board_of_a_list_is_named_once(walked: tuple[forum_model.Forum, Walked]) -> None:
    forum, found = walked
    url = found.requests[0]
    ids = [board.id for board in MyBB(url).boards(found.pages[url])]
    assert ids == ["2", "4", "3", "5", "6", "7"]
    assert len(forum.boards) == len(ids)


def test_a_private_board_is_refused_not_missing(walked: tuple[forum_model.Forum, Walked]) -> None:
    _, found = walked
    assert found.state("board", "5") == "denied"


def test_topics_moved_away_may_count_or_not() -> None:
    """The published number is read either way, once the moved ones are known; never so that one hides."""
    forum = forum_model.seed(0.4)
    with Site(mybb(forum)) as site:
        module, page = MyBB(f"{site.url}/"), get(f"{site.url}/")
    count = len(forum.boards[1].topics)
    cell = '<td class="trow1" align="center">%d</td>'
    more = page.body.replace((cell % count).encode(), (cell % (count + 1)).encode())
    assert more != page.body
    page = Page(page.url, 200, "text/html", more, AT)
    known = Walked()

    def told() -> Count:
        counts = [one for one in module.read(page, known) if isinstance(one, Count)]
        return next(one for one in counts if one.group == "board 3")

    assert told().n == count + 1
    known.items["moved", "22 moved from board 3"] = Known("captured", group="board 3")
    for id in range(count):
        known.items["topic", str(id)] = Known("captured", group="board 3")
    assert told().n == count
    del known.items["topic", "3"]
    assert told().n == count + 1


def test_pages_that_nothing_links_are_asked_for(walked: tuple[forum_model.Forum, Walked]) -> None:
    forum, found = walked
    topic = max(forum.public(), key=lambda topic: len(topic.posts))
    url = next(item.url for key, item in found.items.items() if key == ("topic", str(topic.id)))
    module = MyBB(url[: url.index("/", 8) + 1])
    assert module.at(url, 12).encode() not in found.pages[url].body.replace(b"&amp;", b"&")
    told = [one for one in module.read(found.pages[url], Walked()) if isinstance(one, Item)]
    pages = [one.url for one in told if one.kind == "topic-page"]
    assert pages == [module.at(url, n) for n in range(2, forum.last(topic) + 1)]


def test_a_post_is_read_whole(walked: tuple[forum_model.Forum, Walked]) -> None:
    forum, found = walked
    topic = next(topic for topic in forum.public() if len(topic.posts) > 10 and topic.posts[1].file)
    wanted = topic.posts[1]
    url = next(u for u, page in found.pages.items() if f'id="pid_{wanted.id}"'.encode() in page.body)
    module = MyBB(url[: url.index("/", 8) + 1])
    posts = [post for post in module.extract(found.pages[url]) if isinstance(post, Post)]
    second = posts[1]
    assert (second.id, second.topic, second.number) == (str(wanted.id), str(topic.id), 2)
    assert second.author == forum_model.MEMBERS[wanted.author]
    here = wanted.posted.astimezone(timezone(ZONE)).replace(second=0)
    assert second.date == here.isoformat()
    assert wanted.marker in second.html and "Signature" not in second.html
    assert wanted.file and [one.name for one in second.attachments] == [wanted.file.name]


def test_what_changes_at_every_fetch_is_known() -> None:
    forum = forum_model.seed(0.2)
    with Site(mybb(forum)) as site:
        for target in ("/", "/forumdisplay.php?fid=2", f"/showthread.php?tid={forum.boards[0].topics[0].id}"):
            one, two = (get(site.url + target).body for _ in range(2))
            assert one != two
            for spot in MyBB.volatile:
                one, two = spot.sub(b"", one), spot.sub(b"", two)
            assert one == two
            assert len(one) > 3_000


def test_a_file_that_visitors_may_not_have_is_refused() -> None:
    foot = '<div id="copyright"><a href="https://mybb.com">MyBB</a></div>'
    assert MyBB(BASE).accept(_page(says(LOGIN), "attachment.php?aid=7", foot)).verdict == "denied"
    assert MyBB(BASE).accept(_page("a page of its own", "attachment.php?aid=7")).verdict == "ok"


def test_the_number_of_a_topic_that_is_refused_is_held_against_nothing() -> None:
    forum = forum_model.seed(0.2)
    with Site(mybb(forum)) as site:
        module, page = MyBB(f"{site.url}/"), get(f"{site.url}/forumdisplay.php?fid=2")
    known, group = Walked(), f"topic {forum.boards[0].topics[0].id}"
    bounds = []
    for _ in range(2):
        counts = [one for one in module.read(page, known) if isinstance(one, Count)]
        bounds.append(next(one.bound for one in counts if one.group == group))
        known.items["topic", group.removeprefix("topic ")] = Known("denied")
    assert bounds == ["exact", "at most"]


def test_today_is_read_from_its_title(walked: tuple[forum_model.Forum, Walked]) -> None:
    forum, found = walked
    fresh = forum.boards[0].topics[1].posts[-1]
    url = next(u for u, page in found.pages.items() if f'id="pid_{fresh.id}"'.encode() in page.body)
    post = list(MyBB(url[: url.index("/", 8) + 1]).extract(found.pages[url]))[-1]
    assert isinstance(post, Post)
    assert datetime.fromisoformat(post.date) == fresh.posted.replace(second=0)


def _page(body: str, url: str = "showthread.php?tid=45", foot: str = "") -> Page:
    head = '<html><body><a href="member.php?action=login">Login</a>'
    text = f'{head}<div id="content">{body}</div>{foot}</body></html>'
    return Page(BASE + url, 200, "text/html", text.encode(), AT)


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        (LOGIN, "denied"),
        ("The specified thread does not exist.", "missing"),
        ("Le sujet spécifié n’existe pas.", "missing"),
        (
            "The bulletin board is currently closed. The administrator has specified the reason below.",
            "challenge",
        ),
        ("I'm sorry, but you are banned. You may not post, read threads, or access the forum.", "challenge"),
        ("Something else", "challenge"),
        ("", "challenge"),
    ],
)
def test_a_200_that_is_no_page(words: str, verdict: str) -> None:
    assert MyBB(BASE).accept(_page(says(words))).verdict == verdict


def test_the_login_in_every_head_is_no_refusal() -> None:
    assert MyBB(BASE).accept(_page("<p>nothing</p>")).verdict == "challenge"


OLD = """<div id="posts"><table cellspacing="1" class="tborder" id="post_77"><tbody>
<tr><td class="trow1 post_author"><strong><span class="largetext">
<a href="member.php?action=profile&uid=2">Ülkü</a></span></strong></td></tr>
<tr><td class="trow2 post_content"><div class="float_right"><strong>Post:
<a href="showthread.php?tid=45&pid=77">#12</a></strong></div>
<div class="post_body" id="pid_77">Vieux texte</div></td></tr></tbody></table></div>"""


def test_the_markup_of_1_6_is_read_too() -> None:
    page = _page(OLD)
    assert MyBB(BASE).accept(page).verdict == "ok"
    (post,) = MyBB(BASE).extract(page)
    assert isinstance(post, Post)
    assert (post.id, post.number, post.author, post.html) == ("77", 12, "Ülkü", "Vieux texte")


@pytest.mark.parametrize(
    ("clock", "written", "read"),
    [
        ("11-22-2026, 07:02 AM", "05-03-2014, 09:30 PM", "2014-05-03T21:30:00-05:00"),
        ("22-11-2026, 13:02", "05-03-2014, 21:30", "2014-03-05T21:30:00+01:00"),
        ("22.11.2026, 12:00", "05.03.2014, 21:30", "2014-03-05T21:30:00+00:00"),
        ("", "05-03-2014, 21:30", ""),
        (
            "11-22-2026, 07:02 AM",
            '<span title="11-20-2026, 06:50 AM">vor 2 Tagen</span>',
            "2026-11-20T06:50:00-05:00",
        ),
        ("", "25-03-2014, 21:30", "2014-03-25T21:30:00"),
    ],
)
def test_the_clock_in_the_foot_tells_how_dates_are_written(clock: str, written: str, read: str) -> None:
    foot = f'<div id="current_time"><strong>Current time:</strong> {clock}</div>'
    node = OLD.replace("</strong></div>", f'</strong></div><span class="post_date">{written}</span>')
    (post,) = MyBB(BASE).extract(_page(node, foot=foot))
    assert isinstance(post, Post) and post.date == read


def test_a_theme_may_change_the_order_of_columns() -> None:
    board = """<table><tr><td><div class="forum_status ajax_mark_read" id="mark_read_3"></div></td>
    <td><strong><a href="forumdisplay.php?fid=3">Jardin</a></strong></td><td>2,641<span> Replies</span></td>
    <td>15<span> Topics</span></td><td></td></tr></table>"""
    topic = """<table><tr><td><span id="tid_45"><a href="showthread.php?tid=45">A</a></span></td><td>999</td>
    <td><a href="javascript:MyBB.whoPosted(45);">7</a></td></tr></table>"""
    module = MyBB(BASE)
    assert [(one.id, one.topics) for one in module.boards(_page(board, "index.php"))] == [("3", 15)]
    assert [(one.id, one.posts) for one in module.topics(_page(topic, "forumdisplay.php?fid=3"))] == [
        ("45", 8)
    ]
