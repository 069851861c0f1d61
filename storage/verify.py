"""Verify one sealed snapshot where it lies: every byte, every record, every index line, and their agreement.

What is expected comes from the manifest, never from what is found. Everything wrong is reported, not only the
first thing. Broken: the bytes are not what was sealed. Unproven: they could not be looked at.
"""

from __future__ import annotations

import json
import shlex
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from storage.cdxj import Line, read_index, surt
from storage.collection import Collection
from storage.errors import BrokenData, Failure, Unproven, UsageError
from storage.files import digest_of
from storage.manifest import File, Manifest, NewerFormat, Warc, parse
from storage.proof import Proof, Verdict, proofs_of, write
from storage.snapshot import COVERAGE, LOG, MANIFEST, PAGES, SEALED_FILES, SUMS, Snapshot
from storage.strict import Record
from storage.view import Comparison, View
from storage.warc import BrokenRecord, check, read

MOST = 100
"""Problems told in words about one file; more are counted."""
TOLD = 10
"""Problems told in words to a person; all are in the proof."""


@dataclass(frozen=True, slots=True)
class Problem:
    """where: the file, as the manifest names it. text: one line."""

    verdict: Literal["broken", "unproven"]
    where: str
    text: str


@dataclass(slots=True)
class Findings:
    """What was found. files, bytes: of what the manifest names; records: read and undamaged.

    problems: at most `MOST` a file; more: how many are left out.
    """

    files: int = 0
    bytes: int = 0
    records: int = 0
    problems: list[Problem] = field(default_factory=list)
    more: int = 0
    _of: Counter[str] = field(default_factory=Counter)

    @property
    def verdict(self) -> Verdict:
        found = {problem.verdict for problem in self.problems}
        return "broken" if "broken" in found else "unproven" if found else "proved"

    def broken(self, where: str, text: str) -> None:
        self._add(Problem("broken", where, text))

    def unproven(self, where: str, text: str) -> None:
        self._add(Problem("unproven", where, text))

    def _add(self, problem: Problem) -> None:
        self._of[problem.where] += 1
        if self._of[problem.where] <= MOST:
            self.problems.append(problem)
        else:
            self.more += 1


def verify(snapshot: Snapshot, *, now: datetime, watch: Callable[[File], None] = lambda file: None) -> Proof:
    """Check a sealed snapshot down to every record; everything found wrong is in the proof.

    watch: told each file before it is read. UsageError when the snapshot is not sealed.
    """
    found = look(snapshot, deep=True, watch=watch)
    problems = [f"{problem.where}: {problem.text}" for problem in found.problems]
    return Proof(
        kind="verified",
        site=snapshot.site,
        snapshot=snapshot.name,
        at=now,
        verdict=found.verdict,
        store=None,
        files=found.files,
        bytes=found.bytes,
        problems=[*problems, f"and {found.more} more"] if found.more else problems,
    )


def keep(snapshot: Snapshot, proof: Proof) -> Path:
    """Put a proof about this snapshot into its site's folder of proofs; returns where."""
    return write(Collection(snapshot.root, snapshot.site).proofs, proof)


def failure(snapshot: Snapshot, proof: Proof) -> Failure:
    """What to tell a person about a verification that did not prove its snapshot."""
    hurt = {problem.partition(": ")[0] for problem in proof.problems}
    sound = proof.files - len(hurt - {_path(snapshot, MANIFEST)})
    pushed = proofs_of(Collection(snapshot.root, snapshot.site).proofs, snapshot.name, "pushed")
    stores = [there.store for there in pushed if there.verdict == "proved" and there.store]
    kept = f"{sound} of {proof.files} files are as they were sealed"
    if stores:
        kept += f"; a whole copy was proved in {', '.join(stores)}"
    more = f"\nand {len(proof.problems) - TOLD} more" if len(proof.problems) > TOLD else ""
    told = "\n".join(proof.problems[:TOLD]) + more
    where = str(snapshot.folder)
    if proof.verdict == "broken":
        target = shlex.quote(f"{snapshot.root}-restored")
        cure = f"jukni restore {snapshot} --from {stores[-1]} --into {target}" if stores else ""
        return BrokenData(
            f"{snapshot} is damaged",
            what=told,
            where=where,
            kept=kept,
            next=(cure or f"jukni crawl {snapshot.site} --full",),
        )
    return Unproven(
        f"{snapshot} could not be checked",
        what=told,
        where=where,
        kept=kept,
        next=(
            f"ls -l {shlex.quote(where)}",
            f"jukni verify {snapshot} --into {shlex.quote(str(snapshot.root))}",
        ),
    )


