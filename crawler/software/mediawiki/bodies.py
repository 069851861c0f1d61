"""Is a body what was asked for? MediaWiki refuses with status 200, and breaks with 200 too.

Sources: includes/OutputPage.php (showPermissionsErrorPage), includes/MediaWiki.php (Badtitle),
includes/exception/MWExceptionRenderer.php, includes/api/ApiMain.php; old ones: 1.27 of the same.
"""

from __future__ import annotations

import re

from crawler.software import OK, Accepted, Page
from crawler.software.mediawiki.api import refused
from crawler.software.mediawiki.detection import MARK

_DENIED = frozenset({"readapidenied", "permissiondenied", "blocked", "autoblocked", "moduledisabled"})
_PASSING = re.compile(
    r"ratelimited|maxlag|readonly|internal_api_error|db(?:query|connection)?error|stashfail"
)
_REFUSED = re.compile(rb'<body class="[^"]*\bmw-special-Badtitle\b|"wgCanonicalSpecialPageName": ?"Badtitle"')
_REFUSED_VIEW = re.compile(rb'class="[^"]*\bpermissions-errors\b')
_NO_TEXT = re.compile(rb'class="[^"]*\bnoarticletext\b')
_MEMBERS = re.compile(rb'id="mw-(?:pages|subcategories|category-media)"')
_NO_SPECIAL = re.compile(rb'<body class="[^"]*\bmw-invalidspecialpage\b')
_BROKEN = re.compile(
    rb"Sorry! This site is experiencing technical difficulties"
    rb"|<title>(?:[^<]*has a problem|MediaWiki internal error)</title>|Fatal exception of type|MWException"
    rb"|Wikimedia\\Rdbms\\DB\w*Error"
    rb"|\(Cannot access the database|Fatal error</b>:|Database error</title>|mw-config/index\.php"
)
_HISTORY = re.compile(rb'id="pagehistory"|class="[^"]*\bmw-contributions-list\b')
_END = re.compile(rb"</html>\s*(?:<!--.*?-->\s*)*$", re.DOTALL | re.IGNORECASE)


def accept_answer(page: Page) -> Accepted:
    """An answer of the API."""
    if page.json is None and not page.whole and page.mime == "application/json":
        return OK  # read in smaller parts
    if page.json is None:
        if page.is_html and MARK.search(page.body):
            return Accepted("missing", "the interface for programs answers with a page")
        if b"API is not enabled" in page.body:
            return Accepted("missing", "the interface for programs is switched off")
        return Accepted("challenge", "not the JSON that was asked for")
    code, why = refused(page.json)
    if not code:
        return OK
    if code in _DENIED:
        return Accepted("denied", f"{code}: {why}")
    if _PASSING.match(code):
        return Accepted("challenge", f"{code}: {why}")
    return Accepted("missing", f"{code}: {why}")


def accept_export(page: Page) -> Accepted:
    """An export, whole or not: what is lacking is asked for again."""
    if b"<mediawiki" in page.body[:500]:
        return OK
    shown = accept_page(page)
    return shown if shown.verdict != "ok" else Accepted("missing", "a page instead of the export")


def accept_file(page: Page) -> Accepted:
    """A file: wikis let nobody upload HTML."""
    if page.is_html:
        return Accepted("challenge", "a page instead of the file")
    return OK


def accept_history(page: Page) -> Accepted:
    """The list of a page's revisions; login walls before it look like any page."""
    shown = accept_page(page)
    if shown.verdict == "ok" and not _HISTORY.search(page.body):
        return Accepted("denied", "the wiki does not show the history")
    return shown


def accept_source(page: Page) -> Accepted:
    """The source of one revision."""
    if not page.is_html:
        return OK
    shown = accept_page(page)
    return shown if shown.verdict != "ok" else Accepted("denied", "the wiki does not show the source")


def accept_page(page: Page) -> Accepted:
    """A page for readers."""
    body = page.body
    if not page.is_html or not MARK.search(body):
        broken = _BROKEN.search(body)
        return Accepted(
            "challenge", f"an error: {broken[0].decode('latin-1')}" if broken else "not the wiki's page"
        )
    if _REFUSED.search(body):
        return Accepted("denied", "the wiki lets only members read it, or takes it for no title")
    if _NO_SPECIAL.search(body):
        return Accepted("missing", "the wiki has no such special page")
    if _REFUSED_VIEW.search(body):
        return Accepted("denied", "the wiki lets only some members see it")
    if _NO_TEXT.search(body) and not _MEMBERS.search(body):
        return Accepted("missing", "nobody wrote this page")
    if page.whole and not _END.search(body[-2000:]):
        return Accepted("challenge", "the page breaks off before its end")
    return OK
