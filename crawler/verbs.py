"""What each verb of `jukni` does: values in, a result printed, an exit code out."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crawler.config import Archive, Config, Site, check_site
from storage import collection, errors, proof
from storage.collection import Collection, site_name
from storage.errors import Failure, UsageError
from storage.report import Report, Size
from storage.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Run:
    """What every verb gets: where to say things, and the configuration, read when it is asked for."""

    report: Report
    config: Callable[[], Config]


def mirror(options: argparse.Namespace, run: Run) -> int:
    """No configuration: recognise, crawl, seal, verify, say how to browse it."""
    url = options.url if "://" in options.url else f"https://{options.url}"
    asked: dict[str, Any] = {
        key: getattr(options, key)
        for key in ("delay", "concurrency", "limit")
        if getattr(options, key) is not None
    }
    if options.obey_robots:
        asked["robots"] = "obey"
    site = check_site(Site(name=site_name(url), urls=(url,), **asked), "the command line")
    return _crawl([site], Archive(path=Path(options.into)), run, label=options.label, new=options.new, full=options.full)


def crawl(options: argparse.Namespace, run: Run) -> int:
    """The sites of jukni.toml."""
    config = run.config()
    if not config.sites:
        raise UsageError(
            "there is no site to crawl",
            what="jukni.toml names none" if config.source else "there is no jukni.toml here",
            where=str(config.source or Path.cwd() / "jukni.toml"),
            next=("jukni mirror URL",),
        )
    sites = [config.site(name) for name in options.sites] or list(config.sites)
    return _crawl(sites, config.archive, run, label=options.label, new=options.new, full=options.full)


def _crawl(sites: Sequence[Site], archive: Archive, run: Run, *, label: str | None, new: bool, full: bool) -> int:
    # Scrapy takes half a second to import: the other verbs do without it.
    from crawler import run as running  # noqa: PLC0415
    from crawler.crawl import Outcome, open_crawl  # noqa: PLC0415

    report = run.report

    async def watch(open_: Any) -> None:
        report.progress(open_.progress())
        await asyncio.sleep(0.25)

    async def one(site: Site) -> Outcome:
        opened = open_crawl(site, archive, label=label, new=new, full=full)
        report.say(f"{site.urls[0]} → {opened.outcome.snapshot.folder}")
        return await running.run(opened, watch)

    async def all_of() -> int:
        worst = errors.DONE
        for site in sites:
            try:
                outcome = await one(site)
                report.done()
                code = _conclude(outcome, archive, run)
            except Failure as failure:
                report.done()
                code = report.failure(failure)
            worst = max(worst, code, key=_weight)
            if code in (errors.INTERRUPTED, errors.OUT_OF_DISK):
                break
        return worst

    return running.in_loop(all_of)


def _weight(code: int) -> int:
    """Which of several exit codes to give: the one that asks for most."""
    order = (
        errors.DONE,
        errors.GAPS,
        errors.UNPROVEN,
        errors.REMOTE,
        errors.LOCKED,
        errors.USAGE,
        errors.BROKEN,
        errors.OUT_OF_DISK,
        errors.BUG,
        errors.INTERRUPTED,
    )
    return order.index(code)


def _conclude(outcome: Any, archive: Archive, run: Run) -> int:
    """Verify what was sealed, then print it; the exit code of one site."""
    from storage import verify as verifying  # noqa: PLC0415

    report, manifest, snapshot = run.report, outcome.manifest, outcome.snapshot
    for note in outcome.notes:
        report.say(f"note: {note}")
    if outcome.crash is not None:
        return report.bug(outcome.crash)
    if outcome.failure is not None:
        return report.failure(outcome.failure)
    verified = verifying.verify(snapshot)
    checked = verified.proof(datetime.now(UTC))
    proof.write(Collection(snapshot.root, snapshot.site).proofs, checked)
    counts = manifest.counts
    into = "" if run.config().source else f" --into {archive.path}"
    report.result(
        f"{snapshot} is sealed",
        {
            "captures": counts["captures"],
            "pages": counts["pages"],
            "missing": counts["missing"],
            "gaps": counts["gaps"],
            "skipped": counts["skipped"],
            "new": Size(counts["bytes"]),
            "verdict": manifest.verdict,
            "verified": checked.verdict,
            "lies": str(snapshot.folder),
            "next": [f"jukni browse {snapshot.site}{into}"],
        },
    )
    if outcome.bugs:
        report.say(f"{len(outcome.bugs)} URLs met a bug of ours, the first: {outcome.bugs[0]}")
        return errors.BUG
    if failure := verified.failure([]):
        return report.failure(failure)
    if manifest.verdict == "gaps":
        return report.failure(
            errors.GapsFound(
                f"{snapshot} has gaps",
                what=f"{counts['gaps']} URLs of the site could not be captured",
                where=f"{snapshot.folder / 'coverage.json'}",
                kept=f"the {counts['captures']} captures are sealed and verified",
                next=(f"jukni crawl {snapshot.site}",),
            )
        )
    return errors.DONE


def list_(options: argparse.Namespace, run: Run) -> int:
    """What is in the archive."""
    archive = _archive(options, run)
    rows = []
    for site in options.sites or archive.sites():
        for snapshot in archive.collection(site).all():
            rows.append(_row(snapshot))
    run.report.table(("snapshot", "label", "captures", "pages", "new", "verdict"), rows)
    return errors.DONE


def _row(snapshot: Snapshot) -> tuple[Any, ...]:
    if not snapshot.is_sealed:
        state = "open" if snapshot.is_open else "left over"
        return (str(snapshot), None, None, None, None, state)
    manifest = snapshot.manifest()
    counts = manifest.counts
    size = Size(counts["bytes"])
    return (str(snapshot), manifest.label, counts["captures"], counts["pages"], size, manifest.verdict)


def _archive(options: argparse.Namespace, run: Run) -> collection.Archive:
    return collection.open_archive(Path(options.into) if options.into else run.config().archive.path)


def verify(options: argparse.Namespace, run: Run) -> int: ...
def push(options: argparse.Namespace, run: Run) -> int: ...
def restore(options: argparse.Namespace, run: Run) -> int: ...
def browse(options: argparse.Namespace, run: Run) -> int: ...
def doctor(options: argparse.Namespace, run: Run) -> int: ...
