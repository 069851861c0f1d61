"""Restore: one snapshot from a store into an empty folder, whole and proved, or resumed until it is.

What is fetched is the manifest and the files it names, nothing else; each one has exactly the size and
SHA-256 that the manifest says before it gets its name. The manifest is written last: until then the folder
holds no snapshot. Running it again goes on; a file that is missing or broken does not keep the others away.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from storage.collection import ARCHIVE_FILE, Archive, make_archive, open_archive
from storage.errors import BrokenData, Failure, OutOfDisk, RemoteError, UsageError
from storage.files import PART, digest_of, sync_folder, write_once
from storage.manifest import SITE, SNAPSHOT, File, Manifest, parse
from storage.push import Step
from storage.readme import NAME as README
from storage.snapshot import MANIFEST, Snapshot
from storage.stores import Corrupt, Missing, Store, StoreError, Unreachable, fetch

UNFINISHED = ".jukni-restore.json"
_EMPTY = {"lost+found", ".lock", ARCHIVE_FILE, ARCHIVE_FILE + PART, README, README + PART}
_LARGEST_MANIFEST = 1 << 28
_NAMED = 5  # files in a message


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A snapshot that is whole again, every byte of it checked.

    files, bytes: that it needs, without the manifest. fetched: files brought now; the others were there from
    an interrupted run.
    """

    snapshot: Snapshot
    files: int
    bytes: int
    fetched: int


def snapshots_in(store: Store, site: str = "") -> Sequence[tuple[str, str]]:
    """(site, name) of each snapshot that the store's listing shows as sealed, sorted.

    A listing proves what is there, not what is not there.
    """
    found = []
    for key in store.list(f"{site}/snapshots/" if site else ""):
        match key.split("/"):
            case [one, "snapshots", name, last] if last == MANIFEST and SNAPSHOT.fullmatch(name):
                found.append((one, name))
    return sorted(found)


def find(store: Store, site: str, name: str) -> str:
    """The snapshot's whole name, from it, from the beginning of one, or from `latest`.

    A whole name is taken as it is, without a listing. UsageError when it could mean several, RemoteError when
    the store lists none.
    """
    if not SITE.fullmatch(site):
        raise UsageError("no site can be called so", what=f"{site!r}; a snapshot is SITE or SITE/TIME")
    if SNAPSHOT.fullmatch(name):
        return name
    names = [found for _, found in snapshots_in(store, site)]
    if name == "latest" and names:
        return names[-1]
    begun = [found for found in names if name and found.startswith(name)]
    if len(begun) == 1:
        return begun[0]
    if begun:
        raise UsageError(
            f"no single snapshot is meant by {site}/{name}",
            what=f"{len(begun)} snapshots begin so, from {begun[0]} to {begun[-1]}",
            where=store.address(),
        )
    raise RemoteError(
        f"no snapshot {site}/{name} was found in the store",
        what=f"of {site} it lists {len(names)} snapshots"
        + (
            f", from {names[0]} to {names[-1]}" if names else " (if it should hold some, give the whole name)"
        ),
        where=store.address(f"{site}/snapshots/"),
        kept="nothing was changed",
    )


def restore(
    store: Store,
    site: str,
    name: str,
    into: Path,
    *,
    now: Callable[[], datetime],
    progress: Callable[[Step], None] = lambda _: None,
    again: str = "",
) -> Restored:
    """Bring a snapshot (see `find`) into an empty folder, a new one, or one with its unfinished restore.

    again: the command that runs this again, for messages. Raises before anything is changed: UsageError for
    another folder, RemoteError and BrokenData when the manifest cannot be had or believed, OutOfDisk when
    the rest does not fit. BrokenData when a file is missing or damaged in the store, RemoteError when it
    could not be had: then all the others are there, the manifest is not.
    """

    def command() -> str:
        return again or f"jukni restore {site}/{name} --from {store.name} --into {shlex.quote(str(into))}"

    try:
        name = find(store, site, name)
        manifest, data = _manifest(store, site, name)
    except (StoreError, BrokenData) as error:
        error.kept = "nothing was changed"
        error.next = (*error.next, command())
        raise
    again = command()
    archive = _folder(into, manifest, data, now)
    snapshot = Snapshot(archive.root, site, name)
    with archive.collection(site).lock(again, now()):
        run = _Restore(store, manifest, archive, progress, again)
        run.all()
        snapshot.folder.mkdir(parents=True, exist_ok=True)
        write_once(snapshot.folder / MANIFEST, [data])
        (into / UNFINISHED).unlink(missing_ok=True)
    archive.refresh()
    size = sum(file.size for file in run.files)
    return Restored(snapshot=snapshot, files=len(run.files), bytes=size, fetched=run.fetched)


def _manifest(store: Store, site: str, name: str) -> tuple[Manifest, bytes]:
    """The manifest and its bytes; read twice when the first reading cannot be believed."""
    key = f"{site}/snapshots/{name}/{MANIFEST}"
    risk = f"{site}/{name} was not restored"
    for last in (False, True):
        try:
            data = _small(store, key)
            manifest = parse(data, where=store.address(key))
        except Missing as error:
            raise RemoteError(
                risk,
                what="the store has no such snapshot: its manifest is not there",
                where=error.where,
                kept="nothing was changed",
            ) from error
        except (BrokenData, Unreachable):
            if last:
                raise
            continue
        if (manifest.site, manifest.snapshot) == (site, name):
            return manifest, data
    raise BrokenData(
        risk,
        what=f"its manifest is the one of {manifest.site}/{manifest.snapshot}",
        where=store.address(key),
    )


