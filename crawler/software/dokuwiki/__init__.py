"""DokuWiki 2018 to 2026: everything public in it, by GET alone.

The page index names pages, each page's history its revisions, the media lists files and theirs; recent
changes, feed and red links name what was deleted. Nothing is locked (do=edit), run (taskrunner) or searched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

from crawler.software import (
    Accepted,
    Ask,
    Classified,
    Found,
    Installed,
    Inventory,
    Item,
    Page,
    Setting,
    Software,
)
from crawler.software.dokuwiki import history, lists, skin
from crawler.software.dokuwiki.addresses import Address, Addresses, fold
from crawler.software.dokuwiki.bodies import exists, is_foreign, judged, shown_text
from crawler.software.dokuwiki.found import installed, learnt, own_id
from crawler.software.items import Post, WikiPage

__all__ = ["DokuWiki"]

_NUMBER = re.compile(r"\d{1,12}")
_FIRST = re.compile(r"first\[(\d{1,9})\]")


def _skip(rule: str, reason: str) -> Classified:
    return Classified(rule, keep=False, rule=f"dokuwiki:{rule}", reason=reason)


_EXPORTS = {
    "export_xhtml": _skip("xhtml", "the same page without its frame"),
    "export_xhtmlbody": _skip("xhtml", "the same page without its frame"),
    "export_code": _skip("code", "a block of code alone; the page's source holds it"),
}
_ELSEWHERE = _skip("elsewhere", "the same list again under another page")
_OTHER_LIST = _skip("other-list", "the same list in another order, or with another file open")
_THUMBNAIL = _skip("thumbnail", lists.THUMBNAIL)
_DETAIL = _skip("detail", "a picture and its data, again under each page that shows it; the file is kept")
# Not followed from pages that are refused or missing, which link it too.
_HISTORY = (False, "dokuwiki:history", "asked for where the page or a deleted one is named")
_SAME = _skip("same", "the page once more")


class DokuWiki(Software):
    """settings: "rewrite", "slash", "start" as in `Addresses`; "accents" is "folded" once that was seen;
    "changes" is "read" once all recent changes were read.
    """

    name = "dokuwiki"
    family = "wiki"
    listed = frozenset(("page", "revision"))
    useful = frozenset(("page", "revision", "media", "version"))
    # Revisions and versions: each page has an item "history", captured when its end was seen.
    proofs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "page": ("index", "changes", "feed", "sitemap"),
        "media": ("list", "changes"),
    }
    bodies = frozenset(("application/x-gzip", "application/gzip"))  # the sitemap
    volatile = (
        re.compile(rb'<img src="[^"]*/lib/exe/(?:taskrunner|indexer)\.php\?[^"]*"[^>]*>'),
        re.compile(rb'<div class="(?:breadcrumbs|trace)">.*?</div>', re.DOTALL),
        re.compile(rb'<input type="hidden" name="sectok" value="[^"]*" ?/?>'),
        re.compile(rb"sectok=[0-9a-f]*"),
    )

    @property
    def _wiki(self) -> Addresses:
        told = self.settings
        kind = (told.get("rewrite", "0"), told.get("slash", ""), told.get("start", ""))
        return Addresses(self.base, *kind, told.get("accents") == "folded")

    @classmethod
    def detect(cls, page: Page) -> Installed | None:
        return installed(page)

    def seeds(self) -> Iterable[Ask | Item]:
        wiki = self._wiki
        yield Ask(self.base, "page")
        yield Ask(wiki.index())
        yield Ask(wiki.recent())
        yield Ask(f"{self.base}feed.php")
        yield Ask(wiki.media_list())

    def again(self, inventory: Inventory) -> Iterable[Ask]:
        yield Ask(self._wiki.recent(), again=True)

    # --- addresses

    def classify(self, url: str) -> Classified | None:
        address = self._wiki.parse(url)
        if address is None:
            return None
        match address.view:
            case "show":
                return self._page(address)
            case "do":
                return self._action(address)
            case "file":
                return self._file(address)
            case "detail":
                return _DETAIL
            case "feed":
                if address.rest:
                    return _skip("feed", "a feed for each namespace; the wiki's is kept")
                return Classified("feed")
            case "asset":
                return Classified("asset", address.id)
            case "script":
                return _skip("program", "a program for the wiki's own pages")

    def _page(self, address: Address) -> Classified:
        rest, id = dict(address.rest), address.id or self._wiki.start
        rev = rest.pop("rev", "")
        if rest:
            name = next(iter(rest))
            return _skip("parameter", f"the page under a parameter that makes no other page: {name}")
        if address.namespace:
            return Classified("namespace", id)
        if not address.id:
            return Classified("front")
        if address.again:
            return _SAME
        if not rev:
            url = self._wiki.page(id) if address.action else ""
            return Classified("file" if address.loose else "page", id, item=not address.loose, url=url)
        if not _NUMBER.fullmatch(rev):
            return _skip("parameter", "a revision that is no time")
        return Classified("revision", f"{id}@{rev}", item=True)

    def _action(self, address: Address) -> Classified:
        wiki, rest, id = self._wiki, dict(address.rest), address.id or self._wiki.start
        action = address.action
        if action == "export_raw":
            rev = rest.pop("rev", "")
            if rest or not id:
                return _OTHER_LIST
            if rev:
                return Classified("revision source", f"{id}@{rev}", item=True, url=wiki.raw(id, rev))
            return Classified("source", id, item=True, url=wiki.raw(id))
        if action == "revisions":
            first = rest.pop("first", "0") or "0"
            if rest or not _NUMBER.fullmatch(first) or not id:
                return _OTHER_LIST
            return Classified("revisions", id, *_HISTORY, url=wiki.history(id, int(first)))
        if action in ("index", "recent", "media"):
            return _ELSEWHERE if address.id not in ("", wiki.start) else self._list(action, rest)
        if action == "sitemap":
            return Classified("sitemap", url=wiki.page("", ("do", "sitemap")))
        known = _EXPORTS.get(action)
        return known or _skip("action", "a view of the page that holds nothing new")

    def _list(self, action: str, rest: dict[str, str]) -> Classified:
        """A list that hangs on the start page."""
        wiki = self._wiki
        if action == "index":
            namespace = wiki.clean(rest.pop("idx", ""))
            return _OTHER_LIST if rest else Classified("index", namespace, url=wiki.index(namespace))
        if action == "recent":
            first = _first(rest)
            return _OTHER_LIST if rest else Classified("recent", str(first), url=wiki.recent(first))
        namespace = wiki.clean(rest.pop("ns", ""))
        namespace = "" if namespace == "0" else namespace  # PHP 8 writes the root so
        image = wiki.clean(rest.pop("image", ""))
        first = _first(rest)
        if rest.pop("tab_files", "files") != "files":
            return _OTHER_LIST
        if image and rest == {"tab_details": "history"}:
            return Classified("versions", image, url=wiki.media_history(image, first))
        if image or rest or first:
            return _OTHER_LIST
        return Classified("media list", namespace, url=wiki.media_list(namespace))

    def _file(self, address: Address) -> Classified:
        rest, id = dict(address.rest), address.id
        rev = rest.pop("rev", "")
        rest.pop("cache", "")
        if rest or not id or (rev and not _NUMBER.fullmatch(rev)):
            return _THUMBNAIL
        if rev:
            return Classified("version", f"{id}@{rev}", item=True)
        return Classified("media", id, item=True)

    # --- bodies

    def accept(self, page: Page) -> Accepted:
        address = self._wiki.parse(page.url)
        return Accepted() if address is None else judged(page, address, self.base)

    def read(self, page: Page, inventory: Inventory) -> Iterator[Found]:
        wiki, address = self._wiki, self._wiki.parse(page.url)
        if address is None or is_foreign(page, self.base):
            return
        rest, id = dict(address.rest), address.id
        if page.is_html:
            yield from learnt(page, self.base, self.settings)
        if address.view == "feed":
            yield from lists.read_feed(page, wiki)
        elif address.action == "sitemap":
            yield from lists.read_sitemap(page, wiki)
        elif address.view == "asset":
            yield from skin.read_style(page, self.base)
        elif address.action == "index":
            yield from lists.read_index(page, wiki.clean(rest.get("idx", "")), wiki)
        elif address.action == "recent":
            later = self.settings.get("changes") == "read"
            yield from lists.read_recent(page, _first(rest), wiki, inventory, later)
        elif address.action == "media" and rest.get("image"):
            image = wiki.clean(rest["image"])
            yield from history.read_media(page, image, _first(rest), wiki, inventory)
        elif address.action == "media":
            yield from lists.read_media_list(page, wiki)
        elif address.action == "revisions":
            yield from history.read_page(page, id or wiki.start, _first(rest), wiki, inventory)
        elif address.view == "show" and id and not rest and page.is_html:
            if (own := own_id(page, id)) != id:
                # The address was written by hand: the page is to be had under its own.
                yield Item("page", own, "links", wiki.page(own), as_page=True)
                if fold(id) == own:
                    yield Setting("accents", "folded")
                return
            yield Item("source", id, "page", wiki.raw(id))
            yield Item("history", id, "page", wiki.history(id))
        if page.is_html:
            yield from lists.red_links(page, wiki)
            yield from skin.read_icons(page, self.base)

    def extract(self, page: Page) -> Iterator[WikiPage | Post]:
        address = self._wiki.parse(page.url)
        if address is None:
            return
        id, rev = address.id or self._wiki.start, address.rest.get("rev", "")
        if address.action == "export_raw":
            source = page.text if page.mime == "text/plain" else shown_text(page)
            yield WikiPage(id, revision=rev, source=source)
        elif address.action == "revisions":
            yield from history.extract(page, id)
        elif address.view == "show" and page.is_html and exists(page, bool(rev)):
            title = page.tree.css_first("title")
            changed = page.tree.css_first(".docInfo time[datetime]")
            date = (changed.attributes.get("datetime") or "") if changed is not None and not rev else ""
            yield WikiPage(id, title.text().strip() if title is not None else "", rev, date=date)


def _first(rest: dict[str, str]) -> int:
    """How many entries a list leaves out; taken out of the parameters."""
    found = 0
    for name in list(rest):
        match = _FIRST.fullmatch(name)
        if match or (name == "first" and _NUMBER.fullmatch(rest[name] or "0")):
            found = int(match[1] if match else rest[name] or "0")
            del rest[name]
    return found
