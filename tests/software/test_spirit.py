"""Spirit: its addresses, and its pages as a real forum serves them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from crawler.software import Ask, Count, Found, Heard, Item, Page, Setting, Skip
from crawler.software.spirit import Spirit
from tests.sites.spirit import COMMENTS_PER_PAGE, Forum
from tests.software.walker import Known, Walked, get

BASE = "http://f.example/forum/"
AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TOPIC = "topic/45/for%C3%AAt-et-%C3%A9t%C3%A9/"


def html(text: str, url: str = BASE) -> Page:
    return Page(url, 200, "text/html", f"<html><body>{text}</body></html>".encode(), AT)


def row(id: int, posts: int) -> str:
    return (
        f'<div class="layout__topics__topic"><div class="topic__title"><a class="topic__link"'
        f' href="/forum/topic/{id}/x/">X</a></div>'
        f'<div class="topic__category"><a href="/forum/category/2/b/">B</a></div>'
        f'<div class="topic__comments"><i class="fa fa-comment"></i> {posts}</div></div>'
    )


def topics(*rows: str, pages: str = "") -> str:
    return f'<div class="layout__topics">{"".join(rows)}</div><ul class="paginator">{pages}</ul>'


def whole(topic: int, posts: int, further: int = 0) -> Walked:
    """An inventory that holds a topic with all its posts and its further pages."""
    group = f"topic {topic}"
    known = Walked()
    known.items["topic", str(topic)] = Known("captured")
    for number in range(posts):
        known.items["post", str(number)] = Known("captured", group=group)
    for number in range(2, further + 2):
        known.items["topic-page", f"{topic} page {number}"] = Known("captured", group=group)
    return known


# --- addresses


@pytest.mark.parametrize(
    ("url", "kind", "id", "usual"),
    [
        ("", "index", "all", ""),
        ("?page=1", "index", "all", ""),
        ("topic/active/", "index", "all", ""),
        ("topic/active/?page=3", "index-page", "all page 3", "?page=3"),
        ("category/2/jardin-for%C3%AAt/", "board", "2", None),
        ("category/2/", "board", "2", None),
        ("category/2/x/?page=12", "board-page", "2 page 12", None),
        (TOPIC, "topic", "45", None),
        (f"{TOPIC}?page=1", "topic", "45", TOPIC),
        (f"{TOPIC}?page=007", "topic-page", "45 page 7", f"{TOPIC}?page=7"),
        (f"{TOPIC}?show_poll=0", "topic", "45", TOPIC),
        (f"{TOPIC}?show_poll=3&page=2", "poll", "3", f"{TOPIC}?page=2&show_poll=3"),
        ("media/spirit/images/3/ab/carte.gif", "attachment", "images/3/ab/carte.gif", None),
        ("media/spirit/files/3/ab/r%C3%A8gles.pdf", "attachment", "files/3/ab/r%C3%A8gles.pdf", None),
    ],
)
def test_what_is_kept(url: str, kind: str, id: str, usual: str | None) -> None:
    found = Spirit(BASE).classify(BASE + url)
    assert found is not None
    assert (found.keep, found.item, found.kind, found.id) == (True, True, kind, id)
    expected = "" if usual is None else BASE + usual
    assert found.url == ("" if expected == BASE + url else expected)


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("comment/7/find/", "post"),
        ("comment/history/7/", "history"),
        ("comment/poll/voters/7/", "voters"),
        ("user/7/nom/", "members"),
        ("user/topics/7/nom/", "members"),
        ("category/", "boards"),
        ("search/?q=x", "other"),
        ("topic/private/5/x/", "other"),
        (f"{TOPIC}?page=0", "other"),
        (f"{TOPIC}?page=2&sort=date", "other"),
        (f"{TOPIC}?page=x", "other"),
    ],
)
def test_what_is_left(url: str, rule: str) -> None:
    found = Spirit(BASE).classify(BASE + url)
    assert found is not None
    assert (found.keep, found.rule) == (False, f"spirit:{rule}")
    assert found.reason


def test_what_is_none_of_its_business() -> None:
    for url in ("a-propos/", "media/carte.png", "static/spirit/scripts/all.min.js", "users/"):
        assert Spirit(BASE).classify(BASE + url) is None


# --- where it is


def test_it_is_found_below_a_path_and_where_its_logo_leads_elsewhere() -> None:
    login = '<a class="header__login" href="/forum/user/login/?next=/forum/">Log in</a>'
    logo = '<a class="header__logo" href="/">Asso</a>'
    crumbs = '<ul class="breadcrumb_nav"><li><a href="/forum/">Main</a></li></ul>'
    for text in (login, logo + login, crumbs):
        found = Spirit.detect(html(text, BASE + TOPIC))
        assert found is not None and found.base == BASE
    assert Spirit.detect(html('<a class="header__logo" href="https://asso.example/">Asso</a>')) is None
    assert Spirit.detect(html("<p>nothing</p>")) is None


# --- what a page is


def test_pages_that_are_none() -> None:
    module = Spirit(BASE)
    assert module.accept(html(topics())).verdict == "ok"
    assert module.accept(html('<div class="comments_list"></div>', BASE + TOPIC)).verdict == "ok"
    for page in (
        html("We are back soon"),
        html(topics(), BASE + TOPIC),
        replace(html(topics()), body=topics().encode()),  # it breaks off
        replace(html(""), mime="text/plain"),
        html(
            '<a class="header__login" href="/forum/user/login/">in</a>', f"{BASE}media/spirit/images/3/a.gif"
        ),
    ):
        assert module.accept(page).verdict == "challenge", page
    assert (
        module.accept(Page(f"{BASE}media/spirit/images/3/a.gif", 200, "image/gif", b"", AT)).verdict == "ok"
    )


# --- lists


def test_a_list_tells_topics_counters_boards_and_its_other_pages() -> None:
    menu = '<ul class="menu_list"><li><a class="menu_list__link" href="/forum/category/3/c/">C</a></li></ul>'
    text = menu + topics(row(5, 21), pages='<li><a href="?page=2">2</a></li><li><a href="?page=4">4</a></li>')
    found = list(Spirit(BASE).read(html(text), Walked()))
    assert Heard("topic", "index") in found
    assert Item("topic", "5", "index", f"{BASE}topic/5/x/", as_page=True) in found
    assert Count("post", 21, "index", "topic 5") in found
    assert {item.id for item in found if isinstance(item, Item) and item.kind == "board"} == {"2", "3"}
    pages = [item.url for item in found if isinstance(item, Item) and item.kind == "index-page"]
    assert pages == [f"{BASE}?page={number}" for number in (2, 3, 4)]
    assert not [ask for ask in found if isinstance(ask, Ask)]


def asked(found: list[Found]) -> list[tuple[str, bool]]:
    return [(ask.url, ask.again) for ask in found if isinstance(ask, Ask)]


def test_a_topic_that_grew_is_read_again_from_its_last_page() -> None:
    known = whole(5, 45, further=2)

    def read(posts: int) -> list[Found]:
        return list(Spirit(BASE).read(html(topics(row(5, posts))), known))

    assert asked(read(45)) == []
    assert asked(read(46)) == [(f"{BASE}topic/5/x/?page=3", True)]
    known.items["topic-page", "5 page 3"].state = "expected"  # not yet there: it will bring them
    assert asked(read(46)) == []


def test_the_next_list_is_read_again_when_more_is_new_than_one_holds() -> None:
    known = whole(5, 3)
    known.items["index-page", "all page 2"] = Known("captured")
    grown = list(Spirit(BASE).read(html(topics(row(5, 4))), known))
    assert (f"{BASE}?page=2", True) in asked(grown)
    same = list(Spirit(BASE).read(html(topics(row(6, 1), row(5, 3))), known))
    assert asked(same) == []  # the last one is as it was: what follows is, too
    known.items["topic", "7"] = Known("expected")
    assert (f"{BASE}?page=2", True) not in asked(list(Spirit(BASE).read(html(topics(row(5, 4))), known)))


# --- topics


def test_a_topic_tells_posts_notes_pages_polls_and_uploads(spirit: Forum) -> None:
    topic = spirit.topics[0]
    module = Spirit(f"{spirit.url}/")
    page = get(f"{spirit.url}{topic.path}?page=2")
    found = [one for one in module.read(page, Walked()) if isinstance(one, Item)]
    of = {kind: [one for one in found if one.kind == kind] for kind in {one.kind for one in found}}
    assert [(one.id, one.state, one.group) for one in of["post"]] == [
        (str(entry.id), "captured", f"topic {topic.id}")
        for entry in topic.comments[COMMENTS_PER_PAGE : 2 * COMMENTS_PER_PAGE]
    ]
    assert [one.url for one in of["poll"]] == [f"{page.url}&show_poll=1"]
    assert {one.url for one in of["topic-page"]} == {f"{spirit.url}{topic.path}?page={n}" for n in (2, 3)}
    first = [one for one in module.read(get(spirit.url + topic.path), Walked()) if isinstance(one, Item)]
    assert {one.id for one in first if one.kind == "emoji"} == {"tw-smile", "tw-plus1", "tw-heart-eyes"}
    assert [one.url for one in first if one.kind == "attachment"] == [
        spirit.url + path for path in spirit.files() if "/images/" in path
    ]
    removed = [(one.id, one.state) for one in first if one.kind == "post" and one.state != "captured"]
    assert removed == [(str(entry.id), "denied") for entry in topic.comments if entry.hidden]


def test_a_note_of_a_moderator_is_no_post(spirit: Forum) -> None:
    topic = spirit.topic("Sujet clos")
    assert topic.comments[-1].note
    found = Spirit(f"{spirit.url}/").read(get(f"{spirit.url}{topic.path}?page=2"), Walked())
    assert [one for one in found if isinstance(one, Item) and one.kind == "post"] == []


def test_a_page_with_results_of_a_poll_names_no_others(spirit: Forum) -> None:
    page = get(f"{spirit.url}{spirit.topics[0].path}?page=2&show_poll=1")
    assert b"comment__text__poll__choices__choice__bar" in page.body
    assert list(Spirit(f"{spirit.url}/").read(page, Walked())) == []
    assert list(Spirit(f"{spirit.url}/").extract(page)) == []


def test_posts_are_taken_out_exactly(spirit: Forum) -> None:
    topic, module = spirit.topics[0], Spirit(f"{spirit.url}/")
    posts = [post for path in topic.pages() for post in module.extract(get(spirit.url + path))]
    assert [int(post.id) for post in posts] == [entry.id for entry in topic.visible()]
    numbers = {entry.id: number for number, entry in enumerate(topic.comments, 1)}
    for post, entry in zip(posts, topic.visible(), strict=True):
        assert (post.topic, post.author, post.title) == (str(topic.id), entry.user, topic.title)
        assert post.number == numbers[entry.id]
        assert datetime.fromisoformat(post.date).replace(tzinfo=UTC).timestamp() == entry.time
        assert entry.marker in post.html and "csrfmiddlewaretoken" not in post.html
        assert [file.url for file in post.attachments] == [spirit.url + path for path in entry.files]


def test_dates_in_english() -> None:
    text = (
        '<div class="comments_list__comment" data-pk="9" data-number="3"><div class="comment__info">'
        '<a class="comment__info__username__link"><span>Zoé</span></a><ul class="comment__info__date">'
        '<li title="Nov. 9, 2025, 4:05 p.m.">9 Nov</li></ul></div>'
        '<div class="comment__text"><p>a</p></div></div>'
    )
    (post,) = Spirit(BASE).extract(html(f'<div class="comments_list">{text}</div>', BASE + TOPIC))
    assert (post.author, post.date, post.number) == ("Zoé", "2025-11-09T16:05:00", 3)


# --- emojis


CSS = b"".join(
    b".spirit .tw-%s{background-image:url(../emojis/%s.svg)}" % pair
    for pair in ((b"smile", b"1f604"), (b"a", b"1f170"))
)


def test_emojis_are_no_items_where_nobody_reads_the_style_sheet() -> None:
    text = '<div class="comment__text"><i class="tw tw-smile"></i></div>'
    for href, there in (
        ("/static/spirit/stylesheets/x.css", False),
        ("static/spirit/stylesheets/x.css", True),
    ):
        sheet = f'<link rel="stylesheet" href="{href}spirit/stylesheets/x.css">'
        page = html(sheet + text, f"{BASE}topic/45/")
        found = [one for one in Spirit(BASE).read(page, Walked()) if isinstance(one, Item)]
        assert bool(found) == there


def test_the_style_sheet_is_read_for_the_emojis_that_posts_show() -> None:
    url = f"{BASE}static/spirit/stylesheets/styles.all.min.0a1b.css"
    module, known = Spirit(BASE), Walked()
    page = Page(url, 200, "text/css", CSS, AT)
    emojis = f"{BASE}static/spirit/emojis/"
    found = list(module.read(page, known))
    assert found[0] == Setting("styles", url)
    assert [one.url for one in found if isinstance(one, Skip)] == [f"{emojis}1f604.svg", f"{emojis}1f170.svg"]
    module.settings["styles"] = url
    assert [ask.url for ask in module.again(known)] == [BASE]
    known.items["emoji", "tw-smile"] = known.items["emoji", "tw-gone"] = Known("expected")
    assert [(ask.url, ask.again) for ask in module.again(known)] == [(BASE, True), (url, True)]
    found = list(module.read(page, known))
    assert Item("emoji", "tw-smile", "links", f"{emojis}1f604.svg") in found
    assert [one.url for one in found if isinstance(one, Skip)] == [f"{emojis}1f170.svg"]
    gone = [one.state for one in found if isinstance(one, Item) and one.id == "tw-gone"]
    assert gone == ["missing"]


# --- what changes by itself


@pytest.fixture
def often(spirit: Forum) -> Iterator[list[str]]:
    """Pages of all kinds."""
    topic = spirit.topics[0]
    yield ["/", spirit.categories[0].path, *topic.pages(), f"{topic.path}?page=2&show_poll=1"]


def test_two_fetches_of_a_page_are_the_same_but_for_volatile_spots(spirit: Forum, often: list[str]) -> None:
    for path in often:
        one, other = get(spirit.url + path).body, get(spirit.url + path).body
        assert one != other, path  # the token is a new one each time
        later = re.sub(
            rb'(fa-clock-o"\s*></i>|<li title="[^"]*">|<span title="[^"]*">)[^<]*', rb"\1 2 h", other
        )
        for pattern in Spirit.volatile:
            one, later = pattern.sub(b"", one), pattern.sub(b"", later)
        assert one == later, path
        assert b"mark" in one or b"topic__link" in one  # what counts is left
