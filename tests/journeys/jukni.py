"""`jukni` as a person runs it: a process of its own, with its exit code, its words and its archive."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.sites.static import Site

CHECKOUT = Path(__file__).parents[2]
LONG = 120.0
"""Seconds after which a test that waits has hung; nothing is ever measured against it."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended. code: negative for the signal that killed it, as `subprocess` has it."""

    code: int
    out: str
    err: str

    @property
    def next(self) -> list[str]:
        """The commands that the message of a failure says to run."""
        _, found, rest = self.err.partition("  next   run:\n")
        return [line.strip() for line in rest.splitlines() if line.startswith(" " * 11)] if found else []


class Running:
    """A run of jukni that was started and may be waited for or hit by signals."""

    def __init__(self, process: subprocess.Popen[bytes], out: Path, err: Path) -> None:
        self.process = process
        self._out = out
        self._err = err

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def said(self) -> str:
        """What it has said on stderr so far."""
        return self._err.read_text("utf-8")

    def kill(self) -> Ended:
        """SIGKILL, and what was said until then."""
        self.process.kill()
        return self.wait()

    def wait(self) -> Ended:
        try:
            code = self.process.wait(LONG)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"it hung, having said:\n{self._err.read_text('utf-8')}") from None
        return Ended(code, self._out.read_text("utf-8"), self._err.read_text("utf-8"))


class Jukni:
    """The program in a folder of its own; `archive` is what it mirrors into when nothing else is said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.archive = folder / "archive"
        self._runs = 0

    def start(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        before: Callable[[], Any] | None = None,
    ) -> Running:
        """Start `jukni ARGUMENTS` here. before: called in the child, for limits on it."""
        self._runs += 1
        out, err = (self.folder / f"run{self._runs}.{end}" for end in ("out", "err"))
        with out.open("wb") as to_out, err.open("wb") as to_err:
            process = subprocess.Popen(
                [sys.executable, "-m", "crawler", *arguments],
                cwd=self.folder,
                env={**_environment(), **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=to_out,
                stderr=to_err,
                preexec_fn=before,
            )
        return Running(process, out, err)

    def run(self, *arguments: str, code: int | None = 0, **more: Any) -> Ended:
        """Run to the end and be sure of the exit code (None: any)."""
        ended = self.start(*arguments, **more).wait()
        if code is not None and ended.code != code:
            raise AssertionError(
                f"jukni {' '.join(arguments)} ended with {ended.code}, not {code}:\n{ended.err}"
            )
        return ended

    def go_on(self, ended: Ended) -> Ended:
        """Do word for word what the message says to go on with."""
        program, *arguments = shlex.split(ended.next[-1])
        assert program == "jukni"
        return self.run(*arguments)

    def configure(self, text: str) -> None:
        """Write the jukni.toml of this folder."""
        (self.folder / "jukni.toml").write_text(text, "utf-8")


def mirror(url: str, *, concurrency: int = 1, delay: float = 0) -> tuple[str, ...]:
    """The arguments of a fast `jukni mirror`."""
    return ("mirror", url, "--delay", str(delay), "--concurrency", str(concurrency))


def wait_until(happened: Callable[[], Any], running: Running | None = None) -> bool:
    """Wait until it happened; False when the run ended first, AssertionError when it takes for ever."""
    end = time.monotonic() + LONG
    while not happened():
        if running is not None and not running.alive:
            return bool(happened())
        if time.monotonic() > end:
            raise AssertionError("what was waited for did not happen")
        time.sleep(0.001)
    return True


def wait_for_requests(site: Site, count: int, running: Running) -> bool:
    """Wait until the server has seen `count` requests in all; False when the run ended first."""
    return wait_until(lambda: len(site.requests) >= count, running)


def _environment() -> dict[str, str]:
    """Without proxies or a jukni.toml of the machine the tests run on."""
    ours = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "jukni_config")
    kept = {name: value for name, value in os.environ.items() if name.lower() not in ours}
    return {**kept, "PYTHONPATH": str(CHECKOUT)}
