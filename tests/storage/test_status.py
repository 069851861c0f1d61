"""How a site stands: from its collection alone, and nothing unproved counts as well."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage import errors, proof
from storage.proof import Proof, Verdict
from storage.status import status_of
from tests.storage.archives import BEGAN, DAY_ONE, made

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def proved(snapshot: str, store: str | None = None, verdict: Verdict = "proved") -> Proof:
    return Proof(
        kind="pushed" if store else "verified", site="forum", snapshot=snapshot, at=NOW, verdict=verdict,
        store=store, files=1, bytes=1, problems=[] if verdict == "proved" else ["cassé"],
    )  # fmt: skip


def test_all_is_well(tmp_path: Path) -> None:
    archive = made(tmp_path)
    snapshot = archive.day(DAY_ONE)
    proof.write(archive.collection.proofs, proved(snapshot.name))
    proof.write(archive.collection.proofs, proved(snapshot.name, "disque"))
    found = status_of(archive.collection, ["disque"], NOW)
    assert found.wrong == [] and found.open == [] and found.archive_org is None
    assert found.age == NOW - BEGAN - timedelta(hours=1)
    assert found.newest is not None and found.newest.verdict == "complete"
    assert found.verified == proved(snapshot.name) and found.pushed["disque"] is not None


def test_the_newest_snapshot_counts(tmp_path: Path) -> None:
    archive = made(tmp_path)
    first = archive.day(DAY_ONE)
    proof.write(archive.collection.proofs, proved(first.name))
    proof.write(archive.collection.proofs, proved(first.name, "disque"))
    archive.day(DAY_ONE, 1)
    found = status_of(archive.collection, ["disque"], NOW)
    assert found.wrong == [(errors.UNPROVEN, "not verified"), (errors.UNPROVEN, "not pushed to disque")]


@pytest.mark.parametrize(("verdict", "code"), [("broken", errors.BROKEN), ("unproven", errors.UNPROVEN)])
def test_proofs_that_say_no(tmp_path: Path, verdict: Verdict, code: int) -> None:
    archive = made(tmp_path)
    snapshot = archive.day(DAY_ONE)
    proof.write(archive.collection.proofs, proved(snapshot.name, verdict=verdict))
    proof.write(archive.collection.proofs, proved(snapshot.name, "disque", verdict))
    found = status_of(archive.collection, ["disque"], NOW)
    assert found.wrong == [(code, f"verified: {verdict}"), (code, f"pushed to disque: {verdict}")]


def test_gaps_and_an_open_crawl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = made(tmp_path)
    snapshot = archive.day(DAY_ONE)
    proof.write(archive.collection.proofs, proved(snapshot.name))
    manifest = replace(snapshot.manifest(), verdict="gaps", counts={**snapshot.manifest().counts, "gaps": 3})
    (snapshot.folder / "manifest.json").write_bytes(manifest.to_json())
    begun = archive.collection.create(NOW)
    begun.database.touch()
    found = status_of(archive.collection, [], NOW)
    assert found.wrong == [(errors.GAPS, "3 gaps")] and found.open == [begun.name]


def test_nothing_is_there(tmp_path: Path) -> None:
    archive = made(tmp_path)
    assert status_of(archive.collection, ["d"], NOW).wrong == [(errors.UNPROVEN, "it was never crawled")]
    archive.collection.create(NOW).database.touch()
    found = status_of(archive.collection, ["d"], NOW)
    assert found.wrong == [(errors.UNPROVEN, "its first crawl is not finished")]
    assert found.newest is None and found.pushed == {"d": None}
