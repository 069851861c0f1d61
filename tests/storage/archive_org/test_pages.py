"""Which pages may be handed over: public ones that do not ask to be left out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import storage.archive_org.pages as module
from storage.archive_org.pages import Wishes, is_public, is_reachable, ours, page_forbids, pages_of
from storage.archive_org.queue import Rules
from storage.cdxj import Line
from storage.errors import BrokenData
from storage.http import parse_head
from storage.records import Held, digest_of
from storage.snapshot import Snapshot
from tests.storage import archives
from tests.storage.archive_org.conftest import SITE, Desk

LINE = Line(
    key="k", timestamp="20261122030000", url=f"{SITE}/", mime="text/html", status=200, digest="sha1:A",
    length=1, offset=0, filename="a.warc.gz",
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "public"),
    [
        ({}, True),
        ({"mime": "application/xhtml+xml"}, True),
        ({"kind": "revisit"}, True),
        ({"extra": (("verdict", "ok"),)}, True),
        ({"extra": (("verdict", "denied"),)}, False),
        ({"extra": (("verdict", "missing"),)}, False),
        ({"extra": (("verdict", "challenge"),)}, False),
        ({"status": 403}, False),
        ({"status": 302}, False),
        ({"status": 0}, False),
        ({"mime": "image/png"}, False),
    ],
)
def test_what_is_public(change: dict[str, Any], public: bool) -> None:
    assert is_public(replace(LINE, **change)) is public


@pytest.mark.parametrize(
    ("url", "reachable"),
    [
        ("https://forum.exemple.org/", True),
        ("http://8.8.8.8/", True),
        ("http://127.0.0.1:8080/", False),
        ("http://10.1.2.3/", False),
        ("http://192.168.1.1/", False),
        ("http://[::1]/", False),
        ("http://[2001:4860:4860::8888]/", True),
        ("http://localhost/", False),
        ("http://intranet/", False),
        ("http://wiki.local/", False),
        ("http://wiki.internal./", False),
        ("http://box.home.arpa/", False),
        ("http://abcdefgh.onion/", False),
        ("https://moi:secret@forum.exemple.org/", False),
        ("ftp://forum.exemple.org/", False),
    ],
)
def test_what_can_be_reached(url: str, reachable: bool) -> None:
    assert is_reachable(url) is reachable


@pytest.mark.parametrize(
    ("head", "forbids"),
    [
        (b'<meta name="robots" content="noarchive">', True),
        (b"<META CONTENT='index, NOARCHIVE' NAME='ROBOTS' />", True),
        (b"<meta name=ia_archiver content=noarchive>", True),
        (b'<meta name="archive.org_bot" content="noarchive">', True),
        (b'<meta name="googlebot" content="noarchive">', False),
        (b'<meta name="robots" content="noindex,nofollow">', False),
        (b'<meta name="robots" content="none">', False),
        (b'<meta name="description" content="noarchive">', False),
        (b'<p>meta name="robots" content="noarchive"</p>', False),
    ],
)
def test_pages_that_ask_to_be_left_out(head: bytes, forbids: bool) -> None:
    assert page_forbids(b"<html><head>" + head + b"<title>x</title>") is forbids


@pytest.mark.parametrize(
    ("value", "forbids"),
    [
        ("noarchive", True),
        ("noindex, noarchive", True),
        ("archive.org_bot: noindex, noarchive", True),
        ("googlebot: noarchive", False),
        ("googlebot: noindex, noarchive", False),
        ("unavailable_after: 25 Jun 2027 15:00:00 PST, noarchive", True),
        ("noindex", False),
    ],
)
def test_headers_that_ask_it(value: str, forbids: bool) -> None:
    assert module._header_forbids(value) is forbids


def test_only_groups_for_archive_org_count() -> None:
    robots = """
User-agent: *
Disallow: /

User-agent: GoogleBot
User-agent: IA_Archiver   # them, too
Disallow: /prive/
Allow: /prive/ouvert

