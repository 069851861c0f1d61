"""The frontier: held against a plain dict, killed in the middle of things, and asked about single URLs."""

from __future__ import annotations

import os
import random
import select
import signal
import sqlite3
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from crawler import database
from crawler.frontier import STATES, Frontier, Kind, Lease, Link, host_of
from crawler.known import Gap, Skips

FORUM = "http://forum.example.org"
WIKI = "https://wiki.example.org:8443"


@pytest.fixture
def frontier(tmp_path: Path) -> Iterator[Frontier]:
    with closing(database.open(tmp_path / "crawl.sqlite")) as db:
        yield Frontier(db, clock=lambda: 1000.0)


def pages(*urls: str) -> list[Link]:
    return [Link(url, "page") for url in urls]


def leased(frontier: Frontier, busy: tuple[str, ...] = ()) -> Lease:
    lease = frontier.lease(busy)
    assert lease is not None
    return lease


def all_leased(frontier: Frontier) -> list[str]:
    return [lease.url for lease in iter(frontier.lease, None)]


# --- in


def test_what_goes_in_comes_out_as_a_lease(frontier: Frontier) -> None:
    assert frontier.add([Link(f"{FORUM}/", "seed")]) == 1
    seed = leased(frontier)
    assert seed == Lease(seed.row, f"{FORUM}/", "forum.example.org", "seed", "", None, 0)
    address = f"{WIKI}/doku.php?id=caf%C3%A9:men%C3%BC"
    assert frontier.add([Link(address, "requisite")], via=seed.url, hops="E") == 1
    lease = leased(frontier)
    assert lease == Lease(lease.row, address, "wiki.example.org:8443", "requisite", "E", f"{FORUM}/", 0)


def test_another_method_is_another_row(frontier: Frontier) -> None:
    listed, shown = Link(f"{FORUM}/dossier/", "inventory", "PROPFIND"), Link(f"{FORUM}/dossier/", "page")
    assert frontier.add([listed, shown, listed]) == 2
    assert [(lease.method, lease.kind) for lease in iter(frontier.lease, None)] == [
        ("PROPFIND", "inventory"),
        ("GET", "page"),
    ]


def test_once_more_takes_what_is_finished_and_nothing_else(frontier: Frontier) -> None:
    done, failed, waiting = pages(*(f"{FORUM}/{name}" for name in ("done", "failed", "waiting")))
    frontier.add([done, failed, waiting])
    frontier.done(leased(frontier).row, "captured", 200)
    frontier.failed(leased(frontier).row, "HTTP 500", 500)
    assert frontier.once_more([done, failed, waiting, Link(f"{FORUM}/unknown", "page")]) == 2
    assert all_leased(frontier) == [done.url, failed.url, waiting.url]


def test_a_known_url_is_not_taken_twice_whatever_became_of_it(frontier: Frontier) -> None:
    urls = [f"{FORUM}/{name}" for name in ("done", "failed", "skipped", "retried", "leased", "pending")]
    assert frontier.add(pages(*urls, *urls)) == 6
    frontier.done(leased(frontier).row, "captured", 200)
    frontier.failed(leased(frontier).row, "HTTP 500", 500)
    frontier.skipped(leased(frontier).row, "robots", "robots.txt asks not to")
    frontier.retry(leased(frontier).row, 2000.0, "timeout")
    leased(frontier)
    assert frontier.add(pages(*urls)) == 0
    assert frontier.unseen([(url, "page") for url in urls]) == []
    assert all_leased(frontier) == urls[5:]


def test_the_memory_of_recent_urls_may_be_as_small_as_it_likes(tmp_path: Path) -> None:
    with closing(database.open(tmp_path / "crawl.sqlite")) as db:
        frontier = Frontier(db, remember=4)
        urls = [f"{FORUM}/t{number}" for number in range(50)]
        assert frontier.add(pages(*urls)) == 50
        assert frontier.add(pages(*reversed(urls))) == 0
        for url in urls:
            frontier.skip(url, "scope", "not ours")
            assert frontier.unseen([(url, "page"), (url, "requisite")]) == []
        assert frontier.counts()["skipped"] == 0


