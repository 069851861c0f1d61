"""What archive.org has of our pages, on file: a receipt for each page, and a summary for each site.

SITE/proofs/submitted-receipts.jsonl and SITE/proofs/submitted.json, written anew by each `jukni submit`.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path

from storage.archive_org.ledger import read_time
from storage.errors import BrokenData
from storage.files import sync_folder, write_once
from storage.manifest import time_text

RECEIPTS = "submitted-receipts.jsonl"
SUMMARY = "submitted.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One page that archive.org has. capture: the address of the newest capture there, made `at` (UTC).

    same: a capture with exactly our payload is there. seen: "index", or "capture" when only its own address
    has shown it so far.
    """

    url: str
    capture: str
    at: str
    same: bool
    seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How a site stands at archive.org, after the submit of `at`. Whole numbers of pages.

    pages: public ones of the snapshot. there: on archive.org. old: of these, captured longer than
    `recheck_after` days ago. same: with exactly our payload. asked: in this run. waiting: handed over, not
    seen there yet. left: still to be asked for. refused, unwanted, excluded: not to be asked for.
    nights: that it takes for all sites, at `a_night`.
    """

    site: str
    snapshot: str
    at: datetime
    pages: int
    there: int
    old: int
    same: int
    asked: int
    waiting: int
    left: int
    refused: int
    unwanted: int
    excluded: int
    recheck_after: int
    a_night: int
    nights: int

    def sentence(self) -> str:
        """For a person: "4,102 of 4,380 pages are on archive.org, 31 older than a year; …"."""
        if not self.pages:
            return "it has no page that everybody can reach"
        text = f"{self.there:,} of {self.pages:,} pages are on archive.org"
        if self.old:
            text += f", {self.old:,} older than {_days(self.recheck_after)}"
        if self.waiting:
            text += f"; {self.waiting:,} handed over and not seen there yet"
        if kept := self.refused + self.unwanted + self.excluded:
            text += f"; {kept:,} are not asked for"
        if self.left:
            done = "1 night" if self.nights == 1 else f"{self.nights:,} nights"
            text += f"; {self.a_night:,} a night, done in {done}"
        return text


def write(proofs: Path, receipts: Iterable[Receipt], summary: Summary) -> None:
    """Put both in place of those before; the summary last."""
    if not proofs.exists():
        proofs.mkdir(parents=True)
        sync_folder(proofs.parent)
    write_once(proofs / RECEIPTS, (_json(asdict(one)) for one in receipts))
    write_once(proofs / SUMMARY, [_json({**asdict(summary), "at": time_text(summary.at)})])


def read(proofs: Path) -> Summary | None:
    """The summary of the last submit; None when there was none. BrokenData when it is no summary."""
    path = proofs / SUMMARY
    if not path.exists():
        return None
    try:
        plain = json.loads(path.read_bytes())
        found = Summary(**{**plain, "at": read_time(plain["at"])})
        for field in fields(Summary):
            value = getattr(found, field.name)
            if field.type == "int" and (not isinstance(value, int) or isinstance(value, bool)):
                raise ValueError(f"{field.name} is no number")
    except (ValueError, TypeError, KeyError) as error:
        raise BrokenData(
            "a proof cannot be believed",
            what=str(error),
            where=str(path),
            next=(f"cat {shlex.quote(str(path))}",),
        ) from error
    return found


def _days(days: int) -> str:
    return "a year" if days in (365, 366) else f"{days} days"


def _json(plain: dict[str, object]) -> bytes:
    return json.dumps(plain, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
