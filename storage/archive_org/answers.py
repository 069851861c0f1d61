"""What Save Page Now says, put into a few kinds; pure.

Source: "Save Page Now 2 Public API Docs Draft", 2025-10-22, and what other clients have met.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

Kind = Literal[
    "taken",  # a job was begun: `job`, and `wait` seconds until it starts
    "pending",  # the job is not done
    "done",  # they say that there is a capture: `timestamp`, `original`
    "later",  # not this time; the same URL may be asked again
    "tomorrow",  # not today: this URL, or its host (`whole` "host")
    "never",  # this URL will not be captured
    "pause",  # everything has to wait: `wait` seconds, 0 when not said
    "enough",  # nothing more today for this account
    "keys",  # the keys are not taken
    "blocked",  # this machine is not welcome
    "unsure",  # it may or may not have been taken
    "down",  # surely not taken, and not because of the URL
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP answer. headers: names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer about one URL. why: their words, one line, at most 200 letters."""

    kind: Kind
    why: str = ""
    job: str = ""
    wait: float = 0.0
    timestamp: str = ""
    original: str = ""
    host: bool = False


_LATER = """
    service-unavailable cannot-fetch no-browsers-available celery proxy-error internal-server-error
    job-failed browsing-timeout soft-time-limit-exceeded read-timeout protocol-error gateway-timeout
    bad-gateway capture-location-error no-captures
""".split()  # noqa: SIM905  a list to read
_NEVER = """
    blocked-url blocked invalid-url-syntax invalid-url invalid-host-resolution invalid-server-response
    not-found no-access unauthorized bad-request filesize-limit too-many-redirects ftp-access-denied
    method-not-allowed not-implemented http-version-not-supported network-authentication-required
    bandwidth-limit-exceeded
""".split()  # noqa: SIM905  a list to read
_CODES: Mapping[str, tuple[Kind, bool]] = {
    "too-many-requests": ("pause", False),
    "user-session-limit": ("pause", False),
    "too-many-daily-captures": ("tomorrow", False),
    "too-many-daily-captures-host": ("tomorrow", True),
    "max-daily-bandwidth-host": ("tomorrow", True),
    "max-daily-bandwidth": ("enough", False),
    "max-daily-bandwidth-from-ip": ("enough", False),
    "blocked-client-ip": ("blocked", False),
}
_MESSAGES: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (re.compile(r"reached your daily|cannot make more than [\d,.]+ captures per day", re.I), "enough"),
    (re.compile(r"need to be logged in", re.I), "keys"),
    (re.compile(r"already reached the limit|Cannot start capture", re.I), "pause"),
    (re.compile(r"Crawling this host is paused|unable to complete your request", re.I), "later"),
    (re.compile(r"same snapshot had been made", re.I), "unsure"),
)
_DELAY = re.compile(r"capture will start in ~?\s*(.{1,60}?)\s*(?:because|$)", re.I)
_AMOUNT = re.compile(r"(\d+)\s*(second|minute|hour|day)", re.I)
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_TAG = re.compile(r"<[^>]*>")


def asked(reply: Reply, now: datetime) -> Answer:
    """The answer to POST /save."""
    plain = _json(reply.body)
    why = _why(reply, plain)
    if reply.status == 429:
        return Answer(kind="pause", why=why, wait=retry_after(reply.headers.get("retry-after", ""), now))
    if isinstance(plain, dict):
        job = plain.get("job_id")
        if 200 <= reply.status < 300 and isinstance(job, str) and re.fullmatch(r"[\w.-]{1,200}", job):
            return Answer(kind="taken", why=why, job=job, wait=_delay(why))
        if plain.get("status_ext") or plain.get("message"):
            said = _said(plain, why)
            if not (said.kind == "later" and reply.status in (401, 403)):
                return said
    if reply.status in (401, 403):
        return Answer(kind="keys", why=why)
    if reply.status == 400:
        return Answer(kind="later", why=why)
    if 300 <= reply.status < 500:
        return Answer(kind="down", why=why)
    # An empty body, a page where JSON should be, 502, 520, 523: captures were made behind all of them.
    return Answer(kind="unsure", why=why)


