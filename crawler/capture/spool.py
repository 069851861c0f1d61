"""Bytes of an answer: in memory while they are few, then in an unnamed file; their digest as they pass."""

from __future__ import annotations

import errno
import hashlib
import os
import shlex
import tempfile
from base64 import b32encode
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from storage.errors import OutOfDisk

MEMORY = 1 << 20
"""Bytes held in memory before a file is made."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def digest(sha1: hashlib._Hash) -> str:
    """A digest as records write it: "sha1:" and base32 (WARC 1.1, 5.8)."""
    return "sha1:" + b32encode(sha1.digest()).decode("ascii")


class Spool:
    """A `storage.exchange.Block` that grows. The file has no name and is gone with the process.

    Raises OutOfDisk when the directory's disk is full; what was written so far stays readable.
    """

    __slots__ = ("_directory", "_file", "_memory", "_parts", "_sha1", "_size")

    def __init__(self, directory: Path, memory: int = MEMORY) -> None:
        self._directory = directory
        self._memory = memory
        self._parts: list[bytes] | None = []
        self._file: IO[bytes] | None = None
        self._size = 0
        self._sha1 = hashlib.sha1(usedforsecurity=False)

    @property
    def size(self) -> int:
        """Bytes held."""
        return self._size

    @property
    def digest(self) -> str:
        """ "sha1:BASE32" of all bytes written so far."""
        return digest(self._sha1)

    def write(self, data: bytes) -> None:
        """Add bytes at the end."""
        if self._parts is None:
            raise ValueError("spool is closed")
        if not data:
            return
        if self._file is not None:
            try:
                _write(self._file, data)
            except OSError as error:
                raise self._failure(error) from error
        else:
            self._parts.append(data)
            if self._size + len(data) > self._memory:
                self._spill()
        self._sha1.update(data)
        self._size += len(data)

    def chunks(self, size: int = 1 << 16) -> Iterator[bytes]:
        """All bytes from the start, in pieces of at most `size`; as often as wanted."""
        if self._parts is None:
            raise ValueError("spool is closed")
        if self._file is not None:
            at = 0
            while piece := os.pread(self._file.fileno(), min(size, self._size - at), at):
                at += len(piece)
                yield piece
            return
        for part in self._parts:
            if len(part) <= size:
                yield part
            else:
                for start in range(0, len(part), size):
                    yield part[start : start + size]

    def close(self) -> None:
        """Give memory and file back; the bytes are gone."""
        self._parts = None
        if self._file is not None:
            self._file.close()
            self._file = None

    def _spill(self) -> None:
        """Move what is in memory into a file; on failure memory keeps what was written before."""
        parts = self._parts
        assert parts is not None
        try:
            file = tempfile.TemporaryFile(dir=self._directory, buffering=0)  # noqa: SIM115
            for part in parts:
                _write(file, part)
        except OSError as error:
            del parts[-1]
            raise self._failure(error) from error
        self._file = file
        self._parts = []

    def _failure(self, error: OSError) -> Exception:
        """What to raise for an error of the disk."""
        if error.errno not in FULL:
            return error
        return OutOfDisk(
            "an answer could not be kept",
            what=f"{error.strerror} after {self._size} bytes",
            where=str(self._directory),
            kept="everything recorded before",
            next=(f"df -h {shlex.quote(str(self._directory))}",),
        )


def _write(file: IO[bytes], data: bytes) -> None:
    """Write all of it: an unbuffered file may take less at once."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
