"""What an exchange means for its URL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from crawler.visit import decide
from storage.exchange import Exchange, Head, Truncated


class Empty:
    size = 0

    def chunks(self, size: int = 1) -> Iterator[bytes]:
        return iter(())

    def close(self) -> None:
        pass


def exchange(status: int | None, truncated: Truncated | None = None) -> Exchange:
    head = None if status is None else Head(status, "HTTP/1.1", b"", (), 10)
    return Exchange(
        url="http://a.example/",
        began=datetime(2026, 1, 1, tzinfo=UTC),
        request=b"",
        response=Empty(),
        head=head,
        truncated=truncated,
        why="because",
    )


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "captured"),
        (204, "captured"),
        (299, "captured"),
        (301, "redirect"),
        (307, "redirect"),
        (401, "denied"),
        (403, "denied"),
        (404, "missing"),
        (410, "missing"),
    ],
)
def test_an_answer_is_kept_and_final(status: int, outcome: str) -> None:
    found = decide(exchange(status), 1, 4, 30)
    assert (found.keep, found.again, found.outcome) == (True, False, outcome)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_never_recorded_as_the_page(status: int) -> None:
    for attempt in range(1, 13):
        found = decide(exchange(status), attempt, 4, 30)
        assert not found.keep
        assert found.again == (attempt < 12)
        assert found.outcome == "failed"


@pytest.mark.parametrize(
    ("status", "truncated"), [(500, None), (502, None), (200, "disconnect"), (200, "time")]
)
def test_a_failure_is_tried_again_and_kept_only_at_last(status: int, truncated: Truncated | None) -> None:
    waits = []
    for attempt in (1, 2, 3):
        found = decide(exchange(status, truncated), attempt, 4, 30)
        assert (found.keep, found.again, found.outcome) == (False, True, "failed")
        waits.append(found.wait)
    assert waits == [30, 60, 120]
    last = decide(exchange(status, truncated), 4, 4, 30)
    assert (last.keep, last.again, last.outcome) == (True, False, "failed")
    assert last.why


def test_garbage_is_never_a_capture() -> None:
    assert not decide(exchange(None), 4, 4, 30).keep
    assert decide(exchange(None), 1, 4, 30).again
    assert not decide(exchange(None), 4, 4, 30).again


def test_our_own_limit_is_final_and_a_gap() -> None:
    found = decide(exchange(200, "length"), 1, 4, 30)
    assert (found.keep, found.again, found.outcome) == (True, False, "failed")


def test_304_counts_only_when_it_was_asked_for() -> None:
    assert decide(exchange(304), 1, 4, 30, conditional=True).outcome == "captured"
    assert decide(exchange(304), 1, 4, 30).outcome == "failed"
    assert not decide(exchange(304), 1, 4, 30).keep
