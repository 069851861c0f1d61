"""A real MediaWiki mirrored with its history: with short addresses, without an API, and closed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest

from storage.collection import open_archive
from storage.snapshot import Snapshot
from tests.journeys import mirrored
from tests.journeys.jukni import Ended, Jukni, mirror
from tests.sites.mediawiki import CLOSED, WITHOUT_API, MediaWiki
from tests.sites.wiki_host import Request

pytestmark = [pytest.mark.real, pytest.mark.slow]

# Everything that a crawl may ask a MediaWiki for: views as they are linked, lists, exports, files, styles.
ASKED = re.compile(
    r"/(?:robots\.txt|favicon\.ico|sansapi/|w/index\.php|sansapi/index\.php)?"
    r"|/(?:wiki|sansapi/index\.php)/[^?]+"
    r"|/w/api\.php\?action=query&format=json&formatversion=2&.*"
    r"|/sansapi/api\.php\?action=query&format=json&formatversion=2&meta=siteinfo&.*"
    r"|/(?:w|sansapi)/index\.php\?title=(?:Special:Export|Sp%C3%A9cial:Exporter)&pages=[^&]+&history=1"
    r"|/sansapi/index\.php\?title=(?:Special:Allpages|Sp%C3%A9cial:Toutes_les_pages)&namespace=\d+"
    r"|/(?:w|sansapi)/(?:load\.php\?[^?]*|opensearch_desc\.php|(?:resources|skins|images)/[^?]+(?:\?\w+)?)"
    r"|/(?:w|sansapi)/rest\.php/v1/search|/mediawiki/resources/assets/change-your-logo(?:-icon)?\.svg",
)
MOST = 3.0
"""Requests for each page, revision and file version: what the crawl may cost."""


@dataclass(frozen=True)
class Mirrored:
    """The archive of a wiki, and what the wiki was asked for meanwhile, by its own log."""

    ended: Ended
    snapshot: Snapshot
    asked: list[Request]

    @property
    def coverage(self) -> dict[str, Any]:
        return mirrored.coverage(self.snapshot)

    def items(self, kind: str) -> dict[str, Any]:
        (found,) = [items for items in self.coverage["items"] if items["kind"] == kind]
        return dict(found)


def _mirror(wiki: MediaWiki, jukni: Jukni, url: str) -> Mirrored:
    before = len(wiki.host.requests())
    ended = jukni.run(*mirror(url, concurrency=2))
    return Mirrored(ended, mirrored.sealed(jukni.archive), wiki.host.requests()[before:])


@pytest.fixture(scope="module")
def short(mediawiki: MediaWiki, tmp_path_factory: pytest.TempPathFactory) -> Mirrored:
    return _mirror(mediawiki, Jukni(tmp_path_factory.mktemp("court")), mediawiki.short_url("Accueil"))


@pytest.fixture(scope="module")
def without_api(mediawiki: MediaWiki, tmp_path_factory: pytest.TempPathFactory) -> Mirrored:
    url = f"{mediawiki.host.url}{WITHOUT_API}"
    return _mirror(mediawiki, Jukni(tmp_path_factory.mktemp("sans api")), url)


@pytest.fixture(params=["short", "without_api"])
def either(request: pytest.FixtureRequest) -> Mirrored:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Mirrored)
    return found


def _markers(snapshot: Snapshot, wanted: set[str]) -> set[str]:
    found: set[str] = set()
    for body in mirrored.bodies(snapshot):
        found |= {marker for marker in wanted - found if marker.encode() in body}
    return found


def test_everything_public_is_there_and_nothing_private(either: Mirrored, mediawiki: MediaWiki) -> None:
    assert len(mediawiki.public_markers()) == 102
    assert _markers(either.snapshot, mediawiki.public_markers()) == mediawiki.public_markers()
    assert _markers(either.snapshot, mediawiki.private_markers()) == set()
    for page in mediawiki.pages:
        assert either.items("page")["gaps"] == 0, page.title


def test_the_verdict_stands_on_two_sources(either: Mirrored, mediawiki: MediaWiki) -> None:
    coverage = either.coverage
    assert (coverage["verdict"], coverage["gaps"]) == ("complete", [])
    assert coverage["counters"]["differ"] == []
    seeded = sum(len(page.revisions) for page in mediawiki.pages)
    descriptions = either.items("revision")["expected"] - seeded
    # A file's page has a revision for each upload.
    assert descriptions == sum(len(file.versions) for file in mediawiki.files)
    assert either.items("revision")["denied"] == 1
    files = either.items("file")
    assert (files["captured"], files["denied"]) == (4, 1)


def test_what_an_administrator_hid_is_named_with_the_reason(either: Mirrored, mediawiki: MediaWiki) -> None:
    denied = {(entry["kind"], entry["reason"]): entry["id"] for entry in either.coverage["denied"]}
    (hidden,) = [revision.id for page in mediawiki.pages for revision in page.revisions if revision.hidden]
    assert denied["revision", "an administrator hid the text of this revision"] == str(hidden)
    assert "Plan & légende.png" in denied["file", "an administrator hid this version of the file"]
    assert len(either.coverage["denied"]) == 2


def test_the_api_named_what_was_captured(short: Mirrored, without_api: Mirrored) -> None:
    assert short.items("page")["sources"].keys() >= {"allpages", "allrevisions"}
    assert short.coverage["counters"] == {"checked": 3, "agree": 3, "differ": []}
    assert without_api.items("page")["sources"].keys() == {"index", "links"}
    assert without_api.items("history")["captured"] == without_api.items("page")["sources"]["index"]


def test_it_asks_for_nothing_else_and_nothing_twice(either: Mirrored) -> None:
    targets = [request.target for request in either.asked]
    assert [target for target in targets if not ASKED.fullmatch(target)] == []
    assert len(targets) == len(set(targets))
    assert {request.method for request in either.asked} == {"GET"}


def test_it_costs_few_requests(either: Mirrored, mediawiki: MediaWiki) -> None:
    useful = len(mediawiki.pages) + len(mediawiki.public_markers()) + len(mediawiki.files)
    assert either.coverage["useful"] >= useful
    assert len(either.asked) / useful <= MOST


def test_titles_that_need_escapes_are_captured_where_the_wiki_links_them(
    short: Mirrored, mediawiki: MediaWiki
) -> None:
    statuses = mirrored.statuses(short.snapshot)
    for page in mediawiki.pages:
        target = mediawiki.short_url(page.title).removeprefix(mediawiki.host.url)
        assert statuses.get(target) == [200], page.title
    # Nobody wrote about it, but the wiki lists its members.
    assert statuses.get("/wiki/Cat%C3%A9gorie:Sans_page") == [200]


def test_of_a_closed_wiki_nothing_is_captured(mediawiki: MediaWiki, tmp_path: Any) -> None:
    jukni = Jukni(tmp_path)
    ended = jukni.run(*mirror(f"{mediawiki.host.url}{CLOSED}index.php?title=Accueil"), code=None)
    assert ended.code == 4
    assert "the wiki lets only members read it" in ended.err
    assert open_archive(jukni.archive).collection(open_archive(jukni.archive).sites()[0]).sealed() == []
