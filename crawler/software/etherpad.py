"""Etherpad: a pad is its exports; its page is a program that joins the pad, and is never fetched.

The server tells nobody which pads it has: they are known from the configuration and from links. Each gives
up its whole history in one file, which says how many revisions there must be.
Sources: ether/etherpad-lite:src/node/hooks/express/importexport.ts, utils/ExportEtherpad.ts,
db/PadManager.ts (`sanitizePadId`); Etherpad 1.8.14 as npm has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import quote, unquote

from crawler.software import (
    Accepted,
    Ask,
    Classified,
    Count,
    Found,
    Heard,
    Installed,
    Inventory,
    Item,
    Software,
)
from crawler.software.items import WikiPage
from crawler.software.page import Page

_PAD = re.compile(r"(https?://[^/?]+/(?:[^?]*?/)??)p/([^/?]+)/?(?:\?.*)?")
_ADDRESS = re.compile(r"p/([^/?]+)(?:/([^?]*))?(?:\?.*)?")
_EXPORT = re.compile(r"export/(etherpad|txt|html)/?")
_KINDS = {"etherpad": "pad", "txt": "text", "html": "html"}
# `"head":` cannot stand inside a JSON string: its quotes would be escaped.
_HEADS = {"revision": re.compile(rb'"head":\s*(\d+)'), "message": re.compile(rb'"chatHead":\s*(\d+)')}
_RECORDS = {
    "revision": re.compile(rb'"pad:(?:[^"\\]|\\.)+:revs:(\d+)":\s*\{'),
    "message": re.compile(rb'"pad:(?:[^"\\]|\\.)+:chat:(\d+)":\s*\{'),
}


class Etherpad(Software):
    """A pad server. Kinds: "pad" (the whole history as JSON), "text" and "html" (the pad as it is now),
    "revision" and "message" (of the chat), both brought by the pad.

    The history holds what everybody wrote, with the names that authors gave themselves and the chat.
    """

    name = "etherpad"
    family = "pads"
    listed = frozenset({"html"})
    useful = frozenset({"pad", "text", "html"})
    proofs: ClassVar = {"revision": ("export",)}
    bodies = frozenset({"application/octet-stream"})  # of a history (1.8.14)
    min_delay = 9.0  # 10 exports in 90 seconds, whatever their form: importExportRateLimiting

    @classmethod
    def detect(cls, page: Page) -> Installed | None:
        """From the front page, from a pad's page, or from `/api`."""
        here = page.url.partition("?")[0]
        if page.mime == "application/json":
            is_api = here.endswith("/api") and isinstance(page.json, dict) and "currentVersion" in page.json
            return Installed(cls.name, here.removesuffix("api")) if is_api else None
        if not page.is_html or not _MARKS.search(page.text):
            return None
        pad = _PAD.match(here)
        return Installed(cls.name, pad[1] if pad else here[: here.rindex("/") + 1])

    @classmethod
    def claims(cls, url: str) -> Installed | None:
        """From the address of a pad or of its exports."""
        found = _PAD.fullmatch(_without_view(url))
        return Installed(cls.name, found[1]) if found else None

    def seeds(self) -> Iterable[Ask | Item]:
        yield Ask(self.base + "api")

    def classify(self, url: str) -> Classified | None:
        rest = url[len(self.base) :]
        if rest == "":
            return Classified("front")
        if rest == "api":
            return Classified("api")
        if rest.startswith(("javascript", "static/")):
            return Classified("program", "", False, "etherpad:program", "what pads are made with, and no pad")
        found = _ADDRESS.fullmatch(rest)
        if found is None:
            return None
        pad, view = pad_id(found[1]), found[2] or ""
        # The history comes first, whatever a link names: it tells whether there is such a pad.
        whole = self._export(pad, "etherpad")
        export = _EXPORT.fullmatch(view)
        if export and export[1] != "etherpad":
            return Classified(_KINDS[export[1]], pad, url=whole)
        if export or view in ("", "timeslider", "timeslider/"):
            return Classified("pad", pad, item=True, url=whole)
        if re.match(r"\d+/export/", view):
            why = "a pad as of each revision; the whole history is one file"
            return Classified("past", pad, False, "etherpad:revision", why)
        why = "neither a pad nor one of the forms a pad server gives without converting"
        return Classified("view", pad, False, "etherpad:view", why)

    def accept(self, page: Page) -> Accepted:
        said = self.classify(page.url)
        kind = said.kind if said else ""
        if kind in ("pad", "text", "html") and page.is_html and page.tree.css_first("input[type=password]"):
            return Accepted("denied", "the pad server asks for a password")
        if kind == "api" and not (isinstance(page.json, dict) and "currentVersion" in page.json):
            return Accepted("missing", "no pad server answers here")
        if kind == "pad":
            return _accept_history(page)
        if kind == "text" and page.is_html:
            return Accepted("challenge", "a page came instead of the pad's text")
        return Accepted()

    def read(self, page: Page, inventory: Inventory) -> Iterable[Found]:
        said = self.classify(page.url)
        if said is None or said.kind != "pad":
            return
        pad = said.id
        yield Heard("revision", "export")
        for kind, records in _RECORDS.items():
            head = _HEADS[kind].search(page.body)
            published = int(head[1]) + 1 if head else 0  # no messages: chatHead is -1
            # Of a history too long to be read whole, what is seen of it is counted.
            yield Count(kind, published, "export", pad, "exact" if page.whole else "at most")
            for number in sorted({int(found) for found in records.findall(page.body)}):
                yield Item(kind, f"{pad}@{number}", "export", group=pad, state="captured")
        # Only now: old servers make the pad whose text is asked for, and this one exists.
        yield Item("text", pad, "export", self._export(pad, "txt"))
        yield Item("html", pad, "export", self._export(pad, "html"), as_page=True)

    def extract(self, page: Page) -> Iterable[WikiPage]:
        """The pad as it is now, from its history; "" for the author of what nobody signed."""
        said = self.classify(page.url)
        data = page.json
        if said is None or said.kind != "pad" or not isinstance(data, dict):
            return
        for key, pad in _pads(data):
            meta = (data.get(f"{key}:revs:{pad['head']}") or {}).get("meta") or {}
            author = data.get(f"globalAuthor:{meta.get('author')}") or {}
            stamp = meta.get("timestamp")
            yield WikiPage(
                id=said.id,
                title=said.id,
                revision=str(pad["head"]),
                author=author.get("name") or "",
                date=datetime.fromtimestamp(stamp / 1000, UTC).isoformat() if stamp else "",
                source=pad["atext"]["text"],
            )

    def _export(self, pad: str, form: str) -> str:
        return f"{self.base}p/{quote(pad, safe=_PLAIN)}/export/{form}"


