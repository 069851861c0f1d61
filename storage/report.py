"""The one place that prints: results on stdout, talk on stderr, the same words with --json.

No secret gets out: what stands before the @ of an address is blanked, so is the signature of a signed one.
Control characters of foreign texts (titles, URLs) are shown, never sent to the terminal.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, TextIO

from storage.errors import Failure

REFRESH = 0.2  # seconds between two progress lines on a terminal
LOG_EVERY = 30.0  # seconds between two in a log
_USERINFO = re.compile(r"(:/{1,2})[^/?#\s]*@")
_SIGNATURE = re.compile(r"(?i)\b(X-Amz-(?:Signature|Credential|Security-Token))=[^&\s]+")
_CLEAR = "\r\x1b[K"


class Size(int):
    """Bytes: shown as "1.2 GB", a plain number in JSON."""


class Span(float):
    """Seconds: shown as "3 h 05 min", a plain number in JSON."""


class Progress(Protocol):
    """How far a crawl is. Counts are of the whole crawl; `fetched` and `seconds` of this run.

    bytes: of WARC. delay: seconds between two requests now. paused: seconds until the host is asked again.
    """

    @property
    def fetched(self) -> int: ...
    @property
    def done(self) -> int: ...
    @property
    def known(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def gaps(self) -> int: ...
    @property
    def delay(self) -> float: ...
    @property
    def paused(self) -> float: ...
    @property
    def seconds(self) -> float: ...


class Report:
    """What one run of `jukni VERB` has to say."""

    def __init__(
        self,
        verb: str,
        *,
        as_json: bool = False,
        out: TextIO | None = None,
        err: TextIO | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        width: int | None = None,
        program: str = "jukni",
        config: str = "",
    ) -> None:
        """out, err: this process's own when not given. width: columns of the terminal that `err` is.

        program: how a shell finds this program; config: the jukni.toml it was told to read. Both stand in the
        commands to run next.
        """
        self._verb = verb
        self._program = program
        self._config = config
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self._now = now
        self._json = as_json
        if width is None and self._err.isatty():
            width = shutil.get_terminal_size().columns
        self._width = width
        self._shown = ""
        self._last: datetime | None = None

    def result(self, title: str, words: Mapping[str, Any]) -> None:
        """One answer: its title, and below it a line for each word. In JSON an object of these words.

        The word `next` has commands.
        """
        if "next" in words:
            words = {**words, "next": _as_called(words["next"], self._program, self._config)}
        if self._json:
            self._print_json(words)
            return
        space = max((len(word) for word in words), default=0)
        lines = [f"  {word:<{space}}  {_indented(shown(value), space + 4)}" for word, value in words.items()]
        self._print("\n".join([title, *lines]))

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Rows under their column names; numbers to the right. In JSON a list of objects with those names."""
        if self._json:
            self._print_json([dict(zip(columns, row, strict=True)) for row in rows])
            return
        cells = [list(columns), *([clean(shown(value)) for value in row] for row in rows)]
        spaces = [max(len(row[at]) for row in cells) for at in range(len(columns))]
        right = [bool(rows) and all(_counts(row[at]) for row in rows) for at in range(len(columns))]
        for row in cells:
            pieces = (
                cell.rjust(space) if to_right else cell.ljust(space)
                for cell, space, to_right in zip(row, spaces, right, strict=True)
            )
            self._print("  ".join(pieces).rstrip())

    def say(self, text: str) -> None:
        """Talk: one line on stderr."""
        self._clear()
        self._write(self._err, clean(text) + "\n")
        self._err.flush()

    def progress(self, progress: Progress, left: float | None = None) -> None:
        """Show how far the crawl is; may be called very often. left: seconds left in the window."""
        now = self._now()
        pause = LOG_EVERY if self._width is None else REFRESH
        if self._last is not None and 0 <= (now - self._last).total_seconds() < pause:
            return
        self._last = now
        line = progress_line(progress, left)
        if self._width is None:
            self.say(f"{now.astimezone(UTC):%H:%M:%S} UTC  {line}")
            return
        self._shown = line[: self._width - 1]
        self._write(self._err, _CLEAR + self._shown)
        self._err.flush()

    def failure(self, failure: Failure) -> int:
        """Say what went wrong, as the design's section 6 has it; returns the exit code."""
        self.say(failure_text(self._verb, failure, self._program, self._config))
        if self._json:
            commands = _as_called(failure.next, self._program, self._config)
            words = {"risk": failure.risk, "what": failure.what, "where": failure.where, "kept": failure.kept}
            self._print_json({"verb": self._verb, **words, "next": commands, "exit": failure.exit_code})
        return failure.exit_code

    def bug(self, error: BaseException) -> int:
        """A traceback, and the word that it is our fault; returns the exit code."""
        self.say("".join(traceback.format_exception(error)).rstrip())
        return self.failure(
            Failure(
                "stopped by a bug in Jukni",
                what=f"{type(error).__name__}: {error} (the traceback is above)",
                kept="everything recorded so far; running the same command again goes on from there",
            )
        )

    def done(self) -> None:
        """Take the progress line off the terminal."""
        self._clear()

    def _clear(self) -> None:
        if self._shown:
            self._shown = ""
            self._write(self._err, _CLEAR)

    def _print(self, text: str) -> None:
        self._clear()
        self._write(self._out, clean(text) + "\n")
        self._out.flush()

    def _print_json(self, value: Any) -> None:
        self._clear()
        self._write(self._out, json.dumps(_plain(value), ensure_ascii=True) + "\n")
        self._out.flush()

    def _write(self, stream: TextIO, text: str) -> None:
        coding = stream.encoding or "utf-8"
        stream.write(text.encode(coding, "backslashreplace").decode(coding))


