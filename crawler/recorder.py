"""An exchange becomes records, an index line, and perhaps a revisit of what was captured before.

The recorder writes WARC files and executes statements on the crawl's database; it never commits. So one
commit of the caller keeps record, index line and frontier together, and `recover` brings the files to what
was committed.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from storage.cdxj import Line, surt
from storage.exchange import Exchange
from storage.records import Draft, date_of, records_of, warcinfo
from storage.warc import OPEN, Writer, whole_until

SMALLEST_REVISIT = 1000
"""Bytes of payload below which a revisit record would save nothing (facts: it costs about 400 bytes)."""
BIG = 8 << 20
"""Bytes of a block from which on writing it lets others work in between."""
STRAY = ".stray"

_TABLES = (
    """CREATE TABLE IF NOT EXISTS warcs (
        serial INTEGER PRIMARY KEY, name TEXT NOT NULL, info TEXT NOT NULL,
        size INTEGER NOT NULL, synced INTEGER NOT NULL, finished INTEGER NOT NULL)""",
    # A row for each exchange. line: NULL when it is not in the index. needs: digest of an earlier original.
    """CREATE TABLE IF NOT EXISTS captures (
        serial INTEGER NOT NULL, offset INTEGER NOT NULL, ends INTEGER NOT NULL,
        row INTEGER, line TEXT, needs TEXT, PRIMARY KEY (serial, offset)) WITHOUT ROWID""",
    # What a revisit may point to: a capture of this crawl, or the line of an earlier one.
    """CREATE TABLE IF NOT EXISTS originals (
        digest TEXT PRIMARY KEY, serial INTEGER, offset INTEGER, line TEXT) WITHOUT ROWID""",
    # What each URL last had, for a 304.
    """CREATE TABLE IF NOT EXISTS known (
        url TEXT PRIMARY KEY, timestamp TEXT NOT NULL, digest TEXT NOT NULL,
        etag TEXT NOT NULL, modified TEXT NOT NULL) WITHOUT ROWID""",
)


def new_id() -> str:
    """A record id nobody else has: a random UUID (RFC 9562, version 4)."""
    # uuid.uuid4() gives the same at three times the cost, and every exchange needs three of them.
    bits = os.urandom(16).hex()
    variant = "89ab"[int(bits[16], 16) & 3]
    return f"urn:uuid:{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-{variant}{bits[17:20]}-{bits[20:]}"


class Recorder:
    """Writes the WARC files `PREFIX-00000.warc.gz`, … of one crawl into `folder`.

    db: what is executed here lasts with the caller's commit. After a failed commit, call `recover`.
    info: fields of the warcinfo record that begins each file. max_size: bytes from which on the next file
    begins; only a single large exchange makes a file longer.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        folder: Path,
        prefix: str,
        info: Mapping[str, str],
        *,
        max_size: int = 1_000_000_000,
        ids: Callable[[], str] = new_id,
    ) -> None:
        self._db = db
        self._folder = folder
        self._prefix = prefix
        self._info = dict(info)
        self._max_size = max_size
        self._ids = ids
        self._lock = asyncio.Lock()
        self._writer: Writer | None = None
        self._serial = -1
        self._next = 0
        self._warcinfo = ""
        self._first: bool | None = None  # whether there is no earlier crawl; None: not looked yet
        for table in _TABLES:
            db.execute(table)

    # -- writing -------------------------------------------------------------------------------------

    async def record(
        self,
        exchange: Exchange,
        *,
        row: int | None,
        via: str | None,
        hops: str,
        indexed: bool = True,
        note: Mapping[str, str] | None = None,
        verdict: str = "",
    ) -> Line | None:
        """Write the records of an exchange; gives its index line, None when it has none.

        row: frontier row to be asked for again if the records are lost. indexed: whether the exchange is a
        capture of its URL; one that cannot be read as HTTP never is, nor a 304 to which no original is known.
        note: further metadata fields. verdict: what its body is when it is no page ("denied", "missing"),
        for the index line. OutOfDisk: no room; the file ends with the exchange before, and once there is room
        again the recorder can go on.
        """
        async with self._lock:
            writer = self._file_for(exchange)
            start = writer.size
            original = self._original(exchange)
            drafts = records_of(
                exchange,
                ids=self._ids,
                warcinfo=self._warcinfo,
                original=original,
                via=via,
                hops=hops,
                note=note,
            )
            try:
                for draft in drafts:
                    if draft.size > BIG:
                        for _ in writer.steps(draft):
                            await asyncio.sleep(0)
                    else:
                        writer.append(draft)
                    if draft is drafts[0]:
                        length = writer.size - start
                line = None
                if indexed and exchange.head is not None and (original or exchange.head.status != 304):
                    line = self._line(exchange, drafts[0], original, start, length, verdict)
                self._remember(row, line, original, exchange, start, writer.size)
            except BaseException:
                writer.cut(start)
                self._forget(start)
                raise
            return line

    def sync(self) -> None:
        """Everything recorded is on the disk when this returns, and the database is told."""
        if self._writer is not None:
            self._writer.sync()
            self._db.execute("UPDATE warcs SET synced = size WHERE serial = ?", (self._serial,))

    def finish(self) -> None:
        """Close the file that is open and give it its name for good; a later `record` begins another."""
        if self._lock.locked():
            raise RuntimeError("finish() while an exchange is being recorded")
        if self._writer is not None:
            self._writer.finish()
            self._writer = None
            self._db.execute("UPDATE warcs SET synced = size, finished = 1 WHERE serial = ?", (self._serial,))

    def _file_for(self, exchange: Exchange) -> Writer:
        writer = self._writer
        if writer is not None and writer.size + exchange.response.size <= self._max_size:
            return writer
        if writer is not None:
            writer.finish()
            self._writer = None
            self._db.execute("UPDATE warcs SET synced = size, finished = 1 WHERE serial = ?", (self._serial,))
        serial = self._next
        name = self._name(serial)
        writer = Writer(self._folder / name)
        first = warcinfo(self._info, filename=name, date=date_of(exchange.began), id=self._ids())
        try:
            writer.append(first)
            self._db.execute(
                "INSERT INTO warcs VALUES (?, ?, ?, ?, 0, 0)", (serial, name, first.id, writer.size)
            )
        except BaseException:
            writer.close()
            writer.open_path.unlink()
            raise
        self._writer, self._serial, self._next, self._warcinfo = writer, serial, serial + 1, first.id
        return writer

    def _name(self, serial: int) -> str:
        return f"{self._prefix}-{serial:05}.warc.gz"

    # -- index lines and revisits --------------------------------------------------------------------

    def _original(self, exchange: Exchange) -> Line | None:
        """The capture this answer repeats, if a revisit may be written for it."""
        head = exchange.head
        if head is None or exchange.truncated:
            return None
        if head.status == 304:
            return self.previous(exchange.url)
        if head.status != 200 or exchange.payload_size < SMALLEST_REVISIT:
            return None
        line = self._by_digest(exchange.payload_digest)
        # Replay puts the revisit's head before the original's block, so both must be framed alike.
        return line if line is not None and line.coding == _coding(exchange) else None

    def _by_digest(self, digest: str) -> Line | None:
        found = self._db.execute(
            """SELECT coalesce(o.line, c.line) FROM originals o
               LEFT JOIN captures c ON c.serial = o.serial AND c.offset = o.offset WHERE o.digest = ?""",
            (digest,),
        ).fetchone()
        return Line.parse(found[0]) if found else None

    def _line(
        self,
        exchange: Exchange,
        answer: Draft,
        original: Line | None,
        offset: int,
        length: int,
        verdict: str,
    ) -> Line:
        head = exchange.head
        assert head is not None
        date = date_of(exchange.began)
        again = original if head.status == 304 else None
        return Line(
            key=surt(exchange.url),
            timestamp=_timestamp(date),
            url=exchange.url,
            mime=again.mime if again else head.mime,
            status=again.status if again else head.status,
            digest=original.digest if original else exchange.payload_digest,
            length=length,
            offset=offset,
            filename=self._name(self._serial),
            kind="revisit" if original else "response",
            id=answer.id,
            date=date,
            etag=_text(head.get(b"etag")) or (again.etag if again else ""),
            modified=_text(head.get(b"last-modified")) or (again.modified if again else ""),
            coding=_coding(exchange),
            truncated=exchange.truncated or "",
            extra=(("verdict", verdict),) if verdict else (),
        )

    def _remember(
        self,
        row: int | None,
        line: Line | None,
        original: Line | None,
        exchange: Exchange,
        start: int,
        ends: int,
    ) -> None:
        earlier = original is not None and not original.filename.startswith(f"{self._prefix}-")
        self._db.execute(
            "INSERT INTO captures VALUES (?, ?, ?, ?, ?, ?)",
            (
                self._serial,
                start,
                ends,
                row,
                line.to_text() if line else None,
                original.digest if original and earlier else None,
            ),
        )
        if (
            line is not None
            and line.kind == "response"
            and line.status == 200
            and not line.truncated
            and exchange.payload_size >= SMALLEST_REVISIT
        ):
            self._db.execute(
                "INSERT OR IGNORE INTO originals VALUES (?, ?, ?, NULL)", (line.digest, self._serial, start)
            )
        self._db.execute("UPDATE warcs SET size = ? WHERE serial = ?", (ends, self._serial))

    def load_originals(self, lines: Iterable[Line]) -> None:
        """Tell what the previous snapshot's view has, once, before the first exchange is recorded."""
        self._first = None
        for line in lines:
            if line.status != 200 or line.truncated or not (line.digest and line.id and line.date):
                continue
            if line.kind == "response":
                self._db.execute(
                    "INSERT OR IGNORE INTO originals VALUES (?, NULL, NULL, ?)", (line.digest, line.to_text())
                )
            self._db.execute(
                """INSERT INTO known VALUES (?, ?, ?, ?, ?) ON CONFLICT (url) DO UPDATE
                   SET timestamp = excluded.timestamp, digest = excluded.digest,
                       etag = excluded.etag, modified = excluded.modified
                   WHERE excluded.timestamp >= timestamp""",
                (line.url, line.timestamp, line.digest, line.etag, line.modified),
            )

    def previous(self, url: str) -> Line | None:
        """What an earlier crawl's last capture of this URL stands for; None without one.

        The line of the original, which may be of another URL, with the validators that came with the capture.
        """
        if self._first is None:
            self._first = self._db.execute("SELECT 1 FROM known LIMIT 1").fetchone() is None
        if self._first:
            return None
        found = self._db.execute("SELECT digest, etag, modified FROM known WHERE url = ?", (url,)).fetchone()
        original = self._by_digest(found[0]) if found else None
        return replace(original, etag=found[1], modified=found[2]) if original else None

    def lines(self) -> Iterator[Line]:
        """The view in index order: this crawl's captures, and the earlier originals their revisits need."""
        for (text,) in self._db.execute(
            """SELECT line FROM captures WHERE line IS NOT NULL
               UNION ALL
               SELECT line FROM originals WHERE line IS NOT NULL
                   AND digest IN (SELECT needs FROM captures WHERE needs IS NOT NULL)
               ORDER BY 1"""
        ):
            yield Line.parse(text)

    def own_files(self) -> list[Path]:
        """This crawl's WARC files by the names they have once finished, in order."""
        return [self._folder / name for (name,) in self._db.execute("SELECT name FROM warcs ORDER BY serial")]

    def size(self) -> int:
        """Bytes of this crawl's WARC files by now."""
        return int(self._db.execute("SELECT coalesce(sum(size), 0) FROM warcs").fetchone()[0])

    def requests(self) -> int:
        """How many exchanges of this crawl were recorded, every attempt counted."""
        return int(self._db.execute("SELECT count(*) FROM captures").fetchone()[0])

    # -- recovery ------------------------------------------------------------------------------------

    def recover(self) -> list[int]:
        """Bring files and tables to one state after a stop of any kind; gives frontier rows to ask for again.

        What was written but never committed is cut off. What was committed but not yet synced is read again,
        and cut from the first exchange on that is not whole. A file the database does not know of is kept
        aside as NAME.stray. May be called at any time, on an empty folder too.
        """
        if self._writer is not None:
            self._writer.close()
        self._writer, self._serial, self._next, self._warcinfo = None, -1, 0, ""
        lost: list[int] = []
        known: set[str] = set()
        table = self._db.execute(
            "SELECT serial, name, info, size, synced, finished FROM warcs ORDER BY serial"
        )
        for serial, name, info, size, synced, finished in table.fetchall():
            known.update((name, name + OPEN))
            self._serial, self._next = serial, serial + 1
            if not finished:
                lost += self._resume(serial, name, info, size, synced)
        for path in sorted(self._folder.glob(f"{self._prefix}-[0-9]*.warc.gz*")):
            if path.name not in known:
                serial = int(path.name.removeprefix(f"{self._prefix}-").partition(".")[0])
                self._next = max(self._next, serial + 1)
                if path.suffix != STRAY:
                    path.rename(path.with_name(path.name + STRAY))
        return lost

    def _resume(self, serial: int, name: str, info: str, size: int, synced: int) -> list[int]:
        path = self._folder / name
        unfinished = path.with_name(name + OPEN)
        if path.exists() and not unfinished.exists():
            path.rename(unfinished)
        there = unfinished.stat().st_size if unfinished.exists() else 0
        whole = whole_until(unfinished, synced if synced <= there else 0, size) if there else 0
        cut = self._db.execute(
            "SELECT min(offset) FROM captures WHERE serial = ? AND ends > ?", (serial, whole)
        ).fetchone()[0]
        end = whole if cut is None else min(whole, int(cut))
        rows = self._db.execute(
            "SELECT row FROM captures WHERE serial = ? AND offset >= ? AND row IS NOT NULL", (serial, end)
        ).fetchall()
        self._forget(end)
        if end == 0:
            unfinished.unlink(missing_ok=True)
            self._db.execute("DELETE FROM warcs WHERE serial = ?", (serial,))
        else:
            self._db.execute(
                "UPDATE warcs SET size = ?1, synced = min(synced, ?1) WHERE serial = ?2", (end, serial)
            )
            self._writer = Writer(path, size=end)
            self._warcinfo = info
        return [row for (row,) in rows]

    def _forget(self, start: int) -> None:
        self._db.execute("DELETE FROM captures WHERE serial = ? AND offset >= ?", (self._serial, start))
        self._db.execute("DELETE FROM originals WHERE serial = ? AND offset >= ?", (self._serial, start))


def _coding(exchange: Exchange) -> str:
    if exchange.head is None or not exchange.head.transfer_coded:
        return ""
    return ", ".join(_text(value).lower() for value in exchange.head.all(b"transfer-encoding"))


def _text(value: bytes | None) -> str:
    return (value or b"").decode("latin-1")


def _timestamp(date: str) -> str:
    return "".join(c for c in date[:19] if c.isdigit())