def look(snapshot: Snapshot, *, deep: bool, watch: Callable[[File], None] = lambda file: None) -> Findings:
    """Check a sealed snapshot. deep: every record and index line too; else sizes and digests only."""
    found = Findings()
    manifest = _manifest(snapshot, found)
    if manifest is None:
        return found
    for file in (*manifest.files, *manifest.warcs):
        watch(file)
        found.files += 1
        found.bytes += file.size
        _compare(snapshot.root / file.path, file, found)
    if not manifest.counts.get("captures"):
        found.broken(_path(snapshot, MANIFEST), "it holds no capture at all")
    if deep:
        _look_inside(snapshot, manifest, found)
        with closing(View()) as view:
            _agree(snapshot, manifest, view, found)
    return found


def _path(snapshot: Snapshot, name: str) -> str:
    return snapshot.relative(snapshot.folder / name)


def _manifest(snapshot: Snapshot, found: Findings) -> Manifest | None:
    """The manifest, believed as far as it can be; None when nothing can be checked by it."""
    where = _path(snapshot, MANIFEST)
    try:
        data = (snapshot.folder / MANIFEST).read_bytes()
    except FileNotFoundError as error:
        raise UsageError(
            f"{snapshot} is not sealed",
            what="it has no manifest yet: its crawl has not ended",
            where=str(snapshot.folder),
            kept="what was captured so far",
            next=(f"jukni crawl {snapshot.site}",),
        ) from error
    except OSError as error:
        found.unproven(where, _reason(error))
        return None
    try:
        manifest = parse(data, where=where, edited=True)
    except NewerFormat as error:
        found.unproven(where, error.what)
        return None
    except BrokenData as error:
        found.broken(where, error.what)
        return None
    try:
        parse(data, where=where)
    except BrokenData as error:
        found.broken(where, error.what)
    if (manifest.site, manifest.snapshot) != (snapshot.site, snapshot.name):
        found.broken(where, f"it belongs to {manifest.site}/{manifest.snapshot}")
        return None
    expected = [_path(snapshot, name) for name in SEALED_FILES]
    if sorted(expected) != sorted(file.path for file in manifest.files):
        found.broken(where, f"its files are not {', '.join(SEALED_FILES)}")
    for warc in manifest.warcs:
        if not _is_warc_path(snapshot, warc):
            found.broken(where, f"{warc.path} is no WARC file of this site")
    return manifest


def _is_warc_path(snapshot: Snapshot, warc: Warc) -> bool:
    folder, _, name = warc.path.rpartition("/")
    return folder == f"{snapshot.site}/warcs" and name.endswith(".warc.gz")


def _compare(path: Path, file: File, found: Findings) -> None:
    """Size and SHA-256 as the manifest has them."""
    try:
        there = path.stat().st_size
        if there != file.size:
            found.broken(file.path, f"it has {there:,} bytes, {file.size:,} were sealed")
            return
        if digest_of(path)[1] != file.sha256:
            found.broken(file.path, "its bytes are not those that were sealed (SHA-256)")
    except FileNotFoundError:
        found.broken(file.path, "it is missing")
    except OSError as error:
        found.unproven(file.path, _reason(error))


def _reason(error: OSError) -> str:
    return f"it cannot be read: {error.strerror or error}"


def _look_inside(snapshot: Snapshot, manifest: Manifest, found: Findings) -> None:
    """pages.jsonl, coverage.json, crawl.log.gz and SHA256SUMS say what they should, in their form."""

    def inspect(name: str, question: Callable[[Path], str | None]) -> None:
        where = _path(snapshot, name)
        try:
            if answer := question(snapshot.folder / name):
                found.broken(where, answer)
        except FileNotFoundError:
            pass  # told by _compare
        except OSError as error:
            found.unproven(where, _reason(error))
        except (ValueError, zlib.error, EOFError) as error:
            found.broken(where, f"it cannot be understood: {error}")

    def coverage(path: Path) -> str | None:
        plain = json.loads(path.read_bytes())
        if not isinstance(plain, dict):
            return "it is no JSON object"
        said = plain.get("verdict")
        return (
            None if said == manifest.verdict else f"its verdict is {said}, the manifest's {manifest.verdict}"
        )

    def sums(path: Path) -> str | None:
        listed = [file for file in manifest.files if not file.path.endswith("/" + SUMS)]
        expected = "".join(f"{file.sha256}  {file.path}\n" for file in (*listed, *manifest.warcs))
        return None if path.read_bytes() == expected.encode() else "it does not say what the manifest says"

    inspect(COVERAGE, coverage)
    inspect(SUMS, sums)
    inspect(PAGES, lambda path: _pages(path, manifest.counts.get("pages")))
    inspect(LOG, _log)