def failure_text(verb: str, failure: Failure, program: str = "jukni", config: str = "") -> str:
    """A failure as a person reads it at 3 am, without a line end. program, config: see `Report`."""
    lines = [f"jukni {verb}: {failure.risk}"]
    for word, text in (("what", failure.what), ("where", failure.where), ("kept", failure.kept)):
        if text:
            lines.append(f"  {word:<5}  {_indented(text, 9)}")
    if failure.next:
        lines.append("  next   run:")
        lines += [f"           {command}" for command in _as_called(failure.next, program, config)]
    return "\n".join(lines)


def _as_called(commands: Sequence[str], program: str, config: str) -> list[str]:
    """The commands; those of ours name the program as it was called, and the configuration it was given."""
    more = f" --config {shlex.quote(config)}" if config else ""
    ours = "jukni "
    return [program + one.removeprefix("jukni") + more if one.startswith(ours) else one for one in commands]


def progress_line(progress: Progress, left: float | None) -> str:
    """One line, most telling first, so that a narrow terminal cuts the rest."""
    rate = progress.fetched / progress.seconds if progress.seconds else 0.0
    parts = [
        f"{progress.done:,} of {progress.known:,} known",
        f"{rate:.1f}/s",
        size(progress.bytes),
        f"{progress.gaps:,} gaps" if progress.gaps != 1 else "1 gap",
        f"paused for {span(progress.paused)}" if progress.paused > 0 else f"delay {progress.delay:.3g} s",
    ]
    if left is not None:
        parts.append(f"{span(left)} left")
    return " · ".join(parts)


def shown(value: Any) -> str:
    """A value in words: times in UTC, sizes and spans with their unit, lists line by line."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case Size():
            return size(value)
        case Span():
            return span(value)
        case int():
            return f"{value:,}"
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        case list() | tuple():
            return "\n".join(shown(item) for item in value) or "-"
        case _:
            return str(value)


def size(count: int) -> str:
    """Bytes for a person: decimal units, three digits."""
    if count < 1000:
        return f"{count} B"
    amount = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        amount /= 1000
        if amount < 999.5 or unit == "TB":
            break
    return f"{amount:.1f} {unit}" if amount < 99.95 else f"{amount:.0f} {unit}"


def span(seconds: float) -> str:
    """A length of time for a person."""
    whole = round(seconds)
    if seconds < 10:
        return f"{seconds:.1f} s"
    if whole < 120:
        return f"{whole} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02} min"
    return f"{hours // 24} d {hours % 24} h"


def clean(text: str) -> str:
    """Without secrets, and with control characters made visible; line ends stay."""
    text = _without_secrets(text)
    return "".join(
        letter if letter.isprintable() or letter == "\n" else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


def _without_secrets(text: str) -> str:
    return _SIGNATURE.sub(r"\1=…", _USERINFO.sub(r"\1…@", text))


def _indented(text: str, columns: int) -> str:
    return text.replace("\n", "\n" + " " * columns)


def _counts(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    """A value for JSON, cleaned of secrets; times in RFC 3339."""
    match value:
        case str():
            return _without_secrets(value)
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case None | bool() | int() | float():
            return value
        case _:
            return _plain(str(value))
