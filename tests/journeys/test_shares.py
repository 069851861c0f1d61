"""Public shares of a cloud: the tree by PROPFIND, each file by itself, nothing tried and nothing packed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from storage.snapshot import Snapshot
from tests.journeys import mirrored
from tests.journeys.jukni import Ended, Jukni
from tests.sites import nextcloud
from tests.sites.nextcloud import Cloud, share
from tests.sites.static import Site

OPEN, OTHER, ALONE = "aBcDeFgHiJ12345", "ZyXwVuTsRq98765", "SeUl0Fichier123"
LOCKED, DROP, SHOWN, UNKNOWN = "m0tDePasseXYZ42", "dep0tSeulement1", "SansTelecharge1", "pErImEe00000000"

TREE = (
    "Lisez-moi.txt",
    "Photos d’été/plage & forêt.txt",
    "Photos d’été/n° 1 #2 (100 %) + l'été ?.txt",
    "Photos d’été/2024/carte.pdf",
    "Comptes-rendus/Admin/search/réunion du 3 mai.txt",
    "Comptes-rendus/vide.txt",
)


def _shares() -> tuple[nextcloud.Share, ...]:
    tree = share(OPEN, *TREE)
    return (
        nextcloud.Share(OPEN, tree.files | {"Comptes-rendus/vide.txt": b""}),
        share(OTHER, "secret.txt"),
        share(ALONE, ""),
        share(LOCKED, "privé.txt", kind="password"),
        share(DROP, "reçu.txt", kind="drop"),
        share(SHOWN, "à lire.pdf", kind="no-download"),
    )


def _crawl(jukni: Jukni, site: Site, cloud: Cloud, *tokens: str, code: int = 0) -> Ended:
    urls = [f"{site.url}{cloud.root}/index.php/s/{token}" for token in tokens]
    jukni.configure(
        f"[site.nuage]\nurls = {urls}\ndelay = 0.0\nattempts = 2\nretry_wait = 0.05\n".replace("'", '"')
    )
    return jukni.run("crawl", "nuage", code=code)


def _counts(snapshot: Snapshot, kind: str) -> Mapping[str, Any]:
    (found,) = [items for items in mirrored.coverage(snapshot)["items"] if items["kind"] == kind]
    return {name: found[name] for name in ("expected", "captured", "denied", "missing", "gaps")}


def _kept(snapshot: Snapshot) -> set[str]:
    whole = b"\n".join(mirrored.bodies(snapshot))
    every = {(one.token, path) for one in _shares() for path in one.files}
    return {path for token, path in every if nextcloud.marker(token, path).encode() in whole}


def _harmless(site: Site) -> None:
    """Neither a POST, nor an archive packed on the fly, nor a token that nobody named."""
    assert {request.method for request in site.requests} <= {"GET", "PROPFIND"}
    packed = [r.target for r in site.requests if "accept=" in r.target or r.target.endswith("/download")]
    assert packed == []
    assert [r.target for r in site.requests if OTHER in r.target or "authenticate" in r.target] == []


@pytest.mark.parametrize(("root", "version"), [("", 31), ("/nextcloud", 29), ("/nuage", 25)])
def test_every_file_of_a_share_is_kept_and_replays(root: str, version: int, tmp_path: Path) -> None:
    cloud = Cloud(_shares(), root, version)
    with Site(cloud) as site:
        jukni = Jukni(tmp_path)
        _crawl(jukni, site, cloud, OPEN, ALONE)
        _harmless(site)
        requests = [request for request in site.requests if "/core/" not in request.target]
    snapshot = mirrored.sealed(jukni.archive)
    files = {path for path in TREE if path != "Comptes-rendus/vide.txt"}
    assert _kept(snapshot) == files | {""}
    assert _counts(snapshot, "file") == {"expected": 7, "captured": 7, "denied": 0, "missing": 0, "gaps": 0}
    assert _counts(snapshot, "folder")["captured"] == 7
    assert mirrored.coverage(snapshot)["verdict"] == "complete"
    assert len(requests) / (len(files) + 1 + 1 + 2) <= 2.2
    mirrored.proved(snapshot)


def test_what_a_share_withholds_is_told(tmp_path: Path) -> None:
    cloud = Cloud(_shares())
    with Site(cloud) as site:
        jukni = Jukni(tmp_path)
        _crawl(jukni, site, cloud, OPEN, LOCKED, DROP, SHOWN)
        _harmless(site)
    snapshot = mirrored.sealed(jukni.archive)
    assert _counts(snapshot, "share") == {"expected": 4, "captured": 3, "denied": 1, "missing": 0, "gaps": 0}
    assert _counts(snapshot, "file")["denied"] == 1  # the one that is shown, not given
    assert _counts(snapshot, "folder")["denied"] == 1  # of the drop
    assert _kept(snapshot) & {"privé.txt", "reçu.txt", "à lire.pdf", "secret.txt"} == set()
    assert mirrored.coverage(snapshot)["verdict"] == "complete"


def test_a_share_that_is_no_more_is_a_gap(tmp_path: Path) -> None:
    cloud = Cloud(_shares())
    with Site(cloud) as site:
        jukni = Jukni(tmp_path)
        _crawl(jukni, site, cloud, OPEN, UNKNOWN, code=3)
        assert [request.target for request in site.requests if UNKNOWN in request.target] == [
            f"/index.php/s/{UNKNOWN}"
        ]
    (gap,) = mirrored.coverage(mirrored.sealed(jukni.archive))["gaps"]
    assert (gap["kind"], gap["id"]) == ("share", UNKNOWN)


def test_a_file_shorter_than_its_list_says_is_a_gap(tmp_path: Path) -> None:
    short = "Photos d’été/2024/carte.pdf"
    cloud = Cloud(_shares(), short={short: 7})
    with Site(cloud) as site:
        jukni = Jukni(tmp_path)
        _crawl(jukni, site, cloud, OPEN, code=3)
    snapshot = mirrored.sealed(jukni.archive)
    (gap,) = mirrored.coverage(snapshot)["gaps"]
    size = len(nextcloud.text(OPEN, short))
    assert gap["url"].endswith("/2024/carte.pdf")
    assert f"{size - 7} bytes came, the site's own list says {size}" in gap["reason"]
    assert [line for line in mirrored.lines(snapshot) if line.url.endswith("/2024/carte.pdf")] == []


def test_a_file_that_goes_while_the_share_is_crawled_is_no_gap(tmp_path: Path) -> None:
    cloud = Cloud(_shares(), vanished={"Comptes-rendus/vide.txt"})
    with Site(cloud) as site:
        jukni = Jukni(tmp_path)
        _crawl(jukni, site, cloud, OPEN)
    snapshot = mirrored.sealed(jukni.archive)
    assert _counts(snapshot, "file") == {"expected": 5, "captured": 5, "denied": 0, "missing": 1, "gaps": 0}


def test_a_file_that_grows_while_the_share_is_crawled_is_taken_as_it_is_then(tmp_path: Path) -> None:
    cloud = Cloud(_shares(), grows="Photos d’été/2024/carte.pdf")
    with Site(cloud) as site:
        jukni = Jukni(tmp_path)
        _crawl(jukni, site, cloud, OPEN)
    snapshot = mirrored.sealed(jukni.archive)
    assert _counts(snapshot, "file")["captured"] == len(TREE)
    assert b"written since" in b"".join(mirrored.bodies(snapshot))


def test_a_cloud_that_hides_its_version_gives_its_files(tmp_path: Path) -> None:
    for version in (25, 30):
        cloud = Cloud(_shares(), version=version, status=False)
        folder = tmp_path / str(version)
        folder.mkdir()
        with Site(cloud) as site:
            jukni = Jukni(folder)
            _crawl(jukni, site, cloud, OPEN)
        snapshot = mirrored.sealed(jukni.archive)
        assert _counts(snapshot, "file")["captured"] == len(TREE), version


def test_the_next_night_takes_what_changed(tmp_path: Path) -> None:
    cloud = Cloud(_shares())
    with Site(cloud) as site:
        jukni = Jukni(tmp_path)
        _crawl(jukni, site, cloud, OPEN)
        before = len(site.requests)
        tree = {
            **cloud.shares[0].files,
            "Photos d’été/neuf.pdf": nextcloud.text(OPEN, "Photos d’été/neuf.pdf"),
        }
        cloud.shares = (nextcloud.Share(OPEN, tree), *cloud.shares[1:])
        jukni.run("crawl", "nuage")
        second = site.requests[before:]
    snapshot = mirrored.sealed(jukni.archive)
    assert _counts(snapshot, "file")["captured"] == len(TREE) + 1
    assert mirrored.coverage(snapshot)["verdict"] == "complete"
    assert 304 in {request.status for request in second}
