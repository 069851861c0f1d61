"""What MediaWiki's pages for readers tell where there is no API, and how it refuses."""

from __future__ import annotations

import pytest

from crawler.software import Ask, Count, Heard, Item, Page, Skip
from crawler.software.items import WikiPage
from crawler.software.mediawiki import MediaWiki
from tests.software.mediawiki_answers import (
    API,
    BASE,
    EXPORT,
    NOW,
    REVISION,
    Bench,
    answer,
    asked,
    html,
    xml,
)

# --- without an API


def test_the_list_for_readers_leads_to_pages_histories_and_further_lists() -> None:
    bench = Bench(special="Spécial")
    text = (
        '<form><select name="namespace"><option value="0">(principal)</option><option value="-1">x</option>'
        '<option value="4">Wikhan</option></select></form>'
        '<div class="mw-allpages-nav"><a href="/w/index.php?title=Sp%C3%A9cial:Toutes_les_pages&amp;from=G">'
        "Page suivante (G)</a></div>"
        '<div class="mw-allpages-body"><ul class="mw-allpages-chunk">'
        '<li><a href="/wiki/For%C3%AAt" title="Forêt">Forêt</a></li>'
        '<li class="allpagesredirect"><a href="/wiki/Ch%C3%AAne" class="mw-redirect">Chêne</a></li>'
        "</ul></div>"
    )
    url = "https://wiki.test/w/index.php?title=Sp%C3%A9cial:Toutes_les_pages&namespace=0"
    more = ',"wgCanonicalSpecialPageName":"Allpages"'
    found = bench.read(html(text, url, title="Spécial:Toutes_les_pages", more=more))
    assert bench.states("page") == {"Forêt": "expected", "Chêne": "expected"}
    assert bench.states("history") == {"Forêt": "expected", "Chêne": "expected"}
    queries = asked(found)
    assert queries[0]["pages"] == "Forêt\nChêne"
    titles = {query["title"] for query in queries[1:]}
    assert titles == {"Spécial:Toutes_les_pages"}
    assert [query.get("from", query.get("namespace")) for query in queries[1:]] == ["G", "0", "4"]
    exported = xml(f"<page><title>Forêt</title>{REVISION.format(4)}</page>", "Forêt", "Chêne")
    bench.read(exported)
    assert bench.states("history") == {"Forêt": "captured", "Chêne": "denied"}
    assert bench.module.at.namespaces.split("category:bois") == (14, "Catégorie:Bois")


def test_a_wiki_whose_pages_name_no_api_is_not_asked_for_one() -> None:
    urls = [one.url for one in Bench(api="no").module.seeds() if isinstance(one, Ask)]
    assert urls == [
        "https://wiki.test/w/index.php?title=Special:Allpages&namespace=0",
        "https://wiki.test/wiki/Special:Statistics",
    ]


def test_a_history_that_was_cut_is_not_taken_for_whole() -> None:
    bench = Bench()
    cut = f"<page><title>A</title>{REVISION.format(1)}</page><page><title>B</title>{REVISION.format(2)}"
    queries = asked(bench.read(xml(cut, "A", "B", end="")))
    assert bench.states("history") == {"A": "captured"}
    assert [query["pages"] for query in queries] == ["B"]


def test_a_page_that_was_listed_and_deleted_is_named_so() -> None:
    bench = Bench()
    bench.all.tell(BASE, 77, [Item("page", "Ici", "index"), Item("history", "Ici", "index")])
    for title in ("Ici", "Lien mort"):
        bench.all.settle(BASE, "page", title, f"https://wiki.test/wiki/{title}", "missing")
    exports = [one for one in bench.module.again(bench.all.at(BASE)) if "pages=" in one.url]
    assert [(query["pages"], one.again) for query, one in zip(asked(exports), exports, strict=True)] == [
        ("Ici", True)
    ]
    bench.read(xml("", "Ici"))
    assert bench.states("page") == {"Ici": "denied", "Lien mort": "missing"}
    assert not [one for one in bench.module.again(bench.all.at(BASE)) if "pages=" in one.url]


