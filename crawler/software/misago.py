"""Misago 0.19 to 0.39: categories, threads and all their pages, attachments.

    /  /threads/  /c/SLUG/PK/           lists of threads; further ones from a cursor: ?start=NUMBER
    /  /categories/                     the categories, with their numbers of threads and posts
    /t/SLUG/PK/  /t/SLUG/PK/PAGE/       posts; the last one of a page is the first of the next
    /a/SECRET/PK/                       leads to an attachment (misago/threads/views/attachment.py)

Which list is the front page is for the forum to choose. Pages are whole without JavaScript, but for two
things: the pager without JavaScript says `?page=NUMBER`, which shows the first list again (the address that
works is in `link rel=next`), and a long thread's number of replies is rounded, in full only in a title. A
category's numbers include those of the categories below it. Hidden posts are counted and leave a note; what
happened to a thread ("moved", "closed") stands between the posts and is not counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborNode

from crawler.software import Ask, Count, Found, Heard, Installed, Inventory, Item, Page
from crawler.software.boards import addresses, asked, attribute, body_html, number, numbers, text_of
from crawler.software.dates import date
from crawler.software.items import Attachment, Post
from crawler.software.lists import Lists, under
from crawler.software.places import Board, Left, Place, Shown, Topic

_BOARD = re.compile(r"c/[\w-]+/(\d+)/")
_TOPIC = re.compile(r"(t/[\w-]+/(\d+)/)(?:([1-9]\d{0,6})/)?")
_FILE = re.compile(r"a/(?!thumb/)[\w-]+/(\d+)/")
_LEFT = (
    (
        re.compile(r"t/[\w-]+/\d+/(?:post/\d+|last|new|best-answer)/"),
        Left("post", "leads to the page a post is on"),
    ),
    (re.compile(r"(?:u|users|avatar)/"), Left("members", "about members")),
    (
        re.compile(r"(?:c/[\w-]+/\d+/|threads/)?(?:my|new|unread|watched|subscribed)/"),
        Left("mine", "for members"),
    ),
    (re.compile(r"(?:private-threads|options|notifications)/"), Left("mine", "for members")),
    (re.compile(r"api/"), Left("api", "answers for scripts; the pages hold them")),
)
_VIEW = re.compile(r"(?:[ctau]|threads|categories|search|users|login|logout|oauth2|activation)/")
_OTHER = Left("other", "no category, no thread and no file")


class Misago(Lists):
    name = "misago"
    experimental = True
    pagination = ".thread-paginator a[href]"
    proofs = {"topic": ("board", "index"), "post": ("topic", "board", "index")}  # noqa: RUF012  read-only
    volatile = (
        re.compile(rb'"[^"]*csrf[^"]*":\s*"[^"]*"|csrfmiddlewaretoken"? value="[^"]*"', re.IGNORECASE),
        re.compile(rb'<span class="user-postcount[^>]*>[^<]*</span>'),
        re.compile(rb"misago\.init\(.*?\);\s*</script>", re.DOTALL),
    )

    @classmethod
    def detect(cls, page: Page) -> Installed | None:
        if page.tree.css_first("#misago-container, .misago-branding") is None:
            return None
        for _, url in addresses(page, ".navbar-branding a[href]"):
            if url.endswith("/") and page.url.startswith(url):
                return Installed(cls.name, url)
        return None

    # --- addresses

    def place(self, url: str) -> Place | Left | None:
        path, said = asked(url, self.base)
        start = said.pop("start", "0")
        if path in ("", "threads/", "categories/") or _BOARD.fullmatch(path):
            if said or not start.isdigit():
                return _OTHER
            found = _BOARD.fullmatch(path)
            kind, id = ("board", found[1]) if found else ("index", path.strip("/") or "front")
            usual = self.at(url, int(start) or 1)
            return Place(kind, id, int(start) or 1, usual if usual != url else "")
        if found := _TOPIC.fullmatch(path):
            usual = self.at(url, int(found[3] or 1))
            return Place("topic", found[2], int(found[3] or 1), usual if usual != url else "")
        if found := _FILE.fullmatch(path):
            return Place("attachment", found[1], url="" if not said else f"{self.base}{path}")
        for pattern, left in _LEFT:
            if pattern.match(path):
                return left
        return _OTHER if _VIEW.match(path) else None

    def at(self, url: str, page: int) -> str:
        """page: of a list of threads, the cursor it starts from."""
        path, _ = asked(url, self.base)
        if found := _TOPIC.fullmatch(path):
            return f"{self.base}{found[1]}" + (f"{page}/" if page > 1 else "")
        return f"{self.base}{path}" + (f"?start={page}" if page > 1 else "")

    def board_url(self, id: str) -> str:
        return f"{self.base}c/category/{id}/"

    def _place_of(self, url: str) -> Place | None:
        place = self.place(url) if url.startswith(self.base) else None
        return place if isinstance(place, Place) else None

    # --- what stands on a page

    def shows(self, page: Page, kind: str) -> bool:
        marks = {"index": ".page-threads, .page-categories", "board": ".page-threads", "topic": ".posts-list"}
        return page.tree.css_first(marks[kind]) is not None

    def message(self, page: Page) -> str:
        return text_of(page.tree, ".page-error .message-body, .message-panel")

    def boards(self, page: Page) -> Iterator[Board]:
        """In the list of categories with numbers; elsewhere those below and those that threads are in."""
        for group in page.tree.css(".list-group-category"):
            rows = group.css("li.list-group-item")
            for place, row in enumerate(rows):
                for board in self._boards(page, row, ".category-main h4 a[href]"):
                    below = row.css_first(".subcategories-list") is not None or (place == 0 and len(rows) > 1)
                    yield Board(board.id, board.url, number(text_of(row, ".category-stat-threads")), below)
                yield from self._boards(page, row, ".subcategories-list a[href]")
        yield from self._boards(
            page, None, ".subcategories-list a.subcategory[href], a.threads-list-item-category[href]"
        )

    def _boards(self, page: Page, node: LexborNode | None, selector: str) -> Iterator[Board]:
        links = addresses(page, selector) if node is None else under(page, node, selector)
        for _, url in links:
            place = self._place_of(url)
            if place and place.kind == "board" and place.page == 1:
                yield Board(place.id, url)

    def topics(self, page: Page) -> Iterator[Topic]:
        """By their titles; what `meta itemprop=url` says may be an address the forum had before."""
        for row in page.tree.css(".threads-list-item"):
            for _, url in under(page, row, "a.threads-list-item-title[href]"):
                place = self._place_of(url.removesuffix("new/"))
                if place and place.kind == "topic":
                    replies = number(attribute(row, ".threads-replies[title]", "title"))
                    yield Topic(place.id, url.removesuffix("new/"), None if replies is None else replies + 1)

    def posts(self, page: Page) -> Iterator[Shown]:
        """Without a number: posts that came and went leave none."""
        for node in page.tree.css("li.post[id^=post-]"):
            if node.css_first(".post-body-hidden") is None:
                yield Shown((node.attributes["id"] or "").removeprefix("post-"), None, node)

    def post(self, page: Page, shown: Shown, topic: str) -> Post:
        node = shown.node
        when = attribute(node, "time[itemprop=datePublished]", "datetime")
        files = under(page, node, "a.attachment-name[href]")
        return Post(
            id=shown.id,
            topic=topic,
            author=text_of(node, "[itemprop=author]"),
            date=date(when, page.at),
            html=body_html(node.css_first(".misago-markup")),
            title=text_of(page.tree, ".page-header h1"),
            attachments=tuple(Attachment(url, text_of(link)) for link, url in files),
        )

    # --- what follows

    def _read_index(self, page: Page, inventory: Inventory) -> Iterator[Found]:
        place = self.place(page.url)
        assert isinstance(place, Place)
        if place.id == "front":
            categories = page.tree.css_first(".page-categories") is not None
            yield Ask(f"{self.base}{'threads' if categories else 'categories'}/", "page")
        yield from self._read_list(page, place, "index", inventory)

    def _read_board(self, page: Page, place: Place, inventory: Inventory) -> Iterator[Found]:
        yield from self._read_list(page, place, "board", inventory)

    def _read_list(self, page: Page, place: Place, source: str, inventory: Inventory) -> Iterator[Found]:
        """A list shows the threads of the categories below, too: a thread's own label says where it is."""
        yield from self._read_boards(page, source, inventory)
        rows = page.tree.css(".threads-list-item")
        if rows or page.tree.css_first(".threads-list") is not None:
            yield Heard("topic", source)
        for row, node in zip(self.topics(page), rows, strict=False):
            labels = list(self._boards(page, node, "a.threads-list-item-category[href]"))
            board = labels[-1].id if labels else place.id
            yield Item("topic", row.id, source, row.url, f"board {board}", as_page=True)
            if row.posts is not None:
                yield Count("post", row.posts, source, f"topic {row.id}")
                yield from self._read_change(row, row.posts, inventory)
        for _, url in addresses(page, "link[rel=next][href]"):
            after = self._place_of(url)
            if after and after.page > 1 and after.kind == place.kind:
                yield Item(after.key[0], after.key[1], source, url, as_page=True)

    def _read_topic(self, page: Page, place: Place, inventory: Inventory) -> Iterator[Found]:
        yield from super()._read_topic(page, place, inventory)
        for note in page.tree.css("li.post[id^=post-] .post-body-hidden"):
            post = note
            while post.tag != "li" and post.parent is not None:
                post = post.parent
            id = (post.attributes.get("id") or "").removeprefix("post-")
            yield Item(
                "post", id, "topic", group=f"topic {place.id}", state="denied", why="hidden by a moderator"
            )

    def _last(self, page: Page, place: Place) -> int:
        """ "Page 1 of 7" stands on the button between the links."""
        return max(
            super()._last(page, place), *numbers(text_of(page.tree, ".thread-paginator .dropdown button")), 1
        )
