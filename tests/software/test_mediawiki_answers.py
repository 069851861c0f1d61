"""What MediaWiki's answers tell: the API of 1.27 and of today, exports, lists for readers, refusals."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, quote

import pytest

from crawler import inventory
from crawler.software import Ask, Count, Found, Heard, Item, Page, Setting, Skip
from crawler.software.items import WikiPage
from crawler.software.mediawiki import MediaWiki

BASE = "https://wiki.test/"
NOW = datetime(2026, 1, 31, 3, tzinfo=UTC)
SCRIPT = {"script": "https://wiki.test/w/", "article": "https://wiki.test/wiki/$1"}
API = "https://wiki.test/w/api.php?action=query&format=json&formatversion=2&"
EXPORT = "https://wiki.test/w/index.php?title=Special:Export&pages={}&history=1"


class Bench:
    """A module and the engine's own inventory."""

    def __init__(self, **settings: str) -> None:
        self.module = MediaWiki(BASE, {**SCRIPT, **settings})
        self.all = inventory.Inventory(sqlite3.connect(":memory:"))
        self._rows = 0

    def read(self, page: Page) -> list[Found]:
        assert self.module.accept(page).verdict == "ok", page.url
        found = list(self.module.read(page, self.all.at(BASE)))
        self._rows += 1
        self.all.tell(BASE, self._rows, found)
        for one in found:
            if isinstance(one, Setting):
                self.module.settings[one.name] = one.value
        return found

    def states(self, kind: str) -> dict[str, str | None]:
        known = self.all.at(BASE)
        return {id: known.state(kind, id) for id in known.ids(kind)}


def answer(query: str, content: Any) -> Page:
    return Page(API + query, 200, "application/json", json.dumps(content).encode(), NOW)


def xml(pages: str, *titles: str, end: str = "</mediawiki>") -> Page:
    body = f'<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/" version="0.10">{SITE}{pages}{end}'
    url = EXPORT.format(quote("\n".join(titles), safe=""))
    return Page(url, 200, "application/xml", body.encode(), NOW)


def html(
    text: str, url: str = "https://wiki.test/wiki/For%C3%AAt", *, title: str = "Forêt", more: str = ""
) -> Page:
    """A page as MediaWiki's skins make them. more: further fields of its script."""
    body = (
        f'<!DOCTYPE html><html><head><script>RLCONF={{"wgPageName":{json.dumps(title)}{more},'
        '"wgArticleId":3}</script></head>'
        f'<body class="mediawiki ns-0">{text}</body></html>\n<!-- Served by web1 in 0.1 secs -->'
    )
    return Page(url, 200, "text/html", body.encode(), NOW)


def asked(found: Iterable[Found]) -> list[dict[str, str]]:
    """The parameters of what is asked, in order."""
    urls = [one.url for one in found if isinstance(one, Ask)]
    return [{k: v[0] for k, v in parse_qs(url.partition("?")[2]).items()} for url in urls]


SITE = (
    "<siteinfo><sitename>Wikhan</sitename><namespaces>"
    '<namespace key="-1" case="first-letter">Spécial</namespace><namespace key="0" case="first-letter" />'
    '<namespace key="1" case="first-letter">Discussion</namespace>'
    '<namespace key="6" case="first-letter">Fichier</namespace>'
    '<namespace key="14" case="first-letter">Catégorie</namespace>'
    '<namespace key="100" case="case-sensitive">Glose</namespace></namespaces></siteinfo>'
)
REVISION = (
    "<revision><id>{0}</id><timestamp>2021-04-0{0}T00:00:00Z</timestamp>"
    "<contributor><username>Zoé</username><id>3</id></contributor><comment>résumé</comment>"
    '<text xml:space="preserve" bytes="5">texte {0} &amp; l’été</text><sha1>x</sha1></revision>'
)
HIDDEN = (
    "<revision><id>{0}</id><timestamp>2021-04-0{0}T00:00:00Z</timestamp>"
    '<contributor deleted="deleted" /><text deleted="deleted" /><sha1/></revision>'
)
# siprop=general|namespaces|… as 1.27 answers it; what is not used is left out
GENERAL = {
    "mainpage": "Accueil",
    "generator": "MediaWiki 1.27.1",
    "case": "first-letter",
    "lang": "fr",
    "articlepath": "/wiki/$1",
    "scriptpath": "/w",
    "script": "/w/index.php",
    "server": "//wiki.test",
    "time": "2026-01-31T03:00:00Z",
}
NAMESPACES = {
    "-1": {"id": -1, "case": "first-letter", "name": "Spécial", "canonical": "Special"},
    "0": {"id": 0, "case": "first-letter", "name": ""},
    "6": {"id": 6, "case": "first-letter", "name": "Fichier", "canonical": "File"},
    "14": {"id": 14, "case": "first-letter", "name": "Catégorie", "canonical": "Category"},
    "100": {"id": 100, "case": "case-sensitive", "name": "Glose"},
}
INFORMATION = {
    "query": {
        "general": GENERAL,
        "namespaces": NAMESPACES,
        "namespacealiases": [{"id": 6, "alias": "Image"}],
        "specialpagealiases": [{"realname": "Export", "aliases": ["Exporter", "Export"]}],
        "statistics": {"pages": 2, "edits": 9, "images": 0},
    }
}


