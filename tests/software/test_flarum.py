"""Flarum's addresses, bodies and lists; pages in the shapes of 1.x and 2.x."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from crawler.harm import harm
from crawler.software import Ask, Count, Found, Heard, Item, Page, Skip
from crawler.software.flarum import PER_PAGE, Flarum
from tests.sites.flarum import Forum
from tests.sites.static import Site
from tests.software.walker import Known, Walked, get, walk

BASE = "http://forum.example/"
HERE = Flarum(BASE)
AT = datetime(2026, 11, 22, tzinfo=UTC)
FORUM = {"type": "forums", "id": "1", "attributes": {"basePath": "", "canViewForum": True}}


def page(path: str, body: str | Any, mime: str = "") -> Page:
    """An answer; JSON from anything that is no text."""
    if not isinstance(body, str):
        body, mime = json.dumps(body), mime or "application/vnd.api+json"
    return Page(BASE + path, 200, mime or "text/html", body.encode(), AT)


def html(document: Any = None, forum: Any = FORUM, old: bool = False) -> str:
    said = json.dumps({"resources": [forum], "apiDocument": document}).replace("</", "<\\/")
    if old:
        return f"<script>try {{ flarum.core.app.load({said}); app.boot(); }}</script>"
    return f'<script id="flarum-json-payload" type="application/json">{said}</script>'


def post(id: int, kind: str = "comment", content: str = "<p>é</p>") -> dict[str, Any]:
    said = {
        "number": id,
        "contentType": kind,
        "createdAt": "2024-04-02T08:01:00+00:00",
        "contentHtml": content,
    }
    return {
        "type": "posts",
        "id": str(id),
        "attributes": said,
        "relationships": {"user": {"data": {"id": "3"}}},
    }


def discussion(ids: list[int], given: list[dict[str, Any]], comments: int | None = None) -> dict[str, Any]:
    said = {"title": "L’été", "slug": "45-l-ete", "commentCount": len(ids) if comments is None else comments}
    linked = {"posts": {"data": [{"type": "posts", "id": str(id)} for id in ids]}}
    data = {"type": "discussions", "id": "45", "attributes": said, "relationships": linked}
    return {
        "data": data,
        "included": [{"type": "users", "id": "3", "attributes": {"displayName": "Zoé"}}, *given],
    }


def read(answer: Page, known: Walked | None = None) -> list[Found]:
    return [*HERE.read(answer, known or Walked())]


@pytest.mark.parametrize(
    "path, kind, id, url",
    [
        ("d/45-l-ete", "discussion", "45", "d/45-l-ete"),
        ("d/45", "discussion", "45", "d/45"),
        ("d/45-l-ete?page=1", "discussion", "45", "d/45-l-ete"),
        ("d/45-l-ete?page=3", "page", "45/3", "d/45-l-ete?page=3"),
        # Never the page around a post: the discussion it is in.
        ("d/45-l-ete/12", "discussion", "45", "d/45-l-ete"),
        ("d/45-l-ete/31?page=2", "discussion", "45", "d/45-l-ete"),
        ("d/45-l-ete?near=12", "discussion", "45", "d/45-l-ete"),
        ("", "list", "/1", ""),
        ("all", "list", "all/1", ""),
        ("all?page=2", "list", "all/2", ""),
        ("t/for%C3%AAt?page=2", "list", "t/for%C3%AAt/2", ""),
        ("tags", "list", "tags/1", ""),
        ("p/3-charte", "info", "p/3-charte", ""),
        ("assets/files/2024-01-01/a.pdf", "file", BASE + "assets/files/2024-01-01/a.pdf", ""),
        ("api/posts/77", "post", "77", ""),
    ],
)
def test_what_is_kept(path: str, kind: str, id: str, url: str) -> None:
    found = HERE.classify(BASE + path)
    assert found is not None
    assert (found.kind, found.id, found.keep, found.item) == (kind, id, True, True)
    assert found.url == (BASE + url if url else "")
    assert harm(found.url or BASE + path, ("flarum",)) is None


@pytest.mark.parametrize(
    "path", ["api/discussions?sort=createdAt&page%5Boffset%5D=50", "sitemap.xml", "sitemap-1.xml"]
)
def test_what_only_tells(path: str) -> None:
    found = HERE.classify(BASE + path)
    assert found is not None and (found.kind, found.keep, found.item) == ("source", True, False)


@pytest.mark.parametrize(
    "path, rule",
    [
        ("all?sort=top", "list"),
        ("?q=author:zoe", "list"),
        ("t/for%C3%AAt?sort=newest", "list"),
        ("u/zoe", "members"),
        ("u/zoe/discussions?page=2", "members"),
        ("settings", "members"),
        ("atom/d/45", "feed"),
        ("api/users/3", "api"),
        ("api/posts?filter%5Bdiscussion%5D=45", "api"),
        ("api/fof/download/aa/bb/cc", "api"),
        ("d/45-l-ete/reply", "view"),
        ("logout?token=x", "other"),
    ],
)
def test_what_is_left_alone(path: str, rule: str) -> None:
    found = HERE.classify(BASE + path)
    assert found is not None and (found.keep, found.rule) == (False, f"flarum:{rule}")
    assert found.reason


def test_what_pages_are_made_of_is_nobodys() -> None:
    for path in ("assets/forum-1a.css", "assets/avatars/x.png", "favicon.ico"):
        assert HERE.classify(BASE + path) is None


@pytest.mark.parametrize("old", [False, True])
def test_where_it_is_installed(old: bool) -> None:
    forum = {**FORUM, "attributes": {"basePath": "/entraide"}}
    found = Flarum.detect(page("entraide/d/4", html(forum=forum, old=old)))
    assert found is not None and found.base == BASE + "entraide/"
    assert Flarum.detect(page("d/4", html(forum=forum, old=old))) is None
    there = Flarum.detect(page("", html(old=old)))
    assert there is not None and there.base == BASE
    assert Flarum.detect(page("", '<p>flarum <script id="flarum-json-payload">{"resources": [')) is None
    assert Flarum.detect(page("", "<title>About Flarum</title>")) is None


@pytest.mark.parametrize(
    "path, body, verdict",
    [
        ("d/45", html(discussion([1], [post(1)])), "ok"),
        ("d/45", html({"data": []}), "challenge"),
        ("d/45", "<title>En travaux</title>", "challenge"),
        ("", html({"data": []}), "ok"),
        ("", html({"data": []}, forum={**FORUM, "attributes": {"canViewForum": False}}), "denied"),
        ("api/discussions?sort=createdAt", {"data": []}, "ok"),
        ("api/discussions?sort=createdAt", {"errors": []}, "challenge"),
        ("api/posts/7", "<title>En travaux</title>", "challenge"),
        ("assets/files/a.pdf", "<title>Se connecter</title>", "challenge"),
        ("sitemap.xml", "<title>Oops</title>", "challenge"),
    ],
)
def test_what_a_body_is(path: str, body: str | dict[str, Any], verdict: str) -> None:
    assert HERE.accept(page(path, body)).verdict == verdict


def test_a_page_names_all_posts_and_pages_of_its_discussion() -> None:
    ids = [*range(1, 46)]
    found = read(page("d/45-l-ete", html(discussion(ids, [post(id) for id in ids[:PER_PAGE]], comments=45))))
    items = [one for one in found if isinstance(one, Item)]
    assert [one.id for one in items if one.kind == "post" and one.source == "discussion"] == [*map(str, ids)]
    captured = [one.id for one in items if one.kind == "post" and one.state == "captured"]
    assert captured == [*map(str, ids[:PER_PAGE])]
    pages = {one.id: one.url for one in items if one.kind == "page"}
    assert pages == {f"45/{n}": f"{BASE}d/45-l-ete?page={n}" for n in (2, 3)}
    assert Count("comment", 45, "commentCount", "discussion 45") in found
    # Ids stand on each page: only the first and the last tell them.
    between = read(page("d/45-l-ete?page=2", html(discussion(ids, [post(21)]))))
    assert [one.source for one in between if isinstance(one, Item) and one.kind == "post"] == ["page"]
    last = read(page("d/45-l-ete?page=3", html(discussion(ids, [post(41)]))))
    assert len([one for one in last if isinstance(one, Item) and one.source == "discussion"]) == 45


def test_what_renamings_add_is_seen_and_the_empty_page_is_left_out() -> None:
    ids = [*range(1, 22)]  # 21 posts of which 19 are comments: Flarum links no second page
    given = [post(id, "discussionRenamed" if id in (3, 5) else "comment") for id in ids[:PER_PAGE]]
    found = read(page("d/45-l-ete", html(discussion(ids, given, comments=19))))
    assert [one.id for one in found if isinstance(one, Item) and one.kind == "page"] == ["45/2"]
    assert len([one for one in found if isinstance(one, Item) and one.kind == "comment"]) == 18
    assert not [one for one in found if isinstance(one, Skip)]
    ids = [*range(1, 21)]  # exactly one page: Flarum links a second one
    found = read(page("d/45-l-ete", html(discussion(ids, [post(id) for id in ids]))))
    assert [one.url for one in found if isinstance(one, Skip)] == [BASE + "d/45-l-ete?page=2"]


def listed(n: int, comments: int = 1, slug: str = "") -> dict[str, Any]:
    said = {"slug": slug or f"{n}-x", "commentCount": comments}
    return {"type": "discussions", "id": str(n), "attributes": said}


def test_the_api_lists_all_and_at_the_end_what_is_new() -> None:
    first = page("api/discussions?sort=createdAt", {"data": [listed(45)], "links": {"next": "…"}})
    found = read(first)
    assert Heard("discussion", "api") in found
    assert Item("discussion", "45", "api", url=BASE + "d/45-x", as_page=True) in found
    (ask,) = [one for one in found if isinstance(one, Ask)]
    assert ask.url == HERE._list_url("createdAt", 50) and not ask.again
    known = Walked()
    for id in range(1, 22):
        for kind in ("post", "comment"):
            known.items[kind, str(id)] = Known("captured", {"page"}, "discussion 45")
    closing = "api/discussions?sort=-lastPostedAt"
    same = {"data": [listed(45, 21)], "links": {"next": "…"}}
    assert not [one for one in read(page(closing, same), known) if isinstance(one, Ask)]
    found = read(page(closing, {"data": [listed(45, 22)], "links": {"next": "…"}}), known)
    assert [(one.url, one.again) for one in found if isinstance(one, Ask)] == [
        (BASE + "d/45-x?page=2", True),
        (HERE._list_url("-lastPostedAt", 50), True),
    ]


def test_the_index_is_a_second_source_and_slugs_came_without_ids_once() -> None:
    document = {"data": [listed(45, slug="l-ete"), listed(46, slug="46")]}
    found = read(page("all?page=2", html(document)))
    assert found == [
        Item("discussion", "45", "index", url=BASE + "d/45-l-ete", as_page=True),
        Item("discussion", "46", "index", url=BASE + "d/46", as_page=True),
        Heard("discussion", "index"),
    ]
    assert {one.source for one in read(page("t/x", html(document))) if isinstance(one, Item)} == {"links"}


def test_a_sitemap_finds_discussions_but_promises_none() -> None:
    body = f"<urlset><url><loc>{BASE}d/45-x</loc></url><url><loc>{BASE}u/zoe</loc></url></urlset>"
    assert read(page("sitemap-1.xml", body, "text/xml")) == [
        Item("discussion", "45", "links", url=BASE + "d/45-x", as_page=True),
        Heard("discussion", "sitemap"),
    ]


def test_posts_as_plain_items() -> None:
    content = '<p>Voilà</p><a href="/assets/files/2024/a é.pdf">plan d’été</a>'
    document = discussion([1, 2], [post(1, content=content), post(2, "discussionLocked")])
    for old in (False, True):
        (found,) = HERE.extract(page("d/45-l-ete", html(document, old=old)))
        assert (found.id, found.topic, found.number, found.author) == ("1", "45", 1, "Zoé")
        assert (found.date, found.title, found.html) == ("2024-04-02T08:01:00+00:00", "L’été", content)
        (file,) = found.attachments
        assert (file.url, file.name) == (BASE + "assets/files/2024/a%20%C3%A9.pdf", "plan d’été")
    assert not [*HERE.extract(page("all", html({"data": [listed(4)]})))]
    assert not [*HERE.extract(page("d/4", "<p>flarum"))]


def test_two_fetches_differ_in_volatile_spots_alone() -> None:
    with Site(Forum(small=True)) as site:
        bodies = [get(site.url + "/d/5").body for _ in range(2)]
    assert b"" != bodies[0] != bodies[1]
    for spot in Flarum.volatile:
        bodies = [spot.sub(b"", body) for body in bodies]
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize("modern", [True, False])
def test_a_walk_over_a_forum_takes_each_post_once(modern: bool) -> None:
    forum = Forum("/forum", small=True, modern=modern)
    with Site(forum) as site:
        walked = walk(Flarum, f"{site.url}/forum/", get)
    assert walked.number("comment", state="captured") == len(forum.markers())
    shown = walked.number("discussion", state="captured") + walked.number("page", state="captured")
    assert shown == forum.pages()
    assert walked.number("file", state="captured") == len(forum.files)
    posts = [post for one in walked.pages.values() for post in Flarum(f"{site.url}/forum/").extract(one)]
    assert len({post.id for post in posts}) == len(posts) == len(forum.markers())
