"""Browse a snapshot: replay through pywb, a separate program in an environment of its own.

pywb (GPL) is fetched on first use at the one version that was measured, never imported here. It serves on the
loopback address alone, reads the WARCs where they lie, and ends when this process ends, however that happens.
"""

from __future__ import annotations

import gzip
import html
import http.client
import json
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

from storage.cdxj import read_index
from storage.errors import BrokenData, Failure, RemoteError, UsageError
from storage.files import write_once
from storage.lock import hold
from storage.snapshot import Snapshot

PYWB = "2.10.0"
REQUIREMENTS = (f"pywb=={PYWB}", "setuptools<81")
"""pywb, and the last setuptools that still has the pkg_resources its parts import."""
STARTS_WITHIN = 60.0
"""Seconds pywb may take to answer; it needs one on an idle machine."""
_HOST = "127.0.0.1"
_ASKED = 5  # captures asked for before pywb is called unable to replay
_START = """
from pywb.apps.cli import wayback
import os, sys
from gevent.monkey import get_original
def end():
    os.read(0, 1)
    os._exit(0)
get_original("_thread", "start_new_thread")(end, ())
wayback(sys.argv[1:])
"""
"""Runs pywb until its standard input ends, which it does when the process that started it is gone.

The thread is a real one: pywb's own (gevent's) stand still while one of them reads.
"""


def cache_folder() -> Path:
    """Where pywb is kept for this user, unless told otherwise."""
    return Path.home() / ".cache" / "jukni"


