"""How fast a host may be asked: places, delay, and pauses when it says so or does not answer.

Three things make a host wait, each on its own:
- the delay between two starts, which grows with the host's latency over its own usual one;
- a pause of the whole host after 429 or 503, as long as it asks for, else longer each time;
- a pause after a connection that failed, longer each time.
Clock and sleep come from outside; times are seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType

LONGEST_PAUSE = 3600.0
FIRST_PAUSE = 15.0  # after 429 or 503 without a usable Retry-After; doubles
FIRST_RECONNECT = 1.0  # after a failed connection; doubles
LONGEST_RECONNECT = 300.0
GOOD_ENOUGH = 10  # answers in a row after which the next refusal counts as the first again
SLOW = 2.0  # a host is slow when its latency is this many times its usual one ...
SLACK = 0.05  # ... and at least this much over it: milliseconds on a fast host mean nothing
BURST = 0.002  # seconds between two starts under which nothing is gained by spreading them
STRETCH = 2.0  # seconds of delay for each second of latency over that


class _Host:
    """What is known of one host; see `Pace`."""

    __slots__ = (
        "failures",
        "floor",
        "good",
        "last",
        "latency",
        "n",
        "penalty",
        "silent_since",
        "strikes",
        "taken",
        "until",
        "usual",
        "waiting",
    )

    def __init__(self) -> None:
        self.taken = 0
        self.waiting: deque[asyncio.Future[None]] = deque()
        self.last = float("-inf")  # start of the last turn
        self.until = float("-inf")  # end of the pause
        self.silent_since: float | None = None  # first failure or refusal after the last useful answer
        self.floor = 0.0
        self.penalty = 0.0
        self.strikes = 0
        self.failures = 0
        self.good = 0
        self.n = 0  # latencies learned
        self.latency = 0.0  # smoothed: about the last five answers
        self.usual = 0.0  # smoothed: about the last hundred, hardly moved by a slow spell

    def fell_silent(self, now: float) -> None:
        if self.silent_since is None:
            self.silent_since = now


class Pace:
    """At most `concurrency` turns at once for each host, their starts `delay` seconds apart or more.

    With `adaptive` the delay follows the latency up to `ceiling`; it is never under `delay`.
    """

    def __init__(
        self,
        delay: float = 0.5,
        concurrency: int = 1,
        adaptive: bool = True,
        ceiling: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._delay = delay
        self._concurrency = concurrency
        self._adaptive = adaptive
        self._ceiling = max(ceiling, delay)
        self._clock = clock
        self._sleep = sleep
        self._hosts: dict[str, _Host] = {}

    def room(self, host: str) -> bool:
        """Whether a place is free and the host is not paused; a turn may still wait for its delay."""
        known = self._hosts.get(host)
        if known is None:
            return True
        return known.taken < self._concurrency and known.until <= self._clock()

    def turn(self, host: str) -> Turn:
        """`async with pace.turn(host):` waits for a place, a pause and the delay; gives the place back."""
        return Turn(self, self._host(host))

    def delay(self, host: str) -> float:
        """Seconds that must lie between two starts now."""
        known = self._hosts.get(host)
        return self._delay if known is None else self._delay_of(known)

    def paused(self, host: str) -> float:
        """Seconds left of the host's pause; 0: not paused."""
        known = self._hosts.get(host)
        return 0.0 if known is None else max(0.0, known.until - self._clock())

    def silence(self, host: str) -> float:
        """Seconds since the host began to fail or refuse everything; 0: it answers, or was never asked."""
        since = None if (known := self._hosts.get(host)) is None else known.silent_since
        return 0.0 if since is None else self._clock() - since

    def has_answered(self, host: str) -> bool:
        """Whether the host ever gave a useful answer."""
        known = self._hosts.get(host)
        return known is not None and known.n > 0

    def at_least(self, host: str, delay: float) -> None:
        """The host asks for this delay (Crawl-delay of its robots.txt); up to the ceiling it is granted."""
        self._host(host).floor = min(delay, self._ceiling)

    def answered(
        self, host: str, latency: float, status: int, retry_after: str | None, now_utc: datetime
    ) -> None:
        """The host answered `latency` seconds (to the first byte) after it was asked.

        429 and 503 pause it for the time its Retry-After names, an hour at most; without a usable one
        15 s, twice as long each further time. Answers to turns that began before the pause do not count
        as further times. Other 5xx answers come fast or slow for reasons of their own: they only ever slow.
        """
        known = self._host(host)
        known.failures = 0
        if status in (429, 503):
            known.fell_silent(self._clock())
            self._refused(known, seconds_to_wait(retry_after, now_utc))
            return
        known.silent_since = None
        if status < 500:
            known.penalty = known.penalty * 0.9 if known.penalty > 0.05 else 0.0
            known.good += 1
            if known.good >= GOOD_ENOUGH:
                known.strikes = 0
        elif latency <= known.latency:
            return
        _learn(known, latency)

    def failed(self, host: str) -> None:
        """A connection to the host failed, or it hung up without an answer."""
        known = self._host(host)
        now = self._clock()
        known.good = 0
        known.fell_silent(now)
        if known.until > now:
            return
        known.failures += 1
        known.until = now + min(LONGEST_RECONNECT, FIRST_RECONNECT * 2.0 ** min(known.failures - 1, 20))

    def _refused(self, known: _Host, asked: float | None) -> None:
        now = self._clock()
        known.good = 0
        if known.until <= now:
            known.strikes += 1
            known.penalty = min(self._ceiling, max(2 * known.penalty, 2 * self._delay, 1.0))
            if asked is None:
                asked = FIRST_PAUSE * 2.0 ** min(known.strikes - 1, 20)
        if asked is not None:
            known.until = max(known.until, now + min(asked, LONGEST_PAUSE))

    def _host(self, host: str) -> _Host:
        known = self._hosts.get(host)
        if known is None:
            known = self._hosts[host] = _Host()
        return known

    def _delay_of(self, known: _Host) -> float:
        wanted = max(self._delay, known.floor)
        if self._adaptive and known.n:
            over = known.latency - max(SLOW * known.usual, known.usual + SLACK)
            if over > 0.0:
                wanted += STRETCH * over
            # Answers that come together are worked on together, and the next requests then leave together:
            # without a gap several connections end in one beat, a burst for the server and a wait for us.
            gap = 0.75 * known.latency / self._concurrency
            if self._concurrency > 1 and gap > BURST:
                wanted = max(wanted, gap)
        return min(self._ceiling, max(wanted, known.penalty))

    def _wait(self, known: _Host) -> float:
        """Seconds until a turn of this host may start."""
        now = self._clock()
        return max(known.until - now, known.last + self._delay_of(known) - now)

    def _release(self, known: _Host) -> None:
        while known.waiting:
            place = known.waiting.popleft()
            if not place.done():  # not cancelled in the meantime
                place.set_result(None)  # the place goes over to whoever waits: `taken` stays
                return
        known.taken -= 1