# --- what the wiki is


def test_the_first_answer_leads_to_everything_else() -> None:
    bench = Bench()
    (first,) = [one for one in bench.module.seeds() if isinstance(one, Ask)]
    assert first.url.startswith(API)
    found = bench.read(Page(first.url, 200, "application/json", json.dumps(INFORMATION).encode(), NOW))
    queries = asked(found)
    assert [query["gapnamespace"] for query in queries if "gapnamespace" in query] == ["0", "6", "14", "100"]
    assert {query.get("list") for query in queries} >= {"allrevisions", "allcategories"}
    assert bench.module.settings["time"] == GENERAL["time"]
    module = bench.module
    assert module.at.special("Export", pages="A", history="1").startswith(
        "https://wiki.test/w/index.php?title=Sp%C3%A9cial:Exporter&pages=A"
    )
    place = module.classify("https://wiki.test/wiki/Image:carte.png")
    assert place is not None
    assert place.id == "Fichier:Carte.png"
    glose = module.classify("https://wiki.test/wiki/Glose:chat")
    assert glose is not None
    assert glose.id == "Glose:chat"


@pytest.mark.parametrize(
    ("path", "article"),
    [
        ("/index.php/$1", "https://wiki.test/index.php/$1"),
        ("/mediawiki/index.php?title=$1", "https://wiki.test/mediawiki/index.php?title=$1"),
        ("https://www.autre.test/wiki/$1", "https://wiki.test/wiki/$1"),
        ("//www.autre.test/$1", "https://wiki.test/$1"),
        ("/été/$1", "https://wiki.test/%C3%A9t%C3%A9/$1"),
    ],
)
def test_the_wiki_knows_better_than_its_pages_where_articles_lie(path: str, article: str) -> None:
    bench = Bench()
    content = {"query": {**INFORMATION["query"], "general": {**GENERAL, "articlepath": path}}}
    bench.read(answer("meta=siteinfo&siprop=general", content))
    assert bench.module.settings["article"] == article


def test_a_counter_that_agrees_is_a_proof_and_one_that_drifted_is_none() -> None:
    bench = Bench(time="x")
    pages = [{"ns": 0, "title": title, "lastrevid": 1, "length": 5} for title in ("Accueil", "Forêt")]
    bench.read(answer("generator=allpages&gapnamespace=0", {"query": {"pages": pages}}))
    found = bench.read(answer("meta=siteinfo&siprop=statistics", INFORMATION))
    counts = {one.kind: one for one in found if isinstance(one, Count)}
    assert counts["page"] == Count("page", 2, "statistics", "listed", "exact")
    assert counts["revision"] == Count("revision", 9, "statistics", "", "at most")
    drifted = {"query": {"statistics": {"pages": 1, "edits": 9, "images": 0}}}
    found = bench.read(answer("meta=siteinfo&siprop=statistics", drifted))
    assert [one.kind for one in found if isinstance(one, Count)] == ["revision", "file"]


# --- lists of the API


def test_a_list_is_walked_to_its_end_and_only_then_heard() -> None:
    bench = Bench(time="x")
    query = "generator=allpages&gapnamespace=0&gapfilterredir=all&gaplimit=500&prop=info"
    pages = [{"ns": 0, "title": "Été & hiver", "lastrevid": 7, "length": 10}]
    more = {"gapcontinue": "Forêt", "continue": "gapcontinue||"}
    found = bench.read(answer(query, {"continue": more, "query": {"pages": pages}}))
    export, further = asked(found)
    assert export["pages"] == "Été & hiver"
    assert (further["gapcontinue"], further["continue"], further["gapnamespace"]) == (
        "Forêt",
        "gapcontinue||",
        "0",
    )
    assert [one for one in found if isinstance(one, Heard)] == []
    (page,) = [one for one in found if isinstance(one, Item) and one.kind == "page"]
    assert page.url == "https://wiki.test/wiki/%C3%89t%C3%A9_%26_hiver"
    assert (page.as_page, page.group) == (True, "listed")
    assert bench.states("revision") == {"7": "expected"}
    last = bench.read(
        answer(query + "&gapcontinue=For%C3%AAt&continue=gapcontinue%7C%7C", {"batchcomplete": True})
    )
    assert last == [Heard("page", "allpages")]


