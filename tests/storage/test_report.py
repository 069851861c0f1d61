"""What a person and a script get to read."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.errors import BROKEN, BUG, BrokenData, Failure
from storage.report import Report, Size, Span, clean, failure_text, progress_line, shown, size, span

AT = datetime(2026, 11, 22, 3, 15, tzinfo=UTC)


@dataclass
class Screen:
    """A report with its two streams and a clock that stands until it is moved."""

    as_json: bool = False
    width: int | None = None
    coding: str = "utf-8"

    def __post_init__(self) -> None:
        self.time = AT
        self.bytes = [io.BytesIO(), io.BytesIO()]
        out, err = (io.TextIOWrapper(raw, encoding=self.coding, newline="") for raw in self.bytes)
        self.report = Report(
            "push", out=out, err=err, now=lambda: self.time, as_json=self.as_json, width=self.width
        )

    @property
    def out(self) -> str:
        return self.bytes[0].getvalue().decode(self.coding)

    @property
    def err(self) -> str:
        return self.bytes[1].getvalue().decode(self.coding)


@dataclass
class Going:
    fetched: int = 100
    done: int = 1234
    known: int = 5678
    bytes: int = 123_456_789
    gaps: int = 2
    delay: float = 0.5
    paused: float = 0.0
    seconds: float = 50.0


FAILURE = BrokenData(
    "forum/20260131T030000Z is NOT yet safe offsite",
    what='"garage" refused 3 of 41 files: AccessDenied on PutObject',
    where="s3://our-mirror/forum/warcs/forum-20260131T030000Z-00007.warc.gz",
    kept="the local snapshot is sealed and verified; 38 files are already offsite",
    next=("jukni push forum --to garage", "jukni doctor"),
)

AS_IN_THE_DESIGN = """\
jukni push: forum/20260131T030000Z is NOT yet safe offsite
  what   "garage" refused 3 of 41 files: AccessDenied on PutObject
  where  s3://our-mirror/forum/warcs/forum-20260131T030000Z-00007.warc.gz
  kept   the local snapshot is sealed and verified; 38 files are already offsite
  next   run:
           jukni push forum --to garage
           jukni doctor