def _pages(path: Path, expected: int | None) -> str | None:
    count = -1
    with path.open("rb") as file:
        for count, line in enumerate(file):
            page = json.loads(line)
            if not isinstance(page, dict) or not ({"format"} if count == 0 else {"url", "ts"}) <= page.keys():
                return f"line {count + 1} is no page"
    return None if count == expected else f"it has {max(count, 0)} pages, the manifest counts {expected}"


def _log(path: Path) -> str | None:
    inflate = zlib.decompressobj(31)
    with path.open("rb") as file:
        while piece := file.read(1 << 16):
            inflate.decompress(piece)
    return None if inflate.eof and not inflate.unused_data else "it is not one whole gzip member"


def _agree(snapshot: Snapshot, manifest: Manifest, view: View, found: Findings) -> None:
    """Index and WARCs name each other: every line a record, every own capture a line, every WARC both."""
    where = _path(snapshot, snapshot.index.name)
    try:
        view.load(_sound(read_index(snapshot.index), where, found))
        indexed = True
    except BrokenData as error:
        found.broken(where, error.what)
        indexed = False
    except FileNotFoundError:
        indexed = False  # told by _compare
    except OSError as error:
        found.unproven(where, _reason(error))
        indexed = False
    new = 0
    for warc in manifest.warcs:
        lines = _records(snapshot, warc, view, found, indexed)
        new += lines if warc.own else 0
    if indexed:
        _counts(snapshot, manifest, view, new, found)
    if not found.records:
        found.broken(_path(snapshot, MANIFEST), "not one record could be read")


def _counts(snapshot: Snapshot, manifest: Manifest, view: View, new: int, found: Findings) -> None:
    own = sum(warc.size for warc in manifest.warcs if warc.own)
    manifest_path = _path(snapshot, MANIFEST)
    for name, count in (("captures", view.count), ("new", new), ("bytes", own)):
        if manifest.counts.get(name) != count:
            found.broken(manifest_path, f"it counts {manifest.counts.get(name)} {name}, there are {count}")
    named = {warc.path.rpartition("/")[2]: warc for warc in manifest.warcs}
    needed = view.files()
    for name in sorted(needed - named.keys()):
        found.broken(manifest_path, f"it does not name {name}, which the index needs")
    for name, warc in named.items():
        if name not in needed and not warc.own:
            found.broken(manifest_path, f"it names {name}, an earlier WARC the index does not need")


def _sound(lines: Iterator[Line], where: str, found: Findings) -> Iterator[Line]:
    """The lines, those that contradict themselves reported."""
    for line in lines:
        if line.key != surt(line.url):
            found.broken(where, f"the line of {line.url} is filed under {line.key}")
        if line.timestamp != "".join(letter for letter in line.date[:19] if letter.isdigit()):
            found.broken(where, f"the line of {line.url} has two times: {line.timestamp} and {line.date}")
        yield line


def _records(snapshot: Snapshot, warc: Warc, view: View, found: Findings, indexed: bool) -> int:
    """Hold every record of a WARC against the lines that name it; returns how many lines there are."""
    name = warc.path.rpartition("/")[2]
    comparison = Comparison(
        view, name, complete=warc.own and indexed, say=lambda text: found.broken(warc.path, text)
    )
    try:
        for record in _walk(snapshot.root / warc.path, warc.path, found):
            found.records += comparison.take(record)
    except FileNotFoundError:  # told by _compare
        comparison.skip()
    except OSError as error:
        found.unproven(warc.path, _reason(error))
        comparison.skip()
    else:
        comparison.end()
    return comparison.lines


def _walk(path: Path, where: str, found: Findings) -> Iterator[Record]:
    """The records of a file that have fields, their blocks unread; all damage in the file is reported."""
    ends: dict[int, int] | None = None
    start = 0
    while True:
        try:
            yield from read(path, start)
            return
        except BrokenRecord as error:
            if ends is None:
                ends = {}
                for item in check(path, {}):
                    for damage in item.damages:
                        found.broken(where, f"at byte {damage.offset:,}: {damage.text}")
                        ends[item.offset] = item.offset + item.length
            after = ends.get(error.damage.offset, start)
            if after <= start:
                return
            start = after
