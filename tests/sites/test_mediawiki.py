"""The MediaWiki site is what the truth beside it says."""

from __future__ import annotations

import json
import re

import pytest

from tests.sites.mediawiki import CLOSED, SHORT, WITHOUT_API, MediaWiki
from tests.sites.wiki_host import fetch

pytestmark = pytest.mark.real


def text(url: str) -> str:
    status, _, body = fetch(url)
    assert status == 200, url
    return body.decode()


def test_every_current_page_shows_its_own_marker_and_no_other(mediawiki: MediaWiki) -> None:
    markers = mediawiki.current_markers()
    assert len(markers) == 35
    for marker, title in list(markers.items())[:12]:
        page = text(mediawiki.url(title))
        assert '<meta name="generator" content="MediaWiki' in page
        assert set(re.findall(r"mark[0-9a-f]{16}", page)) == {marker}, title


def test_every_revision_is_there_word_for_word(mediawiki: MediaWiki) -> None:
    for page in mediawiki.pages[:14]:
        for revision in page.revisions:
            url = mediawiki.url(page.title, oldid=revision.id, action="raw")
            if revision.hidden:
                assert fetch(url)[0] in (403, 404)
            else:
                assert text(url) == revision.text, (page.title, revision.id)
    assert len(mediawiki.page("Forêt").revisions) == 12


def test_one_revision_one_version_and_one_page_are_private(mediawiki: MediaWiki) -> None:
    assert len(mediawiki.private_markers()) == 3
    assert not mediawiki.private_markers() & mediawiki.public_markers()
    answer = text(f"{mediawiki.host.url}{PATHS[0]}?action=query&format=json&{REVISIONS}")
    hidden = re.findall(r'"revid":(\d+)(?:(?!revid).)*?"sha1hidden"', answer)
    assert hidden == [str(r.id) for page in mediawiki.pages for r in page.revisions if r.hidden]


PATHS = ("/mediawiki/api.php", f"{SHORT}api.php")
REVISIONS = "list=allrevisions&arvlimit=500&arvprop=ids%7Ctimestamp%7Cuser%7Csha1"


@pytest.mark.parametrize("path", PATHS)
def test_the_api_lists_what_was_seeded(mediawiki: MediaWiki, path: str) -> None:
    answer = json.loads(text(f"{mediawiki.host.url}{path}?action=query&format=json&{REVISIONS}"))
    listed = {
        (page["title"], revision["revid"], revision["user"])
        for page in answer["query"]["allrevisions"]
        for revision in page["revisions"]
        if page["ns"] != 6
    }
    assert listed == {(page.title, r.id, r.user) for page in mediawiki.pages for r in page.revisions}


def test_files_of_all_versions_are_served_byte_for_byte(mediawiki: MediaWiki) -> None:
    for file in mediawiki.files:
        for url, (time, content) in zip(mediawiki.file_urls(file.name), file.versions, strict=True):
            status, _, body = fetch(url)
            assert (status, body == content) == ((404, False) if time in file.hidden else (200, True)), url
    assert [len(file.versions) for file in mediawiki.files] == [2, 1, 2]


def test_redirect_deleted_page_and_thumbnail(mediawiki: MediaWiki) -> None:
    assert next(iter(mediawiki.current_markers())) in text(f"{mediawiki.host.url}/mediawiki/")
    foret = mediawiki.page("Forêt").revisions[-1].marker
    assert foret in text(mediawiki.url("Chêne"))
    assert fetch(mediawiki.url(mediawiki.deleted[0]))[0] == 404
    picture = re.search(r'<img[^>]* src="([^"]*Carte[^"]*)"', text(mediawiki.url("Accueil")))
    assert picture is not None
    status, kind, _ = fetch(mediawiki.host.url + picture[1])
    assert (status, kind) == (200, "image/png")


def test_the_same_pages_have_short_addresses(mediawiki: MediaWiki) -> None:
    for marker, title in list(mediawiki.current_markers().items())[:10]:
        page = text(mediawiki.short_url(title))
        assert marker in page
        assert f'href="{mediawiki.short_url(title).removeprefix(mediawiki.host.url)}"' in page
        assert "/mediawiki/" not in page.replace("mediawiki/resources/assets/change-your-logo", "")


def test_one_wiki_has_no_api_and_one_lets_nobody_read(mediawiki: MediaWiki) -> None:
    host = mediawiki.host.url
    assert fetch(f"{host}{WITHOUT_API}api.php")[0] == 403
    assert mediawiki.page("Forêt").revisions[-1].marker in text(f"{host}{WITHOUT_API}index.php/For%C3%AAt")
    refused = text(f"{host}{CLOSED}index.php?title=Accueil")
    assert "Connexion nécessaire" in refused
    assert not set(re.findall(r"mark[0-9a-f]{16}", refused))
    assert "readapidenied" in text(f"{host}{CLOSED}api.php?action=query&format=json&meta=siteinfo")
