"""What a body is, whatever its status says: DokuWiki answers 200 to nearly everything.

Sources: inc/Action/Export.php, inc/ActionRouter.php, inc/template.php (tpl_classes, tpl_metaheaders).
"""

from __future__ import annotations

from selectolax.lexbor import LexborHTMLParser

from crawler.sniff import sniff
from crawler.software import Accepted, Page
from crawler.software.dokuwiki.addresses import Address
from crawler.software.dokuwiki.found import base_of, is_dokuwiki, jsinfo

_OK = Accepted()
_MARKS = {
    "revisions": "form#page__revisions",
    "index": "#index__tree",
    "recent": "form#dw__recent",
    "media": "#mediamanager__page",
}


def judged(page: Page, address: Address, base: str) -> Accepted:
    """Whether the page is what its address asks for."""
    if address.view == "file":
        return _media(page)
    if address.action == "export_raw" and page.mime == "text/plain":
        return _OK
    if address.view == "feed" or address.action == "sitemap":
        return Accepted("missing", "the wiki gives none") if page.is_html else _OK
    if address.view not in ("show", "do", "detail"):
        return _OK
    if is_foreign(page, base) or (address.loose and not page.is_html):
        return _OK
    if not page.is_html or not is_dokuwiki(page):
        return Accepted("challenge", "no page of the wiki")
    if b"</html>" not in page.body[-2000:].lower():
        return Accepted("challenge", "the page breaks off")
    if is_denied(page):
        return Accepted("denied", "permission denied")
    if address.view == "detail":
        return _OK
    if address.action in _MARKS:
        if page.tree.css_first(_MARKS[address.action]) is not None:
            return _OK
        return Accepted("denied", f"do={address.action} is disabled")
    if address.action == "export_raw" and page.tree.css_first("div.error") is not None:
        return Accepted("denied", "do=export_raw is disabled")
    if not exists(page, "rev" in address.rest):
        return Accepted("missing", "the wiki has no such page or revision")
    if address.action == "export_raw" and shown_text(page) not in ("", "0"):
        return Accepted("denied", "the wiki shows the page instead of its source")
    return _OK


def is_foreign(page: Page, base: str) -> bool:
    """Whether another installation made a page that lies under this one, where every path may be a page."""
    if is_dokuwiki(page):
        return base_of(page) not in (None, base)
    return page.is_html and sniff(page.body, page.headers) is not None


def _media(page: Page) -> Accepted:
    if page.is_html and is_dokuwiki(page):
        return Accepted("denied", "a page of the wiki instead of the file")
    return _OK


def is_denied(page: Page) -> bool:
    """The page one may not read: its body is the login form, in any language."""
    act = jsinfo(page).get("ACT")
    if act is not None:
        return act in ("denied", "login")
    return page.tree.css_first(".mode_denied, .mode_login, form#dw__login") is not None


def exists(page: Page, old: bool = False) -> bool:
    """Whether the page shown exists. Only current pages that do have a canonical link; old: of a revision."""
    if page.tree.css_first("link[rel=canonical]") is not None:
        return True
    if page.tree.css_first(".dokuwiki.notFound, #dokuwiki__site.notFound, body.notFound") is not None:
        return False
    if old:
        return True
    robots = page.tree.css_first("meta[name=robots]")
    return robots is None or (robots.attributes.get("content") or "") != "noindex,follow"


def shown_text(page: Page) -> str:
    """The text of the content, without the notice that a revision is old.

    For source that came as HTML: DokuWiki (PHP's `empty`) has no other way to give "" and "0".
    """
    html = page.text
    start = html.find("<!-- wikipage start -->")
    stop = html.find("<!-- wikipage stop -->")
    if start < 0 or stop < start:
        return "?"
    content = html[start:stop]
    if (rule := content.find("<hr />")) >= 0:
        content = content[rule:]
    body = LexborHTMLParser(content).body
    return body.text().strip() if body is not None else ""
