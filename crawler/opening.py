"""A crawl is opened: lock, snapshot, what earlier crawls may be relied on."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import getproxies

from crawler.config import Archive, Site, check_site, environment
from crawler.crawl import Crawl
from crawler.ending import TOOL
from crawler.feeding import fed
from storage.collection import Collection, make_archive, site_name
from storage.errors import BrokenData
from storage.snapshot import Snapshot


def open_crawl(
    site: Site,
    archive: Archive,
    *,
    label: str | None = None,
    new: bool = False,
    full: bool = False,
    command: str | None = None,
    proxies: Mapping[str, str] | None = None,
    others: Sequence[Site] = (),
) -> Crawl:
    """A crawl on the site's open snapshot, or on a new one.

    new: begin a new snapshot even when one is open; the open one stays as it is. full: rely on no earlier
    snapshot, every record is a whole one again. command: what goes on with the crawl when it is given again,
    `jukni crawl SITE` by default. others: the sites of the same configuration, whose pages may lead to this
    one, and the other way round. proxies: None takes those of the environment.
    Raises Locked when another run has the site, OutOfDisk, UsageError for a folder that is no archive,
    BrokenData when the open snapshot's database or the newest sealed snapshot cannot be read.
    """
    now = datetime.now(UTC)
    command = command or f"jukni crawl {site.name}"
    root = make_archive(archive.path.resolve(), TOOL, now)
    collection = root.collection(site.name)
    others = [other for other in others if other.name != site.name]
    with contextlib.ExitStack() as lock:
        lock.enter_context(collection.lock(command, now))
        if site.is_private:
            collection.make_private()
        for sealed in collection.sealed():
            sealed.tidy()  # a run that died between sealing and tidying
        snapshot = _open_snapshot(collection, now, new)
        try:
            crawl = Crawl(
                site,
                archive,
                snapshot,
                None if full else collection.latest(),
                label=label,
                again=command,
                proxies=getproxies() if proxies is None else proxies,
                environment=environment(),
                others={other.name: other.urls for other in others},
                fed=tuple(fed([root.collection(other.name) for other in others], site.name)),
            )
        except BrokenData as error:
            way_round = "--new" if error.where == str(snapshot.database) else "--full"
            raise BrokenData(
                f"{snapshot} cannot be crawled",
                what=f"{error.risk}: {error.what}",
                where=error.where,
                kept=error.kept or "nothing was changed; --full relies on no earlier snapshot",
                next=(f"{command} {way_round}",),
            ) from error
        crawl.lock = lock.pop_all()
        return crawl


def from_arguments(url: str, into: Path, delay: float, concurrency: int) -> Crawl:
    """For `scrapy crawl`: the same as `jukni mirror URL --into DIR`."""
    site = Site(name=site_name(url), urls=(url,), delay=delay, concurrency=concurrency)
    again = ["jukni", "mirror", url, "--into", str(into.resolve())]
    again += [f"--delay={delay:g}", f"--concurrency={concurrency}"]
    return open_crawl(check_site(site, "the command line"), Archive(path=into), command=shlex.join(again))


def _open_snapshot(collection: Collection, now: datetime, new: bool) -> Snapshot:
    # One that is older than what is sealed was left behind by --new; to go on with it would mix two times.
    latest = collection.latest()
    there = [snapshot for snapshot in collection.open() if latest is None or snapshot.name > latest.name]
    return there[-1] if there and not new else collection.create(now)
