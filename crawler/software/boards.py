"""What classic boards (phpBB, SMF, MyBB, FluxBB, PunBB, vBulletin, XenForo) have in common.

Numbers and pages, addresses taken apart, texts of nodes, and the ways in which a 200 is no page of the board.
Dates are read by `crawler.software.dates`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from functools import reduce
from urllib.parse import unquote_plus

from selectolax.lexbor import LexborHTMLParser, LexborNode

from crawler.canonical import canonical, without_session
from crawler.software.page import Page

# --- numbers

_SPACES = "\u0020\u00a0\u2009\u202f"
_NUMBER = re.compile(
    rf"(?<![\d.,])(\d{{1,3}}(?P<by>[{_SPACES},.'\u2019])\d{{3}}(?:(?P=by)\d{{3}})*|\d+)(?![\d])(?:[.,]\d+)?"
    rf"(?P<about>[{_SPACES}]?[KkM](?!\w))?"
)


def numbers(text: str) -> list[int]:
    """The whole numbers in a text, with whatever stands between their thousands ("1 234", "1.234", "1,234").

    Rounded ones ("1.2K") are left out: nothing can be held against them.
    """
    return [int(re.sub(r"\D", "", found[1])) for found in _NUMBER.finditer(text) if not found["about"]]


def number(text: str) -> int | None:
    """The first whole number in a text, as `numbers` reads it; None without one."""
    return next(iter(numbers(text)), None)


# --- pages


def page_size(starts: Iterable[int]) -> int | None:
    """How many things a page holds, from the offsets its links lead to (0, 15, 30, 240); None if only 0.

    Too big when only pages far apart are linked; every list links its second or its last but one page.
    """
    return reduce(math.gcd, starts, 0) or None


def starts(total: int, size: int) -> range:
    """The offsets of all pages of `total` things, `size` on each; (0,) for none. size: above 0."""
    return range(0, max(total, 1), size)


# --- addresses


def asked(url: str, base: str) -> tuple[str, dict[str, str]]:
    """A canonical URL under `base`: its path from there on, and its parameters, parted by `&` or `;`.

    Names and values are decoded; of a name given twice the last one counts; order is kept.
    """
    path, _, query = url.removeprefix(base).partition("?")
    pairs = (part.partition("=") for part in re.split("[&;]", query) if part)
    return path, {unquote_plus(name): unquote_plus(value) for name, _, value in pairs}


def address(href: str | None, page: Page) -> str | None:
    """Where a link of a page leads, canonical and without a session id; None when it leads to no page."""
    if not href:
        return None
    place = page.tree.css_first("base[href]") if b"<base" in page.body else None
    base = canonical(place.attributes.get("href") or "", page.url) if place else page.url
    found = canonical(href, base or page.url, page.charset)
    return without_session(found)[0] if found else None


def addresses(page: Page, selector: str = "a[href]") -> Iterator[tuple[LexborNode, str]]:
    """The links among the nodes that a selector finds, each with its address as by `address`."""
    for node in page.tree.css(selector):
        if found := address(node.attributes.get("href"), page):
            yield node, found


# --- nodes


def text_of(node: LexborNode | LexborHTMLParser | None, selector: str = "") -> str:
    """What a node (or the first one in it that a selector finds) says, one space for any white space."""
    if node is not None and selector:
        node = node.css_first(selector)
    return " ".join(node.text().split()) if isinstance(node, LexborNode) else ""


def attribute(node: LexborNode | LexborHTMLParser | None, selector: str, name: str) -> str:
    """An attribute of the first node in a node that a selector finds; "" without either."""
    found = node.css_first(selector) if node is not None else None
    return (found.attributes.get(name) or "") if found else ""


def classes(node: LexborNode) -> frozenset[str]:
    return frozenset((node.attributes.get("class") or "").split())


def body_html(node: LexborNode | None, without: str = "") -> str:
    """What stands inside a node as HTML, without the nodes that a selector finds. The tree stays as it is."""
    if node is None:
        return ""
    if without and node.css_first(without):
        copy = LexborHTMLParser(node.html or "").body
        inner = copy.first_child if copy else None
        if inner is not None:
            for found in inner.css(without):
                found.decompose()
            node = inner
    return (node.inner_html or "").strip()


# --- no page of the board, whatever the status says

_CHALLENGE = re.compile(
    rb"<title>(?:just a moment|attention required|checking your browser|ddos-guard|one more step|un instant)"
    rb"|/cdn-cgi/challenge-platform/|id=\"challenge-(?:form|running|error)|class=\"(?:g-recaptcha|h-captcha)\""
    rb"|anubis_challenge|<title>making sure you&#39;re not a bot",
    re.IGNORECASE,
)
_BROKEN = re.compile(
    rb"(?:<b>)?(?:fatal error|parse error|uncaught (?:exception|error))(?:</b>)?: "
    rb"|allowed memory size of \d+ bytes|maximum execution time of \d+ seconds?"
    rb"|too many connections|mysql server has gone away"
    rb"|can(?:not|'t) connect to (?:local |the )?(?:mysql|database)|error establishing a database connection"
    rb"|<title>(?:database|connection) (?:error|problems?)",
    re.IGNORECASE,
)
_ENDS = re.compile(rb"</html\s*>", re.IGNORECASE)


def riddle(page: Page) -> str:
    """Why an HTML answer is a test for people, put before the board; "" when it is none.

    A board's own pages may hold a captcha in a form: ask this only of pages that lack the board's marks.
    """
    return "a test for people stands before the page" if _CHALLENGE.search(page.body) else ""


def cut_off(page: Page) -> str:
    """Why an HTML answer is not whole: its end is missing, mostly behind an error of PHP; "" when it is."""
    if _ENDS.search(page.body[-4_096:]):
        return ""
    if found := _BROKEN.search(page.body[-16_384:]):
        start = max(0, len(page.body) - 16_384) + found.start()
        words = re.sub(r"<[^>]*>|\s+", " ", page.body[start : start + 200].decode(page.charset, "replace"))
        return f"the page breaks off with an error: {' '.join(words.split())[:120]}"
    return "the page breaks off before its end"


def failure(page: Page) -> str:
    """Why an HTML answer that lacks the board's marks is none of its pages: riddle, error or cut; else ""."""
    if why := riddle(page) or (not _ENDS.search(page.body[-4_096:]) and cut_off(page)):
        return why
    if found := _BROKEN.search(page.body[:16_384]):
        return f"an error of the server: {found[0].decode('ascii', 'replace')}"
    return ""
