"""The breaker for endless calendars and parameters: notices when pages of one pattern bring nothing new.

A page is reduced to its lines of text without words that hold digits (dates, counters, ids, tokens), its
pictures and the files it links to. Addresses alike but for digits and values of parameters share a pattern;
a pattern whose last pages hold only what earlier ones held is endless.
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

# Parameters that say what a page is, rather than which: their words belong to the pattern.
_SWITCHES = frozenset(
    (
        *(
            "action",
            "do",
            "mode",
            "view",
            "act",
            "op",
            "page",
            "sa",
            "area",
            "task",
            "option",
            "module",
            "route",
        ),
        *("controller", "type", "format", "app", "cmd", "section", "title"),
    )
)
# History is long, dull and finite: each page hardly differs from the next, and each is wanted.
_HISTORY = frozenset(("rev", "oldid"))

_WORD = re.compile(r"[A-Za-z_:.-]{1,30}")
_NUMBERS = re.compile(r"[0-9a-f]{16,}|[0-9]+", re.IGNORECASE)
_TEXT = re.compile(rb">\s*([^<>\s][^<>]*)")
_TAG = re.compile(rb"<((?:a|img|source|video|audio|iframe|embed)\s[^>]*)", re.IGNORECASE)
_NAMED = re.compile(rb"\b(src|href)\s*=\s*[\"']?([^\"'\s>]+)", re.IGNORECASE)
_FILE = re.compile(rb"\.(?!html?$|php\d?$|aspx?$|jsp$|cgi$)[a-z0-9]{2,4}$", re.IGNORECASE)
_TOKEN = re.compile(rb"[0-9a-f]{12,}|[0-9]{8,}", re.IGNORECASE)
_DIGIT = re.compile(rb"[0-9]")
_SEPARATOR = re.compile("[&;]")


def pattern_of(url: str) -> str:
    """What a canonical URL has in common with its like: digits become N, parameters lose their values."""
    path, _, query = url.partition("?")
    start = path.index("/", 8)
    pattern = path[:start] + _NUMBERS.sub("N", path[start:])
    keys = set()
    for parameter in _SEPARATOR.split(query) if query else ():
        key, _, value = unquote_plus(parameter).partition("=")
        if key in _SWITCHES and _WORD.fullmatch(value):
            keys.add(f"{key}={value}")
        elif key:
            keys.add(_NUMBERS.sub("N", key))
    return f"{pattern}?{'&'.join(sorted(keys))}" if keys else pattern


@dataclass(frozen=True, slots=True)
class Trip:
    """A pattern that brings nothing new. key: the parameter that varies most, None when it is the path."""

    pattern: str
    key: str | None
    reason: str

    def matches(self, url: str) -> bool:
        """Is this canonical URL one of those to be skipped?"""
        return pattern_of(url) == self.pattern


@dataclass(slots=True)
class _Record:
    """What is known of one pattern.

    history: a bit for each page looked at, the last one lowest, 1 where it brought something. resting: pages
    that need no look. old, new: two generations of what the pages held. values: of each parameter.
    guilt: how many values of a parameter were new on pages that brought nothing.
    """

    fetched: int = 0
    looked_at: int = 0
    history: int = 0
    resting: int = 0
    old: set[int] = field(default_factory=set)
    new: set[int] = field(default_factory=set)
    values: dict[str, set[int]] = field(default_factory=dict)
    guilt: Counter[str] = field(default_factory=Counter)


class Novelty:
    """Told of every page, says when a pattern should be given up. Memory is bounded by `lines`.

    fetches: pages of a pattern before anything is decided. dull: how many of the last ones must have brought
    nothing; one exception among them is allowed. lines: remembered over all patterns, about 60 bytes each.
    """

    def __init__(self, *, fetches: int = 60, dull: int = 40, lines: int = 300_000) -> None:
        self._fetches = fetches
        self._dull = dull
        self._lines = lines
        self._held = 0
        self._records: OrderedDict[str, _Record] = OrderedDict()
        self._tripped: set[str] = set()

    def seen(self, url: str, payload: bytes) -> Trip | None:
        """One fetched page, by canonical URL, decoded. A Trip once for each pattern that proves endless."""
        pattern = pattern_of(url)
        if pattern == url or pattern in self._tripped:
            return None
        record = self._records.get(pattern)
        if record is None:
            record = self._records[pattern] = _Record()
        self._records.move_to_end(pattern)
        record.fetched += 1
        varied = _note_values(record, url)
        if record.resting:
            record.resting -= 1
            return None
        held = len(record.new)
        novel = _take_new(payload, record) >= 2
        self._held += len(record.new) - held
        record.looked_at += 1
        record.history = (record.history << 1 | novel) & ((1 << self._dull) - 1)
        if not novel:
            record.guilt.update(varied)
        if novel and record.history == (1 << self._dull) - 1:
            record.resting = 15  # in good health: one page in 16 will do, until the first dull one
        self._forget(record)
        if (
            record.fetched < self._fetches
            or record.looked_at < self._dull
            or record.history.bit_count() > 1
            or not _HISTORY.isdisjoint(record.values)
        ):
            return None
        return self._trip(pattern, record)

    def _trip(self, pattern: str, record: _Record) -> Trip:
        key = max(record.guilt, key=lambda k: (record.guilt[k], k), default=None)
        self._tripped.add(pattern)
        self._drop(pattern)
        guilty = f"the parameter {key}=" if key else "its path"
        reason = f"the last {self._dull} of {record.fetched} pages like {pattern} brought nothing new"
        return Trip(pattern, key, f"{reason}; {guilty} seems endless")

    def _forget(self, record: _Record) -> None:
        if len(record.new) > 4000:
            self._held -= len(record.old)
            record.old, record.new = record.new, set()
        while self._held > self._lines and len(self._records) > 1:
            self._drop(next(iter(self._records)))

    def _drop(self, pattern: str) -> None:
        record = self._records.pop(pattern)
        self._held -= len(record.old) + len(record.new)


def _note_values(record: _Record, url: str) -> list[str]:
    """Remember the values of the parameters; the names of those that have one never met."""
    varied = []
    for parameter in _SEPARATOR.split(url.partition("?")[2]):
        key, _, value = parameter.partition("=")
        if key:
            values = record.values.setdefault(unquote_plus(key), set())
            mark = hash(value)
            if mark not in values and len(values) < 1000:
                values.add(mark)
                varied.append(unquote_plus(key))
    return varied


def _take_new(payload: bytes, record: _Record) -> int:
    """How much the page holds that its pattern did not: 1 a line of text, 2 a picture or file."""
    payload = payload[: 1 << 18]
    if b"<" not in payload[:1000]:
        return 2 * _is_new(payload, record)
    weight = 0
    body = _without(b"script", _without(b"style", payload))
    # Most lines and tags are the template's and known as they stand; only the others are worth looking at.
    for line in set(_TEXT.findall(body)):
        if _is_new(line, record):
            line = line[:300]
            if _DIGIT.search(line):
                line = b" ".join([word for word in line.split() if not _DIGIT.search(word)])
                weight += bool(line) and _is_new(line, record)
            else:
                weight += 1
    for tag in set(_TAG.findall(body)):
        if _is_new(tag, record):
            weight += _new_files(tag, record)
    return weight


def _new_files(tag: bytes, record: _Record) -> int:
    weight = 0
    for kind, name in _NAMED.findall(tag):
        path, asked, query = name.partition(b"?")
        if kind[0] in b"hH" and not _FILE.search(path):
            continue
        if _is_new(b"<" + path + asked + _TOKEN.sub(b"", query), record):
            weight += 1 if asked else 2
    return weight


def _without(name: bytes, body: bytes) -> bytes:
    """The page without what stands between <name> and </name>."""
    opening, closing = b"<" + name, b"</" + name
    if opening not in body:
        return body
    first, *others = body.split(opening)
    return first + b"".join([piece.partition(closing)[2] for piece in others])


def _is_new(piece: bytes, record: _Record) -> bool:
    mark = hash(piece)
    if mark in record.new:
        return False
    record.new.add(mark)
    return mark not in record.old