_PLAIN = "!'()*~"  # what a browser's encodeURIComponent leaves
# Of the front page, and of a pad's: nothing a page about such a server would have.
_MARKS = re.compile(r"(?i)\bid=\"(?:go2Name|editorcontainerbox)\"|/static/js/pad\.js")


def pad_id(segment: str) -> str:
    """The pad a part of an address names: the server writes "_" for spaces and colons in all that it makes.

    It answers an export under the other name with a redirect that leads nowhere (1.8.14).
    """
    return re.sub(r":+", "_", re.sub(r"\s+", "_", unquote(segment)))


def _without_view(url: str) -> str:
    return re.sub(r"/(?:timeslider|(?:\d+/)?export/\w+)/?(?:\?.*)?$", "", url)


def _pads(data: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The record of the pad itself. Of one asked for by its read-only id it bears the real name (1.8)."""
    for key, value in data.items():
        if key.startswith("pad:") and isinstance(value, dict) and "head" in value and "atext" in value:
            yield key, value
            return


def _accept_history(page: Page) -> Accepted:
    if not page.whole:
        return Accepted() if _HEADS["revision"].search(page.body) else Accepted("challenge", _NO_HISTORY)
    data = page.json
    if not isinstance(data, dict):
        return Accepted("challenge", _NO_HISTORY)
    if any(_pads(data)):
        return Accepted()
    if not any(data.values()):
        return Accepted("missing", "there is no such pad")
    return Accepted("challenge", _NO_HISTORY)


_NO_HISTORY = "what came is not the history of a pad"