def test_memory_does_not_grow_with_the_urls_known(tmp_path: Path) -> None:
    with closing(database.open(tmp_path / "crawl.sqlite")) as db:
        frontier = Frontier(db, remember=1000)

        def grow(start: int) -> int:
            for number in range(start, start + 10_000, 50):
                frontier.add(pages(*(f"{FORUM}/t{number + k}" for k in range(50))))
                frontier.unseen([(f"{FORUM}/x{number + k}", "page") for k in range(50)])
                frontier.skip(f"{FORUM}/s{number}", "scope", "not ours")
            return tracemalloc.get_traced_memory()[0]

        tracemalloc.start()
        try:
            first = grow(0)
            assert grow(10_000) - first < 200_000
        finally:
            tracemalloc.stop()


def test_a_skipped_url_is_wanted_when_it_is_found_as_something_else(frontier: Frontier) -> None:
    image = "https://img.example.net/logo.png"
    frontier.skip(image, "scope", "another host", via=None)
    assert frontier.unseen([(image, "page")]) == []
    assert frontier.unseen([(image, "requisite")]) == [(image, "requisite")]
    assert frontier.add([Link(image, "requisite")], hops="E") == 1
    assert frontier.add([Link(image, "requisite")], hops="E") == 0
    assert list(frontier.skips()) == []
    frontier.skip(image, "scope", "another host")
    assert leased(frontier).url == image


def test_what_a_rule_took_out_of_the_frontier_is_not_wanted_again_when_found_again(
    frontier: Frontier,
) -> None:
    frontier.add(pages(f"{FORUM}/a", f"{FORUM}/b"))
    frontier.skipped(leased(frontier).row, "robots", "robots.txt asks not to")
    frontier.skip_pattern(lambda url: url.endswith("/b"), "novelty", "nothing new in 200 pages")
    assert frontier.add([Link(f"{FORUM}/a", "requisite"), Link(f"{FORUM}/b", "requisite")]) == 0
    assert frontier.lease() is None


@pytest.mark.parametrize("bad", ["", "/viewtopic.php", "mailto:a@example.org", "http:///x"])
def test_what_is_no_canonical_url_is_a_bug(frontier: Frontier, bad: str) -> None:
    with pytest.raises(ValueError, match="not a canonical URL"):
        frontier.add(pages(bad))


def test_the_host_is_the_network_location_without_user_information() -> None:
    assert host_of("http://example.org") == "example.org"
    assert host_of("http://u:p@example.org:8080/a@b") == "example.org:8080"
    assert host_of("https://[::1]:8443/?q=http://x/") == "[::1]:8443"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", ""),
        ("L" * 50, "L" * 50),
        ("R" + "L" * 50, "1+" + "L" * 50),
        ("1+" + "L" * 50 + "E", "2+" + "L" * 49 + "E"),
        ("12+LLE", "12+LLE"),
    ],
)
def test_long_hops_are_counted_not_spelled(frontier: Frontier, given: str, kept: str) -> None:
    frontier.add(pages(f"{FORUM}/"), hops=given)
    assert leased(frontier).hops == kept


# --- out


def test_robots_then_seeds_then_the_order_found(frontier: Frontier) -> None:
    frontier.add([Link(f"{FORUM}/p1", "page"), Link(f"{FORUM}/r1", "requisite"), Link(f"{FORUM}/p2", "page")])
    frontier.add([Link(f"{FORUM}/", "seed"), Link(f"{FORUM}/wiki", "seed"), Link(f"{FORUM}/map", "feed")])
    frontier.add([Link(f"{FORUM}/robots.txt", "robots")])
    order = [url.removeprefix(FORUM) for url in all_leased(frontier)]
    assert order == ["/robots.txt", "/", "/wiki", "/p1", "/r1", "/p2", "/map"]


def test_hosts_take_turns_however_much_they_have(frontier: Frontier) -> None:
    frontier.add(pages(*(f"http://big.example/{number}" for number in range(100))))
    frontier.add(pages(*(f"http://small.example/{number}" for number in range(3))))
    frontier.add(pages("http://tiny.example/"))
    hosts = [leased(frontier).host.removesuffix(".example") for _ in range(9)]
    assert hosts == ["big", "small", "tiny", "big", "small", "big", "small", "big", "big"]