"""


def test_a_failure_reads_as_designed() -> None:
    screen = Screen()
    assert screen.report.failure(FAILURE) == BROKEN
    assert screen.err == AS_IN_THE_DESIGN and screen.out == ""


def test_a_failure_in_json_has_the_same_words() -> None:
    screen = Screen(as_json=True)
    screen.report.failure(FAILURE)
    found = json.loads(screen.out)
    for word in ("risk", "what", "where", "kept"):
        assert found[word] == getattr(FAILURE, word)
    assert found["next"] == list(FAILURE.next) and found["exit"] == BROKEN and found["verb"] == "push"
    assert screen.err == AS_IN_THE_DESIGN


def test_lines_that_are_empty_are_left_out_and_long_ones_are_indented() -> None:
    assert failure_text("list", Failure("no")) == "jukni list: no"
    assert failure_text("list", Failure("no", what="a\nb")) == "jukni list: no\n  what   a\n         b"


def test_a_bug_says_so() -> None:
    screen = Screen()
    try:
        raise KeyError("http://me:secret@host/")
    except KeyError as error:
        assert screen.report.bug(error) == BUG
    assert "Traceback" in screen.err and "bug in Jukni" in screen.err and "secret" not in screen.err


WORDS = {
    "snapshot": "forum/20261122T031500Z",
    "sealed": AT,
    "bytes": Size(1_234_567_890),
    "took": Span(11_100),
    "captures": 12_345,
    "label": None,
    "safe": True,
    "seeds": ["http://a/", "http://b/"],
}


def test_a_result_in_text() -> None:
    screen = Screen()
    screen.report.result("Sealed", WORDS)
    assert screen.err == ""
    assert screen.out == (
        "Sealed\n"
        "  snapshot  forum/20261122T031500Z\n"
        "  sealed    2026-11-22 03:15:00 UTC\n"
        "  bytes     1.2 GB\n"
        "  took      3 h 05 min\n"
        "  captures  12,345\n"
        "  label     -\n"
        "  safe      yes\n"
        "  seeds     http://a/\n"
        "            http://b/\n"
    )


def test_a_result_in_json() -> None:
    screen = Screen(as_json=True)
    screen.report.result("Sealed", WORDS)
    found = json.loads(screen.out)
    assert found == {**WORDS, "sealed": "2026-11-22T03:15:00Z", "took": 11_100.0}
    assert list(found) == list(WORDS)


def test_a_table() -> None:
    columns, rows = ["site", "captures", "label"], [["forum", 12_345, "été"], ["wiki", 7, None]]
    screen = Screen()
    screen.report.table(columns, rows)
    assert screen.out == "site   captures  label\nforum    12,345  été\nwiki          7  -\n"
    screen = Screen(as_json=True)
    screen.report.table(columns, rows)
    assert json.loads(screen.out) == [dict(zip(columns, row, strict=True)) for row in rows]
    screen = Screen()
    screen.report.table(columns, [])
    assert screen.out == "site  captures  label\n"


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        "https://me:s3cret@example.org/a",
        "see ftp://s3cret@host and go",
        "http://u:p@s3cret@host:80/x@y",
        "https://b/x?X-Amz-Signature=s3cret&a=1",
    ],
)
def test_no_secret_gets_out(text: str, as_json: bool) -> None:
    screen = Screen(as_json=as_json)
    screen.report.say(text)
    screen.report.result(text, {"where": text, "all": [{"x": text}], "path": Path(text)})
    screen.report.failure(Failure(text, what=text, where=text, kept=text, next=[text]))
    assert "s3cret" not in screen.out + screen.err
    assert "example.org" in screen.err or "example.org" not in text


def test_addresses_without_secrets_stay() -> None:
    for text in ("http://host/a@b", "http://host?mail=a@b", "me@example.org", "s3://bucket/forum/"):
        assert clean(text) == text


def test_a_title_cannot_drive_the_terminal() -> None:
    screen = Screen()
    screen.report.table(["title"], [["\x1b[2Jhi\r\u202eevil\udcff"]])
    assert screen.out == "title\n\\x1b[2Jhi\\r\\u202eevil\\udcff\n"


def test_a_terminal_that_knows_only_ascii() -> None:
    screen = Screen(coding="ascii")
    screen.report.say("été · 日本")
    assert screen.err == "\\xe9t\\xe9 \\xb7 \\u65e5\\u672c\n"


def test_the_progress_line() -> None:
    assert progress_line(Going(), 5400.0) == (
        "1,234 of 5,678 known · 2.0/s · 123 MB · 2 gaps · delay 0.5 s · 1 h 30 min left"
    )
    assert progress_line(Going(gaps=1, paused=40, seconds=0), None) == (
        "1,234 of 5,678 known · 0.0/s · 123 MB · 1 gap · paused for 40 s"
    )


def test_progress_on_a_terminal() -> None:
    screen = Screen(width=20)
    screen.report.progress(Going())
    screen.report.progress(Going(done=1))
    screen.time += timedelta(seconds=1)
    screen.report.progress(Going(done=2))
    screen.report.say("talk")
    screen.report.done()
    clear = "\r\x1b[K"
    assert screen.err == f"{clear}1,234 of 5,678 know{clear}2 of 5,678 known · {clear}talk\n"


def test_progress_in_a_log() -> None:
    screen = Screen()
    for _ in range(100):
        screen.report.progress(Going())
        screen.time += timedelta(seconds=1)
    assert [line[:22] for line in screen.err.splitlines()] == [
        f"03:{minute} UTC  1,234 of" for minute in ("15:00", "15:30", "16:00", "16:30")
    ]


def test_a_clock_that_jumps_back_does_not_silence_it() -> None:
    screen = Screen()
    screen.report.progress(Going())
    screen.time -= timedelta(days=1)
    screen.report.progress(Going())
    assert len(screen.err.splitlines()) == 2


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (99_960, "100 kB"),
        (999_600, "1.0 MB"),
        (5 * 10**15, "5000 TB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text == shown(Size(count))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.26, "0.3 s"),
        (12.4, "12 s"),
        (119.4, "119 s"),
        (3599, "1 h 00 min"),
        (172_801, "2 d 0 h"),
        (600, "10 min"),
    ],
)
def test_spans(seconds: float, text: str) -> None:
    assert span(seconds) == text == shown(Span(seconds))
