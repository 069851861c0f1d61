"""phpBB 3.0 to 3.3: `viewforum.php?f=&start=`, `viewtopic.php?f=&t=&start=`, `download/file.php?id=`.

Topics are addressed as the site does: with `f=` up to 3.2, without from 3.3 on. A board's own number leaves
out announcements, and each page leaves out topics that moved to where visitors may not look
(phpbb/phpbb:phpBB/viewforum.php); the numbers in the index have all of them, and sub-boards.
Refusals come with 200: a login form, "no permission", a message box (includes/functions.php login_box).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urljoin

from selectolax.lexbor import LexborNode

from crawler.software import Accepted, Installed, Page
from crawler.software.boards import (
    address,
    addresses,
    asked,
    attribute,
    body_html,
    classes,
    number,
    numbers,
    text_of,
)
from crawler.software.dates import date, zone
from crawler.software.items import Attachment, Post
from crawler.software.lists import under
from crawler.software.offsets import From, Offsets, Row
from crawler.software.places import Board, Left, Place, Shown

_OTHER = Left("other", "no board, no topic and no file")
_MEMBERS = Left("members", "about members")
_FEED = Left("feed", "a feed of one board or topic; the forum's is kept")
_VARIANT = Left("variant", "the same page in another form")
_POST = Left("post", "the page a post is on, once for each post")
_PRINT = Left("print", "the same page for a printer")
_VIEWS = {
    "next": Left("neighbour", "the next or previous topic under another address"),
    "previous": Left("neighbour", "the next or previous topic under another address"),
    "print": _PRINT,
    "unread": Left("jump", "the first unread post under another address"),
}
_SORT = Left("sort", "the same page in another order")
_ARCHIVE = Left("archive", "packs the files of a post on the fly")
_THUMBNAIL = Left("thumbnail", "a smaller copy, kept where a page shows it")
_SCRIPTS = {
    "viewonline.php": Left("online", "who is online, different each time"),
    "memberlist.php": _MEMBERS,
    "search.php": Left("search", "searches: slow, limited, and endless"),
    **dict.fromkeys(("posting.php", "mcp.php", "report.php"), Left("writes", "writes or moderates")),
    **dict.fromkeys(("cron.php", "style.php", "ucp.php", "faq.php"), _OTHER),
}
_LISTS = {"viewforum.php": ("board", "f"), "viewtopic.php": ("topic", "t")}
_FILES = "download/file.php"
_HOMES = re.compile(r"/(?:index|viewforum|viewtopic|ucp|memberlist|search|faq)\.php$")
_BARS = (".topic-actions > .pagination", ".action-bar > .pagination")
_BAR = ", ".join(_BARS)
_ROWS = ".topiclist.topics > li.row"
_BOARDS = ".topiclist.forums > li.row"


class PhpBB(Offsets):
    name = "phpbb"
    pagination = ", ".join(f"{bar} a[href]:not([href^='#'])" for bar in _BARS)
    hides = True
    volatile = (
        re.compile(rb"(?<=[?&;])sid=[0-9a-f]{32}"),
        re.compile(rb'name="(?:creation_time|form_token|sid)" value="[^"]*"'),
        re.compile(rb"<img [^>]*(?:cron\.php|/cron/)[^>]*>"),
        re.compile(rb'<p class="(?:right|left)[^"]*">[^<]*</p>'),  # the time, the last visit
        re.compile(rb'<dd class="views">[\d\s.,]*<dfn>'),
        re.compile(
            rb"(?:viewonline\.php[^>]*>|<h3>)[^<]*(?:</a>)?</h3>\s*<p>.*?</p>", re.DOTALL
        ),  # who is online
    )

    @classmethod
    def detect(cls, page: Page) -> Installed | None:
        """The base is the folder that the head's links agree on."""
        body = page.tree.css_first("body[id=phpbb]")
        if body is None and not page.header("x-phpbb-is-bot"):
            return None
        paths = Counter(
            urljoin(url, ".") for _, url in addresses(page) if _HOMES.search(url.partition("?")[0])
        )
        homes = [base for base, _ in paths.most_common() if page.url.startswith(base)]
        return Installed(cls.name, homes[0]) if homes else None

    # --- addresses

    def place(self, url: str) -> Place | Left | None:
        path, said = asked(url, self.base)
        if path in ("", "index.php"):
            return _VARIANT if said else From("index")
        if path in _LISTS:
            return self._list(url, *_LISTS[path], said)
        if path == _FILES:
            return self._file(said)
        if path == "feed.php" or re.fullmatch(r"app\.php/feed/?", path):
            return _FEED if said else From("feed")
        if path.startswith("app.php/"):
            return _FEED if path.startswith("app.php/feed/") else _OTHER
        if path == "ucp.php" and said.keys() == {"mode"} and said["mode"] in ("terms", "privacy"):
            return From("terms")
        return _SCRIPTS.get(path)

    def _list(self, url: str, kind: str, name: str, said: dict[str, str]) -> Place | Left:
        more = said.keys() - {"f", "t", "start"}
        if "p" in more:
            return _POST
        if more & {"sk", "sd", "st"}:
            return _SORT
        if more or (kind == "board" and "t" in said):
            return _VIEWS.get(said.get("view", ""), _VARIANT)
        id, start = said.get(name, ""), said.get("start", "0")
        if not (id.isdigit() and start.isdigit()):
            return _VARIANT
        if kind == "board":
            first, usual = int(start) + 1, ""
        else:
            first, usual = self.start(url, start)
        if not usual and "start" in said and first == 1:
            usual = self.at(url, 1)
        return From(kind, id, first, usual)

    def _file(self, said: dict[str, str]) -> Place | Left:
        if "avatar" in said:
            return From("avatar")
        if "archive" in said:
            return _ARCHIVE
        id = said.get("id", "")
        if not id.isdigit() or said.keys() - {"id", "mode"}:
            return _THUMBNAIL if "t" in said else _OTHER
        return From("attachment", id)

    def at(self, url: str, page: int) -> str:
        path, said = asked(url, self.base)
        query = "&".join(f"{name}={said[name]}" for name in ("f", "t") if name in said)
        return f"{self.base}{path}?{query}" + (f"&start={page - 1}" if page > 1 else "")

    def board_url(self, id: str) -> str:
        return f"{self.base}viewforum.php?f={id}"

    # --- what a page is

    def accept(self, page: Page) -> Accepted:
        """Forms that ask for a name or a password stand where the page should be."""
        place = self.place(page.url)
        asking = page.is_html and page.tree.css_first("form[id=login], form[id=login_forum]")
        if asking and isinstance(place, Place) and place.id:
            title = text_of(asking, ".login-title, .content h2, h2, h3")
            return Accepted("denied", title or "the forum asks for a login")
        return super().accept(page)

    def shows(self, page: Page, kind: str) -> bool:
        lists = ".topiclist.forums, .forabg"
        marks = {"index": lists, "board": f"{_BAR}, {_ROWS}, {lists}", "topic": ".post[id^=p]"}
        return page.tree.css_first(marks[kind]) is not None

    def message(self, page: Page) -> str:
        return text_of(page.tree, "#message p") or text_of(page.tree, "#page-body .panel strong")

    # --- lists

    def said(self, page: Page) -> int | None:
        if page.tree.css_first("#active_topics"):
            return None
        for part in text_of(page.tree, _BAR).split("•"):
            if (n := number(part)) is not None:
                return n
        return None

    def totals(self, page: Page) -> tuple[int | None, int | None]:
        for node in page.tree.css(".statistics p"):
            said = numbers(text_of(node))
            if len(said) >= 2:
                return said[1], said[0]
        return None, None

    def doors(self, page: Page) -> Iterator[str]:
        for row in page.tree.css(_BOARDS):
            if _is_door(row):
                yield from (url for _, url in under(page, row, "a.forumtitle"))

    def boards(self, page: Page) -> Iterator[Board]:
        for row in page.tree.css(_BOARDS):
            topics = number(text_of(row, "dd.topics"))
            for link, url in () if _is_door(row) else under(page, row, "a.forumtitle, a.subforum"):
                place = self.place(url) if url.startswith(self.base) else None
                if isinstance(place, Place) and place.kind == "board":
                    yield Board(place.id, url, topics if "forumtitle" in classes(link) else None, sums=True)

    def topics(self, page: Page) -> Iterator[Row]:
        active = page.tree.css_first("#active_topics") is not None
        elsewhere = {node.mem_id for node in page.tree.css(f".recent-topics {_ROWS}")}  # an extension's
        for node in page.tree.css(_ROWS):
            if node.mem_id in elsewhere:
                continue
            url = address(attribute(node, "a.topictitle", "href"), page) or ""
            place = self.place(url) if url.startswith(self.base) else None
            if not isinstance(place, Place) or place.kind != "topic":
                continue
            replies = number(text_of(node, "dd.posts"))
            moved = _pictured(node, "topic_moved")
            apart = active or not classes(node).isdisjoint(("announce", "global-announce"))
            yield Row(place.id, url, None if replies is None else replies + 1, moved and not apart, apart)

    # --- posts

    def posts(self, page: Page) -> Iterator[Shown]:
        place = self.here(page)
        first = place.page if isinstance(place, Place) else 1
        nodes = (node for node in page.tree.css(".post[id^=p]") if (node.id or "")[1:].isdigit())
        for n, node in enumerate(nodes, first):
            yield Shown((node.id or "")[1:], n, node)

    def files(self, page: Page) -> Iterator[tuple[str, str]]:
        for shown in self.posts(page):
            for id, url, _ in self._files(page, shown):
                yield id, url

    def _files(self, page: Page, shown: Shown) -> Iterator[tuple[str, str, str]]:
        """Id, address and name of what hangs on a post; not of what its text merely links to."""
        seen = set()
        boxes = ".attachbox, .inline-attachment, dl.file, dl.thumbnail"
        for node in (inner for box in shown.node.css(boxes) for inner in box.css("a[href], img[src]")):
            url = address(node.attributes.get("href") or node.attributes.get("src"), page) or ""
            place = self.place(url) if url.startswith(self.base) else None
            if isinstance(place, Place) and place.kind == "attachment" and place.id not in seen:
                seen.add(place.id)
                yield (
                    place.id,
                    url,
                    text_of(node) or attribute(node, "img", "alt") or node.attributes.get("alt") or "",
                )

    def post(self, page: Page, shown: Shown, topic: str) -> Post:
        node = shown.node
        exact = attribute(node, "p.author time[datetime]", "datetime")
        said = exact or text_of(node, "p.author").rpartition("»")[2]
        author = text_of(node, "p.author .username, p.author .username-coloured")
        return Post(
            id=shown.id,
            topic=topic,
            number=shown.number,
            author=author or text_of(node, ".postprofile dt"),
            date=date(said, page.at, zone(text_of(page.tree, "#page-footer"))),
            html=body_html(node.css_first(".postbody .content")),
            title=text_of(node, ".postbody h3 a"),
            attachments=tuple(Attachment(url, name) for _, url, name in self._files(page, shown)),
        )


def _is_door(row: LexborNode) -> bool:
    """Whether a row in a list of boards only leads away."""
    return row.css_first("dd.redirect") is not None or _pictured(row, "forum_link")


def _pictured(row: LexborNode, name: str) -> bool:
    """Whether a row bears this picture, by its class (3.1 and later) or in its style (3.0)."""
    said = (f"{dl.attributes.get('class')} {dl.attributes.get('style')}" for dl in row.css("dl"))
    return any(name in one for one in said)
