"""`jukni submit` and `jukni status` as a person runs them, against archive.org's stand-in on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from storage import errors
from storage.archive_org import pages
from storage.archive_org.ledger import Ledger
from storage.collection import open_archive
from storage.verify import keep, verify
from tests.journeys.jukni import Jukni, mirror, wait_until
from tests.sites import parts
from tests.sites.archive_org import ACCESS, SECRET, ArchiveOrg
from tests.sites.static import Site
from tests.storage.archives import Made, made

SITE = "https://forum.exemple.org"
PAGES = [f"{SITE}/sujet/D%C3%A9but:l%E2%80%99%C3%A9t%C3%A9-{n}?a=1&b=2" for n in range(12)]
KEYS = {"IA_ACCESS_KEY_ID": ACCESS, "IA_SECRET_ACCESS_KEY": SECRET}
NO_KEYS = dict.fromkeys(KEYS, "")


@pytest.fixture
def service() -> Iterator[ArchiveOrg]:
    with ArchiveOrg(per_minute=10_000) as running:
        yield running


@pytest.fixture
def jukni(tmp_path: Path, service: ArchiveOrg) -> Jukni:
    program = Jukni(tmp_path)
    configure(program, service)
    sealed(program)
    return program


def configure(jukni: Jukni, service: ArchiveOrg, more: str = "") -> None:
    jukni.configure(
        f'[archive_org]\nsave_url = "{service.save_url}"\ncdx_url = "{service.cdx_url}"\n'
        f'web_url = "{service.web_url}"\nper_minute = 600\npoll = 0.1\npatience = 20\n{more}'
    )


def sealed(jukni: Jukni) -> Made:
    archive = made(jukni.archive)
    snapshot = archive.day({url: f"<title>{url}</title>".encode() for url in PAGES})
    keep(snapshot, verify(snapshot, now=datetime.now(UTC)))
    return archive


def test_pages_go_there_and_status_tells(jukni: Jukni, service: ArchiveOrg) -> None:
    service.has(PAGES[0], datetime.now(UTC) - timedelta(days=10))
    ended = jukni.run("submit", "--max", "5", "--json", env=KEYS)
    assert json.loads(ended.out) == [
        {"site": "forum", "pages": 12, "there": 6, "old": 0, "asked": 5, "waiting": 0, "left": 6}
    ]
    sentence = "6 of 12 pages are on archive.org; 200 a night, done in 1 night"
    assert f"forum: {sentence}" in ended.err
    assert sentence in jukni.run("status").out
    found = json.loads(jukni.run("status", "forum", "--json").out)
    assert found["verdict"] == "complete" and found["verified"].startswith("proved, ")
    assert (found["archive.org"]["there"], found["archive.org"]["pages"]) == (6, 12)
    jukni.run("submit", env=KEYS)
    assert sorted(url for _, url in service.asks) == sorted(PAGES[1:])
    assert service.most_active <= 2
    assert SECRET not in "".join(
        path.read_text("utf-8", "replace") for path in jukni.folder.rglob("*") if path.is_file()
    )


def test_killed_at_any_moment_it_goes_on_and_asks_nothing_twice(jukni: Jukni, service: ArchiveOrg) -> None:
    service.scripts = dict.fromkeys(PAGES, "pending2, success")

    def reached(count: int) -> bool:
        return len(service.asks) >= count

    for count in (1, 2, 4, 6, 9):
        running = jukni.start("submit", env=KEYS)
        wait_until(partial(reached, count), running)
        running.kill()
    jukni.run("submit", env=KEYS)
    assert max(service.times_asked(url) for url in PAGES) == 1
    entries = {entry.url: entry for entry in Ledger(jukni.archive / "forum" / "proofs")}
    asked = {url for _, url in service.asks}
    states = {entries[url].state for url in PAGES}
    assert states <= {"confirmed", "unsure"} and "confirmed" in states
    # One that was just being sent when the kill came may or may not have arrived: it waits a day.
    assert {url for url in PAGES if url not in asked} <= {
        url for url in PAGES if entries[url].state == "unsure"
    }


def test_two_at_once_are_one_too_many(jukni: Jukni, service: ArchiveOrg) -> None:
    service.scripts = dict.fromkeys(PAGES, "pending999")
    running = jukni.start("submit", env=KEYS)
    wait_until(lambda: service.asks, running)
    ended = jukni.run("submit", env=KEYS, code=errors.LOCKED)
    assert "another run is handing pages of this archive to archive.org" in ended.err
    running.kill()


def test_without_keys_nothing_is_sent(jukni: Jukni, service: ArchiveOrg) -> None:
    ended = jukni.run("submit", env=NO_KEYS, code=errors.USAGE)
    assert "https://archive.org/account/s3.php" in ended.err and "nothing was sent" in ended.err
    assert service.requests == []


def test_a_dry_run_needs_no_keys(jukni: Jukni, service: ArchiveOrg) -> None:
    ended = jukni.run("submit", "--dry-run", "--max", "2", "--json", env=NO_KEYS)
    assert json.loads(ended.out) == [{"site": "forum", "why": "never", "url": url} for url in PAGES[:2]]
    assert [target.split("?")[0] for _, target in service.requests] == ["/cdx/search/cdx"]


def test_refused_keys_and_a_service_that_is_away(jukni: Jukni, service: ArchiveOrg) -> None:
    wrong = {**KEYS, "IA_SECRET_ACCESS_KEY": "fausse-clef"}
    ended = jukni.run("submit", env=wrong, code=errors.REMOTE)
    assert "archive.org does not take the keys" in ended.err and "fausse-clef" not in ended.err
    told = jukni.run("doctor", env=wrong, code=errors.USAGE).out
    assert "archive.org keys" in told and "https://archive.org/account/s3.php" in told
    service.broken_index = [(404, b"")]
    ended = jukni.run("submit", env=KEYS, code=errors.REMOTE)
    assert "what archive.org has could not be looked up" in ended.err


def test_the_doctor_asks_archive_org(jukni: Jukni, service: ArchiveOrg) -> None:
    rows = json.loads(jukni.run("doctor", "--json", env=KEYS, code=None).out.splitlines()[0])
    found = {row["what"]: row["verdict"] for row in rows}
    assert (found["archive.org keys"], found["archive.org"]) == ("well", "well")
    rows = json.loads(jukni.run("doctor", "--json", env=NO_KEYS, code=None).out.splitlines()[0])
    assert {row["what"]: row["verdict"] for row in rows}["archive.org keys"] == "wrong"
    before = len(service.requests)
    jukni.run("doctor", "--no-store", env=KEYS, code=None)
    assert len(service.requests) == before


def test_a_private_site_stays_here(jukni: Jukni, service: ArchiveOrg) -> None:
    (jukni.archive / "forum" / "PRIVATE.txt").touch()
    assert "forum is private and stays here" in jukni.run("submit", env=KEYS).err
    ended = jukni.run("submit", "forum", env=KEYS, code=errors.USAGE)
    assert "forum is private and is not handed to archive.org" in ended.err
    assert service.requests == []
    assert "archive.org  private, stays here" in jukni.run("status").out


def test_keys_never_travel_in_the_open(jukni: Jukni, service: ArchiveOrg) -> None:
    jukni.configure('[archive_org]\nsave_url = "http://archive.exemple.org/save"\n')
    ended = jukni.run("submit", env=KEYS, code=errors.USAGE)
    assert "[archive_org] save_url" in ended.err and "the keys would travel" in ended.err


def test_status_says_what_is_not_well(jukni: Jukni, service: ArchiveOrg, tmp_path: Path) -> None:
    (tmp_path / "disque").mkdir()
    configure(jukni, service, '[store.disque]\ntype = "directory"\npath = "disque"\n')
    ended = jukni.run("status", code=errors.UNPROVEN)
    assert "forum: not pushed to disque" in ended.err
    jukni.run("push")
    ended = jukni.run("status")
    assert "pushed to disque  proved, " in ended.out and "never submitted" in ended.out
    proof = next((jukni.archive / "forum" / "proofs").glob("*-verified.json"))
    proof.write_text(proof.read_text("utf-8").replace('"proved"', '"broken"'))
    assert "forum: verified: broken" in jukni.run("status", code=errors.BROKEN).err
    configure(jukni, service, '[site.wiki]\nurl = "https://wiki.exemple.org/"\n')
    assert "wiki: it was never crawled" in jukni.run("status", "wiki", code=errors.UNPROVEN).err


def test_a_snapshot_becomes_an_item(jukni: Jukni, service: ArchiveOrg) -> None:
    places = f'item_url = "{service.url}/s3"\nmetadata_url = "{service.url}/metadata"\n'
    configure(jukni, service, places + '[archive]\noperator = "Communauté d’été, admin@exemple.org"\n')
    ended = jukni.run("submit", "forum", "--as-item", "--json", env=KEYS)
    (row,) = json.loads(ended.out)
    assert row["verdict"] == "proved" and row["item"].startswith(
        "https://archive.org/details/jukni-forum-2026"
    )
    (item,) = service.items.values()
    there = {
        path.relative_to(jukni.archive).as_posix() for path in jukni.archive.rglob("*") if path.is_file()
    }
    assert set(item["files"]) == {name for name in there if "proofs/" not in name and ".lock" not in name}
    assert item["headers"]["x-archive-meta00-mediatype"] == "web"
    assert item["headers"]["content-md5"] and item["headers"]["content-length"]
    assert item["headers"]["authorization"] == f"LOW {ACCESS}:{SECRET}"
    assert all(ACCESS not in headers.get("user-agent", "") for headers in service.headers)
    puts = [target for method, target in service.requests if method == "PUT"]
    assert len(puts) == len(item["files"]) and "manifest.json" not in puts[0]
    jukni.run("submit", "forum", "--as-item", env=KEYS)
    assert len([1 for method, _ in service.requests if method == "PUT"]) == len(puts)

    service.item_lists = lambda files: files[1:]
    ended = jukni.run("submit", "forum", "--as-item", env=KEYS, code=errors.UNPROVEN)
    assert "not listed yet" in ended.err and "is not whole at archive.org" in ended.err
    service.item_lists = lambda files: [{**files[0], "md5": "0" * 32}, *files[1:]]
    ended = jukni.run("submit", "forum", "--as-item", env=KEYS, code=errors.BROKEN)
    assert "other bytes are there" in ended.err
    service.item_lists = lambda files: []
    service.item_answers = [
        (403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
    ]
    ended = jukni.run("submit", "forum", "--as-item", env=KEYS, code=errors.REMOTE)
    assert "Access Denied" in ended.err and SECRET not in ended.err
    proof = json.loads(next((jukni.archive / "forum" / "proofs").glob("*-item.json")).read_bytes())
    assert proof["verdict"] == "unproven" and proof["files"] == 0
    (jukni.archive / "forum" / "PRIVATE.txt").touch()
    assert "marked as private" in jukni.run("submit", "forum", "--as-item", env=KEYS, code=errors.USAGE).err


def test_what_a_crawl_has_sealed(jukni: Jukni, service: ArchiveOrg, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's own files are understood; and what only this machine can reach stays here."""
    with Site(parts.pages(4)) as site:
        jukni.run(*mirror(f"{site.url}/"))
    archive = open_archive(jukni.archive)
    (name,) = set(archive.sites()) - {"forum"}
    (snapshot,) = archive.collection(name).sealed()
    ended = jukni.run("submit", snapshot.site, env=KEYS)
    assert f"{snapshot.site}: it has no page that everybody can reach" in ended.err
    assert service.requests == []
    monkeypatch.setattr(pages, "is_reachable", lambda url: True)
    found = pages.pages_of(snapshot, [])
    assert len(found) == snapshot.manifest().counts["pages"] >= 4
    wishes = pages.Wishes(snapshot, found)
    assert {wishes.against(page) for page in found} == {""}
