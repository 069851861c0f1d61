"""A forum of lists whose pages are known by what comes before them: phpBB's `start=20`, SMF's `topic=45.20`.

How many things a page holds is read from the links between its pages; all pages follow from that by
arithmetic, those that only JavaScript links to as well. Items are named by the first thing on them:
"topic-page" "45 from 21".
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from crawler.software import Ask, Count, Found, Heard, Inventory, Item, Page, Setting, Skip
from crawler.software.boards import addresses, page_size, starts
from crawler.software.lists import Lists
from crawler.software.places import Left, Place, Topic

_SIZE = "posts a page"


@dataclass(frozen=True, slots=True)
class From(Place):
    """A page of a list; `page` is the number of the first thing on it, from 1."""

    @property
    def key(self) -> tuple[str, str]:
        if self.page == 1:
            return self.kind, self.id
        return f"{self.kind}-page", f"{self.id} from {self.page}"


@dataclass(frozen=True, slots=True)
class Row(Topic):
    """A row in a board. apart: shown beside the list, and left out of its number (an announcement)."""

    apart: bool = False


class Offsets(Lists):
    """One such forum. hides: whether a board's page may lack topics that its number includes."""

    hides = False

    def doors(self, page: Page) -> Iterable[str]:
        """Addresses that look like boards and only count a click and lead away."""
        return ()

    @abstractmethod
    def files(self, page: Page) -> Iterable[tuple[str, str]]:
        """Id and address of the files that hang on a topic's posts."""

    # --- what follows

    def start(self, url: str, start: str) -> tuple[int, str]:
        """The number of the first post on a topic's page, and the usual address if it begins elsewhere."""
        first, size = int(start or 0), int(self.settings.get(_SIZE, "1"))
        usual = first - first % size + 1
        return usual, "" if usual == first + 1 else self.at(url, usual)

    def here(self, page: Page) -> Place | Left | None:
        """What a page shows: behind the end of a list that grew shorter, its last page."""
        asked, usual = self.place(page.url), None
        for _, url in addresses(page, "link[rel=canonical]"):
            usual = self.place(url) if url.startswith(self.base) else None
        same = isinstance(asked, Place) and isinstance(usual, Place) and asked.id and asked.id == usual.id
        return usual if same else asked

    def read(self, page: Page, inventory: Inventory) -> Iterable[Found]:
        place = self.here(page)
        if not isinstance(place, Place) or not page.is_html:
            return ()
        if place.kind == "topic":
            return list(self._read_topic(page, place, inventory))
        if place.kind not in ("index", "board"):
            return ()
        reason = "leads to another site and counts the click"
        found: list[Found] = [Skip(url, f"{self.name}:door", reason) for url in self.doors(page)]
        lists = place.kind == "index"
        told = self._read_index(page, inventory) if lists else self._read_board(page, place, inventory)
        return [*found, *told]

    def _read_board(self, page: Page, place: Place, inventory: Inventory) -> Iterator[Found]:
        yield from self._read_boards(page, "board", inventory)
        yield Heard("topic", "board")
        group = f"board {place.id}"
        listed = 0
        for row in self.topics(page):
            apart = isinstance(row, Row) and row.apart
            listed += not apart
            if row.moved:
                yield Item("topic", f"{row.id} moved from {group}", "board", group=group, state="captured")
                continue
            yield Item("topic", row.id, "board", row.url, "" if apart else group, as_page=True)
            if row.posts is not None:
                refused = inventory.state("topic", row.id) == "denied"
                bound: Literal["exact", "at most"] = "at most" if refused else "exact"
                yield Count("post", row.posts, "board", f"topic {row.id}", bound)
                yield from self._read_change(row, row.posts, inventory)
        size, last = self._extent(page, place, listed)
        total = self.said(page)
        if last > 1:
            yield from self._read_once(place, "topic", group, total, "index", inventory)
        if place.page < last:
            for n in range(listed, size) if self.hides and listed else ():
                id = f"{n + place.page} of {group}"
                why = "a topic that moved to a board visitors cannot see"
                yield Item("topic", id, "board", group=group, state="denied", why=why)
        else:
            yield Count("topic", place.page - 1 + listed if total is None else total, "board", group)
        yield from self._others(page, place, group, size, last, inventory)

    def _read_change(self, row: Topic, posts: int, inventory: Inventory) -> Iterator[Found]:
        """A topic that was taken whole and has other posts by now: the page where the next one belongs."""
        group = f"topic {row.id}"
        taken = inventory.number("post", group)
        whole = inventory.state("topic", row.id) == "captured" and not inventory.number(
            "topic-page", group, "expected"
        )
        if whole and taken != posts:
            size = int(self.settings.get(_SIZE, "0")) or taken + 1
            first = max(taken - 1, 0) // size * size + 1
            yield Ask(self.at(row.url, first), "page", again=True)

    def _read_topic(self, page: Page, place: Place, inventory: Inventory) -> Iterator[Found]:
        group = f"topic {place.id}"
        posts = list(self.posts(page))
        for post in posts:
            yield Item("post", post.id, "topic", group=group, state="captured")
        for id, url in self.files(page):
            yield Item("attachment", id, "topic", url, group)
        size, last = self._extent(page, place, len(posts))
        total = self.said(page)
        if last > 1:
            yield from self._read_once(place, "post", group, total, "board", inventory)
        if total is None and place.page >= last:
            total = place.page - 1 + len(posts)
        if total is not None:
            yield Count("post", total, "topic", group)
        yield from self._others(page, place, group, size, last, inventory)

    def _read_once(
        self, place: Place, kind: str, group: str, total: int | None, above: str, inventory: Inventory
    ) -> Iterator[Count]:
        """How long a list is while this page of it is read, as the page says, or else the list `above`."""
        source = place.kind
        if total is None:
            source, total = above, inventory.published(kind, group, above)
        if total is not None:
            yield Count(kind, total, f"{source} from {place.page}", group, "once")

    def _others(
        self, page: Page, place: Place, group: str, size: int, last: int, inventory: Inventory
    ) -> Iterator[Found]:
        """The other pages of a list, whether linked or not."""
        if last == 1:
            return
        # Only the first page is sure to link the next one.
        if place.kind == "topic" and place.page == 1 and self.settings.get(_SIZE) != str(size):
            yield Setting(_SIZE, str(size))
        for start in starts(last, size)[1:]:
            kind, id = From(place.kind, place.id, start + 1).key
            if place.page == 1 or not inventory.knows(kind, id):
                yield Item(kind, id, place.kind, self.at(page.url, start + 1), group, as_page=True)

    def _extent(self, page: Page, place: Place, shown: int) -> tuple[int, int]:
        """How many things a page of a list holds, and the number of the first one on its last page.

        The first is of no use where there is one page. shown: how many stand on this one.
        """
        linked = {
            other.page - 1
            for _, url in addresses(page, self.pagination)
            if url.startswith(self.base)
            and isinstance(other := self.place(url), Place)
            and (other.kind, other.id) == (place.kind, place.id)
        }
        # The page itself is not linked: the second of three shows 0 and 20. It may begin anywhere, though.
        size = page_size({*linked, place.page - 1})
        if size is None:
            return 1, 1
        if size < shown:
            size = page_size(linked) or size
        total = self.said(page)
        # Behind the end of a list stands its last page: a page is no proof that the list reaches so far.
        end = place.page - 1 if total is None else starts(total, size)[-1]
        last = max(*linked, end, 0)
        return size, last - last % size + 1
