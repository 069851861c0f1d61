"""The one SQLite file of an open crawl: frontier and recorder write to it, `commit` alone makes it last.

Promise: what `commit` returned from survives SIGKILL; what `checkpoint` returned from survives a power cut.
Between two commits everything is one transaction, so the capture of a response, the end of its row and the
links found in it are kept together or not at all.

After each response: `commit` (no fsync). About once a second: sync the WARC file, then `checkpoint`, so that
the database never durably names bytes of a WARC that are not durable themselves.
"""

from __future__ import annotations

import shlex
import sqlite3
from pathlib import Path
from typing import Any

from storage.errors import BrokenData, Failure, OutOfDisk

CACHE_KIB = 32 * 1024
# A checkpoint the caller forgot: better one fsync out of order than a log that grows for ever.
FORGOTTEN_PAGES = 16_384


class Connection(sqlite3.Connection):
    """A connection whose statements raise `storage.errors.Failure` where disk or file is to blame.

    A transaction begins by itself with the first INSERT, UPDATE or DELETE after a commit.
    """

    path: Path

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        try:
            return super().execute(sql, parameters)
        except sqlite3.DatabaseError as error:
            raise understood(error, self.path) from error

    def executemany(self, sql: str, parameters: Any, /) -> sqlite3.Cursor:
        try:
            return super().executemany(sql, parameters)
        except sqlite3.DatabaseError as error:
            raise understood(error, self.path) from error

    def commit(self) -> None:
        try:
            super().commit()
        except sqlite3.DatabaseError as error:
            raise understood(error, self.path) from error


def open(path: Path) -> Connection:
    """Open or create the database at `path`.

    The page cache is bounded (32 MiB). Raises BrokenData when the file is not a database of ours to use.
    """
    db = sqlite3.connect(path, factory=Connection)
    db.path = path
    try:
        (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise BrokenData(
                "the crawl cannot be kept safe against a crash here",
                what=f"SQLite cannot write ahead on this file system (it offers {mode!r})",
                where=str(path),
                kept="nothing was written",
                next=[f"df -T {shlex.quote(str(path.parent))}"],
            )
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        db.execute(f"PRAGMA wal_autocheckpoint = {FORGOTTEN_PAGES}")
        db.execute("PRAGMA journal_size_limit = 67108864")
    except (Failure, sqlite3.Error):
        db.close()
        raise
    return db


def commit(db: sqlite3.Connection) -> None:
    """Keep everything since the last commit. No fsync: safe against SIGKILL, not yet against a power cut.

    Raises OutOfDisk; the transaction is then lost, what was committed before is not.
    """
    db.commit()


def checkpoint(db: sqlite3.Connection) -> None:
    """`commit`, then bring all of it to the disk (fsync) and let the write-ahead log start anew."""
    db.commit()
    db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def understood(error: sqlite3.DatabaseError, path: Path) -> Exception:
    """Our word for an error of SQLite, or the error itself when it is a bug of ours."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return error
    primary = code & 0xFF
    reading = code in (sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ)
    if primary == sqlite3.SQLITE_FULL or (primary == sqlite3.SQLITE_IOERR and not reading):
        return OutOfDisk(
            "the crawl stops here and is not finished",
            what=f"the disk took no more: {error}",
            where=str(path),
            kept="everything recorded up to the last response is readable",
            next=[f"df -h {shlex.quote(str(path.parent))}", "jukni crawl"],
        )
    if reading or primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return BrokenData(
            "the open crawl cannot be continued",
            what=f"its database cannot be read: {error}",
            where=str(path),
            kept="sealed snapshots and WARC files do not depend on it",
            next=["jukni crawl --new"],
        )
    return error
