"""Histories of pages and media files, and the walk that proves their end.

Markup and paging: inc/Ui/Revisions.php, inc/Ui/PageRevisions.php, inc/Ui/MediaRevisions.php (2022 on),
inc/html.php:html_revisions before. Pages of a history hang on a form; each is asked for so that it begins
with the last revision of the one before: Igor (2022) leaves one out at each boundary otherwise (dokuwiki
issue 3897), and a page that shares none says that something is missing between.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from selectolax.lexbor import LexborNode

from crawler.software import Ask, Found, Inventory, Item, Page, Skip
from crawler.software.dokuwiki.addresses import Addresses
from crawler.software.items import WikiPage

_REV = re.compile(r"[?&]rev=(\d+)")
_NUMBER = re.compile(r"\d{1,12}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a history.

    rev: Unix time; before 2022 "" for the current revision and a date for a lost one. current: what the page
    or file is now. gone: deleted then. kept: the wiki still has its text.
    """

    rev: str
    current: bool
    gone: bool
    kept: bool
    author: str = ""


@dataclass(frozen=True, slots=True)
class _Kind:
    """The words of a history: of pages or of media files."""

    history: str
    revision: str
    url: Callable[[str, int], str]


def entries(page: Page) -> list[Entry] | None:
    """The lines of a history as they stand there; None when the page holds none."""
    form = page.tree.css_first("form#page__revisions")
    return None if form is None else [entry for node in form.css("li") if (entry := _entry(node))]


def _entry(node: LexborNode) -> Entry | None:
    box = node.css_first("input[type=checkbox]")
    link = next((a for a in node.css("a[href]") if "do=diff" not in (a.attributes.get("href") or "")), None)
    href = (link.attributes.get("href") or "") if link is not None else ""
    rev = (box.attributes.get("value") or "") if box is not None else ""
    if not _NUMBER.fullmatch(rev):
        found = _REV.search(href)
        rev = found[1] if found else ""
    current = link is not None and not _REV.search(href)
    if not rev and not current:
        # Before 2021 a revision whose text is lost has neither box nor link.
        date = node.css_first(".date")
        if date is None:
            return None
        rev = date.text().strip()
    gone = link is not None and "wikilink2" in (link.attributes.get("class") or "")
    kept = box is not None and "disabled" not in box.attributes
    user = node.css_first(".user bdi, .user bdo, .user")
    return Entry(rev, current, gone, kept, user.text().strip() if user is not None else "")


def read_page(page: Page, id: str, first: int, wiki: Addresses, known: Inventory) -> Iterator[Found]:
    """What a page of a page's history tells."""
    found = entries(page)
    if not found:
        return
    if not first and found[0].current and not found[0].gone:
        yield Item("page", id, "history", wiki.page(id), as_page=True)
    for entry in _old(found):
        key = f"{id}@{entry.rev}"
        if not entry.kept:
            why = "the wiki has lost the text of this revision"
            yield Item("revision", key, "history", group=id, state="denied", why=why)
            continue
        shown = wiki.page(id, ("rev", entry.rev))
        yield Item("revision", key, "history", shown, group=id, as_page=True)
        yield Item("revision source", key, "history", wiki.raw(id, entry.rev), group=id)
    yield from _walk(page, found, id, first, _Kind("history", "revision", wiki.history), known)


def read_media(page: Page, id: str, first: int, wiki: Addresses, known: Inventory) -> Iterator[Found]:
    """What a page of a media file's history tells."""
    found = entries(page)
    if found is None:
        if known.knows("media", id):
            why = "the wiki shows no old versions of files"
            yield Item("media history", id, "media", state="denied", why=why)
        return
    if not found:
        return
    if found[0].current and found[0].gone:
        yield Skip(
            wiki.media(id), "dokuwiki:red-link", "a file that was deleted; its versions were asked for"
        )
    elif not first and found[0].current:
        yield Item("media", id, "history", wiki.media(id))
    for entry in _old(found):
        key = f"{id}@{entry.rev}"
        if entry.gone:
            continue
        if entry.kept:
            yield Item("version", key, "history", wiki.media(id, entry.rev), group=id)
        else:
            why = "the wiki has lost this version"
            yield Item("version", key, "history", group=id, state="denied", why=why)
    yield from _walk(page, found, id, first, _Kind("media history", "version", wiki.media_history), known)


def _old(found: list[Entry]) -> list[Entry]:
    """The revisions that have an address of their own: not what is there now, nor that it is gone now."""
    return [entry for entry in found if not entry.current and entry.rev]


def _walk(
    page: Page, found: list[Entry], id: str, first: int, kind: _Kind, known: Inventory
) -> Iterator[Found]:
    """The next page of the history; or that its end was reached."""
    old = _old(found)
    named = set(known.ids(kind.revision, group=id))
    before = [entry for entry in old if f"{id}@{entry.rev}" in named]
    if first and found[0].current and len(named) > first:
        # The first page again, though there are more: a wiki that does not turn pages proves nothing.
        return
    at_end = len(before) == len(old) if first else not _has_older(page)
    if at_end:
        yield Item(kind.history, id, "history", state="captured")
        return
    if first > 1 and not before:
        # Nothing shared with the page before: what lies between is looked for.
        yield Ask(kind.url(id, max(1, first - max(1, len(old) // 2))))
    yield Ask(kind.url(id, first + max(1, len(old) - 1)))


def _has_older(page: Page) -> bool:
    """Whether the wiki offers a page of older revisions."""
    for form in page.tree.css("form"):
        if form.css_first("[accesskey=n]") is not None and form.css_first("input[name=first]") is not None:
            return True
    return page.tree.css_first(".pagenav-next form, .pagenav-next button") is not None


def extract(page: Page, id: str) -> Iterator[WikiPage]:
    """Author and time of each revision of a page's history."""
    for entry in entries(page) or ():
        known = _NUMBER.fullmatch(entry.rev)
        date = datetime.fromtimestamp(int(entry.rev), UTC).isoformat() if known else ""
        yield WikiPage(id, revision=entry.rev if known else "", author=entry.author, date=date)
