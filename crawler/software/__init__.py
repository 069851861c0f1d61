"""What a site's software knows about itself: the frame every module in this package fills.

A module never fetches and holds no state: URL in, verdict out; page in, findings out. `crawler.learn` asks
for what is found, `crawler.inventory` remembers what was said and what was captured, `crawler.coverage` holds
one against the other. The same code reads pages back from a WARC for a rebuild.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol

from crawler.software.items import Post, WikiPage
from crawler.software.page import Page

__all__ = [
    "Accepted",
    "Ask",
    "Classified",
    "Count",
    "Found",
    "Heard",
    "Installed",
    "Inventory",
    "Item",
    "Page",
    "Setting",
    "Skip",
    "Software",
    "State",
]

State = Literal["expected", "captured", "denied", "missing"]


@dataclass(frozen=True, slots=True)
class Classified:
    """What a URL is to its software.

    kind, id: of the item it shows ("page" "fr:faq"); the id is the same however the URL is spelled.
    keep: whether it is fetched; if not, rule (short, stable, "dokuwiki:diff") and reason (plain words) say
    why. item: whether an accepted capture of it settles the item (kind, id); False for lists and other means.
    url: the address to fetch instead, "" for the one that was classified.
    """

    kind: str
    id: str = ""
    keep: bool = True
    rule: str = ""
    reason: str = ""
    item: bool = False
    url: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a body is, whatever its status said.

    verdict: "challenge" is a captcha, a maintenance page or a broken one: not the page, tried again later.
    why: in words, when it is not "ok".
    """

    verdict: Literal["ok", "denied", "missing", "challenge"] = "ok"
    why: str = ""


OK = Accepted()


# --- what reading a page brings


@dataclass(frozen=True, slots=True)
class Ask:
    """A URL to fetch. kind: "inventory" for lists, sources and whatever else is no page to look at.

    again: fetch it even if this crawl fetched it before (change lists at the end).
    """

    url: str
    kind: Literal["page", "requisite", "inventory"] = "inventory"
    again: bool = False
    method: str = "GET"


@dataclass(frozen=True, slots=True)
class Item:
    """Something the site says it has.

    source: who says so, a word of the software ("index", "changes", "api"). url: where it is fetched, "" when
    another page brings it. group: what it belongs to and is counted in ("topic 45").
    state: "captured" when the page just read holds it whole (a post); "denied" or "missing" when the software
    says that it cannot be had, with why. as_page: fetched as a page to look at, else as inventory.
    size: bytes of its body, where the list tells: an answer of another length is not it.
    """

    kind: str
    id: str
    source: str
    url: str = ""
    group: str = ""
    state: State = "expected"
    why: str = ""
    as_page: bool = False
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """A number the site publishes: n items of `kind` in `group` ("" the whole site).

    bound: "exact", or "at most" when it includes what visitors cannot see; the latest telling holds. "once":
    as one page of a list said when it was read; held against nothing, but the page is read again when the
    exact number is smaller by now, for what came behind it moved up. Its source is that of the exact number,
    a space and the page's name ("topic", "topic from 21").
    """

    kind: str
    n: int
    source: str
    group: str = ""
    bound: Literal["exact", "at most", "once"] = "exact"


@dataclass(frozen=True, slots=True)
class Heard:
    """A source answered, even if it named nothing: two independent ones make a verdict."""

    kind: str
    source: str


@dataclass(frozen=True, slots=True)
class Skip:
    """A URL named on this page that is not worth a request, though `classify` alone could not know."""

    url: str
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Setting:
    """Something learnt about the installation, from now on in its `settings`, over restarts too."""

    name: str
    value: str


Found = Ask | Item | Count | Heard | Skip | Setting


