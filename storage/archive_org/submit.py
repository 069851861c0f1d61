"""Hand pages to archive.org: look up what is there, ask for the rest, and see what became of it.

Running it again is the repair. `submit` takes values and gives a result: a step of a night, or a verb.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from storage.archive_org import cdx, queue, receipts
from storage.archive_org.asking import Asking, Order
from storage.archive_org.client import Client, NoAnswer
from storage.archive_org.ledger import Entry, Ledger
from storage.archive_org.pages import Page, Wishes, pages_of
from storage.archive_org.queue import Ask, Mode, Plan, Rules, Seen
from storage.archive_org.receipts import Receipt, Summary
from storage.collection import Archive, Collection
from storage.errors import Failure, Locked, RemoteError, UsageError
from storage.lock import hold
from storage.manifest import time_text
from storage.snapshot import Snapshot

_LOCK = ".submit.lock"
SHOWN_AFTER = timedelta(hours=12)
"""So long their index may lag; then a capture's own address is looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """What became of it. asks: what was (in a dry run: would be) asked for, each with the site's name.

    failure: what kept the run from its end. notes: sentences for a person.
    """

    summaries: Sequence[Summary]
    asks: Sequence[tuple[str, Ask]]
    failure: Failure | None
    notes: Sequence[str]


def submit(
    snapshots: Sequence[Snapshot],
    client: Client,
    rules: Rules,
    *,
    now: Callable[[], datetime],
    sleep: Callable[[float], None],
    mode: Mode = "due",
    most: int | None = None,
    dry: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Submitted:
    """Hand over the pages of these sealed snapshots, one of each site; see the module.

    most: URLs in this run, whatever was asked for today; else what is left of the night's. dry: only the look
    at their index, which changes nothing anywhere; nothing is written. Nobody else may submit from this
    archive meanwhile. UsageError for a private collection. RemoteError when their index cannot be read:
    nothing was asked for then. BrokenData for a damaged snapshot. What goes wrong later is in the result.
    """
    sites = [_Standing(snapshot, rules, dry, say) for snapshot in snapshots]
    ours = replace(rules, not_within=1) if mode == "all" else rules
    notes: list[str] = []
    for site in sites:
        notes += site.look_up(client, now, sleep)
    chosen = _choose(sites, ours, now(), mode, most)
    asking = Asking(client, ours, now, sleep, say)
    if not dry:
        begun = now()
        asking.all([site.order(ask) for site, ask in chosen], [site.ledger for site in sites])
        notes += asking.notes
        if asking.handed:
            for site in sites:
                notes += site.look_again(client, begun, now, sleep)
    found = _summaries(sites, client, rules, now(), asking.handed)
    if not dry:
        for site, summary in zip(sites, found, strict=True):
            receipts.write(site.collection.proofs, site.receipts(client), summary)
            site.ledger.tidy()
    return Submitted(
        summaries=found,
        asks=[(site.name, ask) for site, ask in chosen],
        failure=asking.failure,
        notes=notes,
    )


class _Standing:
    """One site in this run: its pages, what was asked, what is there."""

    def __init__(self, snapshot: Snapshot, rules: Rules, dry: bool, say: Callable[[str], None]) -> None:
        self.collection = Collection(snapshot.root, snapshot.site)
        if self.collection.private:
            raise UsageError(
                f"{snapshot.site} is private and is not handed to archive.org",
                what="its collection is marked as private",
                where=str(self.collection.private_mark),
                kept="nothing was sent",
                next=(f"jukni list {snapshot.site}",),
            )
        self.snapshot = snapshot
        self.name = snapshot.site
        self.rules = rules
        self.say = say
        earlier = [one for one in self.collection.sealed() if one.name < snapshot.name]
        self.pages = pages_of(snapshot, earlier)
        self.ledger = Ledger(self.collection.proofs, keep=not dry)
        self.wishes = Wishes(snapshot, self.pages) if rules.obey else None
        self.seen: dict[str, Seen] = {}

    # -- what is there

    def look_up(
        self, client: Client, now: Callable[[], datetime], sleep: Callable[[float], None]
    ) -> list[str]:
        """All that their index has, into `seen` and the ledger; sentences for a person."""
        self.seen = queue.match(self.pages, self._sweep(client, now, sleep), self._entries())
        proved = sum(entry.state == "confirmed" for entry in self.ledger)
        if proved and not any(seen.newest for seen in self.seen.values()):
            raise RemoteError(
                "what archive.org has could not be looked up",
                what=f"its index shows nothing of {self.name}, where {proved} captures were seen before",
                where=client.addresses.cdx,
                kept="nothing was asked for without knowing what is there already",
                next=(f"jukni submit {self.name}",),
            )
        self._settle()
        self._look_closely(client, now(), sleep)
        lost = [
            entry
            for entry in self.ledger
            if entry.state == "claimed" and entry.asked_at and entry.asked_at < now() - queue.CLAIMED_FOR
        ]
        return [f"{self.name}: {len(lost)} captures archive.org said it made are not there"] if lost else []

    def look_again(
        self, client: Client, begun: datetime, now: Callable[[], datetime], sleep: Callable[[float], None]
    ) -> list[str]:
        """What their index has got since this run began; hours later is normal, and then the ledger waits."""
        try:
            captures = self._sweep(client, now, sleep, begun - queue.SKEW)
            queue.match(self.pages, captures, self._entries(), self.seen)
        except RemoteError as error:
            return [f"{self.name}: {error.what}; what was handed over is looked for next time"]
        self._settle()
        return []

    def _sweep(
        self,
        client: Client,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
        since: datetime | None = None,
    ) -> Iterator[cdx.Capture]:
        for prefix in cdx.prefixes(page.url for page in self.pages):
            self.say(f"{self.name}: looking up what archive.org has below {prefix}")
            yield from cdx.sweep(client, prefix, sleep=sleep, now=now, since=since)

    def _entries(self) -> dict[str, Entry]:
        return {entry.url: entry for entry in self.ledger}

    def _settle(self) -> None:
        """What the index shows is there, whatever was said about it."""
        for page in self.pages:
            entry = self.ledger.get(page.url)
            if entry and (capture := queue.confirmed(entry, self.seen[page.url])):
                self.ledger.change(
                    entry,
                    state="confirmed",
                    timestamp=capture.timestamp,
                    original=capture.url,
                    **_NOTHING,
                )

    def _look_closely(self, client: Client, now: datetime, sleep: Callable[[float], None]) -> None:
        """Captures that they say were made and their index does not show after hours: each at its address."""
        for entry in self.ledger:
            late = entry.asked_at is not None and entry.asked_at < now - SHOWN_AFTER
            if entry.state != "claimed" or not late or not self.ledger.keep:
                continue
            sleep(60 / self.rules.per_minute)
            try:
                status = client.capture(entry.timestamp, entry.original or entry.url).status
            except NoAnswer:
                return
            if status == 429:
                return
            if status == 200:
                self.ledger.change(entry, state="confirmed", **_NOTHING)

    # -- what to ask

    def plan(self, now: datetime, mode: Mode, rules: Rules) -> Plan:
        return queue.plan(self.pages, self.seen, self._entries(), rules, now, mode)

    def is_wanted(self, page: Page) -> bool:
        """False when the page, or robots.txt, asks archive.org to stay away; the ledger remembers it."""
        if self.wishes is None or not (wish := self.wishes.against(page)):
            return True
        entry = self.ledger.get(page.url) or Entry(url=page.url, state="unwanted")
        self.ledger.change(entry, state="unwanted", digest=page.digest, why=wish)
        return False

    def order(self, ask: Ask) -> Order:
        return Order(self.name, self.ledger, ask)

    # -- what came of it

    def receipts(self, client: Client) -> list[Receipt]:
        """One a page that is there."""
        found = []
        for page in self.pages:
            seen, entry = self.seen[page.url], self.ledger.get(page.url)
            if (capture := seen.newest) is not None:
                timestamp, url, told = capture.timestamp, capture.url, "index"
            elif entry is not None and entry.state == "confirmed" and entry.timestamp:
                timestamp, url, told = entry.timestamp, entry.original or page.url, "capture"
            else:
                continue
            at = time_text(cdx.moment(timestamp))
            address = client.address(timestamp, url)
            found.append(Receipt(url=page.url, capture=address, at=at, same=seen.same is not None, seen=told))
        return found

    def summary(
        self, plan: Plan, rules: Rules, now: datetime, asked: int, nights: int, there: Sequence[Receipt]
    ) -> Summary:
        old = time_text(now - timedelta(days=rules.recheck_after))
        return Summary(
            site=self.name,
            snapshot=self.snapshot.name,
            at=now,
            pages=len(self.pages),
            there=len(there),
            old=sum(one.at < old for one in there),
            same=sum(one.same for one in there),
            asked=asked,
            waiting=plan.counts["waiting"],
            left=len(plan.asks) + plan.counts["later"],
            refused=plan.counts["refused"],
            unwanted=plan.counts["unwanted"],
            excluded=plan.counts["excluded"],
            recheck_after=rules.recheck_after,
            a_night=rules.a_night,
            nights=nights,
        )


_NOTHING = {"tries": 0, "until": "", "job": "", "why": ""}
"""What a confirmed entry has no more use for."""


def _choose(
    sites: Sequence[_Standing], rules: Rules, now: datetime, mode: Mode, most: int | None
) -> list[tuple[_Standing, Ask]]:
    """What to ask for in this run, of all sites in turn, the most urgent of all of them first."""
    if most is None:
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        most = rules.a_night - sum(site.ledger.asked_since(midnight) for site in sites)
    plans = [(site, site.plan(now, mode, rules).asks) for site in sites]
    chosen: list[tuple[_Standing, Ask]] = []
    for whys in queue.TURNS:
        rows = [[(site, ask) for ask in asks if ask.why in whys] for site, asks in plans]
        for site, ask in queue.in_turn(rows):
            if len(chosen) >= most:
                return chosen
            if site.is_wanted(ask.page):
                chosen.append((site, ask))
    return chosen


def _summaries(
    sites: Sequence[_Standing], client: Client, rules: Rules, now: datetime, asked: Mapping[str, int]
) -> list[Summary]:
    """How each site stands now."""
    plans = [site.plan(now, "due", rules) for site in sites]
    left = sum(len(plan.asks) for plan in plans)
    nights = -(-left // max(1, rules.a_night))
    return [
        site.summary(plan, rules, now, asked.get(site.name, 0), nights, site.receipts(client))
        for site, plan in zip(sites, plans, strict=True)
    ]


@contextmanager
def submitting(archive: Archive) -> Iterator[None]:
    """Keep every other submit of this archive off until the block ends: limits are those of an account."""
    path = archive.root / _LOCK
    with hold(path, wait=False) as handle:
        if handle is None:
            raise Locked(
                "another run is handing pages of this archive to archive.org",
                what="limits and ledger are for one at a time",
                where=str(path),
                kept="nothing was sent; the lock goes by itself when that run ends",
                next=(f"fuser -v {shlex.quote(str(path))}",),
            )
        yield
