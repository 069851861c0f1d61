"""How a crawl is summed up when nothing is left to fetch: for the manifest, or as a failure."""

from __future__ import annotations

import contextlib
import shlex
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from crawler import __version__, coverage
from crawler.config import Site, fingerprint
from crawler.feeding import Feeding
from crawler.frontier import Frontier
from crawler.learn import Learner
from crawler.recorder import Recorder
from crawler.resolve import resolve
from crawler.visit import OWN_ROBOTS
from storage.errors import Failure, OutOfDisk, RemoteError
from storage.manifest import Tool
from storage.seal import Crawl
from storage.snapshot import Snapshot

TOOL = Tool("jukni", __version__)


def report(
    frontier: Frontier,
    learner: Learner,
    recorder: Recorder,
    feeding: Feeding,
    warcs: Path,
    again: str,
) -> dict[str, Any]:
    """The content of coverage.json; a known software's pages are read back from `warcs` for it."""
    resolved = None
    if any(one.family != "generic" for one in learner.installations):
        resolved = resolve(recorder.lines, warcs, learner.scope.own, frontier.why)
    return coverage.report(
        frontier,
        learner.scope,
        learner.installations,
        learner.inventory,
        resolved=resolved,
        links_to=feeding.found(),
        requests=recorder.requests(),
        again=again,
    )


def about(frontier: Frontier, site: Site, report: Mapping[str, Any]) -> Crawl:
    """What the manifest says of a crawl. report: the content of coverage.json."""
    counts = frontier.counts()
    began, previous, label = (frontier.fact(name) for name in ("began", "previous", "label"))
    assert isinstance(began, str)
    return Crawl(
        seeds=site.urls,
        began=datetime.fromisoformat(began),
        tool=TOOL,
        config=fingerprint(site),
        label=label if isinstance(label, str) else None,
        previous=previous if isinstance(previous, str) else None,
        verdict=report["verdict"],
        private=site.is_private,
        counts={
            "gaps": report["missing"],
            "skipped": counts["skipped"],
            "missing": counts.get("done/missing", 0),
            "denied": counts.get("done/denied", 0),
            "redirects": counts.get("done/redirect", 0),
        },
    )


def worded(failure: Failure, snapshot: Snapshot, db: sqlite3.Connection, again: str) -> Failure:
    """The same for a person who does not know which file of ours had no room, or which URL no answer."""
    if not isinstance(failure, OutOfDisk | RemoteError):
        return failure
    look = [f"df -h {shlex.quote(str(snapshot.folder))}"] if isinstance(failure, OutOfDisk) else []
    kept = "what was captured"
    with contextlib.suppress(Failure):
        # Counted anew, for what the frontier had in memory was taken back with the last transaction.
        kept = f"{Frontier(db).counts()['done']} URLs are captured"
    return type(failure)(
        f"{snapshot} is not finished",
        what=failure.what,
        where=failure.where,
        kept=f"{kept}; the crawl goes on where it stopped",
        next=(*look, again),
    )


def nothing(site: Site, report: Mapping[str, Any], notes: Sequence[str], again: str) -> RemoteError:
    """Not one page of the site was captured, whatever else was."""
    gap = next(iter([*report["gaps"], *report["denied"]]), None)
    left = [one["reason"] for one in report["skipped"] if one["rule"] == OWN_ROBOTS]
    reasons = [gap["reason"]] if gap else [*notes, *left] or ["the address answers, but has no page there"]
    return RemoteError(
        f"nothing of {site.name} could be captured",
        what="\n".join(reasons),
        where=(gap["url"] if gap else None) or site.urls[0],
        kept="earlier snapshots are untouched",
        next=(again,),
    )
