"""The DokuWiki sites are what the truth beside them says, seen as an anonymous visitor sees them."""

from __future__ import annotations

import re
import time

import pytest

from tests.sites.dokuwiki import DokuWiki, Wikis
from tests.sites.wiki_host import fetch

pytestmark = pytest.mark.real


def text(wikis: Wikis, path: str) -> str:
    status, _, body = fetch(wikis.url(path))
    assert status == 200, path
    return body.decode()


def both(wikis: Wikis) -> list[DokuWiki]:
    return [wikis.wikhan, wikis.autre]


def test_two_wikis_answer_under_one_host(wikis: Wikis) -> None:
    for wiki in both(wikis):
        page = text(wikis, wiki.path)
        assert '<meta name="generator" content="DokuWiki"/>' in page
        assert f'<link rel="start" href="{wiki.path}"/>' in page


def test_every_current_page_shows_its_own_marker_and_no_other(wikis: Wikis) -> None:
    markers = {marker for wiki in both(wikis) for marker in wiki.current_markers()}
    for wiki in both(wikis):
        for marker, id in wiki.current_markers().items():
            page = text(wikis, wiki.page_path(id))
            assert markers & set(re.findall(r"mark[0-9a-f]{16}", page)) == {marker}, id


def test_every_revision_is_there_byte_for_byte(wikis: Wikis) -> None:
    for wiki in both(wikis):
        for page in wiki.pages:
            for revision in page.revisions[:-1]:
                status, kind, body = fetch(wikis.url(wiki.raw_path(page.id, rev=revision.time)))
                assert (status, kind) == (200, "text/plain; charset=utf-8"), page.id
                assert body == revision.content


def test_the_history_lists_all_45_revisions_when_its_pages_overlap(wikis: Wikis) -> None:
    # Igor drops the 20th entry at each boundary (dokuwiki issue 3897), so steps of 10 for pages of 20.
    page = wikis.wikhan.page("fr:histoire")
    listed: set[int] = set()
    for first in range(0, 60, 10):
        html = text(wikis, wikis.wikhan.page_path(page.id, do="revisions", first=first))
        listed |= {int(time) for time in re.findall(r'name="rev2\[\]" type="checkbox" value="(\d+)"', html)}
    assert listed == {revision.time for revision in page.revisions}
    assert len(listed) == 45


def test_a_deleted_page_is_gone_but_its_history_is_not(wikis: Wikis) -> None:
    page = wikis.wikhan.page("fr:disparue")
    assert page.gone
    assert "This page does not exist anymore" in text(wikis, wikis.wikhan.page_path(page.id))
    assert str(page.revisions[0].time) in text(wikis, wikis.wikhan.page_path(page.id, do="revisions"))


def test_viewing_adds_no_phantom_edit(own_wikis: Wikis) -> None:
    wiki = own_wikis.wikhan
    logs = sorted((wiki.data / "meta").rglob("*.changes"))
    before = {log: log.read_bytes() for log in logs}
    assert len(logs) > len(wiki.pages)
    for page in wiki.pages:
        text(own_wikis, wiki.page_path(page.id))
        text(own_wikis, wiki.page_path(page.id, do="revisions"))
    assert {log: log.read_bytes() for log in sorted((wiki.data / "meta").rglob("*.changes"))} == before


def test_media_of_all_versions_are_served_byte_for_byte(wikis: Wikis) -> None:
    for wiki in both(wikis):
        for media in wiki.media:
            status, _, body = fetch(wikis.url(wiki.media_path(media.id)))
            assert (status, body) == (404, b"Not Found") if media.gone else (200, media.versions[-1].content)
            for old in media.versions[:-1]:
                assert fetch(wikis.url(wiki.media_path(media.id, rev=old.time)))[2] == old.content


def test_nothing_private_is_visible(wikis: Wikis) -> None:
    wiki = wikis.wikhan
    assert len(wiki.private_markers()) == 2
    for path in (
        wiki.page_path("prive:secret"),
        wiki.raw_path("prive:secret"),
        wiki.page_path("prive:secret", do="revisions"),
        wiki.page_path("start", do="index", idx="prive"),
        wiki.page_path("start", do="recent"),
        wiki.media_path("prive:plan.png"),
    ):
        body = fetch(wikis.url(path))[2].decode("utf-8", "replace")
        assert not [marker for marker in wiki.private_markers() if marker in body], path
    assert "permission_denied" in text(wikis, wiki.page_path("prive:secret"))


def test_the_orphan_is_found_by_the_index_alone(wikis: Wikis) -> None:
    wiki = wikis.wikhan
    target = wiki.page_path("fr:orpheline")
    assert target in text(wikis, wiki.page_path("start", do="index", idx="fr"))
    for page in wiki.pages:
        if page.id != "fr:orpheline":
            assert target not in text(wikis, wiki.page_path(page.id))


def test_a_fresh_page_asks_robots_to_go_away(wikis: Wikis) -> None:
    wiki = wikis.wikhan
    assert '"noindex,nofollow"' in text(wikis, wiki.page_path("fr:actualités"))
    assert '"index,follow"' in text(wikis, wiki.page_path("fr:faq"))


def test_following_an_edit_link_leaves_a_lock(own_wikis: Wikis) -> None:
    """What harm looks like here, so that tests of harmlessness can fail."""
    wiki = own_wikis.wikhan
    text(own_wikis, wiki.page_path("fr:faq"))
    assert wiki.locks() == []
    text(own_wikis, wiki.page_path("fr:faq", do="edit"))
    assert len(wiki.locks()) == 1
    # nginx writes its log after the answer has gone out.
    end = time.monotonic() + 10
    while not (asked := [r.target for r in own_wikis.host.requests() if "do=edit" in r.target]):
        assert time.monotonic() < end, "the request is not in the log"
        time.sleep(0.05)
    assert len(asked) == 1
