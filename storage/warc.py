"""WARC files: written once, one gzip member for each record, and read strictly, in flat memory.

`read` raises at the first thing wrong and is for those who want the records; `check` reports everything
wrong and is for those who want to know.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.errors import BrokenData
from storage.files import room_for, sync_folder
from storage.records import Draft
from storage.strict import MAGIC, Damage, Flaw, Member, Record, Source

__all__ = [
    "OPEN",
    "BrokenRecord",
    "Checked",
    "Damage",
    "Record",
    "Writer",
    "check",
    "read",
    "read_at",
    "whole_until",
]

_deflate: Any = zlib
_LEVEL = 6
with suppress(ImportError):
    from isal import isal_zlib as _deflate

    _LEVEL = 2

OPEN = ".open"
_GZIP = 31
_AT_ONCE = 1 << 20
"""Records up to this size are compressed in one go."""


class Writer:
    """One WARC file that grows as NAME.open and is given its name when it is finished.

    What `append` has returned for survives a kill of the process; what `sync` has returned for, a power cut.
    size: bytes of whole records; the file is longer only while `steps` is under way.
    OutOfDisk: no room; the file is cut back to its last whole record and writing may be tried again.
    """

    def __init__(self, path: Path, *, size: int | None = None) -> None:
        """Begin the file `path`, or with `size` go on behind the first `size` bytes of its .open file."""
        self.path = path
        self.open_path = path.with_name(path.name + OPEN)
        flags = os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0)
        with room_for(self.open_path):
            if size is None:
                self._file = os.open(self.open_path, flags | os.O_CREAT | os.O_EXCL, 0o644)
            else:
                self._file = os.open(self.open_path, flags)
        self.size = 0
        self.cut(size or 0)

    def append(self, record: Draft) -> tuple[int, int]:
        """Write a record; gives offset and length of its gzip member."""
        steps = self.steps(record)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                place: tuple[int, int] = end.value
                return place

    def steps(self, record: Draft) -> Generator[None, None, tuple[int, int]]:
        """`append` in steps of about a megabyte, so that others may work in between; the value is its result.

        When it is not run to its end, `cut` is due.
        """
        offset = self.size
        length = 0
        with room_for(self.open_path):
            try:
                if record.size <= _AT_ONCE:
                    length += self._write(_deflate.compress(b"".join(record.pieces()), _LEVEL, _GZIP))
                else:
                    packer = _deflate.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
                    taken = 0
                    for piece in record.pieces():
                        length += self._write(packer.compress(piece))
                        taken += len(piece)
                        if taken >= _AT_ONCE:
                            taken = 0
                            yield
                    length += self._write(packer.flush())
            except OSError:
                self.cut(offset)
                raise
        self.size = offset + length
        return offset, length

    def cut(self, size: int) -> None:
        """Forget everything behind the first `size` bytes."""
        os.ftruncate(self._file, size)
        self.size = size

    def sync(self) -> None:
        """Everything appended is on the disk when this returns."""
        with room_for(self.open_path):
            os.fsync(self._file)

    def finish(self) -> Path:
        """Sync, give the file its name for good, and return it. The writer is closed then."""
        self.sync()
        self.close()
        self.open_path.rename(self.path)
        sync_folder(self.path.parent)
        return self.path

    def close(self) -> None:
        """Leave the file as it is, still open to be gone on with."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _write(self, data: bytes) -> int:
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]
        return len(data)


class BrokenRecord(BrokenData):
    """A record is not what was written. damage: the first thing found wrong with it."""

    def __init__(self, path: Path, damage: Damage) -> None:
        super().__init__(
            f"{path.name} is damaged", what=f"at byte {damage.offset}: {damage.text}", where=str(path)
        )
        self.damage = damage


@dataclass(frozen=True, slots=True)
class Checked:
    """What `check` found at one place of a file: a record, or a stretch of bytes that is none (type "").

    offset, length: bytes of the file.
    """

    offset: int
    length: int
    type: str
    id: str
    damages: tuple[Damage, ...]


def read(path: Path, start: int = 0) -> Iterator[Record]:
    """The records of a file in order, from the one that begins at byte `start`.

    Blocks that the caller does not read are read and checked all the same. BrokenRecord at the first damage,
    after the records before it; an id given twice is one.
    """
    with path.open("rb") as file:
        source = Source(file.fileno())
        ids: set[int] = set()
        offset = start
        while not source.ends(offset):
            try:
                record = Record(source, offset)
            except Flaw as flaw:
                raise BrokenRecord(path, flaw.at(offset)) from flaw
            record.note_duplicate(ids)
            yield record
            record.drain()
            if record.damages:
                raise BrokenRecord(path, record.damages[0])
            offset = record.end


@contextmanager
def read_at(path: Path, offset: int) -> Iterator[Record]:
    """The one record that begins at `offset`; BrokenRecord when it is damaged, at the latest on leaving."""
    with path.open("rb") as file:
        try:
            record = Record(Source(file.fileno()), offset)
        except Flaw as flaw:
            raise BrokenRecord(path, flaw.at(offset)) from flaw
        yield record
        record.drain()
        if record.damages:
            raise BrokenRecord(path, record.damages[0])


def whole_until(path: Path, start: int, limit: int) -> int:
    """The end of the last whole record of those from byte `start` on that end by byte `limit`."""
    end = start
    try:
        for record in read(path, start):
            record.drain()
            if record.damages or record.end > limit:
                break
            end = record.end
    except BrokenRecord:
        pass
    return end


def check(path: Path, payloads: Mapping[int, str]) -> Iterator[Checked]:
    """Everything there is in a file, one `Checked` for each record, with all that is wrong.

    payloads: payload digests the index gives, by offset; the response record there must have that payload.
    After damage that hides a record's end the search goes on for the next record. OSError when the file
    cannot be read.
    """
    with path.open("rb") as file:
        source = Source(file.fileno())
        ids: set[int] = set()
        offset = 0
        while not source.ends(offset):
            try:
                record = Record(source, offset)
            except Flaw as flaw:
                after = flaw.end or _next_record(source, offset + 1)
                yield Checked(offset, after - offset, "", "", (flaw.at(offset),))
                offset = after
                continue
            record.note_duplicate(ids)
            record.drain()
            declared = payloads.get(offset)
            if declared and record.payload_digest and declared != record.payload_digest:
                record.note(
                    Flaw(
                        "payload-digest", f"the payload is {record.payload_digest}, the index says {declared}"
                    )
                )
            after = record.end or _next_record(source, offset + 1)
            yield Checked(offset, after - offset, record.type, record.id, tuple(record.damages))
            offset = after


def _next_record(source: Source, start: int) -> int:
    """The offset of the next member that begins like a record, or the end of the file."""
    offset = start
    while data := source.at(offset):
        found = data.find(MAGIC)
        if found < 0:
            if len(data) < len(MAGIC):
                return offset + len(data)
            offset += len(data) - len(MAGIC) + 1
            continue
        offset += found
        try:
            if Member(source, offset).read().startswith(b"WARC/"):
                return offset
        except Flaw:
            pass
        offset += 1
    return offset
