"""What an address of a forum shows, and what rows on its pages say: the words of `crawler.software.lists`."""

from __future__ import annotations

from dataclasses import dataclass

from selectolax.lexbor import LexborNode


@dataclass(frozen=True, slots=True)
class Place:
    """What an address shows. kind: "index", "board", "topic", "attachment" or another view that is kept.

    "whole" is a board that shows its old topics, too: fetched where the module asks for it, not for a link.
    page: of the list, from 1. url: the usual spelling when this one is another, else "".
    """

    kind: str
    id: str = ""
    page: int = 1
    url: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Kind and id of the item it settles."""
        if self.page == 1:
            return self.kind, self.id
        return f"{self.kind}-page", f"{self.id} page {self.page}"


@dataclass(frozen=True, slots=True)
class Left:
    """An address of the forum that is not fetched, with the rule and the reason in plain words."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Board:
    """A row in a list of boards. topics: as published, None without a number; sums: sub-boards are in it."""

    id: str
    url: str
    topics: int | None = None
    sums: bool = False


@dataclass(frozen=True, slots=True)
class Topic:
    """A row in a board. posts: as published, with the first. moved: it only leads to another board."""

    id: str
    url: str
    posts: int | None = None
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """A post on a page. number: its place in the topic, None when the page does not say."""

    id: str
    number: int | None
    node: LexborNode
