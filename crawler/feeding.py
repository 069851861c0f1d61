"""Links found on one site that feed the others of the same configuration: pads and shares above all."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from crawler.canonical import canonical
from crawler.scope import Place
from storage.collection import Collection
from storage.errors import Failure
from storage.snapshot import COVERAGE


class Feeding:
    """Keeps which links lie on another configured site. others: name of each → its seeds."""

    def __init__(self, db: sqlite3.Connection, others: Mapping[str, Sequence[str]]) -> None:
        self._db = db
        self._others = [
            (name, Place.of(url))
            for name, seeds in sorted(others.items())
            for url in map(canonical, seeds)
            if url
        ]
        db.execute(
            "CREATE TABLE IF NOT EXISTS fed (site TEXT NOT NULL, url TEXT NOT NULL, PRIMARY KEY (site, url))"
            " WITHOUT ROWID"
        )

    def offer(self, url: str) -> None:
        """A canonical URL that is not this site's; kept when it is on the server of another.

        Old links say http:// and www. of what is elsewhere by now: it is kept as that site is configured.
        """
        here = Place.of(url)
        for name, place in self._others:
            if here.same_site(place) or place.same_site(here):
                path = url.removeprefix(replace(here, folder="/").door())
                found = replace(place, folder="/").door() + path
                self._db.execute("INSERT OR IGNORE INTO fed VALUES (?, ?)", (name, found))

    def found(self) -> dict[str, list[str]]:
        """Site → addresses on it, sorted; for coverage.json."""
        given: dict[str, list[str]] = {}
        for site, url in self._db.execute("SELECT site, url FROM fed ORDER BY site, url"):
            given.setdefault(site, []).append(url)
        return given


def fed(collections: Sequence[Collection], name: str) -> Iterator[str]:
    """Addresses on the site `name` that the newest snapshots of the other sites linked to."""
    for collection in collections:
        try:
            latest = collection.latest()
            report = json.loads((latest.folder / COVERAGE).read_bytes()) if latest else {}
        except (OSError, ValueError, Failure):
            continue  # a broken neighbour is its own crawl's business, and verify's
        links = report.get("links_to", {}) if isinstance(report, dict) else {}
        yield from (url for url in links.get(name, []) if isinstance(url, str))
