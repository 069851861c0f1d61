"""What can be taken out of a captured page: plain items, the same for every wiki and every forum."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WikiPage:
    """One revision of a wiki page.

    id: as the software writes it ("fr:faq", "Aide:Sommaire"). revision: its number or Unix time, "" for the
    current one where the page does not say. date: ISO 8601 with offset, as exact as the page tells; ""
    unknown. source: the markup, None when the page shows only HTML.
    """

    id: str
    title: str = ""
    revision: str = ""
    author: str = ""
    date: str = ""
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that hangs on a post. url: canonical."""

    url: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Post:
    """One post of a forum.

    number: its place in the topic from 1, None when the page does not say. date: ISO 8601 with offset;
    without one when the page does not tell its zone; "" when it cannot be read. html: of the post's body
    alone, without signature and edit note.
    """

    id: str
    topic: str
    number: int | None = None
    author: str = ""
    date: str = ""
    html: str = ""
    title: str = ""
    attachments: tuple[Attachment, ...] = ()