def revision(number: int, *, link: bool = True) -> str:
    date = f'<a href="/w/index.php?title=A&amp;oldid={number}" class="mw-changeslist-date">hier</a>'
    hidden = '<span class="history-deleted mw-changeslist-date">hier</span>'
    return (
        f'<li data-mw-revid="{number}"><input type="radio" value="{number}">{date if link else hidden}</li>'
    )


def test_where_no_export_brings_them_histories_are_read_revision_by_revision() -> None:
    bench = Bench(**{"special:Allpages": "Special:AllPages"})
    known = bench.all.at(BASE)
    early = Bench()
    for one in (bench, early):
        one.read(html("<p>texte</p>", "https://wiki.test/wiki/A", title="A", more=',"wgRevisionId":9'))
        assert one.states("history") == {}  # the API may answer yet
        one.all.tell(BASE, 77, [Item("history", "A", "index")])
    assert not [one for one in early.module.again(early.all.at(BASE)) if "action=" in one.url]
    (url,) = [one.url for one in bench.module.again(known) if "action=" in one.url]
    assert url == "https://wiki.test/w/index.php?title=A&action=history&limit=500"
    further = "/w/index.php?title=A&amp;action=history&amp;offset=20210402%7C7&amp;limit=500"
    text = f'<ul id="pagehistory">{revision(9)}{revision(8, link=False)}</ul>'
    page = html(
        f'{text}<a href="{further}" rel="next" class="mw-nextlink">500 plus anciennes</a>', url, title="A"
    )
    found = bench.read(page)
    assert bench.states("revision") == {"9": "expected", "8": "denied"}
    (older,) = asked(found)
    assert (older["offset"], older["limit"]) == ("20210402|7", "500")
    (source,) = [one.url for one in found if isinstance(one, Item) and one.url]
    assert source == "https://wiki.test/w/index.php?title=A&action=raw&oldid=9"
    for address, kind, item in ((url, "history", True), (source, "revision", True)):
        place = bench.module.classify(address)
        assert place is not None
        assert (place.kind, place.item, place.keep) == (kind, item, True)
    part = bench.module.classify(f"https://wiki.test{further.replace('&amp;', '&')}")
    assert part is not None
    assert (part.kind, part.item) == ("history", False)
    raw = Page(source, 200, "text/x-wiki", "L’été & la forêt".encode(), NOW)
    assert bench.module.accept(raw).verdict == "ok"
    assert list(bench.module.extract(raw)) == [WikiPage("A", "A", "9", source="L’été & la forêt")]
    bench.all.settle(BASE, "history", "A", url, "captured")
    left = [one.url for one in bench.module.again(known)]
    assert left[-1] == "https://wiki.test/w/index.php?oldid=9&action=raw"


def test_a_login_wall_before_a_history_is_no_history() -> None:
    module = Bench().module
    url = "https://wiki.test/w/index.php?title=A&action={}"
    assert module.accept(html(WALL, url.format("history&limit=500"), title="A")).verdict == "denied"
    assert module.accept(html(WALL, url.format("raw&oldid=9"), title="A")).verdict == "denied"
    foreign = Page(url.format("raw&oldid=9"), 200, "text/html", b"<html><h1>Un instant</h1></html>", NOW)
    assert module.accept(foreign).verdict == "challenge"


def test_published_numbers_are_read_in_any_writing() -> None:
    text = (
        '<table><tr class="mw-statistics-pages"><td>Pages</td>'
        '<td class="mw-statistics-numbers">1\u202f234</td></tr>'
        '<tr class="mw-statistics-files"><td>Fichiers</td><td class="mw-statistics-numbers">5</td></tr>'
        "</table>"
    )
    url = "https://wiki.test/wiki/Special:Statistics"
    found = Bench().read(
        html(text, url, title="Spécial:Statistiques", more=',"wgCanonicalSpecialPageName":"Statistics"')
    )
    assert [one for one in found if isinstance(one, Count)] == [
        Count("page", 1234, "statistics", "listed"),
        Count("file", 5, "statistics", "current"),
    ]


