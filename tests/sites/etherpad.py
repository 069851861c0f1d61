"""A real pad server: Etherpad 1.8.14 as npm has it, with pads known exactly.

Its packages live in a folder of their own, made on first use below the user's cache folder (network needed
once); the database drivers it would bring are left out. Pads are made through its own interface.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.sites.wiki_host import fetch, free_port

_DRIVERS = (
    *("cassandra-driver", "elasticsearch", "mongodb", "mssql", "mysql", "nano", "pg", "redis", "rethinkdb"),
    *("simple-git", "sqlite3"),
)
_NOTHING = "npm:find-root@1.1.0"  # a small package it needs anyway, in the place of what it does not need
PACKAGE = {
    "name": "pads",
    "private": True,
    "dependencies": {"ep_etherpad-lite": "1.8.14"},
    "overrides": {"npm": _NOTHING, "ueberdb2": dict.fromkeys(_DRIVERS, _NOTHING)},
}
_KEY = "0123456789abcdef"
_VERSION = "1.2.15"  # of its interface


class Unavailable(Exception):
    """Node is not there, or the packages could not be installed."""


@dataclass(frozen=True)
class Pad:
    """One pad. revisions: how many; markers: one for each paragraph. said: markers of the chat."""

    name: str
    revisions: int
    markers: tuple[str, ...]
    said: tuple[str, ...] = ()
    read_only: str = ""


@dataclass(frozen=True)
class Pads:
    """A running server; `url` has no slash at its end."""

    url: str
    folder: Path
    pads: tuple[Pad, ...]

    def pad(self, name: str) -> Pad:
        return next(pad for pad in self.pads if pad.name == name)

    def address(self, name: str) -> str:
        """Where a browser opens a pad."""
        return f"{self.url}/p/{urllib.parse.quote(name, safe='')}"

    def names(self) -> set[str]:
        """Every pad there is by now, as the server tells the one who runs it."""
        return set(self.order("listAllPads")["padIDs"])

    def requests(self) -> list[str]:
        """ "METHOD TARGET" of every request that came from outside its interface, in order."""
        log = (self.folder / "etherpad.log").read_text("utf-8", "replace")
        found = re.findall(r"\d{3}, ([A-Z]+ \S+)", log)
        return [line for line in found if f"/api/{_VERSION}/" not in line]

    def order(self, method: str, **values: str) -> Any:
        """One call of its interface; what it answers."""
        query = urllib.parse.urlencode({"apikey": _KEY, **values})
        _, _, body = fetch(f"{self.url}/api/{_VERSION}/{method}?{query}")
        answer = json.loads(body)
        assert answer["code"] == 0, (method, values, answer)
        return answer["data"]


def marker(text: str) -> str:
    return "mark" + hashlib.sha1(f"etherpad/{text}".encode()).hexdigest()[:16]


@contextmanager
def etherpad(folder: Path, *, exports: int = 100_000, seconds: float = 90) -> Iterator[Pads]:
    """Seed pads and serve them. exports: how many it grants in that many seconds, its own default being 10.

    "caché" is a pad nobody links to.
    """
    server = _installed()
    port = free_port()
    settings = {
        "ip": "127.0.0.1",
        "port": port,
        "dbType": "dirty",
        "dbSettings": {"filename": str(folder / "pads.db")},
        "loglevel": "DEBUG",
        "minify": False,
        "defaultPadText": "",
        "importExportRateLimiting": {"windowMs": int(seconds * 1000), "max": exports},
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "apikey").write_text(_KEY)
    command = ["node", str(server / "src/node/server.js"), "--settings", str(folder / "settings.json")]
    command += ["--apikey", str(folder / "apikey"), "--sessionkey", str(folder / "sessionkey")]
    # It asks its makers for news when it starts: that question goes nowhere.
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTPS_PROXY"), "http://127.0.0.1:9")
    quiet = {"NODE_ENV": "production", "npm_config_update_notifier": "false", "npm_config_offline": "true"}
    with (folder / "etherpad.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=server, stdout=log, stderr=log, env={**os.environ, **nowhere, **quiet}
        )
    try:
        pads = Pads(f"http://127.0.0.1:{port}", folder, ())
        _wait(pads, process)
        yield Pads(pads.url, folder, tuple(_seed(pads)))
    finally:
        process.terminate()
        process.wait(30)


def _seed(server: Pads) -> Iterator[Pad]:
    zoe = server.order("createAuthor", name="Zoé")["authorID"]

    def pad(name: str, paragraphs: int, said: int = 0) -> Pad:
        # Its interface makes no pad with "&" in its name, as browsers do; it makes copies under any name.
        server.order("createPad", padID="modèle", text=f"{name} : l’ordre du jour\n")
        server.order("copyPad", sourceID="modèle", destinationID=name)
        server.order("deletePad", padID="modèle")
        written = [marker(f"{name}/{n}") for n in range(paragraphs)]
        for number, text in enumerate(written):
            server.order("appendText", padID=name, text=f"{number}. L'été & la forêt, {text}\n")
        spoken = [marker(f"{name}/chat/{n}") for n in range(said)]
        for text in spoken:
            server.order("appendChatMessage", padID=name, text=f"D’accord, {text}", authorID=zoe)
        read_only = server.order("getReadOnlyID", padID=name)["readOnlyID"]
        return Pad(name, paragraphs + 1, tuple(written), tuple(spoken), read_only)

    yield pad("Réunion_d'été", 45, said=3)
    yield pad("R&D", 2)
    yield pad("compte-rendu", 1)
    yield pad("à_lire_seulement", 3)
    yield pad("caché", 2)


def _wait(pads: Pads, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        try:
            if fetch(f"{pads.url}/api")[0] == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError((pads.folder / "etherpad.log").read_text("utf-8", "replace"))


def _installed() -> Path:
    """Its folder, after installing what is missing. Two test workers at once: the second waits."""
    if not (shutil.which("node") and shutil.which("npm")):
        raise Unavailable("node and npm are not installed")
    text = json.dumps(PACKAGE)
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "jukni-tests" / f"etherpad-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            shutil.rmtree(folder / "node_modules", ignore_errors=True)
            shutil.rmtree(folder / "src", ignore_errors=True)
            (folder / "package.json").write_text(text)
            command = ["npm", "install", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            if done.returncode:
                raise Unavailable(f"Etherpad could not be installed: {done.stderr.strip()[-500:]}")
            # It wants to lie in a folder called src, and to be found among the packages as well.
            (folder / "node_modules/ep_etherpad-lite").rename(folder / "src")
            (folder / "node_modules/ep_etherpad-lite").symlink_to("../src")
            (folder / "ready").touch()
    return folder
