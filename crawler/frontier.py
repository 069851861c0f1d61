"""URLs known and what became of them: leases, one commit with the WARC, a million URLs in flat memory.

A row is `pending` until leased, `leased` while it is asked for, then `done`, `failed` or `skipped`.
Rows are numbered in the order found. Nothing here commits: `crawler.database.commit` does, once a response.
After a rollback the Frontier is of no more use; build a new one on the connection.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from crawler.canonical import identity
from crawler.known import Gap, Known, Skips, gaps, skips, why
from crawler.recent import Recent

Kind = Literal["seed", "page", "requisite", "feed", "robots", "inventory"]
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

STATES = ("pending", "leased", "done", "failed", "skipped")
_RANK = {"robots": 0, "seed": 1}  # everything else 2: in the order found
_SPELLED = 50  # hops
_NEVER = float("inf")

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS hosts (id INTEGER PRIMARY KEY, host TEXT NOT NULL UNIQUE)",
    """CREATE TABLE IF NOT EXISTS rules (
        id INTEGER PRIMARY KEY, rule TEXT NOT NULL, reason TEXT NOT NULL, UNIQUE (rule, reason))""",
    """CREATE TABLE IF NOT EXISTS urls (
        row INTEGER PRIMARY KEY,
        identity INTEGER NOT NULL UNIQUE,
        host INTEGER NOT NULL REFERENCES hosts,
        rank INTEGER NOT NULL,
        state TEXT NOT NULL,
        kind TEXT,              -- NULL: only seen in passing and skipped, nobody ever wanted it
        via INTEGER REFERENCES urls,
        attempts INTEGER NOT NULL DEFAULT 0,
        not_before REAL,
        rule INTEGER REFERENCES rules,
        status INTEGER,
        outcome TEXT,
        url TEXT NOT NULL,
        hops TEXT NOT NULL,
        method TEXT,            -- NULL: GET
        detail TEXT)""",
    # A host that may not be asked now is passed over without looking at its rows.
    """CREATE INDEX IF NOT EXISTS ready ON urls (host, rank, row)
        WHERE state = 'pending' AND not_before IS NULL""",
    "CREATE INDEX IF NOT EXISTS waiting ON urls (not_before) WHERE not_before IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS passing ON urls (identity) WHERE kind IS NULL",
    "CREATE INDEX IF NOT EXISTS ruled ON urls (rule) WHERE rule IS NOT NULL",
    "CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
)


@dataclass(frozen=True, slots=True)
class Link:
    """A URL somebody wants: canonical, and what it is to the page it was found on.

    kind "inventory": what a software is asked for. method: another than GET is another row.
    """

    url: str
    kind: Kind
    method: str = "GET"

    @property
    def key(self) -> str:
        """What tells it from other requests."""
        return self.url if self.method == "GET" else f"{self.method} {self.url}"


@dataclass(frozen=True, slots=True)
class Lease:
    """A row given out to be fetched, until done, retry, failed or skipped is said of it.

    host: network location of the URL ("example.org:8080"). hops: how it was reached, one letter a step, ""
    for a seed, as Heritrix writes them. via: URL it was found on. attempts: retries so far.
    """

    row: int
    url: str
    host: str
    kind: Kind
    hops: str
    via: str | None
    attempts: int
    method: str = "GET"


def host_of(url: str) -> str:
    """Network location of a canonical http(s) URL, without user information."""
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2]
    if not scheme or not host:
        raise ValueError(f"not a canonical URL: {url!r}")
    return host


def _shortened(hops: str) -> str:
    """At most fifty steps spelled out; pages that only lead to the next one would fill the disk."""
    number, plus, letters = hops.rpartition("+")
    left = len(letters) - _SPELLED
    return hops if left <= 0 else f"{int(number if plus else 0) + left}+{letters[left:]}"


class Frontier:
    """The frontier on one database connection. `clock` gives Unix time for `not_before`."""

    def __init__(
        self, db: sqlite3.Connection, *, clock: Callable[[], float] = time.time, remember: int = 65_536
    ) -> None:
        self._db = db
        self._clock = clock
        for statement in _SCHEMA:
            db.execute(statement)
        self._wanted = Recent(remember)
        self._passed = Recent(remember)
        self._hosts: dict[str, int] = {
            host: number for number, host in db.execute("SELECT id, host FROM hosts")
        }
        self._rules: dict[tuple[str, str], int] = {
            (rule, reason): number
            for number, rule, reason in db.execute("SELECT id, rule, reason FROM rules")
        }
        self._via: tuple[str | None, int | None] = (None, None)
        self._ready: OrderedDict[str, int] = OrderedDict()  # host -> rows that may be leased, next host first
        self._counts: Counter[tuple[str, str | None]] = Counter()
        self._due = _NEVER
        self._recount()

    # --- in

    def add(self, links: Iterable[Link], *, via: str | None = None, hops: str = "") -> int:
        """Take in what is new of `links`, all reached over `hops` from `via`; how many were new.

        Known URLs are left as they are, whatever became of them, except one that was only ever `skip`ped:
        it is wanted now (an image out of scope as a link is in scope as a requisite).
        Long hops are kept as Heritrix does: "12+LLL…", the number of steps left out and the last fifty.
        """
        fresh: dict[int, Link] = {}
        wanted = self._wanted
        for link in links:
            if link.key not in wanted:
                fresh.setdefault(identity(link.key), link)
        if not fresh:
            return 0
        passed: list[tuple[int]] = []
        for mark, in_passing in self._known(fresh):
            if in_passing:
                passed.append((mark,))
            else:
                wanted.add(fresh.pop(mark).key)
        if passed:
            self._db.executemany("DELETE FROM urls WHERE identity = ?", passed)
            self._counts["skipped", None] -= len(passed)
        parent = self._row_of(via)
        hops = _shortened(hops)
        rows = []
        for mark, link in fresh.items():
            host = host_of(link.url)
            method = None if link.method == "GET" else link.method
            rows.append(
                (mark, self._host(host), _RANK.get(link.kind, 2), link.kind, parent, link.url, hops, method)
            )
            self._ready[host] = self._ready.get(host, 0) + 1
            wanted.add(link.key)
        self._db.executemany(
            "INSERT INTO urls (identity, host, rank, state, kind, via, url, hops, method)"
            " VALUES (?, ?, ?, 'pending', ?, ?, ?, ?, ?)",
            rows,
        )
        self._counts["pending", None] += len(rows)
        return len(rows)

    def unseen(self, links: Iterable[tuple[str, Kind]]) -> list[tuple[str, Kind]]:
        """Those of `(url, kind)` that are worth judging: not known yet, or only skipped and a requisite now.

        What a page links to is nearly all known already, mostly without a look into the database.
        """
        fresh: dict[int, tuple[str, Kind]] = {}
        wanted, passed = self._wanted, self._passed
        for link in links:
            if link[0] not in wanted and (link[1] == "requisite" or link[0] not in passed):
                fresh.setdefault(identity(link[0]), link)
        if not fresh:
            return []
        for mark, in_passing in self._known(fresh):
            if not in_passing:
                wanted.add(fresh.pop(mark)[0])
            else:
                passed.add(fresh[mark][0])
                if fresh[mark][1] != "requisite":
                    del fresh[mark]
        return list(fresh.values())

    def skip(self, url: str, rule: str, reason: str, via: str | None = None) -> None:
        """Remember that a rule kept `url` out, once; a URL known already is left as it is."""
        if url in self._passed or url in self._wanted:
            return
        self._passed.add(url)
        cursor = self._db.execute(
            "INSERT OR IGNORE INTO urls (identity, host, rank, state, via, rule, url, hops)"
            " VALUES (?, ?, 2, 'skipped', ?, ?, ?, '')",
            (identity(url), self._host(host_of(url)), self._row_of(via), self._rule(rule, reason), url),
        )
        self._counts["skipped", None] += cursor.rowcount

    # --- out

    def lease(self, busy: Container[str] = ()) -> Lease | None:
        """The next row to ask for, of a host that is not `busy`; None: nothing may be asked now.

        Hosts take turns; within one, robots and seeds come first, then the order found.
        """
        if self._due <= self._clock():
            self._wake()
        for host in self._ready:
            if host not in busy:
                break
        else:
            return None
        # fetchall: a statement with RETURNING ends only when all its rows are taken.
        ((row, url, kind, hops, via, attempts, method),) = self._db.execute(
            "UPDATE urls SET state = 'leased' WHERE row = (SELECT row FROM urls"
            " WHERE host = ? AND state = 'pending' AND not_before IS NULL ORDER BY rank, row LIMIT 1)"
            " RETURNING row, url, kind, hops, (SELECT p.url FROM urls p WHERE p.row = urls.via),"
            " attempts, ifnull(method, 'GET')",
            (self._hosts[host],),
        ).fetchall()
        self._counts["pending", None] -= 1
        self._counts["leased", None] += 1
        self._ready[host] -= 1
        if self._ready[host]:
            self._ready.move_to_end(host)
        else:
            del self._ready[host]
        return Lease(row, url, host, kind, hops, via, attempts, method)

    def done(self, row: int, outcome: str, status: int | None = None, detail: str | None = None) -> None:
        """The leased row was answered. ValueError (here and below) when the row is not leased."""
        self._end(row, "done", outcome, status=status, detail=detail)

    def failed(self, row: int, why: str, status: int | None = None) -> None:
        """The leased row is given up; it is a gap."""
        self._end(row, "failed", None, status=status, detail=why)

    def skipped(self, row: int, rule: str, reason: str) -> None:
        """The leased row turned out to be kept out by a rule; finding its URL again does not open it."""
        self._end(row, "skipped", None, rule=self._rule(rule, reason))

    def retry(self, row: int, not_before: float, why: str, *, counted: bool = True) -> None:
        """The leased row is pending again, not to be leased before `not_before` (Unix time).

        counted: whether it was an attempt; not one is a failure that was the whole host's.
        """
        cursor = self._db.execute(
            "UPDATE urls SET state = 'pending', not_before = ?, attempts = attempts + ?, detail = ?"
            " WHERE row = ? AND state = 'leased'",
            (not_before, counted, why, row),
        )
        self._must_be_one(cursor, row)
        self._counts["leased", None] -= 1
        self._counts["pending", None] += 1
        self._due = min(self._due, not_before)

    def give_up(self, host: str, why: str) -> int:
        """Every pending row of a host failed, for the host does not answer; how many."""
        n = self._db.execute(
            "UPDATE urls SET state = 'failed', not_before = NULL, detail = ?"
            " WHERE state = 'pending' AND host = ?",
            (why, self._host(host)),
        ).rowcount
        self._counts["pending", None] -= n
        self._counts["failed", None] += n
        self._ready.pop(host, None)
        self._due = self._first_due()
        return n

    # --- again

    def reset_leases(self) -> int:
        """Give back what was leased when the last run ended; how many rows. Not an attempt."""
        n = self._db.execute("UPDATE urls SET state = 'pending' WHERE state = 'leased'").rowcount
        if n:
            self._recount()
        return n

    def reopen(self, rows: Iterable[int]) -> dict[int, str]:
        """These rows are pending again, whatever they were: their records turned out not to be whole.

        Gives their URLs.
        """
        found: dict[int, str] = {}
        for row in rows:
            found |= self._db.execute(
                "UPDATE urls SET state = 'pending', kind = ifnull(kind, 'page'), not_before = NULL,"
                " outcome = NULL, status = NULL, detail = NULL, rule = NULL WHERE row = ? RETURNING row, url",
                (row,),
            ).fetchall()
        if found:
            self._recount()
        return found

    def once_more(self, links: Iterable[Link]) -> int:
        """Ask again for what was answered or given up before; how many rows. Unknown ones are left."""
        found = "SELECT row FROM urls WHERE identity = ?"
        return self.read_again(
            row for link in links for (row,) in self._db.execute(found, (identity(link.key),)).fetchall()
        )

    def read_again(self, rows: Iterable[int]) -> int:
        """Ask again for those of these rows that were answered or given up; how many."""
        n = self._db.executemany(
            "UPDATE urls SET state = 'pending', attempts = 0, outcome = NULL, status = NULL, detail = NULL"
            " WHERE row = ? AND state IN ('done', 'failed')",
            [(row,) for row in set(rows)],
        ).rowcount
        if n > 0:
            self._recount()
        return max(n, 0)

    def reopen_failed(self, attempts: int = 0) -> int:
        """What was given up is tried afresh; how many rows. attempts: of each that count as made already."""
        n = self._db.execute(
            "UPDATE urls SET state = 'pending', attempts = ?, not_before = NULL, status = NULL, detail = NULL"
            " WHERE state = 'failed'",
            (attempts,),
        ).rowcount
        if n:
            self._recount()
        return n

    def skip_pattern(self, predicate: Callable[[str], bool], rule: str, reason: str) -> int:
        """Skip every pending row whose URL the predicate takes, in one statement; how many."""
        self._db.create_function("taken", 1, predicate)
        n = self._db.execute(
            "UPDATE urls SET state = 'skipped', not_before = NULL, rule = ?"
            " WHERE state = 'pending' AND taken(url)",
            (self._rule(rule, reason),),
        ).rowcount
        if n:
            self._recount()
        return n

    # --- what is known

    def pending(self) -> int:
        """Rows still to be leased, those not due yet included."""
        return self._counts["pending", None]

    def has_pages(self) -> bool:
        """Whether anything but robots.txt and requisites was captured."""
        found = self._db.execute(
            "SELECT 1 FROM urls WHERE outcome = 'captured' AND kind IN ('seed', 'page', 'feed') LIMIT 1"
        )
        return found.fetchone() is not None

    def next_due(self) -> float | None:
        """Unix time at which the first of the rows put off may be leased; None: none is put off."""
        return None if self._due == _NEVER else self._due

    def counts(self) -> dict[str, int]:
        """Rows by state, every state named, and done ones by outcome too ("done/captured")."""
        found = dict.fromkeys(STATES, 0)
        for (state, outcome), n in self._counts.items():
            found[state] += n
            if outcome is not None and n:
                found[f"{state}/{outcome}"] = n
        return found

    def gaps(self) -> Iterator[Gap]:
        """See `crawler.known.gaps`."""
        return gaps(self._db)

    def skips(self) -> Iterator[Skips]:
        """See `crawler.known.skips`."""
        return skips(self._db)

    def why(self, url: str) -> Known | None:
        """See `crawler.known.why`."""
        return why(self._db, url)

    def fact(self, name: str) -> Json:
        """A small value kept with the crawl by `set_fact`; None: never set."""
        found = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        value: Json = None if found is None else json.loads(found[0])
        return value

    def set_fact(self, name: str, value: Json) -> None:
        """Keep a small value with the crawl (what kind of site it is, where an inventory stands)."""
        self._db.execute(
            "INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)",
            (name, json.dumps(value, ensure_ascii=False, sort_keys=True)),
        )

    # --- within

    def _end(
        self,
        row: int,
        state: str,
        outcome: str | None,
        *,
        status: int | None = None,
        detail: str | None = None,
        rule: int | None = None,
    ) -> None:
        cursor = self._db.execute(
            "UPDATE urls SET state = ?, outcome = ?, status = ?, detail = ?, rule = ?"
            " WHERE row = ? AND state = 'leased'",
            (state, outcome, status, detail, rule, row),
        )
        self._must_be_one(cursor, row)
        self._counts["leased", None] -= 1
        self._counts[state, outcome] += 1

    @staticmethod
    def _must_be_one(cursor: sqlite3.Cursor, row: int) -> None:
        if cursor.rowcount != 1:
            raise ValueError(f"row {row} is not leased")

    def _wake(self) -> None:
        """Rows put off until now may be leased again."""
        now = self._clock()
        for host, n in self._db.execute(
            "SELECT h.host, count(*) FROM urls u JOIN hosts h ON h.id = u.host"
            " WHERE u.not_before <= ? GROUP BY u.host",
            (now,),
        ).fetchall():
            self._ready[host] = self._ready.get(host, 0) + n
        self._db.execute("UPDATE urls SET not_before = NULL WHERE not_before <= ?", (now,))
        self._due = self._first_due()

    def _first_due(self) -> float:
        (due,) = self._db.execute("SELECT min(not_before) FROM urls WHERE not_before IS NOT NULL").fetchone()
        return _NEVER if due is None else due

    def _recount(self) -> None:
        """Read the counts held in memory from the rows; one pass over all of them."""
        self._counts.clear()
        for state, outcome, n in self._db.execute(
            "SELECT state, outcome, count(*) FROM urls GROUP BY state, outcome"
        ):
            self._counts[state, outcome] = n
        self._ready.clear()
        for host, n in self._db.execute(
            "SELECT h.host, count(*) FROM urls u JOIN hosts h ON h.id = u.host"
            " WHERE u.state = 'pending' AND u.not_before IS NULL GROUP BY u.host"
        ):
            self._ready[host] = n
        self._due = self._first_due()

    def _known(self, marks: Iterable[int]) -> list[tuple[int, int]]:
        """Those of the identities that have a row, and whether it was only seen in passing.

        Answered from two indexes: the rows of a large crawl do not fit into the page cache.
        """
        return self._db.execute(
            "SELECT identity, EXISTS (SELECT 1 FROM urls p INDEXED BY passing"
            " WHERE p.identity = u.identity AND p.kind IS NULL)"
            " FROM urls u WHERE identity IN (SELECT value FROM json_each(?))",
            (json.dumps(list(marks)),),
        ).fetchall()

    def _row_of(self, url: str | None) -> int | None:
        """Row of a page links are found on; remembered, for they come by the page."""
        if url is None or url == self._via[0]:
            return None if url is None else self._via[1]
        found = self._db.execute("SELECT row FROM urls WHERE identity = ?", (identity(url),)).fetchone()
        if found is None:
            return None
        self._via = (url, found[0])
        return self._via[1]

    def _host(self, host: str) -> int:
        number = self._hosts.get(host)
        if number is None:
            number = self._new("INSERT INTO hosts (host) VALUES (?)", (host,))
            self._hosts[host] = number
        return number

    def _rule(self, rule: str, reason: str) -> int:
        number = self._rules.get((rule, reason))
        if number is None:
            number = self._new("INSERT INTO rules (rule, reason) VALUES (?, ?)", (rule, reason))
            self._rules[rule, reason] = number
        return number

    def _new(self, sql: str, values: tuple[str, ...]) -> int:
        number = self._db.execute(sql, values).lastrowid
        assert number is not None
        return number
