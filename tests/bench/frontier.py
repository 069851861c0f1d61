"""What the frontier costs: `python -m tests.bench.frontier [--urls N] [--folder DIR]`.

A forum of N URLs: taken in by the page of 50 links with one commit a page, looked up, leased and done with
one commit each, a checkpoint each second. CPU is user and system time of the whole process (getrusage); what
it takes to make the links is measured apart and taken off.
"""

from __future__ import annotations

import argparse
import gc
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from crawler import database
from crawler.frontier import Frontier, Link

LINKS = 50  # a page
HOST = "http://forum.example.org/"


def url(number: int) -> str:
    """A forum has posts, pages of topics, members and attachments, a topic ten posts or so."""
    topic = number // 10
    match number % 10:
        case 0 | 1 | 2:
            return f"{HOST}viewtopic.php?f={topic % 40}&t={topic}&start={number % 10 * 15}"
        case 3:
            return f"{HOST}memberlist.php?mode=viewprofile&u={topic}"
        case 4:
            return f"{HOST}download/file.php?id={topic}&sid=&mode=view"
        case _:
            return f"{HOST}viewtopic.php?f={topic % 40}&p={number}"


def links(numbers: list[int]) -> list[Link]:
    return [Link(url(number), "page") for number in numbers]


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def rss() -> float:
    """Megabytes resident now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


class Bench:
    def __init__(self, folder: Path, n: int) -> None:
        self.n = n
        self.path = folder / "crawl.sqlite"
        self.db = database.open(self.path)
        self.frontier = Frontier(self.db)
        self.synced = time.monotonic()

    def commit(self) -> None:
        """As the crawl does it: after each response, and once a second to the disk."""
        if time.monotonic() - self.synced >= 1:
            database.checkpoint(self.db)
            self.synced = time.monotonic()
        else:
            database.commit(self.db)

    def pages(self) -> Iterator[list[int]]:
        for start in range(0, self.n, LINKS):
            yield list(range(start, min(start + LINKS, self.n)))

    def drawn(self, low: int, high: int) -> Iterator[list[int]]:
        draw = random.Random(1)
        for _ in range(self.n // LINKS):
            yield [draw.randrange(low, high) for _ in range(LINKS)]

    def add(self) -> None:
        via = url(0)
        for page in self.pages():
            self.frontier.add(links(page), via=via, hops="LLL")
            self.commit()

    def seen(self, low: int, high: int) -> Callable[[], None]:
        def look() -> None:
            for page in self.drawn(low, high):
                assert not self.frontier.unseen([(link.url, link.kind) for link in links(page)])

        return look

    def serve(self) -> None:
        for _ in range(self.n):
            lease = self.frontier.lease()
            assert lease is not None
            self.frontier.done(lease.row, "captured", 200)
            self.commit()

    def whole(self) -> None:
        """A page as it comes: leased, 50 links of which one is new, done, commit."""
        draw = random.Random(2)
        for fresh in range(self.n, self.n + self.n // LINKS):
            lease = self.frontier.lease()
            assert lease is not None
            page = [*range(20), *(draw.randrange(self.n) for _ in range(LINKS - 21)), fresh]
            new = self.frontier.unseen([(link.url, link.kind) for link in links(page)])
            self.frontier.add([Link(address, "page") for address, _ in new], via=lease.url, hops="LLL")
            self.frontier.done(lease.row, "captured", 200)
            self.commit()

    def measure(self, name: str, times: int, work: Callable[[], None], spare: Callable[[], None]) -> None:
        """CPU of `work` less that of `spare`, in µs for each of `times`."""
        began = cpu()
        spare()
        between = cpu()
        work()
        each = (cpu() - between - (between - began)) / times * 1e6
        size = sum(file.stat().st_size for file in self.path.parent.iterdir()) / 1e6
        print(f"{name:42} {times:>9,} {each:>10.1f} {rss():>8.0f} {size:>9.0f}", flush=True)

    def make(self, pages: Callable[[], Iterator[list[int]]]) -> Callable[[], None]:
        def spare() -> None:
            for page in pages():
                links(page)

        return spare

    def run(self) -> None:
        before = rss()
        print(f"{'':42} {'times':>9} {'µs CPU':>10} {'MB RSS':>8} {'MB disk':>9}")
        nothing = self.make(lambda: iter(()))
        n = self.n
        self.measure("add, new, with commit, each URL", n, self.add, self.make(self.pages))
        near, far = (max(0, n - 50_000), n), (0, n)
        for name, (low, high) in {"recently": near, "long ago": far}.items():
            spare = self.make(lambda low=low, high=high: self.drawn(low, high))  # type: ignore[misc]
            self.measure(f"seen {name}, each URL", n, self.seen(low, high), spare)
        self.whole_spare = self.make(lambda: self.drawn(0, n))
        self.measure("page: lease, 50 links, 1 new, done, commit", n // LINKS, self.whole, self.whole_spare)
        self.measure("lease, done, commit, each URL", n, self.serve, nothing)
        self.measure("open a crawl that was killed", 1, self.reopen, nothing)
        database.checkpoint(self.db)
        gc.collect()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        print(f"\nRSS {before:.0f} MB before, {rss():.0f} MB after, {peak:.0f} MB at most;", end=" ")
        print(f"counts {self.frontier.counts()}")

    def reopen(self) -> None:
        self.db.close()
        self.db = database.open(self.path)
        self.frontier = Frontier(self.db)
        self.frontier.reset_leases()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--urls", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="on the disk to measure; default: the temporary folder")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        Bench(Path(folder), chosen.urls).run()


if __name__ == "__main__":
    main()
