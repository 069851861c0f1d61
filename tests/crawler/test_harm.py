"""Every rule catches what it is for and spares what looks like it; content passes all of them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crawler import harm, traps
from crawler.canonical import canonical
from crawler.rules import Rule, address_of
from crawler.sniff import SOFTWARE, sniff
from tests.crawler.addresses import CONTENT, HARM, TRAPS

SITE = "http://site.example/"


def full(url: str) -> str:
    """A canonical address below the test site."""
    found = canonical(SITE + url)
    assert found is not None
    return found


def names(rules: tuple[Rule, ...]) -> list[str]:
    return [rule.name for rule in rules]


def test_every_rule_has_a_name_a_reason_and_examples() -> None:
    for book, table in ((harm.BOOK, HARM), (traps.BOOK, TRAPS)):
        assert len(set(names(book.rules))) == len(book.rules)
        assert set(names(book.rules)) == set(table)
        for rule in book.rules:
            catches, spares = table[rule.name]
            assert catches and spares and rule.reason
            assert rule.anywhere or rule.software
            assert set(filter(None, rule.software.split("|"))) <= SOFTWARE


@pytest.mark.parametrize("rule", harm.BOOK.rules, ids=lambda r: r.name)
def test_harm(rule: Rule) -> None:
    catches, spares = HARM[rule.name]
    software = () if rule.anywhere else rule.software.split("|")[:1]
    alone = type(harm.BOOK)([rule])
    for url in catches:
        assert alone.find(address_of(full(url)), software) is rule, url
        assert harm.harm(full(url), software) is not None, url
    for url in spares:
        caught = harm.harm(full(url), software)
        assert caught is None, f"{url} is caught by {caught}"


@pytest.mark.parametrize("rule", traps.BOOK.rules, ids=lambda r: r.name)
def test_traps(rule: Rule) -> None:
    catches, spares = TRAPS[rule.name]
    software = () if rule.anywhere else rule.software.split("|")[:1]
    alone = type(traps.BOOK)([rule])
    for url in catches:
        assert alone.find(address_of(full(url)), software) is rule, url
        assert traps.trap(full(url), software) is not None, url
    for url in spares:
        caught = harm.harm(full(url), software) or traps.trap(full(url), software)
        assert caught is None, f"{url} is caught by {caught}"


@pytest.mark.parametrize("software", sorted(CONTENT))
def test_content_passes(software: str) -> None:
    recognised = () if software == "generic" else (software,)
    for url in CONTENT[software]:
        caught = harm.harm(full(url), recognised) or traps.trap(full(url), recognised)
        assert caught is None, f"{url} is caught by {caught}"
        caught = harm.harm(full(url))
        assert caught is None or software in caught.not_in, f"{url} is caught by {caught} before all is known"


def test_every_software_has_content_to_spare() -> None:
    assert set(CONTENT) == SOFTWARE | {"generic"}


@pytest.mark.parametrize("rule", [r for r in traps.BOOK.rules if not r.anywhere], ids=lambda r: r.name)
def test_traps_of_a_software_wait_until_it_is_recognised(rule: Rule) -> None:
    for url in TRAPS[rule.name][0]:
        caught = traps.trap(full(url))
        assert caught is None or caught.name != rule.name


TITLED = {
    "discourse": ("t/{}/45", "t/{}/45?page=2", "t/45.json", "c/{}/4", "c/jardin/{}/4?page=1"),
    "flarum": ("t/{}", "t/{}?page=2", "d/45-{}"),
    "nodebb": ("topic/45/{}", "topic/45/{}?page=2", "category/3/{}"),
}


@pytest.mark.parametrize("software", sorted(TITLED))
def test_a_title_may_be_any_word(software: str) -> None:
    for word in (
        "login",
        "search",
        "update",
        "like",
        "close",
        "delete",
        "cart",
        "logout",
        "register",
        "admin",
    ):
        for path in TITLED[software]:
            assert harm.harm(SITE + path.format(word), (software,)) is None, path.format(word)
            asked = SITE + path.format(word) + ("&" if "?" in path else "?") + "action=delete"
            assert harm.harm(asked, (software,)) is not None
    for path in ("login", "t/login", "search?q=x") if software == "discourse" else ("login", "logout?x=1"):
        assert harm.harm(SITE + path, (software,)) is not None


def test_separators_and_spellings() -> None:
    for url in (
        "doku.php?id=fr:faq&do=edit",
        "doku.php?id=fr:faq;do=edit",
        "doku.php?id=fr:faq&amp;do=edit",
        "doku.php/fr:faq?do=EDIT",
        "fr:faq?do=%65dit",
        "fr:faq?do[edit]=Bearbeiten",
    ):
        assert harm.harm(full(url)) is not None, url
    for url in ("index.php/topic,5.msg7.html", "index.php?topic=5.msg7;topicseen", "?board=1;topic=5.msg7"):
        assert traps.trap(full(url)) is not None, url
    for url in (
        "wiki/Special:UserLogout",
        "w/index.php?title=Special:UserLogout",
        "index.php/Sp%C3%A9cial:D%C3%A9connexion",
    ):
        assert harm.harm(full(url)) is not None, url
    for url in (
        "threads/sujet.5/reply",
        "index.php?threads/sujet.5/reply",
        "forum/index.php?threads/sujet.5/reply&x=1",
    ):
        assert harm.harm(full(url)) is not None, url


PARTS = st.sampled_from(
    [
        *(
            "/",
            "?",
            "&",
            ";",
            "=",
            "index.php",
            "doku.php",
            "topic",
            ",",
            "5",
            ".0",
            "do",
            "action",
            "edit",
            ":",
        ),
        *("Special", "%", "%C3%A9", "[", "]", "é", "a" * 40, "0a1b2c3d", "do[save]", "title"),
    ]
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure
@given(st.lists(PARTS, max_size=15).map("".join), st.sampled_from(sorted(SOFTWARE)))
def test_no_address_is_too_odd(url: str, software: str) -> None:
    address = canonical(SITE + url)
    assert address is not None
    harm.harm(address, (software,))
    traps.trap(address, (software,))


HEADS = {
    "dokuwiki": b'<!DOCTYPE html><head><meta name="generator" content="DokuWiki"/>',
    "mediawiki": b'<meta name="generator" content="MediaWiki 1.39.17"/>',
    "phpbb": b'<body id="phpbb" class="nojs notouch section-viewtopic ltr">',
    "smf": b'<script>var smf_theme_url = "http://f.example/Themes/default";</script>',
    "mybb": b'<script>var my_post_key = "abc";</script>',
    "fluxbb": b'<body><div id="punviewtopic" class="pun">',
    "punbb": b'<div id="brd-wrap" class="brd">',
    "vbulletin": b'<meta name="generator" content="vBulletin 4.2.2" />',
    "xenforo": b'<html id="XF" lang="fr-FR" dir="LTR" data-app="public">',
    "discourse": b'<meta name="generator" content="Discourse 3.1.0">',
    "flarum": b'<div id="flarum-loading" style="display: none">',
    "nodebb": b'<script defer src="/assets/nodebb.min.js?v=abc"></script>',
    "flaskbb": b'<meta name="description" content="FlaskBB is a forum software written in Flask">',
    "spirit": b'<link href="/static/spirit/stylesheets/styles.all.min.css">',
    "misago": b'<div id="misago-container" >',
    "etherpad": b'<title>Nos pads</title><form action="#" id="go2Name">',
    "nextcloud": b'<html><head data-requesttoken="abc"><meta charset="utf-8">',
}


@pytest.mark.parametrize("software", sorted(HEADS))
def test_a_page_tells_its_software(software: str) -> None:
    html = b"<html>" + b" " * 5000
    assert sniff(html + HEADS[software] + b"...", []) == software


def test_every_software_can_be_told() -> None:
    assert set(HEADS) == SOFTWARE


def test_a_page_that_tells_nothing() -> None:
    text = b"<html><p>We moved from phpBB to DokuWiki and MediaWiki.</p>"
    assert sniff(text, [(b"Server", b"nginx")]) is None
    assert sniff(b"", [(b"SET-COOKIE", b"SMFCookie11=x; path=/")]) == "smf"
    assert sniff(b"", [(b"X-Discourse-Route", b"list/latest")]) == "discourse"
