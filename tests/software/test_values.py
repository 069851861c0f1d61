"""JSON that may be anything is looked into without an error: by itself, and by forums that answer in it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from crawler.software import Page, Software
from crawler.software.discourse import Discourse
from crawler.software.flarum import Flarum
from crawler.software.nodebb import NodeBB
from crawler.software.values import flag, many, rows, table, text, whole
from tests.software.walker import Walked

BASE = "http://forum.example/"
ODD: tuple[Any, ...] = (None, 5, -1, True, "x", [], {}, [5], [[]], [None, {"id": []}])


def test_values() -> None:
    assert (table({"a": 1}), table([]), table(None)) == ({"a": 1}, {}, {})
    assert (rows([{"a": 1}, 2]), rows({}), rows("x")) == ([{"a": 1}], [], [])
    assert [whole(one) for one in (3, "3", True, "3a", "", None, 3.5, "²")] == [3, 3, *[None] * 6]
    assert (text("a"), text(3), text(None)) == ("a", "", "")
    assert (many([1]), many({}), many("ab")) == ([1], [], [])
    assert all(map(flag, (True, 1, "1", "true"))) and not any(map(flag, (0, "0", None, "no", "")))


_POST = {"id": 101, "topic_id": 45, "post_number": 1, "username": "z", "cooked": "<p>", "hidden": False}
_TOPIC = {"id": 45, "slug": "x", "category_id": 4, "posts_count": 30, "visible": True, "title": "T"}
_CATEGORY = {"id": 4, "slug": "c", "topic_count": 3, "topic_url": "/t/x/1", "parent_category_id": 5}
_LINKED = {"posts": {"data": [{"type": "posts", "id": "1"}]}, "user": {"data": {"id": "3"}}}
_DISCUSSION = {
    "type": "discussions",
    "id": "45",
    "attributes": {"slug": "45-x", "commentCount": 3, "title": "T"},
    "relationships": _LINKED,
}
_COMMENT = {
    "type": "posts",
    "id": "1",
    "attributes": {"contentType": "comment", "contentHtml": "<p>", "number": 1},
}
_FORUM = [{"type": "forums", "attributes": {"basePath": "/x", "canViewForum": True}}]
_SEEN = {"tid": 45, "cid": 3, "slug": "45/x", "postcount": 30, "deleted": 0, "pagination": {"pageCount": 2}}
_BELOW = {"slug": "5/y", "cid": 5, "link": "", "disabled": 0, "children": []}
ANSWERS: tuple[tuple[type[Software], str, Any], ...] = (
    (Discourse, "t/45.json", {**_TOPIC, "post_stream": {"stream": [101, 102], "posts": [_POST]}}),
    (Discourse, "t/45.json?page=2", {**_TOPIC, "post_stream": {"posts": [_POST]}}),
    (Discourse, "posts/101.json", _POST),
    (Discourse, "latest.json", {"topic_list": {"topics": [_TOPIC], "more_topics_url": "/latest?page=1"}}),
    (Discourse, "site.json", {"categories": [_CATEGORY, {**_CATEGORY, "id": 5}]}),
    (Discourse, "categories.json", {"category_list": {"categories": [{"subcategory_list": [_CATEGORY]}]}}),
    (Discourse, "about.json", {"about": {"stats": {"topics_count": 3, "post_count": 4}}}),
    (Discourse, "about.json", {"errors": ["x"], "error_type": "not_logged_in"}),
    (Flarum, "d/45-x", {"resources": _FORUM, "apiDocument": {"data": _DISCUSSION, "included": [_COMMENT]}}),
    (Flarum, "all", {"resources": _FORUM, "apiDocument": {"data": [_DISCUSSION]}}),
    (Flarum, "api/discussions?sort=createdAt", {"data": [_DISCUSSION], "links": {"next": "x"}}),
    (Flarum, "api/posts/1", {"data": {**_COMMENT, "relationships": {"discussion": {"data": {"id": "45"}}}}}),
    (NodeBB, "topic/45/x", {**_SEEN, "posts": [{"pid": 1, "user": {"username": "z"}, "content": "<p>"}]}),
    (NodeBB, "category/3/x", {**_SEEN, "topic_count": 3, "topics": [_SEEN], "children": [_BELOW]}),
    (NodeBB, "categories", {"template": {"name": "categories"}, "categories": [_BELOW]}),
    (NodeBB, "api/recent", {"topics": [_SEEN], "pagination": {"pageCount": 2}}),
)


def oddities(said: Any) -> Iterator[Any]:
    """The same with one thing in it gone, or another kind of thing."""

    def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
            yield (*above, key)
            yield from places(value[key], (*above, key))

    for *above, key in [*places(said)]:
        for odd in ODD:
            changed = copy.deepcopy(said)
            inside = changed
            for step in above:
                inside = inside[step]
            inside[key] = odd
            yield changed
        del inside[key]
        yield changed


@pytest.mark.parametrize("software, path, said", ANSWERS)
def test_no_answer_is_too_odd(software: type[Software], path: str, said: Any) -> None:
    here, known = software(BASE), Walked()
    marks = {Flarum: "flarum-json-payload", NodeBB: "ajaxify-data"}
    for odd in [said, *oddities(said), *ODD]:
        data = json.dumps(odd)
        if software in marks and not path.startswith("api/"):
            data = f'<script id="{marks[software]}" type="application/json">{data}</script>'
        page = Page(BASE + path, 200, "text/html", data.encode(), datetime.now(UTC))
        here.accept(page)
        list(here.read(page, known))
        list(here.extract(page))
        software.detect(page)