def test_a_busy_host_is_passed_over(frontier: Frontier) -> None:
    frontier.add(pages("http://a.example/1", "http://a.example/2", "http://b.example/1"))
    assert leased(frontier, ("a.example",)).url == "http://b.example/1"
    assert frontier.lease(("a.example",)) is None
    assert frontier.pending() == 2
    assert leased(frontier).url == "http://a.example/1"


def test_a_busy_host_costs_nothing_however_many_rows_it_has(tmp_path: Path) -> None:
    """Steps of SQLite's machine, not time: they are the same on every computer."""
    with closing(database.open(tmp_path / "crawl.sqlite")) as db:
        frontier = Frontier(db)
        frontier.add(pages(*(f"http://busy.example/{number}" for number in range(20_000))))
        frontier.add(pages("http://idle.example/1", "http://idle.example/2"))
        steps = 0

        def count() -> None:
            nonlocal steps
            steps += 1

        db.set_progress_handler(count, 1)
        assert leased(frontier, ("busy.example",)).url == "http://idle.example/1"
        assert frontier.lease(("busy.example", "idle.example")) is None
        assert 0 < steps < 300


def test_a_retry_waits_for_its_time(tmp_path: Path) -> None:
    now = 1000.0
    with closing(database.open(tmp_path / "crawl.sqlite")) as db:
        frontier = Frontier(db, clock=lambda: now)
        frontier.add(pages(f"{FORUM}/1", f"{FORUM}/2", f"{FORUM}/3"))
        assert frontier.next_due() is None
        first, second = leased(frontier), leased(frontier)
        frontier.retry(first.row, 1060.0, "HTTP 502")
        frontier.retry(second.row, 1030.0, "timeout")
        assert frontier.next_due() == 1030.0
        assert leased(frontier).url == f"{FORUM}/3"
        assert frontier.lease() is None
        assert frontier.pending() == 2
        now = 1030.0
        assert leased(frontier) == replace(second, attempts=1)
        assert frontier.next_due() == 1060.0
        assert frontier.lease() is None
        database.commit(db)
        again = Frontier(db, clock=lambda: now)
        assert again.next_due() == 1060.0
        now = 5000.0
        assert leased(again) == replace(first, attempts=1)
        assert again.next_due() is None


def test_only_a_leased_row_can_end(frontier: Frontier) -> None:
    frontier.add(pages(f"{FORUM}/"))
    row = leased(frontier).row
    frontier.done(row, "captured", 200)
    before = frontier.counts()
    ends: list[Callable[[], None]] = [
        lambda: frontier.done(row, "captured", 200),
        lambda: frontier.failed(row, "twice"),
        lambda: frontier.skipped(row, "robots", "twice"),
        lambda: frontier.retry(row, 0.0, "twice"),
        lambda: frontier.done(row + 1, "captured", 200),
    ]
    for end in ends:
        with pytest.raises(ValueError, match="is not leased"):
            end()
    assert frontier.counts() == before


# --- again


def test_leases_of_a_run_that_ended_are_given_back(tmp_path: Path) -> None:
    with closing(database.open(tmp_path / "crawl.sqlite")) as db:
        frontier = Frontier(db)
        frontier.add(pages(f"{FORUM}/1", f"{FORUM}/2", f"{FORUM}/3"))
        frontier.done(leased(frontier).row, "captured", 200)
        lost = leased(frontier)
        database.commit(db)
    with closing(database.open(tmp_path / "crawl.sqlite")) as db:
        frontier = Frontier(db)
        assert frontier.counts()["leased"] == 1
        assert frontier.reset_leases() == 1
        assert leased(frontier) == lost
        assert leased(frontier).url == f"{FORUM}/3"


def test_rows_whose_records_are_not_whole_are_reopened(frontier: Frontier) -> None:
    frontier.add(pages(f"{FORUM}/1", f"{FORUM}/2", f"{FORUM}/3"))
    rows = [leased(frontier).row for _ in range(3)]
    frontier.done(rows[0], "captured", 200, "ok")
    frontier.failed(rows[1], "HTTP 500")
    frontier.skipped(rows[2], "robots", "no")
    frontier.reopen(rows)
    assert frontier.counts()["pending"] == 3
    assert list(frontier.skips()) == []
    found = frontier.why(f"{FORUM}/1")
    assert found is not None
    assert (found.state, found.outcome, found.status, found.detail) == ("pending", None, None, None)
    assert [leased(frontier).row for _ in range(3)] == rows


