"""Discourse: the JSON of every post, and the pages it makes for crawlers, which replay without JavaScript.

Our user agent gets those pages: Discourse takes for a browser what names one ("opera", "chrome" … in any
case, so a "cooperative" among the words of `operator` counts; discourse/discourse:lib/crawler_detection.rb).
A browser that is no phone finds the same in a noscript element (app/views/topics/show.html.erb), read alike.
"""

from __future__ import annotations

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
from crawler.software.values import flag, many, rows, table, text, whole

PER_PAGE = 20  # TopicView.chunk_size; as many posts are asked for at once
_ONCE_MORE = 200  # posts that were never given, asked for one by one at the end

_MARK = re.compile(
    rb'name="generator" content="Discourse|id="data-discourse-setup"|<discourse-assets|class=.crawler-nav'
)
_FRONT = re.compile(rb'data-base-uri="([^"]*)"|href="([^"]*)opensearch\.xml"')
_TITLE = re.compile(r"<title[^>]*>\s*([^<]*)", re.IGNORECASE)

_TOPIC_JSON = re.compile(r"t/(?:[^/]+/)?(\d+)\.json")
_POSTS_JSON = re.compile(r"t/(\d+)/posts\.json")
_POST_JSON = re.compile(r"posts/(\d+)\.json")
_TOPIC = re.compile(r"t/(?:([^/]+)/)?(\d+)(?:/(\d+|last))?")
_CATEGORY = re.compile(r"c/(?:.+/)?(\d+)(?:/(?:none|all|l/latest))?")
_CATEGORY_BY_NAME = re.compile(r"c/((?:(?!l/)[^/.]+/)*[^/.]*[^\d/.][^/.]*)")
_FILE = re.compile(r"(?:uploads|secure-uploads|secure-media-uploads)/.+")
_SITEMAP = re.compile(r"sitemap(?:_\d+|_recent)?\.xml")
_LIST_JSON = frozenset({"latest.json", "site.json", "categories.json", "about.json"})
_INFO = frozenset({"about", "faq", "guidelines", "rules", "tos", "privacy"})
_STATIC = re.compile(
    r"(?:stylesheets|assets|images|javascripts|theme-javascripts|svg-sprite|plugins|extra-locales|highlight-js"
    r"|user_avatar|letter_avatar|letter_avatar_proxy|fonts)/|favicon|opensearch\.xml|manifest\.(?:webmanifest|json)"
)
_SKIPPED: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("discourse:feed", re.compile(r".*\.rss"), "the same posts as a feed"),
    ("discourse:post", re.compile(r"(?:p|posts)/.*|raw/.*"), "one post of a topic that is captured whole"),
    ("discourse:view", re.compile(r"t/.*"), "another view of a topic that is captured"),
    ("discourse:members", re.compile(r"(?:u|users|g|groups|badges)(?:/.*)?|.*\.vcf"), "about members"),
    (
        "discourse:list",
        re.compile(r"(?:c/.*|tags?|top|new|unread|hot|posted|bookmarks|search|.*/l/)(?:[/.].*)?"),
        "topics in another order, or chosen otherwise",
    ),
)

_KINDS = {"topic": "id", "posts": "post_stream", "post": "id"}  # of JSON: what must stand in it