User-agent: autre
Disallow: /tout
"""
    expected = ["user-agent: ia_archiver", "disallow: /prive/", "allow: /prive/ouvert"]
    assert ours(robots).split("\n")[:3] == expected and "tout" not in ours(robots)
    assert ours("User-agent: *\nDisallow: /\n") == ""
    assert ours("pas de robots du tout") == ""


def test_wishes_in_a_snapshot(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """robots.txt, header and page, each in its own coding; and the switch that passes over them."""
    plain = archives.exchange

    def with_header(url: str, body: bytes, *more: Any) -> Any:
        seen = plain(url, body, *more)
        if not url.endswith("/entete"):
            return seen
        raw = b"".join(seen.response.chunks()).replace(b"\r\n", b"\r\nX-Robots-Tag: noarchive\r\n", 1)
        head = raw[: raw.index(b"\r\n\r\n") + 4]
        return replace(seen, response=Held(raw), head=parse_head(head), block_digest=digest_of(raw))

    monkeypatch.setattr(archives, "exchange", with_header)
    noarchive = b'<meta name="robots" content="noarchive"><title>x</title>'
    pages = {
        f"{SITE}/robots.txt": b"User-agent: archive.org_bot\nDisallow: /prive\n",
        f"{SITE}/": b"<title>accueil</title>",
        f"{SITE}/prive/a": b"<title>a</title>",
        f"{SITE}/entete": b"<title>b</title>",
        f"{SITE}/chunked": noarchive,
        "https://wiki.exemple.org/prive": b"<title>autre</title>",
    }
    desk.crawl(pages)
    done = desk.submit()
    assert [url for _, url in desk.service.asks] == [
        f"{SITE}/robots.txt", f"{SITE}/", "https://wiki.exemple.org/prive",
    ]  # fmt: skip
    assert done.summaries[0].unwanted == 3 and "3 are not asked for" in done.summaries[0].sentence()
    whys = {desk.entry(f"{SITE}/{name}").why for name in ("prive/a", "entete", "chunked")}
    assert len(whys) == 3 and "" not in whys
    desk.clock.now += timedelta(days=1)
    desk.submit()
    assert len(desk.service.asks) == 3
    desk.rules = Rules(obey=False)
    desk.submit()
    assert len(desk.service.asks) == 6


def test_a_page_that_was_unwanted_and_no_more_is(desk: Desk) -> None:
    url = f"{SITE}/page"
    desk.crawl({url: b'<meta name="robots" content="noarchive">'})
    desk.submit()
    desk.crawl({url: b"<title>ouverte</title>"}, day=1)
    desk.submit()
    assert [asked for _, asked in desk.service.asks] == [url]


def test_new_and_changed(desk: Desk) -> None:
    a, b, c = (f"{SITE}/{name}" for name in "abc")
    first = desk.crawl({a: b"<title>a</title>", b: b"<title>b</title>"})
    second = desk.crawl({a: b"<title>a</title>", b: b"<title>B</title>", c: b"<title>c</title>"}, day=1)
    third = desk.crawl({a: b"<title>a</title>", b: b"<title>B</title>", c: b"<title>c</title>"}, day=2)
    found = {page.url: page for page in pages_of(second, [first])}
    assert [found[url].new for url in (a, b, c)] == [False, False, True]
    assert found[a].changed is None and found[b].changed is not None
    later = {page.url: page for page in pages_of(third, [first, second])}
    assert [later[url].new for url in (a, b, c)] == [False] * 3
    assert later[b].changed == found[b].changed and later[a].changed is None
    assert {page.new for page in pages_of(first, [])} == {False}


def test_wishes_are_found_behind_revisits(desk: Desk) -> None:
    """On the second night robots.txt and the page are revisits, whose original may be of another address."""
    robots = b"User-agent: ia_archiver\nDisallow: /prive\n"
    noarchive = b'<meta name="robots" content="noarchive"><title>x</title>'
    pages = {f"{SITE}/": b"<title>x</title>", f"{SITE}/prive/a": b"<title>a</title>"}
    desk.crawl({f"{SITE}/autre": robots, f"{SITE}/copie": noarchive, **pages})
    latest = desk.crawl({f"{SITE}/robots.txt": robots, f"{SITE}/page": noarchive, **pages}, day=1)
    assert {line.url: line.kind for line in desk.archive.view.values()}[f"{SITE}/robots.txt"] == "revisit"
    pages_there = pages_of(latest, [])
    wishes = Wishes(latest, pages_there)
    found = {page.url: wishes.against(page) for page in pages_there}
    assert found[f"{SITE}/prive/a"] and found[f"{SITE}/page"] and not found[f"{SITE}/"]


def covered(snapshot: Snapshot, plain: object) -> None:
    (snapshot.folder / "coverage.json").write_text(json.dumps(plain), "utf-8")


def test_addresses_that_are_secrets(desk: Desk) -> None:
    pages = {f"{SITE}/": b"<title>x</title>", f"{SITE}/p/carnet": b"<title>pad</title>"}
    snapshot = desk.crawl(pages)
    covered(
        snapshot, {"software": [{"name": "Etherpad", "base": f"{SITE}/p/"}, {"name": "PhpBb", "base": SITE}]}
    )
    assert [page.url for page in pages_of(snapshot, [])] == [f"{SITE}/"]
    covered(snapshot, {"software": []})
    assert len(pages_of(snapshot, [])) == 2


def test_a_damaged_snapshot_is_told(desk: Desk, tmp_path: Path) -> None:
    snapshot = desk.crawl({f"{SITE}/": b"<title>x</title>"})
    (warc,) = snapshot.warcs.iterdir()
    (page,) = pages_of(snapshot, [])
    wishes = Wishes(snapshot, [page])
    warc.rename(tmp_path / "ailleurs")
    with pytest.raises(BrokenData, match="a page of the archive"):
        wishes.against(page)
    for name in ("index.cdxj.gz", "pages.jsonl", "coverage.json"):
        path = snapshot.folder / name
        path.rename(tmp_path / name)
        with pytest.raises(BrokenData, match="it is not there"):
            pages_of(snapshot, [])
        (tmp_path / name).rename(path)
    (snapshot.folder / "coverage.json").write_text("[]")
    with pytest.raises(BrokenData, match="a list of the archive"):
        pages_of(snapshot, [])
