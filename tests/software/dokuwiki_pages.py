"""Pages of a DokuWiki as its releases write them, and the module that reads them."""

from __future__ import annotations

from datetime import UTC, datetime

from crawler.software import Found, Page
from crawler.software.dokuwiki import DokuWiki
from tests.software.walker import Walked

BASE = "http://wiki.example/wikhan/"
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def wiki(rewrite: str = "1", slash: str = "0", start: str = "start", base: str = BASE) -> DokuWiki:
    return DokuWiki(base, {"rewrite": rewrite, "slash": slash, "start": start})


def html(url: str, head: str, body: str = "", status: int = 200) -> Page:
    text = f"<!DOCTYPE html><html><head>{head}</head><body>{body}</body></html>"
    return Page(url, status, "text/html", text.encode(), NOW)


def head(id: str = "fr:faq", base: str = "/wikhan/", act: str = "show", more: str = "") -> str:
    return (
        '<meta name="generator" content="DokuWiki"/>'
        f'<link rel="start" href="{base}"/>{more}'
        f'<script>var NS="";var JSINFO = {{"id":"{id}","namespace":"fr","ACT":"{act}"}};</script>'
    )


def told(module: DokuWiki, page: Page, known: Walked | None = None) -> list[Found]:
    return list(module.read(page, known or Walked()))


PAGE = '<link rel="canonical" href="http://wiki.example/wikhan/fr:faq"/>'
"""What only current pages that exist have in their head."""
