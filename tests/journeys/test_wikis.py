"""Two real DokuWikis and a MediaWiki: mirrored, checked by others' tools, replayed, mirrored again."""

from __future__ import annotations

import shutil
import subprocess
import sys
import urllib.parse
from collections import Counter
from pathlib import Path

import pytest

from storage.browse import Replay
from storage.collection import open_archive
from tests.journeys import mirrored
from tests.journeys.jukni import Jukni, mirror
from tests.journeys.replayed import wrongly_replayed
from tests.journeys.wiki import FORBIDDEN, Mirrored, found
from tests.sites.dokuwiki import Wikis
from tests.sites.mediawiki import MediaWiki

pytestmark = [pytest.mark.real, pytest.mark.slow]


def test_every_page_of_a_dokuwiki_is_captured(big: Mirrored, wikis: Wikis) -> None:
    assert big.found(set(wikis.wikhan.current_markers())) == set(wikis.wikhan.current_markers())


def test_every_page_of_the_other_wiki_is_captured(small: Mirrored, wikis: Wikis) -> None:
    assert small.found(set(wikis.autre.current_markers())) == set(wikis.autre.current_markers())


def test_what_is_private_is_nowhere(big: Mirrored, wikis: Wikis) -> None:
    assert wikis.wikhan.private_markers()
    assert big.found(wikis.wikhan.private_markers()) == set()


def test_the_other_wiki_of_the_host_stays_out(big: Mirrored, wikis: Wikis) -> None:
    pages = [line.url for line in mirrored.lines(big.snapshot) if line.mime == "text/html"]
    assert pages
    assert [url for url in pages if f"{wikis.host.url}{wikis.autre.path}" in url] == []


def test_no_harm_is_done(big: Mirrored, small: Mirrored, wikis: Wikis) -> None:
    asked = big.asked + small.asked
    assert len(asked) > 100
    assert [target for target in asked if any(word in target for word in FORBIDDEN)] == []
    assert wikis.wikhan.locks() == wikis.autre.locks() == []


def test_it_asks_for_nothing_twice(big: Mirrored) -> None:
    # But for the changes, which are asked for at the start and at the end.
    twice = [target for target, times in Counter(big.asked).items() if times > 1]
    assert twice == ["/wikhan/start?do=recent"]


def test_other_tools_find_nothing_wrong(big: Mirrored, small: Mirrored) -> None:
    for snapshot in (big.snapshot, small.snapshot):
        for warc in snapshot.manifest().warcs:
            path = str(snapshot.root / warc.path)
            for tool in ("warcio", "fastwarc"):
                done = subprocess.run(
                    [Path(sys.executable).with_name(tool), "check", path],
                    capture_output=True,
                    text=True,
                    check=False,
                )
                assert done.returncode == 0, f"{tool}: {done.stdout}{done.stderr}"


def test_pywb_replays_every_page_of_the_big_wiki(big: Mirrored) -> None:
    with Replay(big.snapshot) as replay:
        compared, wrong = wrongly_replayed(replay, mirrored.lines(big.snapshot))
    assert wrong == []
    assert compared > 50


def test_the_second_crawl_stands_on_the_first(small: Mirrored, wikis: Wikis, tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    shutil.copytree(small.snapshot.root, jukni.archive)
    jukni.run(*mirror(wikis.url(wikis.autre.path), concurrency=4))
    first, second = mirrored.collection(jukni.archive).sealed()

    manifest = second.manifest()
    assert manifest.previous == first.name
    assert {warc.own for warc in manifest.warcs} == {True, False}
    lines = mirrored.lines(second)
    revisits = [line for line in lines if line.kind == "revisit"]
    originals = {line.id: line for line in lines if line.kind == "response"}
    assert revisits
    own = {Path(warc.path).name for warc in manifest.warcs if warc.own}
    assert {line.filename in own for line in revisits} == {True}
    new_bytes = sum(warc.size for warc in manifest.warcs if warc.own)
    assert new_bytes < sum(warc.size for warc in first.manifest().warcs)
    assert originals

    jukni.run("verify", "--all", "--into", str(jukni.archive))
    with Replay(second) as replay:
        compared, wrong = wrongly_replayed(replay, lines)
    assert wrong == []
    assert compared >= len(revisits)

    restored = tmp_path / "rendu à la communauté"
    restored.mkdir()
    for file in (*manifest.files, *manifest.warcs):
        target = restored / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(jukni.archive / file.path, target)
    shutil.copy(second.folder / "manifest.json", restored / second.relative(second.folder))
    shutil.copy(jukni.archive / "archive.json", restored)
    (alone,) = open_archive(restored).collection(second.site).sealed()
    jukni.run("verify", str(alone), "--into", str(restored))
    with Replay(alone) as replay:
        _, wrong = wrongly_replayed(replay, lines)
    assert wrong == []


def test_a_mediawiki_is_captured_and_replayed(mediawiki: MediaWiki, tmp_path: Path) -> None:
    before = len(mediawiki.host.requests())
    jukni = Jukni(tmp_path)
    jukni.run(*mirror(mediawiki.url("Accueil"), concurrency=4))
    asked = [request.target for request in mediawiki.host.requests()[before:]]
    snapshot = mirrored.sealed(jukni.archive)
    # Nothing links to the orphan: finding it takes the inventory, which a generic crawl does not ask for.
    linked = {marker for marker, title in mediawiki.current_markers().items() if title != "Orpheline"}
    assert found(linked, snapshot) == linked
    decoded = [urllib.parse.unquote(target) for target in asked]
    assert [t for t in decoded if any(urllib.parse.unquote(word) in t for word in FORBIDDEN)] == []
    with Replay(snapshot) as replay:
        compared, wrong = wrongly_replayed(replay, mirrored.lines(snapshot))
    assert wrong == []
    assert compared > 20
