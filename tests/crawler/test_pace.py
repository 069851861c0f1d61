"""Pace against a clock of its own: never too many at once, never too soon, a pause when asked for one."""

from __future__ import annotations

import asyncio
import itertools
import selectors
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.engine.pace import LONGEST_PAUSE, LONGEST_RECONNECT, Pace, seconds_to_wait

NOW = datetime(2026, 11, 22, 3, 15, tzinfo=UTC)
HOST = "forum.example.org:8080"
T = TypeVar("T")


class _Leaping(selectors.DefaultSelector):
    """Waiting costs no time here: the loop's clock leaps to the next timer instead."""

    loop: Loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("everybody waits and nobody will ever wake them")
        self.loop.now += timeout
        return super().select(0)


class Loop(asyncio.SelectorEventLoop):
    """asyncio with its own sense of time."""

    def __init__(self) -> None:
        selector = _Leaping()
        selector.loop = self
        self.now = 1000.0
        super().__init__(selector)

    def time(self) -> float:
        return self.now


def run(main: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(main)


def now() -> float:
    return asyncio.get_running_loop().time()


def paced(**options: Any) -> Pace:
    return Pace(clock=now, **options)


def answer(pace: Pace, status: int = 200, latency: float = 0.1, after: str | None = None) -> None:
    pace.answered(HOST, latency, status, after, NOW)


requests = st.lists(
    st.tuples(
        st.sampled_from(["a.example", "b.example:8080"]),
        st.floats(0, 3),  # when it comes
        st.floats(0, 2),  # how long its answer takes
        st.none() | st.floats(0, 4),  # when it is cancelled
        st.sampled_from([200, 200, 200, 404, 429, 500, 503, None]),  # None: the connection fails
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(requests, st.integers(1, 4), st.sampled_from([0.0, 0.1, 0.5, 1.0]), st.booleans())
def test_never_too_many_never_too_soon_and_no_place_lost(
    todo: list[tuple[str, float, float, float | None, int | None]],
    concurrency: int,
    delay: float,
    adaptive: bool,
) -> None:
    async def main() -> None:
        pace = paced(delay=delay, concurrency=concurrency, adaptive=adaptive)
        running = {"a.example": 0, "b.example:8080": 0}
        starts: Mapping[str, list[float]] = {host: [] for host in running}

        async def one(host: str, comes: float, takes: float, status: int | None) -> None:
            await asyncio.sleep(comes)
            async with pace.turn(host):
                assert pace.paused(host) == 0
                running[host] += 1
                assert running[host] <= concurrency
                starts[host].append(now())
                try:
                    await asyncio.sleep(takes)
                finally:
                    running[host] -= 1
                if status is None:
                    pace.failed(host)
                else:
                    pace.answered(host, takes, status, None, NOW)

        async def cut(task: asyncio.Task[None], at: float) -> None:
            await asyncio.sleep(at)
            task.cancel()

        tasks, cuts = [], []
        for host, comes, takes, cancelled, status in todo:
            tasks.append(asyncio.create_task(one(host, comes, takes, status)))
            if cancelled is not None:
                cuts.append(asyncio.create_task(cut(tasks[-1], cancelled)))
        for result in await asyncio.gather(*tasks, *cuts, return_exceptions=True):
            if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
                raise result
        for host, times in starts.items():
            assert all(b - a >= delay - 1e-6 for a, b in itertools.pairwise(times))
            await asyncio.sleep(pace.paused(host))
            async with asyncio.timeout(1000):
                entered = [pace.turn(host) for _ in range(concurrency)]
                for turn in entered:
                    assert pace.room(host)
                    await turn.__aenter__()
                assert not pace.room(host)

    run(main())


def test_hosts_do_not_wait_for_each_other() -> None:
    async def main() -> float:
        pace = paced(delay=10.0)
        began = now()
        for number in range(5):
            async with pace.turn(f"wiki{number}.example.org"):
                pass
        return now() - began

    assert run(main()) == 0


def test_a_turn_waits_for_a_place_in_the_order_asked() -> None:
    async def main() -> list[int]:
        pace = paced(delay=0.0, concurrency=1)
        order = []

        async def one(number: int) -> None:
            async with pace.turn(HOST):
                order.append(number)
                await asyncio.sleep(1)

        await asyncio.gather(*(one(number) for number in range(6)))
        return order

    assert run(main()) == [0, 1, 2, 3, 4, 5]


def test_a_place_handed_to_a_turn_that_is_cancelled_in_that_moment_goes_to_the_next() -> None:
    async def main() -> list[str]:
        pace = paced(delay=0.0, concurrency=1)
        got = []

        async def one(name: str) -> None:
            async with pace.turn(HOST):
                got.append(name)

        async with pace.turn(HOST):
            first, second, third = (asyncio.create_task(one(name)) for name in ("first", "second", "third"))
            await asyncio.sleep(0)
            first.cancel()  # before the place is handed on, and it has not noticed yet
        second.cancel()  # after
        await asyncio.gather(first, second, third, return_exceptions=True)
        assert pace.room(HOST)
        return got

    assert run(main()) == ["third"]


@pytest.mark.parametrize(("slow", "least"), [(1.0, 1.4), (5.0, 8.0), (60.0, 29.9)])
def test_slower_when_the_host_slows_and_back_when_it_recovers(slow: float, least: float) -> None:
    async def main() -> None:
        pace = paced(delay=0.5)
        for _ in range(50):
            answer(pace, latency=0.1)
        assert pace.delay(HOST) == 0.5
        for _ in range(20):
            answer(pace, latency=slow)
        assert least <= pace.delay(HOST) <= 30.0
        for _ in range(400):
            answer(pace, latency=slow)
        assert pace.delay(HOST) >= min(least, 30.0) * 0.5, "a slow spell is not the usual after 400 answers"
        for _ in range(60):
            answer(pace, latency=0.1)
        assert pace.delay(HOST) == 0.5

    run(main())


def test_a_host_that_was_always_slow_and_a_fast_one_with_hiccups_keep_their_delay() -> None:
    async def main() -> None:
        pace = paced(delay=0.5)
        for number in range(200):
            pace.answered("slow.example", 3.0 + number % 3, 200, None, NOW)
            pace.answered("fast.example", 0.001 if number % 7 else 0.04, 200, None, NOW)
            assert pace.delay("slow.example") == pace.delay("fast.example") == 0.5

    run(main())


@given(
    st.lists(st.tuples(st.floats(0, 500), st.sampled_from([200, 304, 404, 429, 500, 502, 503]))),
    st.floats(0, 60),
    st.booleans(),
)
def test_the_delay_stays_between_the_configured_one_and_the_ceiling(
    answers: list[tuple[float, int]], delay: float, adaptive: bool
) -> None:
    async def main() -> None:
        pace = paced(delay=delay, adaptive=adaptive)
        for latency, status in answers:
            answer(pace, status, latency)
            assert delay <= pace.delay(HOST) <= max(30.0, delay)

    run(main())


def test_not_adaptive_means_not_adaptive() -> None:
    async def main() -> None:
        pace = paced(delay=0.5, adaptive=False)
        for latency in (0.1, 0.1, 9.0, 9.0):
            answer(pace, latency=latency)
        assert pace.delay(HOST) == 0.5

    run(main())


def test_a_fast_error_page_does_not_make_a_slow_host_look_well() -> None:
    async def main() -> None:
        pace = paced(delay=0.5)
        for latency in (0.1,) * 20 + (4.0,) * 10:
            answer(pace, latency=latency)
        before = pace.delay(HOST)
        for _ in range(30):
            answer(pace, 500, latency=0.001)
        assert pace.delay(HOST) >= before > 4.0

    run(main())


def test_the_crawl_delay_of_a_host_is_granted_up_to_the_ceiling() -> None:
    async def main() -> None:
        pace = paced(delay=0.5)
        pace.at_least(HOST, 0.1)
        assert pace.delay(HOST) == 0.5
        pace.at_least(HOST, 4.0)
        assert pace.delay(HOST) == 4.0
        pace.at_least(HOST, 86400.0)
        assert pace.delay(HOST) == 30.0
        assert pace.delay("other.example") == 0.5

    run(main())


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("after", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        ("Sunday, 22-Nov-26 03:16:00 GMT", 60.0),
        ("99999999999999999999999999", LONGEST_PAUSE),
        (format_datetime(NOW + timedelta(days=2), usegmt=True), LONGEST_PAUSE),
        (format_datetime(NOW - timedelta(days=2), usegmt=True), 15.0),
        ("0", 15.0),
        ("-5", 15.0),
        ("bientôt", 15.0),
        ("", 15.0),
        (None, 15.0),
    ],
)
def test_a_refusal_pauses_the_whole_host_as_long_as_it_asks(
    status: int, after: str | None, seconds: float
) -> None:
    async def main() -> None:
        pace = paced(delay=0.5, concurrency=3)
        answer(pace, status, after=after)
        assert pace.paused(HOST) == pytest.approx(seconds)
        assert not pace.room(HOST)
        assert pace.room("other.example")
        began = now()
        async with pace.turn(HOST):
            assert now() - began == pytest.approx(seconds)

    run(main())


def test_refusals_without_a_time_pause_longer_each_time_and_successes_end_that() -> None:
    async def main() -> None:
        pace = paced(delay=0.5)
        pauses, delays = [], []
        for _ in range(12):
            answer(pace, 429)
            pauses.append(pace.paused(HOST))
            delays.append(pace.delay(HOST))
            await asyncio.sleep(pauses[-1])
        assert pauses[:4] == pytest.approx([15, 30, 60, 120])
        assert pauses[-1] == LONGEST_PAUSE
        assert delays == sorted(delays)
        assert 1.0 <= delays[0] < delays[-1] == 30.0
        for _ in range(70):
            answer(pace)
        assert pace.delay(HOST) == 0.5
        answer(pace, 429)
        assert pace.paused(HOST) == pytest.approx(15)

    run(main())


def test_a_few_successes_between_refusals_are_no_recovery() -> None:
    async def main() -> None:
        pace = paced(delay=0.5)
        pauses = []
        for _ in range(5):
            answer(pace, 503)
            pauses.append(pace.paused(HOST))
            await asyncio.sleep(pauses[-1])
            for _ in range(5):
                answer(pace)
        assert pauses == pytest.approx([15, 30, 60, 120, 240])

    run(main())


def test_refusals_of_turns_under_way_count_once_but_may_ask_for_longer() -> None:
    async def main() -> None:
        pace = paced(concurrency=8)
        for _ in range(8):
            answer(pace, 429)
        assert pace.paused(HOST) == pytest.approx(15)
        answer(pace, 429, after="100")
        assert pace.paused(HOST) == pytest.approx(100)
        answer(pace, 429, after="5")
        assert pace.paused(HOST) == pytest.approx(100)

    run(main())


def test_a_turn_that_waits_already_sees_the_pause() -> None:
    async def main() -> float:
        pace = paced(delay=1.0, concurrency=2)
        async with pace.turn(HOST):
            pass
        began = now()

        async def second() -> float:
            async with pace.turn(HOST):
                return now() - began

        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.5)
        answer(pace, 503, after="60")
        return await waiting

    assert run(main()) == pytest.approx(60.5)


def test_failed_connections_back_off_and_any_answer_ends_that() -> None:
    async def main() -> None:
        pace = paced(concurrency=4)
        pauses = []
        for _ in range(12):
            pace.failed(HOST)
            pace.failed(HOST)  # the other turns of the same moment
            pauses.append(pace.paused(HOST))
            await asyncio.sleep(pauses[-1])
        assert pauses[:5] == pytest.approx([1, 2, 4, 8, 16])
        assert pauses[-1] == LONGEST_RECONNECT
        answer(pace, 404)
        pace.failed(HOST)
        assert pace.paused(HOST) == pytest.approx(1)

    run(main())


@given(
    st.text() | st.from_regex(r"(Mon|Sun), [0-9]{1,6} (Jan|Dec) [0-9]{1,6} [0-9:]{8} (GMT|[+-][0-9]{1,9})")
)
def test_any_retry_after_gives_seconds_or_nothing(text: str) -> None:
    seconds = seconds_to_wait(text, NOW)
    assert seconds is None or seconds > 0


def test_several_connections_are_spread_over_the_latency() -> None:
    delays = {}
    for places, latency in ((1, 0.05), (8, 0.05), (8, 0.001)):
        pace = Pace(delay=0, concurrency=places)
        for _ in range(20):
            pace.answered("a.example", latency, 200, None, datetime(2026, 1, 1, tzinfo=UTC))
        delays[places, latency] = pace.delay("a.example")
    assert delays[1, 0.05] == delays[8, 0.001] == 0
    assert 0 < delays[8, 0.05] < 0.05 / 8, "a gap wider than this would cost throughput"