def test_the_page_about_a_file_names_its_versions() -> None:
    bench = Bench()
    older = "/w/index.php?title=Fichier:Carte_du_bois.png&amp;limit=10"
    text = (
        '<table class="wikitable filehistory"><tr><th>Date</th></tr>'
        '<tr><td>actuel</td><td><a href="/w/images/d/d0/Carte_du_bois.png">1 juin</a></td>'
        '<td><a href="/w/images/d/d0/Carte_du_bois.png"><img></a></td></tr><tr><td></td>'
        '<td><a href="/w/images/archive/d/d0/20260101000000%21Carte_du_bois.png">31 mai</a></td></tr>'
        '<tr><td></td><td><span class="history-deleted">30 mai 2021</span></td></tr></table>'
        f'<a href="{older}&amp;offset=20260101">plus anciens</a>'
        f'<a href="{older}&amp;offset=2026&amp;dir=prev">plus récents</a>'
    )
    url = "https://wiki.test/wiki/Fichier:Carte_du_bois.png"
    more = ',"wgNamespaceNumber":6,"wgRevisionId":0'
    found = bench.read(html(text, url, title="Fichier:Carte_du_bois.png", more=more))
    assert bench.states("file") == {
        "Carte_du_bois.png": "expected",
        "20260101000000!Carte_du_bois.png": "expected",
        "Carte du bois.png (30 mai 2021)": "denied",
    }
    by_api = Bench(time="x")
    by_api.read(html(text, url, title="Fichier:Carte_du_bois.png", more=more))
    assert "denied" not in by_api.states("file").values()
    (further,) = asked(found)
    assert further["offset"] == "20260101"
    assert Heard("file", "file pages") in found


def test_icons_for_browsers_without_svg_are_left() -> None:
    text = (
        ".a{background-image:url(/w/load.php?modules=icons&image=add&format=rasterized&version=1);"
        "background-image:linear-gradient(transparent,transparent),url(data:image/svg+xml,x)}"
        ".b{background-image:url(/w/load.php?modules=icons&image=cut&format=rasterized)}"
        ".c{background-image:url(/w/load.php?modules=icons&image=bell&format=original)}"
    )
    page = Page("https://wiki.test/w/load.php?only=styles", 200, "text/css", text.encode(), NOW)
    (left,) = Bench().read(page)
    assert isinstance(left, Skip)
    assert left.url == "https://wiki.test/w/load.php?modules=icons&image=add&format=rasterized&version=1"


# --- refusals

WALL = '<p>Vous devez vous <a href="/w/index.php?title=Sp%C3%A9cial:Connexion">connecter</a>.</p>'
NO_TEXT = '<div class="noarticletext mw-content-ltr"><p>Il n’y a pas encore de texte.</p></div>'


