"""Beside a crawl: what was recorded goes to the disk, and the disk is watched."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from storage.errors import OutOfDisk

SYNC_EVERY = 1.0  # seconds between two fsyncs of WARC and database
DISK_EVERY = 5.0  # seconds between two looks at the room left


async def keep(save: Callable[[], None], look: Callable[[], None]) -> None:
    """Call both again and again until cancelled; whatever they raise ends it."""
    looked = -DISK_EVERY
    while True:
        if time.monotonic() - looked >= DISK_EVERY:
            looked = time.monotonic()
            look()
        save()
        await asyncio.sleep(SYNC_EVERY)


def room_left(folder: Path, min_free: int) -> None:
    """OutOfDisk when fewer than `min_free` bytes are free where `folder` lies."""
    free = shutil.disk_usage(folder).free
    if free < min_free:
        raise OutOfDisk(
            "the disk is nearly full",
            what=f"{free // 10**6} MB are free and {min_free // 10**6} MB are to stay free"
            " (min_free in [archive])",
            where=str(folder),
            next=(f"df -h {shlex.quote(str(folder))}",),
        )
