"""A file with two keys, readable by its owner alone."""

from __future__ import annotations

import shlex
import stat
from pathlib import Path

from storage.errors import UsageError


def keys_in(file: str, whose: str) -> tuple[str, str]:
    """Access key and secret out of a file of two lines. whose: such as 'store "disk"', for the messages.

    UsageError when it cannot be read or lies open to others.
    """
    path = Path(file)
    lines = owner_only(path, f"the keys of {whose}").split()
    if len(lines) != 2:
        raise UsageError(
            f"the keys of {whose} cannot be read",
            what="the credentials file holds two lines: access key, secret key",
            where=str(path),
        )
    return lines[0], lines[1]


def owner_only(path: Path, what: str) -> str:
    """The text of a file with secrets. what: "the keys of …", for the messages.

    UsageError when it cannot be read or lies open to others.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{what} cannot be read",
            what=getattr(error, "strerror", None) or "the file is no text",
            where=str(path),
            kept="nothing was sent",
            next=(f"ls -l {shlex.quote(str(path))}",),
        ) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(
            f"{what} lie open to other users",
            what="the file may be read by its owner only",
            where=str(path),
            kept="nothing was sent",
            next=(f"chmod 600 {shlex.quote(str(path))}",),
        )
    return text
