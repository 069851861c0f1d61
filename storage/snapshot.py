"""One snapshot's folder: open while its crawl runs, sealed once its manifest is there."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from storage.errors import BrokenData
from storage.files import PART, sync_folder
from storage.manifest import SITE, SNAPSHOT, Manifest, parse

MANIFEST = "manifest.json"
INDEX = "index.cdxj.gz"
PAGES = "pages.jsonl"
COVERAGE = "coverage.json"
LOG = "crawl.log.gz"
SUMS = "SHA256SUMS"
SEALED_FILES = (INDEX, PAGES, COVERAGE, LOG, SUMS)

_DATABASE = "crawl.sqlite"
_OPEN_LOG = "crawl.log"


def name_of(moment: datetime) -> str:
    """The name of a snapshot begun at `moment`: UTC, such as 20261122T031500Z."""
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def moment_of(name: str) -> datetime:
    """The time a snapshot's name stands for. ValueError when it is no such name."""
    return datetime.strptime(name, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot by its place; nothing is read before it is asked for.

    root: the archive's folder. A folder with neither manifest nor crawl database is neither open nor sealed:
    what an interrupted restore or prune leaves, which no crawl may continue.
    """

    root: Path
    site: str
    name: str

    def __post_init__(self) -> None:
        if not SITE.fullmatch(self.site) or not SNAPSHOT.fullmatch(self.name):
            raise ValueError(f"no snapshot can be called {self}")

    def __str__(self) -> str:
        return f"{self.site}/{self.name}"

    @property
    def folder(self) -> Path:
        return self.root / self.site / "snapshots" / self.name

    @property
    def warcs(self) -> Path:
        """The folder of all WARC files of the site; the index names files in it."""
        return self.root / self.site / "warcs"

    @property
    def database(self) -> Path:
        """The crawl's database, there while the snapshot is open."""
        return self.folder / _DATABASE

    @property
    def open_log(self) -> Path:
        """Where the crawl writes its log as plain text while the snapshot is open; sealed as crawl.log.gz."""
        return self.folder / _OPEN_LOG

    @property
    def index(self) -> Path:
        return self.folder / INDEX

    @property
    def is_sealed(self) -> bool:
        return (self.folder / MANIFEST).exists()

    @property
    def is_open(self) -> bool:
        return not self.is_sealed and self.database.exists()

    def relative(self, path: Path) -> str:
        """A path as the manifest has it: from the archive's root, "/" between."""
        return path.relative_to(self.root).as_posix()

    def manifest(self) -> Manifest:
        """The manifest as it stands on disk.

        BrokenData when it cannot be believed or belongs to another snapshot; FileNotFoundError when open.
        """
        path = self.folder / MANIFEST
        check = f"jukni verify {self} --into {shlex.quote(str(self.root))}"
        try:
            found = parse(path.read_bytes(), where=str(path))
        except BrokenData as error:
            error.next = (check,)
            raise
        if (found.site, found.snapshot) != (self.site, self.name):
            raise BrokenData(
                f"{self} has the manifest of another snapshot",
                what=f"it says {found.site}/{found.snapshot}",
                where=str(path),
                next=(check,),
            )
        return found

    def tidy(self) -> None:
        """Remove what only the open snapshot needed: crawl database, plain log, half-written files.

        Does nothing while the snapshot is not sealed. Call it when nothing has the database open any more.
        """
        if not self.is_sealed:
            return
        scratch = [self.open_log, *(self.folder / (_DATABASE + end) for end in ("-shm", "-wal", ""))]
        for path in (*scratch, *self.folder.glob(f"*{PART}")):
            path.unlink(missing_ok=True)
        sync_folder(self.folder)
