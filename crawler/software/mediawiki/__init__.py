"""MediaWiki, 1.27 to today: pages as shown, every revision by Special:Export, every version of every file.

The API says what there is: its first answer tells the wiki's addresses and names, all else follows from it.
Where it is closed, Special:AllPages, Special:Statistics and the pages about files say it instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

from crawler.software import OK, Accepted, Ask, Classified, Found, Installed, Inventory, Item, Page, Software
from crawler.software.items import WikiPage
from crawler.software.mediawiki import api, bodies, export, listings, views
from crawler.software.mediawiki.addresses import Addresses
from crawler.software.mediawiki.detection import installation, special_name

__all__ = ["MediaWiki"]

_OBJECT = rb"\{(?:[^{}]|INNER)*\}"  # of JSON, without braces in its texts
_FILE = re.compile(r'"wgNamespaceNumber": ?6\b')
_SHOWN = re.compile(r'"wgRevisionId": ?(\d+)')


class MediaWiki(Software):
    """Items: "page" (full title with spaces), "revision" (its number), "file" (a version, by stored name).

    Without an API also "history": that all revisions of a page were told. Settings: see
    `detection.installation` and `api._settings`; "time" is there when the API answered.
    """

    name = "mediawiki"
    family = "wiki"
    listed = frozenset({"page", "special"})
    useful = frozenset({"page", "revision", "file"})
    pieces = frozenset({"export", "texts"})
    proofs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "page": ("allpages", "allrevisions", "index", "statistics"),
        "revision": ("allrevisions", "export", "histories", "pages"),
        "file": ("allimages", "file pages", "statistics"),
    }
    volatile = (
        re.compile(
            rb'"wg(?:RequestId|BackendResponseTime|PageParseReport)":(?:"[^"]*"|\d+|%b),?'
            % _OBJECT.replace(b"INNER", _OBJECT.replace(b"INNER", _OBJECT.replace(b"INNER", rb"\{\}")))
        ),
        re.compile(
            rb"<!--\s*(?:NewPP limit report|Transclusion expansion time report|Saved in (?:parser )?cache"
            rb"|Served by)(?:[^-]|-(?!->))*-->\s*"
        ),
        re.compile(rb'\bnonce="[^"]*"|"wgCSPNonce":"[^"]*"'),
    )

    def __init__(self, base: str, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(base, settings)
        self._known: dict[str, str] = {}
        self._at = Addresses.of(self.settings)

    @classmethod
    def detect(cls, page: Page) -> Installed | None:
        return installation(page)

    def seeds(self) -> Iterator[Ask | Item]:
        if self.at.script == self.base:
            yield Ask(self.base, "page")
        if self.settings.get("api") == "no":
            yield from listings.first(self.at)
        else:
            yield Ask(api.information(self.at))

    def classify(self, url: str) -> Classified | None:
        return views.classify(url, self.at, self._by_api)

    def accept(self, page: Page) -> Accepted:
        place = self.classify(page.url)
        if place is None or not place.keep:
            return OK  # what a page needs to be shown
        if place.kind == "file":
            return bodies.accept_file(page)
        if place.kind == "revision":
            return bodies.accept_source(page)
        if place.kind == "history":
            return bodies.accept_history(page)
        if page.url.startswith(f"{self.at.script}api.php"):
            return bodies.accept_answer(page)
        return bodies.accept_export(page) if self._is_export(page) else bodies.accept_page(page)

    def read(self, page: Page, inventory: Inventory) -> Iterable[Found]:
        if page.url.startswith(f"{self.at.script}api.php"):
            return list(api.read(page, self.at, self.settings, inventory))
        if self._is_export(page):
            return list(export.read(page, self.at, self._by_api, inventory))
        if page.mime == "text/css":
            return listings.read_styles(page)
        return list(self._read_shown(page, inventory)) if page.is_html else ()

    def again(self, inventory: Inventory) -> Iterator[Ask]:
        at = self.at
        if not self._by_api:
            yield from listings.first(at)
            # Listed, and not there: a new export tells whether it was deleted meanwhile.
            for title in inventory.ids("page", "missing"):
                if inventory.knows("history", title):
                    yield Ask(at.export([title]), again=True)
            # Once the lists were read (or are for members), what no export brought.
            if "special:Allpages" in self.settings or inventory.number("page", state="denied"):
                titles = list(inventory.ids("history", "expected"))
                yield from (listings.history(at, title) for title in titles)
                if not titles:
                    yield from (listings.source(at, id) for id in inventory.ids("revision", "expected"))
            return
        yield Ask(api.changes(at, self.settings["time"]))
        # By their numbers: what the export left out, whether it may not tell histories or broke off.
        yield from (Ask(url) for url in api.texts(at, inventory.ids("revision", "expected")))
        yield Ask(api.figures(at))

    def extract(self, page: Page) -> Iterable[WikiPage]:
        if page.url.startswith(f"{self.at.script}api.php"):
            return api.extract(page)
        if self._is_export(page):
            return export.extract(page)
        view = self.at.view(page.url)
        if view is None or view.query.get("action") != "raw":
            return ()
        return [WikiPage(view.title, view.title, view.query.get("oldid", ""), source=page.text)]

    @property
    def at(self) -> Addresses:
        """Its addresses, as far as they are known by now."""
        if self._known != self.settings:
            self._known, self._at = dict(self.settings), Addresses.of(self.settings)
        return self._at

    @property
    def _by_api(self) -> bool:
        return "time" in self.settings

    def _is_export(self, page: Page) -> bool:
        view = self.at.view(page.url)
        return view is not None and view.query.keys() == {"pages", "history"}

    def _read_shown(self, page: Page, inventory: Inventory) -> Iterator[Found]:
        view = self.at.view(page.url)
        if view is None:
            return
        name, at = special_name(page), self.at
        if name in ("Allpages", "Statistics"):
            if not self._by_api:
                learnt = listings.name(page, name)
                yield learnt
                at = Addresses.of({**self.settings, learnt.name: learnt.value})
                if name == "Statistics":
                    yield from listings.read_statistics(page)
            if name == "Allpages":
                yield from listings.read_pages(page, at, self._by_api)
        elif view.query.get("action") == "history":
            yield from listings.read_history(page, at, view.title)
        elif _FILE.search(page.text) and view.query.keys() <= {"limit", "offset"}:
            yield from listings.read_file(page, at, view.title, self._by_api)
        shown = _SHOWN.search(page.text)
        if shown and shown[1] != "0" and not name and not view.query:
            yield Item("revision", shown[1], "pages", group=view.title)
            new = inventory.state("revision", shown[1]) in (None, "expected")
            if new and inventory.state("history", view.title) == "captured":
                yield Ask(at.export([view.title]), again=True)  # written since
