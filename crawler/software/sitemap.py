"""A sitemap of a forum: the addresses it lists (sitemaps.org protocol 0.9)."""

from __future__ import annotations

import html
import re

from crawler.canonical import canonical
from crawler.software import OK, Accepted, Page

_ROOT = re.compile(rb"<\s*(?:\w+:)?(?:urlset|sitemapindex)[\s>]", re.IGNORECASE)
_LOC = re.compile(r"<(?:\w+:)?loc\s*>\s*(?:<!\[CDATA\[)?\s*([^<\]\s]+)", re.IGNORECASE)


def accept(page: Page) -> Accepted:
    """A sitemap has the root element of one."""
    return OK if _ROOT.search(page.body[:2000]) else Accepted("challenge", "it is no sitemap")


def locations(page: Page) -> list[str]:
    """The canonical addresses that a sitemap, or an index of sitemaps, names; in its order, each once."""
    found = (canonical(html.unescape(one[1]), page.url) for one in _LOC.finditer(page.text))
    return list(dict.fromkeys(url for url in found if url))
