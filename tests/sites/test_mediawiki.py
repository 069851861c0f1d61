"""The MediaWiki site is what the truth beside it says."""

from __future__ import annotations

import json
import re

import pytest

from tests.sites.mediawiki import MediaWiki
from tests.sites.wiki_host import fetch

pytestmark = pytest.mark.real


def text(url: str) -> str:
    status, _, body = fetch(url)
    assert status == 200, url
    return body.decode()


def test_every_current_page_shows_its_own_marker_and_no_other(mediawiki: MediaWiki) -> None:
    markers = mediawiki.current_markers()
    assert len(markers) == 7
    for marker, title in markers.items():
        page = text(mediawiki.url(title))
        assert '<meta name="generator" content="MediaWiki' in page
        assert set(re.findall(r"mark[0-9a-f]{16}", page)) == {marker}, title


def test_every_revision_is_there_word_for_word(mediawiki: MediaWiki) -> None:
    for page in mediawiki.pages:
        for revision in page.revisions:
            url = mediawiki.url(page.title, oldid=revision.id, action="raw")
            assert text(url) == revision.text, (page.title, revision.id)
    assert len(mediawiki.page("Forêt").revisions) == 12


def test_the_api_lists_what_was_seeded(mediawiki: MediaWiki) -> None:
    query = "action=query&format=json&list=allrevisions&arvlimit=500&arvprop=ids|timestamp|user"
    answer = json.loads(text(f"{mediawiki.host.url}/mediawiki/api.php?{query}".replace("|", "%7C")))
    listed = {
        (page["title"], revision["revid"], revision["user"])
        for page in answer["query"]["allrevisions"]
        for revision in page["revisions"]
        if page["ns"] != 6
    }
    assert listed == {(page.title, r.id, r.user) for page in mediawiki.pages for r in page.revisions}


def test_files_of_all_versions_are_served_byte_for_byte(mediawiki: MediaWiki) -> None:
    for file in mediawiki.files:
        contents = [fetch(url)[2] for url in mediawiki.file_urls(file.name)]
        assert contents == [content for _, content in file.versions], file.name
    assert [len(file.versions) for file in mediawiki.files] == [2, 1]


def test_redirect_deleted_page_and_thumbnail(mediawiki: MediaWiki) -> None:
    assert next(iter(mediawiki.current_markers())) in text(f"{mediawiki.host.url}/mediawiki/")
    foret = mediawiki.page("Forêt").revisions[-1].marker
    assert foret in text(mediawiki.url("Chêne"))
    assert fetch(mediawiki.url(mediawiki.deleted[0]))[0] == 404
    picture = re.search(r'<img[^>]* src="([^"]*Carte[^"]*)"', text(mediawiki.url("Accueil")))
    assert picture is not None
    status, kind, _ = fetch(mediawiki.host.url + picture[1])
    assert (status, kind) == (200, "image/png")
