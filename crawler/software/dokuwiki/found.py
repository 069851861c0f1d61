"""Where a DokuWiki is installed and how it writes its addresses, told by any one of its pages."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from crawler.canonical import canonical
from crawler.software import Installed, Page, Setting
from crawler.software.dokuwiki.addresses import Addresses

_JSINFO = re.compile(r"JSINFO ?= ?(\{.*?\});", re.DOTALL)
_DISPATCHER = re.compile(r"(.*/)(?:lib/exe/(?:css|js)\.php|feed\.php|doku\.php)(?:[?/].*)?", re.DOTALL)


def installed(page: Page) -> Installed | None:
    """What `detect` answers; None: no page of a DokuWiki, or its base is not told."""
    if not page.is_html or not is_dokuwiki(page):
        return None
    base = base_of(page)
    if base is None:
        return None
    links = [url for url in _links(page) if url.startswith(base)]
    id = str(jsinfo(page).get("id") or "")
    rewrite = _rewrite([url[len(base) :] for url in links])
    start = _start(page, base, rewrite, id)
    settings = {"rewrite": rewrite, "slash": _slash(page, base, rewrite, id), "start": start}
    return Installed("dokuwiki", base, settings)


def is_dokuwiki(page: Page) -> bool:
    """Whether DokuWiki made this page, whatever its template."""
    return page.is_html and (
        "JSINFO" in page.text
        or page.tree.css_first('meta[name="generator"][content^="DokuWiki"]') is not None
        or page.tree.css_first("[id^=dokuwiki__]") is not None
    )


def jsinfo(page: Page) -> dict[str, Any]:
    """What the page tells its scripts (`id`, `ACT`); empty when it does not (inc/common.php:jsinfo)."""
    found = _JSINFO.search(page.text)
    if found is None:
        return {}
    try:
        told = json.loads(found[1])
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def own_id(page: Page, id: str) -> str:
    """The id the page says it has; the one given where it says none."""
    told = jsinfo(page).get("id")
    return told if isinstance(told, str) and told else id


def base_of(page: Page) -> str | None:
    """The wiki's base URL: from link[rel=start], else from where its scripts lie."""
    start = page.tree.css_first("link[rel=start]")
    if start is not None and (url := canonical(start.attributes.get("href") or "", page.url)):
        return _here(url.partition("?")[0].rpartition("/")[0] + "/", page)
    for node in page.tree.css("link[href], script[src]"):
        target = node.attributes.get("href") or node.attributes.get("src") or ""
        url = canonical(target, page.url)
        found = _DISPATCHER.fullmatch(url) if url else None
        if url and found and urlsplit(url).netloc == urlsplit(page.url).netloc:
            return found[1]
    return None


def _here(base: str, page: Page) -> str:
    """The base as the page was asked for: behind a proxy a wiki may believe in another scheme or host."""
    told, asked = urlsplit(base), urlsplit(page.url)
    return f"{asked.scheme}://{asked.netloc}{told.path}" if asked.path.startswith(told.path) else base


def learnt(page: Page, base: str, settings: Mapping[str, str]) -> Iterator[Setting]:
    """What the page that gave the wiki away did not tell, and this one does."""
    if settings.get("slash") and settings.get("start"):
        return
    id, rewrite = str(jsinfo(page).get("id") or ""), settings.get("rewrite", "0")
    if not settings.get("slash") and (slash := _slash(page, base, rewrite, id)):
        yield Setting("slash", slash)
    if not settings.get("start") and (start := _start(page, base, rewrite, id)):
        yield Setting("start", start)


def _links(page: Page) -> list[str]:
    urls = []
    for node in page.tree.css("a[href], link[href]"):
        if url := canonical(node.attributes.get("href") or "", page.url):
            urls.append(url)
    return urls


def _rewrite(rests: list[str]) -> str:
    """Which `userewrite` most of the wiki's links follow."""
    votes: Counter[str] = Counter()
    for rest in rests:
        if rest.startswith("doku.php?"):
            votes["0"] += 1
        elif rest.startswith("doku.php/"):
            votes["2"] += 1
        elif "?do=" in rest and not rest.startswith(("lib/", "feed.php")):
            votes["1"] += 1
    return votes.most_common(1)[0][0] if votes else "0"


def _slash(page: Page, base: str, rewrite: str, id: str) -> str:
    """Whether colons of ids are written as slashes; "" when no link of this page tells."""
    if rewrite == "0":
        return "0"
    named = [(id, url) for url in _own(page)] if ":" in id else []
    for node in page.tree.css("a[data-wiki-id]"):
        if ":" in (other := node.attributes.get("data-wiki-id") or ""):
            named.append((other, canonical(node.attributes.get("href") or "", page.url) or ""))
    for other, url in named:
        if not url.startswith(base):
            continue
        path = unquote(url[len(base) :].partition("?")[0]).removeprefix("doku.php/")
        if path == other:
            return "0"
        if path == other.replace(":", "/"):
            return "1"
    return ""


def _own(page: Page) -> list[str]:
    """Addresses of the page itself as the wiki writes them: of its index, its editor, its source."""
    nodes = page.tree.css("link[rel=contents], link[rel=edit], link[rel=canonical]")
    return [url for node in nodes if (url := canonical(node.attributes.get("href") or "", page.url))]


def _start(page: Page, base: str, rewrite: str, id: str) -> str:
    """The start page's id: the page itself if the base shows it, else where the skin's home link leads."""
    canon = page.tree.css_first("link[rel=canonical]")
    if page.url == base or (canon is not None and canonical(canon.attributes.get("href") or "") == base):
        return id
    read = Addresses(base, rewrite, "", "")
    for home in page.tree.css("a[accesskey=h], h1 a, .logo a"):
        url = canonical(home.attributes.get("href") or "", page.url)
        address = read.parse(url) if url and url.startswith(base) else None
        if address and address.view == "show" and address.id and not address.rest:
            return address.id
    return ""