def _small(store: Store, key: str) -> bytes:
    pieces: list[bytes] = []
    have = 0
    for piece in store.get(key):
        pieces.append(piece)
        have += len(piece)
        if have > _LARGEST_MANIFEST:
            raise BrokenData("this is no manifest", what="it does not end", where=store.address(key))
    return b"".join(pieces)


def _folder(into: Path, manifest: Manifest, data: bytes, now: Callable[[], datetime]) -> Archive:
    """The archive to restore into, marked as unfinished."""
    mark = {
        "site": manifest.site,
        "snapshot": manifest.snapshot,
        "manifest": hashlib.sha256(data).hexdigest(),
    }
    path = into / UNFINISHED
    try:
        if path.exists():
            if _mark(path) != mark:
                raise UsageError(
                    f"{into} holds an unfinished restore of something else",
                    what="a restore goes into an empty folder",
                    where=str(path),
                    kept="nothing was changed",
                    next=(f"cat {shlex.quote(str(path))}",),
                )
            return open_archive(into)
        if into.exists() and {entry.name for entry in into.iterdir()} - _EMPTY:
            raise UsageError(
                f"{into} is not empty",
                what="a restore goes into an empty folder, so that nothing in it is lost or mixed up",
                where=str(into),
                kept="nothing was changed",
                next=(f"ls -la {shlex.quote(str(into))}",),
            )
        archive = make_archive(into, manifest.tool, now())
        write_once(path, [json.dumps(mark).encode() + b"\n"])
    except OSError as error:
        raise _cannot_write(into, error) from error
    return archive


def _mark(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except ValueError:
        return None


def _cannot_write(path: Path, error: OSError) -> UsageError:
    return UsageError(
        "the snapshot cannot be written there",
        what=error.strerror or str(error),
        where=str(path),
        kept="what was restored before",
        next=(f"ls -la {shlex.quote(str(path))}",),
    )


class _Restore:
    """The files of one restore."""

    def __init__(
        self,
        store: Store,
        manifest: Manifest,
        archive: Archive,
        progress: Callable[[Step], None],
        again: str,
    ) -> None:
        self.store = store
        self.manifest = manifest
        self.root = archive.root
        self.files: Sequence[File] = (*manifest.warcs, *manifest.files)
        self.progress = progress
        self.again = again
        self.proved: list[File] = []
        self.fetched = 0
        self.problems: list[tuple[File, StoreError]] = []

    def all(self) -> None:
        """Every file, as the manifest has them; an unreachable store ends it. Raises for what is missing."""
        try:
            wanted = [file for file in self.files if not self._is_there(file)]
            self._has_room(sum(file.size for file in wanted))
            for file in wanted:
                self._say(file.path)
                target = self.root / file.path
                self._make(target.parent)
                try:
                    fetch(self.store, file.path, target, file.size, file.sha256)
                except StoreError as error:
                    self.problems.append((file, error))
                    if isinstance(error, Unreachable):
                        break
                    continue
                self.fetched += 1
                self.proved.append(file)
        except OSError as error:
            raise _cannot_write(self.root, error) from error
        self._say("")
        if self.problems:
            raise self._failure()

    def _is_there(self, file: File) -> bool:
        """True for a file that an interrupted run brought; what is not whole is fetched again."""
        path = self.root / file.path
        if not path.is_file() or digest_of(path) != (file.size, file.sha256):
            return False
        self.proved.append(file)
        return True

    def _make(self, folder: Path) -> None:
        if not folder.is_dir():
            self._make(folder.parent)
            folder.mkdir()
            sync_folder(folder.parent)

    def _has_room(self, size: int) -> None:
        free = shutil.disk_usage(self.root).free
        if size > free:
            raise OutOfDisk(
                f"{self.manifest.site}/{self.manifest.snapshot} does not fit into {self.root}",
                what=f"{size} bytes are to come, {free} are free",
                where=str(self.root),
                kept=f"{len(self.proved)} of {len(self.files)} files are there already",
                next=(f"df -h {shlex.quote(str(self.root))}", self.again),
            )

    def _say(self, path: str) -> None:
        done = sum(file.size for file in self.proved)
        total = sum(file.size for file in self.files)
        self.progress(Step(len(self.proved), len(self.files), done, total, path))

    def _failure(self) -> Failure:
        """The gravest kind of problem in words, with counts, the files, and what to do."""
        broken = [(file, error) for file, error in self.problems if isinstance(error, Corrupt | Missing)]
        grave = broken or self.problems
        count = f"{len(grave)} of {len(self.files)} files"
        first = grave[0][1]
        match first:
            case Missing():
                what = f"the store does not hold {count}: {first.what}"
            case Corrupt():
                what = f"the store gives {count} back damaged: {first.what}"
            case Unreachable():
                what = f"the store could not be reached: {first.what}"
            case _:
                what = f"the store refused {count}: {first.what}"
        more = [f"also {file.path}: {error.what}" for file, error in grave[1:_NAMED]]
        if len(grave) > _NAMED:
            more.append(f"and {len(grave) - _NAMED} more")
        return (BrokenData if broken else RemoteError)(
            f"{self.manifest.site}/{self.manifest.snapshot} is NOT whole in {self.root}",
            what="\n".join([what, *more]),
            where=first.where,
            kept=f"{len(self.proved)} of {len(self.files)} files are restored and proved; "
            "the manifest is not written before all are",
            next=(*first.next, self.again),
        )
