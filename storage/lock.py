"""A file only one process may hold at a time; the hold ends with the process, however that ends."""

from __future__ import annotations

import errno
import fcntl
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.errors import UsageError


@contextmanager
def hold(path: Path, *, wait: bool) -> Iterator[int | None]:
    """The held file's handle, or None when another process has it and `wait` is false.

    The file is made when it is not there and stays: removing it would let two processes hold two files of one
    name. UsageError on a file system without locks.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        yield handle if _take(handle, path, wait) else None
    finally:
        os.close(handle)


def _take(handle: int, path: Path, wait: bool) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES) and not wait:
            return False
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP):
            raise
        raise UsageError(
            f"{path.parent} cannot be locked",
            what="its file system has no file locks, so two runs could mix their files",
            where=str(path),
            kept="nothing was changed",
            next=(f"df -T {shlex.quote(str(path.parent))}",),
        ) from error
    return True
