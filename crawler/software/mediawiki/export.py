"""The answer of Special:Export: whole pages with their history, as XML that MediaWiki takes in again.

Source: includes/export/XmlDumpWriter.php; formats 0.10 (1.26) to 0.11 (since 1.35).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import cast
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

from crawler.software import Ask, Found, Heard, Inventory, Item, Page, Setting
from crawler.software.items import WikiPage
from crawler.software.mediawiki.addresses import Addresses
from crawler.software.mediawiki.api import DELETED, HIDDEN
from crawler.software.mediawiki.titles import Namespace, Namespaces

LEFT_OUT = "the export leaves this page out"


@dataclass(frozen=True)
class Revision:
    """text: None when it is hidden."""

    id: str
    date: str
    author: str
    text: str | None


@dataclass
class Exported:
    """whole: the end of the document was there. pages: title → revisions.

    begun: the page whose end was not there and that may have more revisions, "" if none.
    """

    whole: bool = False
    namespaces: Namespaces | None = None
    pages: dict[str, list[Revision]] = field(default_factory=dict)
    begun: str = ""


def parse(body: bytes) -> Exported:
    """As much of an export as is well formed: servers run out of time and memory in the middle of one."""
    found = Exported()
    parser: XMLPullParser[Element] = XMLPullParser(["end"])
    try:
        parser.feed(body)
        parser.close()
    except ParseError:
        pass  # what came before it still counts, and `whole` says that there was no end
    for _, element in cast("Iterable[tuple[str, Element]]", parser.read_events()):
        name = _name(element)
        if name == "title":
            found.begun = element.text or ""
            found.pages.setdefault(found.begun, [])
        elif name == "revision":
            found.pages[found.begun].append(_revision(element))
            element.clear()
        elif name == "page":
            found.begun = ""
            element.clear()
        elif name == "namespaces":
            found.namespaces = Namespaces(tuple(map(_namespace, element)))
        elif name == "mediawiki":
            found.whole = True
    return found


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _revision(element: Element) -> Revision:
    parts = {_name(part): part for part in element}
    text, who = parts.get("text"), parts.get("contributor")
    names = {_name(part): part.text or "" for part in who} if who is not None else {}
    hidden = text is None or "deleted" in text.attrib
    return Revision(
        parts["id"].text or "" if "id" in parts else "",
        parts["timestamp"].text or "" if "timestamp" in parts else "",
        names.get("username") or names.get("ip", ""),
        None if hidden or text is None else text.text or "",
    )


def _namespace(element: Element) -> Namespace:
    strict = element.get("case") == "case-sensitive"
    return Namespace(int(element.get("key", "0")), element.text or "", (), strict)


def read(page: Page, at: Addresses, by_api: bool, inventory: Inventory) -> Iterator[Found]:
    """What an export tells. by_api: what it lacks is asked of the API later, by the numbers of revisions."""
    found = parse(page.body)
    view = at.view(page.url)
    if view is None:
        return
    asked = [at.namespaces.split(title)[1] for title in view.query.get("pages", "").splitlines()]
    if not by_api and found.namespaces is not None and len(at.namespaces.all) < len(found.namespaces.all):
        yield Setting("namespaces", found.namespaces.text())
    yield Setting("special:Export", view.title)
    for title, revisions in found.pages.items():
        for one in revisions:
            if one.text is None:
                yield Item("revision", one.id, "export", "", title, "denied", HIDDEN)
            else:
                yield Item("revision", one.id, "export", "", title, "captured")
        if title != found.begun and not by_api:
            yield Item("history", title, "export", state="captured")
    if found.whole:
        yield Heard("revision", "export")
    lacking = [title for title in asked if title not in found.pages or title == found.begun]
    if found.whole and not by_api:
        for title in lacking:
            yield Item("history", title, "export", state="denied", why=LEFT_OUT)
            if inventory.state("page", title) == "missing":
                yield Item("page", title, "export", state="denied", why=DELETED)
    elif not found.whole and len(asked) > 1:
        # Halves, so that one page that is too much for the server does not take the others with it.
        middle = (len(lacking) + 1) // 2
        yield from (Ask(at.export(half)) for half in (lacking[:middle], lacking[middle:]) if half)


def extract(page: Page) -> Iterator[WikiPage]:
    """Every revision whose text the export brings."""
    for title, revisions in parse(page.body).pages.items():
        for one in revisions:
            if one.text is not None:
                yield WikiPage(title, title, one.id, one.author, one.date, one.text)