def test_revisions_name_their_pages_and_hidden_ones_are_denied_with_the_reason() -> None:
    bench = Bench(time="x")
    revisions = [{"revid": 4, "sha1": "a"}, {"revid": 5, "sha1hidden": True}]
    page = {"ns": 0, "title": "Forêt", "revisions": revisions}
    found = bench.read(answer("list=allrevisions&arvlimit=500", {"query": {"allrevisions": [page]}}))
    assert bench.states("revision") == {"4": "expected", "5": "denied"}
    assert bench.states("page") == {"Forêt": "expected"}
    assert {"an administrator hid the text of this revision"} == {
        one.why for one in found if isinstance(one, Item) and one.state == "denied"
    }
    assert {one.kind for one in found if isinstance(one, Heard)} == {"page", "revision"}


def test_a_wiki_before_1_27_has_no_list_of_revisions() -> None:
    warned = {"warnings": {"query": {"warnings": "Unrecognized value for parameter 'list': allrevisions"}}}
    assert Bench(time="x").read(answer("list=allrevisions", {"batchcomplete": True, **warned})) == []


def test_files_with_all_versions() -> None:
    bench = Bench(time="x")
    versions = [
        {"timestamp": "2021-06-01T00:00:00Z", "url": "https://wiki.test/w/images/d/d0/Carte_du_bois.png"},
        {
            "timestamp": "2021-05-31T00:00:00Z",
            "url": "https://wiki.test/w/images/archive/d/d0/20260101000000%21Carte_du_bois.png",
            "archivename": "20260101000000!Carte_du_bois.png",
        },
        {"timestamp": "2021-05-01T00:00:00Z", "filehidden": True},
    ]
    pages = [
        {"title": "Fichier:Carte du bois.png", "imagerepository": "local", "imageinfo": versions},
        {"title": "Fichier:Commun.svg", "imagerepository": "shared", "imageinfo": versions[:1]},
        {"title": "Fichier:À plat.png", "imageinfo": [{"url": "//wiki.test/f/%C3%80_plat.png"}]},
    ]
    query = "generator=allimages&prop=imageinfo&iilimit=500"
    found = bench.read(answer(query, {"query": {"pages": pages[:2]}}))
    assert bench.states("file") == {
        "Carte_du_bois.png": "expected",
        "20260101000000!Carte_du_bois.png": "expected",
        "Carte du bois.png (2021-05-01T00:00:00Z)": "denied",
    }
    assert bench.all.at(BASE).number("file", group="current") == 1
    assert found[-1] == Heard("file", "allimages")
    urls = {one.id: one.url for one in found if isinstance(one, Item) and one.url}
    for id, url in urls.items():
        place = bench.module.classify(url)
        assert place is not None
        assert (place.kind, place.id, place.item) == ("file", id, True)


def test_categories_that_have_members_are_asked_for() -> None:
    content = {
        "query": {"allcategories": [{"category": "Sans page", "size": 2}, {"category": "Vide", "size": 0}]}
    }
    found = Bench(time="x").read(answer("list=allcategories", content))
    assert found == [Ask("https://wiki.test/wiki/Category:Sans_page", "page")]


# --- histories


def test_an_export_settles_its_revisions() -> None:
    bench = Bench(time="x")
    body = f"<page><title>Forêt</title><ns>0</ns><id>3</id>{REVISION.format(4)}{HIDDEN.format(5)}</page>"
    found = bench.read(xml(body, "Forêt"))
    assert bench.states("revision") == {"4": "captured", "5": "denied"}
    assert Heard("revision", "export") in found
    assert asked(found) == []
    (page,) = bench.module.extract(xml(body, "Forêt"))
    assert page == WikiPage("Forêt", "Forêt", "4", "Zoé", "2021-04-04T00:00:00Z", "texte 4 & l’été")


def test_an_export_that_breaks_off_is_asked_again_in_halves() -> None:
    bench = Bench(time="x")
    whole = f"<page><title>A</title>{REVISION.format(1)}</page>"
    broken = f"<page><title>B</title>{REVISION.format(2)}<revision><id>3</id><text>au mil"
    page = xml(whole + broken, "A", "B", "C", "D", end="")
    found = bench.read(page)
    assert bench.states("revision") == {"1": "captured", "2": "captured"}
    assert [query["pages"] for query in asked(found)] == ["B\nC", "D"]
    assert not [one for one in found if isinstance(one, Heard)]
    alone = bench.read(xml(broken, "B", end=""))
    assert asked(alone) == []


