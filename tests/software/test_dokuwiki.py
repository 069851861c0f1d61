"""DokuWiki's addresses and pages as its releases write them, without a wiki."""

from __future__ import annotations

import pytest

from crawler.harm import harm
from crawler.software import Item, Page, Setting
from crawler.software.dokuwiki import DokuWiki
from crawler.software.dokuwiki.addresses import Addresses, fold
from tests.software.dokuwiki_pages import BASE, NOW, PAGE, head, html, told, wiki

# --- addresses


@pytest.mark.parametrize("slash", ["0", "1"])
@pytest.mark.parametrize("rewrite", ["0", "1", "2"])
def test_what_it_writes_it_reads(rewrite: str, slash: str) -> None:
    of = Addresses(BASE, rewrite, slash, "start")
    for id in ("start", "fr:été:forêt", "page_avec_espaces", "v2.0-bêta"):
        for url, view, action, rest in (
            (of.page(id), "show", "", {}),
            (of.page(id, ("rev", "7")), "show", "", {"rev": "7"}),
            (of.raw(id), "do", "export_raw", {}),
            (of.raw(id, "7"), "do", "export_raw", {"rev": "7"}),
            (of.media(id), "file", "", {}),
            (of.media(id, "7"), "file", "", {"rev": "7"}),
            (of.history(id), "do", "revisions", {}),
            (of.history(id, 18), "do", "revisions", {"first": "18"}),
        ):
            address = of.parse(url)
            assert address is not None
            assert (address.view, address.id, address.action, address.rest) == (view, id, action, rest), url


@pytest.mark.parametrize(
    "url",
    [
        "doku.php?id=fr:%C3%A9t%C3%A9:for%C3%AAt",
        "doku.php?id=FR:%C3%89t%C3%A9:For%C3%AAt",
        "doku.php?id=fr;%C3%A9t%C3%A9;for%C3%AAt",
        "doku.php?id=:fr:%C3%A9t%C3%A9:for%C3%AAt",
        "doku.php?id=fr%3A%C3%A9t%C3%A9%3Afor%C3%AAt",
        "doku.php/fr:%C3%A9t%C3%A9:for%C3%AAt",
        "fr:%C3%A9t%C3%A9:for%C3%AAt",
        "fr%3A%C3%A9t%C3%A9:for%C3%AAt",
        "fr;%C3%A9t%C3%A9;for%C3%AAt",
        "fr/%C3%A9t%C3%A9/for%C3%AAt",
        "Fr:%C3%89T%C3%89:for%C3%AAt?do=show",
    ],
)
def test_every_spelling_is_one_page(url: str) -> None:
    found = wiki(slash="1").classify(BASE + url)
    assert found is not None
    assert (found.kind, found.id, found.item, found.keep) == ("page", "fr:été:forêt", True, True)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Page avec espaces", "page_avec_espaces"),
        ("L\u2019été & l'hiver", "l_été_l_hiver"),
        ("a//b", "a_b"),
        ("a:_b", "a:b"),
        ("..a:.:b_-", "a:b"),
        ("C++", "c"),
        ("日本語:メモ", "日本語:メモ"),
    ],
)
def test_ids_are_cleaned_as_the_wiki_does(raw: str, clean: str) -> None:
    assert Addresses(BASE, "0", "0", "start").clean(raw) == clean


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("fr:agenda?mois=24310", "parameter"),
        ("fr:faq?at=2021-01-01", "parameter"),
        ("fr:faq?s[]=carte", "parameter"),
        ("fr:faq?purge=true", "parameter"),
        ("fr:faq?rev=abc", "parameter"),
        ("fr:faq?do=diff", "action"),
        ("fr:faq?do[diff]=1&rev2[0]=1&rev2[1]=2", "action"),
        ("fr:faq?do=backlink", "action"),
        ("fr:faq?do=search&q=x", "action"),
        ("fr:faq?do=", "same"),
        ("fr:faq?do=index", "elsewhere"),
        ("fr:faq?idx=fr", "elsewhere"),
        ("fr:faq?do=recent", "elsewhere"),
        ("fr:faq?do=media&ns=fr", "elsewhere"),
        ("start?do=media&ns=fr&image=fr:x.png&tab_details=view", "other-list"),
        ("start?do=media&ns=fr&sort=date", "other-list"),
        ("start?do=media&ns=fr&list=rows", "other-list"),
        ("start?do=media&q=x&tab_files=search", "other-list"),
        ("start?do=recent&show_changes=pages", "other-list"),
        ("fr:faq?do=revisions&rev=7", "other-list"),
        ("fr:faq?do=revisions", "history"),
        ("_export/xhtml/fr:faq", "xhtml"),
        ("_export/code/fr:faq?codeblock=0", "code"),
        ("_media/fr:x.png?w=90&tok=abcdef", "thumbnail"),
        ("_detail/fr:x.png?id=fr:faq", "detail"),
        ("feed.php?mode=list&ns=fr", "feed"),
        ("lib/exe/ajax.php?call=x", "program"),
    ],
)
def test_what_is_no_content_is_skipped_with_a_reason(url: str, rule: str) -> None:
    found = wiki().classify(BASE + url)
    assert found is not None
    assert (found.keep, found.rule) == (False, f"dokuwiki:{rule}")
    assert found.reason


