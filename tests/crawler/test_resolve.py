"""What captured pages name is looked up in the view: found, explained, or hanging in the air."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crawler import database
from crawler.known import Known
from crawler.recorder import Recorder
from crawler.resolve import Resolved, resolve
from storage.exchange import Exchange
from storage.http import parse_head
from storage.records import Held, digest_of

WIKI = "http://jardin.example/wiki/"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Archive:
    """A recorder, and what the crawl knows of its URLs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.db = database.open(folder / "crawl.sqlite")
        self.recorder = Recorder(self.db, folder, "wiki-0", {})
        self.states: dict[str, str] = {}
        self.taken = 0

    def capture(self, name: str, body: str, *, head: str = "200 OK", verdict: str = "") -> None:
        raw = f"HTTP/1.1 {head}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n".encode()
        self.taken += 1
        shown = f'<link rel="icon" href="{name}">{body}'.encode()
        exchange = Exchange(
            url=WIKI + name,
            began=NOON + timedelta(milliseconds=self.taken),
            request=f"GET /wiki/{name} HTTP/1.1\r\n\r\n".encode(),
            response=Held(raw + shown),
            head=parse_head(raw),
            payload_digest=digest_of(shown),
        )
        asyncio.run(self.recorder.record(exchange, row=None, via=None, hops="", verdict=verdict))

    def resolved(self) -> Resolved:
        def known(url: str) -> Known | None:
            state = self.states.get(url)
            return (
                None
                if state is None
                else Known(1, url, state, None, "", 0, None, None, None, None, None, None, ())
            )

        return resolve(self.recorder.lines, self.folder, lambda url: url.startswith(WIKI), known)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    made = Archive(tmp_path)
    yield made
    made.db.close()


def test_what_a_page_names(archive: Archive) -> None:
    archive.capture(
        "accueil", '<a href="été">É</a><a href="non">n</a><a href="/dehors">d</a><a href="x">x</a>'
    )
    archive.capture("%C3%A9t%C3%A9", '<img src="http://loin.example/i.png"><a href="accueil">a</a>')
    archive.states[f"{WIKI}non"] = "skipped"
    done = archive.resolved()
    assert (done.checked, done.found, done.explained, done.hanging) == (5, 2, 1, 2)
    assert sorted(done.dangling) == [
        ("http://jardin.example/wiki/x", f"{WIKI}accueil"),
        ("http://loin.example/i.png", f"{WIKI}%C3%A9t%C3%A9"),
    ]


def test_what_is_no_page_names_nothing(archive: Archive) -> None:
    archive.capture("secret", '<a href="login">x</a>', verdict="denied")
    archive.capture("absente", '<a href="creer">x</a>', head="404 Not Found")
    assert archive.resolved() == Resolved()


def test_a_page_that_is_a_gap_itself_was_not_followed(archive: Archive) -> None:
    archive.capture("accueil", '<a href="x">x</a>')
    archive.states[f"{WIKI}accueil"] = "failed"
    assert (archive.resolved().explained, archive.resolved().hanging) == (1, 0)


def test_of_two_captures_the_later_one_counts(archive: Archive) -> None:
    """The crawl was killed when the first was recorded and not yet learnt from."""
    archive.capture("accueil", '<a href="tache?1">x</a>')
    archive.capture("accueil", '<a href="tache?2">x</a>')
    assert [url for url, _ in archive.resolved().dangling] == [f"{WIKI}tache?2"]