class Discourse(Software):
    """A topic is its JSON, its pages are HTML; posts beyond the first twenty come in batches of JSON.

    Everything else is found from there: the slug, the number of pages, the ids of all posts.
    """

    name: ClassVar[str] = "discourse"
    family: ClassVar[Literal["wiki", "forum", "pads", "shares", "generic"]] = "forum"
    listed = frozenset({"page", "category", "list", "info"})
    useful = frozenset({"page", "topic", "posts", "file"})
    proofs: ClassVar[dict[str, tuple[str, ...]]] = {"topic": ("latest", "categories", "sitemap")}
    volatile = (
        re.compile(rb'<meta name="csrf-token"[^>]*>|nonce="[^"]*"'),
        re.compile(rb'<td class="views">.*?</td>|"(?:views|like_count)":\d+', re.DOTALL),
        re.compile(rb'<div id="(?:suggested|related)-topics".*?</table>', re.DOTALL),
        re.compile(rb'"suggested_topics":\[.*?\](?=,"(?:tags|related_topics|id)":)', re.DOTALL),
    )

    @classmethod
    def detect(cls, page: Page) -> Installed | None:
        if not _MARK.search(page.body):
            return None
        found = _FRONT.search(page.body)
        front = (found[1] if found[1] is not None else found[2]) if found else b"/"
        place = canonical(front.decode("utf-8", "replace").rstrip("/") + "/", page.url) or page.url
        path = "/" + place.partition("://")[2].partition("/")[2]
        origin = "/".join(page.url.split("/")[:3])
        return Installed(cls.name, origin + path) if page.url.startswith(origin + path) else None

    def seeds(self) -> Iterable[Ask | Item]:
        for name in ("site.json", "about.json", "latest.json", "sitemap.xml"):
            yield Ask(self.base + name)
        yield Ask(self.base, "page")
        yield Ask(self.base + "categories", "page")

    def again(self, inventory: Inventory) -> Iterable[Ask]:
        """The latest topics, and each post that a topic names and no batch gave."""
        yield Ask(self.base + "latest.json", again=True)
        for n, id in enumerate(inventory.ids("post", "expected")):
            if n < _ONCE_MORE:
                yield Ask(f"{self.base}posts/{id}.json?include_raw=true", again=True)

    # --- addresses

    def classify(self, url: str) -> Classified | None:
        path, query = asked(url, self.base)
        number = max(1, whole(query.get("page")) or 1)
        if found := _TOPIC_JSON.fullmatch(path):
            if number > 1:
                return Classified("posts", f"{found[1]}: page {number}", item=True)
            return Classified("topic", found[1], item=True, url=self._topic(found[1]))
        if found := _POSTS_JSON.fullmatch(path):
            ids = re.findall(r"post_ids(?:%5B%5D|\[\])=(\d+)", url) or ["0"]
            return Classified("posts", f"{found[1]}: {ids[0]}-{ids[-1]}", item=True)
        if found := _POST_JSON.fullmatch(path):
            return Classified("post", found[1], item=True)
        if path in _LIST_JSON or _SITEMAP.fullmatch(path):
            return Classified("source")
        if found := _TOPIC.fullmatch(path):
            slug, id, place = found.groups()
            page = 1 if place else number
            return Classified("page", f"{id}/{page}", item=True, url=self._page(slug, id, page))
        first = whole(query.get("page")) or 0  # of lists the first page is number 0
        if {*query} <= {"page", "no_definitions", "no_subcategories"}:
            if found := _CATEGORY.fullmatch(path):
                return Classified("category", f"{found[1]}/{first}", item=True)
            if found := _CATEGORY_BY_NAME.fullmatch(path):
                return Classified("category", f"{found[1]}/{first}", item=True)
            if path in ("", "latest", "categories"):
                return Classified("list", f"{path}/{first}", item=True)
        if path in _INFO:
            return Classified("info", path, item=True)
        if _FILE.fullmatch(path):
            return Classified("file", url.partition("?")[0], item=True)
        if _STATIC.match(path):
            return None
        for rule, shape, reason in _SKIPPED:
            if shape.fullmatch(path):
                return Classified("view", keep=False, rule=rule, reason=reason)
        return Classified("view", keep=False, rule="discourse:other", reason="no content of the forum")

    def _topic(self, id: str | int) -> str:
        return f"{self.base}t/{id}.json?include_raw=true"

    def _page(self, slug: str | None, id: str | int, number: int) -> str:
        start = f"{self.base}t/{slug}/{id}" if slug else f"{self.base}t/{id}"
        return f"{start}?page={number}" if number > 1 else start

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
        if path.endswith(".json"):
            said = table(page.json)
            if "errors" in said:
                denied = said.get("error_type") in ("not_logged_in", "invalid_access")
                return Accepted("denied" if denied else "missing", "; ".join(map(str, many(said["errors"]))))
            if not said or _KINDS.get(place.kind, "") not in ("", *said):
                return Accepted("challenge", f"no JSON of Discourse: {_title(page)}")
            return OK
        if not _MARK.search(page.body):
            return Accepted("challenge", f"no page of Discourse: {_title(page)}")
        if place.kind == "page" and not page.tree.css_first(
            ".crawler-post [itemprop=text], [id^=post_] .post"
        ):
            return Accepted("challenge", "no post on it can be read without JavaScript")
        return OK

    def read(self, page: Page, inventory: Inventory) -> Iterator[Found]:
        place = self.classify(page.url)
        if place is None or not place.keep:
            return
        said = table(page.json) if page.body[:1] == b"{" else {}
        if place.kind == "topic":
            yield from self._read_topic(said, inventory)
        elif place.kind == "posts":
            topic = place.id.partition(":")[0]
            for post in rows(table(said.get("post_stream")).get("posts")):
                yield from self._read_post(post, topic, "batch")
            if number := whole(asked(page.url, self.base)[1].get("page")):
                yield from self._read_on(said, number)
        elif place.kind == "post":
            yield from self._read_post(said, str(said.get("topic_id", "")), "post")
        elif place.kind == "page":
            # A topic that no list names is found by a link to it.
            yield Item("topic", id := place.id.partition("/")[0], "links", url=self._topic(id))
        elif place.kind in ("category", "list"):
            yield from self._read_list(page, "categories" if place.kind == "category" else "front")
        elif place.kind == "source":
            yield from self._read_source(page, said, inventory)

    def _read_source(self, page: Page, said: Mapping[str, Any], inventory: Inventory) -> Iterator[Found]:
        path = page.url.removeprefix(self.base).partition("?")[0]
        if path.endswith(".xml"):
            for url in sitemap.locations(page):
                if url.startswith(self.base) and _SITEMAP.fullmatch(url.removeprefix(self.base)):
                    yield Ask(url)
                elif url.startswith(self.base) and (found := _TOPIC.fullmatch(url.removeprefix(self.base))):
                    # Up to a day old: a topic that is gone since is no gap, so nobody "expects" it.
                    yield Item("topic", found[2], "links", url=self._topic(found[2]))
            if path != "sitemap.xml":
                yield Heard("topic", "sitemap")
        elif path == "latest.json":
            yield from self._read_latest(page.url, table(said.get("topic_list")), inventory)
        elif path == "about.json":
            stats = table(table(said.get("about")).get("stats"))
            for kind in ("topic", "post"):
                n = whole(stats.get(f"{kind}s_count", stats.get(f"{kind}_count")))
                if n is not None:  # private messages and categories are counted too
                    yield Count(kind, n, "about", bound="at most")
        elif "categories" in said:
            yield from self._read_categories(rows(said["categories"]))
        elif path == "site.json":
            yield Ask(self.base + "categories.json?include_subcategories=true")
        else:
            top = rows(table(said.get("category_list")).get("categories"))
            below = [one for parent in top for one in rows(parent.get("subcategory_list"))]
            yield from self._read_categories([*top, *below])

    def _read_categories(self, categories: list[Mapping[str, Any]]) -> Iterator[Found]:
        by_id = {whole(one.get("id")): one for one in categories}
        for id, one in by_id.items():
            if id is None or flag(one.get("read_restricted")):
                continue
            slugs, above = [text(one.get("slug")) or "-"], by_id.get(whole(one.get("parent_category_id")))
            while above and len(slugs) < 4:
                slugs.append(text(above.get("slug")) or "-")
                above = by_id.get(whole(above.get("parent_category_id")))
            path = "/".join(reversed(slugs))
            url = canonical(f"{self.base}c/{path}/{id}") or self.base
            yield Item("category", f"{id}/0", "site", url=url, as_page=True)
            if (n := whole(one.get("topic_count"))) is not None:
                # The topic that describes the category stands in its list and is not counted.
                yield Count("topic", n + bool(one.get("topic_url")), "site", f"category {id}")

    def _read_latest(self, url: str, said: Mapping[str, Any], inventory: Inventory) -> Iterator[Found]:
        yield Heard("topic", "latest")
        topics = rows(said.get("topics"))
        news = False
        for topic in topics:
            id = whole(topic.get("id"))
            if id is None:
                continue
            known = inventory.number("post", f"topic {id}")
            news = known < (whole(topic.get("posts_count")) or 0)
            yield Item("topic", str(id), "latest", url=self._topic(id), group=_category(topic))
            if known and news:
                yield Ask(self._topic(id), again=True)
        if topics and said.get("more_topics_url"):
            number = whole(asked(url, self.base)[1].get("page")) or 0
            # Where the last topic of a page has changed, so may have those on the next one.
            yield Ask(f"{self.base}latest.json?page={number + 1}", again=news)

    def _read_list(self, page: Page, source: str) -> Iterator[Found]:
        for link in page.tree.css(".topic-list a[href]"):
            url = canonical(link.attributes.get("href") or "", page.url) or ""
            if url.startswith(self.base) and (found := _TOPIC.fullmatch(url.removeprefix(self.base))):
                yield Item("topic", found[2], source, url=self._topic(found[2]))
        if source == "categories":
            yield Heard("topic", source)

    def _read_topic(self, said: Mapping[str, Any], inventory: Inventory) -> Iterator[Found]:
        id, slug = whole(said.get("id")), text(said.get("slug")) or "-"
        posts = table(said.get("post_stream"))
        stream = [one for one in map(whole, many(posts.get("stream"))) if one is not None]
        group = f"topic {id}"
        if id is None:
            return
        yield Item("topic", str(id), "topic", group=_category(said))
        given = {whole(post.get("id")): post for post in rows(posts.get("posts"))}
        if not stream:
            for post in given.values():
                yield from self._read_post(post, str(id), "page")
            yield from self._read_on(said, 1)
            return
        # Newer releases leave small actions out of this number, which stand in the stream all the same.
        count = max(len(stream), whole(said.get("posts_count")) or 0)
        yield Count("post", count, "posts_count", group)
        left = []
        for one in stream:
            if one in given:
                continue
            yield Item("post", str(one), "stream", group=group)
            if inventory.state("post", str(one)) in (None, "expected"):
                left.append(one)
        for post in given.values():
            yield from self._read_post(post, str(id), "stream")
        for start in range(0, len(left), PER_PAGE):
            some = left[start : start + PER_PAGE]
            wanted = "".join(f"post_ids%5B%5D={one}&" for one in some)
            url = f"{self.base}t/{id}/posts.json?{wanted}include_raw=true"
            yield Item("posts", f"{id}: {some[0]}-{some[-1]}", "stream", url=url)
        # A topic that grew since: the pages with its new posts are fetched anew.
        grown = inventory.number("post", group)
        new = [n for n, one in enumerate(stream) if grown and not inventory.knows("post", str(one))]
        for number in range(1, -(-len(stream) // PER_PAGE) + 1):
            url = canonical(self._page(slug, str(id), number)) or ""
            yield Item("page", f"{id}/{number}", "stream", url=url, as_page=True)
            if new and number > new[0] // PER_PAGE:
                yield Ask(url, "page", again=True)

    def _read_on(self, said: Mapping[str, Any], number: int) -> Iterator[Found]:
        """Of a topic of more than 10,000 posts nobody says which they are: it is read page by page.

        The page after a full one may not exist; one that is not full is the last.
        """
        id, slug = whole(said.get("id")), text(said.get("slug")) or "-"
        url = canonical(self._page(slug, str(id), number)) or ""
        yield Item("page", f"{id}/{number}", "stream", url=url, as_page=True)
        if len(rows(table(said.get("post_stream")).get("posts"))) >= PER_PAGE:
            url = f"{self.base}t/{id}.json?page={number + 1}&include_raw=true"
            yield Item("posts", f"{id}: page {number + 1}", "links", url=url)

    def _read_post(self, post: Mapping[str, Any], topic: str, source: str) -> Iterator[Found]:
        if (id := whole(post.get("id"))) is None:
            return
        state: State = "denied" if flag(post.get("cooked_hidden")) else "captured"
        why = "hidden by the community or a moderator" if state == "denied" else ""
        yield Item("post", str(id), source, group=f"topic {topic}", state=state, why=why)
        for file in _files(text(post.get("cooked")), self.base):
            yield Item("file", file.url, "posts", url=file.url)

    def extract(self, page: Page) -> Iterable[Post]:
        """The posts of a JSON answer; html is what the forum calls cooked."""
        place = self.classify(page.url)
        said = table(page.json) if place and place.kind in _KINDS else {}
        title = text(said.get("title"))
        posts = (
            [said] if place and place.kind == "post" else rows(table(said.get("post_stream")).get("posts"))
        )
        for post in posts:
            cooked = text(post.get("cooked"))
            yield Post(
                id=str(post.get("id", "")),
                topic=str(post.get("topic_id", said.get("id", ""))),
                number=whole(post.get("post_number")),
                author=text(post.get("username")),
                date=text(post.get("created_at")),
                html=cooked,
                title=title,
                attachments=tuple(_files(cooked, self.base)),
            )


def _category(topic: Mapping[str, Any]) -> str:
    """The group a topic is counted in: unlisted topics are in none."""
    id = whole(topic.get("category_id"))
    return "" if id is None or topic.get("visible") is False else f"category {id}"


def _files(cooked: str, base: str) -> Iterator[Attachment]:
    """What hangs on a post: attachments, and pictures in full size, here or with a content network."""
    if "/uploads/" not in cooked and "secure-" not in cooked:
        return
    for link in LexborHTMLParser(cooked).css("a.attachment[href], a.lightbox[href]"):
        url = canonical(link.attributes.get("href") or "", base)
        if url:
            yield Attachment(
                url.partition("?")[0], link.text(strip=True) or link.attributes.get("title") or ""
            )


def _title(page: Page) -> str:
    found = _TITLE.search(page.text[:20_000])
    return f"“{' '.join(found[1].split())[:80]}”" if found else page.mime or "nothing"