def test_what_failed_is_tried_afresh_in_the_next_run(frontier: Frontier) -> None:
    frontier.add(pages(f"{FORUM}/1", f"{FORUM}/2"))
    frontier.retry(leased(frontier).row, 0.0, "timeout")
    row = leased(frontier).row
    frontier.failed(row, "timeout", 504)
    assert frontier.reopen_failed() == 1
    lease = leased(frontier)
    assert (lease.row, lease.attempts) == (row, 0)


def test_a_pattern_is_skipped_in_one_go(frontier: Frontier) -> None:
    frontier.add(
        pages(*(f"{FORUM}/calendar.php?month={number}" for number in range(50)), f"{FORUM}/index.php")
    )
    first, second = leased(frontier), leased(frontier)
    frontier.retry(second.row, 9e9, "timeout")
    found = frontier.skip_pattern(lambda url: "calendar" in url, "novelty", "a calendar without end")
    assert found == 49, "the leased one is not pending"
    assert frontier.next_due() is None
    assert leased(frontier).url == f"{FORUM}/index.php"
    assert frontier.lease() is None
    (skips,) = frontier.skips()
    assert (skips.rule, skips.reason, skips.n) == ("novelty", "a calendar without end", 49)
    frontier.done(first.row, "captured", 200)


# --- what is known


def test_counts_name_every_state_and_the_outcomes_of_what_is_done(frontier: Frontier) -> None:
    assert frontier.counts() == dict.fromkeys(STATES, 0)
    frontier.add(pages(*(f"{FORUM}/{number}" for number in range(6))))
    frontier.done(leased(frontier).row, "captured", 200)
    frontier.done(leased(frontier).row, "captured", 200)
    frontier.done(leased(frontier).row, "missing", 404)
    frontier.failed(leased(frontier).row, "timeout")
    leased(frontier)
    frontier.skip("http://elsewhere.example/", "scope", "another host")
    wanted = {"pending": 1, "leased": 1, "done": 3, "failed": 1, "skipped": 1}
    assert frontier.counts() == wanted | {"done/captured": 2, "done/missing": 1}


def test_gaps_are_what_failed_and_what_was_not_reached(frontier: Frontier) -> None:
    frontier.add([Link(f"{FORUM}/", "seed")])
    frontier.done(leased(frontier).row, "captured", 200)
    frontier.add(pages(f"{FORUM}/1", f"{FORUM}/2"), via=f"{FORUM}/", hops="L")
    frontier.retry(leased(frontier).row, 9e9, "HTTP 503")
    frontier.failed(leased(frontier).row, "refused")
    assert list(frontier.gaps()) == [
        Gap(f"{FORUM}/2", "page", "failed", "refused", 0, f"{FORUM}/"),
        Gap(f"{FORUM}/1", "page", "pending", "HTTP 503", 1, f"{FORUM}/"),
    ]


def test_skips_are_counted_by_rule_and_reason_with_examples(frontier: Frontier) -> None:
    for number in range(7):
        for _ in range(2):
            frontier.skip(
                f"{FORUM}/posting.php?mode=reply&t={number}", "harm", "a form to write", f"{FORUM}/"
            )
    frontier.skip("http://elsewhere.example/", "scope", "another host")
    assert list(frontier.skips()) == [
        Skips("harm", "a form to write", 7, tuple(f"{FORUM}/posting.php?mode=reply&t={n}" for n in range(5))),
        Skips("scope", "another host", 1, ("http://elsewhere.example/",)),
    ]
    assert frontier.lease() is None


