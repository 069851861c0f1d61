"""Sealing: what the folder holds then, in which order it came, and a kill at every step of it."""

from __future__ import annotations

import gzip
import json
import pickle
import resource
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from storage import readme
from storage.cdxj import read_index
from storage.collection import open_archive
from storage.errors import BrokenData, OutOfDisk
from storage.files import digest_of
from storage.snapshot import SEALED_FILES, Snapshot
from tests.storage.archives import DAY_ONE, DAY_TWO, Made, made, two_days

TOP = Path(__file__).parents[2]


def test_a_sealed_snapshot_is_whole(tmp_path: Path) -> None:
    archive = made(tmp_path / "mon archive")
    snapshot = archive.day(DAY_ONE)
    manifest = snapshot.manifest()
    assert [path.name for path in sorted(snapshot.folder.iterdir())] == sorted(
        [*SEALED_FILES, "manifest.json"]
    )
    for file in (*manifest.files, *manifest.warcs):
        assert digest_of(snapshot.root / file.path) == (file.size, file.sha256)
    assert manifest.counts == {
        "fetched": 3,
        "captures": 4,
        "new": 4,
        "pages": 3,
        "bytes": manifest.warcs[0].size,
    }
    assert len(list(read_index(snapshot.index))) == 4
    assert gzip.decompress((snapshot.folder / "crawl.log.gz").read_bytes()).decode().endswith("ouvert\n")
    assert json.loads((snapshot.folder / "coverage.json").read_bytes())["erwartet"] == "Übersicht"
    assert archive.collection.latest() == snapshot and not archive.collection.open()
    assert snapshot.name in (tmp_path / "mon archive" / readme.NAME).read_text()


def test_the_second_view_names_the_earlier_warc(tmp_path: Path) -> None:
    archive = two_days(tmp_path)
    first, second = (snapshot.manifest() for snapshot in archive.collection.sealed())
    assert second.previous == first.snapshot
    assert [warc.own for warc in second.warcs] == [True, False]
    assert replace(second.warcs[1], own=True) == first.warcs[0]
    assert second.counts["new"] == 5 and second.counts["captures"] == 8


def test_the_sums_are_for_sha256sum(tmp_path: Path) -> None:
    archive = two_days(tmp_path)
    latest = archive.collection.sealed()[-1]
    check = ["sha256sum", "--strict", "-c", latest.relative(latest.folder / "SHA256SUMS")]
    good = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True)
    assert good.returncode == 0 and good.stdout.count(": OK") == 6
    with (tmp_path / latest.manifest().warcs[1].path).open("ab") as file:
        file.write(b"x")
    assert subprocess.run(check, cwd=tmp_path, capture_output=True).returncode == 1


def test_a_view_that_needs_an_unknown_warc_is_not_sealed(tmp_path: Path) -> None:
    archive = made(tmp_path)
    snapshot, own = archive.crawl(DAY_ONE)
    url, line = next(iter(archive.view.items()))
    archive.view[url] = replace(line, filename="forum-20200101T000000Z-00000.warc.gz")
    with pytest.raises(BrokenData, match="no manifest knows"):
        archive.seal_it(snapshot, own)
    assert snapshot.is_open
    archive.view[url] = line
    archive.seal_it(snapshot, own)
    assert snapshot.is_sealed


def test_what_only_a_bug_can_ask_for(tmp_path: Path) -> None:
    archive = made(tmp_path)
    snapshot, own = archive.crawl(DAY_ONE)
    with pytest.raises(ValueError, match="not a finished WARC"):
        archive.seal_it(snapshot, [own[0].with_name("x.warc.gz.open")])
    archive.seal_it(snapshot, own)
    with pytest.raises(ValueError, match="sealed already"):
        archive.seal_it(snapshot, own)


