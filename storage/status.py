"""How one site stands, from what lies in its collection; nothing outside is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from storage import errors, proof
from storage.archive_org import receipts
from storage.archive_org.receipts import Summary
from storage.collection import Collection
from storage.manifest import Manifest
from storage.proof import Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """newest: manifest of the newest sealed snapshot. verified: its last proof. pushed: its last one a store.

    open: names of unfinished snapshots. archive_org: after the last submit. wrong: what is not well, each
    with the exit code that says so.
    """

    site: str
    newest: Manifest | None
    age: timedelta | None
    verified: Proof | None
    pushed: dict[str, Proof | None]
    open: Sequence[str]
    archive_org: Summary | None
    wrong: Sequence[tuple[int, str]]


def status_of(collection: Collection, stores: Sequence[str], now: datetime) -> Status:
    """stores: those it should have been pushed to. BrokenData when a file that tells it is not credible."""
    latest = collection.latest()
    unfinished = [snapshot.name for snapshot in collection.open()]
    summary = receipts.read(collection.proofs)
    if latest is None:
        what = "its first crawl is not finished" if unfinished else "it was never crawled"
        return Status(
            site=collection.site,
            newest=None,
            age=None,
            verified=None,
            pushed=dict.fromkeys(stores),
            open=unfinished,
            archive_org=summary,
            wrong=[(errors.UNPROVEN, what)],
        )
    manifest = latest.manifest()
    verified = next(reversed(proof.proofs_of(collection.proofs, latest.name, "verified")), None)
    found = {one.store: one for one in proof.proofs_of(collection.proofs, latest.name, "pushed")}
    pushed = {name: found.get(name) for name in stores}
    wrong: list[tuple[int, str]] = []
    if manifest.verdict == "gaps":
        wrong.append((errors.GAPS, f"{manifest.counts.get('gaps', 0):,} gaps"))
    wrong += _doubt(verified, "verified")
    for name, one in pushed.items():
        wrong += _doubt(one, f"pushed to {name}")
    return Status(
        site=collection.site,
        newest=manifest,
        age=now - manifest.sealed,
        verified=verified,
        pushed=pushed,
        open=unfinished,
        archive_org=summary,
        wrong=wrong,
    )


def _doubt(one: Proof | None, what: str) -> list[tuple[int, str]]:
    if one is None:
        return [(errors.UNPROVEN, f"not {what}")]
    if one.verdict == "proved":
        return []
    return [(errors.BROKEN if one.verdict == "broken" else errors.UNPROVEN, f"{what}: {one.verdict}")]
