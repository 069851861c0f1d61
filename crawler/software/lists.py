"""A forum made of numbered lists: an index of boards, boards of topics, topics of posts, some pages each.

MyBB, FluxBB, PunBB, vBulletin and XenForo are such. Their modules say what an address is and where things
stand on a page; what follows from it, the inventory and what holds it against the counters, stands here.

Items: "board" and "topic" are the first pages of the lists, "board-page" and "topic-page" ("45 page 2") the
others; "post" and "attachment" belong to "topic 45", "topic" to "board 3". The index says how many topics a
board has and the board how many posts a topic has: each is held against what the other pages bring.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import ClassVar, Literal

from selectolax.lexbor import LexborNode

from crawler.software import (
    OK,
    Accepted,
    Ask,
    Classified,
    Count,
    Found,
    Heard,
    Inventory,
    Item,
    Page,
    Setting,
    Software,
)
from crawler.software.boards import address, addresses, cut_off, failure
from crawler.software.items import Post
from crawler.software.places import Board, Left, Place, Shown, Topic
from crawler.software.refusals import refused


class Lists(Software):
    """One such forum.

    pagination: selector of the links to a list's other pages.
    """

    family: ClassVar[Literal["forum"]] = "forum"
    listed = frozenset(("index", "board", "board-page", "topic", "topic-page", "announcement"))
    useful = frozenset(("topic", "topic-page", "attachment"))
    proofs = {"topic": ("board", "index"), "post": ("topic", "board")}  # noqa: RUF012  read-only, as in Software
    pagination: ClassVar[str]

    # --- what a module says

    @abstractmethod
    def place(self, url: str) -> Place | Left | None:
        """What a canonical URL under `base` is; None when it is none of the forum's."""

    @abstractmethod
    def at(self, url: str, page: int) -> str:
        """The address of another page of the list that `url` is a page of."""

    @abstractmethod
    def board_url(self, id: str) -> str:
        """The address of a board where the site has not shown it otherwise."""

    @abstractmethod
    def shows(self, page: Page, kind: str) -> bool:
        """Whether a page bears the marks of an index, a board or a topic; an empty one does."""

    @abstractmethod
    def boards(self, page: Page) -> Iterable[Board]:
        """The boards in the lists of an index or a board's page."""

    @abstractmethod
    def topics(self, page: Page) -> Iterable[Topic]:
        """The topics in a board's page."""

    @abstractmethod
    def posts(self, page: Page) -> Iterable[Shown]:
        """The posts of a topic's page, in order."""

    @abstractmethod
    def post(self, page: Page, shown: Shown, topic: str) -> Post:
        """What stands in a post."""

    def whole(self, page: Page, board: str) -> str:
        """Where a board shows all its topics when this page leaves old ones out; "" when it does not."""
        return ""

    def said(self, page: Page) -> int | None:
        """How many topics a board's page, posts a topic's page says there are in all; None without it."""
        return None

    def totals(self, page: Page) -> tuple[int | None, int | None]:
        """Topics and posts of the whole forum, as an index says; what visitors cannot see is in it."""
        return None, None

    @abstractmethod
    def message(self, page: Page) -> str:
        """What the forum says where the page should be, without head and foot; "" when it says nothing."""

    # --- what follows

    def seeds(self) -> Iterable[Ask | Item]:
        yield Ask(self.base, "page")

    def classify(self, url: str) -> Classified | None:
        place = self.place(url)
        if place is None:
            return None
        if isinstance(place, Left):
            return Classified("other", keep=False, rule=f"{self.name}:{place.rule}", reason=place.reason)
        if place.kind == "whole":
            reason = "the same topics in another order"
            return Classified("whole", place.id, keep=False, rule=f"{self.name}:sort", reason=reason)
        kind, id = place.key
        return Classified(kind, id, item=bool(place.id), url=place.url)

    def accept(self, page: Page) -> Accepted:
        place = self.place(page.url)
        if not isinstance(place, Place) or place.kind not in _ACCEPTED:
            return OK
        if place.kind == "attachment":
            # A file may be a web page itself: only what the forum frames is an answer of the forum.
            return refused(self.message(page)) if page.is_html and self.frames(page) else OK
        if not page.is_html:
            return Accepted("challenge", f"the answer is {page.mime or 'of no type'}, no page of the forum")
        if self.shows(page, "board" if place.kind == "whole" else place.kind):
            why = cut_off(page)
            return Accepted("challenge", why) if why else OK
        if why := failure(page):
            return Accepted("challenge", why)
        return refused(self.message(page))

    def frames(self, page: Page) -> bool:
        """Whether a page is the forum's own, not a file that it hands out."""
        return self.detect(page) is not None

    def read(self, page: Page, inventory: Inventory) -> Iterable[Found]:
        place = self.place(page.url)
        if not isinstance(place, Place) or not page.is_html:
            return ()
        if place.kind == "index":
            return list(self._read_index(page, inventory))
        if place.kind in ("board", "whole"):
            return list(self._read_board(page, place, inventory))
        return list(self._read_topic(page, place, inventory)) if place.kind == "topic" else ()

    def again(self, inventory: Inventory) -> Iterable[Ask]:
        yield Ask(self.base, "page", again=True)
        for id in inventory.ids("board", "captured"):
            yield Ask(self._board_url(id), "page", again=True)

    def extract(self, page: Page) -> Iterable[Post]:
        place = self.place(page.url)
        if isinstance(place, Place) and place.kind == "topic" and page.is_html:
            for shown in self.posts(page):
                yield self.post(page, shown, place.id)

    def _board_url(self, id: str) -> str:
        """The address of a board as the site spells it."""
        known = self.settings.get(f"board {id}")
        return self.base + known if known else self.board_url(id)

    def _read_index(self, page: Page, inventory: Inventory) -> Iterator[Found]:
        topics, posts = self.totals(page)
        for kind, n in (("topic", topics), ("post", posts)):
            if n is not None:
                yield Count(kind, n, "index", bound="at most")
        yield from self._read_boards(page, "index", inventory)

    def _read_boards(self, page: Page, source: str, inventory: Inventory) -> Iterator[Found]:
        for row in self.boards(page):
            yield Item("board", row.id, source, row.url, as_page=True)
            if row.url != self._board_url(row.id) and row.url.startswith(self.base):
                yield Setting(f"board {row.id}", row.url.removeprefix(self.base))
            if row.topics is None:
                continue
            # What visitors may count but not see cannot be held against what was found.
            hidden = row.sums or inventory.state("board", row.id) == "denied"
            yield self._topics(
                row.topics, f"board {row.id}", source, inventory, "at most" if hidden else "exact"
            )

    def _topics(
        self,
        n: int,
        group: str,
        source: str,
        inventory: Inventory,
        bound: Literal["exact", "at most"] = "exact",
    ) -> Count:
        """A published number of topics. Releases differ in whether it includes those that were moved away."""
        moved = inventory.number("moved", group)
        if moved and n - moved == inventory.number("topic", group):
            n -= moved
        return Count("topic", n, source, group, bound)

    def _read_board(self, page: Page, place: Place, inventory: Inventory) -> Iterator[Found]:
        yield from self._read_boards(page, "board", inventory)
        group = f"board {place.id}"
        yield Heard("topic", "board")
        if (said := self.said(page)) is not None:
            yield self._topics(said, group, "board", inventory)
        for row in self.topics(page):
            if row.moved:
                yield Item("moved", f"{row.id} moved from {group}", "board", group=group, state="captured")
                continue
            yield Item("topic", row.id, "board", row.url, group, as_page=True)
            if row.posts is not None:
                refused = inventory.state("topic", row.id) == "denied"
                bound: Literal["exact", "at most"] = "at most" if refused else "exact"
                yield Count("post", row.posts, "board", f"topic {row.id}", bound)
                yield from self._read_change(row, row.posts, inventory)
        if place.kind == "whole":
            for number in range(2, self._last(page, place) + 1 if place.page == 1 else 0):
                yield Ask(self.at(page.url, number))
            return
        yield from self._read_pages(page, place, group, "board", inventory)
        if place.page == 1 and (url := self.whole(page, place.id)):
            yield Ask(url)

    def _read_change(self, row: Topic, posts: int, inventory: Inventory) -> Iterator[Found]:
        """A topic that was taken whole and has other posts by now: its last page once more."""
        group = f"topic {row.id}"
        if inventory.state("topic", row.id) != "captured":
            return
        if inventory.number("topic-page", group, "expected"):
            return
        if inventory.number("post", group) != posts:
            last = 1 + inventory.number("topic-page", group)
            yield Ask(self.at(row.url, last), "page", again=True)

    def _read_topic(self, page: Page, place: Place, inventory: Inventory) -> Iterator[Found]:
        group = f"topic {place.id}"
        posts = list(self.posts(page))
        for post in posts:
            yield Item("post", post.id, "topic", group=group, state="captured")
        for _, url in addresses(page):
            file = self.place(url) if url.startswith(self.base) else None
            if isinstance(file, Place) and file.kind == "attachment":
                yield Item("attachment", file.id, "topic", file.url or url, group)
        said = self.said(page)
        if said is None and posts and place.page >= self._last(page, place):
            said = posts[-1].number
        if said is not None:
            yield Count("post", said, "topic", group)
        yield from self._read_pages(page, place, group, "topic", inventory)

    def _read_pages(
        self, page: Page, place: Place, group: str, source: str, inventory: Inventory
    ) -> Iterator[Found]:
        """The other pages of a list: all between the first and the last, whether linked or not.

        Where there are more than were known, the one that was the last before is asked for once more.
        """
        kind = f"{place.kind}-page"
        known = 1 if place.page == 1 else 1 + inventory.number(kind, group)
        last = self._last(page, place)
        before = Place(place.kind, place.id, known)
        if last > known and place.page not in (1, known) and inventory.state(*before.key) == "captured":
            yield Ask(self.at(page.url, known), "page", again=True)
        for number in range(known + 1, last + 1):
            other = Place(place.kind, place.id, number)
            yield Item(kind, other.key[1], source, self.at(page.url, number), group, as_page=True)

    def _last(self, page: Page, place: Place) -> int:
        """The number of the last page of the list that a page belongs to."""
        last = place.page
        for _, url in addresses(page, self.pagination):
            other = self.place(url) if url.startswith(self.base) else None
            if isinstance(other, Place) and (other.kind, other.id) == (place.kind, place.id):
                last = max(last, other.page)
        return last


_ACCEPTED = frozenset(("index", "board", "whole", "topic", "attachment"))


def under(page: Page, node: LexborNode, selector: str) -> Iterator[tuple[LexborNode, str]]:
    """The links among the nodes that a selector finds within a node, each with its address."""
    for link in node.css(selector):
        if url := address(link.attributes.get("href"), page):
            yield link, url
