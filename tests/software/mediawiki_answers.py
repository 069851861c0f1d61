"""Answers as MediaWiki gives them, and a bench on which its module reads them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, quote

from crawler import inventory
from crawler.software import Ask, Found, Page, Setting
from crawler.software.mediawiki import MediaWiki

BASE = "https://wiki.test/"
NOW = datetime(2026, 1, 31, 3, tzinfo=UTC)
SCRIPT = {"script": "https://wiki.test/w/", "article": "https://wiki.test/wiki/$1"}
API = "https://wiki.test/w/api.php?action=query&format=json&formatversion=2&"
EXPORT = "https://wiki.test/w/index.php?title=Special:Export&pages={}&history=1"


class Bench:
    """A module and the engine's own inventory."""

    def __init__(self, **settings: str) -> None:
        self.module = MediaWiki(BASE, {**SCRIPT, **settings})
        self.all = inventory.Inventory(sqlite3.connect(":memory:"))
        self._rows = 0

    def read(self, page: Page) -> list[Found]:
        assert self.module.accept(page).verdict == "ok", page.url
        found = list(self.module.read(page, self.all.at(BASE)))
        self._rows += 1
        self.all.tell(BASE, self._rows, found)
        for one in found:
            if isinstance(one, Setting):
                self.module.settings[one.name] = one.value
        return found

    def states(self, kind: str) -> dict[str, str | None]:
        known = self.all.at(BASE)
        return {id: known.state(kind, id) for id in known.ids(kind)}


def answer(query: str, content: Any) -> Page:
    return Page(API + query, 200, "application/json", json.dumps(content).encode(), NOW)


def xml(pages: str, *titles: str, end: str = "</mediawiki>") -> Page:
    body = f'<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/" version="0.10">{SITE}{pages}{end}'
    url = EXPORT.format(quote("\n".join(titles), safe=""))
    return Page(url, 200, "application/xml", body.encode(), NOW)


def html(
    text: str, url: str = "https://wiki.test/wiki/For%C3%AAt", *, title: str = "Forêt", more: str = ""
) -> Page:
    """A page as MediaWiki's skins make them. more: further fields of its script."""
    body = (
        f'<!DOCTYPE html><html><head><script>RLCONF={{"wgPageName":{json.dumps(title)}{more},'
        '"wgArticleId":3}</script></head>'
        f'<body class="mediawiki ns-0">{text}</body></html>\n<!-- Served by web1 in 0.1 secs -->'
    )
    return Page(url, 200, "text/html", body.encode(), NOW)


def asked(found: Iterable[Found]) -> list[dict[str, str]]:
    """The parameters of what is asked, in order."""
    urls = [one.url for one in found if isinstance(one, Ask)]
    return [{k: v[0] for k, v in parse_qs(url.partition("?")[2]).items()} for url in urls]


SITE = (
    "<siteinfo><sitename>Wikhan</sitename><namespaces>"
    '<namespace key="-1" case="first-letter">Spécial</namespace><namespace key="0" case="first-letter" />'
    '<namespace key="1" case="first-letter">Discussion</namespace>'
    '<namespace key="6" case="first-letter">Fichier</namespace>'
    '<namespace key="14" case="first-letter">Catégorie</namespace>'
    '<namespace key="100" case="case-sensitive">Glose</namespace></namespaces></siteinfo>'
)
REVISION = (
    "<revision><id>{0}</id><timestamp>2021-04-0{0}T00:00:00Z</timestamp>"
    "<contributor><username>Zoé</username><id>3</id></contributor><comment>résumé</comment>"
    '<text xml:space="preserve" bytes="5">texte {0} &amp; l’été</text><sha1>x</sha1></revision>'
)
HIDDEN = (
    "<revision><id>{0}</id><timestamp>2021-04-0{0}T00:00:00Z</timestamp>"
    '<contributor deleted="deleted" /><text deleted="deleted" /><sha1/></revision>'
)
# siprop=general|namespaces|… as 1.27 answers it; what is not used is left out
GENERAL = {
    "mainpage": "Accueil",
    "generator": "MediaWiki 1.27.1",
    "case": "first-letter",
    "lang": "fr",
    "articlepath": "/wiki/$1",
    "scriptpath": "/w",
    "script": "/w/index.php",
    "server": "//wiki.test",
    "time": "2026-01-31T03:00:00Z",
}
NAMESPACES = {
    "-1": {"id": -1, "case": "first-letter", "name": "Spécial", "canonical": "Special"},
    "0": {"id": 0, "case": "first-letter", "name": ""},
    "6": {"id": 6, "case": "first-letter", "name": "Fichier", "canonical": "File"},
    "14": {"id": 14, "case": "first-letter", "name": "Catégorie", "canonical": "Category"},
    "100": {"id": 100, "case": "case-sensitive", "name": "Glose"},
}
INFORMATION = {
    "query": {
        "general": GENERAL,
        "namespaces": NAMESPACES,
        "namespacealiases": [{"id": 6, "alias": "Image"}],
        "specialpagealiases": [{"realname": "Export", "aliases": ["Exporter", "Export"]}],
        "statistics": {"pages": 2, "edits": 9, "images": 0},
    }
}
