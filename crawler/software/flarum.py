"""Flarum 1.x and 2.x: each page carries the JSON of its posts beside a form that replays without JavaScript.

A discussion's pages hold twenty posts each, with the ids of all its posts; what its noscript element links
goes by the number of comments and forgets what renamings and the like add, so pages are counted from the ids.
Sources: flarum/framework:framework/core/src/Forum/Content/Discussion.php, Api/Resource/DiscussionResource.php
and views/frontend/content/*.blade.php.
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
    Skip,
    Software,
    sitemap,
)
from crawler.software.boards import asked
from crawler.software.items import Attachment, Post
from crawler.software.values import rows, table, text, whole

PER_PAGE = 20
_PER_LIST = 50
_ONCE_MORE = 200  # posts that were never given, asked for one by one at the end

# Since 1.3 an element of its own, before that an argument.
_PAYLOAD = re.compile(r'id="flarum-json-payload"[^>]*>\s*|\bapp\.load\(\s*(?=\{)')
_TITLE = re.compile(r"<title[^>]*>\s*([^<]*)", re.IGNORECASE)

_DISCUSSION = re.compile(r"d/(\d+)(-[^/]*)?(?:/(\d+))?")
_TAG = re.compile(r"t/([^/]+)")
_SITEMAP = re.compile(r"sitemap(?:s?[-/].+)?\.xml|sitemap\.xml|sitemap-live/.+")
_POST_JSON = re.compile(r"api/posts/(\d+)")
_FILE = re.compile(r"assets/(?:files|images|uploads)/.+")
_STATIC = re.compile(r"assets/|favicon|webmanifest|manifest\.json")
_SKIPPED: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("flarum:members", re.compile(r"u/.*|users|following|settings|notifications|flags"), "about members"),
    ("flarum:feed", re.compile(r"atom(?:/.*)?|rss(?:/.*)?|.*\.(?:rss|atom)"), "the same posts as a feed"),
    ("flarum:api", re.compile(r"api(?:/.*)?"), "an interface for programs: the pages carry its JSON"),
    ("flarum:view", re.compile(r"d/.*|t/.*"), "another view of what is captured"),
)
_SAME = frozenset({"page", "near"})


class Flarum(Software):
    """A discussion is its first page; further ones are pages. The API lists the discussions."""

    name: ClassVar[str] = "flarum"
    family: ClassVar[Literal["wiki", "forum", "pads", "shares", "generic"]] = "forum"
    listed = frozenset({"discussion", "page", "list", "info"})
    useful = frozenset({"discussion", "page", "file"})
    proofs: ClassVar[dict[str, tuple[str, ...]]] = {"discussion": ("api", "index", "sitemap")}
    volatile = (
        re.compile(rb'"csrfToken":"[^"]*"|"(?:lastSeenAt|viewCount|views)":(?:"[^"]*"|\d+)'),
        re.compile(rb'"session":\{[^{}]*\}'),
    )

    @classmethod
    def detect(cls, page: Page) -> Installed | None:
        said = _payload(page)
        if not said:
            return None
        forum = _forum(said)
        path = text(forum.get("basePath")).strip("/")
        base = "/".join(page.url.split("/")[:3]) + "/" + (path + "/" if path else "")
        found = canonical(base)
        return Installed(cls.name, found) if found and page.url.startswith(found) else None

    def seeds(self) -> Iterable[Ask | Item]:
        yield Ask(self._list_url("createdAt", 0))
        for name in ("", "all"):
            yield Ask(self.base + name, "page")
        yield Ask(self.base + "sitemap.xml")

    def again(self, inventory: Inventory) -> Iterable[Ask]:
        """What was last written in, and each post that a discussion names and no page gave."""
        yield Ask(self._list_url("-lastPostedAt", 0), again=True)
        for n, id in enumerate(inventory.ids("post", "expected")):
            if n < _ONCE_MORE:
                yield Ask(f"{self.base}api/posts/{id}", again=True)

    def _list_url(self, sort: str, offset: int) -> str:
        asked = f"page%5Blimit%5D={_PER_LIST}&page%5Boffset%5D={offset}&sort={sort}"
        return f"{self.base}api/discussions?{asked}"

    # --- addresses

    def classify(self, url: str) -> Classified | None:
        path, query = asked(url, self.base)
        number = max(1, whole(query.get("page")) or 1)
        if found := _DISCUSSION.fullmatch(path):
            id, slug, place = found.groups()
            return self._place(id, 1 if place or "near" in query else number, f"{id}{slug or ''}")
        if path == "api/discussions" and "sort" in query:
            return Classified("source")
        if found := _POST_JSON.fullmatch(path):
            return Classified("post", found[1], item=True)
        if _SITEMAP.fullmatch(path):
            return Classified("source")
        if path in ("", "all", "tags") or _TAG.fullmatch(path):
            if {*query} <= {"page"}:
                return Classified("list", f"{path}/{number}", item=True)
            reason = "the same discussions in another order, or chosen otherwise"
            return Classified("view", keep=False, rule="flarum:list", reason=reason)
        if _FILE.fullmatch(path):
            return Classified("file", url.partition("?")[0], item=True)
        if re.fullmatch(r"p/[^/]+", path):
            return Classified("info", path, item=True)
        if _STATIC.match(path):
            return None
        for rule, shape, reason in _SKIPPED:
            if shape.fullmatch(path):
                return Classified("view", keep=False, rule=rule, reason=reason)
        return Classified("view", keep=False, rule="flarum:other", reason="no content of the forum")

    def _place(self, id: str, number: int, slug: str) -> Classified:
        """A page of a discussion. slug: begins with the id."""
        url = f"{self.base}d/{slug}" + (f"?page={number}" if number > 1 else "")
        kind, name = ("discussion", id) if number == 1 else ("page", f"{id}/{number}")
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
        if path.startswith("api/"):
            said = table(page.json)
            return OK if "data" in said else Accepted("challenge", f"no JSON of Flarum: {_title(page)}")
        if place.kind == "source":
            return sitemap.accept(page)
        said = _payload(page)
        if not said:
            return Accepted("challenge", f"no page of Flarum: {_title(page)}")
        if _forum(said).get("canViewForum") is False:
            return Accepted("denied", "only members may look at this forum")
        if place.kind in ("discussion", "page"):
            data = table(table(said.get("apiDocument")).get("data"))
            if data.get("type") != "discussions":
                return Accepted("challenge", "the page does not carry its discussion")
        return OK

    def read(self, page: Page, inventory: Inventory) -> Iterator[Found]:
        place = self.classify(page.url)
        if place is None or not place.keep:
            return
        path, query = asked(page.url, self.base)
        if place.kind in ("discussion", "page"):
            number = int(place.id.partition("/")[2] or 1)
            yield from self._read_discussion(table(_payload(page).get("apiDocument")), number)
        elif place.kind == "list":
            # Only the index of all is one that must name each discussion; tags are a way to find more.
            source = "index" if path == "all" else "links"
            for one in rows(table(_payload(page).get("apiDocument")).get("data")):
                yield from self._named(one, source)
            if source == "index":
                yield Heard("discussion", "index")
        elif place.kind == "post":
            yield from self._read_post(table(table(page.json).get("data")), "")
        elif path.startswith("api/"):
            yield from self._read_api(table(page.json), query, inventory)
        else:
            for url in sitemap.locations(page):
                if not url.startswith(self.base):
                    continue
                if _SITEMAP.fullmatch(below := url.removeprefix(self.base)):
                    yield Ask(url)
                elif found := _DISCUSSION.fullmatch(below):
                    # Made once a day: a discussion that is gone since is no gap.
                    yield Item("discussion", found[1], "links", url=url, as_page=True)
                    yield Heard("discussion", "sitemap")

    def _named(self, discussion: Mapping[str, Any], source: str) -> Iterator[Item]:
        id, slug = whole(discussion.get("id")), self._slug(discussion)
        if id is not None and discussion.get("type") == "discussions":
            url = canonical(f"{self.base}d/{slug}") or ""
            yield Item("discussion", str(id), source, url=url, as_page=True)

    @staticmethod
    def _slug(discussion: Mapping[str, Any]) -> str:
        """What stands after d/: id and slug; until 1.0 the slug came alone."""
        id, slug = str(discussion.get("id")), text(table(discussion.get("attributes")).get("slug"))
        return slug if slug == id or slug.startswith(id + "-") else f"{id}-{slug}" if slug else id

    def _read_api(
        self, said: Mapping[str, Any], query: Mapping[str, str], inventory: Inventory
    ) -> Iterator[Found]:
        yield Heard("discussion", "api")
        news = False
        found = rows(said.get("data"))
        for one in found:
            yield from self._named(one, "api")
            group = f"discussion {one.get('id')}"
            known = inventory.number("comment", group)
            news = known < (whole(table(one.get("attributes")).get("commentCount")) or 0)
            if news and known and query.get("sort") != "createdAt":
                last = -(-inventory.number("post", group) // PER_PAGE)
                place = self._place(str(one.get("id")), last, self._slug(one))
                yield Ask(canonical(place.url) or self.base, "page", again=True)
        # The list of all is read to its end; of what was last written in, as far as there is news.
        offset = (whole(query.get("page[offset]")) or 0) + _PER_LIST
        more = "next" in table(said.get("links")) or len(found) == _PER_LIST
        if found and more and (news or query.get("sort") == "createdAt"):
            yield Ask(self._list_url(query.get("sort", ""), offset), again=query.get("sort") != "createdAt")

    def _read_discussion(self, document: Mapping[str, Any], number: int) -> Iterator[Found]:
        discussion = table(document.get("data"))
        id, slug = str(discussion.get("id")), self._slug(discussion)
        linked = rows(table(table(discussion.get("relationships")).get("posts")).get("data"))
        ids = [str(one.get("id")) for one in linked]
        group = f"discussion {id}"
        pages = max(1, -(-len(ids) // PER_PAGE))
        if number in (1, pages):  # they stand on each page, and there may be hundreds of those
            for one in ids:
                yield Item("post", one, "discussion", group=group)
            for other in range(2, pages + 1):
                place = self._place(id, other, slug)
                yield Item(place.kind, place.id, "ids", url=canonical(place.url) or "", as_page=True)
        comments = whole(table(discussion.get("attributes")).get("commentCount"))
        if comments is not None:
            yield Count("comment", comments, "commentCount", group)
        for post in rows(document.get("included")):
            if post.get("type") == "posts" and str(post.get("id")) in ids:
                yield from self._read_post(post, group)
        if number == pages:
            after = canonical(self._place(id, pages + 1, slug).url) or ""
            yield Skip(after, "flarum:empty", "the page after the last one, which Flarum links at times")

    def _read_post(self, post: Mapping[str, Any], group: str) -> Iterator[Found]:
        said, id = table(post.get("attributes")), str(post.get("id"))
        if "contentType" not in said:
            return
        yield Item("post", id, "page", group=group, state="captured")
        if said.get("contentType") == "comment":
            yield Item("comment", id, "page", group=group or _group(post), state="captured")
        for file in self._files(text(said.get("contentHtml"))):
            yield Item("file", file.url, "posts", url=file.url)

    def _files(self, content: str) -> Iterator[Attachment]:
        """Uploads (fof/upload), here or with a content network."""
        if "/assets/files/" not in content and "fof-upload" not in content:
            return
        for link in LexborHTMLParser(content).css("a[href]"):
            url = canonical(link.attributes.get("href") or "", self.base)
            if url and re.search(r"/(?:assets/files|files|uploads)/", url):
                yield Attachment(url.partition("?")[0], link.text(strip=True))

    def extract(self, page: Page) -> Iterable[Post]:
        """The comments of a page; what else happened in a discussion has no content."""
        document = table(_payload(page).get("apiDocument"))
        discussion = table(document.get("data"))
        if discussion.get("type") != "discussions":
            return
        included = rows(document.get("included"))
        users = {
            str(one.get("id")): table(one.get("attributes")) for one in included if one.get("type") == "users"
        }
        for post in included:
            said = table(post.get("attributes"))
            if post.get("type") != "posts" or said.get("contentType") != "comment":
                continue
            user = table(table(table(post.get("relationships")).get("user")).get("data"))
            who = users.get(str(user.get("id")), {})
            html = text(said.get("contentHtml"))
            yield Post(
                id=str(post.get("id")),
                topic=str(discussion.get("id")),
                number=whole(said.get("number")),
                author=text(who.get("displayName")) or text(who.get("username")),
                date=text(said.get("createdAt")),
                html=html,
                title=text(table(discussion.get("attributes")).get("title")),
                attachments=tuple(self._files(html)),
            )


def _group(post: Mapping[str, Any]) -> str:
    discussion = table(table(table(post.get("relationships")).get("discussion")).get("data"))
    return f"discussion {discussion.get('id')}" if discussion else ""


def _payload(page: Page) -> Mapping[str, Any]:
    """What a page carries for its program; empty when it is no page of Flarum."""
    if b"flarum" not in page.body:
        return {}
    found = _PAYLOAD.search(page.text)
    if found is None:
        return {}
    try:
        said, _ = json.JSONDecoder().raw_decode(page.text, found.end())
    except (ValueError, RecursionError):
        return {}
    return table(said)


def _forum(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    found = (one for one in rows(payload.get("resources")) if one.get("type") == "forums")
    return table(next(found, {}).get("attributes"))


def _title(page: Page) -> str:
    found = _TITLE.search(page.text[:20_000])
    return f"“{' '.join(found[1].split())[:80]}”" if found else page.mime or "nothing"
