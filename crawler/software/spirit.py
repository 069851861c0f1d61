"""Spirit (django-spirit 0.5 to 0.14): boards ("categories"), topics, all their pages, polls, uploads.

    /                               all topics by last activity, also /topic/active/
    /category/PK/SLUG/?page=N       those of a board and of the boards below it
    /topic/PK/SLUG/?page=N          20 posts a page, or as configured
        …?show_poll=POLL            the same page with a poll's results instead of its form

Members, earlier wordings of a post and voters are for those who have an account (spirit/user/views.py,
comment/history/views.py, comment/poll/views.py). There are neither feeds nor a sitemap. Two lists name each
topic, the front page's and its board's (`Category.is_global` keeps a board out of the first), and both tell
how many posts it has. Removed posts count and leave a note in their place; the notes that moderators leave
when they close or move a topic do not count (spirit/comment/utils.py, comment/models.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from selectolax.lexbor import LexborNode

from crawler.canonical import canonical
from crawler.software import Ask, Count, Found, Heard, Installed, Inventory, Item, Page, Setting, Skip
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
from crawler.software.dates import date
from crawler.software.items import Attachment, Post
from crawler.software.lists import Lists, under
from crawler.software.places import Board, Left, Place, Shown, Topic

_LIST = re.compile(r"(category|topic)/(\d+)/(?:[^/]*/)?")
_UPLOAD = re.compile(r"(?:^|/)spirit/((?:images|files)/\d+/.+)")
_STYLES = re.compile(r"(?:^|/)spirit/stylesheets/[^?]*\.css$")
_EMOJI = re.compile(r"\.(tw-[\w-]+)\s*\{[^}]*?url\([\"']?([^\"')]+)")
_OURS = re.compile(r"(?:user|comment|search|category|topic|st)(?:/|$)")
_LEFT = (
    (re.compile(r"comment/\d+/find/"), Left("post", "leads to the page that a post is on")),
    (re.compile(r"comment/history/"), Left("history", "earlier wordings of a post are for members")),
    (re.compile(r"comment/poll/voters/"), Left("voters", "who voted is for members")),
    (re.compile(r"user/"), Left("members", "pages about members are for members")),
    (re.compile(r"category/$"), Left("boards", "an empty page: the boards are listed on the front page")),
)
LINKS = "links"  # who is nobody: an emoji without a picture is no gap
OTHER = Left("other", "no list, no topic and no file")


class Spirit(Lists):
    name = "spirit"
    pagination = ".paginator a[href]"
    proofs = {"topic": ("board", "index"), "post": ("topic", "board", "index")}  # noqa: RUF012  read-only
    volatile = (
        re.compile(rb'csrfToken: "[^"]*"|name="csrfmiddlewaretoken" value="[^"]*"'),
        re.compile(rb'fa-clock-o"\s*></i>[^<]*'),  # in lists: the time since the last post
        re.compile(rb'<li title="[^"]*">[^<]*</li>'),  # in posts: the time since; the title never changes
        re.compile(rb'<span title="[^"]*">[^<]*</span>'),  # in notes
    )

    @classmethod
    def detect(cls, page: Page) -> Installed | None:
        for selector, end in (
            ("a.header__login", "user/login/"),
            ("a.header__logo", ""),
            (".breadcrumb_nav a", ""),
        ):
            url = address(attribute(page.tree, selector, "href"), page) or ""
            path = url.partition("?")[0]
            if path.endswith(end or "/") and page.url.startswith(base := path.removesuffix(end)):
                return Installed(cls.name, base)
        return None

    # --- addresses

    def place(self, url: str) -> Place | Left | None:
        path, said = asked(url, self.base)
        if upload := _UPLOAD.search(path):
            return Place("attachment", upload[1])
        if _STYLES.search(path):
            return Place("styles")
        kind, id = "", ""
        if found := _LIST.fullmatch(path):
            kind, id = ("board" if found[1] == "category" else "topic"), found[2]
        elif path in ("", "topic/active/"):
            kind, id = "index", "all"
        if not kind:
            return self._left(path)
        page, poll = said.pop("page", "1"), said.pop("show_poll", "0").strip("0")
        if said or not re.fullmatch(r"0*[1-9]\d{0,6}", page, re.ASCII):
            return OTHER
        usual = self.at(url, int(page))
        if kind == "topic" and poll:
            usual += f"{'&' if '?' in usual else '?'}show_poll={poll}"
            return Place("poll", poll, url=usual if usual != url else "")
        return Place(kind, id, int(page), usual if usual != url else "")

    def _left(self, path: str) -> Left | None:
        for pattern, left in _LEFT:
            if pattern.match(path):
                return left
        return OTHER if _OURS.match(path) else None

    def at(self, url: str, page: int) -> str:
        path, _ = asked(url, self.base)
        path = "" if path == "topic/active/" else path
        return f"{self.base}{path}" + (f"?page={page}" if page > 1 else "")

    def board_url(self, id: str) -> str:
        return f"{self.base}category/{id}/"

    # --- what stands on a page

    def shows(self, page: Page, kind: str) -> bool:
        return page.tree.css_first(".comments_list" if kind == "topic" else ".layout__topics") is not None

    def message(self, page: Page) -> str:
        return ""  # Spirit says no by a status

    def boards(self, page: Page) -> Iterator[Board]:
        """From the menu above a list and from its rows: the boards below another are only named there."""
        found: dict[str, Board] = {}
        for _, url in addresses(page, ".menu_list a[href], .topic__category a[href]"):
            place = self.place(url) if url.startswith(self.base) else None
            if isinstance(place, Place) and place.kind == "board":
                found.setdefault(place.id, Board(place.id, place.url or url))
        yield from found.values()

    def topics(self, page: Page) -> Iterator[Topic]:
        for row in page.tree.css(".layout__topics__topic"):
            for _, url in under(page, row, "a.topic__link[href]"):
                place = self.place(url) if url.startswith(self.base) else None
                if isinstance(place, Place) and place.kind == "topic":
                    # A member is led to where they stopped reading (Topic.get_bookmark_url).
                    yield Topic(place.id, self.at(url, 1), number(text_of(row, ".topic__comments")))

    def posts(self, page: Page) -> Iterator[Shown]:
        """Without a number: the one on the page counts the notes of moderators, too."""
        for node in page.tree.css(".comments_list__comment[data-pk]"):
            yield Shown(node.attributes["data-pk"] or "", None, node)

    def post(self, page: Page, shown: Shown, topic: str) -> Post:
        node = shown.node
        return Post(
            id=shown.id,
            topic=topic,
            number=number(node.attributes.get("data-number") or ""),
            author=text_of(node, ".comment__info__username__link span"),
            date=date(attribute(node, ".comment__info__date li[title]", "title"), page.at),
            html=body_html(node.css_first(".comment__text"), "input[name=csrfmiddlewaretoken]"),
            title=text_of(page.tree, "h1.headline"),
            attachments=tuple(self._files(page, node)),
        )

    def _files(self, page: Page, post: LexborNode) -> Iterator[Attachment]:
        """What was uploaded into a post: Spirit puts it wherever MEDIA_URL says, mostly on its server."""
        for node in post.css(".comment__text img[src], .comment__text a[href]"):
            url = address(node.attributes.get("src") or node.attributes.get("href"), page)
            if url and _UPLOAD.search(url):
                yield Attachment(url, unquote(url.rpartition("/")[2]))

    # --- what follows

    def again(self, inventory: Inventory) -> Iterable[Ask]:
        """What was written during the crawl has come to the top of the front page; emojis that posts show."""
        yield Ask(self.base, "page", again=True)
        if "styles" in self.settings and inventory.number("emoji", state="expected"):
            yield Ask(self.settings["styles"], "requisite", again=True)

    def read(self, page: Page, inventory: Inventory) -> Iterable[Found]:
        place = self.place(page.url)
        if isinstance(place, Place) and place.kind == "styles":
            return list(self._read_styles(page, inventory))
        return super().read(page, inventory)

    def _read_emojis(self, page: Page) -> Iterator[Found]:
        """Those that posts show, where the style sheet lies under the base; elsewhere all are fetched."""
        sheets = {
            url for _, url in addresses(page, "link[rel=stylesheet][href]") if url.startswith(self.base)
        }
        if any(self.place(url) == Place("styles") for url in sheets):
            for emoji in page.tree.css(".comment__text i.tw"):
                for name in sorted(classes(emoji) - {"tw"}):
                    yield Item("emoji", name, LINKS)

    def _read_styles(self, page: Page, inventory: Inventory) -> Iterator[Found]:
        """The style sheet names pictures of 2,021 emojis: those that posts show will do."""
        yield Setting("styles", page.url)
        shown = set(inventory.ids("emoji"))
        for name, href in _EMOJI.findall(page.text):
            url = canonical(href, page.url)
            if url and name in shown:
                shown.remove(name)
                yield Item("emoji", name, LINKS, url)
            elif url:
                yield Skip(url, "spirit:emoji", "a picture for a smiley that no post shows")
        for name in sorted(shown):
            yield Item("emoji", name, LINKS, state="missing", why="no style sheet has a picture for it")

    def _read_index(self, page: Page, inventory: Inventory) -> Iterator[Found]:
        place = self.place(page.url)
        assert isinstance(place, Place)
        yield from self._read_list(page, place, "index", inventory)

    def _read_board(self, page: Page, place: Place, inventory: Inventory) -> Iterator[Found]:
        yield from self._read_list(page, place, "board", inventory)

    def _read_list(self, page: Page, place: Place, source: str, inventory: Inventory) -> Iterator[Found]:
        """A list of topics. The front page names the upper board of a topic only, so boards are no groups."""
        yield Heard("topic", source)
        for board in self.boards(page):
            yield Item("board", board.id, source, board.url, as_page=True)
        changed = False
        for row in self.topics(page):
            group = f"topic {row.id}"
            yield Item("topic", row.id, source, row.url, as_page=True)
            if row.posts is not None:
                yield Count("post", row.posts, source, group)
                yield from self._read_change(row, row.posts, inventory)
            known = inventory.state("topic", row.id) == "captured"
            changed = not known or inventory.number("post", group) != row.posts
        yield from self._read_pages(page, place, f"{place.kind} {place.id}", source, inventory)
        after = Place(place.kind, place.id, place.page + 1)
        waiting = inventory.number("topic", state="expected")
        if changed and not waiting and inventory.state(*after.key) == "captured":
            yield Ask(self.at(page.url, after.page), "page", again=True)  # more is new than this page holds

    def _read_topic(self, page: Page, place: Place, inventory: Inventory) -> Iterator[Found]:
        group = f"topic {place.id}"
        yield from super()._read_topic(page, place, inventory)
        for note in page.tree.css(".comments_list__item[data-pk]"):
            if note.css_first(".comments_list__item__badge .fa-trash-o"):
                id = note.attributes["data-pk"] or ""
                yield Item("post", id, "topic", group=group, state="denied", why="a moderator removed it")
        for post in self.posts(page):
            for file in self._files(page, post.node):
                yield Item("attachment", file.url.rpartition("/spirit/")[2], "topic", file.url, group)
        yield from self._read_emojis(page)
        for _, url in addresses(page, ".comment__text__poll__actions a[href]"):
            poll = self.place(url)
            if isinstance(poll, Place) and poll.kind == "poll":
                yield Item("poll", poll.id, "topic", poll.url or url, group, as_page=True)

    def _last(self, page: Page, place: Place) -> int:
        """Topics say "Page 1 of 7" in the site's language."""
        return max(super()._last(page, place), *numbers(text_of(page.tree, ".paginator__pages")), 1)