class Turn:
    """One request's turn at a host; holds a place from when it is free until the end of the block."""

    __slots__ = ("_host", "_pace")

    def __init__(self, pace: Pace, host: _Host) -> None:
        self._pace = pace
        self._host = host

    async def __aenter__(self) -> None:
        pace, host = self._pace, self._host
        if host.taken < pace._concurrency:  # then nobody waits: a free place is handed on
            host.taken += 1
        else:
            await self._place()
        try:
            while (wait := pace._wait(host)) > 0.0:
                await pace._sleep(wait)
        except BaseException:
            pace._release(host)
            raise
        host.last = pace._clock()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pace._release(self._host)

    async def _place(self) -> None:
        place = asyncio.get_running_loop().create_future()
        self._host.waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._pace._release(self._host)  # given to us in the moment we were cancelled
            raise


def seconds_to_wait(retry_after: str | None, now: datetime) -> float | None:
    """Seconds a Retry-After field asks for (RFC 9110 §10.2.3: seconds or HTTP-date); None: nothing usable.

    A date in the past and 0 are of no use to a host that just refused.
    """
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        seconds = float(text)
    else:
        try:
            then = parsedate_to_datetime(text)
        except ValueError:
            return None
        seconds = (then.replace(tzinfo=then.tzinfo or UTC) - now).total_seconds()
    return seconds if seconds > 0 else None


def _learn(known: _Host, latency: float) -> None:
    """Take a latency into what is usual and what is now.

    What is usual moves little while the host is slow, or a bad hour would become the usual.
    """
    known.n += 1
    known.latency += (latency - known.latency) * max(0.2, 1 / known.n)
    slow = known.latency > SLOW * known.usual and known.n > 1
    weight = 0.0005 if slow else 0.02 if latency > known.usual else 0.005
    step = min(latency, SLOW * known.usual) if known.n > 5 else latency
    known.usual += (step - known.usual) * max(weight, 1 / known.n if known.n <= 20 else 0.0)
