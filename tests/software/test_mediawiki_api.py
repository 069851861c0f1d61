"""What MediaWiki's API (of 1.27 and of today) and its exports tell."""

from __future__ import annotations

import json
from typing import Any

import pytest

from crawler.software import Ask, Count, Heard, Item, Page
from crawler.software.items import WikiPage
from tests.software.mediawiki_answers import (
    API,
    BASE,
    GENERAL,
    HIDDEN,
    INFORMATION,
    NOW,
    REVISION,
    Bench,
    answer,
    asked,
    html,
    xml,
)

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
    bench = Bench(time="x", server="www.autre.test")
    versions = [
        {"timestamp": "2021-06-01T00:00:00Z", "url": "//www.autre.test/w/images/d/d0/Carte_du_bois.png"},
        {
            "timestamp": "2021-05-31T00:00:00Z",
            "url": "https://wiki.test/w/images/archive/d/d0/20260101000000%21Carte_du_bois.png",
            "archivename": "20260101000000!Carte_du_bois.png",
        },
        {"timestamp": "2021-05-01T00:00:00Z", "filehidden": True},
    ]
    elsewhere = {"url": "https://commons.test/a/ab/Commun.svg"}
    pages = [
        {"title": "Fichier:Carte du bois.png", "imagerepository": "local", "imageinfo": versions},
        {"title": "Fichier:Commun.svg", "imagerepository": "shared", "imageinfo": [elsewhere]},
    ]
    query = "generator=allimages&prop=imageinfo&iilimit=500"
    found = bench.read(answer(query, {"query": {"pages": pages}}))
    assert bench.states("file") == {
        "Carte_du_bois.png": "expected",
        "20260101000000!Carte_du_bois.png": "expected",
        "Carte du bois.png (2021-05-01T00:00:00Z)": "denied",
    }
    assert bench.all.at(BASE).number("file", group="current") == 1
    assert found[-1] == Heard("file", "allimages")
    urls = {one.id: one.url for one in found if isinstance(one, Item) and one.url}
    assert urls["Carte_du_bois.png"] == "https://wiki.test/w/images/d/d0/Carte_du_bois.png"
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
    bench.all.tell(BASE, 77, [Item("revision", "4", "changes", state="denied", why="deleted meanwhile")])
    bench.read(page)
    assert bench.states("revision")["4"] == "denied"
    assert list(bench.module.extract(page)) == [
        WikiPage("Forêt", "Forêt", "2", "Zoé", "2021-04-02T00:00:00Z", "ancien")
    ]


def test_an_answer_too_long_to_be_read_is_asked_in_halves() -> None:
    bench = Bench(time="x")
    cut = b'{"query":{"pages":[{"title":"A","revisions":[{"revid":1,"content":"aaaaaa'
    page = Page(API + "prop=revisions&revids=1%7C2%7C3", 200, "application/json", cut, NOW, whole=False)
    place = bench.module.classify(page.url)
    assert place is not None
    assert place.kind in bench.module.pieces
    assert [query["revids"] for query in asked(bench.read(page))] == ["1", "2|3"]
    alone = Page(API + "prop=revisions&revids=1", 200, "application/json", cut, NOW, whole=False)
    assert bench.read(alone) == []


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