class Inventory(Protocol):
    """What is known so far; given to `read` and `again`, to look things up only.

    `read` sees what was known before the page it reads (collect first, then yield, or it sees its own).
    """

    def knows(self, kind: str, id: str) -> bool:
        """Whether any page named this item or settled it."""

    def state(self, kind: str, id: str) -> State | None:
        """How the item stands; None: never heard of it."""

    def ids(self, kind: str, state: State | None = None, group: str | None = None) -> Iterator[str]:
        """Ids of the items of a kind, in the order found."""

    def number(self, kind: str, group: str | None = None, state: State | None = None) -> int:
        """How many items of a kind (in a group) there are (in a state)."""

    def published(self, kind: str, group: str, source: str) -> int | None:
        """The exact number that a source told last; None before it told one."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A software found at a place. base: canonical URL that ends in "/"; all its pages lie under it.

    settings: what the module wants to be given again ("rewrite": "1", "api": "https://…"): texts only.
    """

    name: str
    base: str
    settings: Mapping[str, str] = field(default_factory=dict)


class Software(ABC):
    """One installation: a wiki, a forum, a pad server. Built anew after each start from what `detect` gave.

    name: as in `crawler.sniff`. family: the spider that knows it. experimental: built from others' reports.
    listed: kinds of which a capture stands in pages.jsonl. useful: kinds a visitor came for, by which the
    cost of a crawl is measured. proofs: for each kind that must be complete, the independent sources that a
    usual installation offers, strongest first: *complete* takes two of them (or the only one there is).
    volatile: spots of a page that change at every fetch, to be left out before two fetches are compared.
    bodies: media types whose bodies the module is given, besides those in which links are looked for.
    pieces: kinds of lists of which one that was too long to be read whole (`Page.whole`) is no gap, for what
    it lacks is asked for in another way.
    min_delay: seconds between two requests that the software's own limits ask for.
    """

    name: ClassVar[str]
    family: ClassVar[Literal["wiki", "forum", "pads", "shares", "generic"]]
    experimental: ClassVar[bool] = False
    listed: ClassVar[frozenset[str]] = frozenset()
    useful: ClassVar[frozenset[str]] = frozenset()
    proofs: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    volatile: ClassVar[tuple[re.Pattern[bytes], ...]] = ()
    bodies: ClassVar[frozenset[str]] = frozenset()
    pieces: ClassVar[frozenset[str]] = frozenset()
    min_delay: ClassVar[float] = 0.0

    def __init__(self, base: str, settings: Mapping[str, str] | None = None) -> None:
        self.base = base
        self.settings: dict[str, str] = dict(settings or {})

    @classmethod
    @abstractmethod
    def detect(cls, page: Page) -> Installed | None:
        """The installation this page belongs to; None when it is another software's, or tells no base.

        Called with HTML (and JSON) pages of the site that no installation claims yet.
        """

    @classmethod
    def claims(cls, url: str) -> Installed | None:
        """The installation that an address alone gives away, where fetching it would do harm (a pad).

        Asked of each seed before it is fetched; of what another site led to, where nothing else is found.
        """
        return None

    @abstractmethod
    def seeds(self) -> Iterable[Ask | Item]:
        """What to ask first: inventories, and the front page."""

    @abstractmethod
    def classify(self, url: str) -> Classified | None:
        """What a canonical URL under `base` is. None: none of the software's business, judged like any link.

        An allow-list: a view nobody described here is skipped by a rule that says so. Never asked about what
        a page needs to be shown; `crawler.harm` has refused what must not be requested before.
        """

    @abstractmethod
    def accept(self, page: Page) -> Accepted:
        """Whether a page that came with a status below 300 is what was asked for."""

    @abstractmethod
    def read(self, page: Page, inventory: Inventory) -> Iterable[Found]:
        """What an accepted page tells. Called once for each fetch, before its links are judged."""

    def headers(self, url: str, method: str) -> tuple[tuple[bytes, bytes], ...]:
        """Further request headers a URL needs; never a secret."""
        return ()

    def again(self, inventory: Inventory) -> Iterable[Ask]:
        """What is asked once more at the end: change lists, another way to what is still expected."""
        return ()

    def extract(self, page: Page) -> Iterable[WikiPage | Post]:
        """The content of an accepted page, as plain items."""
        return ()
