"""Is everything set up as it should be? Configuration, disk, clock, stores: each tried, none believed."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal
from urllib.request import getproxies

from crawler import __version__
from crawler.canonical import canonical
from crawler.capture.client import Client as Capturing
from crawler.capture.client import Limits, Unreachable
from crawler.config import Archive, Config
from storage.archive_org import answers
from storage.archive_org.client import Client, NoAnswer
from storage.errors import Failure
from storage.exchange import Exchange
from storage.stores import Store
from storage.stores.probe import probe

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
        yield Check("configuration", "unknown", "no jukni.toml", "crawl, push and restore need one")
        return
    yield Check(
        "configuration", "well", f"{config.source}: {len(config.sites)} sites, {len(config.stores)} stores"
    )
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


def sites(config: Config) -> Iterator[tuple[Check, str | None]]:
    """Each site asked once (HEAD of its first seed); with each check the Date the server gave."""
    for site in config.sites:
        url = canonical(site.urls[0]) or site.urls[0]
        try:
            exchange = asyncio.run(_ask(url))
        except Unreachable as error:
            yield (
                Check(site.name, "wrong", f"{url}: {error.text}", "is the address right, is the site up?"),
                None,
            )
            continue
        date = exchange.head.get(b"date") if exchange.head else None
        exchange.response.close()
        verdict: Verdict = "well" if 200 <= exchange.status < 400 else "wrong"
        found = f"{url} answers {exchange.status} in {exchange.latency * 1000:.0f} ms"
        yield Check(site.name, verdict, found), date.decode("latin-1") if date else None


async def _ask(url: str) -> Exchange:
    client = Capturing(
        user_agent=f"Jukni/{__version__} (web archive mirroring crawler; doctor)",
        limits=Limits(connect=10, read=20),
        spool_dir=Path(tempfile.gettempdir()),
        may_connect=lambda host, port, ip: True,
        proxies=getproxies(),
    )
    try:
        return await client.fetch(url, method="HEAD")
    finally:
        await client.close()


def clock(now: datetime, seen: Sequence[str]) -> Check:
    """Our clock against the Date headers of the sites.

    A clock that is off gives snapshots a wrong name, and stores refuse what it signs.
    """
    apart = []
    for date in seen:
        with contextlib.suppress(ValueError):
            apart.append(abs(parsedate_to_datetime(date) - now))
    if not apart:
        return _synchronised()
    off = min(apart)
    if off > _APART:
        minutes = off.total_seconds() / 60
        return Check("clock", "wrong", f"{minutes:.0f} min away from every site", "timedatectl set-ntp true")
    return Check("clock", "well", f"{off.total_seconds():.0f} s away from the sites")


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


def archive_org(opened: Callable[[], Client]) -> Iterator[Check]:
    """Does archive.org take the keys, and how is it? Nothing is handed over."""
    try:
        client = opened()
        user = answers.user(client.user("doctor"))
        words = answers.system(client.system())
    except NoAnswer as error:
        yield Check("archive.org", "wrong", error.text, "later; is save_url right?")
        return
    except Failure as failure:
        yield Check("archive.org keys", "wrong", failure.what, " && ".join(failure.next))
        return
    if isinstance(user, answers.Answer):
        refused = user.kind == "keys"
        verdict: Verdict = "wrong" if refused else "unknown"
        advice = "get them anew at https://archive.org/account/s3.php" if refused else "later"
        yield Check("archive.org keys", verdict, user.why, advice)
    else:
        left = "" if user.left is None else f", {user.left:,} captures left today"
        yield Check("archive.org keys", "well", f"taken; {user.available} jobs may be begun{left}")
    yield Check(
        "archive.org", "unknown" if words else "well", words or "all is well there", words and "later"
    )


def store(name: str, opened: Callable[[], Store]) -> Iterator[Check]:
    """A store tried out with throw-away objects: what the key can do, and what it should not be able to."""
    try:
        for trial in probe(opened()):
            yield Check(f"{name}: {trial.what}", trial.verdict, trial.found, trial.advice)
    except Failure as failure:
        yield Check(name, "wrong", failure.what or failure.risk, " && ".join(failure.next))
