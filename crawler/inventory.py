"""What the site says it has, who said so, and what became of each thing. On the crawl's database.

Nothing here commits. An item is *expected* until an accepted capture settles it, or a page that holds it
whole was read. What a page told is forgotten when the page is read again: its latest word holds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from crawler.software import Count, Found, Heard, Item, State

LINKS = "links"
"""The source of an item that was only ever linked to."""
_NOBODY = -1

_SCHEMA = (
    # told: whether its state was only read on a page that holds it (a post), not settled by its own URL.
    """CREATE TABLE IF NOT EXISTS items (
        number INTEGER PRIMARY KEY, base TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
        grouped TEXT NOT NULL, state TEXT NOT NULL, told INTEGER NOT NULL DEFAULT 0,
        url TEXT NOT NULL, why TEXT NOT NULL, UNIQUE (base, kind, id))""",
    "CREATE INDEX IF NOT EXISTS items_by_group ON items (base, kind, grouped, state)",
    "CREATE INDEX IF NOT EXISTS items_by_url ON items (url) WHERE url <> ''",
    # row: of the frontier, the page that told; 0 for links, -1 for what no page told.
    """CREATE TABLE IF NOT EXISTS tellings (
        item INTEGER NOT NULL, source TEXT NOT NULL, row INTEGER NOT NULL,
        PRIMARY KEY (item, source, row)) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS tellings_by_row ON tellings (row)",
    """CREATE TABLE IF NOT EXISTS counters (
        base TEXT NOT NULL, kind TEXT NOT NULL, grouped TEXT NOT NULL, source TEXT NOT NULL,
        n INTEGER NOT NULL, bound TEXT NOT NULL, row INTEGER NOT NULL,
        PRIMARY KEY (base, kind, grouped, source)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS heard (
        base TEXT NOT NULL, kind TEXT NOT NULL, source TEXT NOT NULL,
        PRIMARY KEY (base, kind, source)) WITHOUT ROWID""",
    "CREATE TABLE IF NOT EXISTS sizes (url TEXT NOT NULL PRIMARY KEY, size INTEGER NOT NULL) WITHOUT ROWID",
)


@dataclass(frozen=True, slots=True)
class Differs:
    """A published number that is not what was found. row: of the frontier, the page that told it."""

    base: str
    kind: str
    group: str
    source: str
    published: int
    found: int
    bound: str
    row: int


@dataclass(frozen=True, slots=True)
class Tally:
    """How the items of one kind stand. missing: those only linked to; gaps: those that should be there."""

    base: str
    kind: str
    expected: int
    captured: int
    denied: int
    missing: int
    gaps: int
    sources: dict[str, int]


@dataclass(frozen=True, slots=True)
class Lost:
    """An item that the site says it has and that was not captured."""

    base: str
    kind: str
    id: str
    url: str
    state: str
    why: str
    sources: str


