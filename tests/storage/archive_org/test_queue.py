"""What to ask for, and in which order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.archive_org.cdx import Capture
from storage.archive_org.ledger import Entry
from storage.archive_org.pages import Page
from storage.archive_org.queue import (
    CLAIMED_FOR,
    UNSURE_FOR,
    Mode,
    Plan,
    Rules,
    Seen,
    confirmed,
    in_turn,
    match,
    plan,
)
from storage.cdxj import Line, surt
from storage.manifest import time_text

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
DAY = timedelta(days=1)
OURS, THEIRS = "sha1:" + "A" * 32, "sha1:" + "B" * 32


def page(url: str, *, changed: datetime | None = None, new: bool = False) -> Page:
    line = Line(
        key=surt(url), timestamp="20261122030000", url=url, mime="text/html", status=200, digest=OURS,
        length=1, offset=0, filename="a.warc.gz",
    )  # fmt: skip
    return Page(url, surt(url), OURS, changed, (line,), new)


def capture(url: str, ago: timedelta, digest: str = THEIRS) -> Capture:
    return Capture(url, f"{NOW - ago:%Y%m%d%H%M%S}", digest)


def planned(
    pages: list[Page], captures: list[Capture], *entries: Entry, mode: Mode = "due", **rules: object
) -> Plan:
    known = {entry.url: entry for entry in entries}
    return plan(pages, match(pages, captures, known), known, replace(Rules(), **rules), NOW, mode)  # type: ignore[arg-type]


A, B, C, D, E, F = (f"https://forum.exemple.org/{letter}" for letter in "abcdef")
PAGES = [page(A), page(B), page(C, changed=NOW - DAY), page(D, new=True), page(E), page(F)]
CAPTURES = [
    capture(A, 400 * DAY),
    capture(B, 900 * DAY),
    capture(C, 30 * DAY),
    capture(F, 100 * DAY),
]


def test_new_and_changed_then_never_then_the_oldest() -> None:
    found = planned(PAGES, CAPTURES)
    assert [(ask.why, ask.page.url) for ask in found.asks] == [
        ("changed", C), ("new", D), ("never", E), ("old", B), ("old", A),
    ]  # fmt: skip
    assert found.counts == {"changed": 1, "new": 1, "never": 1, "old": 2, "there": 1}


def test_changed_only_and_all() -> None:
    assert [ask.page.url for ask in planned(PAGES, CAPTURES, mode="changed").asks] == [C, D]
    every = planned(PAGES, CAPTURES, mode="all", not_within=1).asks
    assert [ask.page.url for ask in every] == [D, E, B, A, F, C]


def test_our_payload_is_there_however_old() -> None:
    captures = [capture(A, 4000 * DAY, OURS), capture(A, 900 * DAY)]
    found = planned([page(A, changed=NOW)], captures)
    assert found.asks == [] and found.counts == {"same": 1}


def test_a_page_that_changes_at_every_look_is_not_asked_for_every_night() -> None:
    wild = page(A, changed=NOW)
    assert planned([wild], [capture(A, 6 * DAY)]).counts == {"recent": 1}
    assert planned([wild], [capture(A, 8 * DAY)]).counts == {"changed": 1}
    assert planned([wild], [capture(A, 8 * DAY)], not_within=30).counts == {"recent": 1}


def test_exclude() -> None:
    found = planned(PAGES, CAPTURES, exclude=(r"/[abc]$",))
    assert found.counts["excluded"] == 3 and {ask.page.url for ask in found.asks} == {D, E}


@pytest.mark.parametrize(
    ("entry", "verdict"),
    [
        (Entry(url=A, state="asking", asked=time_text(NOW - UNSURE_FOR / 2)), "waiting"),
        (Entry(url=A, state="pending", asked=time_text(NOW - UNSURE_FOR / 2)), "waiting"),
        (Entry(url=A, state="unsure", asked=time_text(NOW - UNSURE_FOR / 2)), "waiting"),
        (Entry(url=A, state="unsure", asked=time_text(NOW - UNSURE_FOR * 1.1)), "never"),
        (Entry(url=A, state="claimed", asked=time_text(NOW - CLAIMED_FOR * 0.9)), "waiting"),
        (Entry(url=A, state="claimed", asked=time_text(NOW - CLAIMED_FOR * 1.1)), "never"),
        (Entry(url=A, state="confirmed", asked=time_text(NOW - 30 * DAY)), "there"),
        (Entry(url=A, state="confirmed", asked=time_text(NOW - 400 * DAY)), "old"),
        (Entry(url=A, state="later", asked=time_text(NOW), until=time_text(NOW + DAY)), "later"),
        (Entry(url=A, state="later", asked=time_text(NOW - DAY), until=time_text(NOW)), "never"),
        (Entry(url=A, state="never", asked=time_text(NOW - 30 * DAY), digest=OURS), "refused"),
        (Entry(url=A, state="never", asked=time_text(NOW - 400 * DAY), digest=OURS), "never"),
        (Entry(url=A, state="never", asked=time_text(NOW - 30 * DAY), digest=THEIRS), "never"),
        (Entry(url=A, state="unwanted", digest=OURS), "unwanted"),
        (Entry(url=A, state="unwanted", digest=THEIRS), "never"),
    ],
)
def test_the_ledger_keeps_back(entry: Entry, verdict: str) -> None:
    assert planned([page(A)], [], entry).counts == {verdict: 1}
    if entry.state == "unwanted":
        assert planned([page(A)], [], entry, obey=False).counts == {"never": 1}


def test_scheme_and_www_are_one_page_and_letters_are_not() -> None:
    pages = [page("https://www.exemple.org/Wiki/A"), page("https://www.exemple.org/wiki/a"), page(A)]
    found = match(
        pages,
        [
            capture("http://exemple.org/wiki/a", DAY),
            capture("http://forum.exemple.org:80/a", DAY),
            capture("mailto:a", DAY),
        ],
        {},
    )
    assert [found[one.url].newest is not None for one in pages] == [False, True, True]


@pytest.mark.parametrize("state", ["asking", "pending", "claimed", "unsure", "later", "never"])
def test_what_the_index_shows_counts_whatever_was_said(state: str) -> None:
    entry = Entry(url=A, state=state, asked=time_text(NOW), timestamp="20260101000000")  # type: ignore[arg-type]
    fresh = capture(A, -timedelta(minutes=3))
    assert confirmed(entry, Seen(fresh)) == fresh
    assert confirmed(entry, Seen(capture(A, timedelta(minutes=4)))) is not None
    older = capture(A, timedelta(minutes=6))
    assert confirmed(entry, Seen(older)) is None
    claimed = capture(A, 300 * DAY)
    (seen,) = match([page(A)], [older, claimed], {A: replace(entry, timestamp=claimed.timestamp)}).values()
    assert confirmed(entry, seen) == older and seen.claimed == claimed
    (seen,) = match([page(A)], [older, claimed], {A: entry}).values()
    assert confirmed(entry, seen) is None
    assert confirmed(entry, Seen()) is None
    assert confirmed(replace(entry, asked=""), Seen(fresh)) is None


def test_in_turn() -> None:
    assert list(in_turn([[1, 2, 3], [], [4], [5, 6]])) == [1, 4, 5, 2, 6, 3]


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2000), st.booleans()), max_size=30),
    st.sampled_from(["due", "changed", "all"]),
)
def test_every_page_is_counted_once_and_asked_for_at_most_once(
    rows: list[tuple[int, int, bool]], mode: Mode
) -> None:
    pages = [page(f"https://forum.exemple.org/{number}") for number in range(10)]
    captures = [capture(pages[n].url, ago * DAY, OURS if same else THEIRS) for n, ago, same in rows]
    found = planned(pages, captures, mode=mode)
    assert sum(found.counts.values()) == 10
    urls = [ask.page.url for ask in found.asks]
    assert len(urls) == len(set(urls))
    turns = [["new", "changed", "never", "old", "again"].index(ask.why) for ask in found.asks]
    assert turns == sorted(turns)
