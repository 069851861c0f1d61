"""Which software made a page, from marks in its head and headers. Cheap, and never from the address."""

from __future__ import annotations

import re
from collections.abc import Iterable

# First match wins; looked for in the first 64 KB. Sources: each software's own templates (facts: sites).
_MARKS: tuple[tuple[str, bytes], ...] = (
    ("dokuwiki", rb"<meta name=\"generator\" content=\"dokuwiki|id=\"dokuwiki__|var jsinfo ?= ?\{\"id\":"),
    (
        "mediawiki",
        rb"<meta name=\"generator\" content=\"mediawiki|<body class=\"mediawiki[ \"]|[\"{,]wgarticleid\"",
    ),
    (
        "discourse",
        rb"<meta name=\"generator\" content=\"discourse|<discourse-assets|id=\"data-discourse-setup\"",
    ),
    ("flarum", rb"id=\"flarum-(?:json-payload|loading|content)\""),
    ("nodebb", rb"/assets/nodebb\.min\.js|<meta name=\"generator\" content=\"nodebb"),
    ("xenforo", rb"<html[^>]* id=\"(?:xf|xenforo)\""),
    (
        "vbulletin",
        rb"<meta name=\"generator\" content=\"vbulletin|vbulletin_global\.js|class=\"[^\"]*\bb-post\b",
    ),
    (
        "phpbb",
        rb"<body id=\"phpbb\"|<meta name=\"generator\" content=\"phpbb|href=\"https?://www\.phpbb\.com/?\"",
    ),
    ("smf", rb"var smf_theme_url|<a href=\"https?://(?:www|download)?\.?simplemachines\.org"),
    ("mybb", rb"\bmy_post_key ?=|<a href=\"https?://(?:www\.)?mybb\.com"),
    ("fluxbb", rb"<div id=\"pun(?:index|viewforum|viewtopic|wrap)\"|<a href=\"https?://fluxbb\.org"),
    ("punbb", rb"<div id=\"brd-(?:wrap|index|viewtopic|viewforum)\"|<a href=\"https?://punbb\.informer\.com"),
    ("flaskbb", rb"class=\"[^\"]*flaskbb-layout|flaskbb is a forum software"),
    ("spirit", rb"/static/spirit/|spirit-project\.com"),
    ("misago", rb"id=\"misago-container\"|window\.misago_locale ?="),
    (
        "etherpad",
        rb"\bid=\"(?:go2name|editorcontainerbox)\"|/static/js/pad\.js",
    ),
    ("nextcloud", rb"<head[^>]* data-requesttoken=|<meta name=\"application-name\" content=\"nextcloud"),
)
_HEADERS: tuple[tuple[str, bytes, bytes], ...] = (
    ("discourse", b"x-discourse-route", rb""),
    ("phpbb", b"x-phpbb-is-bot", rb""),
    ("nodebb", b"x-powered-by", rb"nodebb"),
    ("etherpad", b"server", rb"etherpad"),
    ("dokuwiki", b"set-cookie", rb"dokuwiki="),
    ("flarum", b"set-cookie", rb"flarum_session="),
    ("xenforo", b"set-cookie", rb"xf_(?:session|csrf)="),
    ("mybb", b"set-cookie", rb"mybb\["),
    ("smf", b"set-cookie", rb"smfcookie\d+="),
    ("fluxbb", b"set-cookie", rb"pun_cookie_"),
    ("punbb", b"set-cookie", rb"forum_cookie_"),
    ("nextcloud", b"set-cookie", rb"nc_samesite|oc_sessionpassphrase="),
    ("vbulletin", b"set-cookie", rb"bb_?(?:sessionhash|lastvisit)="),
)
_COMPILED = tuple((name, re.compile(mark)) for name, mark in _MARKS)
SOFTWARE = frozenset(name for name, _ in _MARKS)


def sniff(body_start: bytes, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The software's name as in `SOFTWARE`, None when no mark is found.

    body_start: as much of the decoded page as is at hand; the marks of some stand in its foot.
    headers: (name, value) as in `storage.exchange.Head`.
    """
    start = body_start[: 1 << 16].lower()
    for name, mark in _COMPILED:
        if mark.search(start):
            return name
    given = [(name.lower(), value.lower()) for name, value in headers]
    for software, header, value in _HEADERS:
        if any(name == header and re.search(value, text) for name, text in given):
            return software
    return None
