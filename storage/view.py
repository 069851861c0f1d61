"""A snapshot's view laid out for checking: index lines by the place of their record, against the records.

Kept in a private temporary database that spills to disk: a million lines need no more memory than ten.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from storage.cdxj import Line
from storage.strict import Record

NOT_INDEXED = "not-indexed"
"""The metadata field by which a crawl says that an exchange is on purpose in no index."""
_CACHE = 32 * 1024  # KiB that stay in memory


class Place(NamedTuple):
    """What one index line says about one record; fields as in `storage.cdxj.Line`."""

    offset: int
    length: int
    kind: str
    url: str
    date: str
    digest: str
    id: str
    status: int
    truncated: str


class View:
    """All lines of one index, once they are loaded. count: how many."""

    def __init__(self) -> None:
        self.count = 0
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute(f"PRAGMA cache_size = -{_CACHE}")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute(
            """CREATE TABLE line (filename TEXT, offset INTEGER, length INTEGER, kind TEXT, url TEXT,
               date TEXT, digest TEXT, id TEXT, status INTEGER, truncated TEXT)"""
        )

    def load(self, lines: Iterable[Line]) -> None:
        """Take all lines in. What their source raises passes through; the lines before it are kept."""
        self._db.execute("BEGIN")
        try:
            self._db.executemany(
                "INSERT INTO line VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", map(self._row, lines)
            )
        finally:
            self._db.execute("COMMIT")
            self._db.execute("CREATE INDEX place ON line (filename, offset)")
            self._db.execute("CREATE INDEX capture ON line (url, date)")

    def files(self) -> set[str]:
        """Names of the WARC files that any line names."""
        return {name for (name,) in self._db.execute("SELECT DISTINCT filename FROM line")}

    def places(self, filename: str) -> Iterator[Place]:
        """What the lines say about one WARC file, in the order of the records."""
        rows = self._db.execute(
            """SELECT offset, length, kind, url, date, digest, id, status, truncated
               FROM line WHERE filename = ? ORDER BY offset""",
            (filename,),
        )
        return (Place(*row) for row in rows)

    def has_original(self, url: str, date: str, digest: str) -> bool:
        """Is there a response, itself no revisit, of this URL at this time with this payload?"""
        row = self._db.execute(
            "SELECT 1 FROM line WHERE url = ? AND date = ? AND digest = ? AND kind = 'response'",
            (url, date, digest),
        ).fetchone()
        return row is not None

    def close(self) -> None:
        """Give memory and disk back."""
        self._db.close()

    def _row(self, line: Line) -> tuple[str | int, ...]:
        self.count += 1
        place = (line.filename, line.offset, line.length, line.kind, line.url, line.date)
        return (*place, line.digest, line.id, line.status, line.truncated)


class Comparison:
    """The records of one WARC, in order, held against the lines that name them, in the same order.

    complete: every capture must have its line (own WARCs of an index that could be read).
    say: told each contradiction, one line.
    """

    def __init__(self, view: View, filename: str, *, complete: bool, say: Callable[[str], None]) -> None:
        self.lines = 0
        self._view = view
        self._complete = complete
        self._say = say
        self._places = view.places(filename)
        self._next = next(self._places, None)
        self._unindexed: dict[str, str] = {}

    def take(self, record: Record) -> bool:
        """One record, which is read to its end; was it undamaged?"""
        while self._next is not None and self._next.offset < record.offset:
            self._astray(self._next)
        if record.type == "metadata" and record.get("Content-Type") == "application/warc-fields":
            about = b"".join(record.chunks()).decode("utf-8", "replace")
            if any(line.partition(":")[0] == NOT_INDEXED for line in about.splitlines()):
                self._unindexed.pop(record.get("WARC-Concurrent-To").strip("<>"), None)
        record.drain()
        place = self._next if self._next is not None and self._next.offset == record.offset else None
        if record.damages:
            if place is not None:
                self._astray(place)
        elif place is not None:
            self._meet(record, place)
            self._advance()
        elif self._complete and _is_capture(record):
            self._unindexed[record.id] = f"byte {record.offset:,}: {record.uri}"
        while self._next is not None and self._next.offset == record.offset:
            self._say(f"the index names the record at byte {record.offset:,} twice: {self._next.url}")
            self._advance()
        return not record.damages

    def end(self) -> None:
        """After the last record."""
        while self._next is not None:
            self._astray(self._next)
        for capture in self._unindexed.values():
            self._say(f"a capture is in no index line, at {capture}")

    def skip(self) -> None:
        """When the file cannot be read: count its lines only."""
        while self._next is not None:
            self._advance()

    def _advance(self) -> None:
        self.lines += 1
        self._next = next(self._places, None)

    def _astray(self, place: Place) -> None:
        self._say(f"no whole record begins at byte {place.offset:,}, where the index has {place.url}")
        self._advance()

    def _meet(self, record: Record, place: Place) -> None:
        """The line and the record say the same."""
        response = record.type == "response"
        digest = record.payload_digest if response else record.get("WARC-Payload-Digest")
        pairs: list[tuple[str, object, object]] = [
            ("type", record.type, place.kind),
            ("URL", record.uri, place.url),
            ("date", record.date, place.date),
            ("payload digest", digest, place.digest),
            ("id", record.id, place.id),
            ("length", record.end - record.offset, place.length),
        ]
        if response:
            pairs.append(("status", record.http.status if record.http else 0, place.status))
            pairs.append(("truncation", record.get("WARC-Truncated"), place.truncated))
        for word, found, said in pairs:
            if found != said:
                self._say(
                    f"the record at byte {record.offset:,} has {word} {found!r}, the index line {said!r}"
                )
        if record.type == "revisit":
            url, date = record.get("WARC-Refers-To-Target-URI"), record.get("WARC-Refers-To-Date")
            if not self._view.has_original(url, date, digest):
                self._say(f"{record.uri} repeats {url} of {date}, which is not in the view")


def _is_capture(record: Record) -> bool:
    """An answer that cannot be read as HTTP is none, nor a 304 to which no original is known."""
    if record.type == "revisit":
        return True
    return record.type == "response" and record.http is not None and record.http.status != 304
