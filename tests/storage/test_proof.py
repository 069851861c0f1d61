"""Proofs: kept whole, read strictly, never taken for more than they say."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from storage.errors import BrokenData
from storage.proof import Proof, proofs_of, read, write

PROOF = Proof(
    kind="pushed",
    site="forum",
    snapshot="20261122T031500Z",
    at=datetime(2026, 11, 23, 4, tzinfo=UTC),
    verdict="broken",
    store="garage-2",
    files=7,
    bytes=123,
    problems=["forum/warcs/é: fehlt"],
)


def test_round_trip(tmp_path: Path) -> None:
    path = write(tmp_path / "proofs", PROOF)
    assert path.name == "20261122T031500Z-pushed-garage-2.json" and read(path) == PROOF


def test_one_a_store_oldest_first(tmp_path: Path) -> None:
    later = replace(PROOF, store="cave", at=PROOF.at + timedelta(days=1))
    for proof in (later, PROOF, replace(PROOF, kind="verified", store=None), replace(PROOF, at=PROOF.at)):
        write(tmp_path, proof)
    write(tmp_path, replace(PROOF, snapshot="20261123T031500Z"))
    assert proofs_of(tmp_path, PROOF.snapshot, "pushed") == [PROOF, later]
    assert proofs_of(tmp_path / "nowhere", PROOF.snapshot, "pushed") == []


def test_a_store_cannot_lead_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="store"):
        write(tmp_path, replace(PROOF, store="../x"))


WRONG: dict[str, Callable[[dict[str, Any]], object]] = {
    "a field missing": lambda p: p.pop("files"),
    "a field more": lambda p: p.update(extra=1),
    "kind": lambda p: p.update(kind="believed"),
    "verdict": lambda p: p.update(verdict="OK"),
    "proved with problems": lambda p: p.update(verdict="proved"),
    "time": lambda p: p.update(at="yesterday"),
    "count": lambda p: p.update(files=-1),
    "truth value": lambda p: p.update(bytes=True),
    "problems": lambda p: p.update(problems="none"),
    "site": lambda p: p.update(site="../x"),
    "snapshot": lambda p: p.update(snapshot=1),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_what_is_no_proof_is_refused(tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = write(tmp_path, PROOF)
    plain = json.loads(path.read_bytes())
    change(plain)
    path.write_text(json.dumps(plain))
    with pytest.raises(BrokenData):
        read(path)


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b"null"])
def test_other_files_too(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "proof.json"
    path.write_bytes(data)
    with pytest.raises(BrokenData):
        read(path)
