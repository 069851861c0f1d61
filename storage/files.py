"""Files that are written once: whole, or not there, whenever the machine stops."""

from __future__ import annotations

import errno
import hashlib
import os
import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.errors import OutOfDisk

PART = ".part"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_once(path: Path, pieces: Iterable[bytes]) -> None:
    """Write `pieces` to `path` through `path` + ".part": flush, fsync, rename, fsync of the folder.

    After a stop at any moment `path` holds the old bytes or all of the new ones. One writer at a time.
    OutOfDisk when there is no room (nothing of `path` is touched then); OSError for the rest.
    """
    part = path.with_name(path.name + PART)
    with room_for(path):
        with part.open("wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        put_in_place(part, path)


def put_in_place(part: Path, path: Path) -> None:
    """Rename a file whose bytes are already on disk, and make the rename last."""
    part.replace(path)
    sync_folder(path.parent)


@contextmanager
def room_for(path: Path) -> Iterator[None]:
    """A full disk while `path` is written becomes OutOfDisk, and the partial file goes."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        path.with_name(path.name + PART).unlink(missing_ok=True)
        raise OutOfDisk(
            f"no room to write {path.name}",
            what=error.strerror or str(error),
            where=str(path),
            kept="everything written before; the same command goes on from here",
            next=(f"df -h {shlex.quote(str(path.parent))}",),
        ) from error


def sync_file(path: Path) -> None:
    """The bytes of a file written by someone else are on disk when this returns."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Names made, renamed or removed in `folder` stay so when this returns."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def digest_of(path: Path) -> tuple[int, str]:
    """Size in bytes and SHA-256 (hex) of a file, from one reading of it. OSError when it cannot be read."""
    size = 0
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while piece := file.read(1 << 20):
            size += len(piece)
            digest.update(piece)
    return size, digest.hexdigest()
