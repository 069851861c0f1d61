"""Discourse's addresses, bodies and lists; pages in the shapes its templates and serializers have."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from crawler.harm import harm
from crawler.software import Ask, Count, Found, Heard, Item, Page, State
from crawler.software.discourse import Discourse
from tests.sites.discourse import PER_PAGE, Forum
from tests.sites.static import Site
from tests.software.walker import Known, Walked, get, walk

BASE = "http://forum.example/"
HERE = Discourse(BASE)
AT = datetime(2026, 11, 22, tzinfo=UTC)


def page(path: str, body: str | Any, mime: str = "", status: int = 200) -> Page:
    """An answer; JSON from anything that is no text."""
    if not isinstance(body, str):
        body, mime = json.dumps(body), mime or "application/json"
    return Page(BASE + path, status, mime or "text/html", body.encode(), AT)


def topic(stream: list[int], given: list[int], **more: Any) -> dict[str, Any]:
    posts = [
        {"id": id, "cooked": f"<p>{id}</p>", "topic_id": 45, "post_number": n + 1}
        for n, id in enumerate(given)
    ]
    said = {"id": 45, "slug": "la-forêt", "posts_count": len(stream), "category_id": 4, "visible": True}
    return {**said, "post_stream": {"stream": stream, "posts": posts}, **more}


def known_as(item: Item) -> Known:
    return Known(item.state, {item.source}, item.group, item.url)


def read(answer: Page, known: Walked | None = None) -> list[Found]:
    return [*HERE.read(answer, known or Walked())]


@pytest.mark.parametrize(
    "path, kind, id, url",
    [
        ("t/la-for%C3%AAt/45", "page", "45/1", "t/la-for%C3%AAt/45"),
        ("t/la-for%C3%AAt/45?page=1", "page", "45/1", "t/la-for%C3%AAt/45"),
        ("t/la-for%C3%AAt/45?page=3", "page", "45/3", "t/la-for%C3%AAt/45?page=3"),
        ("t/45?u=zoe", "page", "45/1", "t/45"),
        ("t/45", "page", "45/1", "t/45"),
        # Never the page of a post: the topic it is in.
        ("t/la-for%C3%AAt/45/12", "page", "45/1", "t/la-for%C3%AAt/45"),
        ("t/la-for%C3%AAt/45/62?page=2", "page", "45/1", "t/la-for%C3%AAt/45"),
        ("t/la-for%C3%AAt/45/last", "page", "45/1", "t/la-for%C3%AAt/45"),
        ("t/45.json", "topic", "45", "t/45.json?include_raw=true"),
        ("t/la-for%C3%AAt/45.json", "topic", "45", "t/45.json?include_raw=true"),
        ("t/45.json?page=3&include_raw=true", "posts", "45: page 3", ""),
        ("t/45/posts.json?post_ids%5B%5D=7&post_ids%5B%5D=9&include_raw=true", "posts", "45: 7-9", ""),
        ("posts/77.json?include_raw=true", "post", "77", ""),
        ("c/jardin/4", "category", "4/0", ""),
        ("c/jardin/semis/5?page=2", "category", "5/2", ""),
        ("c/jardin/4/l/latest?page=1", "category", "4/1", ""),
        ("c/jardin", "category", "jardin/0", ""),
        ("", "list", "/0", ""),
        ("latest?no_definitions=true&page=3", "list", "latest/3", ""),
        ("categories", "list", "categories/0", ""),
        ("uploads/default/original/1X/ab.pdf", "file", BASE + "uploads/default/original/1X/ab.pdf", ""),
        ("uploads/short-url/ab.pdf?dl=1", "file", BASE + "uploads/short-url/ab.pdf", ""),
        ("tos", "info", "tos", ""),
    ],
)
def test_what_is_kept(path: str, kind: str, id: str, url: str) -> None:
    found = HERE.classify(BASE + path)
    assert found is not None
    assert (found.kind, found.id, found.keep, found.item) == (kind, id, True, True)
    assert found.url == (BASE + url if url else "")
    assert harm(found.url or BASE + path, ("discourse",)) is None


@pytest.mark.parametrize(
    "path",
    ["latest.json?page=2", "site.json", "about.json", "sitemap.xml", "sitemap_12.xml", "sitemap_recent.xml"],
)
def test_what_only_tells(path: str) -> None:
    found = HERE.classify(BASE + path)
    assert found is not None and (found.kind, found.keep, found.item) == ("source", True, False)


@pytest.mark.parametrize(
    "path, rule",
    [
        ("t/la-foret/45.rss", "feed"),
        ("latest.rss", "feed"),
        ("t/la-foret/45/print", "view"),
        ("t/la-foret/45/summary", "view"),
        ("p/77", "post"),
        ("posts/77/raw", "post"),
        ("raw/45", "post"),
        ("u/zoé/activity", "members"),
        ("badges/3/x", "members"),
        ("groups", "members"),
        ("tags/été?order=views", "list"),
        ("tag/été", "list"),
        ("top/all", "list"),
        ("c/jardin/4/l/top", "list"),
        ("latest?order=views", "other"),
        ("categories?solved=yes", "other"),
        ("search?q=x", "list"),
        ("service-worker.js", "other"),
        ("message-bus/12/poll", "other"),
    ],
)
def test_what_is_left_alone(path: str, rule: str) -> None:
    found = HERE.classify(BASE + path)
    assert found is not None and (found.keep, found.rule) == (False, f"discourse:{rule}")
    assert found.reason


def test_what_pages_are_made_of_is_nobodys() -> None:
    for path in (
        "stylesheets/desktop_1a.css",
        "assets/app.js",
        "user_avatar/x/zoe/48/1_2.png",
        "favicon.ico",
    ):
        assert HERE.classify(BASE + path) is None


CRAWLER = '<meta name="generator" content="Discourse 3.3"><link rel="search" href="{}opensearch.xml">'
BROWSER = '<meta id="data-discourse-setup" data-base-uri="{}"><discourse-assets></discourse-assets>'


@pytest.mark.parametrize(
    "head, at, base",
    [
        (CRAWLER.format("http://forum.example/"), "t/x/4", BASE),
        (CRAWLER.format("https://forum.example/entraide/"), "entraide/t/x/4", BASE + "entraide/"),
        (BROWSER.format(""), "", BASE),
        (BROWSER.format("/entraide"), "entraide/", BASE + "entraide/"),
        ('<meta name="generator" content="Discourse 2.1">', "t/x/4", BASE),
        ("<title>Discourse on the method</title>", "", None),
        (BROWSER.format("/entraide"), "", None),  # its page lies elsewhere: a proxy that hides the folder
    ],
)
def test_where_it_is_installed(head: str, at: str, base: str | None) -> None:
    found = Discourse.detect(page(at, head))
    assert (found.base if found else None) == base


POST = (
    '<div id="post_1" class="topic-body crawler-post"><div class="post" itemprop="text">Bonjour</div></div>'
)


@pytest.mark.parametrize(
    "path, body, verdict",
    [
        ("t/x/4", CRAWLER + POST, "ok"),
        ("t/x/4", f"{BROWSER}<noscript>{POST}</noscript>", "ok"),
        ("t/x/4", BROWSER, "challenge"),  # nothing can be read without JavaScript
        ("t/x/4", "<title>Just a moment</title>", "challenge"),
        ("", CRAWLER, "ok"),
        ("", "<title>En travaux</title>", "challenge"),
        ("t/4.json", "<title>En travaux</title>", "challenge"),
        ("t/4.json", {"id": 4, "post_stream": {}}, "ok"),
        ("t/4.json", {"errors": ["x"], "error_type": "not_logged_in"}, "denied"),
        ("t/4.json", {"errors": ["x"], "error_type": "not_found"}, "missing"),
        ("t/4.json", {"failed": "FAILED"}, "challenge"),
        ("t/4/posts.json?post_ids%5B%5D=1", {"post_stream": {"posts": []}}, "ok"),
        ("latest.json", {"topic_list": {}}, "ok"),
        ("sitemap.xml", "<title>Oops</title>", "challenge"),
        ("sitemap.xml", '<?xml version="1.0"?><urlset xmlns="x"></urlset>', "ok"),
        ("uploads/default/a.pdf", "<title>Se connecter</title>", "challenge"),
    ],
)
def test_what_a_body_is(path: str, body: str | dict[str, Any], verdict: str) -> None:
    assert HERE.accept(page(path, body)).verdict == verdict


def test_a_topic_names_its_posts_batches_and_pages() -> None:
    stream = [*range(101, 146)]
    found = read(page("t/45.json", topic(stream, stream[:PER_PAGE])))
    items = [one for one in found if isinstance(one, Item)]
    posts: dict[str, State] = {}
    for one in items:
        if one.kind == "post":
            posts[one.id] = one.state
            assert one.group == "topic 45"
    assert [*posts] == [str(id) for id in [*stream[PER_PAGE:], *stream[:PER_PAGE]]]
    assert [id for id, state in posts.items() if state == "captured"] == [str(id) for id in stream[:PER_PAGE]]
    batches = [one for one in items if one.kind == "posts"]
    assert [one.id for one in batches] == ["45: 121-140", "45: 141-145"]
    assert batches[0].url.count("post_ids%5B%5D=") == PER_PAGE
    for one in batches:
        place = HERE.classify(one.url)
        assert place is not None and (place.kind, place.id) == ("posts", one.id)
    pages = {one.id: one.url for one in items if one.kind == "page"}
    start = BASE + "t/la-for%C3%AAt/45"
    assert pages == {"45/1": start, "45/2": start + "?page=2", "45/3": start + "?page=3"}
    assert [(one.n, one.group) for one in found if isinstance(one, Count)] == [(45, "topic 45")]
    assert Item("topic", "45", "topic", group="category 4") in items
    assert not [one for one in found if isinstance(one, Ask)]


def test_a_topic_that_grew_fetches_what_is_new_and_the_page_it_stands_on() -> None:
    known = Walked()
    old = page("t/45.json", topic([*range(101, 126)], [*range(101, 121)]))
    for one in read(old):
        if isinstance(one, Item):
            known.items.setdefault((one.kind, one.id), known_as(one))
    for id in range(121, 126):
        known.items["post", str(id)].state = "captured"
    found = read(page("t/45.json", topic([*range(101, 144)], [*range(101, 121)])), known)
    batches = [one.id for one in found if isinstance(one, Item) and one.kind == "posts"]
    assert batches == ["45: 126-143"]
    again = [one.url for one in found if isinstance(one, Ask) and one.again]
    assert again == [BASE + "t/la-for%C3%AAt/45?page=2", BASE + "t/la-for%C3%AAt/45?page=3"]


def test_small_actions_hidden_and_withheld_posts_are_counted_as_what_they_are() -> None:
    said = topic([101, 102, 103], [101, 102], posts_count=2, visible=False)
    said["post_stream"]["posts"][1] |= {"hidden": True, "cooked_hidden": True}
    found = read(page("t/45.json", said))
    assert Count("post", 3, "posts_count", "topic 45") in found  # the number leaves small actions out
    assert Item("topic", "45", "topic") in found  # unlisted: in no category's number
    (hidden,) = [one for one in found if isinstance(one, Item) and (one.kind, one.id) == ("post", "102")]
    assert hidden.state == "denied" and hidden.why
    more = read(page("t/45.json", topic([101], [101], posts_count=2)))
    assert Count("post", 2, "posts_count", "topic 45") in more  # more than the stream names


def test_what_hangs_on_a_post_is_wanted_wherever_it_lies() -> None:
    cdn = "https://cdn.example/uploads/default/original/2X/a.png"
    cooked = f'<a class="lightbox" href="{cdn}?v=1"><img src="x"></a><a href="/uploads/b.png">autre</a>'
    said = {"post_stream": {"posts": [{"id": 7, "cooked": cooked}]}}
    found = read(page("t/45/posts.json?post_ids%5B%5D=7", said))
    assert found == [
        Item("post", "7", "batch", group="topic 45", state="captured"),
        Item("file", cdn, "posts", url=cdn),
    ]


def test_categories_and_their_numbers() -> None:
    said = {
        "categories": [
            {"id": 4, "slug": "jardin", "topic_count": 7, "topic_url": "/t/about/1"},
            {"id": 5, "slug": "été", "topic_count": 3, "parent_category_id": 4},
            {"id": 9, "slug": "equipe", "topic_count": 2, "read_restricted": True},
        ]
    }
    found = read(page("site.json", said))
    assert found == [
        Item("category", "4/0", "site", url=BASE + "c/jardin/4", as_page=True),
        Count("topic", 8, "site", "category 4"),
        Item("category", "5/0", "site", url=BASE + "c/jardin/%C3%A9t%C3%A9/5", as_page=True),
        Count("topic", 3, "site", "category 5"),
    ]
    # Many categories are loaded only when looked at.
    (ask,) = read(page("site.json", {"groups": []}))
    assert ask == Ask(BASE + "categories.json?include_subcategories=true")
    nested = {**said["categories"][0], "subcategory_list": said["categories"][1:]}
    assert read(page("categories.json", {"category_list": {"categories": [nested]}})) == found


def test_totals_are_bounds_for_they_count_what_is_private() -> None:
    for names in (("topics_count", "posts_count"), ("topic_count", "post_count")):
        stats = dict(zip(names, (12, 90), strict=True))
        found = read(page("about.json", {"about": {"stats": stats}}))
        assert found == [
            Count("topic", 12, "about", bound="at most"),
            Count("post", 90, "about", bound="at most"),
        ]


def test_the_latest_list_is_read_to_its_end_and_again_as_far_as_it_changed() -> None:
    brief = [{"id": 45, "posts_count": 3, "category_id": 4}, {"id": 46, "posts_count": 1, "category_id": 4}]
    more = {"topic_list": {"topics": brief, "more_topics_url": "/latest?page=1"}}
    found = read(page("latest.json", more))
    assert found[0] == Heard("topic", "latest")
    assert found[-1] == Ask(BASE + "latest.json?page=1", again=True)
    known = Walked()
    for id, topic_id in ((1, 45), (2, 45), (3, 46)):
        known.items["post", str(id)] = known_as(Item("post", str(id), "stream", group=f"topic {topic_id}"))
    found = read(page("latest.json", more), known)
    assert [one.url for one in found if isinstance(one, Ask) and one.again] == [HERE._topic(45)]
    assert Ask(BASE + "latest.json?page=1") in found
    assert not [
        one for one in read(page("latest.json", {"topic_list": {"topics": brief}})) if isinstance(one, Ask)
    ]


def test_a_sitemap_finds_topics_but_promises_none() -> None:
    body = f"<urlset><url><loc>{BASE}t/x/45</loc></url><url><loc>{BASE}c/y/4</loc></url></urlset>"
    found = read(page("sitemap_1.xml", body, "text/xml"))
    assert found == [Item("topic", "45", "links", url=HERE._topic(45)), Heard("topic", "sitemap")]
    index = f"<sitemapindex><sitemap><loc>{BASE}sitemap_1.xml</loc></sitemap></sitemapindex>"
    assert read(page("sitemap.xml", index, "text/xml")) == [Ask(BASE + "sitemap_1.xml")]


def test_posts_as_plain_items() -> None:
    cooked = '<p>Voilà</p><a class="attachment" href="/uploads/default/a é.pdf">plan d’été.pdf</a>'
    post = {"id": 101, "topic_id": 45, "post_number": 2, "username": "zoé", "cooked": cooked}
    post["created_at"] = "2024-03-02T10:00:00.123Z"
    said = {"id": 45, "title": "L’été", "slug": "l-ete", "post_stream": {"posts": [post]}}
    (found,) = HERE.extract(page("t/45.json", said))
    assert (found.id, found.topic, found.number, found.author) == ("101", "45", 2, "zoé")
    assert (found.date, found.title, found.html) == ("2024-03-02T10:00:00.123Z", "L’été", cooked)
    (file,) = found.attachments
    assert (file.url, file.name) == (BASE + "uploads/default/a%20%C3%A9.pdf", "plan d’été.pdf")
    assert [one.id for one in HERE.extract(page("posts/101.json", post))] == ["101"]
    assert not [*HERE.extract(page("t/x/45", CRAWLER + POST))]
    assert not [*HERE.extract(page("t/45.json", [1, {"post_stream": 7}]))]


def test_two_fetches_differ_in_volatile_spots_alone() -> None:
    forum = Forum(small=True)
    topic = forum.public()[0]
    with Site(forum) as site:
        for path in (f"/t/{topic.slug}/{topic.id}", "/latest", f"/t/{topic.id}.json"):
            bodies = [get(site.url + path).body for _ in range(2)]
            assert b"" != bodies[0] != bodies[1]
            for spot in Discourse.volatile:
                bodies = [spot.sub(b"", body) for body in bodies]
            assert bodies[0] == bodies[1]


def test_a_walk_over_a_forum_takes_each_post_once() -> None:
    forum = Forum("/forum", small=True)
    with Site(forum) as site:
        walked = walk(Discourse, f"{site.url}/forum/", get)
    assert walked.number("post", state="captured") == len(forum.markers())
    assert walked.number("post", state="denied") == 1
    assert walked.number("page", state="captured") == forum.pages()
    assert walked.number("file", state="captured") == len(forum.files)
    # Linked to once, by an address with a post's number, and in no list.
    unlisted = next(one for one in forum.public() if not one.listed)
    assert walked.items["topic", str(unlisted.id)].sources == {"links", "topic"}
    private = next(one for one in forum.topics.values() if one not in forum.public())
    assert not walked.knows("topic", str(private.id))
    posts = [post for one in walked.pages.values() for post in Discourse(f"{site.url}/forum/").extract(one)]
    assert len({post.id for post in posts}) == len(posts) == len(forum.markers()) + 1


def test_a_topic_too_long_to_name_its_posts_is_read_page_by_page() -> None:
    forum = Forum(small=True)
    forum.MEGA = PER_PAGE  # 10,000 with Discourse
    with Site(forum) as site:
        walked = walk(Discourse, f"{site.url}/", get)
        beyond = [r.target for r in site.requests if r.status == 404 and ".json?page" in r.target]
    assert walked.number("post", state="captured") == len(forum.markers())
    assert walked.number("page", state="captured") == forum.pages()
    full = next(one for one in forum.public() if len(one.posts) == PER_PAGE)
    assert beyond == [f"/t/{full.id}.json?page=2&include_raw=true"]
    assert {item.sources == {"links"} for item in walked.items.values() if item.state == "missing"} == {True}