class Inventory:
    """The inventory of one crawl, all its installations together; `at` gives the view of one."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        for statement in _SCHEMA:
            db.execute(statement)

    def at(self, base: str) -> Known:
        """What is known of one installation, to look things up."""
        return Known(self._db, base)

    # --- in

    def tell(self, base: str, row: int | None, found: Iterable[Found]) -> list[Item]:
        """Everything a page said, instead of what it said before; returns the items to fetch by their URL.

        row: of the frontier, the page; None for what no page told. An item that is wanted under another
        address already is not returned.
        """
        wanted: list[Item] = []
        before = self._db.execute("SELECT DISTINCT item FROM tellings WHERE row = ?", (row,)).fetchall()
        row = _NOBODY if row is None else row
        if before:
            self._db.execute("DELETE FROM tellings WHERE row = ?", (row,))
            self._db.executemany(
                "UPDATE items SET state = 'expected', told = 0 WHERE number = ? AND told"
                " AND NOT EXISTS (SELECT 1 FROM tellings WHERE item = number)",
                before,
            )
            # It may have moved, or be gone: who names it next says where it belongs and is counted.
            self._db.executemany(f"UPDATE items SET grouped = '' WHERE number = ? AND {_ONLY_LINKED}", before)
        self._db.execute("DELETE FROM counters WHERE row = ?", (row,))
        for one in found:
            if isinstance(one, Item):
                if self._tell(base, row, one) and one.url:
                    wanted.append(one)
            elif isinstance(one, Count):
                self._db.execute(
                    "INSERT OR REPLACE INTO counters VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (base, one.kind, one.group, one.source, one.n, one.bound, row),
                )
                self._hear(base, one.kind, one.source)
            elif isinstance(one, Heard):
                self._hear(base, one.kind, one.source)
        if before:
            # Named by this page alone, and not any more.
            self._db.executemany(
                "DELETE FROM items WHERE number = ? AND state = 'expected'"
                " AND NOT EXISTS (SELECT 1 FROM tellings WHERE item = number)",
                before,
            )
        return wanted

    def wants(self, base: str, kind: str, id: str, url: str) -> bool:
        """Whether a link to an item is worth following: not when it is wanted under another address."""
        number, there, state = self._item(base, kind, id)
        if there and there != url and state != "missing":
            return False
        if there != url:
            self._db.execute("UPDATE items SET url = ? WHERE number = ?", (url, number))
        self._db.execute("INSERT OR IGNORE INTO tellings VALUES (?, ?, 0)", (number, LINKS))
        return True

    def settle(self, base: str, kind: str, id: str, url: str, state: State, why: str = "") -> None:
        """An answer came for an item's own URL. What was captured once stays captured."""
        number, _, before = self._item(base, kind, id)
        if before != "captured" or state == "captured":
            self._db.execute(
                "UPDATE items SET state = ?, told = 0, url = ?, why = ? WHERE number = ?",
                (state, url, why, number),
            )

    def refused(self, base: str, kind: str, id: str, why: str) -> None:
        """An item is not asked for, by a rule of ours; it stays expected."""
        number, _, _ = self._item(base, kind, id)
        self._db.execute("UPDATE items SET why = ? WHERE number = ? AND state = 'expected'", (why, number))

    def settle_url(self, url: str, state: State, why: str = "") -> None:
        """The same for every item that is to be had at this URL."""
        self._db.execute(
            "UPDATE items SET state = ?, told = 0, why = ?"
            " WHERE url = ? AND url <> '' AND state <> 'captured'",
            (state, why, url),
        )

    def moved(self, before: str, after: str) -> None:
        """An item's address redirects to another: it is to be had there."""
        self._db.execute("UPDATE items SET url = ? WHERE url = ? AND state = 'expected'", (after, before))

    def unlearn(self, rows: Mapping[int, str]) -> None:
        """The records of these rows of the frontier (with their URLs) are lost: as if nothing had come.

        What is still there, or still told, is settled and told again once they are asked for again.
        """
        for row, url in rows.items():
            self._db.execute(
                "UPDATE items SET state = 'expected', told = 0, why = '' WHERE (url = ? AND NOT told)"
                " OR (told AND number IN (SELECT item FROM tellings WHERE row = ?))",
                (url, row),
            )
            self._db.execute("DELETE FROM counters WHERE row = ?", (row,))

    def move(self, before: str, after: str) -> None:
        """An installation turns out to lie elsewhere; what is known of it goes along."""
        for table in ("items", "counters", "heard"):
            self._db.execute(f"UPDATE {table} SET base = ? WHERE base = ?", (after, before))

    # --- out

    def size(self, url: str) -> int | None:
        """How many bytes a list says that lie at this URL."""
        found = self._db.execute("SELECT size FROM sizes WHERE url = ?", (url,)).fetchone()
        return int(found[0]) if found else None

    def anything(self, base: str) -> bool:
        """Whether anything of an installation was captured."""
        found = self._db.execute("SELECT 1 FROM items WHERE base = ? AND state = 'captured' LIMIT 1", (base,))
        return found.fetchone() is not None

    def tallies(self) -> Iterator[Tally]:
        """One for each installation and kind."""
        rows = self._db.execute(
            "SELECT base, kind, count(*), sum(state = 'captured'), sum(state = 'denied'),"
            f" sum(state = 'missing' AND {_ONLY_LINKED}),"
            f" sum(state = 'expected' OR (state = 'missing' AND NOT {_ONLY_LINKED}))"
            " FROM items GROUP BY base, kind ORDER BY base, kind"
        ).fetchall()
        sources: dict[tuple[str, str], dict[str, int]] = {}
        for base, kind, source, n in self._db.execute(
            "SELECT i.base, i.kind, t.source, count(DISTINCT i.number) FROM items i"
            " JOIN tellings t ON t.item = i.number GROUP BY 1, 2, 3"
        ):
            sources.setdefault((base, kind), {})[source] = n
        for base, kind, total, captured, denied, missing, gaps in rows:
            told = sources.get((base, kind), {})
            yield Tally(base, kind, total - missing, captured, denied, missing, gaps, told)

    def lost(self) -> Iterator[Lost]:
        """Items that should be there, in the order found."""
        for found in self._db.execute(
            "SELECT base, kind, id, url, state, why, (SELECT group_concat(DISTINCT source) FROM tellings"
            f" WHERE item = number) FROM items WHERE state = 'expected'"
            f" OR (state = 'missing' AND NOT {_ONLY_LINKED}) ORDER BY number"
        ):
            base, kind, id, url, state, why, sources = found
            yield Lost(base, kind, id, url, state, why, sources or "")

    def denied(self) -> Iterator[Lost]:
        """Items that the site says it has and does not give, in the order found."""
        for found in self._db.execute(
            "SELECT base, kind, id, url, state, why, (SELECT group_concat(DISTINCT source) FROM tellings"
            " WHERE item = number) FROM items WHERE state = 'denied' ORDER BY number"
        ):
            base, kind, id, url, state, why, sources = found
            yield Lost(base, kind, id, url, state, why, sources or "")

    def differing(self) -> Iterator[Differs]:
        """Counters that do not agree with what was found."""
        for base, kind, grouped, source, n, bound, row in self._db.execute(
            "SELECT base, kind, grouped, source, n, bound, row FROM counters WHERE bound <> 'once'"
            " ORDER BY base, kind, grouped"
        ).fetchall():
            found = self._count(base, kind, grouped)
            if (found != n) if bound == "exact" else (found > n):
                yield Differs(base, kind, grouped, source, n, found, bound, row)

    def stale(self) -> list[int]:
        """Pages of a list that was longer when they were read: what came behind may have moved onto them."""
        rows = self._db.execute(
            "SELECT DISTINCT a.row FROM counters a JOIN counters b USING (base, kind, grouped)"
            " WHERE a.bound = 'once' AND b.bound = 'exact' AND b.n < a.n AND a.source LIKE b.source || ' %'"
        )
        return [row for (row,) in rows]

    def counters(self) -> int:
        """How many published numbers there are to be held against what was found."""
        return int(self._db.execute("SELECT count(*) FROM counters WHERE bound <> 'once'").fetchone()[0])

    def heard(self, base: str, kind: str) -> set[str]:
        """The sources that answered for a kind."""
        told = self._db.execute("SELECT source FROM heard WHERE base = ? AND kind = ?", (base, kind))
        return {source for (source,) in told}

    def useful(self, base: str, kinds: Iterable[str]) -> int:
        """How many captured items of these kinds there are."""
        return sum(self.at(base).number(kind, state="captured") for kind in kinds)

    # --- within

    def _tell(self, base: str, row: int, item: Item) -> bool:
        """Whether the address told is the one by which the item is fetched."""
        number, url, state = self._item(base, item.kind, item.id)
        if item.url and not url:
            self._db.execute("UPDATE items SET url = ? WHERE number = ?", (item.url, number))
        if item.size is not None:
            self._db.execute("INSERT OR REPLACE INTO sizes VALUES (?, ?)", (item.url or url, item.size))
        if item.group:
            self._db.execute(
                "UPDATE items SET grouped = ? WHERE number = ? AND grouped = ''", (item.group, number)
            )
        if item.state != "expected" and state != "captured":
            self._db.execute(
                "UPDATE items SET state = ?, told = 1, why = ? WHERE number = ?",
                (item.state, item.why, number),
            )
        self._db.execute("INSERT OR IGNORE INTO tellings VALUES (?, ?, ?)", (number, item.source, row))
        self._hear(base, item.kind, item.source)
        return not url or url == item.url

    def _item(self, base: str, kind: str, id: str) -> tuple[int, str, str]:
        """Number, URL and state of an item, made when it is new."""
        found = self._db.execute(
            "SELECT number, url, state FROM items WHERE base = ? AND kind = ? AND id = ?", (base, kind, id)
        ).fetchone()
        if found is not None:
            return int(found[0]), found[1], found[2]
        number = self._db.execute(
            "INSERT INTO items (base, kind, id, grouped, state, url, why)"
            " VALUES (?, ?, ?, '', 'expected', '', '')",
            (base, kind, id),
        ).lastrowid
        assert number is not None
        return number, "", "expected"

    def _hear(self, base: str, kind: str, source: str) -> None:
        self._db.execute("INSERT OR IGNORE INTO heard VALUES (?, ?, ?)", (base, kind, source))

    def _count(self, base: str, kind: str, grouped: str) -> int:
        """Items that are there for anyone to count: captured, or known and refused."""
        where = "base = ? AND kind = ? AND state IN ('captured', 'denied')"
        values: tuple[str, ...] = (base, kind)
        if grouped:
            where, values = f"{where} AND grouped = ?", (*values, grouped)
        return int(self._db.execute(f"SELECT count(*) FROM items WHERE {where}", values).fetchone()[0])