def test_why_tells_the_way_back_to_the_seed(frontier: Frontier) -> None:
    way = [f"{FORUM}/", f"{FORUM}/viewforum.php?f=2", f"{FORUM}/viewtopic.php?t=7"]
    frontier.add([Link(way[0], "seed")])
    frontier.add(pages(way[1]), via=way[0], hops="L")
    frontier.add(pages(way[2]), via=way[1], hops="LL")
    frontier.skip("http://x.example/", "scope", "another host", way[2])
    for _ in range(2):
        frontier.done(leased(frontier).row, "captured", 200)
    frontier.done(leased(frontier).row, "denied", 403, "HTTP 403")
    found = frontier.why(way[2])
    assert found is not None
    assert (found.url, found.state, found.kind, found.hops) == (way[2], "done", "page", "LL")
    assert (found.outcome, found.status, found.detail) == ("denied", 403, "HTTP 403")
    assert found.chain == (way[1], way[0])
    skipped = frontier.why("http://x.example/")
    assert skipped is not None
    assert (skipped.state, skipped.rule, skipped.reason) == ("skipped", "scope", "another host")
    assert skipped.chain == (way[2], way[1], way[0])
    assert frontier.why("http://never.example/") is None


def test_a_parent_that_comes_to_be_known_later_is_found(frontier: Frontier) -> None:
    frontier.add(pages(f"{FORUM}/1"), via=f"{FORUM}/")
    frontier.add(pages(f"{FORUM}/"))
    frontier.add(pages(f"{FORUM}/2"), via=f"{FORUM}/")
    assert [leased(frontier).via for _ in range(3)] == [None, None, f"{FORUM}/"]


def test_facts_are_kept_with_the_crawl(tmp_path: Path) -> None:
    value = {"software": "DokuWiki", "nom": "été", "pages": [1, 2.5, None, True]}
    with closing(database.open(tmp_path / "crawl.sqlite")) as db:
        frontier = Frontier(db)
        assert frontier.fact("site") is None
        frontier.set_fact("site", "first")
        frontier.set_fact("site", value)  # type: ignore[arg-type]
        database.commit(db)
    with closing(database.open(tmp_path / "crawl.sqlite")) as db:
        assert Frontier(db).fact("site") == value


# --- against a plain dict


@dataclass
class Row:
    """One URL of the model; `order` is the turn it was found in."""

    order: int
    state: str
    kind: str | None
    attempts: int = 0
    not_before: float = 0.0
    outcome: str | None = None
    rule: str | None = None
    row: int | None = None


HOSTS = ("a.example", "b.example:8080", "c.example")
addresses = st.builds(
    lambda host, path: f"http://{host}/{path}", st.sampled_from(HOSTS), st.integers(0, 4).map("é:{}".format)
)
kinds = st.sampled_from(get_args(Kind))
RANK = {"robots": 0, "seed": 1}


