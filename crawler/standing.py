"""`jukni status`: is everything well?"""

from __future__ import annotations

import argparse
import shlex
from datetime import UTC, datetime
from typing import Any

from crawler.verbs import Run, archive_of, weight
from storage import errors
from storage.archive_org.receipts import Summary
from storage.errors import BrokenData, GapsFound, Unproven
from storage.proof import Proof
from storage.report import Span
from storage.status import Status, status_of


class Sentence(dict[str, Any]):
    """Numbers for JSON that are one sentence for a person."""

    def __init__(self, summary: Summary) -> None:
        super().__init__({name: getattr(summary, name) for name in Summary.__dataclass_fields__})
        self._text = summary.sentence()

    def __str__(self) -> str:
        return self._text


def status(options: argparse.Namespace, run: Run) -> int:
    """Each site: its newest snapshot, what was proved of it, what is open, what archive.org has."""
    config = run.config()
    archive = archive_of(options, run)
    configured = [] if options.into else [site.name for site in config.sites]
    names = options.sites or list(dict.fromkeys([*configured, *archive.sites()]))
    stores = [] if options.into else [store.name for store in config.stores]
    worst, bad = errors.DONE, []
    for name in names:
        found = status_of(archive.collection(name), stores, datetime.now(UTC))
        run.report.result(name, _words(found, archive.collection(name).private))
        bad += [f"{name}: {what}" for _, what in found.wrong]
        worst = max([worst, *(code for code, _ in found.wrong)], key=weight)
    if not bad:
        return worst
    kind = {errors.GAPS: GapsFound, errors.BROKEN: BrokenData}.get(worst, Unproven)
    into = ["--into", str(archive.root)] if options.into else []
    raise kind(
        "not all is well",
        what="\n".join(bad),
        where=str(archive.root),
        kept="nothing was changed",
        next=(shlex.join(["jukni", "verify", *into]), *(["jukni push"] if stores else [])),
    )


def _words(found: Status, private: bool) -> dict[str, Any]:
    newest = found.newest
    words: dict[str, Any] = {
        "snapshot": newest.snapshot if newest else None,
        "age": Span(found.age.total_seconds()) if found.age else None,
        "verdict": newest.verdict if newest else None,
        "verified": _told(found.verified),
    }
    words |= {f"pushed to {name}": _told(one) for name, one in found.pushed.items()}
    words |= {"open": list(found.open)}
    there = Sentence(found.archive_org) if found.archive_org else "never submitted"
    words |= {"archive.org": "private, stays here" if private else there}
    return words


def _told(one: Proof | None) -> str:
    return f"{one.verdict}, {one.at:%Y-%m-%d %H:%M} UTC" if one else "never"
