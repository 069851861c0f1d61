"""A proof: the dated result of verifying, pushing or restoring one snapshot, kept in SITE/proofs."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from storage.errors import BrokenData
from storage.files import sync_folder, write_once
from storage.manifest import SITE, SNAPSHOT, time_text

Kind = Literal["verified", "pushed", "restored"]
Verdict = Literal["proved", "broken", "unproven"]
STORE = re.compile(r"[a-z0-9-]{1,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Three-valued: what was not looked at is unproven, never proved.

    at: UTC, kept to the second. store: None for what concerns the local files alone. files, bytes: how much
    was checked. problems: one line each; none when proved.
    """

    kind: Kind
    site: str
    snapshot: str
    at: datetime
    verdict: Verdict
    store: str | None
    files: int
    bytes: int
    problems: Sequence[str]

    @property
    def name(self) -> str:
        """The proof's file name; a later proof of the same thing takes its place."""
        return f"{self.snapshot}-{self.kind}{f'-{self.store}' if self.store else ''}.json"


def write(folder: Path, proof: Proof) -> Path:
    """Put a proof into a site's folder of proofs, in place of the last one of its kind; returns its path."""
    if proof.store is not None and not STORE.fullmatch(proof.store):
        raise ValueError(f"no store can be called {proof.store!r}")
    if not folder.exists():
        folder.mkdir(parents=True)
        sync_folder(folder.parent)
    plain = {**asdict(proof), "at": time_text(proof.at), "problems": list(proof.problems)}
    path = folder / proof.name
    write_once(path, [json.dumps(plain, indent=1, ensure_ascii=False).encode("utf-8", "replace") + b"\n"])
    return path


def read(path: Path) -> Proof:
    """A proof from its file. BrokenData when it is not exactly one; OSError when it cannot be read."""
    try:
        plain = json.loads(path.read_bytes())
        return _proof(plain)
    except (ValueError, TypeError, KeyError) as error:
        raise BrokenData(
            "a proof cannot be believed",
            what=str(error),
            where=str(path),
            next=(f"cat {shlex.quote(str(path))}",),
        ) from error


def proofs_of(folder: Path, snapshot: str, kind: Kind) -> list[Proof]:
    """The proofs of one kind about one snapshot, one a store, oldest first."""
    if not folder.exists():
        return []
    name = re.compile(rf"{re.escape(snapshot)}-{kind}(-{STORE.pattern})?\.json")
    found = [read(path) for path in sorted(folder.iterdir()) if name.fullmatch(path.name)]
    return sorted(found, key=lambda proof: proof.at)


def _proof(plain: dict[str, Any]) -> Proof:
    proof = Proof(**{**plain, "at": datetime.strptime(plain["at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)})
    numbers = all(
        isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in (proof.files, proof.bytes)
    )
    lines = isinstance(proof.problems, list) and all(isinstance(line, str) for line in proof.problems)
    known = proof.kind in get_args(Kind) and proof.verdict in get_args(Verdict)
    named = SITE.fullmatch(proof.site) and SNAPSHOT.fullmatch(proof.snapshot)
    if not (numbers and lines and known and named):
        raise ValueError("its fields are not those of a proof")
    if proof.verdict == "proved" and proof.problems:
        raise ValueError("it says proved and lists problems")
    return proof
