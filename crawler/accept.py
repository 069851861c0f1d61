"""Is a body what was asked for, whatever its status says: the pages that stand in the way on any site.

Login walls, refusals and missing pages look different in each software; its module knows those.
"""

from __future__ import annotations

import re

from crawler.software import OK, Accepted, Page

_START = 1 << 13  # bytes in which a page of this kind says what it is
_END = 1 << 11
# Each from the thing's own page: Cloudflare, Anubis, DDoS-Guard, Sucuri, Imperva, go-away.
_CHALLENGES = re.compile(
    rb"<title>(?:just a moment\.\.\.|attention required! \| cloudflare|making sure you&#39;re not a bot!"
    rb"|making sure you're not a bot!|ddos-guard|access denied \| sucuri)"
    rb"|/cdn-cgi/challenge-platform/|id=\"cf-challenge|/\.within\.website/x/cmd/anubis/"
    rb"|/_incapsula_resource\?|<title>checking your browser",
    re.IGNORECASE,
)
_MAINTENANCE = re.compile(
    rb"<title>[^<]{0,80}(?:site maintenance|down for maintenance|maintenance mode|maintenance en cours"
    rb"|en maintenance|site en travaux)[^<]{0,80}</title>",
    re.IGNORECASE,
)
_FATAL = re.compile(rb"(?:<b>)?(?:PHP )?(?:Fatal error|Parse error)(?:</b>)?: ")


def accept(page: Page) -> Accepted:
    """A challenge, a maintenance page, a page that broke off: none of them is the page."""
    if not page.is_html:
        return OK
    if page.header("cf-mitigated").lower() == "challenge" or _CHALLENGES.search(page.body, 0, _START):
        return Accepted("challenge", "a page that wants to know whether a person asks stands in the way")
    if _MAINTENANCE.search(page.body, 0, _START):
        return Accepted("challenge", "the site says that it is being worked on")
    end = page.body[-_END:]
    if b"</html" not in end.lower() and _FATAL.search(end):
        return Accepted("challenge", "the page broke off with an error of PHP")
    return OK
