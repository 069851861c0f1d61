"""Dates as forums write them, in English and French, read into ISO 8601.

date("Hier, 14:05", at) → "2026-11-21T14:05:00"        no zone known: none is written
date("Today at 02:05:11 PM", at, zone("All times are UTC+01:00")) → "2026-11-22T14:05:11+01:00"
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from datetime import date as Day
from functools import lru_cache

_MONTHS = (
    *("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    *("janv", "fev", "mars", "avr", "mai", "juin", "juil", "aou", "sept", "octo", "nove", "dece"),
)
_WEEKDAYS = (
    *("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    *("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
)
_UNITS = {
    **dict.fromkeys(("s", "sec", "second", "seconds", "seconde", "secondes"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours", "heure", "heures"), 3_600),
    **dict.fromkeys(("d", "day", "days", "jour", "jours"), 86_400),
    **dict.fromkeys(("week", "weeks", "semaine", "semaines"), 604_800),
}
_TODAY = re.compile(r"\b(?:today|aujourd.?hui)\b")
_YESTERDAY = re.compile(r"\b(?:yesterday|hier)\b")
_NOW = re.compile(r"\b(?:just now|moments? ago|moins d.une minute|less than a minute|a l.instant)\b")
_AGO = re.compile(r"\b(\d+|an?|une?)\s+([a-z]+)\s+ago\b|\bil y a\s+(\d+|une?)\s+([a-z]+)")
_CLOCK = re.compile(
    r"(?<![\d:])(\d{1,2})(?:\s*[:h]\s*|\s+heures?\s+)(\d{2})(?:\s*:\s*(\d{2}))?(?!\d)\s*([ap])?(?(4)\.?\s?m\b)"
    r"|(?<![\d:])(\d{1,2})\s*([ap])\.?\s?m\b"
)
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)[t ](\d\d):(\d\d)(?::(\d\d))?(?:\.\d+)?\s*(z|[+-]\d\d:?\d\d)?\b")
_NAMED = re.compile(
    r"\b(?:(\d{1,2})(?:st|nd|rd|th|er)?[\s.-]+([a-z]{3,9})\.?|([a-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th|er)?)"
    r"[\s,.-]+(\d{4})\b"
)
_YEAR_FIRST = re.compile(r"\b(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})\b")
_YEAR_LAST = re.compile(r"\b(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})\b")
_WEEKDAY = re.compile(rf"\b({'|'.join(_WEEKDAYS)})\b")
_ZONE = re.compile(r"\b(?:utc|gmt)\b(?:\s*([+-])\s*(\d{1,2})(?:[:.](\d{2}))?)?(?!\d)")
_SUMMER = re.compile(r"\[ ?(?:dst|heure d.ete) ?\]|\b(?:daylight saving|heure d.ete)")


def date(text: str, at: datetime, zone: timedelta | None = None, *, day_first: bool | None = None) -> str:
    """The first moment named in a text, as ISO 8601 to the second, or to the day when it names no time.

    at: when the page was fetched (aware); "today" and "yesterday" are taken from it, in `zone`, else in UTC.
    zone: offset of the board's times from UTC, see `zone`; without one the result has no offset, except for
    "5 minutes ago", which `at` alone tells. day_first: how to read 03-04-2021; None: "" unless it can be read
    in one way only. "" when no date can be read. Never raises.
    """
    plain = _plain(text)
    try:
        if exact := _ISO.search(plain):
            return _iso(exact, zone)
        if moment := _ago(plain, at):
            return moment.isoformat(timespec="seconds")
        found = _day(plain, at.astimezone(_zone(zone)).date(), day_first)
        if found is None:
            return ""
        day, rest = found
        clock = _clock(rest)
        if clock is None:
            return day.isoformat()
        return _written(datetime(day.year, day.month, day.day, *clock, tzinfo=_zone(zone)), zone)
    except (ValueError, OverflowError):
        return ""


def zone(text: str) -> timedelta | None:
    """The offset from UTC that a board's foot tells ("All times are UTC - 5 hours [ DST ]"), None if none."""
    plain = _plain(text)
    found = _ZONE.search(plain)
    if found is None:
        return None
    offset = timedelta(hours=int(found[2] or 0), minutes=int(found[3] or 0))
    if offset > timedelta(hours=14):
        return None
    return (-offset if found[1] == "-" else offset) + timedelta(hours=bool(_SUMMER.search(plain)))


