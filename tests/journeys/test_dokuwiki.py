"""Real DokuWikis, of two releases and under two kinds of addresses: nothing public is missing, at a price."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from urllib.parse import unquote

import pytest

from storage.http import decoded, find_head_end, parse_head, payload
from tests.journeys import mirrored
from tests.journeys.wiki import FORBIDDEN, Mirrored, mirrored_wiki
from tests.sites import dokuwiki
from tests.sites.dokuwiki import Wikis
from tests.sites.dokuwiki_releases import newer
from tests.sites.dokuwiki_truth import Setup
from tests.sites.wiki_host import Missing

pytestmark = [pytest.mark.real, pytest.mark.slow]

BAR = 3.0
"""Requests for each page, old revision, file and old version, all others of the crawl among them."""
# What looking at a wiki changes in its data folder, whoever looks.
_OWN = re.compile(r"(?:cache|index|log|tmp)/.*|meta/(?:.*\.meta|_htcookiesalt2?)")


@pytest.fixture(scope="module")
def newest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirrored]:
    """DokuWiki of 2026 under doku.php/ns/page."""
    try:
        setup = Setup(newer("forky"), rewrite=2, slash=True)
        folder = tmp_path_factory.mktemp("w")
        with dokuwiki.served(folder, setup, now=int(time.time()), days=45) as wikis:
            yield mirrored_wiki(tmp_path_factory.mktemp("neuf"), wikis, wikis.wikhan)
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture(params=["big", "newest"])
def one(request: pytest.FixtureRequest, wikis: Wikis) -> Mirrored:
    """Each of the mirrored wikis."""
    found: Mirrored = request.getfixturevalue(request.param)
    return found


def test_it_is_complete_and_says_so(one: Mirrored) -> None:
    coverage = mirrored.coverage(one.snapshot)
    assert (coverage["verdict"], coverage["gaps"]) == ("complete", [])
    assert [software["name"] for software in coverage["software"]] == ["dokuwiki"]
    kinds = {items["kind"]: items for items in coverage["items"]}
    pages = [page for page in one.wiki.pages if not page.gone]
    assert kinds["page"]["captured"] == len(pages)
    assert kinds["page"]["denied"] == 1  # of the private ones, the one that is linked
    assert kinds["history"]["captured"] == len(one.wiki.pages)
    # The last revision of a page is the page, that of a deleted one says only that.
    assert kinds["revision"]["captured"] == sum(len(page.revisions) - 1 for page in one.wiki.pages)


def test_every_public_marker_is_there_and_no_private_one(one: Mirrored) -> None:
    assert one.found(one.wiki.markers()) == one.wiki.markers()
    assert len(one.wiki.markers()) > 90
    assert one.wiki.private_markers()
    assert one.found(one.wiki.private_markers()) == set()


def test_every_source_is_there_byte_for_byte(one: Mirrored) -> None:
    captured = {mirrored.target(line.url): line for line in mirrored.lines(one.snapshot)}
    # Two addresses that answer alike within a second: the bytes lie in the first one's record.
    whole = {line.digest: line for line in captured.values() if line.kind == "response"}

    def body(target: str) -> tuple[str, bytes]:
        line = whole[captured[target].digest]
        block = mirrored.block(one.snapshot, line)
        head = parse_head(block[: find_head_end(block)])
        assert head is not None
        return line.mime, decoded(head, payload(head, [block[head.length :]]), 1 << 24)[0]

    for page in one.wiki.pages:
        for revision in page.revisions[:-1]:
            assert body(one.wiki.raw_path(page.id, rev=revision.time)) == ("text/plain", revision.content)
            assert body(one.wiki.page_path(page.id, rev=revision.time))[0] == "text/html"
        if page.id == "fr:zéro":
            # DokuWiki gives the page for the source "0": it says the same.
            assert b"<p>\n0\n</p>" in body(one.wiki.raw_path(page.id))[1]
        elif not page.gone:
            assert body(one.wiki.raw_path(page.id)) == ("text/plain", page.revisions[-1].content)
    for media in one.wiki.media:
        for version in media.versions[:-1]:
            assert body(one.wiki.media_path(media.id, rev=version.time))[1] == version.content
        if not media.gone:
            assert body(one.wiki.media_path(media.id))[1] == media.versions[-1].content


def test_it_costs_no_more_than_three_requests_for_each_thing(one: Mirrored) -> None:
    useful = mirrored.coverage(one.snapshot)["useful"]
    # Deletions are told by the history of what was deleted, they are nothing to look at.
    gone = sum(page.gone for page in one.wiki.pages) + sum(media.gone for media in one.wiki.media)
    assert useful == one.wiki.useful() - gone
    assert len(one.requests) / useful <= BAR


def test_nothing_was_asked_that_changes_or_repeats_anything(one: Mirrored) -> None:
    assert {request.method for request in one.requests} == {"GET"}
    asked = [unquote(target) for target in one.asked]
    assert [target for target in asked if any(word in target for word in FORBIDDEN)] == []
    traps = ("do=diff", "do=backlink", "do=search", "do=check", "difftype", "mois=", "at=", "export_xhtml")
    assert [target for target in asked if any(word in target for word in traps)] == []
    assert [target for target in asked if re.search(r"tab_details=view|sort=|/_?detail|do=$", target)] == []
    lists = [target for target in asked if re.search(r"do=(?:index|recent|media)|idx=", target)]
    assert {re.split(r"[?&]", target)[0].rpartition("/")[2] for target in lists} == {"start"}


def test_the_wiki_is_as_it_was(one: Mirrored) -> None:
    changed = one.changed()
    assert changed
    assert [name for name in sorted(changed) if not _OWN.fullmatch(name)] == []
    assert one.wiki.locks() == []


def test_what_was_left_out_has_its_reason(one: Mirrored) -> None:
    rules = {entry["rule"]: entry for entry in mirrored.coverage(one.snapshot)["skipped"]}
    assert "mois" in rules["dokuwiki:parameter"]["reason"]
    assert mirrored.skipped(one.snapshot)["dokuwiki:red-link"] == 5
    assert all(entry["reason"] for entry in rules.values())


def test_a_wiki_below_another_is_found_and_kept_apart(tmp_path_factory: pytest.TempPathFactory) -> None:
    # The upper one rewrites its addresses: whatever lies below it could be a page of its own.
    try:
        setup = Setup(newer("forky"), rewrite=1, slash=True)
        folder = tmp_path_factory.mktemp("w")
        with dokuwiki.served(folder, setup, now=int(time.time()), path="/", days=90) as wikis:
            both = mirrored_wiki(tmp_path_factory.mktemp("deux"), wikis, wikis.wikhan)
    except Missing as missing:
        pytest.skip(str(missing))
    coverage = mirrored.coverage(both.snapshot)
    assert (coverage["verdict"], coverage["gaps"]) == ("complete", [])
    bases = [software["base"].removeprefix(wikis.host.url) for software in coverage["software"]]
    assert sorted(bases) == ["/", "/autre-wiki/"]
    pages = {items["base"]: items["captured"] for items in coverage["items"] if items["kind"] == "page"}
    here = len([page for page in wikis.wikhan.pages if not page.gone])
    assert pages == {wikis.url("/"): here, wikis.url("/autre-wiki/"): len(wikis.autre.pages)}
    assert both.found(wikis.autre.markers()) == wikis.autre.markers()
    assert both.found(wikis.wikhan.markers()) == wikis.wikhan.markers()
    assert len(both.requests) / coverage["useful"] <= BAR
