"""archive.org on loopback with a clock that sleeping moves on, and an archive of public addresses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from storage.archive_org.client import Addresses, Client, Keys
from storage.archive_org.ledger import Entry, Ledger
from storage.archive_org.queue import Rules
from storage.archive_org.submit import Submitted, submit
from storage.snapshot import Snapshot
from tests.sites.archive_org import ACCESS, SECRET, ArchiveOrg
from tests.storage.archives import Made, made

SITE = "https://forum.exemple.org"
PAGES = [f"{SITE}/", *(f"{SITE}/sujet/D%C3%A9but:l%E2%80%99%C3%A9t%C3%A9-{n}?a=1&b=2" for n in range(1, 6))]
"""Six pages, with what addresses of wikis and forums have in them."""


@dataclass
class Clock:
    """A time that only sleeping moves."""

    now: datetime = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


@dataclass
class Desk:
    """One archive, one service, one clock: everything `submit` needs."""

    service: ArchiveOrg
    clock: Clock
    archive: Made
    rules: Rules = field(default_factory=Rules)
    secret: str = SECRET
    said: list[str] = field(default_factory=list)

    def crawl(self, pages: Mapping[str, bytes] | None = None, day: int = 0) -> Snapshot:
        """Seal a snapshot with these pages."""
        return self.archive.day(pages or {url: f"<title>{url}</title>".encode() for url in PAGES}, day)

    def client(self) -> Client:
        addresses = Addresses(save=self.service.save_url, cdx=self.service.cdx_url, web=self.service.web_url)
        return Client(addresses, Keys(ACCESS, self.secret), agent="Jukni (test)", proxies={})

    def submit(self, **options: Any) -> Submitted:
        """Submit the newest snapshot."""
        latest = self.archive.collection.latest()
        assert latest is not None
        return submit(
            [latest],
            self.client(),
            self.rules,
            now=self.clock,
            sleep=self.clock.sleep,
            say=self.said.append,
            **options,
        )

    @property
    def proofs(self) -> Path:
        return self.archive.collection.proofs

    def entry(self, url: str) -> Entry:
        found = Ledger(self.proofs).get(url)
        assert found is not None, f"the ledger knows nothing of {url}"
        return found


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    clock = Clock()
    with ArchiveOrg(clock) as service:
        yield Desk(service, clock, made(tmp_path / "archive à nous"))