def test_what_no_export_brought_is_asked_by_its_number() -> None:
    bench = Bench(time="2026-01-31T03:00:00Z")
    listed = {"title": "Forêt", "revisions": [{"revid": n, "sha1": "a"} for n in range(1, 121)]}
    bench.read(answer("list=allrevisions", {"query": {"allrevisions": [listed]}}))
    bench.read(xml(f"<page><title>Forêt</title>{REVISION.format(1)}</page>", "Forêt"))
    queries = asked(bench.module.again(bench.all.at(BASE)))
    assert [query.get("list") or query.get("meta") for query in (queries[0], queries[-1])] == [
        "recentchanges",
        "siteinfo",
    ]
    numbers = [number for query in queries for number in query.get("revids", "").split("|") if number]
    assert numbers == [str(n) for n in range(2, 121)]
    assert max(len(query.get("revids", "").split("|")) for query in queries) == 50


@pytest.mark.parametrize(
    "revision",
    [
        {"revid": 2, "content": "ancien", "user": "Zoé", "timestamp": "2021-04-02T00:00:00Z"},
        {
            "revid": 2,
            "slots": {"main": {"content": "ancien"}},
            "user": "Zoé",
            "timestamp": "2021-04-02T00:00:00Z",
        },
    ],
    ids=["1.27", "1.32"],
)
def test_revisions_with_their_texts(revision: dict[str, Any]) -> None:
    bench = Bench(time="x")
    known = {"title": "Forêt", "revisions": [{"revid": n, "sha1": "a"} for n in (2, 3, 4)]}
    bench.read(answer("list=allrevisions", {"query": {"allrevisions": [known]}}))
    hidden = {"revid": 3, "slots": {"main": {"texthidden": True}}, "texthidden": True}
    content = {
        "query": {
            "badrevids": {"4": {"revid": 4, "missing": True}},
            "pages": [{"title": "Forêt", "revisions": [revision, hidden]}],
        }
    }
    page = answer("prop=revisions&revids=2%7C3%7C4", content)
    bench.read(page)
    assert bench.states("revision") == {"2": "captured", "3": "denied", "4": "missing"}
    assert list(bench.module.extract(page)) == [
        WikiPage("Forêt", "Forêt", "2", "Zoé", "2021-04-02T00:00:00Z", "ancien")
    ]


# --- what changes meanwhile


def test_what_was_written_meanwhile_is_fetched_and_what_was_deleted_is_named_so() -> None:
    bench = Bench(time="2026-01-31T03:00:00Z")
    bench.all.settle(BASE, "page", "Effacée", "https://wiki.test/wiki/Effac%C3%A9e", "missing")
    bench.all.tell(BASE, 77, [Item("revision", "8", "allrevisions", group="Effacée")])
    changes = [
        {"type": "edit", "title": "Forêt", "revid": 21, "old_revid": 20},
        {"type": "new", "title": "Nouvelle", "revid": 22},
        {"type": "log", "logtype": "delete", "logaction": "delete", "title": "Effacée", "revid": 0},
        {
            "type": "log",
            "logtype": "move",
            "logaction": "move",
            "title": "Avant",
            "revid": 23,
            "logparams": {"target_title": "Après"},
        },
        {
            "type": "log",
            "logtype": "upload",
            "logaction": "overwrite",
            "title": "Fichier:Carte.png",
            "revid": 0,
        },
    ]
    found = bench.read(answer("list=recentchanges&rcend=x", {"query": {"recentchanges": changes}}))
    assert bench.states("revision") == {"8": "denied", "21": "expected", "22": "expected", "23": "expected"}
    states = bench.states("page")
    assert (states["Effacée"], states["Nouvelle"], states["Après"]) == ("denied", "expected", "expected")
    queries = asked(found)
    assert [query["pages"] for query in queries if "pages" in query] == ["Après"]
    assert [query["revids"] for query in queries if "revids" in query] == ["21|22|23"]
    assert [query["titles"] for query in queries if "titles" in query] == ["Fichier:Carte.png"]


def test_a_page_that_shows_a_newer_revision_than_its_export_is_exported_again() -> None:
    bench = Bench()
    bench.read(xml(f"<page><title>Forêt</title>{REVISION.format(4)}</page>", "Forêt"))
    shown = html("<p>neuf</p>", more=',"wgRevisionId":9')
    (again,) = [one for one in bench.read(shown) if isinstance(one, Ask)]
    assert again.again
    assert "pages=For%C3%AAt" in again.url
    assert bench.states("revision") == {"4": "captured", "9": "expected"}


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
