"""What pages made for readers tell: an inventory where there is no API, and a second one beside it.

Sources: includes/specials/SpecialAllPages.php, SpecialStatistics.php, includes/page/ImageHistoryList.php,
includes/actions/pagers/HistoryPager.php.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from crawler.canonical import canonical
from crawler.software import Ask, Count, Found, Heard, Item, Page, Setting, Skip
from crawler.software.mediawiki.addresses import Addresses, stored_file
from crawler.software.mediawiki.api import HIDDEN, HIDDEN_FILE
from crawler.software.mediawiki.detection import page_name

# What follows is understood by every browser that knows SVG, and holds instead (mixins of OOUI).
_RASTERIZED = re.compile(
    r"url\(\"?([^)\s\"']+[?&]format=rasterized[^)\s\"']*)\"?\);\s*background-image:\s*linear-gradient"
)
_NO_DIGIT = re.compile(r"\D")
_WEIGHTLESS = 100_000  # bytes a page with its history is guessed to have where nothing tells


def read_styles(page: Page) -> Iterator[Skip]:
    """A style sheet of load.php: its icons stand in it, and once more as files for browsers of 2010."""
    for found in _RASTERIZED.finditer(page.text):
        if url := canonical(found[1], page.url):
            yield Skip(url, "mediawiki:rasterized", "an icon for browsers without SVG")


def first(at: Addresses) -> Iterator[Ask]:
    """What is asked first without an API."""
    yield Ask(at.special("Allpages", namespace="0"))
    yield Ask(at.page(at.specials.get("Statistics", "Special:Statistics")))


def name(page: Page, special: str) -> Setting:
    """The title of a special page in the wiki's language: asking by that one saves a redirect."""
    return Setting(f"special:{special}", page_name(page).replace("_", " "))


def read_pages(page: Page, at: Addresses, by_api: bool) -> Iterator[Found]:
    """Special:AllPages: titles, the lists that follow, and those of the other namespaces."""
    titles = []
    for link in page.tree.css(".mw-allpages-chunk a[href], .mw-allpages-table-chunk a[href]"):
        url = canonical(link.attributes.get("href") or "", page.url)
        view = at.view(url) if url else None
        if url and view and view.title and not set(view.query) - {"redirect"}:
            titles.append(view.title)
            yield Item("page", view.title, "index", at.page(view.title), "listed", as_page=True)
    if by_api:
        return
    yield from (Item("history", title, "index") for title in titles)
    yield from (Ask(url) for url in at.exports([(title, _WEIGHTLESS) for title in titles], 40 * _WEIGHTLESS))
    for link in page.tree.css(".mw-allpages-nav a[href*='from=']"):
        if url := canonical(link.attributes.get("href") or "", page.url):
            yield Ask(url)
    for option in page.tree.css("select[name=namespace] option[value]"):
        value = option.attributes.get("value") or ""
        if value.isdigit():
            yield Ask(at.special("Allpages", namespace=value))
    yield Heard("page", "index")


def read_statistics(page: Page) -> Iterator[Found]:
    """Special:Statistics: the only second source where there is no API."""
    for kind, row, group in (("page", "pages", "listed"), ("file", "files", "current")):
        cell = page.tree.css_first(f"tr.mw-statistics-{row} td.mw-statistics-numbers")
        digits = _NO_DIGIT.sub("", cell.text()) if cell is not None else ""
        if digits:
            yield Count(kind, int(digits), "statistics", group)


def history(at: Addresses, title: str) -> Ask:
    """The list of a page's revisions, for where no export brings them."""
    return Ask(at.index(title, action="history", limit="500"))


def source(at: Addresses, revision: str) -> Ask:
    """The text of a revision of which nothing but the number is known."""
    return Ask(f"{at.script}index.php?oldid={revision}&action=raw")


def read_history(page: Page, at: Addresses, title: str) -> Iterator[Found]:
    """Revisions, each to be had by its number."""
    for row in page.tree.css("#pagehistory li, .mw-contributions-list li"):
        button = row.css_first("input[name=diff], input[name=oldid]")
        number = row.attributes.get("data-mw-revid") or (button and button.attributes.get("value"))
        if not number:
            continue
        if row.css_first("a.mw-changeslist-date") is None:
            yield Item("revision", number, "histories", "", title, "denied", HIDDEN)
        else:
            yield Item("revision", number, "histories", at.index(title, action="raw", oldid=number), title)
    older = page.tree.css_first("a.mw-nextlink[href]")
    if older is not None and (url := canonical(older.attributes.get("href") or "", page.url)):
        yield Ask(url)


def read_file(page: Page, at: Addresses, title: str, by_api: bool) -> Iterator[Found]:
    """The table of a file's versions on the page about it. by_api: the API names the hidden ones."""
    name = title.partition(":")[2]
    for row in page.tree.css("table.filehistory tr"):
        links = (canonical(link.attributes.get("href") or "", page.url) for link in row.css("a[href]"))
        url = next((url for url in links if url and stored_file(url)), None)
        hidden = row.css_first(".history-deleted")
        if url:
            stored = stored_file(url)
            yield Item("file", stored, "file pages", url, "old" if "!" in stored else "current")
        elif hidden is not None and not by_api:
            id = f"{name} ({' '.join(hidden.text().split())})"
            yield Item("file", id, "file pages", "", "old", "denied", HIDDEN_FILE)
    for link in page.tree.css("a[href*='offset=']"):
        url = canonical(link.attributes.get("href") or "", page.url)
        view = at.view(url) if url else None
        if view and view.title == title and "dir" not in view.query and view.query.get("offset"):
            yield Ask(at.index(title, limit="500", offset=view.query["offset"]))
    yield Heard("file", "file pages")
