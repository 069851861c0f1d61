"""The one root of every error that has a message for a person.

A message answers, in this order: what is at risk, why, what is safe, and the exact next command
(design, section 6). An exception that is not a `Failure` is a bug of ours and shows a traceback.
Exit codes stand here and nowhere else.
"""

from __future__ import annotations

import errno
import os
import shlex
from collections.abc import Sequence
from pathlib import Path

DONE = 0
BUG = 1
USAGE = 2
GAPS = 3
REMOTE = 4
BROKEN = 5
UNPROVEN = 6
LOCKED = 7
OUT_OF_DISK = 8
INTERRUPTED = 130

_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR)


class Failure(Exception):
    """Something a person must know about.

    risk: what is at risk, one line. what: the cause. where: a full path or address.
    kept: what is safe. next: commands to run, each a whole shell line. No secret in any of them.
    """

    exit_code = BUG

    def __init__(
        self, risk: str, *, what: str = "", where: str = "", kept: str = "", next: Sequence[str] = ()
    ) -> None:
        super().__init__(risk if not what else f"{risk}: {what}")
        self.risk = risk
        self.what = what
        self.where = where
        self.kept = kept
        self.next = tuple(next)


class UsageError(Failure):
    """The command line or jukni.toml asks for something that cannot be."""

    exit_code = USAGE


def refusal(error: BaseException) -> UsageError | None:
    """The words for a file that the system would not let us read or write; None for any other error."""
    if not isinstance(error, OSError) or error.errno not in _REFUSED or error.filename is None:
        return None
    where = str(error.filename)
    return UsageError(
        "the system does not allow it",
        what=f"{error.strerror}; this is user {os.getuid()}",
        where=where,
        kept="everything written before",
        next=(f"ls -ld {shlex.quote(where)} {shlex.quote(str(Path(where).parent))}",),
    )


class GapsFound(Failure):
    """The crawl ended, and something the site has was not captured."""

    exit_code = GAPS


class RemoteError(Failure):
    """A site or store refused or could not be reached; trying again later may help."""

    exit_code = REMOTE


class BrokenData(Failure):
    """Bytes are not what they were when they were written."""

    exit_code = BROKEN


class Unproven(Failure):
    """It may be well, but it could not be checked."""

    exit_code = UNPROVEN


class Locked(Failure):
    """Another run holds the lock."""

    exit_code = LOCKED


class OutOfDisk(Failure):
    """No room left, or no room that may be used."""

    exit_code = OUT_OF_DISK


class Interrupted(Failure):
    """Stopped by a person or by the system, with everything kept so far."""

    exit_code = INTERRUPTED