class Replay:
    """pywb with one snapshot, for the time of a `with` block.

    cache: folder for pywb and for the index while it is in use. python: of an environment that has pywb
    already; none is made then. port: 0 takes a free one. say: told what takes long.
    Entering raises RemoteError when pywb cannot be fetched, UsageError when the port is taken, BrokenData
    when no capture can be replayed.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        cache: Path | None = None,
        python: Path | None = None,
        port: int = 0,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.snapshot = snapshot
        self.port = port
        self._cache = cache or cache_folder()
        self._python = python
        self._say = say
        self._ends = ExitStack()

    @property
    def _again(self) -> str:
        return f"jukni browse {self.snapshot} --into {shlex.quote(str(self.snapshot.root))}"

    @property
    def _check(self) -> str:
        return f"jukni verify {self.snapshot} --into {shlex.quote(str(self.snapshot.root))}"

    @property
    def address(self) -> str:
        """The front page, with links to the seeds."""
        return f"http://{_HOST}:{self.port}/"

    def url_for(self, url: str, timestamp: str = "", *, raw: bool = False) -> str:
        """Where a capture is to be seen. url: canonical. timestamp: "" or 4 to 14 digits; the nearest counts.

        raw: the payload as it was captured, to whoever accepts gzip (pywb unpacks it for others); else
        rewritten so that its links stay in the archive. Without a capture of the URL the answer has no
        Memento-Datetime header.
        """
        when = timestamp + ("id_" if raw else "mp_")
        return f"{self.address}{self.snapshot.site}/{when}/{url}"

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._ends.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.close()

    def wait(self) -> None:
        """Until pywb ends, which by itself it does not: Failure then."""
        self._process.wait()
        raise self._ended()

    # -- starting ------------------------------------------------------------------------------------

    def _start(self) -> None:
        manifest = self.snapshot.manifest()
        python = self._python or environment(self._cache, self._say)
        self._folder = self._ends.enter_context(_scratch(self._cache))
        self._log = self._folder / "wayback.log"
        write_once(self._folder / "index.cdxj", _unpacked(self.snapshot.index, self._check))
        config = {
            "collections": {
                self.snapshot.site: {
                    "index_paths": str(self._folder / "index.cdxj"),
                    "archive_paths": f"{self.snapshot.warcs}/",
                }
            },
            "framed_replay": False,
        }
        # JSON is YAML, and needs no package to be written.
        (self._folder / "config.yaml").write_text(json.dumps(config))
        (self._folder / "templates").mkdir()
        links = [(seed, f"/{self.snapshot.site}/mp_/{seed}") for seed in manifest.seeds]
        front = _front_page(self.snapshot, f"{manifest.sealed:%Y-%m-%d %H:%M} UTC", links)
        (self._folder / "templates" / "index.html").write_text(front, encoding="utf-8")
        self._launch(python)
        self._await_captures()

    def _launch(self, python: Path) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((_HOST, self.port))
            except (OSError, OverflowError) as error:
                raise UsageError(
                    f"port {self.port} cannot be used",
                    what=getattr(error, "strerror", None) or str(error),
                    where=f"{_HOST}:{self.port}",
                    kept="the snapshot was not touched",
                    next=(self._again,),
                ) from error
            self.port = probe.getsockname()[1]
        command = [str(python), "-I", "-c", _START, "-b", _HOST, "-p", str(self.port)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,
            )
        self._ends.callback(self._stop)

    def _stop(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _await_captures(self) -> None:
        """Until a capture of the index is replayed; a port that answers says nothing about the archive."""
        lines = islice(read_index(self.snapshot.index), _ASKED)
        asked = [(line.url, line.timestamp) for line in lines]
        deadline = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise self._ended()
            answers = [self._has(url, timestamp) for url, timestamp in asked]
            if True in answers:
                return
            if None not in answers:
                raise BrokenData(
                    f"{self.snapshot} cannot be replayed",
                    what=f"pywb has none of the {len(asked)} captures it was asked for",
                    where=str(self.snapshot.folder),
                    kept="browsing changes nothing",
                    next=(self._check,),
                )
            time.sleep(0.1)
        raise self._ended()

    def _has(self, url: str, timestamp: str) -> bool | None:
        """Is the capture replayed? None: nobody answers yet."""
        connection = http.client.HTTPConnection(_HOST, self.port, timeout=STARTS_WITHIN)
        try:
            target = self.url_for(url, timestamp, raw=True).removeprefix(self.address.rstrip("/"))
            connection.request("GET", target)
            return connection.getresponse().getheader("Memento-Datetime") is not None
        except OSError:
            return None
        finally:
            connection.close()

    def _ended(self) -> Failure:
        log = self._log.read_text("utf-8", "replace").strip().splitlines()
        return Failure(
            f"{self.snapshot} cannot be browsed",
            what="pywb ended: " + (log[-1] if log else "it said nothing"),
            where=str(self._cache),
            kept="the snapshot was not touched; READ-ME-FIRST.txt says how to read it without Jukni",
            next=(f"rm -r {shlex.quote(str(_place(self._cache)))}", self._again),
        )


def environment(cache: Path, say: Callable[[str], None]) -> Path:
    """The Python of an environment with pywb, made in `cache` on first use; RemoteError when it cannot be.

    Interrupted, it is made anew the next time.
    """
    place = _place(cache)
    python, done = place / "bin" / "python", place / "complete"
    cache.mkdir(parents=True, exist_ok=True)
    with hold(cache / ".lock", wait=True):
        if done.exists() and done.read_text() == "\n".join(REQUIREMENTS):
            return python
        say(f"installing pywb {PYWB} into {place}, once (about 100 MB)")
        shutil.rmtree(place, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(place)], place, "apt install python3-venv")
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *REQUIREMENTS]
        _run(pip, place, shlex.join(pip))
        write_once(done, ["\n".join(REQUIREMENTS).encode()])
    return python


def _place(cache: Path) -> Path:
    return cache / f"pywb-{PYWB}"


def _run(command: list[str], place: Path, cure: str) -> None:
    result = subprocess.run(
        command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL
    )
    if result.returncode:
        said = [line for line in (result.stderr + result.stdout).strip().splitlines() if line.strip()]
        raise RemoteError(
            "pywb, which shows the pages, could not be installed",
            what="\n".join(said[-3:]) or f"{command[0]} gave {result.returncode}",
            where=str(place),
            kept="the archive was not touched; READ-ME-FIRST.txt says how to read it without pywb",
            next=(cure,),
        )


@contextmanager
def _scratch(cache: Path) -> Iterator[Path]:
    """A folder in the cache for one replay; those of processes that were killed go at the same time."""
    cache.mkdir(parents=True, exist_ok=True)
    with ExitStack() as ends:
        with hold(cache / ".lock", wait=True):
            for old in cache.glob("replay-*"):
                with hold(old / ".lock", wait=False) as free:
                    if free is not None:
                        shutil.rmtree(old, ignore_errors=True)
            folder = Path(tempfile.mkdtemp(prefix="replay-", dir=cache))
            ends.callback(shutil.rmtree, folder, ignore_errors=True)
            ends.enter_context(hold(folder / ".lock", wait=True))
        yield folder


def _unpacked(index: Path, check: str) -> Iterator[bytes]:
    try:
        with gzip.open(index, "rb") as file:
            while piece := file.read(1 << 20):
                yield piece
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BrokenData(
            f"the index {index.name} cannot be read",
            what=str(error),
            where=str(index),
            kept="browsing changes nothing",
            next=(check,),
        ) from error


def _front_page(snapshot: Snapshot, sealed: str, seeds: list[tuple[str, str]]) -> str:
    """pywb's front page: a link for each seed. It is a template; no URL may bring marks of one."""

    def safe(text: str) -> str:
        return html.escape(text).replace("{", "&#123;")

    name = safe(str(snapshot))
    links = "\n".join(f'<li><a href="{safe(path)}">{safe(url)}</a></li>' for url, path in seeds)
    return f"""<!doctype html>
<meta charset="utf-8">
<title>{name}</title>
<h1>{name}</h1>
<p>This is an archive, sealed on {sealed}. The pages begin here:</p>
<ul>
{links}
</ul>
<p><a href="/{snapshot.site}/">Look for an address</a></p>
"""
