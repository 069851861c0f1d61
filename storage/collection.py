"""The archive's root, and in it one collection a site: all snapshots of that site."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from storage import readme
from storage.errors import BrokenData, Locked, UsageError
from storage.files import sync_folder, write_once
from storage.lock import hold
from storage.manifest import SITE, SNAPSHOT, NewerFormat, Tool, time_text
from storage.snapshot import Snapshot, moment_of, name_of

FORMAT = 1
ARCHIVE_FILE = "archive.json"
PRIVATE = "PRIVATE.txt"
_LOCK = ".lock"
_PRIVATE_WORDS = """\
These pages come from a member area. They are for its members alone: never publish them.
As long as this file is here, Jukni does not hand them to any public archive.

Ces pages viennent d'un espace réservé aux membres. Elles ne sont que pour eux : ne les publiez jamais.
Tant que ce fichier est là, Jukni ne les confie à aucune archive publique.
"""


def site_name(url: str) -> str:
    """A site's name out of its address: host and path in [a-z0-9-], at most 40 characters.

    A longer one is cut and ends in eight digits of its SHA-256, so that long addresses stay apart.
    url: canonical, so that its host is lower-case ASCII.
    """
    parts = urlsplit(url)
    whole = parts.netloc.rpartition("@")[2] + parts.path
    name = re.sub(r"[^a-z0-9]+", "-", whole.lower()).strip("-") or "site"
    if len(name) > 40:
        name = f"{name[:31].rstrip('-')}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"
    return name


@dataclass(frozen=True, slots=True)
class Archive:
    """A folder with an archive.json of a format this program knows. Made by `open_archive`."""

    root: Path

    def sites(self) -> list[str]:
        """Names of all sites that have a folder for snapshots, sorted."""
        return sorted(
            path.name
            for path in self.root.iterdir()
            if SITE.fullmatch(path.name) and (path / "snapshots").is_dir()
        )

    def collection(self, site: str) -> Collection:
        """The collection of one site, with snapshots or without. UsageError for an unusable name."""
        if not SITE.fullmatch(site):
            raise UsageError(
                f"a site cannot be called {site!r}",
                what="1 to 40 of the characters a-z 0-9 - are allowed",
                next=(f"jukni list --into {shlex.quote(str(self.root))}",),
            )
        return Collection(self.root, site)

    def find(self, wanted: str) -> Snapshot:
        """The sealed snapshot meant by SITE, SITE/NAME, SITE/PREFIX, SITE/latest or SITE/LABEL."""
        site, _, snapshot = wanted.partition("/")
        return self.collection(site).find(snapshot or "latest")

    def refresh(self) -> None:
        """Write READ-ME-FIRST.txt anew from what is sealed now, unless it says just that already."""
        with hold(self.root / _LOCK, wait=True):
            newest = [Collection(self.root, site).latest() for site in self.sites()]
            text = readme.text([snapshot.manifest() for snapshot in newest if snapshot]).encode()
            path = self.root / readme.NAME
            if not path.exists() or path.read_bytes() != text:
                write_once(path, [text])


def open_archive(root: Path) -> Archive:
    """The archive in `root`.

    UsageError when there is none, or when a newer Jukni made it; BrokenData when archive.json is unreadable.
    """
    path = root / ARCHIVE_FILE
    try:
        plain = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise UsageError(
            f"there is no archive in {root}",
            what=f"{ARCHIVE_FILE} is not there",
            where=str(path),
            next=(f"jukni mirror URL --into {shlex.quote(str(root))}",),
        ) from error
    except ValueError as error:
        raise BrokenData(
            "the archive's format cannot be told",
            what=f"{ARCHIVE_FILE} is not JSON: {error}",
            where=str(path),
            kept="the sites beside it were not touched",
            next=(f"cat {shlex.quote(str(path))}",),
        ) from error
    found = plain.get("format") if isinstance(plain, dict) else None
    if found != FORMAT or isinstance(found, bool):
        raise NewerFormat(ARCHIVE_FILE, found, FORMAT, str(path))
    return Archive(root)


def make_archive(root: Path, tool: Tool, now: datetime) -> Archive:
    """The archive in `root`, made first when the folder is empty or not there.

    UsageError for a folder that holds other things: an archive never mixes with them.
    """
    if (root / ARCHIVE_FILE).exists():
        return open_archive(root)
    try:
        root.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise UsageError(
            f"no archive can be made in {root}",
            what="that is a file, not a folder",
            where=str(root),
            kept="nothing was changed",
            next=(f"ls -l {shlex.quote(str(root))}",),
        ) from error
    allowed = {_LOCK, f"{ARCHIVE_FILE}.part", "lost+found"}
    if strays := sorted(path.name for path in root.iterdir() if path.name not in allowed):
        raise UsageError(
            f"{root} is not empty and is no archive",
            what=f"it holds {strays[0]}" + (f" and {len(strays) - 1} more" if len(strays) > 1 else ""),
            where=str(root),
            kept="nothing was changed",
            next=(f"ls -la {shlex.quote(str(root))}",),
        )
    about = {
        "format": FORMAT,
        "made_by": {"name": tool.name, "version": tool.version},
        "made": time_text(now),
        "what": "A web archive: see READ-ME-FIRST.txt",
    }
    with hold(root / _LOCK, wait=True):
        if not (root / ARCHIVE_FILE).exists():
            write_once(root / ARCHIVE_FILE, [json.dumps(about, indent=1).encode() + b"\n"])
    archive = Archive(root)
    archive.refresh()
    return archive


@dataclass(frozen=True, slots=True)
class Collection:
    """All snapshots of one site, by their place; each question looks at the disk anew."""

    root: Path
    site: str

    @property
    def folder(self) -> Path:
        return self.root / self.site

    @property
    def warcs(self) -> Path:
        return self.folder / "warcs"

    @property
    def proofs(self) -> Path:
        return self.folder / "proofs"

    @property
    def private_mark(self) -> Path:
        """The file that makes the collection private by being there, whatever is in it."""
        return self.folder / PRIVATE

    @property
    def private(self) -> bool:
        """Are these pages for nobody else? Then they are never handed to a public archive.

        The mark says so, or any manifest, which comes back from a store with its snapshot. BrokenData when a
        manifest cannot be read: what nobody can tell is not called public.
        """
        return self.private_mark.exists() or any(one.manifest().private for one in self.sealed())

    def make_private(self) -> None:
        """Leave the mark, with a word for whoever finds it."""
        if not self.private_mark.exists():
            self.folder.mkdir(exist_ok=True)
            write_once(self.private_mark, [_PRIVATE_WORDS.encode()])

    def all(self) -> list[Snapshot]:
        """Every snapshot folder, oldest first: sealed, open, or left by an interrupted restore or prune."""
        folder = self.folder / "snapshots"
        if not folder.exists():
            return []
        names = sorted(path.name for path in folder.iterdir() if SNAPSHOT.fullmatch(path.name))
        return [Snapshot(self.root, self.site, name) for name in names]

    def sealed(self) -> list[Snapshot]:
        """Snapshots that have a manifest, oldest first."""
        return [snapshot for snapshot in self.all() if snapshot.is_sealed]

    def open(self) -> list[Snapshot]:
        """Snapshots whose crawl has not ended, oldest first."""
        return [snapshot for snapshot in self.all() if snapshot.is_open]

    def latest(self) -> Snapshot | None:
        """The newest sealed snapshot."""
        return max(self.sealed(), key=lambda snapshot: snapshot.name, default=None)

    def find(self, wanted: str) -> Snapshot:
        """The sealed snapshot meant by a name, `latest`, a label, or the beginning of one name.

        The newest one where a label stands on several. UsageError when it is none or could be several.
        """
        sealed = self.sealed()
        if wanted == "latest" and sealed:
            return sealed[-1]
        exact = [s for s in sealed if s.name == wanted]
        labelled = [] if exact else [s for s in sealed if s.manifest().label == wanted]
        begun = [s for s in sealed if wanted and s.name.startswith(wanted)]
        if found := exact or labelled[-1:]:
            return found[0]
        if len(begun) == 1:
            return begun[0]
        if begun:
            what = f"{len(begun)} snapshots begin so, from {begun[0].name} to {begun[-1].name}"
        else:
            what = f"{self.site} has {len(sealed)} sealed snapshots, none with this name or label"
        raise UsageError(
            f"no single snapshot is meant by {self.site}/{wanted}",
            what=what,
            where=str(self.folder / "snapshots"),
            next=(f"jukni list {self.site} --into {shlex.quote(str(self.root))}",),
        )

    def create(self, now: datetime) -> Snapshot:
        """A new folder for a crawl that begins now; the caller holds the lock.

        Named after the time, but always after every snapshot that is there: a second later where two begin in
        one second or the clock was set back. The manifest's `began` has the true time.
        """
        name = name_of(now)
        if there := self.all():
            name = max(name, name_of(moment_of(there[-1].name) + timedelta(seconds=1)))
        snapshot = Snapshot(self.root, self.site, name)
        snapshot.folder.parent.mkdir(parents=True, exist_ok=True)
        self.warcs.mkdir(exist_ok=True)
        snapshot.folder.mkdir()
        for folder in (snapshot.folder.parent, self.folder, self.root):
            sync_folder(folder)
        return snapshot

    @contextmanager
    def lock(self, command: str, now: datetime) -> Iterator[None]:
        """Keep every other run off this site until the block ends, however it ends.

        command: such as "jukni crawl"; shown to whoever comes second. Locked says who holds it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with hold(self.folder / _LOCK, wait=False) as handle:
            if handle is None:
                raise self._locked()
            holder = {
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "since": time_text(now),
                "command": command,
            }
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps(holder).encode(), 0)
            yield
            os.ftruncate(handle, 0)

    def _locked(self) -> Locked:
        path = self.folder / _LOCK
        try:
            holder = json.loads(path.read_bytes())
        except ValueError:  # the other run is between taking the lock and writing its name, or just ends
            holder = {}
        pid, host = holder.get("pid"), holder.get("host")
        return Locked(
            f"{self.site} is in the hands of another run",
            what=f"{holder.get('command', 'a program')} (process {pid or '?'} on {host or '?'}) "
            f"has it since {holder.get('since', 'a moment ago')}",
            where=str(path),
            kept="nothing was changed; the lock goes by itself when that process ends",
            next=(f"ps -o pid,lstart,args -p {pid}",)
            if pid and host == socket.gethostname()
            else (f"jukni list {self.site} --into {shlex.quote(str(self.root))}",),
        )
