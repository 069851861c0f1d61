"""What to ask archive.org for, and in which order; pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from storage.archive_org.cdx import Capture
from storage.archive_org.ledger import Entry
from storage.archive_org.pages import Page
from storage.cdxj import surt

T = TypeVar("T")

Mode = Literal["due", "changed", "all"]
Why = Literal["new", "changed", "never", "old", "again"]
TURNS: tuple[tuple[Why, ...], ...] = (("new", "changed"), ("never",), ("old",), ("again",))
"""The first of these before the second."""

SKEW = timedelta(minutes=5)
"""How far apart our clock and theirs may be."""
UNSURE_FOR = timedelta(days=1)
"""So long their index gets to show what may have been taken (it lags by up to 12 hours)."""
CLAIMED_FOR = timedelta(days=3)
"""So long it gets to show what they said is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is asked of archive.org, and how gently.

    a_night: URLs a day (UTC) for all sites. per_minute: URLs a minute at most. concurrency: jobs under way at
    most. poll: seconds between two looks at them. patience: seconds the last ones get to end, and that a
    pause may last. recheck_after: days after which a capture is old. not_within: days in which no URL is
    asked for twice. exclude: expressions; a URL that has one in it stays out. obey: the operator's wishes.
    """

    a_night: int = 200
    per_minute: float = 5.0
    concurrency: int = 2
    poll: float = 20.0
    patience: float = 1200.0
    recheck_after: int = 365
    not_within: int = 7
    exclude: tuple[str, ...] = ()
    obey: bool = True


@dataclass(slots=True)
class Seen:
    """What their index has of one page.

    same: the newest capture with exactly our payload. claimed: the one they said they made. A digest that
    differs says nothing: theirs may have come with another content coding.
    """

    newest: Capture | None = None
    same: Capture | None = None
    claimed: Capture | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """One URL to ask for."""

    page: Page
    why: Why


@dataclass(frozen=True, slots=True)
class Plan:
    """asks: in order. counts: of all pages, by what is to become of them (a Why, or why it is not asked)."""

    asks: list[Ask]
    counts: Counter[str]


def match(
    pages: Sequence[Page],
    captures: Iterable[Capture],
    entries: Mapping[str, Entry],
    seen: dict[str, Seen] | None = None,
) -> dict[str, Seen]:
    """URL → what there is of it. Pages with one key (`/Wiki/A`, `/wiki/a`) need their own spelling.

    entries: of the ledger, by URL. seen: what is known already, added to. Captures pass and are not kept.
    """
    seen = {page.url: Seen() for page in pages} if seen is None else seen
    by_key: dict[str, list[Page]] = defaultdict(list)
    for page in pages:
        by_key[page.key].append(page)
    for capture in captures:
        try:
            alike = by_key.get(surt(capture.url), [])
        except ValueError:
            continue
        for page in alike:
            if len(alike) == 1 or _spelling(page.url) == _spelling(capture.url):
                _note(seen[page.url], page, capture, entries.get(page.url))
    return seen


def _note(seen: Seen, page: Page, capture: Capture, entry: Entry | None) -> None:
    """One more capture of this page."""
    if entry is not None and entry.timestamp == capture.timestamp:
        seen.claimed = capture
    if seen.newest is None or capture.timestamp > seen.newest.timestamp:
        seen.newest = capture
    if capture.digest == page.digest and (seen.same is None or capture.timestamp > seen.same.timestamp):
        seen.same = capture


def confirmed(entry: Entry, seen: Seen) -> Capture | None:
    """The capture that shows what became of a URL that was handed over, whatever was said about it."""
    asked = entry.asked_at
    if asked is None or entry.state == "confirmed" or seen.newest is None:
        return None
    return seen.newest if seen.newest.at >= asked - SKEW or seen.claimed is not None else None


def plan(
    pages: Sequence[Page],
    seen: Mapping[str, Seen],
    entries: Mapping[str, Entry],
    rules: Rules,
    now: datetime,
    mode: Mode = "due",
) -> Plan:
    """New and changed pages first, then those never archived, then the oldest captures.

    mode "changed": only the first of these. "all": also what is there already, the oldest first.
    """
    exclude = [re.compile(pattern) for pattern in rules.exclude]
    asks: list[Ask] = []
    counts: Counter[str] = Counter()
    for page in pages:
        there, entry = seen.get(page.url, Seen()), entries.get(page.url)
        verdict = _verdict(page, there, entry, rules, now, mode, exclude)
        counts[verdict] += 1
        for turn in TURNS[:1] if mode == "changed" else TURNS:
            asks += [Ask(page, why) for why in turn if why == verdict]

    def rank(ask: Ask) -> tuple[int, str]:
        turn = next(number for number, whys in enumerate(TURNS) if ask.why in whys)
        newest = seen[ask.page.url].newest if ask.page.url in seen else None
        return turn, newest.timestamp if newest and ask.why in ("old", "again") else ""

    return Plan(sorted(asks, key=rank), counts)


def _verdict(
    page: Page,
    there: Seen,
    entry: Entry | None,
    rules: Rules,
    now: datetime,
    mode: Mode,
    exclude: Sequence[re.Pattern[str]],
) -> str:
    if any(pattern.search(page.url) for pattern in exclude):
        return "excluded"
    if entry is not None and (held := _held(entry, page, rules, now)):
        return held
    times = [there.newest.at] if there.newest else []
    if entry is not None and entry.state == "confirmed" and entry.asked_at:
        times.append(entry.asked_at)  # seen at its own address, and not in their index yet
    last = max(times, default=None)
    if last is None:
        return "new" if page.new else "never"
    if last > now - timedelta(days=rules.not_within):
        return "recent"
    if mode == "all":
        return "again"
    if there.same is not None:
        return "same"
    if page.changed is not None and page.changed > last:
        return "changed"
    return "old" if last < now - timedelta(days=rules.recheck_after) else "there"


def _held(entry: Entry, page: Page, rules: Rules, now: datetime) -> str:
    """Why the ledger keeps it back; "" when it does not."""
    asked = entry.asked_at
    if entry.state == "unwanted":
        return "unwanted" if rules.obey and entry.digest == page.digest else ""
    if entry.state == "never":
        recent = asked is not None and asked > now - timedelta(days=rules.recheck_after)
        return "refused" if recent and entry.digest == page.digest else ""
    if entry.is_open and asked is not None:
        grace = CLAIMED_FOR if entry.state == "claimed" else UNSURE_FOR
        return "waiting" if asked > now - grace else ""
    if entry.not_before is not None and entry.not_before > now:
        return "later"
    return ""


def in_turn(plans: Sequence[Sequence[T]]) -> Iterator[T]:
    """One of each in turn, so that a large site does not keep the others waiting."""
    nothing = object()
    for row in zip_longest(*plans, fillvalue=nothing):
        yield from (one for one in row if one is not nothing)  # type: ignore[misc]


def _spelling(url: str) -> str:
    """A URL without what the index does not tell apart: scheme, "www.", default port."""
    parts = urlsplit(url)
    host = re.sub(r"^www\d*\.", "", (parts.hostname or "").lower())
    port = "" if parts.port in (None, 80, 443) else f":{parts.port}"
    return f"{host}{port}{parts.path or '/'}?{parts.query}"
