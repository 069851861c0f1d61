"""WARC files as they are written: one gzip member for each record, appended, never rewritten."""

from __future__ import annotations

import os
import zlib
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

from storage.files import room_for, sync_folder
from storage.records import Draft

_deflate: Any = zlib
_LEVEL = 6
with suppress(ImportError):
    from isal import isal_zlib as _deflate

    _LEVEL = 2

OPEN = ".open"
GZIP = 31
"""zlib's `wbits` for one gzip member."""
AT_ONCE = 1 << 20
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
        try:
            with room_for(self.open_path):
                if record.size <= AT_ONCE:
                    length += self._write(_deflate.compress(b"".join(record.pieces()), _LEVEL, GZIP))
                else:
                    packer = _deflate.compressobj(_LEVEL, zlib.DEFLATED, GZIP)
                    taken = 0
                    for piece in record.pieces():
                        length += self._write(packer.compress(piece))
                        taken += len(piece)
                        if taken >= AT_ONCE:
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