class AgainstADict(RuleBasedStateMachine):
    """Whatever is done to it in whatever order, the frontier says what a dict would say."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name) / "crawl.sqlite"
        self.now = 1000.0
        self.found = 0
        self.model: dict[str, Row] = {}
        self.committed: dict[str, Row] = {}

    @initialize()
    def begin(self) -> None:
        self.open()
        database.commit(self.db)

    def open(self) -> None:
        self.db = database.open(self.path)
        self.frontier = Frontier(self.db, clock=lambda: self.now, remember=8)

    def teardown(self) -> None:
        if hasattr(self, "db"):
            self.db.close()
        self.folder.cleanup()

    def leased(self) -> list[str]:
        return sorted(url for url, row in self.model.items() if row.state == "leased")

    @rule(links=st.lists(st.tuples(addresses, kinds), max_size=8))
    def add(self, links: list[tuple[str, Kind]]) -> None:
        new = 0
        for url, kind in links:
            if url not in self.model or self.model[url].kind is None:
                self.found += 1
                self.model[url] = Row(self.found, "pending", kind)
                new += 1
        assert self.frontier.add([Link(url, kind) for url, kind in links]) == new

    @rule(links=st.lists(st.tuples(addresses, kinds), max_size=6, unique_by=lambda link: link[0]))
    def unseen(self, links: list[tuple[str, Kind]]) -> None:
        wanted = [
            (url, kind)
            for url, kind in links
            if url not in self.model or (self.model[url].kind is None and kind == "requisite")
        ]
        assert self.frontier.unseen(links) == wanted

    @rule(url=addresses, name=st.sampled_from(["scope", "harm"]))
    def skip(self, url: str, name: str) -> None:
        if url not in self.model:
            self.found += 1
            self.model[url] = Row(self.found, "skipped", None, rule=name)
        self.frontier.skip(url, name, "because")

    @rule(busy=st.sets(st.sampled_from(HOSTS), max_size=2))
    def lease(self, busy: set[str]) -> None:
        best: dict[str, tuple[int, int, str]] = {}
        for url, row in self.model.items():
            host = host_of(url)
            if row.state == "pending" and row.not_before <= self.now and host not in busy:
                place = (RANK.get(str(row.kind), 2), row.order, url)
                best[host] = min(best.get(host, place), place)
        lease = self.frontier.lease(busy)
        if not best:
            assert lease is None
            return
        assert lease is not None
        assert lease.url in {url for _, _, url in best.values()}
        row = self.model[lease.url]
        assert (lease.kind, lease.attempts, lease.host) == (row.kind, row.attempts, host_of(lease.url))
        row.state, row.row, row.not_before = "leased", lease.row, 0.0

    @precondition(lambda self: self.leased())
    @rule(
        data=st.data(),
        end=st.sampled_from(["done", "failed", "skipped", "retry"]),
        wait=st.floats(-5, 50),
        outcome=st.sampled_from(["captured", "missing"]),
    )
    def end(self, data: st.DataObject, end: str, wait: float, outcome: str) -> None:
        row = self.model[data.draw(st.sampled_from(self.leased()))]
        assert row.row is not None
        match end:
            case "done":
                self.frontier.done(row.row, outcome, 200)
                row.state, row.outcome = "done", outcome
            case "failed":
                self.frontier.failed(row.row, "timeout")
                row.state = "failed"
            case "skipped":
                self.frontier.skipped(row.row, "robots", "because")
                row.state, row.rule = "skipped", "robots"
            case _:
                self.frontier.retry(row.row, self.now + wait, "timeout")
                row.state, row.not_before = "pending", self.now + wait
                row.attempts += 1

    @rule(seconds=st.floats(0, 30))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(digit=st.integers(0, 3))
    def breaker(self, digit: int) -> None:
        n = 0
        for url, row in self.model.items():
            if row.state == "pending" and url.endswith(f":{digit}"):
                row.state, row.rule, row.not_before = "skipped", "novelty", 0.0
                n += 1
        assert self.frontier.skip_pattern(lambda url: url.endswith(f":{digit}"), "novelty", "trap") == n

    @rule(data=st.data())
    def reopen(self, data: st.DataObject) -> None:
        ended = sorted(
            url for url, row in self.model.items() if row.row and row.state in ("done", "failed", "skipped")
        )
        chosen = data.draw(st.sets(st.sampled_from(ended), max_size=3)) if ended else set()
        rows = []
        for url in chosen:
            row = self.model[url]
            row.state, row.outcome, row.rule = "pending", None, None
            assert row.row is not None
            rows.append(row.row)
        self.frontier.reopen(rows)

    @rule()
    def reopen_failed(self) -> None:
        failed = [row for row in self.model.values() if row.state == "failed"]
        for row in failed:
            row.state, row.attempts = "pending", 0
        assert self.frontier.reopen_failed() == len(failed)

    @rule()
    def commit(self) -> None:
        database.commit(self.db)
        self.committed = {url: replace(row) for url, row in self.model.items()}

    @rule(give_back=st.booleans())
    def die_and_start_again(self, give_back: bool) -> None:
        self.db.close()
        self.model = {url: replace(row) for url, row in self.committed.items()}
        self.open()
        lost = [row for row in self.model.values() if row.state == "leased"]
        if give_back:
            assert self.frontier.reset_leases() == len(lost)
            for row in lost:
                row.state = "pending"
        self.commit()

    @invariant()
    def it_says_what_the_dict_says(self) -> None:
        if not hasattr(self, "frontier"):
            return
        counts = dict.fromkeys(STATES, 0)
        skips: dict[str, int] = {}
        for row in self.model.values():
            counts[row.state] += 1
            if row.outcome:
                counts[f"done/{row.outcome}"] = counts.get(f"done/{row.outcome}", 0) + 1
            if row.rule:
                skips[row.rule] = skips.get(row.rule, 0) + 1
        assert self.frontier.counts() == counts
        assert self.frontier.pending() == counts["pending"]
        assert {found.rule: found.n for found in self.frontier.skips()} == skips
        later = [
            r.not_before for r in self.model.values() if r.state == "pending" and r.not_before > self.now
        ]
        due = self.frontier.next_due()
        assert due is None or due <= min(later, default=due)
        assert due is not None or not later
        gaps = {gap.url: gap.state for gap in self.frontier.gaps()}
        unfinished = ("pending", "leased", "failed")
        assert gaps == {url: row.state for url, row in self.model.items() if row.state in unfinished}
        for url, row in self.model.items():
            known = self.frontier.why(url)
            assert known is not None
            assert (known.state, known.rule, known.outcome) == (row.state, row.rule, row.outcome)


AgainstADict.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestAgainstADict = AgainstADict.TestCase


# --- kill -9

CRAWL = """
import os, sys
from pathlib import Path
from crawler import database
from crawler.frontier import Frontier, Link