def test_one_address_for_each_list() -> None:
    module = wiki(rewrite="0")
    one = f"{BASE}doku.php?id=start&ns=fr&tab_files=files&do=media"
    for url in (one, f"{BASE}doku.php?id=start&do=media&ns=fr", f"{BASE}doku.php?do=media&ns=FR"):
        found = module.classify(url)
        assert found is not None
        assert (found.kind, found.id, found.url) == ("media list", "fr", one)
    root = module.classify(f"{BASE}doku.php?id=start&do=media&ns=0")  # PHP 8 writes the root so
    assert root is not None and root.id == ""
    index = module.classify(f"{BASE}doku.php?id=start&idx=fr&do=index")
    assert index is not None and index.url == f"{BASE}doku.php?id=start&idx=fr"


def test_nothing_it_asks_for_is_harmful() -> None:
    for rewrite in "012":
        of = Addresses(BASE, rewrite, "1", "start")
        asked = [of.page("a:b"), of.raw("a:b", "5"), of.history("a:b", 18), of.media("a:b.png", "5")]
        asked += [of.index("a"), of.media_list("a"), of.media_history("a:b.png", 18), of.recent(20)]
        assert [url for url in asked if harm(url, ("dokuwiki",))] == []


def test_a_file_beside_the_wiki_is_no_page_of_it() -> None:
    assert wiki(rewrite="0").classify(f"{BASE}plan.pdf") is None
    loose = wiki().classify(f"{BASE}plan.pdf")
    assert loose is not None
    assert (loose.keep, loose.item) == (True, False)
    page = Page(f"{BASE}plan.pdf", 200, "application/pdf", b"", NOW, size=9)
    assert wiki().accept(page).verdict == "ok"
    assert told(wiki(), page) == []


# --- where it is installed


@pytest.mark.parametrize(
    ("links", "rewrite", "slash"),
    [
        ('<link rel="contents" href="/wikhan/doku.php?id=fr:faq&amp;do=index"/>', "0", "0"),
        ('<link rel="contents" href="/wikhan/fr:faq?do=index"/>', "1", "0"),
        ('<link rel="contents" href="/wikhan/fr/faq?do=index"/>', "1", "1"),
        ('<link rel="contents" href="/wikhan/doku.php/fr:faq?do=index"/>', "2", "0"),
        ('<link rel="contents" href="/wikhan/doku.php/fr/faq?do=index"/>', "2", "1"),
        ("", "0", "0"),
    ],
)
def test_it_learns_how_addresses_are_written(links: str, rewrite: str, slash: str) -> None:
    home = '<a href="/wikhan/doku.php/accueil" accesskey="h">Accueil</a>' if rewrite == "2" else ""
    found = DokuWiki.detect(html(f"{BASE}x", head(more=links), home))
    assert found is not None
    assert (found.base, found.settings["rewrite"], found.settings["slash"]) == (BASE, rewrite, slash)
    assert found.settings["start"] == ("accueil" if home else "")


def test_its_base_is_told_by_its_scripts_where_no_link_does() -> None:
    bare = '<script src="/w/lib/exe/js.php?t=bootstrap3"></script><script>var JSINFO = {"id":"a"};</script>'
    found = DokuWiki.detect(html("http://wiki.example/w/a", bare))
    assert found is not None and found.base == "http://wiki.example/w/"
    assert DokuWiki.detect(html("http://wiki.example/w/a", "<title>autre</title>")) is None


@pytest.mark.parametrize("told_", ["http://wiki.example/dokuwiki/", "http://intern.example/dokuwiki/"])
def test_a_base_behind_a_proxy_is_where_it_was_asked_for(told_: str) -> None:
    found = DokuWiki.detect(html("https://wiki.example/dokuwiki/doku.php", head(base=told_)))
    assert found is not None and found.base == "https://wiki.example/dokuwiki/"


def test_the_front_page_tells_the_start_page() -> None:
    found = DokuWiki.detect(html(BASE, head(id="accueil", more=f'<link rel="canonical" href="{BASE}"/>')))
    assert found is not None and found.settings["start"] == "accueil"


def test_what_the_first_page_does_not_tell_is_learnt_later() -> None:
    body = (
        '<a href="/wikhan/accueil" accesskey="h">Accueil</a>'
        '<a href="/wikhan/fr/start" class="wikilink1" data-wiki-id="fr:start">fr</a>'
    )
    page = html(f"{BASE}faq", head(id="faq", more=PAGE), body)
    settings = [one for one in told(wiki(slash="", start=""), page) if isinstance(one, Setting)]
    assert settings == [Setting("slash", "1"), Setting("start", "accueil")]
    assert [one for one in told(wiki(), page) if isinstance(one, Setting)] == []


