"""Push: copy one sealed snapshot to a store, and prove that it is there.

WARC files first, then index, pages and coverage, the manifest last: in the store, too, a snapshot exists when
its manifest does. Every file is read back in full and its own SHA-256 compared before it counts. Nothing
local is ever removed. Running it again is the repair: what is proved is not sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from storage import proof as proofs
from storage.collection import ARCHIVE_FILE, Collection
from storage.errors import BrokenData, Failure, RemoteError, Unproven, UsageError
from storage.files import digest_of
from storage.manifest import File
from storage.proof import Proof, Verdict
from storage.readme import NAME as README
from storage.snapshot import MANIFEST, Snapshot
from storage.stores import Corrupt, Missing, Refused, Store, StoreError, Unreachable, prove
from storage.stores.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Step:
    """How far a push or restore is. done, size: bytes that are through, and in all. file: what comes next."""

    files: int
    of: int
    done: int
    size: int
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What became of a push. The proof is written already, whatever its verdict.

    sent: files sent now. found: files that were there and are proved now. skipped: files proved before.
    failure: what to tell when it is not proved.
    """

    proof: Proof
    sent: int
    found: int
    skipped: int
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class _Problem:
    """error: about one file, or the whole store. taken: the store acknowledged the file before."""

    path: str
    error: Failure
    taken: bool


def push(
    snapshot: Snapshot,
    store: Store,
    *,
    now: Callable[[], datetime],
    progress: Callable[[Step], None] = lambda _: None,
) -> Pushed:
    """Copy a sealed snapshot to a store; see the module.

    UsageError when it is not sealed, BrokenData when a local file is gone or has another size than the
    manifest says: then nothing was sent and no proof is written. Failures on the way do not raise, they are
    in what is returned. The caller holds the site's lock.
    """
    run = _Push(snapshot, store, now, progress)
    run.all()
    return run.result()