db = database.open(Path(sys.argv[1]))
db.execute("CREATE TABLE IF NOT EXISTS captures (row INTEGER PRIMARY KEY)")
frontier = Frontier(db)
frontier.reset_leases()
frontier.add([Link("http://forum.example/0", "seed")])
database.commit(db)
os.write(1, b"ready\\n")
for turn in range(1_000_000):
    leases = [lease for lease in (frontier.lease(), frontier.lease()) if lease]
    for lease in leases:
        n = int(lease.url.rpartition("/")[2])
        db.execute("INSERT INTO captures VALUES (?)", (lease.row,))
        links = [Link(f"http://forum.example/{n * 2 + k}", "page") for k in range(1, 6)]
        frontier.add(links, via=lease.url, hops="L")
        frontier.done(lease.row, "captured", 200)
        database.commit(db)
        os.write(1, b"%d\\n" % n)
    if turn % 40 == 0:
        database.checkpoint(db)
"""


def test_kill_9_at_any_moment_loses_only_what_was_in_flight(tmp_path: Path) -> None:
    path = tmp_path / "crawl à demi.sqlite"
    told: set[int] = set()
    in_flight = 0
    draw = random.Random(20261122)
    for _ in range(30):
        run = subprocess.Popen([sys.executable, "-c", CRAWL, path], stdout=subprocess.PIPE)
        assert run.stdout is not None
        out = run.stdout.fileno()
        first = os.read(out, 6)
        select.select([], [], [], draw.uniform(0, 0.08))
        os.kill(run.pid, signal.SIGKILL)
        said = first + run.stdout.read()
        run.stdout.close()
        assert run.wait() == -signal.SIGKILL
        lines = said.split(b"\n")[:-1]  # the last line may be torn
        assert lines[0] == b"ready"
        told |= {int(line) for line in lines[1:]}
        in_flight += _check(path, told)
    assert len(told) > 300, "too little happened for the test to mean anything"
    assert in_flight > 0, "no kill hit a lease"


def _check(path: Path, told: set[int]) -> int:
    """What must be so after every kill; how many leases were given back."""
    with closing(database.open(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        states = dict(db.execute("SELECT CAST(substr(url, 21 + 1) AS INTEGER), state FROM urls").fetchall())
        done = {n for n, state in states.items() if state == "done"}
        assert told <= done
        assert {n * 2 + k for n in done for k in range(1, 6)} | {0} == set(states), "links without their page"
        captured = db.execute("SELECT row FROM captures ORDER BY row").fetchall()
        assert captured == db.execute("SELECT row FROM urls WHERE state = 'done' ORDER BY row").fetchall()
        frontier = Frontier(db)
        given_back = frontier.reset_leases()
        counts = frontier.counts()
        assert counts["leased"] == 0
        assert counts["pending"] == len(states) - len(done)
        db.rollback()  # looked only: the next run must give them back itself
    return given_back


def test_a_database_of_somebody_else_is_read_while_the_crawl_runs(tmp_path: Path) -> None:
    path = tmp_path / "crawl.sqlite"
    with (
        closing(database.open(path)) as db,
        closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as ro,
    ):
        frontier = Frontier(db)
        frontier.add(pages(f"{FORUM}/"))
        assert ro.execute("SELECT count(*) FROM urls").fetchone() == (0,)
        database.checkpoint(db)
        assert ro.execute("SELECT count(*) FROM urls").fetchone() == (1,)
