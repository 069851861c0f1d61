"""Where a MediaWiki is installed, told from any of its pages.

Sources: includes/OutputPage.php (EditURI, load.php, RLCONF), includes/skins/ (the tab of the page itself).
"""

from __future__ import annotations

import json
import re

from crawler.canonical import canonical
from crawler.software import Installed, Page
from crawler.software.mediawiki.addresses import Addresses
from crawler.software.mediawiki.titles import encoded

MARK = re.compile(
    rb"<meta name=\"generator\" content=\"MediaWiki|<body class=\"mediawiki[ \"]|[\"{,]wgArticleId\"",
    re.IGNORECASE,
)
_NAME = re.compile(r'"wgPageName": ?("(?:[^"\\]|\\.)*")')
_SPECIAL_NAME = re.compile(r'"wgCanonicalSpecialPageName": ?"((?:[^"\\]|\\.)*)"')
_SCRIPT = re.compile(r"/(?:api|load|index|opensearch_desc)\.php5?(?=[/?]|$)")
_GENERATOR = re.compile(r'<meta name="generator" content="MediaWiki ([0-9][^"]*)"', re.IGNORECASE)


def installation(page: Page) -> Installed | None:
    """The wiki a page belongs to; None when it is no page of one, or does not tell where the scripts lie.

    Settings: script and article (see `Addresses`), special (the namespace of special pages in the wiki's
    language), version, api ("no" where pages do not name it, as with $wgEnableAPI = false until 1.31).
    """
    if not page.is_html or not MARK.search(page.body):
        return None
    script = _script(page)
    if script is None:
        return None
    article = _article(page, script)
    settings = {"script": script, "article": article}
    if found := _GENERATOR.search(page.text):
        settings["version"] = found[1]
    addresses = Addresses(script, article)
    for link in page.tree.css(
        '#t-specialpages a[href], link[type="application/atom+xml"][href*="feed=atom"]'
    ):
        to = canonical(link.attributes.get("href") or "", page.url)
        view = addresses.view(to) if to else None
        if view and ":" in view.title:
            settings["special"] = view.title.partition(":")[0]
    if page.tree.css_first('link[rel="EditURI"]') is None:
        settings["api"] = "no"
    return Installed("mediawiki", addresses.base, settings)


def page_name(page: Page) -> str:
    """The full title of the page shown, with underscores, as its scripts know it; "" untold."""
    found = _NAME.search(page.text)
    return str(json.loads(found[1])) if found else ""


def special_name(page: Page) -> str:
    """What MediaWiki's code calls the special page shown; "" for other pages."""
    found = _SPECIAL_NAME.search(page.text)
    return found[1] if found else ""


def _script(page: Page) -> str | None:
    """The folder of index.php on the page's own server, however pages name it."""
    tree = page.tree
    server = "/".join(page.url.split("/", 3)[:3])
    for selector, name in (
        ('link[rel="EditURI"]', "href"),
        ('link[rel="stylesheet"][href*="load.php"]', "href"),
        ('script[src*="load.php"]', "src"),
        ('form[action*="index.php"]', "action"),
        ('link[rel="search"]', "href"),
        ('a[href*="index.php?title="]', "href"),
    ):
        for node in tree.css(selector):
            url = canonical(node.attributes.get(name) or "", page.url)
            # The API is named by its full address, which need not be the one we came by ($wgServer).
            path = "/" + url.partition("://")[2].partition("/")[2] if url else ""
            if found := _SCRIPT.search(path):
                return server + path[: found.start() + 1]
    return None


def _article(page: Page, script: str) -> str:
    """Where articles lie: from the tab that leads to the page itself, or a link that bears its title.

    Else as every wiki understands it.
    """
    server = "/".join(script.split("/", 3)[:3]) + "/"
    name = page_name(page)
    named = [(node, name) for node in page.tree.css('[id^="ca-nstab"] a[href]')]
    named += [(node, node.attributes.get("title") or "") for node in page.tree.css("a[href][title]")]
    for node, title in named:
        url = canonical(node.attributes.get("href") or "", page.url)
        if not url or not title or not url.startswith(server):
            continue
        if url == f"{script}index.php?title={encoded(title)}":
            break
        if "?" not in url and url.endswith("/" + encoded(title)):
            return url.removesuffix(encoded(title)) + "$1"
    if name and "?" not in page.url and page.url.endswith("/" + encoded(name)):
        return page.url.removesuffix(encoded(name)) + "$1"
    return f"{script}index.php?title=$1"
