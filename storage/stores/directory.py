"""A folder as a store: another disk, a USB stick, a network share.

The folder carries a marker file, `jukni-store.json`, made at the first push and only in an empty folder.
Without it nothing is written, so that the empty mount point of a disk that is not there is never filled.
"""

from __future__ import annotations

import errno
import json
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.errors import BrokenData
from storage.files import put_in_place, sync_folder, write_once
from storage.stores import (
    PIECE,
    Folder,
    Missing,
    Refused,
    Stat,
    StoreError,
    Unreachable,
    check_key,
    pieces_of,
)

MARKER = "jukni-store.json"
_NO = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_EMPTY = {"lost+found"}
_NOT_MOUNTED = "the folder is not there, or empty: is the disk mounted?"


class Directory:
    """See the module. Half-written files are dot files, which `list` never shows."""

    def __init__(self, place: Folder) -> None:
        self.name = place.name
        self._root = place.path
        self.identity = place.path.absolute().as_uri()

    def address(self, key: str = "") -> str:
        return f"{self._root}/{key}"

    def is_marked(self) -> bool:
        """True when a push has used this folder before."""
        return (self._root / MARKER).is_file()

    def begin(self, first: bool) -> None:
        with self._translated(self._root):
            if self.is_marked():
                return
            if not self._empty():
                raise Refused(
                    f"the folder is neither empty nor a store of ours (it has no {MARKER})",
                    where=str(self._root),
                    next=(f"ls -la {shlex.quote(str(self._root))}",),
                )
            if not first:
                raise Refused(
                    f"the folder is empty, yet files were pushed to it before (there is no {MARKER}): "
                    "is the disk mounted?",
                    where=str(self._root),
                    code="EMPTY",
                    next=(f"findmnt --target {shlex.quote(str(self._root))}",),
                )
            write_once(self._root / MARKER, [json.dumps({"jukni-store": 1}).encode() + b"\n"])

    def put(self, key: str, path: Path, sha256: str) -> None:
        target = self._root / check_key(key)
        part = target.with_name(f".{target.name}.part")
        with self._translated(target):
            if not self.is_marked():
                raise Refused(f"the folder has no {MARKER}: is the disk mounted?", where=str(self._root))
            self._make(target.parent)
            try:
                with part.open("wb") as copy:
                    for piece in pieces_of(path, sha256):
                        copy.write(piece)
                    copy.flush()
                    os.fsync(copy.fileno())
                put_in_place(part, target)
            except (OSError, BrokenData):
                part.unlink(missing_ok=True)
                raise

    def get(self, key: str, start: int = 0) -> Iterator[bytes]:
        path = self._root / check_key(key)
        with self._translated(path, reading=True), path.open("rb", buffering=0) as file:
            if hasattr(os, "posix_fadvise"):
                # What was written a moment ago must come from the disk, not from this machine's memory.
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            file.seek(start)
            while piece := file.read(PIECE):
                yield piece

    def stat(self, key: str) -> Stat | None:
        path = self._root / check_key(key)
        try:
            with self._translated(path, reading=True):
                return Stat(path.stat().st_size, None)
        except Missing:
            return None

    def list(self, prefix: str = "") -> Iterator[str]:
        top = self._root / prefix.rpartition("/")[0]
        try:
            with self._translated(top, reading=True):
                names = sorted(
                    (Path(folder) / name).relative_to(self._root).as_posix()
                    for folder, _, names in os.walk(top, onerror=_raise)
                    for name in names
                    if not name.startswith(".")
                )
                if not names and self._empty():
                    raise Unreachable(_NOT_MOUNTED, where=str(self._root))
        except Missing:
            return
        yield from (name for name in names if name.startswith(prefix) and name != MARKER)

    def _empty(self) -> bool:
        return not {entry.name for entry in self._root.iterdir()} - _EMPTY

    def _make(self, folder: Path) -> None:
        """Make a folder and those above it, up to the root, and make their names last."""
        if not folder.is_dir():
            self._make(folder.parent)
            folder.mkdir(exist_ok=True)
            sync_folder(folder.parent)

    @contextmanager
    def _translated(self, path: Path, *, reading: bool = False) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._error(error, path, reading) from error

    def _error(self, error: OSError, path: Path, reading: bool) -> StoreError:
        said = error.strerror or str(error)
        code = errno.errorcode.get(error.errno or 0, "")
        if not self._root.is_dir() or (reading and self._empty()):
            return Unreachable(_NOT_MOUNTED, where=str(self._root), code=code)
        if reading and error.errno in (errno.ENOENT, errno.ENOTDIR):
            return Missing(said, where=str(path), code=code)
        if error.errno in _NO:
            return Refused(said, where=str(path), code=code)
        return Unreachable(said, where=str(path), code=code)


def _raise(error: OSError) -> None:
    raise error
