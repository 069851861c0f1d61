"""What the frontier knows, read back: gaps, what rules kept out, and why of one URL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from crawler.canonical import identity


@dataclass(frozen=True, slots=True)
class Known:
    """What the frontier knows of one URL; `chain` leads from its via back to the seed."""

    row: int
    url: str
    state: str
    kind: str | None
    hops: str
    attempts: int
    not_before: float | None
    outcome: str | None
    status: int | None
    detail: str | None
    rule: str | None
    reason: str | None
    chain: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """A URL that was wanted and is not finished: failed, or still pending or leased."""

    url: str
    kind: str
    state: str
    why: str | None
    attempts: int
    via: str | None


@dataclass(frozen=True, slots=True)
class Skips:
    """What one rule kept out: how many URLs, and up to five of them."""

    rule: str
    reason: str
    n: int
    examples: tuple[str, ...]


def gaps(db: sqlite3.Connection) -> Iterator[Gap]:
    """What failed, then what was not reached, each in the order found."""
    for found in db.execute(
        "SELECT u.url, u.kind, u.state, u.detail, u.attempts, p.url"
        " FROM urls u LEFT JOIN urls p ON p.row = u.via"
        " WHERE u.state IN ('failed', 'pending', 'leased') ORDER BY u.state <> 'failed', u.row"
    ):
        yield Gap(*found)


def skips(db: sqlite3.Connection) -> Iterator[Skips]:
    """What was skipped, one entry for each rule and reason, the largest first."""
    totals = db.execute(
        "SELECT r.id, r.rule, r.reason, count(*) FROM urls u JOIN rules r ON r.id = u.rule"
        " WHERE u.rule IS NOT NULL GROUP BY u.rule ORDER BY 4 DESC, 1"
    ).fetchall()
    for number, rule, reason, n in totals:
        examples = db.execute(
            "SELECT url FROM urls WHERE rule = ? ORDER BY row LIMIT 5", (number,)
        ).fetchall()
        yield Skips(rule, reason, n, tuple(url for (url,) in examples))


def why(db: sqlite3.Connection, url: str) -> Known | None:
    """What is known of `url`; None: it was never seen."""
    found = db.execute(
        "SELECT u.row, u.url, u.state, u.kind, u.hops, u.attempts, u.not_before, u.outcome, u.status,"
        " u.detail, r.rule, r.reason, u.via FROM urls u LEFT JOIN rules r ON r.id = u.rule"
        " WHERE u.identity = ?",
        (identity(url),),
    ).fetchone()
    if found is None:
        return None
    chain: list[str] = []
    above = (None, found[-1])
    while above is not None and above[1] is not None:
        above = db.execute("SELECT url, via FROM urls WHERE row = ?", (above[1],)).fetchone()
        if above is not None:
            chain.append(above[0])
    return Known(*(*found[:-1], tuple(chain)))
