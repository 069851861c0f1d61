"""The sentence that a person reads."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from storage.archive_org.receipts import Summary

WHOLE = Summary(
    site="forum", snapshot="20261122T031500Z", at=datetime(2026, 11, 22, 4, tzinfo=UTC), pages=4380,
    there=4102, old=31, same=900, asked=200, waiting=0, left=278, refused=0, unwanted=0, excluded=0,
    recheck_after=365,
    a_night=200, nights=2,
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {},
            "4,102 of 4,380 pages are on archive.org, 31 older than a year; 200 a night, done in 2 nights",
        ),
        ({"old": 0, "left": 0}, "4,102 of 4,380 pages are on archive.org"),
        (
            {"old": 1, "recheck_after": 90, "nights": 1, "waiting": 7},
            "4,102 of 4,380 pages are on archive.org, 1 older than 90 days; "
            "7 handed over and not seen there yet; 200 a night, done in 1 night",
        ),
        ({"pages": 0, "there": 0}, "it has no page that everybody can reach"),
        (
            {"old": 0, "left": 0, "refused": 1, "unwanted": 2, "excluded": 3},
            "4,102 of 4,380 pages are on archive.org; 6 are not asked for",
        ),
    ],
)
def test_sentences(change: dict[str, int], sentence: str) -> None:
    assert replace(WHOLE, **change).sentence() == sentence  # type: ignore[arg-type]
