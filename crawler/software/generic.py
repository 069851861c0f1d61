"""Any site with a sitemap: what it lists is what the site says it has (sitemaps.org protocol 0.9)."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from crawler.canonical import canonical
from crawler.software import (
    OK,
    Accepted,
    Ask,
    Classified,
    Found,
    Heard,
    Installed,
    Inventory,
    Item,
    Page,
    Software,
)

_ROOT = re.compile(rb"<\s*(?:\w+:)?(urlset|sitemapindex)[\s>]", re.IGNORECASE)
_LOC = re.compile(r"<(?:\w+:)?loc\s*>\s*(?:<!\[CDATA\[)?\s*([^<\]\s]+)", re.IGNORECASE)


class Generic(Software):
    """A site whose software nobody here knows, with a sitemap. Its pages are judged like any link."""

    name: ClassVar[str] = "generic"
    family: ClassVar[Literal["wiki", "forum", "pads", "shares", "generic"]] = "generic"
    useful = frozenset({"page"})
    proofs: ClassVar[dict[str, tuple[str, ...]]] = {"page": ("sitemap",)}

    @classmethod
    def detect(cls, page: Page) -> Installed | None:
        if not _ROOT.search(page.body[:2000]):
            return None
        parts = urlsplit(page.url)
        return Installed(cls.name, f"{parts.scheme}://{parts.netloc}/")

    def seeds(self) -> Iterable[Ask | Item]:
        return ()

    def classify(self, url: str) -> Classified | None:
        return None

    def accept(self, page: Page) -> Accepted:
        return OK

    def read(self, page: Page, inventory: Inventory) -> Iterator[Found]:
        """A sitemap's addresses on this server; those elsewhere are no promise of this site's."""
        root = _ROOT.search(page.body[:2000])
        if root is None or root[1].lower() != b"urlset":
            return
        yield Heard("page", "sitemap")
        for found in _LOC.finditer(page.text):
            url = canonical(html.unescape(found[1]), page.url)
            if url and url.startswith(self.base):
                yield Item("page", url, "sitemap", url=url, as_page=True)