def test_a_full_disk_leaves_the_snapshot_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = made(tmp_path)
    snapshot, own = archive.crawl(DAY_ONE)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(OutOfDisk):
            archive.seal_it(snapshot, own)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert snapshot.is_open and not list(snapshot.folder.glob("*.part"))
    archive.seal_it(snapshot, own)
    assert snapshot.is_sealed


SEALER = """
import os, pickle, signal, sys
step, limit = 0, int(sys.argv[1])
trace = []

def counted(name, real):
    def call(*args, **options):
        global step
        step += 1
        named = [os.readlink(f"/proc/self/fd/{a}") if name == "fsync" else str(a) for a in args]
        trace.append((name, named))
        if step == limit:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **options)
    return call

for name in ("fsync", "rename", "replace", "open", "unlink"):
    setattr(os, name, counted(name, getattr(os, name)))
archive, snapshot, own = pickle.load(open(sys.argv[2], "rb"))
archive.seal_it(snapshot, own)
snapshot.tidy()
pickle.dump(trace, sys.stdout.buffer)
"""


State = tuple[Made, Snapshot, list[Path]]


def seal_in_another_process(work: Path, state: State, die_at: int) -> Any:
    """Seal, killed at the given step (0: never); the steps taken, or None when it was killed."""
    (work / "state").write_bytes(pickle.dumps(state))
    run = subprocess.run(
        [sys.executable, "-c", SEALER, str(die_at), work / "state"], cwd=TOP, capture_output=True, timeout=60
    )
    if run.returncode == -signal.SIGKILL:
        return None
    assert run.returncode == 0, run.stderr.decode()
    return pickle.loads(run.stdout)


def prepared(tmp_path: Path) -> State:
    """One sealed day, and a second crawl that is ready to be sealed."""
    archive = made(tmp_path / "archive")
    archive.day(DAY_ONE)
    return (archive, *archive.crawl(DAY_TWO, 1))


def test_the_manifest_comes_last(tmp_path: Path) -> None:
    """Everything the manifest names is on disk, and its name too, before the manifest gets its own."""
    state = prepared(tmp_path)
    trace = seal_in_another_process(tmp_path, state, 0)
    names = [Path(args[-1]).name for step, args in trace if step in ("rename", "replace")]
    assert set(names[:5]) == set(SEALED_FILES) and names[5:] == ["manifest.json", "READ-ME-FIRST.txt"]
    for number, (step, args) in enumerate(trace):
        if step in ("rename", "replace"):
            folder = str(Path(args[1]).parent)
            assert trace[number - 1] == ("fsync", [args[0]])
            assert trace[number + 2] == ("fsync", [folder])


def test_killed_at_every_step(tmp_path: Path) -> None:
    archive, snapshot, own = prepared(tmp_path)
    before = tmp_path / "before"
    shutil.copytree(archive.archive.root, before)
    steps = len(seal_in_another_process(tmp_path, (archive, snapshot, own), 0))
    expected = {f.path: f.sha256 for f in (*snapshot.manifest().files, *snapshot.manifest().warcs)}
    outcomes = []
    for step in range(1, steps + 1):
        shutil.rmtree(archive.archive.root)
        shutil.copytree(before, archive.archive.root)
        assert seal_in_another_process(tmp_path, (archive, snapshot, own), step) is None
        collection = open_archive(archive.archive.root).collection("forum")
        outcomes.append(snapshot.is_sealed)
        if not snapshot.is_sealed:
            assert collection.open() == [snapshot] and len(collection.sealed()) == 1
            archive.seal_it(snapshot, own)
        found = snapshot.manifest()
        assert {f.path: f.sha256 for f in (*found.files, *found.warcs)} == expected
        for path, sha256 in expected.items():
            assert digest_of(archive.archive.root / path)[1] == sha256
        snapshot.tidy()
        names = {path.name for path in snapshot.folder.iterdir()}
        assert names == {*SEALED_FILES, "manifest.json"}
    assert outcomes == sorted(outcomes) and {False, True} == set(outcomes)
