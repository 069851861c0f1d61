"""What was asked of archive.org, URL by URL: SITE/proofs/submitted-ledger.jsonl.

A line for each step, written and synced before the next one is taken; the last line about a URL counts. So a
run that was killed at any moment has left behind what it did, and the next one asks nothing twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from storage.files import room_for, sync_folder, write_once
from storage.manifest import time_text

NAME = "submitted-ledger.jsonl"

State = Literal[
    "asking",  # about to be sent; found again after a kill: nobody knows whether it arrived
    "pending",  # they have given it a job
    "claimed",  # they say that there is a capture; not confirmed yet
    "unsure",  # it may have been taken
    "confirmed",  # the capture was seen in their index, or at its own address
    "later",  # may be asked again from `until` on
    "never",  # they said that they will not
    "unwanted",  # the page itself asks not to be archived there
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is known of one URL. Times are RFC 3339, UTC; "" where there is none.

    asked: when it was last handed over. digest: our payload digest at that time. tries: how often since it
    was last confirmed. until: not before. job: theirs. timestamp, original: of the capture, as they tell it.
    """

    url: str
    state: State
    digest: str = ""
    asked: str = ""
    tries: int = 0
    until: str = ""
    job: str = ""
    timestamp: str = ""
    original: str = ""
    why: str = ""

    @property
    def asked_at(self) -> datetime | None:
        return read_time(self.asked) if self.asked else None

    @property
    def not_before(self) -> datetime | None:
        return read_time(self.until) if self.until else None

    @property
    def is_open(self) -> bool:
        """Was it handed over, with the end not known?"""
        return self.state in ("asking", "pending", "claimed", "unsure")


def read_time(text: str) -> datetime:
    """The time that `time_text` wrote. ValueError when it is none."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


class Ledger:
    """The ledger of one site. One process at a time; the caller sees to that."""

    def __init__(self, proofs: Path, *, keep: bool = True) -> None:
        """proofs: the site's folder of proofs; made when the first line is written.

        keep: False to write nothing, for a dry run.
        """
        self.keep = keep
        self._path = proofs / NAME
        self._entries: dict[str, Entry] = {}
        self._lines = 0
        if self._path.exists():
            for line in self._path.read_bytes().splitlines():
                self._lines += 1
                if entry := _entry(line):
                    self._entries[entry.url] = entry

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries.values()))

    def get(self, url: str) -> Entry | None:
        return self._entries.get(url)

    def asked_since(self, moment: datetime) -> int:
        """How many URLs were handed over since then."""
        since = time_text(moment)
        return sum(entry.asked >= since for entry in self._entries.values())

    def put(self, entry: Entry) -> Entry:
        """Write what is known now; it is on the disk when this returns."""
        if self._entries.get(entry.url) == entry:
            return entry
        self._entries[entry.url] = entry
        if not self.keep:
            return entry
        folder = self._path.parent
        if not folder.exists():
            folder.mkdir(parents=True)
            sync_folder(folder.parent)
        data = _line(entry)
        with room_for(self._path), self._path.open("ab") as file:
            file.write(data if self._ends_well() else b"\n" + data)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(folder)
        self._lines += 1
        return entry

    def change(self, entry: Entry, **fields: Any) -> Entry:
        """`put` the entry with other fields."""
        return self.put(replace(entry, **fields))

    def tidy(self) -> None:
        """Write it anew with one line a URL, once that makes it a quarter of its size."""
        if self._lines > 4 * len(self._entries) + 1000:
            write_once(self._path, map(_line, self._entries.values()))
            self._lines = len(self._entries)

    def _ends_well(self) -> bool:
        """False when the last line was cut, so that ours would be glued to it."""
        if not self._path.exists() or not self._path.stat().st_size:
            return True
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() == b"\n"


def _line(entry: Entry) -> bytes:
    plain = {name: value for name, value in asdict(entry).items() if value}
    return json.dumps(plain, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _entry(line: bytes) -> Entry | None:
    """None for a line cut by a power loss: what stood there had not begun."""
    try:
        entry = Entry(**json.loads(line))
        texts = (
            entry.url,
            entry.digest,
            entry.asked,
            entry.until,
            entry.job,
            entry.timestamp,
            entry.original,
        )
        if entry.state not in get_args(State) or not all(isinstance(text, str) for text in texts):
            return None
        for text in (entry.asked, entry.until):
            if text:
                read_time(text)
    except (ValueError, TypeError):
        return None
    return entry
