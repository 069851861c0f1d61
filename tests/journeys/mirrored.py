"""What lies in an archive, read from the disk alone; databases of open snapshots are looked at in a copy."""

from __future__ import annotations

import gzip
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from warcio.archiveiterator import ArchiveIterator

from storage import verify
from storage.cdxj import Line, read_index
from storage.collection import Collection, open_archive
from storage.http import decoded, find_head_end, parse_head, payload
from storage.snapshot import Snapshot
from storage.warc import OPEN, read, read_at


def collection(archive: Path) -> Collection:
    """The collection of the only site."""
    there = open_archive(archive)
    (site,) = there.sites()
    return there.collection(site)


def sealed(archive: Path) -> Snapshot:
    """The newest sealed snapshot of the only site."""
    found = collection(archive).latest()
    assert found is not None, "nothing was sealed"
    return found


def open_one(archive: Path) -> Snapshot:
    """The only open snapshot of the only site."""
    (found,) = collection(archive).open()
    return found


def lines(snapshot: Snapshot) -> list[Line]:
    return list(read_index(snapshot.index))


def statuses(snapshot: Snapshot) -> dict[str, list[int]]:
    """URL → the status of each of its captures; URLs without their server."""
    found: dict[str, list[int]] = {}
    for line in lines(snapshot):
        found.setdefault(target(line.url), []).append(line.status)
    return found


def target(url: str) -> str:
    """What stands behind the server of a URL."""
    return "/" + url.partition("://")[2].partition("/")[2]


def manifest_counts(snapshot: Snapshot) -> Mapping[str, int]:
    return snapshot.manifest().counts


def coverage(snapshot: Snapshot) -> dict[str, Any]:
    found = json.loads((snapshot.folder / "coverage.json").read_bytes())
    assert isinstance(found, dict)
    return found


def skipped(snapshot: Snapshot) -> dict[str, int]:
    """Rule → how many URLs it kept out."""
    counts: dict[str, int] = {}
    for entry in coverage(snapshot)["skipped"]:
        counts[entry["rule"]] = counts.get(entry["rule"], 0) + entry["count"]
    return counts


def block(snapshot: Snapshot, line: Line) -> bytes:
    """The bytes of the record a line names."""
    with read_at(snapshot.warcs / line.filename, line.offset) as record:
        return b"".join(record.chunks())


def inflated(path: Path) -> bytes:
    """What stands in a file, without the compression of a .gz."""
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def bodies(snapshot: Snapshot) -> Iterator[bytes]:
    """The decoded body of every answer in the snapshot's WARCs; what a person could read."""
    for warc in snapshot.manifest().warcs:
        for record in read(snapshot.root / warc.path):
            if record.type != "response":
                continue
            whole = b"".join(record.chunks())
            head = parse_head(whole[: find_head_end(whole)])
            assert head is not None
            yield decoded(head, payload(head, [whole[head.length :]]), 1 << 24)[0]


def proved(snapshot: Snapshot) -> None:
    """Our own verification proves it, and a foreign reader agrees on every digest of every record."""
    proof = verify.verify(snapshot, now=datetime.now(UTC))
    assert (proof.verdict, proof.problems) == ("proved", [])
    for warc in snapshot.manifest().warcs:
        with (snapshot.root / warc.path).open("rb") as file:
            for record in ArchiveIterator(file, check_digests="raise"):
                record.content_stream().read()


@contextmanager
def database(snapshot: Snapshot) -> Iterator[sqlite3.Connection]:
    """The database of an open snapshot as the next run will find it, in a copy: looking changes nothing."""
    with tempfile.TemporaryDirectory() as folder:
        for path in snapshot.folder.glob(snapshot.database.name + "*"):
            if not path.name.endswith("-shm"):
                shutil.copy(path, folder)
        with closing(sqlite3.connect(Path(folder, snapshot.database.name))) as db:
            yield db


def known_is_whole(snapshot: Snapshot) -> int:
    """Every record that the open snapshot's database knows can be read; how many exchanges it knows."""
    known = 0
    with database(snapshot) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'warcs'").fetchone():
            return 0
        for serial, name, size in db.execute("SELECT serial, name, size FROM warcs").fetchall():
            path = snapshot.warcs / name
            if not path.exists():
                path = path.with_name(name + OPEN)
            begun, end = set(), 0
            for record in read(path) if size else ():
                begun.add(record.offset)
                record.drain()
                assert not record.damages, (path, record.damages)
                end = record.end
                if end >= size:
                    break
            assert end == size, f"{path} is whole until {end}, the database knows {size}"
            places = db.execute("SELECT offset, ends FROM captures WHERE serial = ?", (serial,)).fetchall()
            assert begun >= {offset for offset, _ in places}
            assert all(ends <= size for _, ends in places)
            known += len(places)
    return known


def done(snapshot: Snapshot) -> set[str]:
    """URLs that the open snapshot's frontier counts as done."""
    with database(snapshot) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'urls'").fetchone():
            return set()
        return {url for (url,) in db.execute("SELECT url FROM urls WHERE state = 'done'")}