@lru_cache(maxsize=1024)
def _plain(text: str) -> str:
    """Lower case, no accents, one space for any white space, a plain minus."""
    bare = unicodedata.normalize("NFKD", text.lower()).replace("\u2212", "-").replace("\u2013", "-")
    return " ".join("".join(c for c in bare if not unicodedata.combining(c)).split())


def _zone(offset: timedelta | None) -> timezone:
    return timezone(offset) if offset else UTC


def _written(moment: datetime, zone: timedelta | None) -> str:
    return moment.isoformat() if zone is not None else moment.replace(tzinfo=None).isoformat()


def _iso(found: re.Match[str], zone: timedelta | None) -> str:
    year, month, day, hour, minute, second = (int(group or 0) for group in found.groups()[:6])
    moment = datetime(year, month, day, hour, minute, second, tzinfo=_zone(zone))
    if given := found[7]:
        plain = moment.replace(tzinfo=None).isoformat()
        return datetime.fromisoformat(plain + given.upper()).isoformat()
    return _written(moment, zone)


def _ago(text: str, at: datetime) -> datetime | None:
    if _NOW.search(text):
        return at.astimezone(UTC)
    found = _AGO.search(text)
    if found is None:
        return None
    number, unit = found[1] or found[3], found[2] or found[4]
    seconds = _UNITS.get(unit)
    if seconds is None:
        return None
    return at.astimezone(UTC) - timedelta(seconds=seconds * (int(number) if number.isdigit() else 1))


def _day(text: str, today: Day, day_first: bool | None) -> tuple[Day, str] | None:
    """The day named, and the text behind it (all of it if the time stands before)."""
    for pattern, back in ((_TODAY, 0), (_YESTERDAY, 1)):
        if found := pattern.search(text):
            return today - timedelta(days=back), text[found.end() :]
    for found in _NAMED.finditer(text):
        month = _month(found[2] or found[3])
        if month:
            return Day(int(found[5]), month, int(found[1] or found[4])), _around(text, found)
    if found := _YEAR_FIRST.search(text):
        return Day(int(found[1]), int(found[2]), int(found[3])), _around(text, found)
    if found := _YEAR_LAST.search(text):
        one, two, year = int(found[1]), int(found[2]), int(found[3])
        if day_first is None and one != two and max(one, two) <= 12:
            return None
        first = day_first if day_first is not None and max(one, two) <= 12 else one > 12 or one == two
        day, month = (one, two) if first else (two, one)
        return Day(year + 2000 if year < 100 else year, month, day), _around(text, found)
    if found := _WEEKDAY.search(text):
        back = (today.weekday() - _WEEKDAYS.index(found[1]) % 7) % 7
        return today - timedelta(days=back or 7), text[found.end() :]
    return None


def _around(text: str, found: re.Match[str]) -> str:
    after = text[found.end() :]
    return after if _clock(after) else text[: found.start()]


def _month(name: str) -> int | None:
    for length in (4, 3):
        if name[:length] in _MONTHS:
            return _MONTHS.index(name[:length]) % 12 + 1
    return None


def _clock(text: str) -> tuple[int, int, int] | None:
    found = _CLOCK.search(text)
    if found is None:
        return None
    hour, minute, second = int(found[1] or found[5]), int(found[2] or 0), int(found[3] or 0)
    half = found[4] or found[6]
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    return hour, minute, second
