"""What Save Page Now says: every documented word, and what is no word at all."""

from __future__ import annotations

import json
import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.archive_org.answers import Reply, User, asked, job, retry_after, system, user

NOW = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
LATER = """service-unavailable cannot-fetch no-browsers-available celery proxy-error internal-server-error
job-failed browsing-timeout soft-time-limit-exceeded read-timeout protocol-error gateway-timeout bad-gateway
capture-location-error no-captures a-code-of-next-year"""
NEVER = """blocked-url blocked invalid-url-syntax invalid-url invalid-host-resolution invalid-server-response
not-found no-access unauthorized bad-request filesize-limit too-many-redirects ftp-access-denied
method-not-allowed not-implemented http-version-not-supported network-authentication-required
bandwidth-limit-exceeded"""
OF_ALL = {
    "too-many-requests": "pause",
    "user-session-limit": "pause",
    "too-many-daily-captures": "tomorrow",
    "too-many-daily-captures-host": "tomorrow",
    "max-daily-bandwidth-host": "tomorrow",
    "max-daily-bandwidth": "enough",
    "max-daily-bandwidth-from-ip": "enough",
    "blocked-client-ip": "blocked",
}
CODES = {
    **dict.fromkeys(LATER.split(), "later"),
    **dict.fromkeys(NEVER.split(), "never"),
    **OF_ALL,
}


def reply(body: object, status: int = 200, **headers: str) -> Reply:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, headers=named, body=data)


@pytest.mark.parametrize(("code", "kind"), CODES.items())
@pytest.mark.parametrize("before", ["error:", ""])
def test_every_code(code: str, kind: str, before: str) -> None:
    plain = {"status": "error", "status_ext": before + code, "message": "…", "job_id": None}
    answer = asked(reply(plain), NOW)
    assert answer.kind == kind and code in answer.why
    assert answer.host == code.endswith("-host")
    # A limit that a job met says nothing about the next one.
    assert job(reply(plain)).kind == ("later" if kind == "pause" else kind)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("You have already reached the limit of active Save Page Now sessions.", "pause"),
        ("Cannot start capture", "pause"),
        ("The server encountered an internal error and was unable to complete your request", "later"),
        ("Crawling this host is paused for 60 seconds", "later"),
        ("You have reached your daily not-logged-in captures limit of 200", "enough"),
        ("You cannot make more than 30,000 captures per day", "enough"),
        ("You need to be logged in to use Save Page Now.", "keys"),
        ("The same snapshot had been made 4 minutes ago.", "unsure"),
        ("Something that nobody has written down", "later"),
    ],
)
def test_every_message(message: str, kind: str) -> None:
    assert asked(reply({"message": message}), NOW).kind == kind
    assert asked(reply({"message": message}, status=401), NOW).kind == ("keys" if kind == "later" else kind)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply(b""), "unsure"),
        (reply(b"<html>maintenance</html>"), "unsure"),
        (reply(b"[]"), "unsure"),
        (reply({}), "unsure"),
        (reply({"job_id": 7}), "unsure"),
        (reply({"job_id": "../user"}), "unsure"),
        (reply({"job_id": "spn2-1"}, status=502), "unsure"),
        (reply(b"", status=502), "unsure"),
        (reply(b"", status=520), "unsure"),
        (reply(b"", status=523), "unsure"),
        (reply(b"<h1>400 Bad Request</h1>", status=400), "later"),
        (reply(b"", status=401), "keys"),
        (reply(b"", status=403), "keys"),
        (reply(b"", status=302), "down"),
        (reply(b"", status=404), "down"),
        (reply(b"<h1>429</h1>", status=429), "pause"),
        (reply({"status_ext": "error:service-unavailable"}, status=503), "later"),
    ],
)
def test_what_is_no_plain_word(answer: Reply, kind: str) -> None:
    assert asked(answer, NOW).kind == kind


def test_a_job_is_taken_whatever_else_is_said() -> None:
    taken = asked(reply({"url": "https://a/", "job_id": "spn2-4f"}), NOW)
    assert (taken.kind, taken.job, taken.wait) == ("taken", "spn2-4f", 0)
    text = "The capture will start in ~3 hours, 40 minutes because our service is currently overloaded."
    assert asked(reply({"job_id": "a", "message": text}), NOW).wait == 3 * 3600 + 40 * 60
    text = "The same snapshot had been made 4 minutes ago. You can make new capture of this URL after 1 hour."
    recent = asked(reply({"job_id": "a", "message": text}), NOW)
    assert (recent.kind, recent.wait) == ("taken", 0)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("90", 90),
        ("Sun, 22 Nov 2026 02:35:00 GMT", 300),
        ("Sun, 22 Nov 2026 02:00:00 GMT", 0),
        ("soon", 0),
        ("", 0),
        ("-5", 0),
        ("99999999999", 7 * 86400),
    ],
)
def test_retry_after(value: str, seconds: float) -> None:
    assert retry_after(value, NOW) == seconds
    assert asked(reply(b"", status=429, retry_after=value), NOW).wait == seconds


def test_jobs() -> None:
    assert job(reply({"status": "pending", "job_id": "a", "resources": []})).kind == "pending"
    done = job(reply({"status": "success", "timestamp": "20261122023000", "original_url": "https://a/"}))
    assert (done.kind, done.timestamp, done.original) == ("done", "20261122023000", "https://a/")
    assert job(reply({"status": "success", "timestamp": "yesterday"})).kind == "unsure"
    assert job(reply({"status": None})).kind == "unsure"
    assert job(reply({"status": "error", "message": "no such job"}, status=404)).kind == "unsure"
    assert job(reply(b"", status=502)).kind == "pending"
    assert job(reply(b"", status=429)).kind == "pending"
    assert job(reply(b"<html>")).kind == "unsure"
    assert job(reply(b"", status=401)).kind == "keys"


def test_the_account() -> None:
    assert user(reply({"available": 12, "processing": 3})) == User(12, None)
    both = {"available": 3, "daily_captures": 10199, "daily_captures_limit": 10000}
    assert user(reply(both)) == User(3, 0)
    assert user(reply({**both, "daily_captures": 9000})) == User(3, 1000)
    nothing: tuple[object, ...] = ({}, {"available": True}, {"available": "3"}, [])
    for bad in nothing:
        found = user(reply(bad))
        assert not isinstance(found, User) and found.kind == "down"


def test_the_service() -> None:
    assert system(reply({"status": "ok"})) == ""
    assert system(reply({"status": "overloaded\nnow"})) == "overloaded now"
    assert system(reply(b"<h1>502 Bad Gateway</h1>", status=502)) == "HTTP 502: 502 Bad Gateway"


@given(st.binary(max_size=200), st.integers(100, 599), st.text(string.printable, max_size=20))
def test_no_answer_is_beyond_us(body: bytes, status: int, header: str) -> None:
    """Whatever comes, it is one of the kinds, in one short line, and only JSON makes a job of it."""
    answer = Reply(status=status, headers={"retry-after": header}, body=body)
    for found in (asked(answer, NOW), job(answer)):
        assert found.kind not in ("taken", "done")
        assert "\n" not in found.why and len(found.why) <= 220
    system(answer)
    assert not isinstance(user(answer), User)
