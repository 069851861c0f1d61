"""`jukni submit`: pages to archive.org, or a snapshot's files as an item there."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from urllib.request import getproxies

from crawler import __version__
from crawler.archive_org import ArchiveOrg
from crawler.config import Config, environment
from crawler.verbs import Run, archive_of, snapshots_of, weight
from storage import errors
from storage.archive_org.client import Addresses, Client, Keys
from storage.archive_org.queue import Mode, Rules
from storage.archive_org.submit import submit as hand_over
from storage.archive_org.submit import submitting
from storage.collection import Archive
from storage.errors import UsageError
from storage.report import Report, Size
from storage.snapshot import Snapshot


def submit(options: argparse.Namespace, run: Run) -> int:
    """Pages to Save Page Now; a look at what is there comes first."""
    config = run.config()
    settings = config.archive_org or ArchiveOrg()
    archive = archive_of(options, run)
    if options.as_item:
        return _as_item(options, run, settings, archive)
    found = {snapshot.site: snapshot for snapshot in snapshots_of(archive, options.sites)}
    chosen = _public(archive, list(found.values()), bool(options.sites), run.report)
    mode: Mode = "all" if options.all else "changed" if options.changed else "due"
    client = client_of(config, dry=options.dry_run)
    with nullcontext() if options.dry_run else submitting(archive):
        done = hand_over(
            chosen,
            client,
            rules_of(settings),
            now=lambda: datetime.now(UTC),
            sleep=time.sleep,
            mode=mode,
            most=options.max,
            dry=options.dry_run,
            say=run.report.say,
        )
    if options.dry_run:
        rows = [(site, ask.why, ask.page.url) for site, ask in done.asks]
        run.report.table(("site", "why", "url"), rows)
    for note in done.notes:
        run.report.say(f"note: {note}")
    for one in done.summaries:
        run.report.say(f"{one.site}: {one.sentence()}")
    if not options.dry_run:
        run.report.table(
            ("site", "pages", "there", "old", "asked", "waiting", "left"),
            [(s.site, s.pages, s.there, s.old, s.asked, s.waiting, s.left) for s in done.summaries],
        )
    code = errors.DONE
    if done.failure is not None:
        code = max(code, run.report.failure(done.failure), key=weight)
    return code


def _as_item(options: argparse.Namespace, run: Run, settings: ArchiveOrg, archive: Archive) -> int:
    """The files of the snapshots that were named."""
    from storage.archive_org.item import put_as_item

    if not options.sites:
        raise UsageError(
            "which site?",
            what=f"the archive holds {', '.join(archive.sites()) or 'none'}",
            where=str(archive.root),
            next=tuple(f"jukni submit {site} --as-item" for site in archive.sites()[:3]),
        )
    config = run.config()
    keys = Keys(*settings.keys(environment()))
    code, rows = errors.DONE, []
    with submitting(archive):
        for snapshot in snapshots_of(archive, options.sites):
            item, failure = put_as_item(
                snapshot,
                keys,
                now=lambda: datetime.now(UTC),
                say=run.report.say,
                agent=agent_of(config),
                creator=config.archive.operator,
                item_url=settings.item_url,
                metadata_url=settings.metadata_url,
            )
            rows.append((str(snapshot), item.item, item.verdict, item.files, Size(item.bytes)))
            if failure is not None:
                code = max(code, run.report.failure(failure), key=weight)
    run.report.say(
        "note: an item does not enter the Wayback Machine; jukni submit without --as-item does that"
    )
    run.report.table(("snapshot", "item", "verdict", "files", "bytes"), rows)
    return code


def client_of(config: Config, *, dry: bool = False) -> Client:
    """Who speaks to archive.org. UsageError without keys, unless `dry`: their index is open to everybody."""
    settings = config.archive_org or ArchiveOrg()
    return Client(
        Addresses(save=settings.save_url, cdx=settings.cdx_url, web=settings.web_url),
        None if dry else Keys(*settings.keys(environment())),
        agent=agent_of(config),
        proxies=getproxies(),
    )


def agent_of(config: Config) -> str:
    """Who we say we are."""
    operator = f"; {config.archive.operator}" if config.archive.operator else ""
    name = f"Jukni/{__version__} (web archive mirroring crawler{operator})"
    return name.encode("ascii", "replace").decode()


def rules_of(settings: ArchiveOrg) -> Rules:
    """The table as `storage` takes it."""
    return Rules(
        a_night=settings.a_night,
        per_minute=settings.per_minute,
        concurrency=settings.concurrency,
        poll=settings.poll,
        patience=settings.patience,
        recheck_after=settings.recheck_after,
        not_within=settings.if_not_archived_within,
        exclude=settings.exclude,
        obey=settings.robots == "obey",
    )


def _public(archive: Archive, found: Sequence[Snapshot], named: bool, report: Report) -> list[Snapshot]:
    """Without private collections, unless they were named: then it is told as an error."""
    if named:
        return list(found)
    kept = []
    for snapshot in found:
        if archive.collection(snapshot.site).private:
            report.say(f"{snapshot.site} is private and stays here")
        else:
            kept.append(snapshot)
    return kept