# --- bodies


@pytest.mark.parametrize(
    ("url", "head_", "body", "verdict"),
    [
        ("fr:faq", head(more=PAGE), "", "ok"),
        ("fr:faq", head(), '<div class="dokuwiki mode_show notFound">', "missing"),
        ("fr:faq", head(more='<meta name="robots" content="noindex,follow"/>'), "", "missing"),
        ("fr:faq", head(act="denied"), "", "denied"),
        ("fr:faq", head(act="login"), "", "denied"),
        ("fr:faq", head().replace("JSINFO", "JSANDERS"), '<form id="dw__login">', "denied"),
        ("fr:faq?rev=7", head(), '<div class="dokuwiki mode_show">', "ok"),
        ("fr:faq?rev=7", head(), '<div class="dokuwiki mode_show notFound">', "missing"),
        ("fr:faq?do=revisions", head(act="revisions"), '<form id="page__revisions">', "ok"),
        ("fr:faq?do=revisions", head(more=PAGE), '<div class="error">', "denied"),
        ("start?do=index", head(act="index"), '<div id="index__tree">', "ok"),
        ("start?do=recent", head(more=PAGE), "", "denied"),
        ("_export/raw/fr:faq", head(more=PAGE), '<div class="error">Action disabled', "denied"),
        ("_export/raw/fr:faq", head(more=PAGE), "<p>Une page</p>", "denied"),
        ("_export/raw/fr:faq", head(), '<div class="dokuwiki notFound">', "missing"),
        ("_media/fr:x.png", head(act="login"), '<form id="dw__login">', "denied"),
        ("fr:faq", "<title>Vérification</title>", "prouvez que vous êtes humain", "challenge"),
        ("fr:faq", head(base="/wikhan/fr:faq/"), "", "ok"),  # another wiki, which the engine then looks at
    ],
)
def test_what_a_body_is(url: str, head_: str, body: str, verdict: str) -> None:
    assert wiki().accept(html(BASE + url, head_, body)).verdict == verdict


def test_a_page_that_breaks_off_is_asked_for_again() -> None:
    whole = html(f"{BASE}fr:faq", head(more=PAGE))
    cut = Page(whole.url, 200, "text/html", whole.body[:-14], NOW)
    assert (wiki().accept(whole).verdict, wiki().accept(cut).verdict) == ("ok", "challenge")


def test_the_source_of_nothing_and_of_zero_is_the_page() -> None:
    for text in ("", "<p>\n0\n</p>"):
        body = f"<!-- wikipage start -->{text}<!-- wikipage stop -->"
        page = html(f"{BASE}_export/raw/fr:z", head(id="fr:z", more=PAGE), body)
        assert wiki().accept(page).verdict == "ok"
        (item,) = wiki().extract(page)
        assert getattr(item, "source", None) == ("0" if text else "")
    raw = Page(f"{BASE}_export/raw/fr:z?rev=7", 200, "text/plain", "  l'été\n".encode(), NOW)
    assert wiki().accept(raw).verdict == "ok"
    (item,) = wiki().extract(raw)
    assert (getattr(item, "source", None), getattr(item, "revision", None)) == ("  l'été\n", "7")


def test_what_another_software_makes_below_it_is_left_to_the_engine() -> None:
    page = Page(f"{BASE}forum/", 200, "text/html", b'<html><body id="phpbb"></body></html>', NOW)
    assert wiki().accept(page).verdict == "ok"
    assert told(wiki(), page) == []
    below = html(f"{BASE}autre/start", head(base="/wikhan/autre/"), '<a class="wikilink2" href="y">y</a>')
    assert told(wiki(), below) == []


def test_an_address_written_by_hand_leads_to_the_pages_own() -> None:
    accented = html(f"{BASE}fr:%C3%89t%C3%A9", head(id="fr:ete", more=PAGE))
    assert told(wiki(), accented) == [
        Item("page", "fr:ete", "links", f"{BASE}fr:ete", as_page=True),
        Setting("accents", "folded"),
    ]
    spaces = html(f"{BASE}fr:deux%20mots", head(id="fr:deux-mots", more=PAGE))
    assert told(wiki(), spaces) == [
        Item("page", "fr:deux-mots", "links", f"{BASE}fr:deux-mots", as_page=True)
    ]
    folded = DokuWiki(BASE, {"rewrite": "1", "slash": "0", "start": "start", "accents": "folded"})
    found = folded.classify(f"{BASE}FR:%C3%9Cbersicht_d%27%C3%89t%C3%A9")
    assert found is not None and found.id == "fr:uebersicht_d_ete"
    assert fold("日本語が") == "日本語が"
