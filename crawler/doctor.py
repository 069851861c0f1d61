"""Is everything set up as it should be? Configuration, disk, clock, stores: each tried, none believed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal

from crawler.config import Archive, Config

Verdict = Literal["well", "wrong", "unknown"]
_APART = timedelta(minutes=5)  # stores refuse requests signed 15 minutes off; warn well before


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. what: its name. found: in words. advice: what to do, "" when well."""

    what: str
    verdict: Verdict
    found: str
    advice: str = ""


def configuration(config: Config) -> Iterator[Check]:
    """jukni.toml was read; is there anything in it?"""
    if config.source is None:
        yield Check("configuration", "unknown", "no jukni.toml", "only `jukni mirror URL` works without one")
        return
    yield Check("configuration", "well", f"{config.source}: {len(config.sites)} sites, {len(config.stores)} stores")
    if not config.sites:
        yield Check("sites", "wrong", "none", "add a [site.NAME] with url = …")
    if not config.stores:
        yield Check(
            "offsite", "wrong", "no store", "one disk is no backup: add a [store.NAME], see docs/how-to.md"
        )
    if not config.archive.operator:
        yield Check(
            "operator", "unknown", "not said", 'operator = "name, address" tells other servers whom to ask'
        )


def disk(archive: Archive) -> Iterator[Check]:
    """Room left, and whether a file can be written, synced and renamed there."""
    folder = archive.path
    while not folder.exists():
        folder = folder.parent
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as file:
            file.write(b"jukni")
            file.flush()
    except OSError as error:
        yield Check("disk", "wrong", f"{folder}: {error.strerror}", "give this user the right to write there")
        return
    usage = shutil.disk_usage(folder)
    found = f"{folder}: {usage.free / 1e9:.1f} GB free of {usage.total / 1e9:.1f} GB"
    if usage.free < archive.min_free:
        yield Check("disk", "wrong", found, f"less than min_free ({archive.min_free / 1e6:.0f} MB) is left")
    else:
        yield Check("disk", "well", found)


def clock(now: datetime, seen: dict[str, str]) -> Iterator[Check]:
    """Our clock against the Date header of servers we talk to; seen: server → its Date.

    A clock that is off gives snapshots a wrong name, and stores refuse what it signs.
    """
    worst: tuple[timedelta, str] | None = None
    for server, date in seen.items():
        try:
            apart = abs(parsedate_to_datetime(date) - now)
        except ValueError:
            continue
        if worst is None or apart > worst[0]:
            worst = (apart, server)
    if worst is None:
        yield _synchronised()
    elif worst[0] > _APART:
        minutes = worst[0].total_seconds() / 60
        yield Check(
            "clock", "wrong", f"{minutes:.0f} min away from {worst[1]}", "set it: timedatectl set-ntp true"
        )
    else:
        yield Check("clock", "well", f"{worst[0].total_seconds():.0f} s away from {worst[1]}")


def _synchronised() -> Check:
    """Nobody to compare with: does the system say that it keeps the time?"""
    try:
        answer = subprocess.run(
            ["timedatectl", "show", "--property=NTPSynchronized", "--value"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        ).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        answer = ""
    if answer == "yes":
        return Check("clock", "well", f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, synchronised")
    if answer == "no":
        return Check("clock", "wrong", "not synchronised", "timedatectl set-ntp true")
    return Check("clock", "unknown", "nothing to compare it with", "date --utc   # is it right?")


def private(path: Path) -> bool:
    """True when only its owner may read a file."""
    return not path.stat().st_mode & 0o077
