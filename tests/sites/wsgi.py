"""Forums written in Python: each in an environment of its own, behind gunicorn, which keeps the request log.

Environments are made on first use below the user's cache folder (network needed once).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.sites.wiki_host import fetch, free_port


class Unavailable(Exception):
    """A forum's packages could not be installed."""


@dataclass(frozen=True)
class Request:
    """One line of the server's log: what was asked and what came."""

    method: str
    target: str
    status: int


@dataclass(frozen=True)
class Served:
    """A running server. `url` has no slash at its end; `folder` holds its log."""

    url: str
    folder: Path

    def requests(self) -> list[Request]:
        """Every request answered so far, in the order the answers ended."""
        found = []
        for line in (self.folder / "access.log").read_text("utf-8").splitlines():
            asked, _, status = line.rpartition("\t")
            method, target, _ = asked.split(" ")
            found.append(Request(method, target, int(status)))
        return found


def environment(
    name: str, requirements: Sequence[str], *, closed: bool = False, folder: Path | None = None
) -> Path:
    """Its Python, after installing what is missing. Two test workers at once: the second waits.

    closed: the requirements are all there is, whatever they say they need. folder: instead of the cache's.
    """
    key = hashlib.sha256(repr((requirements, closed, sys.version_info[:2])).encode()).hexdigest()[:12]
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jukni-tests"
    cache = folder or base / f"{name}-{key}"
    python, done = cache / "bin/python", cache / "installed"
    cache.parent.mkdir(parents=True, exist_ok=True)
    with cache.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            # setuptools and wheel first: some of the packages are old and build with what is there.
            for command in (
                [sys.executable, "-m", "venv", "--clear", str(cache)],
                [*pip, "--upgrade", "setuptools<80", "wheel"],
                [*pip, *(["--no-deps", "--no-build-isolation"] if closed else []), *requirements],
            ):
                ended = subprocess.run(command, capture_output=True, text=True)
                if ended.returncode:
                    raise Unavailable(f"{' '.join(command)} failed:\n{ended.stderr[-2000:]}")
            done.touch()
    return python


def run(python: Path, folder: Path, *command: str, **variables: str) -> str:
    """What a command of the environment printed, started in a site's folder. RuntimeError when it failed."""
    ended = subprocess.run(
        command,
        cwd=folder,
        env=_variables(python, folder, variables),
        capture_output=True,
        text=True,
        timeout=300,
    )
    if ended.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{ended.stdout}{ended.stderr}")
    return ended.stdout


@contextmanager
def serve(python: Path, folder: Path, application: str, ready: str, **variables: str) -> Iterator[Served]:
    """The application ("module:name" in `folder`) behind gunicorn, once the path `ready` answers 200."""
    port = free_port()
    command = [
        *(str(python), "-m", "gunicorn", application, f"--bind=127.0.0.1:{port}"),
        *("--worker-class=gthread", "--workers=1", "--threads=4", "--log-file=gunicorn.log"),
        *("--access-logfile=access.log", "--access-logformat=%(r)s\t%(s)s"),
    ]
    server = subprocess.Popen(command, cwd=folder, env=_variables(python, folder, variables))
    try:
        served = Served(f"http://127.0.0.1:{port}", folder)
        _wait(served, ready, server)
        yield served
    finally:
        server.terminate()
        server.wait(30)


def _variables(python: Path, folder: Path, more: Mapping[str, str]) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(folder),
        "PATH": f"{python.parent}:{os.environ.get('PATH', '')}",
        **more,
    }


def _wait(served: Served, ready: str, server: subprocess.Popen[bytes]) -> None:
    """Until it answers and has written so into its log: what comes later is somebody else's."""
    deadline = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < deadline:
        try:
            if fetch(served.url + ready)[0] == 200 and served.requests():
                return
        except OSError:
            pass
        time.sleep(0.1)
    log = served.folder / "gunicorn.log"
    raise RuntimeError(f"the forum did not start:\n{log.read_text() if log.exists() else ''}")
