"""How a crawl is, and how it ended: plain values for whoever tells a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from storage.errors import Failure
from storage.manifest import Manifest
from storage.snapshot import Snapshot


@dataclass(slots=True)
class Outcome:
    """How a crawl ended.

    manifest: None when the snapshot stays open, and then failure says why. crash: an error of ours at the
    end. bugs: errors of ours, one a URL. notes: what a person should know (a seed that moved, …).
    coverage: the content of coverage.json, once the snapshot is sealed.
    """

    snapshot: Snapshot
    manifest: Manifest | None = None
    failure: Failure | None = None
    crash: Exception | None = None
    bugs: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    coverage: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a crawl is, for `Report.progress`. Counted by the crawl itself, never taken from Scrapy."""

    fetched: int
    done: int
    known: int
    bytes: int
    gaps: int
    delay: float
    paused: float
    seconds: float
