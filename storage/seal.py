"""Seal an open snapshot: everything the manifest names goes to disk first, the manifest last.

A stop at any moment leaves the snapshot open, to be sealed again, or sealed and whole.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from storage import cdxj
from storage.collection import Collection, open_archive
from storage.errors import BrokenData
from storage.files import PART, digest_of, put_in_place, room_for, sync_file, sync_folder, write_once
from storage.manifest import Coverage, File, Manifest, Tool, Warc
from storage.snapshot import COVERAGE, LOG, MANIFEST, PAGES, SEALED_FILES, SUMS, Snapshot

COUNTED_HERE = ("captures", "new", "pages", "bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Crawl:
    """What the crawl says about itself; see Manifest. counts: without those in COUNTED_HERE."""

    seeds: tuple[str, ...]
    began: datetime
    tool: Tool
    config: str
    label: str | None
    previous: str | None
    verdict: Coverage
    counts: Mapping[str, int]
    private: bool = False


def seal(
    snapshot: Snapshot,
    crawl: Crawl,
    *,
    now: datetime,
    own: Sequence[Path],
    view: Iterable[cdxj.Line],
    pages: Iterable[str],
    coverage: Mapping[str, Any],
) -> Manifest:
    """Seal an open snapshot and return its manifest; the caller holds the site's lock.

    own: this crawl's WARC files, finished by the recorder. view: every line of the index in order, those that
    lie in earlier WARCs included. pages: the lines of pages.jsonl, its header first, without line ends. Both
    streams are read once and never held in memory.
    Adds to the counts: captures (lines of the view), new (those in own WARCs), pages, bytes (of own WARCs).
    BrokenData when the view needs a WARC that no manifest of this site knows; OutOfDisk; ValueError for what
    only a bug can ask for. Afterwards, with the database closed, `snapshot.tidy()` may follow.
    """
    if snapshot.is_sealed:
        raise ValueError(f"{snapshot} is sealed already")
    if clash := [name for name in COUNTED_HERE if name in crawl.counts]:
        raise ValueError(f"counted by seal itself: {clash}")
    if stray := [path for path in own if path.parent != snapshot.warcs or path.suffix != ".gz"]:
        raise ValueError(f"not a finished WARC file of {snapshot.site}: {stray[0]}")
    for path in own:
        sync_file(path)
    sync_folder(snapshot.warcs)

    tally = _Tally({path.name for path in own})
    _write_index(snapshot.index, tally.count(view))
    page_count = _write_pages(snapshot.folder / PAGES, pages)
    text = json.dumps(coverage, indent=1, ensure_ascii=False, allow_nan=False)
    write_once(snapshot.folder / COVERAGE, [text.encode() + b"\n"])
    write_once(snapshot.folder / LOG, _gzip(snapshot.open_log))

    warcs = [Warc(snapshot.relative(path), *digest_of(path), own=True) for path in sorted(own)]
    new_bytes = sum(warc.size for warc in warcs)
    warcs += _earlier(snapshot, tally.earlier)
    files = [_file(snapshot, name) for name in SEALED_FILES if name != SUMS]
    write_once(snapshot.folder / SUMS, [f"{f.sha256}  {f.path}\n".encode() for f in (*files, *warcs)])
    files.append(_file(snapshot, SUMS))

    counted = {"captures": tally.captures, "new": tally.new, "pages": page_count, "bytes": new_bytes}
    manifest = Manifest(
        site=snapshot.site,
        snapshot=snapshot.name,
        label=crawl.label,
        seeds=crawl.seeds,
        began=crawl.began,
        sealed=now,
        tool=crawl.tool,
        config=crawl.config,
        previous=crawl.previous,
        verdict=crawl.verdict,
        counts={**crawl.counts, **counted},
        files=tuple(files),
        warcs=tuple(warcs),
        private=crawl.private,
    )
    write_once(snapshot.folder / MANIFEST, [manifest.to_json()])
    open_archive(snapshot.root).refresh()
    return manifest


class _Tally:
    """Counts the lines of a view while they pass, and which earlier WARCs they need."""

    def __init__(self, own: set[str]) -> None:
        self.own = own
        self.earlier: set[str] = set()
        self.captures = 0
        self.new = 0

    def count(self, view: Iterable[cdxj.Line]) -> Iterator[cdxj.Line]:
        for line in view:
            self.captures += 1
            if line.filename in self.own:
                self.new += 1
            else:
                self.earlier.add(line.filename)
            yield line


def _write_index(path: Path, lines: Iterator[cdxj.Line]) -> None:
    part = path.with_name(path.name + PART)
    with room_for(path):
        cdxj.write_index(lines, part)
        sync_file(part)
        put_in_place(part, path)


def _write_pages(path: Path, pages: Iterable[str]) -> int:
    """Write pages.jsonl; returns how many lines follow its header."""
    count = -1

    def pieces() -> Iterator[bytes]:
        nonlocal count
        for line in pages:
            count += 1
            yield line.encode("utf-8", "replace") + b"\n"

    write_once(path, pieces())
    if count < 0:
        raise ValueError("pages.jsonl has no header line")
    return count


def _gzip(path: Path) -> Iterator[bytes]:
    """A file's bytes as one gzip member; of a file that is not there, an empty one."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    if path.exists():
        with path.open("rb") as file:
            while piece := file.read(1 << 16):
                yield packer.compress(piece)
    yield packer.flush()


def _file(snapshot: Snapshot, name: str) -> File:
    path = snapshot.folder / name
    return File(snapshot.relative(path), *digest_of(path))


def _earlier(snapshot: Snapshot, names: set[str]) -> list[Warc]:
    """The earlier WARCs of the view, as the newest manifest that names each has them."""
    wanted = {snapshot.relative(snapshot.warcs / name) for name in names}
    found: dict[str, Warc] = {}
    for sibling in reversed(Collection(snapshot.root, snapshot.site).sealed()):
        if wanted == found.keys():
            break
        for warc in sibling.manifest().warcs:
            if warc.path in wanted and warc.path not in found:
                found[warc.path] = Warc(warc.path, warc.size, warc.sha256, own=False)
    if missing := sorted(wanted - found.keys()):
        raise BrokenData(
            f"{snapshot} cannot be sealed: its view needs a WARC that no manifest knows",
            what=f"{len(missing)} such files, the first is {missing[0]}",
            where=str(snapshot.folder),
            kept="everything this crawl recorded; the snapshot stays open",
            next=(f"jukni verify {snapshot.site}", f"jukni crawl {snapshot.site} --full"),
        )
    return [found[path] for path in sorted(found)]