def job(reply: Reply) -> Answer:
    """The answer to GET /save/status/JOB. Forgotten jobs and answers not understood are `unsure`."""
    plain = _json(reply.body)
    why = _why(reply, plain)
    if reply.status == 429 or reply.status >= 500:
        return Answer(kind="pending", why=why)
    if reply.status in (401, 403):
        return Answer(kind="keys", why=why)
    if reply.status != 200 or not isinstance(plain, dict):
        return Answer(kind="unsure", why=why)
    timestamp, original = plain.get("timestamp"), plain.get("original_url")
    match plain.get("status"):
        case "pending":
            return Answer(kind="pending", why=why)
        case "success" if isinstance(timestamp, str) and re.fullmatch(r"\d{14}", timestamp):
            address = original if isinstance(original, str) else ""
            return Answer(kind="done", timestamp=timestamp, original=address)
        case "error":
            said = _said(plain, why)
            # A limit met by a job that already ran says nothing about the next one.
            return Answer(kind="later", why=why) if said.kind == "pause" else said
        case _:
            return Answer(kind="unsure", why=why)


@dataclass(frozen=True, slots=True)
class User:
    """What the account may do. available: jobs that may be begun; left: captures today, None: not said."""

    available: int
    left: int | None


def user(reply: Reply) -> User | Answer:
    """The answer to GET /save/status/user; an Answer (keys, pause or down) when it is none."""
    plain = _json(reply.body)
    why = _why(reply, plain)
    if reply.status in (401, 403):
        return Answer(kind="keys", why=why)
    if reply.status == 429:
        return Answer(kind="pause", why=why)
    if reply.status != 200 or not isinstance(plain, dict):
        return Answer(kind="down", why=why)
    names = ("available", "daily_captures", "daily_captures_limit")
    available, made, limit = (_whole(plain.get(name)) for name in names)
    if available is None:
        return Answer(kind="down", why=why)
    return User(max(0, available), None if made is None or limit is None else max(0, limit - made))


def system(reply: Reply) -> str:
    """The answer to GET /save/status/system: "" when all is well there, else their words."""
    plain = _json(reply.body)
    if reply.status == 200 and isinstance(plain, dict) and plain.get("status") == "ok":
        return ""
    if isinstance(plain, dict) and isinstance(plain.get("status"), str):
        return _line(plain["status"])
    return _why(reply, plain)


def retry_after(value: str, now: datetime) -> float:
    """Seconds that a Retry-After header asks for, as a number or a date; 0 when it says nothing usable."""
    if value.strip().isdigit():
        return float(min(int(value), 7 * 86400))
    try:
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    except (TypeError, ValueError):
        return 0.0


def _said(plain: Mapping[str, Any], why: str) -> Answer:
    """An error of theirs: by its code, else by its words, else it may be tried later."""
    code = str(plain.get("status_ext") or "").removeprefix("error:")
    if code in _CODES:
        kind, host = _CODES[code]
        return Answer(kind=kind, why=why, host=host)
    if code in _NEVER:
        return Answer(kind="never", why=why)
    if code not in _LATER:
        for pattern, kind in _MESSAGES:
            if pattern.search(str(plain.get("message") or "")):
                return Answer(kind=kind, why=why)
    return Answer(kind="later", why=why)


def _delay(text: str) -> float:
    found = _DELAY.search(text)
    if found is None:
        return 0.0
    return float(sum(int(n) * _SECONDS[unit.lower()] for n, unit in _AMOUNT.findall(found[1])))


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _why(reply: Reply, plain: Any) -> str:
    if isinstance(plain, dict):
        code, message = plain.get("status_ext"), plain.get("message")
        words = [word for word in (code, message) if isinstance(word, str) and word]
        if words:
            return _line(": ".join(words))
        return "" if 200 <= reply.status < 300 else f"HTTP {reply.status}"
    text = _line(_TAG.sub(" ", reply.body[:2000].decode("utf-8", "replace")))
    return f"HTTP {reply.status}" + (f": {text}" if text else ", with nothing in it")


def _line(text: str) -> str:
    return " ".join(text.split())[:200]


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