_ONLY_LINKED = f"NOT EXISTS (SELECT 1 FROM tellings WHERE item = number AND source <> '{LINKS}')"


class Known:
    """See `crawler.software.Inventory`: the look-ups a module may make."""

    def __init__(self, db: sqlite3.Connection, base: str) -> None:
        self._db = db
        self._base = base

    def knows(self, kind: str, id: str) -> bool:
        return self.state(kind, id) is not None

    def state(self, kind: str, id: str) -> State | None:
        found = self._db.execute(
            "SELECT state FROM items WHERE base = ? AND kind = ? AND id = ?", (self._base, kind, id)
        ).fetchone()
        return found[0] if found else None

    def ids(self, kind: str, state: State | None = None, group: str | None = None) -> Iterator[str]:
        where, values = self._where(kind, state, group)
        # All at once: whoever reads these goes on to write.
        return iter([i for (i,) in self._db.execute(f"SELECT id {where} ORDER BY number", values).fetchall()])

    def number(self, kind: str, group: str | None = None, state: State | None = None) -> int:
        where, values = self._where(kind, state, group)
        return int(self._db.execute(f"SELECT count(*) {where}", values).fetchone()[0])

    def published(self, kind: str, group: str, source: str) -> int | None:
        found = self._db.execute(
            "SELECT n FROM counters WHERE base = ? AND kind = ? AND grouped = ? AND source = ?"
            " AND bound = 'exact'",
            (self._base, kind, group, source),
        ).fetchone()
        return found[0] if found else None

    def _where(self, kind: str, state: State | None, group: str | None) -> tuple[str, tuple[str, ...]]:
        where, values = "FROM items WHERE base = ? AND kind = ?", tuple[str, ...]((self._base, kind))
        for column, wanted in (("state", state), ("grouped", group)):
            if wanted is not None:
                where, values = f"{where} AND {column} = ?", (*values, wanted)
        return where, values