class _Push:
    """One push. `problems` stays empty as long as everything is proved."""

    def __init__(
        self,
        snapshot: Snapshot,
        store: Store,
        now: Callable[[], datetime],
        progress: Callable[[Step], None],
    ) -> None:
        self.snapshot = snapshot
        self.store = store
        self.now = now
        self.progress = progress
        self.folder = Collection(snapshot.root, snapshot.site).proofs
        self.ledger = Ledger(self.folder, store)
        self.phases = self._plan()
        self.problems: list[_Problem] = []
        self.proved: list[File] = []
        self.sent = self.found = self.skipped = 0

    def _plan(self) -> list[list[File]]:
        """The files in the order of the phases; each phase begins when the one before is proved."""
        if not self.snapshot.is_sealed:
            raise UsageError(
                f"{self.snapshot} cannot be pushed yet",
                what="it is not sealed: its crawl has not ended",
                where=str(self.snapshot.folder),
                kept="everything crawled so far",
                next=(f"jukni crawl {self.snapshot.site}",),
            )
        manifest = self.snapshot.manifest()
        for file in (*manifest.warcs, *manifest.files):
            path = self.snapshot.root / file.path
            size = path.stat().st_size if path.is_file() else None
            if size != file.size and (size is not None or not self.ledger.has(file)):
                found = "it is not there" if size is None else f"it has {size} bytes instead of {file.size}"
                raise BrokenData(
                    f"{self.snapshot} is damaged here and was not pushed",
                    what=found,
                    where=str(path),
                    kept=f'what is already in "{self.store.name}" was not touched',
                    next=(f"jukni verify {self.snapshot}",),
                )
        own = self._local(self.snapshot.folder / MANIFEST)
        return [list(manifest.warcs), list(manifest.files), [own], self._beside()]

    def _beside(self) -> list[File]:
        """What stands at the archive's root; other runs may write it anew."""
        paths = (self.snapshot.root / name for name in (ARCHIVE_FILE, README))
        return [self._local(path) for path in paths if path.is_file()]

    def _local(self, path: Path) -> File:
        return File(self.snapshot.relative(path), *digest_of(path))

    @property
    def files(self) -> Sequence[File]:
        return [file for phase in self.phases for file in phase]

    def all(self) -> None:
        """Bring every file there and prove it, phase by phase; an unreachable store ends it at once."""
        try:
            self.store.begin(self.ledger.is_new)
        except StoreError as error:
            self.problems.append(_Problem("", error, False))
            return
        last = len(self.phases) - 1
        for number, phase in enumerate(self.phases):
            if number == last:
                phase[:] = self._beside()
            for file in phase:
                self._say(file.path)
                try:
                    self._one(file, replace=number == last)
                except (StoreError, BrokenData) as error:
                    if isinstance(error, Unreachable):
                        return
            if self.problems:
                return
        self._say("")

    def _one(self, file: File, *, replace: bool) -> None:
        """Get one file to be there, proved; what stops it is noted and raised. replace: it may change."""
        taken = False
        try:
            there = self.store.stat(file.path)
            if there and there.size == file.size and there.sha256 in (None, file.sha256):
                if self.ledger.has(file):
                    self.skipped += 1
                    self.proved.append(file)
                    return
                if self._is_proved(file):
                    self.found += 1
                    return
            elif there and there.sha256 and not replace:
                self._spare(file, there.size, there.sha256)
            self.ledger.drop(file, self.now())
            for last in (False, True):
                taken = False
                self.store.put(file.path, self.snapshot.root / file.path, file.sha256)
                taken = True
                if self._is_proved(file, told=last):
                    self.sent += 1
                    return
        except (StoreError, BrokenData) as error:
            self.problems.append(_Problem(file.path, error, taken))
            raise

    def _is_proved(self, file: File, *, told: bool = False) -> bool:
        """Read it back. False when it is not as it should be, or, with `told`, the error that says so."""
        try:
            prove(self.store, file.path, file.size, file.sha256)
        except (Corrupt, Missing):
            if told:
                raise
            return False
        self.ledger.add(file, self.now())
        self.proved.append(file)
        return True

    def _spare(self, file: File, size: int, sha256: str) -> None:
        """Refused when the store holds another, whole file of this name: it may be someone's only one."""
        try:
            prove(self.store, file.path, size, sha256)
        except (Corrupt, Missing):
            return
        raise Refused(
            "another file of this name is there, whole and with other bytes; it was not replaced",
            where=self.store.address(file.path),
        )

    def _say(self, path: str) -> None:
        done = sum(file.size for file in self.proved)
        total = sum(file.size for file in self.files)
        self.progress(Step(len(self.proved), len(self.files), done, total, path))

    def result(self) -> Pushed:
        """Write the proof and put the outcome into words."""
        proof = Proof(
            kind="pushed",
            site=self.snapshot.site,
            snapshot=self.snapshot.name,
            at=self.now(),
            verdict=self._verdict(),
            store=self.store.name,
            files=len(self.proved),
            bytes=sum(file.size for file in self.proved),
            problems=[f"{p.path or self.store.address()}: {p.error.what}" for p in self.problems],
        )
        proofs.write(self.folder, proof)
        return Pushed(
            proof=proof, sent=self.sent, found=self.found, skipped=self.skipped, failure=self._failure()
        )

    def _verdict(self) -> Verdict:
        if any(_is_broken(problem) for problem in self.problems):
            return "broken"
        return "unproven" if self.problems or len(self.proved) < len(self.files) else "proved"

    def _failure(self) -> Failure | None:
        """The gravest problem in words, with counts and what to do."""
        if not self.problems:
            return None
        worst = max(self.problems, key=_gravity)
        alike = sum(_gravity(problem) == _gravity(worst) for problem in self.problems)
        name, files = f'"{self.store.name}"', f"{alike} of {len(self.files)} files"
        again = f"jukni push {self.snapshot} --to {self.store.name}"
        offsite = f"{len(self.proved)} of {len(self.files)} files are proved to be offsite"
        kept = f"the local snapshot is sealed and complete; {offsite}"
        cause: type[Failure]
        match worst.error:
            case Corrupt() | Missing():
                cause, what = BrokenData, f"{name} took {files} and does not give them back"
            case Unreachable() if worst.taken:
                cause, what = Unproven, f"{name} could not be read back after {files} were sent"
            case Unreachable():
                cause, what = RemoteError, f"{name} could not be reached"
            case StoreError() if worst.taken:
                cause, what = Unproven, f"{name} took {files} and refuses to give them back"
            case StoreError():
                cause, what = RemoteError, f"{name} refused {files if worst.path else 'everything'}"
            case _:
                cause, what = BrokenData, f"{files} here are damaged and were not sent"
                kept = offsite
                again = f"jukni verify {self.snapshot}"
        return cause(
            f"{self.snapshot} is NOT yet safe offsite",
            what=f"{what}: {worst.error.what}",
            where=worst.error.where,
            kept=kept,
            next=(*worst.error.next, again),
        )


def _is_broken(problem: _Problem) -> bool:
    return isinstance(problem.error, Corrupt | Missing) or not isinstance(problem.error, StoreError)


def _gravity(problem: _Problem) -> tuple[bool, bool, bool]:
    return (
        not isinstance(problem.error, StoreError),
        _is_broken(problem),
        problem.taken,
    )
