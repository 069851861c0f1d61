"""The manifest: strict reading, its own digest, and writing that is whole or not there."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from storage.errors import BrokenData, OutOfDisk
from storage.files import digest_of, write_once
from storage.manifest import File, Manifest, NewerFormat, Tool, Warc, parse, self_digest

MANIFEST = Manifest(
    site="forum",
    snapshot="20261122T031500Z",
    label="avant la mise à jour",
    seeds=("http://forum.example/Über:uns%20hier",),
    began=datetime(2026, 11, 22, 3, 15, tzinfo=UTC),
    sealed=datetime(2026, 11, 22, 4, 0, 59, tzinfo=UTC),
    tool=Tool("jukni", "0.1.0"),
    config="sha256:" + "0" * 64,
    previous="20261121T031500Z",
    verdict="gaps",
    counts={"captures": 3, "new": 1},
    files=(File("forum/snapshots/20261122T031500Z/index.cdxj.gz", 12, "a" * 64),),
    warcs=(Warc("forum/warcs/forum-20261122T031500Z-00000.warc.gz", 34, "b" * 64, own=True),),
)


def edited(change: Callable[[dict[str, Any]], object], *, fitting: bool = True) -> bytes:
    """The manifest's JSON after a change, with a digest that fits again unless told otherwise."""
    plain = json.loads(MANIFEST.to_json())
    change(plain)
    if fitting:
        plain["self"] = self_digest(plain)
    return json.dumps(plain).encode()


def test_round_trip() -> None:
    assert parse(MANIFEST.to_json()) == MANIFEST
    assert parse(replace(MANIFEST, label=None, previous=None).to_json()).label is None


def test_private_is_said_only_where_it_is_so() -> None:
    private = replace(MANIFEST, private=True)
    assert b'"private"' not in MANIFEST.to_json()
    assert parse(private.to_json()).private and not parse(MANIFEST.to_json()).private
    plain = json.loads(private.to_json())
    plain["private"] = False
    with pytest.raises(BrokenData, match="cannot be believed"):
        parse(json.dumps(plain).encode(), edited=True)


def test_times_are_kept_in_utc_to_the_second() -> None:
    local = datetime.fromisoformat("2026-11-22T05:15:00.75+02:00")
    assert parse(replace(MANIFEST, began=local).to_json()).began == MANIFEST.began


def test_an_edit_shows() -> None:
    data = edited(lambda plain: plain["counts"].update(captures=4), fitting=False)
    with pytest.raises(BrokenData, match="changed after it was written"):
        parse(data)
    assert parse(data, edited=True).counts["captures"] == 4


def test_the_digest_can_be_checked_by_hand(tmp_path: Path) -> None:
    """The line in the module's docstring, with the JSON tool it names, where that is installed."""
    jq = shutil.which("jq")
    if jq is None:
        pytest.skip("jq is not installed")
    (tmp_path / "manifest.json").write_bytes(MANIFEST.to_json())
    run = subprocess.run(
        f"{jq} -cjS 'del(.self)' manifest.json | sha256sum", shell=True, cwd=tmp_path, capture_output=True
    )
    assert run.stdout.decode().split()[0] == json.loads(MANIFEST.to_json())["self"]


@pytest.mark.parametrize("number", [2, 0, "1", True, None])
def test_an_unknown_format_number_says_so(number: object) -> None:
    with pytest.raises(NewerFormat) as caught:
        parse(edited(lambda plain: plain.update(format=number)), where="/archive/manifest.json")
    assert repr(number) in caught.value.what and caught.value.next


WRONG: dict[str, Callable[[dict[str, Any]], object]] = {
    "no format": lambda p: p.pop("format"),
    "a field missing": lambda p: p.pop("counts"),
    "a field more": lambda p: p.update(extra=1),
    "site": lambda p: p.update(site="Forum"),
    "site with dots": lambda p: p.update(site="../forum"),
    "snapshot": lambda p: p.update(snapshot="latest"),
    "seeds": lambda p: p.update(seeds="http://a/"),
    "time": lambda p: p.update(began="2026-11-22"),
    "day": lambda p: p.update(began="2026-02-30T00:00:00Z"),
    "tool": lambda p: p["tool"].update(extra=1),
    "verdict": lambda p: p.update(verdict="fine"),
    "count below zero": lambda p: p["counts"].update(captures=-1),
    "count with a fraction": lambda p: p["counts"].update(captures=1.5),
    "count that is a truth value": lambda p: p["counts"].update(captures=True),
    "path up": lambda p: p["files"][0].update(path="forum/../../etc/passwd"),
    "path from the root": lambda p: p["files"][0].update(path="/etc/passwd"),
    "path of another site": lambda p: p["files"][0].update(path="wiki/index.cdxj.gz"),
    "hidden path": lambda p: p["files"][0].update(path="forum/.lock"),
    "digest": lambda p: p["files"][0].update(sha256="A" * 64),
    "size": lambda p: p["warcs"][0].update(size=None),
    "own": lambda p: p["warcs"][0].update(own=1),
    "a file twice": lambda p: p["files"].append(p["files"][0]),
    "files": lambda p: p.update(files={}),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_anything_odd_is_refused_even_with_a_fitting_digest(
    change: Callable[[dict[str, Any]], object],
) -> None:
    with pytest.raises(BrokenData):
        parse(edited(change))


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b'{"format":1,"format":1}', b"[" * 100_000])
def test_what_is_no_manifest_is_broken(data: bytes) -> None:
    with pytest.raises(BrokenData):
        parse(data)


def test_write_once_replaces_whole(tmp_path: Path) -> None:
    path = tmp_path / "a b"
    write_once(path, [b"one"])
    write_once(path, [b"t", b"wo"])
    assert path.read_bytes() == b"two" and [path.name for path in tmp_path.iterdir()] == ["a b"]
    assert digest_of(path)[0] == 3


def test_a_writer_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_once(path, [b"old"])

    def pieces() -> Iterator[bytes]:
        yield b"new"
        raise KeyError("stopped")

    with pytest.raises(KeyError):
        write_once(path, pieces())
    assert path.read_bytes() == b"old"


def test_a_full_disk_is_said_and_gives_its_room_back(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def pieces() -> Iterator[bytes]:
        yield b"new"
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OutOfDisk):
        write_once(path, pieces())
    assert [path.name for path in tmp_path.iterdir()] == []
