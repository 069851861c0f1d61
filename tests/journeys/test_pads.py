"""A real pad server: the pads that are named, with their whole history, and no pad made by looking."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import pytest

from storage.collection import open_archive
from storage.snapshot import Snapshot
from tests.journeys import mirrored
from tests.journeys.jukni import Jukni, wait_until
from tests.sites import parts
from tests.sites.etherpad import Pads, etherpad
from tests.sites.nextcloud import Cloud, share
from tests.sites.static import Site

pytestmark = [pytest.mark.real, pytest.mark.slow]

OPEN, OTHER = "aBcDeFgHiJ12345", "ZyXwVuTsRq98765"
NAMED = ("Réunion_d'été", "R&D", "compte-rendu")


def _configure(jukni: Jukni, urls: list[str], more: str = "delay = 0.0") -> None:
    quoted = ", ".join(f'"{url}"' for url in urls)
    jukni.configure(f"[site.pads]\nurls = [{quoted}]\n{more}\nretry_wait = 0.05\n")


def _items(snapshot: Snapshot) -> dict[str, dict[str, Any]]:
    return {items["kind"]: items for items in mirrored.coverage(snapshot)["items"]}


def _markers(snapshot: Snapshot, pads: Pads) -> tuple[set[str], set[str]]:
    """Pads of which every paragraph and message is there; pads of which anything is."""
    whole = b"\n".join(mirrored.bodies(snapshot))
    all_there, some = set(), set()
    for pad in pads.pads:
        found = [marker.encode() in whole for marker in (*pad.markers, *pad.said)]
        all_there |= {pad.name} if all(found) else set()
        some |= {pad.name} if any(found) else set()
    return all_there, some


def test_the_pads_of_the_configuration_are_kept_whole(pads: Pads, tmp_path: Path) -> None:
    before, names = len(pads.requests()), pads.names()
    jukni = Jukni(tmp_path)
    _configure(jukni, [pads.address(name) for name in NAMED])
    jukni.run("crawl", "pads")
    snapshot = mirrored.sealed(jukni.archive)

    assert _markers(snapshot, pads) == (set(NAMED), set(NAMED))
    asked = pads.requests()[before:]
    assert sorted(line for line in asked if "/export/" not in line) == [
        "GET /api",
        "GET /favicon.ico",
        "GET /robots.txt",
    ]
    assert len(asked) == 3 * len(NAMED) + 3
    assert pads.names() == names
    items = _items(snapshot)
    for kind in ("pad", "text", "html"):
        assert items[kind]["captured"] == items[kind]["expected"] == len(NAMED), kind
    assert items["revision"]["captured"] == sum(pads.pad(name).revisions for name in NAMED)
    assert items["message"]["captured"] == 3
    report = mirrored.coverage(snapshot)
    assert report["verdict"] == "complete"
    assert report["counters"]["checked"] == report["counters"]["agree"] == 2 * len(NAMED)
    mirrored.proved(snapshot)


def test_a_pad_that_is_not_there_is_told_and_not_made(pads: Pads, tmp_path: Path) -> None:
    before, names = len(pads.requests()), pads.names()
    jukni = Jukni(tmp_path)
    _configure(jukni, [pads.address("compte-rendu"), pads.address("jamais écrit")])
    ended = jukni.run("crawl", "pads", code=3)
    snapshot = mirrored.sealed(jukni.archive)
    (gap,) = mirrored.coverage(snapshot)["gaps"]
    assert (gap["kind"], gap["id"]) == ("pad", "jamais_écrit")
    assert "1 " in ended.err
    assert pads.names() == names
    asked = [line for line in pads.requests()[before:] if "jamais" in line]
    assert {line.rpartition("/")[2] for line in asked} == {"etherpad"}
    assert _items(snapshot)["pad"]["captured"] == 1


def test_a_read_only_address_gives_the_pad(pads: Pads, tmp_path: Path) -> None:
    pad = pads.pad("à_lire_seulement")
    jukni = Jukni(tmp_path)
    _configure(jukni, [pads.address(pad.read_only) + "/timeslider"])
    jukni.run("crawl", "pads")
    snapshot = mirrored.sealed(jukni.archive)
    assert _markers(snapshot, pads)[0] == {pad.name}
    assert _items(snapshot)["revision"]["captured"] == pad.revisions


def test_from_the_front_page_no_pad_is_known(pads: Pads, tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    before = len(pads.requests())
    _configure(jukni, [f"{pads.url}/"])
    jukni.run("crawl", "pads")
    report = mirrored.coverage(mirrored.sealed(jukni.archive))
    assert [one["name"] for one in report["software"]] == ["etherpad"]
    assert report["verdict"] == "unknown"
    asked = pads.requests()[before:]
    assert [line for line in asked if "/p/" in line or line == "GET /javascript"] == []
    assert "GET /static/js/index.js" in asked


def test_the_next_night_reads_the_pads_again(pads: Pads, tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    _configure(jukni, [pads.address("Réunion_d'été")])
    jukni.run("crawl", "pads")
    jukni.run("crawl", "pads")
    snapshot = mirrored.sealed(jukni.archive)
    assert mirrored.coverage(snapshot)["verdict"] == "complete"
    assert _items(snapshot)["revision"]["captured"] == pads.pad("Réunion_d'été").revisions
    assert {line.kind for line in mirrored.lines(snapshot) if "/export/" in line.url} >= {"revisit"}


def test_the_limit_of_the_server_is_waited_for(tmp_path: Path) -> None:
    """Two exports a second: the third is refused, and comes later."""
    folder = tmp_path / "server"
    folder.mkdir()
    with etherpad(folder, exports=2, seconds=1) as pads:
        jukni = Jukni(tmp_path)
        _configure(jukni, [pads.address("R&D")])
        jukni.run("crawl", "pads")
        asked = [line for line in pads.requests() if "/export/" in line]
    snapshot = mirrored.sealed(jukni.archive)
    assert len(asked) == 4
    assert mirrored.coverage(snapshot)["verdict"] == "complete"
    assert _markers(snapshot, pads)[0] == {"R&D"}


def test_what_a_wiki_links_to_feeds_the_pads_and_the_shares(pads: Pads, tmp_path: Path) -> None:
    cloud = Cloud((share(OPEN, "Lisez-moi.txt", "Photos d’été/plage.txt"), share(OTHER, "secret.txt")))
    linked = [
        f"{pads.address('R&D')}?showChat=false&lang=fr",
        f"{pads.address('à_lire_seulement')}/export/html",
        pads.address("jamais écrit"),
    ]
    names, before = pads.names(), len(pads.requests())
    with Site(cloud) as clouds:
        linked += [f"{clouds.url}/s/{OPEN}/download", f"{clouds.url}/s/pErImEe00000000"]
        anchors = "".join(f'<a href="{html.escape(url)}">l’été</a>' for url in linked)
        page = f"<!DOCTYPE html><meta charset=utf-8><title>Accueil</title>{anchors}".encode()
        with Site(parts.files({"/": ("text/html", page)})) as wiki:
            jukni = Jukni(tmp_path)
            seeds = {"wiki": wiki.url, "pads": pads.url, "nuage": clouds.url}
            jukni.configure("".join(f'[site.{n}]\nurl = "{u}/"\ndelay = 0.0\n' for n, u in seeds.items()))
            jukni.run("crawl")
        asked = [request.target for request in clouds.requests]
    archive = open_archive(jukni.archive)
    fed, shared = (archive.collection(name).latest() for name in ("pads", "nuage"))
    assert fed is not None and shared is not None

    assert _markers(fed, pads)[1] == {"R&D", "à_lire_seulement"}
    assert pads.names() == names
    assert [line for line in pads.requests()[before:] if "/p/" in line and "/export/" not in line] == []
    assert (_items(fed)["pad"]["captured"], _items(fed)["pad"]["missing"]) == (2, 1)
    assert mirrored.coverage(fed)["verdict"] == "complete"

    assert (_items(shared)["share"]["captured"], _items(shared)["share"]["missing"]) == (1, 1)
    assert _items(shared)["file"]["captured"] == 2
    assert mirrored.coverage(shared)["verdict"] == "complete"
    assert [target for target in asked if OTHER in target] == []


@pytest.mark.parametrize(("more", "said"), [("", "delay 9 s"), ("delay = 0.25", "delay 0.25 s")])
def test_the_servers_own_limit_holds_unless_a_delay_is_named(
    pads: Pads, tmp_path: Path, more: str, said: str
) -> None:
    jukni = Jukni(tmp_path)
    _configure(jukni, [pads.address("R&D")], more)
    running = jukni.start("crawl", "pads")
    assert wait_until(lambda: said in running.said(), running)
    running.kill()
