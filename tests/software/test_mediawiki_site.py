"""The module against a real MediaWiki: where it is, what its exports bring, what its pages change."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from crawler.inventory import Inventory
from crawler.software import Ask, Page, Setting
from crawler.software.mediawiki import MediaWiki
from tests.sites.mediawiki import CLOSED, SHORT, WITHOUT_API
from tests.sites.mediawiki import MediaWiki as Site
from tests.software.walker import get

pytestmark = pytest.mark.real


def module(site: Site, path: str = "/wiki/Accueil") -> MediaWiki:
    found = MediaWiki.detect(get(site.host.url + path))
    assert found is not None
    return MediaWiki(found.base, found.settings)


@pytest.mark.parametrize(
    ("path", "base", "article"),
    [
        ("/mediawiki/index.php?title=For%C3%AAt", "/mediawiki/", "/mediawiki/index.php?title=$1"),
        ("/wiki/C%2B%2B_pour_l%E2%80%99%C3%A9t%C3%A9", "/", "/wiki/$1"),
        ("/wiki/Rien", "/", "/wiki/$1"),
        (f"{WITHOUT_API}index.php/Sp%C3%A9cial:Version", WITHOUT_API, f"{WITHOUT_API}index.php/$1"),
        (f"{CLOSED}index.php?title=Accueil", CLOSED, f"{CLOSED}index.php?title=$1"),
    ],
)
def test_it_is_found_from_any_page(mediawiki: Site, path: str, base: str, article: str) -> None:
    found = module(mediawiki, path)
    host = mediawiki.host.url
    assert (found.base, found.settings["article"]) == (host + base, host + article)
    assert found.settings["special"] == "Spécial"


@pytest.mark.parametrize(
    "path", ["For%C3%AAt", "Fichier:Carte_du_bois.png", "Cat%C3%A9gorie:Bois", "Sp%C3%A9cial:Version"]
)
def test_two_fetches_differ_in_volatile_spots_alone(mediawiki: Site, path: str) -> None:
    one, other = (get(f"{mediawiki.host.url}/wiki/{path}").body for _ in range(2))
    assert one != other
    for spot in MediaWiki.volatile:
        one, other = spot.sub(b"", one), spot.sub(b"", other)
    assert one == other
    assert b"mw-content-text" in one


def test_an_export_brings_every_revision_word_for_word(mediawiki: Site) -> None:
    found = module(mediawiki)
    wanted = {
        (page.title, str(revision.id)): (revision.text, revision.user, revision.time)
        for page in mediawiki.pages
        for revision in page.revisions
        if not revision.hidden
    }
    (url,) = found.at.exports([(page.title, 1000) for page in mediawiki.pages[:11]], 1_000_000)
    page = get(url)
    assert page.status == 302  # to Spécial:Exporter
    items = list(found.extract(get(page.header("location"))))
    assert len(items) == sum(len(page.revisions) for page in mediawiki.pages[:11]) - 1
    for item in items:
        text, user, time = wanted[item.id, item.revision]
        date = datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert (item.source, item.author, item.date) == (text, user, date)


class Crawled:
    """Everything the module asks for, by a fetch of ours, and what it then knows. asked: URLs in order."""

    def __init__(self, site: Site, fetch: Callable[[str], Page]) -> None:
        self.module = module(site)
        self.inventory = Inventory(sqlite3.connect(":memory:"))
        self.asked: list[str] = []
        self._fetch = fetch

    def ask(self, urls: list[str]) -> None:
        for url in urls:
            if url in self.asked:
                continue
            self.asked.append(url)
            page = self._fetch(url)
            assert self.module.accept(page).verdict == "ok", url
            found = list(self.module.read(page, self.inventory.at(self.module.base)))
            self.inventory.tell(self.module.base, len(self.asked), found)
            self.module.settings |= {one.name: one.value for one in found if isinstance(one, Setting)}
            self.ask([one.url for one in found if isinstance(one, Ask) and one.kind == "inventory"])

    def states(self) -> dict[str, str | None]:
        known = self.inventory.at(self.module.base)
        return {id: known.state("revision", id) for id in known.ids("revision")}


@pytest.mark.parametrize("trouble", ["current alone", "cut"])
def test_histories_come_even_where_exports_do_not_bring_them(mediawiki: Site, trouble: str) -> None:
    def fetch(url: str) -> Page:
        if "history=1" not in url:
            return get(url)
        if trouble == "current alone":  # $wgExportAllowHistory = false
            page = get(url.removesuffix("&history=1"))
            return Page(url, page.status, page.mime, page.body, page.at)
        page = get(url)  # the server's memory ends
        return Page(url, page.status, page.mime, page.body[:6000], page.at)

    crawled = Crawled(mediawiki, fetch)
    crawled.ask(
        [one.url for one in crawled.module.seeds() if isinstance(one, Ask) and one.kind == "inventory"]
    )
    first = crawled.states()
    assert "expected" in first.values()
    crawled.ask([one.url for one in crawled.module.again(crawled.inventory.at(crawled.module.base))])
    hidden = {str(r.id) for page in mediawiki.pages for r in page.revisions if r.hidden}
    assert crawled.states() == {id: "denied" if id in hidden else "captured" for id in first}
    assert crawled.states().keys() >= {str(r.id) for page in mediawiki.pages for r in page.revisions}
    assert sum("revids=" in url for url in crawled.asked) <= 3


def test_a_closed_wiki_is_known_as_such(mediawiki: Site) -> None:
    closed = module(mediawiki, f"{CLOSED}index.php?title=Accueil")
    for path in ("index.php?title=Accueil", "index.php?title=Sp%C3%A9cial:Toutes_les_pages&namespace=0"):
        assert closed.accept(get(f"{closed.base}{path}")).verdict == "denied"
    (asked,) = [one for one in closed.seeds() if isinstance(one, Ask) and one.kind == "inventory"]
    assert closed.accept(get(asked.url)).verdict == "denied"


def test_pages_that_nobody_wrote_are_missing_by_status(mediawiki: Site) -> None:
    assert get(f"{mediawiki.host.url}/wiki/Rien").status == 404
    empty = module(mediawiki).accept(get(f"{mediawiki.host.url}/wiki/Cat%C3%A9gorie:Sans_page"))
    assert empty.verdict == "ok"
    assert get(f"{mediawiki.host.url}{SHORT}index.php?title=Special:Export&pages=A").status == 302
