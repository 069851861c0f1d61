"""MediaWiki's addresses: where it is installed, what a URL shows, which views are kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest

from crawler.canonical import canonical
from crawler.harm import harm
from crawler.software import Installed, Page
from crawler.software.mediawiki import MediaWiki
from crawler.software.mediawiki.addresses import Addresses, common_folder, stored_file
from crawler.software.mediawiki.titles import FILE, Namespace, Namespaces, encoded

NOW = datetime(2026, 1, 31, 3, tzinfo=UTC)
FRENCH = Namespaces(
    (
        Namespace(-1, "Spécial", ("Special",), False),
        Namespace(0, "", (), False),
        Namespace(1, "Discussion", ("Talk", "Discuter"), False),
        Namespace(4, "Wikhan", ("Project",), False),
        Namespace(6, "Fichier", ("File", "Image"), False),
        Namespace(14, "Catégorie", ("Category",), False),
        Namespace(100, "glose", (), True),
    )
)


def html(url: str, text: str, status: int = 200) -> Page:
    return Page(url, status, "text/html", text.encode(), NOW)


def wiki(article: str = "/wiki/$1", *, api: bool = True, **more: str) -> MediaWiki:
    settings = {"script": "https://wiki.test/w/", "article": f"https://wiki.test{article}", **more}
    settings["namespaces"] = FRENCH.text()
    for name, local in (
        ("Export", "Exporter"),
        ("Allpages", "Toutes les pages"),
        ("Statistics", "Statistiques"),
    ):
        settings[f"special:{name}"] = f"Spécial:{local}"
    if api:
        settings["time"] = "2026-01-31T03:00:00Z"
    return MediaWiki(Addresses.of(settings).base, settings)


# --- titles


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("forêt_noire", (0, "Forêt noire")),
        ("  Forêt__noire_ ", (0, "Forêt noire")),
        ("été", (0, "Été")),
        ("ßtraße", (0, "ßtraße")),
        ("Image:carte du_bois.png", (6, "Fichier:Carte du bois.png")),
        ("FICHIER: carte.png", (6, "Fichier:Carte.png")),
        (":Catégorie:bois", (14, "Catégorie:Bois")),
        ("Category:Bois", (14, "Catégorie:Bois")),
        ("discuter:Forêt", (1, "Discussion:Forêt")),
        ("Qui ? Où : & l’été", (0, "Qui ? Où : & l’été")),
        ("Glose:chat", (100, "glose:chat")),
        ("Special:Export/Forêt", (-1, "Spécial:Export/Forêt")),
        ("Fichier:", (6, "")),
        ("", (0, "")),
    ],
)
def test_a_title_has_one_spelling(written: str, title: tuple[int, str]) -> None:
    assert FRENCH.split(written) == title
    assert FRENCH.split(title[1])[1] == title[1]


def test_namespaces_survive_as_a_text() -> None:
    assert Namespaces.of(FRENCH.text()) == FRENCH
    assert Namespaces().called(-1, "Spécial").split("Special:Version") == (-1, "Spécial:Version")
    assert FRENCH[FILE].name == "Fichier"


def test_before_the_wiki_tells_its_namespaces_titles_stay_as_they_are() -> None:
    assert Namespaces().split("catégorie:bois") == (0, "catégorie:bois")
    assert Namespaces().split("category:bois") == (14, "Category:bois")


@pytest.mark.parametrize(
    ("title", "address"),
    [
        ("Été à la ferme", "%C3%89t%C3%A9_%C3%A0_la_ferme"),
        ("Qui ? Où : & l'été", "Qui_%3F_O%C3%B9_:_%26_l%27%C3%A9t%C3%A9"),
        ("C++ (a/b), 100 %; ~@$!*.", "C%2B%2B_(a/b),_100_%25;_~@$!*."),
    ],
)
def test_titles_are_written_as_the_wiki_writes_them(title: str, address: str) -> None:
    assert encoded(title) == address
    url = f"https://wiki.test/wiki/{address}"
    assert canonical(url) == url


# --- addresses


@pytest.mark.parametrize("title", ["Forêt", "Qui ? Où : & l’été", "C++ pour l’été", "Wikhan:À propos", "A/B"])
@pytest.mark.parametrize("article", ["/wiki/$1", "/w/index.php/$1", "/w/index.php?title=$1", "/$1"])
def test_there_and_back(title: str, article: str) -> None:
    module = wiki(article)
    url = module.at.page(title)
    place = module.classify(url)
    assert place is not None
    assert (place.kind, place.id, place.item, place.url) == ("page", title, True, "")
    for other in ("/w/index.php?title=", "/w/index.php/"):
        alias = module.classify(f"https://wiki.test{other}{encoded(title)}")
        assert alias is not None
        assert (alias.id, alias.url or url) == (title, url)


def test_the_base_holds_articles_and_scripts_and_claims_nothing_else() -> None:
    module = wiki()
    assert module.base == "https://wiki.test/"
    assert module.classify("https://wiki.test/forum/viewtopic.php?t=5") is None
    assert module.classify("https://wiki.test/") is None
    assert module.classify("https://wiki.test/w/skins/Vector/a.css") is None
    assert wiki("/w/index.php/$1").base == "https://wiki.test/w/"
    assert common_folder("https://h/a/b/w/", "https://h/a/wiki/") == "https://h/a/"


def test_where_articles_lie_at_the_root_files_beside_them_are_none() -> None:
    module = wiki("/$1")
    assert module.classify("https://wiki.test/images/a.css") is None
    assert module.classify("https://wiki.test/robots.txt") is None
    assert module.classify("https://wiki.test/forum/viewtopic.php?t=5") is None
    assert module.classify("https://wiki.test/forum/index.php/topic,5.0") is None
    place = module.classify("https://wiki.test/Images")
    assert place is not None
    assert place.id == "Images"


def test_the_front_page_may_be_the_root() -> None:
    module = wiki(front="Accueil")
    place = module.classify("https://wiki.test/")
    assert place is not None
    assert (place.id, place.url) == ("Accueil", "")
    assert module.at.page("Accueil") == "https://wiki.test/"
    place = module.classify("https://wiki.test/wiki/Accueil")
    assert place is not None
    assert place.url == "https://wiki.test/"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/w/images/d/d0/Carte_du_bois.png", "Carte_du_bois.png"),
        ("/w/images/archive/d/d0/20261122170114%21Carte_du_bois.png", "20261122170114!Carte_du_bois.png"),
        ("/img_auth.php/0/09/R%C3%A8glement.pdf", "Règlement.pdf"),
        ("/w/images/9/99/Plan_%26_l%C3%A9gende.png?20210601000000", "Plan_&_légende.png"),
        ("/w/images/0/00/Carte_du_bois.png", ""),
        ("/w/images/d/d0/autre.png", ""),
        ("/w/images/carte.png", ""),
    ],
)
def test_a_file_is_known_by_the_folder_of_its_digest(path: str, name: str) -> None:
    assert stored_file(f"https://wiki.test{path}") == name


# --- which views are kept

LEFT = [
    ("/w/index.php?title=For%C3%AAt&action=history", "mediawiki:action"),
    ("/w/index.php?title=For%C3%AAt&action=raw", "mediawiki:action"),
    ("/w/index.php?title=For%C3%AAt&action=history&limit=500", "mediawiki:action"),
    ("/w/index.php?title=For%C3%AAt&action=raw&oldid=12", "mediawiki:oldid"),
    ("/wiki/For%C3%AAt?action=info", "mediawiki:action"),
    ("/w/index.php?title=For%C3%AAt&oldid=12", "mediawiki:oldid"),
    ("/w/index.php?oldid=12", "mediawiki:oldid"),
    ("/w/index.php?title=For%C3%AAt&diff=13&oldid=12", "mediawiki:diff"),
    ("/w/index.php?title=For%C3%AAt&diff=prev&oldid=12", "mediawiki:diff"),
    ("/w/index.php?title=For%C3%AAt&printable=yes", "mediawiki:variant"),
    ("/w/index.php?title=For%C3%AAt&mobileaction=toggle_view_mobile", "mediawiki:variant"),
    ("/w/index.php?title=For%C3%AAt&uselang=de", "mediawiki:variant"),
    ("/w/index.php?title=Fichier:Carte.png&limit=20&offset=20260101", "mediawiki:variant"),
    ("/w/index.php?title=Cat%C3%A9gorie:Bois&pageuntil=F", "mediawiki:variant"),
    ("/w/index.php?title=Cat%C3%A9gorie:Bois&pagefrom=F&subcatfrom=G", "mediawiki:variant"),
    ("/w/index.php?title=Ch%C3%AAne&redirect=no", "mediawiki:redirect"),
    ("/w/index.php?curid=12", "mediawiki:number"),
    ("/wiki/Sp%C3%A9cial:Modifications_r%C3%A9centes?days=30&limit=500", "mediawiki:special"),
    ("/wiki/Sp%C3%A9cial:Pages_li%C3%A9es/For%C3%AAt", "mediawiki:special"),
    ("/wiki/Special:WhatLinksHere/For%C3%AAt", "mediawiki:special"),
    ("/wiki/Sp%C3%A9cial:Exporter", "mediawiki:special"),
    ("/w/index.php?title=Sp%C3%A9cial:Toutes_les_pages&from=F", "mediawiki:special"),
    ("/w/index.php?title=Sp%C3%A9cial:Toutes_les_pages&hideredirects=1", "mediawiki:special"),
    ("/w/api.php", "mediawiki:program"),
    ("/w/api.php?action=rsd", "mediawiki:program"),
    ("/w/api.php?action=feedrecentchanges&feedformat=atom", "mediawiki:program"),
    ("/w/rest.php/v1/page/For%C3%AAt", "mediawiki:program"),
    ("/w/load.php?modules=site", "mediawiki:program"),
    ("/w/images/thumb/d/d0/Carte_du_bois.png/120px-Carte_du_bois.png", "mediawiki:thumb"),
    ("/w/thumb.php?f=Carte_du_bois.png&width=120", "mediawiki:thumb"),
    ("/wiki/$1", "mediawiki:pattern"),
]


@pytest.mark.parametrize(("path", "rule"), LEFT)
def test_other_views_are_left_with_a_reason(path: str, rule: str) -> None:
    place = wiki().classify(f"https://wiki.test{path}")
    assert place is not None
    assert (place.keep, place.rule) == (False, rule)
    assert place.reason


@pytest.mark.parametrize(
    ("path", "kind", "id"),
    [
        ("/wiki/Sp%C3%A9cial:Statistiques", "special", "Statistics"),
        ("/wiki/Special:AllPages", "special", "Allpages"),
        ("/wiki/Sp%C3%A9cial:Toutes_les_pages", "special", "Allpages"),
        ("/w/index.php?title=Cat%C3%A9gorie:Bois&pagefrom=F", "list", "Catégorie:Bois"),
        ("/w/index.php?title=Sp%C3%A9cial:Exporter&pages=A%0AB&history=1", "export", ""),
        ("/w/api.php?action=query&format=json&formatversion=2&meta=siteinfo", "inventory", ""),
        ("/w/index.php", "door", ""),
        ("/w/images/d/d0/Carte_du_bois.png", "file", "Carte_du_bois.png"),
        ("/wiki/Image:carte.png", "page", "Fichier:Carte.png"),
    ],
)
def test_these_are_kept(path: str, kind: str, id: str) -> None:
    place = wiki().classify(f"https://wiki.test{path}")
    assert place is not None
    assert (place.keep, place.kind, place.id) == (True, kind, id)


def test_a_path_goes_before_a_parameter_and_a_picture_has_one_address() -> None:
    module = wiki()
    place = module.classify("https://wiki.test/wiki/For%C3%AAt?title=Ch%C3%AAne")
    assert place is not None
    assert (place.id, place.url) == ("Forêt", "https://wiki.test/wiki/For%C3%AAt")
    picture = "https://wiki.test/w/images/d/d0/Carte_du_bois.png"
    place = module.classify(f"{picture}?20210601000000")
    assert place is not None
    assert (place.id, place.url) == ("Carte_du_bois.png", picture)


def test_without_an_api_the_lists_are_walked() -> None:
    module = wiki(api=False)
    for path in ("Sp%C3%A9cial:Toutes_les_pages&from=F&namespace=4", "Special:Allpages&namespace=0"):
        place = module.classify(f"https://wiki.test/w/index.php?title={path}")
        assert place is not None
        assert (place.keep, place.kind) == (True, "inventory")
    for path in ("Sp%C3%A9cial:Nouvelles_pages&namespace=0", "A&action=history", "A&action=history&limit=20"):
        other = module.classify(f"https://wiki.test/w/index.php?title={path}")
        assert other is not None
        assert not other.keep


def test_nothing_it_asks_for_is_harmful_or_too_long() -> None:
    module = wiki()
    titles = [(f"Été n° {n} : C++ & l’hiver / où ?", 1000) for n in range(300)]
    urls = list(module.at.exports(titles, 100_000))
    asked = [title for url in urls for title in parse_qs(url.partition("?")[2])["pages"][0].split("\n")]
    assert asked == [title for title, _ in titles]
    assert max(map(len, urls)) < 2000
    assert len(urls) < 30
    for url in urls:
        assert canonical(url) == url
        assert harm(url, ("mediawiki",)) is None
    heavy = list(module.at.exports([("A", 60_000), ("B", 60_000), ("C", 30_000)], 100_000))
    assert [parse_qs(url.partition("?")[2])["pages"] for url in heavy] == [["A"], ["B\nC"]]


# --- detection

HEAD = """<!DOCTYPE html><html class="client-nojs"><head><title>Accueil</title>
<script>RLCONF={"wgCanonicalNamespace":"","wgCanonicalSpecialPageName":false,"wgPageName":%s,"wgArticleId":3};
</script>%s<meta name="generator" content="MediaWiki %s"/></head>
<body class="mediawiki ltr ns-0 page-Accueil skin-vector">%s</body></html>"""


def page(url: str, name: str, head: str, body: str, version: str = "1.39.17") -> Page:
    return html(url, HEAD % (json.dumps(name), head, version, body))


EDIT_URI = '<link rel="EditURI" type="application/rsd+xml" href="//autre.test/w/api.php?action=rsd"/>'
LOAD = '<link rel="stylesheet" href="/mediawiki/load.php?debug=false&amp;lang=fr&amp;only=styles"/>'
SPECIAL = '<li id="t-specialpages"><a href="{}">Pages spéciales</a></li>'


def test_short_addresses() -> None:
    body = '<li id="ca-nstab-main"><a href="/wiki/L%27%C3%A9t%C3%A9_/_ici">Page</a></li>' + SPECIAL.format(
        "/wiki/Sp%C3%A9cial:Pages_sp%C3%A9ciales"
    )
    found = MediaWiki.detect(
        page("https://wiki.test/wiki/L%27%C3%A9t%C3%A9_/_ici", "L'été_/_ici", EDIT_URI, body)
    )
    assert found == Installed(
        "mediawiki",
        "https://wiki.test/",
        {
            "script": "https://wiki.test/w/",
            "article": "https://wiki.test/wiki/$1",
            "version": "1.39.17",
            "special": "Spécial",
        },
    )


def test_long_addresses_and_no_word_of_an_api() -> None:
    body = (
        '<li id="ca-nstab-main"><a href="/mediawiki/index.php?title=Accueil">Page</a></li>'
        '<a href="/autre/Accueil" title="Accueil">ailleurs</a>'
    )
    found = MediaWiki.detect(page("https://wiki.test/mediawiki/", "Accueil", LOAD, body, "1.27.1"))
    assert found is not None
    assert found.base == "https://wiki.test/mediawiki/"
    assert found.settings["article"] == "https://wiki.test/mediawiki/index.php?title=$1"
    assert found.settings["api"] == "no"


def test_paths_after_the_script() -> None:
    body = '<li id="ca-nstab-special"><a href="/w/index.php?title=Sp%C3%A9cial:X&amp;y=1">Page</a></li>'
    body += '<a href="/w/index.php/For%C3%AAt" title="Forêt">Forêt</a>'
    found = MediaWiki.detect(
        page("https://wiki.test/w/index.php/Sp%C3%A9cial:X", "Spécial:X", EDIT_URI, body)
    )
    assert found is not None
    assert found.base == "https://wiki.test/w/"
    assert found.settings["article"] == "https://wiki.test/w/index.php/$1"


def test_a_missing_page_of_a_wiki_with_addresses_at_the_root() -> None:
    body = (
        '<li id="ca-nstab-main"><a href="/w/index.php?title=Rien&amp;action=edit&amp;redlink=1">Page</a></li>'
        '<a href="https://ailleurs.test/Accueil" title="Accueil">x</a>'
        '<a href="/Accueil" title="Accueil">y</a>'
    )
    found = MediaWiki.detect(page("https://wiki.test/Rien", "Rien", EDIT_URI, body))
    assert found is not None
    assert (found.base, found.settings["article"]) == ("https://wiki.test/", "https://wiki.test/$1")


def test_where_nothing_else_tells_the_address_of_the_page_itself_does() -> None:
    found = MediaWiki.detect(
        page("https://wiki.test/wiki/For%C3%AAt", "Forêt", EDIT_URI, "<p>sans liens</p>")
    )
    assert found is not None
    assert found.settings["article"] == "https://wiki.test/wiki/$1"
    found = MediaWiki.detect(page("https://wiki.test/wiki/Ch%C3%AAne", "Forêt", EDIT_URI, "<p>redirigé</p>"))
    assert found is not None
    assert found.settings["article"] == "https://wiki.test/w/index.php?title=$1"


@pytest.mark.parametrize(
    "text",
    [
        "<html><body>Un article sur MediaWiki : w/api.php, w/load.php</body></html>",
        '<html><head><meta name="generator" content="MediaWiki 1.39"/></head><body>rien</body></html>',
        '<html><head><meta name="generator" content="DokuWiki"/></head><body></body></html>',
    ],
)
def test_other_pages_are_not_its_own(text: str) -> None:
    assert MediaWiki.detect(html("https://wiki.test/", text)) is None
