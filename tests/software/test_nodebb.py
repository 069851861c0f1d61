"""NodeBB's addresses, bodies and lists; pages in the shapes of 1.4 (tests/sites/nodebb.py) and of today's."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from crawler.harm import harm
from crawler.software import Ask, Count, Found, Heard, Item, Page
from crawler.software.nodebb import NodeBB
from tests.software.walker import Known, Walked

BASE = "http://forum.example/"
HERE = NodeBB(BASE, {"posts_per_page": "20"})
AT = datetime(2026, 11, 22, tzinfo=UTC)


def page(path: str, body: str | Any, mime: str = "") -> Page:
    """An answer; JSON from anything that is no text."""
    if not isinstance(body, str):
        body, mime = json.dumps(body), mime or "application/json"
    return Page(BASE + path, 200, mime or "text/html", body.encode(), AT)


def html(said: Any, folder: str = "", extra: str = "") -> str:
    """As render.js puts it together since 1.0: what the page was made from stands in its foot."""
    data = json.dumps(said).replace("</", "<\\/")
    config = f'var config = JSON.parse(\'{{"relative_path":"{folder}","postsPerPage":15}}\');'
    foot = f'<script id="ajaxify-data" type="application/json">{data}</script></body></html>'
    return f"<html><head><title>T</title><script>{config}</script>{extra}</head><body>{foot}"


def post(pid: int, **more: Any) -> dict[str, Any]:
    said = {"pid": pid, "tid": 45, "index": pid - 101, "content": f"<p>{pid}</p>", "deleted": 0}
    user = {"username": "zoe", "displayname": "Zoé"}
    return {**said, "timestampISO": "2024-03-02T10:00:00.000Z", "user": user, **more}


def topic(posts: list[dict[str, Any]], pages: int = 1, **more: Any) -> dict[str, Any]:
    said = {"tid": 45, "cid": 3, "slug": "45/l-été", "title": "L&apos;été", "titleRaw": "L'été"}
    shown = {"template": {"name": "topic"}, "pagination": {"pageCount": pages}, "posts": posts}
    return {**said, **shown, "postcount": len(posts), **more}


def read(answer: Page, known: Walked | None = None) -> list[Found]:
    return [*HERE.read(answer, known or Walked())]


@pytest.mark.parametrize(
    "path, kind, id, url",
    [
        ("topic/45/l-%C3%A9t%C3%A9", "topic", "45", "topic/45/l-%C3%A9t%C3%A9"),
        ("topic/45", "topic", "45", "topic/45"),
        ("topic/45/x?page=1", "topic", "45", "topic/45/x"),
        ("topic/45/x?page=3", "page", "45/3", "topic/45/x?page=3"),
        ("topic/45/x?lang=fr&page=2", "page", "45/2", "topic/45/x?page=2"),
        # Never the page around a post: the topic it is in.
        ("topic/45/x/31", "topic", "45", "topic/45/x"),
        ("topic/45/x/31?page=2", "topic", "45", "topic/45/x"),
        ("category/3/semis", "category", "3/1", ""),
        ("category/3/semis?page=2", "category", "3/2", ""),
        ("", "list", "/1", ""),
        ("categories", "list", "categories/1", ""),
        ("assets/uploads/files/1-a.pdf", "file", BASE + "assets/uploads/files/1-a.pdf", ""),
        ("uploads/files/1-a.pdf?x=1", "file", BASE + "uploads/files/1-a.pdf", ""),
        ("tos", "info", "tos", ""),
    ],
)
def test_what_is_kept(path: str, kind: str, id: str, url: str) -> None:
    found = HERE.classify(BASE + path)
    assert found is not None
    assert (found.kind, found.id, found.keep, found.item) == (kind, id, True, True)
    assert found.url == (BASE + url if url else "")
    assert harm(found.url or BASE + path, ("nodebb",)) is None


@pytest.mark.parametrize(
    "path",
    [
        "api/topic/45/x?page=2",
        "api/category/3/x",
        "api/recent",
        "sitemap.xml",
        "sitemap/topics.2.xml",
        "sitemap/pages.xml",
    ],
)
def test_what_only_tells(path: str) -> None:
    found = HERE.classify(BASE + path)
    assert found is not None and (found.kind, found.keep, found.item) == ("source", True, False)


@pytest.mark.parametrize(
    "path, rule",
    [
        ("topic/45.rss", "feed"),
        ("category/3.rss", "feed"),
        ("post/77", "post"),
        ("recent", "list"),
        ("popular/weekly", "list"),
        ("tags/été", "list"),
        ("unread?filter=new", "list"),
        ("user/zoe", "members"),
        ("users?section=joindate", "members"),
        ("groups/x", "members"),
        ("category/3/semis?sort=votes", "view"),
        ("category/3/semis?tag=x", "view"),
        ("topic/45/x/y/z", "view"),
        ("api/user/zoe", "api"),
        ("search?term=x", "list"),
        ("outgoing?url=http://x", "other"),
    ],
)
def test_what_is_left_alone(path: str, rule: str) -> None:
    found = HERE.classify(BASE + path)
    assert found is not None and (found.keep, found.rule) == (False, f"nodebb:{rule}")
    assert found.reason


def test_what_pages_are_made_of_is_nobodys() -> None:
    for path in (
        "assets/client.css",
        "assets/uploads/profile/1.png",
        "stylesheet.css",
        "nodebb.min.js",
        "favicon.ico",
    ):
        assert HERE.classify(BASE + path) is None


def test_where_it_is_installed() -> None:
    found = NodeBB.detect(page("entraide/topic/4", html(topic([post(101)]), folder="/entraide")))
    assert found is not None and found.base == BASE + "entraide/"
    assert found.settings == {"posts_per_page": "15"}
    old = (
        '<script>var RELATIVE_PATH = "/entraide";</script><script src="/entraide/nodebb.min.js?v=1"></script>'
    )
    there = NodeBB.detect(page("entraide/", old))
    assert there is not None and (there.base, there.settings) == (BASE + "entraide/", {})
    assert NodeBB.detect(page("topic/4", html({}, folder="/entraide"))) is None
    assert NodeBB.detect(page("", "<title>Powered by NodeBB</title>")) is None


@pytest.mark.parametrize(
    "path, body, verdict",
    [
        ("topic/45/x", html(topic([post(101)])), "ok"),
        ("topic/45/x?page=9", html(topic([])), "challenge"),
        ("topic/45/x", html({"template": {"name": "login"}}), "denied"),
        ("category/3/x", html({"template": {"name": "403"}}), "denied"),
        ("category/3/x", html({"template": {"name": "category"}}), "ok"),
        ("", "<title>En travaux</title>", "challenge"),
        ("api/recent", {"topics": []}, "ok"),
        ("api/recent", '"not-authorized"', "challenge"),
        ("sitemap.xml", "<title>Oops</title>", "challenge"),
        ("uploads/files/a.pdf", "<title>Se connecter</title>", "challenge"),
        # A theme that leaves the JSON out.
        ("topic/45/x", '<script src="/nodebb.min.js"></script><ul component="topic"></ul>', "ok"),
    ],
)
def test_what_a_body_is(path: str, body: str | dict[str, Any], verdict: str) -> None:
    assert HERE.accept(page(path, body)).verdict == verdict


def test_a_topic_names_its_pages_and_holds_its_posts() -> None:
    file = '<a href="/assets/uploads/files/1-a.pdf">plan</a>'
    posts = [post(101, content=file), post(102, deleted=1, content="[[topic:post-is-deleted]]")]
    for body in (html(topic(posts, pages=3, postcount=45)), html(topic(posts, pages=3, postcount="45"))):
        assert read(page("topic/45/l-%C3%A9t%C3%A9", body)) == [
            Item("topic", "45", "links", group="category 3"),
            Count("post", 45, "postcount", "topic 45"),
            Item("page", "45/2", "pagination", url=BASE + "topic/45/l-%C3%A9t%C3%A9?page=2", as_page=True),
            Item("page", "45/3", "pagination", url=BASE + "topic/45/l-%C3%A9t%C3%A9?page=3", as_page=True),
            Item("post", "101", "page", group="topic 45", state="captured"),
            Item(
                "file",
                BASE + "assets/uploads/files/1-a.pdf",
                "posts",
                url=BASE + "assets/uploads/files/1-a.pdf",
            ),
            Item(
                "post",
                "102",
                "page",
                group="topic 45",
                state="denied",
                why="the post was deleted; its place is shown",
            ),
        ]


def test_a_page_without_its_json_is_asked_for_under_api() -> None:
    bare = '<script src="/nodebb.min.js"></script>'
    assert read(page("topic/45/x?page=2", bare)) == [Ask(BASE + "api/topic/45/x?page=2")]
    assert read(page("category/3/x", bare)) == [Ask(BASE + "api/category/3/x")]
    found = read(page("api/topic/45/x?page=2", topic([post(121)])))
    assert Item("post", "121", "page", group="topic 45", state="captured") in found
    assert [one.id for one in HERE.extract(page("api/topic/45/x", topic([post(101)])))] == ["101"]


def test_a_category_names_its_topics_its_pages_and_those_below() -> None:
    topics = [
        {"tid": 45, "cid": 3, "slug": "45/l-été", "postcount": 3},
        {"tid": 46, "cid": 3, "slug": "46", "deleted": 1},
        {"tid": 47, "cid": 3, "slug": "47/bientôt", "scheduled": True},
    ]
    children = [
        {"cid": 5, "slug": "5/semis", "children": [{"cid": 6, "slug": "6/ail", "link": "https://x/"}]}
    ]
    said = {"cid": 3, "slug": "3/jardin", "topic_count": 21, "topics": topics, "children": children}
    said |= {"pagination": {"pageCount": 2}}
    assert read(page("category/3/jardin", html(said))) == [
        Heard("topic", "category"),
        Item("category", "5/1", "categories", url=BASE + "category/5/semis", as_page=True),
        Item(
            "topic", "45", "category", url=BASE + "topic/45/l-%C3%A9t%C3%A9", group="category 3", as_page=True
        ),
        Item("topic", "46", "category", group="category 3", state="denied", why="the topic was deleted"),
        Count("topic", 21, "topic_count", "category 3"),
        Item("category", "3/2", "category", url=BASE + "category/3/jardin?page=2", as_page=True),
    ]
    front = html({"categories": [*children, {"cid": 7, "slug": "7/x", "disabled": 1}]})
    assert [one.id for one in read(page("", front)) if isinstance(one, Item)] == ["5/1"]


def test_a_sitemap_finds_topics_but_promises_none() -> None:
    locations = [BASE + "topic/45/x", BASE + "recent", "http://elsewhere.example/topic/9/x"]
    body = f"<urlset>{''.join(f'<url><loc>{one}</loc></url>' for one in locations)}</urlset>"
    assert read(page("sitemap/topics.1.xml", body, "text/xml")) == [
        Item("topic", "45", "links", url=BASE + "topic/45/x", as_page=True),
        Heard("topic", "sitemap"),
    ]
    index = f"<sitemapindex><sitemap><loc>{BASE}sitemap/topics.1.xml</loc></sitemap></sitemapindex>"
    assert read(page("sitemap.xml", index, "text/xml")) == [Ask(BASE + "sitemap/topics.1.xml")]


def test_what_was_last_written_in_is_fetched_again_where_it_grew() -> None:
    known = Walked()
    for pid in range(101, 146):
        known.items["post", str(pid)] = Known("captured", {"page"}, "topic 45")
    new = {"tid": 50, "cid": 3, "slug": "50/neuf", "postcount": 1}
    same = {
        "topics": [new, {"tid": 45, "cid": 3, "slug": "45/x", "postcount": 40}],
        "pagination": {"pageCount": 2},
    }
    found = read(page("api/recent", same), known)
    assert (
        Item("topic", "50", "recent", url=BASE + "topic/50/neuf", group="category 3", as_page=True) in found
    )
    assert not [one for one in found if isinstance(one, Ask)]
    grown = {**same, "topics": [new, {"tid": 45, "cid": 3, "slug": "45/x", "postcount": "46"}]}
    assert [
        (one.url, one.again) for one in read(page("api/recent", grown), known) if isinstance(one, Ask)
    ] == [
        (BASE + "topic/45/x?page=3", True),
        (BASE + "api/recent?page=2", True),
    ]


def test_posts_as_plain_items() -> None:
    content = '<p>Voilà</p><a href="/assets/uploads/files/1-a é.pdf">plan d’été</a>'
    gone = post(102, deleted=True, content="[[topic:post-is-deleted]]")
    (found,) = HERE.extract(page("topic/45/x", html(topic([post(101, content=content), gone]))))
    assert (found.id, found.topic, found.number, found.author) == ("101", "45", 1, "Zoé")
    assert (found.date, found.title, found.html) == ("2024-03-02T10:00:00.000Z", "L'été", content)
    (file,) = found.attachments
    assert (file.url, file.name) == (BASE + "assets/uploads/files/1-a%20%C3%A9.pdf", "plan d’été")
    assert not [*HERE.extract(page("", html({"topics": [1]})))]
    assert not [*HERE.extract(page("topic/4/x", 'ajaxify-data <script id="ajaxify-data">{"tid": '))]


def test_two_fetches_differ_in_volatile_spots_alone() -> None:
    def once(n: int) -> bytes:
        said = topic([post(101, user={"username": "zoe", "status": f"s{n}", "lastonline": n})], viewcount=n)
        token = f'<script>var config = JSON.parse(\'{{"csrf_token":"{n}x","cache-buster":"{n}"}}\');</script>'
        return html(said, extra=token).replace('": ', '":').encode()

    bodies = [once(1), once(2)]
    assert bodies[0] != bodies[1]
    for spot in NodeBB.volatile:
        bodies = [spot.sub(b"", body) for body in bodies]
    assert bodies[0] == bodies[1] and b'"pid":101' in bodies[0]
