"""NodeBB: pages made on the server, each with the JSON it was made from (`ajaxify-data`), as /api gives it.

So one request brings a page that replays without JavaScript and the JSON of every post on it; /api is asked
only for what no page shows, and for a page whose theme leaves that JSON out.
Sources: NodeBB/NodeBB:src/controllers/{topics,category,categories,recent}.js, src/sitemap.js and
src/middleware/render.js.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Literal

from selectolax.lexbor import LexborHTMLParser

from crawler.canonical import canonical
from crawler.software import (
    OK,
    Accepted,
    Ask,
    Classified,
    Count,
    Found,
    Heard,
    Installed,
    Inventory,
    Item,
    Page,
    Software,
    State,
    sitemap,
)
from crawler.software.boards import asked
from crawler.software.items import Attachment, Post
from crawler.software.values import flag, rows, table, text, whole

PER_PAGE = 20  # as installed; a page says how many there are

_DATA = re.compile(r'<script id="ajaxify-data"[^>]*>\s*')
_MARK = re.compile(rb'/nodebb\.min\.js|name="generator" content="nodebb|id="ajaxify-data"', re.IGNORECASE)
_FOLDER = re.compile(rb'\bRELATIVE_PATH = "([^"]*)"|\\?"relative_path\\?":\s*\\?"([^"\\]*)\\?"')
_SIZE = re.compile(rb'\\?"postsPerPage\\?":\s*\\?"?(\d+)')
_TITLE = re.compile(r"<title[^>]*>\s*([^<]*)", re.IGNORECASE)

_TOPIC = re.compile(r"(?P<api>api/)?topic/(\d+)(?:/([^/]+))?(?:/(\d+))?")
_CATEGORY = re.compile(r"(?P<api>api/)?category/(\d+)(?:/([^/]+))?(?:/(\d+))?")
_SITEMAP = re.compile(r"sitemap\.xml|sitemap/(?:topics\.\d+|categories|pages)\.xml")
_FILE = re.compile(r"(?:assets/)?uploads/files/.+")
_STATIC = re.compile(
    r"(?:assets|uploads|vendor|images|plugins|language|sounds|templates|src|fonts)/|favicon|stylesheet\.css"
    r"|nodebb\.min\.js|manifest\.(?:json|webmanifest)|cache\.appcache|apple-touch-icon|brand-thumbnail|[^/]+\.css"
)
_SKIPPED: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("nodebb:feed", re.compile(r".*\.rss(?:/.*)?"), "the same posts as a feed"),
    ("nodebb:post", re.compile(r"(?:api/)?post/.*"), "the page a post is on"),
    ("nodebb:members", re.compile(r"(?:users?|groups|uid|email|flags)(?:/.*)?"), "about members"),
    (
        "nodebb:list",
        re.compile(r"(?:recent|popular|top|unread|tags|world|search)(?:/.*)?"),
        "topics in another order, or chosen otherwise",
    ),
    ("nodebb:api", re.compile(r"api(?:/.*)?|.*socket\.io.*"), "the pages carry what this would answer"),
    ("nodebb:view", re.compile(r"(?:topic|category)/.*"), "another view of what is captured"),
)
_DENIED = frozenset({"login", "403"})


class NodeBB(Software):
    """A topic is its first page; further ones are pages. Deleted topics and posts are denied."""

    name: ClassVar[str] = "nodebb"
    family: ClassVar[Literal["wiki", "forum", "pads", "shares", "generic"]] = "forum"
    listed = frozenset({"topic", "page", "category", "list", "info"})
    useful = frozenset({"topic", "page", "file"})
    proofs: ClassVar[dict[str, tuple[str, ...]]] = {"topic": ("category", "sitemap")}
    volatile = (
        re.compile(
            rb'\\?"(?:csrf_token|cache-buster|lastonline(?:ISO)?|status|viewcount)\\?":\\?(?:"[^"]*"|\d+)'
        ),
        re.compile(rb'<meta name="csrf[^>]*>|<i component="user/status"[^>]*>'),
        re.compile(rb'component="topic/viewcount"[^>]*>[^<]*'),
    )

    @classmethod
    def detect(cls, page: Page) -> Installed | None:
        if not _MARK.search(page.body):
            return None
        found = _FOLDER.search(page.body)
        if found is None:
            return None
        folder = (found[1] if found[1] is not None else found[2]).decode("utf-8", "replace").strip("/")
        base = canonical("/".join(page.url.split("/")[:3]) + "/" + (folder + "/" if folder else ""))
        size = _SIZE.search(page.body)
        settings = {"posts_per_page": size[1].decode()} if size else {}
        return Installed(cls.name, base, settings) if base and page.url.startswith(base) else None

    def seeds(self) -> Iterable[Ask | Item]:
        yield Ask(self.base, "page")
        yield Ask(self.base + "categories", "page")
        yield Ask(self.base + "sitemap.xml")

    def again(self, inventory: Inventory) -> Iterable[Ask]:
        """What was last written in: asked for at the end alone."""
        yield Ask(self.base + "api/recent", again=True)

    # --- addresses

    def classify(self, url: str) -> Classified | None:
        path, query = asked(url, self.base)
        number = max(1, whole(query.get("page")) or 1)
        if found := _TOPIC.fullmatch(path):
            page = 1 if found[4] else number
            return Classified("source") if found["api"] else self._topic(found[2], found[3], page)
        if found := _CATEGORY.fullmatch(path):
            if found["api"]:
                return Classified("source")
            if {*query} <= {"page"}:
                return Classified("category", f"{found[2]}/{number}", item=True)
        if path == "api/recent" or _SITEMAP.fullmatch(path):
            return Classified("source")
        if path in ("", "categories") and {*query} <= {"page"}:
            return Classified("list", f"{path}/{number}", item=True)
        if _FILE.fullmatch(path):
            return Classified("file", url.partition("?")[0], item=True)
        if path in ("tos", "about", "rules", "faq"):
            return Classified("info", path, item=True)
        if _STATIC.match(path):
            return None
        for rule, shape, reason in _SKIPPED:
            if shape.fullmatch(path):
                return Classified("view", keep=False, rule=rule, reason=reason)
        return Classified("view", keep=False, rule="nodebb:other", reason="no content of the forum")

    def _topic(self, id: str, slug: str | None, number: int) -> Classified:
        url = (
            f"{self.base}topic/{id}"
            + (f"/{slug}" if slug else "")
            + (f"?page={number}" if number > 1 else "")
        )
        kind, name = ("topic", id) if number == 1 else ("page", f"{id}/{number}")
        return Classified(kind, name, item=True, url=url)

    # --- bodies

    def accept(self, page: Page) -> Accepted:
        place = self.classify(page.url)
        if place is None or not place.keep:
            return OK
        path = page.url.removeprefix(self.base).partition("?")[0]
        if place.kind == "file":
            wrong = page.is_html and not path.endswith((".html", ".htm"))
            return Accepted("challenge", f"a page instead of a file: {_title(page)}") if wrong else OK
        if path.endswith(".xml"):
            return sitemap.accept(page)
        if path.startswith("api/"):
            return OK if table(page.json) else Accepted("challenge", f"no JSON of NodeBB: {_title(page)}")
        if not _MARK.search(page.body):
            return Accepted("challenge", f"no page of NodeBB: {_title(page)}")
        said = _data(page)
        shown = text(table(said.get("template")).get("name"))
        if shown in _DENIED:
            return Accepted("denied", "only members may look at this")
        if place.kind in ("topic", "page") and said and not rows(said.get("posts")):
            return Accepted("challenge", f"no post on it: {_title(page)}")
        return OK

    def read(self, page: Page, inventory: Inventory) -> Iterator[Found]:
        place = self.classify(page.url)
        if place is None or not place.keep:
            return
        path, query = asked(page.url, self.base)
        said = table(page.json) if path.startswith("api/") else _data(page)
        if path.endswith(".xml"):
            yield from self._read_sitemap(page, path)
        elif path == "api/recent":
            yield from self._read_recent(said, whole(query.get("page")) or 1, inventory)
        elif _TOPIC.fullmatch(path) and said:
            yield from self._read_topic(said)
        elif _CATEGORY.fullmatch(path) and said:
            yield from self._read_category(said)
        elif place.kind == "list":
            yield from self._read_categories(rows(said.get("categories")))
        elif place.kind in ("topic", "page", "category"):
            yield Ask(self.base + "api/" + page.url.removeprefix(self.base))

    def _read_sitemap(self, page: Page, path: str) -> Iterator[Found]:
        for url in sitemap.locations(page):
            below = url.removeprefix(self.base) if url.startswith(self.base) else ""
            if _SITEMAP.fullmatch(below):
                yield Ask(url)
            elif (place := self.classify(url)) and place.kind in ("topic", "category") and below:
                # Up to a day old: a topic that is gone since is no gap, so nobody "expects" it.
                yield Item(place.kind, place.id, "links", url=url, as_page=True)
        if path.startswith("sitemap/topics"):
            yield Heard("topic", "sitemap")

    def _read_categories(self, categories: list[Mapping[str, Any]]) -> Iterator[Found]:
        """Categories as a tree; those that only lead elsewhere count each visit and are left out."""
        for one in categories:
            slug = text(one.get("slug"))
            if slug and not one.get("link") and not flag(one.get("disabled")):
                id = slug.partition("/")[0]
                url = canonical(f"{self.base}category/{slug}") or ""
                yield Item("category", f"{id}/1", "categories", url=url, as_page=True)
            yield from self._read_categories(rows(one.get("children")))

    def _read_category(self, said: Mapping[str, Any]) -> Iterator[Found]:
        yield Heard("topic", "category")
        id, slug = str(said.get("cid")), text(said.get("slug"))
        yield from self._read_categories(rows(said.get("children")))
        for topic in rows(said.get("topics")):
            yield from self._named(topic, "category")
        if (count := whole(said.get("topic_count"))) is not None:
            yield Count("topic", count, "topic_count", f"category {id}")
        for number in range(2, _pages(said) + 1):
            url = canonical(f"{self.base}category/{slug}?page={number}") or ""
            yield Item("category", f"{id}/{number}", "category", url=url, as_page=True)

    def _named(self, topic: Mapping[str, Any], source: str) -> Iterator[Found]:
        id, slug = whole(topic.get("tid")), text(topic.get("slug"))
        if id is None:
            return
        group = f"category {topic.get('cid')}"
        if flag(topic.get("deleted")):
            yield Item("topic", str(id), source, group=group, state="denied", why="the topic was deleted")
        elif not flag(topic.get("scheduled")):
            url = canonical(f"{self.base}topic/{slug or id}") or ""
            yield Item("topic", str(id), source, url=url, group=group, as_page=True)

    def _read_recent(self, said: Mapping[str, Any], number: int, inventory: Inventory) -> Iterator[Found]:
        size = max(1, whole(self.settings.get("posts_per_page")) or PER_PAGE)
        news = False
        for topic in rows(said.get("topics")):
            known = inventory.number("post", f"topic {topic.get('tid')}")
            news = known < (whole(topic.get("postcount")) or 0)
            yield from self._named(topic, "recent")
            if known and news:
                url = f"{self.base}topic/{topic.get('slug')}"
                last = -(-known // size)
                yield Ask(canonical(url + (f"?page={last}" if last > 1 else "")) or url, "page", again=True)
        if news and number < _pages(said):
            yield Ask(f"{self.base}api/recent?page={number + 1}", again=True)

    def _read_topic(self, said: Mapping[str, Any]) -> Iterator[Found]:
        id, slug = str(said.get("tid")), text(said.get("slug"))
        yield Item("topic", id, "links", group=f"category {said.get('cid')}")
        group = f"topic {id}"
        if (count := whole(said.get("postcount"))) is not None:
            yield Count("post", count, "postcount", group)
        for number in range(2, _pages(said) + 1):
            url = canonical(f"{self.base}topic/{slug}?page={number}") or ""
            yield Item("page", f"{id}/{number}", "pagination", url=url, as_page=True)
        for post in rows(said.get("posts")):
            gone = flag(post.get("deleted"))
            state: State = "denied" if gone else "captured"
            why = "the post was deleted; its place is shown" if gone else ""
            yield Item("post", str(post.get("pid")), "page", group=group, state=state, why=why)
            for file in self._files(text(post.get("content"))):
                yield Item("file", file.url, "posts", url=file.url)

    def _files(self, content: str) -> Iterator[Attachment]:
        if "/uploads/" not in content:
            return
        for link in LexborHTMLParser(content).css("a[href*='/uploads/']"):
            if url := canonical(link.attributes.get("href") or "", self.base):
                yield Attachment(url.partition("?")[0], link.text(strip=True))

    def extract(self, page: Page) -> Iterable[Post]:
        """The posts of a page; those deleted are none."""
        said = table(page.json) if page.url.startswith(self.base + "api/") else _data(page)
        for post in rows(said.get("posts")) if "tid" in said else ():
            if flag(post.get("deleted")):
                continue
            index, content = whole(post.get("index")), text(post.get("content"))
            user = table(post.get("user"))
            yield Post(
                id=str(post.get("pid")),
                topic=str(said.get("tid")),
                number=None if index is None else index + 1,
                author=text(user.get("displayname")) or text(user.get("username")),
                date=text(post.get("timestampISO")),
                html=content,
                title=text(said.get("titleRaw")) or text(said.get("title")),
                attachments=tuple(self._files(content)),
            )


def _pages(said: Mapping[str, Any]) -> int:
    return whole(table(said.get("pagination")).get("pageCount")) or 1


def _data(page: Page) -> Mapping[str, Any]:
    """The JSON a page was made from; empty when its theme leaves it out."""
    found = _DATA.search(page.text) if b"ajaxify-data" in page.body else None
    if found is None:
        return {}
    try:
        said, _ = json.JSONDecoder().raw_decode(page.text, found.end())
    except (ValueError, RecursionError):
        return {}
    return table(said)


def _title(page: Page) -> str:
    found = _TITLE.search(page.text[:20_000])
    return f"“{' '.join(found[1].split())[:80]}”" if found else page.mime or "nothing"