@pytest.mark.parametrize(
    ("page", "verdict"),
    [
        (html("<p>texte</p>"), "ok"),
        (
            html(WALL, title="Spécial:Mauvais_titre", more=',"wgCanonicalSpecialPageName":"Badtitle"'),
            "denied",
        ),
        (html('<ul class="permissions-errors"><li>Réservé</li></ul>'), "denied"),
        (html(NO_TEXT), "missing"),
        (html(NO_TEXT + '<div id="mw-pages"><h2>Pages dans la catégorie</h2></div>'), "ok"),
        (Page("https://wiki.test/wiki/A", 200, "text/html", html("<p>x</p>").body[:-60], NOW), "challenge"),
        (
            Page("https://wiki.test/wiki/A", 200, "text/html", b"<html><h1>Un instant</h1></html>", NOW),
            "challenge",
        ),
        (
            Page(
                "https://wiki.test/wiki/A",
                200,
                "text/html",
                b"<!DOCTYPE html><html><head><title>Wikhan has a problem</title></head><body>"
                b"<p>(Cannot access the database)</p></body></html>",
                NOW,
            ),
            "challenge",
        ),
    ],
    ids=["page", "wall", "permission", "nobody", "category", "cut", "foreign", "database"],
)
def test_a_page_is_what_it_says_not_what_its_status_says(page: Page, verdict: str) -> None:
    accepted = Bench(time="x").module.accept(page)
    assert accepted.verdict == verdict
    assert bool(accepted.why) == (verdict != "ok")


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        ({"code": "readapidenied", "info": "You need read permission to use this module."}, "denied"),
        ({"code": "ratelimited", "info": "You've exceeded your rate limit."}, "challenge"),
        ({"code": "internal_api_error_DBQueryError", "info": "[abc] Database query error."}, "challenge"),
        ({"code": "maxlag", "info": "Waiting for 10.0.0.1: 7 seconds lagged."}, "challenge"),
        ({"code": "unknown_list", "info": "Unrecognized value"}, "missing"),
    ],
)
def test_errors_of_the_api(error: dict[str, str], verdict: str) -> None:
    assert Bench().module.accept(answer("meta=siteinfo", {"error": error})).verdict == verdict


def test_an_api_that_answers_otherwise() -> None:
    module = Bench().module
    off = b"MediaWiki API is not enabled for this site. Add the following line to your LocalSettings.php"
    assert module.accept(Page(API + "meta=siteinfo", 200, "text/html", off, NOW)).verdict == "missing"
    assert module.accept(html("<p>x</p>", API + "meta=siteinfo")).verdict == "missing"
    assert (
        module.accept(Page(API + "meta=siteinfo", 200, "text/html", b"<h1>Hop</h1>", NOW)).verdict
        == "challenge"
    )
    assert (
        module.accept(Page(API + "list=x", 200, "application/json", b'{"query":{"al', NOW)).verdict
        == "challenge"
    )


def test_a_file_is_no_page_and_an_export_no_form() -> None:
    module = Bench(time="x").module
    picture = "https://wiki.test/w/images/d/d0/Carte_du_bois.png"
    assert module.accept(Page(picture, 200, "image/png", b"", NOW, size=518)).verdict == "ok"
    assert module.accept(html("<p>liens directs interdits</p>", picture)).verdict == "challenge"
    assert module.accept(html("<form></form>", EXPORT.format("A"))).verdict == "missing"
    assert module.accept(xml("", "A")).verdict == "ok"


CHANGING = """<p>texte</p><!--
NewPP limit report
Cached time: 2026013103000#
CPU time usage: 0.01# seconds
-->
<!--
Transclusion expansion time report (%,ms,calls,template)
100.00%    #.000      1 -total
-->
<!-- Saved in parser cache with key w:pcache:idhash:3-0!canonical and timestamp 2026013103000# -->
<script>mw.config.set({"wgRequestId":"abc#","wgPageParseReport":{"limitreport":{"cputime":"0.00#",
"a":{"value":3}},"cachereport":{"timestamp":"2026013103000#"}}});
mw.config.set({"wgBackendResponseTime":1#});</script>"""


def test_what_changes_at_every_fetch_is_known() -> None:
    def bare(body: bytes) -> bytes:
        for spot in MediaWiki.volatile:
            body = spot.sub(b"", body)
        return body

    def shown(n: int) -> bytes:
        return html(CHANGING.replace("#", str(n))).body

    assert shown(1) != shown(2)
    assert bare(shown(1)) == bare(shown(2))
    assert b"<p>texte</p>" in bare(shown(1))
    assert b'"wgArticleId":3' in bare(shown(1))
