"""Restore: exactly what the manifest names, whole or said not to be, by anyone with address and keys."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage.collection import open_archive
from storage.errors import (
    BROKEN,
    DONE,
    REMOTE,
    USAGE,
    BrokenData,
    Failure,
    OutOfDisk,
    RemoteError,
    UsageError,
)
from storage.push import push
from storage.report import failure_text
from storage.restore import UNFINISHED, Restored, find, restore, snapshots_in
from storage.snapshot import MANIFEST, Snapshot
from storage.stores import Bucket, Folder, Missing, Store, Unreachable, open_store
from storage.stores.s3 import S3
from tests.sites.fault_proxy import Fault, FaultProxy
from tests.sites.seaweedfs import SeaweedFS

from .archives import two_days

NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
OWN = {"archive.json", "READ-ME-FIRST.txt", ".lock", "forum/.lock"}
"""What makes the folder an archive; written here, not fetched."""


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """The second night of a small site; no test changes it."""
    return two_days(tmp_path_factory.mktemp("archive")).collection.sealed()[-1]


@pytest.fixture
def disk(tmp_path: Path, snapshot: Snapshot) -> Folder:
    """A folder to which both nights were pushed."""
    place = Folder(name="disk", path=tmp_path / "disk é")
    place.path.mkdir()
    for one in open_archive(snapshot.root).collection("forum").sealed():
        assert push(one, open_store(place), now=lambda: NOW).failure is None
    return place


@pytest.fixture(scope="module")
def bucket(weed: SeaweedFS, snapshot: Snapshot) -> Bucket:
    """The same in a bucket; no test changes it."""
    place = weed.bucket()
    for one in open_archive(snapshot.root).collection("forum").sealed():
        assert push(one, open_store(place), now=lambda: NOW).failure is None
    return place


def _restore(store: Store, wanted: str, into: Path) -> Restored:
    site, _, name = wanted.partition("/")
    return restore(store, site, name or "latest", into, now=lambda: NOW)


def _fails(store: Store, wanted: str, into: Path) -> Failure:
    with pytest.raises(Failure, match="NOT whole") as caught:
        _restore(store, wanted, into)
    return caught.value


def _tree(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def _named(snapshot: Snapshot) -> dict[str, bytes]:
    manifest = snapshot.manifest()
    names = [file.path for file in (*manifest.warcs, *manifest.files)]
    names.append(snapshot.relative(snapshot.folder / "manifest.json"))
    return {name: (snapshot.root / name).read_bytes() for name in names}


def _is_whole(snapshot: Snapshot, into: Path) -> None:
    tree = _tree(into)
    assert tree.keys() == _named(snapshot).keys() | OWN
    assert _named(snapshot).items() <= tree.items()
    assert open_archive(into).find("forum/latest").manifest() == snapshot.manifest()
    assert snapshot.name in (into / "READ-ME-FIRST.txt").read_text()


@pytest.mark.parametrize("wanted", ["forum", "forum/latest", "forum/20261122T031500Z", "forum/20261122"])
def test_what_the_manifest_names_and_nothing_else(
    snapshot: Snapshot, disk: Folder, tmp_path: Path, wanted: str
) -> None:
    (disk.path / "forum" / "warcs" / "stranger.warc.gz").write_bytes(b"?")
    done = _restore(open_store(disk), wanted, tmp_path / "new é" / "deep")
    assert str(done.snapshot) == str(snapshot)
    assert done.fetched == done.files == len(_named(snapshot)) - 1
    assert (
        done.bytes == sum(map(len, _named(snapshot).values())) - (snapshot.folder / MANIFEST).stat().st_size
    )
    _is_whole(snapshot, tmp_path / "new é" / "deep")


def test_an_earlier_snapshot(snapshot: Snapshot, disk: Folder, tmp_path: Path) -> None:
    first = open_archive(snapshot.root).collection("forum").sealed()[0]
    _restore(open_store(disk), str(first), tmp_path / "new")
    _is_whole(first, tmp_path / "new")


def test_which_snapshots_there_are(disk: Folder, snapshot: Snapshot) -> None:
    store = open_store(disk)
    assert snapshots_in(store) == [("forum", "20261121T031500Z"), ("forum", "20261122T031500Z")]
    (disk.path / "forum" / "snapshots" / "20261122T031500Z" / "manifest.json").unlink()
    assert find(store, "forum", "latest") == "20261121T031500Z"
    with pytest.raises(RemoteError, match="it lists 1 snapshots, from 20261121T031500Z"):
        find(store, "forum", "20261122")
    with pytest.raises(RemoteError, match="give the whole name"):
        find(store, "wiki", "latest")
    for wrong in ("", "../etc", "Forum", "forum é"):
        with pytest.raises(UsageError):
            find(store, wrong, "latest")
    with pytest.raises(RemoteError, match="has no such snapshot"):
        _restore(store, "forum/20261122T031500Z", disk.path.parent / "new")
    assert not (disk.path.parent / "new").exists()


def test_a_beginning_that_could_mean_several(disk: Folder) -> None:
    with pytest.raises(UsageError, match="2 snapshots begin so"):
        find(open_store(disk), "forum", "202611")


def test_only_into_an_empty_folder(disk: Folder, tmp_path: Path) -> None:
    (tmp_path / "mine" / "photos").mkdir(parents=True)
    with pytest.raises(UsageError, match="not empty"):
        _restore(open_store(disk), "forum", tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["photos"]
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="Not a directory"):
        _restore(open_store(disk), "forum", tmp_path / "file")
    (tmp_path / "mounted" / "lost+found").mkdir(parents=True)
    _restore(open_store(disk), "forum", tmp_path / "mounted")


def test_not_into_a_finished_restore_nor_another_one(disk: Folder, tmp_path: Path) -> None:
    store = open_store(disk)
    _restore(store, "forum", tmp_path / "new")
    with pytest.raises(UsageError, match="not empty"):
        _restore(store, "forum", tmp_path / "new")
    (disk.path / "forum" / "snapshots" / "20261122T031500Z" / "pages.jsonl").unlink()
    _fails(store, "forum", tmp_path / "half")
    with pytest.raises(UsageError, match="unfinished restore of something else"):
        _restore(store, "forum/20261121T031500Z", tmp_path / "half")


@pytest.mark.parametrize("harm", ["missing", "flipped", "short", "long"])
def test_one_bad_file_keeps_no_other_away(
    snapshot: Snapshot, disk: Folder, tmp_path: Path, harm: str
) -> None:
    bad = snapshot.manifest().warcs[0].path
    path = disk.path / bad
    whole = path.read_bytes()
    harms = {
        "flipped": bytes([whole[0] ^ 1]) + whole[1:],
        "short": whole[:-1],
        "long": whole + b"x",
    }
    path.unlink()
    if harm in harms:
        path.write_bytes(harms[harm])
    failure = _fails(open_store(disk), "forum", tmp_path / "new")
    assert failure.exit_code == BROKEN
    assert failure.where == str(path)
    text = failure_text("restore", failure)
    assert f"{len(_named(snapshot)) - 2} of {len(_named(snapshot)) - 1} files are restored and proved" in text
    there = _tree(tmp_path / "new")
    rest = _named(snapshot).keys() - {bad, snapshot.relative(snapshot.folder / "manifest.json")}
    assert there.keys() == rest | OWN | {UNFINISHED}
    assert open_archive(tmp_path / "new").collection("forum").latest() is None

    path.write_bytes(whole)
    assert _restore(open_store(disk), "forum", tmp_path / "new").fetched == 1
    _is_whole(snapshot, tmp_path / "new")


def test_every_bad_file_is_named(snapshot: Snapshot, disk: Folder, tmp_path: Path) -> None:
    manifest = snapshot.manifest()
    bad = [file.path for file in (*manifest.warcs, *manifest.files)][:6]
    for name in bad:
        (disk.path / name).unlink()
    failure = _fails(open_store(disk), "forum", tmp_path / "new é")
    assert shlex.split(failure.next[0])[-2:] == ["--into", str(tmp_path / "new é")]
    lines = failure.what.splitlines()
    assert "the store does not hold 6 of 7 files" in lines[0]
    assert failure.where == str(disk.path / bad[0])
    assert [line.split()[1].rstrip(":") for line in lines[1:-1]] == bad[1:5]
    assert lines[-1] == "and 1 more"


@pytest.mark.parametrize("key", ["self", "site", "path", "json"])
def test_a_manifest_that_cannot_be_believed(disk: Folder, tmp_path: Path, key: str) -> None:
    path = disk.path / "forum" / "snapshots" / "20261122T031500Z" / "manifest.json"
    plain = json.loads(path.read_bytes())
    if key == "self":
        plain["warcs"][0]["size"] += 1
    elif key == "site":
        shutil.copy(path.parents[1] / "20261121T031500Z" / "manifest.json", path)
    elif key == "path":
        plain["warcs"][0]["path"] = "forum/../../evil"
    if key in ("self", "path"):
        path.write_text(json.dumps(plain))
    if key == "json":
        path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(BrokenData) as caught:
        _restore(open_store(disk), "forum", tmp_path / "new")
    assert caught.value.where == str(path)
    assert not (tmp_path / "new").exists()


def test_a_killed_restore_goes_on(snapshot: Snapshot, disk: Folder, tmp_path: Path) -> None:
    """Stopped after each of its files, and once in the middle of one."""
    into = tmp_path / "new"
    store = open_store(disk)
    count = len(_named(snapshot)) - 1

    class Killed(BaseException):
        pass

    for stop in range(count + 1):

        def until(step: object, stop: int = stop) -> None:
            if getattr(step, "files", None) == stop:
                raise Killed

        with pytest.raises(Killed):
            restore(store, "forum", "latest", into, now=lambda: NOW, progress=until)
        assert open_archive(into).collection("forum").latest() is None
    (into / "forum" / "warcs" / (Path(snapshot.manifest().warcs[0].path).name + ".part")).touch()
    (into / snapshot.manifest().warcs[0].path).write_bytes(b"half")
    assert _restore(store, "forum", into).fetched == 1
    _is_whole(snapshot, into)


def test_killed_before_it_began(snapshot: Snapshot, disk: Folder, tmp_path: Path) -> None:
    """The archive's own files are there, the mark of the restore is not yet."""
    into = tmp_path / "new"
    _restore(open_store(disk), "forum", tmp_path / "other")
    into.mkdir()
    for name in ("archive.json", "READ-ME-FIRST.txt"):
        shutil.copy(tmp_path / "other" / name, into / name)
    _restore(open_store(disk), "forum", into)
    _is_whole(snapshot, into)


def test_it_is_said_beforehand_when_it_does_not_fit(
    disk: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 90, 10))
    with pytest.raises(OutOfDisk, match="10 are free"):
        _restore(open_store(disk), "forum", tmp_path / "new")


def test_an_empty_mount_point_is_not_an_empty_store(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="is the disk mounted"):
        _restore(open_store(Folder(name="disk", path=tmp_path)), "forum", tmp_path / "new")


# Over the wire.


def _through(bucket: Bucket, proxy: FaultProxy, *faults: Fault) -> S3:
    proxy.faults = faults
    proxy.seen.clear()
    return S3(replace(bucket, endpoint=proxy.endpoint), attempts=2, timeout=2)


@pytest.mark.real
@pytest.mark.parametrize("tls", [False, True])
def test_from_a_bucket(
    snapshot: Snapshot, weed: SeaweedFS, bucket: Bucket, tmp_path: Path, tls: bool
) -> None:
    place = weed.over_tls(bucket) if tls else bucket
    _restore(open_store(place), "forum", tmp_path / "new")
    _is_whole(snapshot, tmp_path / "new")


@pytest.mark.real
@pytest.mark.parametrize(
    "fault",
    [
        Fault("GET", "manifest.json", "flip_down", at=100),
        Fault("GET", "manifest.json", "short", at=100),
        Fault("GET", "manifest.json", "cut_down", at=100),
        Fault("GET", "warcs/", "flip_down", at=700),
        Fault("GET", "warcs/", "cut_down", at=700, times=3),
        Fault("GET", "warcs/", "stall"),
        Fault("GET", "warcs/", "answer", status=503),
    ],
    ids=lambda fault: f"{fault.do} {fault.target}",
)
def test_a_mishap_on_the_way(
    snapshot: Snapshot, bucket: Bucket, proxy: FaultProxy, tmp_path: Path, fault: Fault
) -> None:
    _restore(_through(bucket, proxy, fault), "forum", tmp_path / "new")
    assert any(one.did for one in proxy.seen)
    _is_whole(snapshot, tmp_path / "new")


@pytest.mark.real
def test_a_cut_download_goes_on_where_it_was_cut(
    snapshot: Snapshot, bucket: Bucket, proxy: FaultProxy, tmp_path: Path
) -> None:
    _restore(_through(bucket, proxy, Fault("GET", "warcs/", "cut_down", at=700)), "forum", tmp_path / "new")
    ranges = [one.headers["Range"] for one in proxy.seen if "Range" in one.headers]
    assert ranges == ["bytes=700-"]
    _is_whole(snapshot, tmp_path / "new")


@pytest.mark.real
def test_a_store_that_answers_ranges_with_everything(
    snapshot: Snapshot, bucket: Bucket, proxy: FaultProxy, tmp_path: Path
) -> None:
    whole = (snapshot.root / snapshot.manifest().warcs[0].path).read_bytes()
    everything = Fault("GET", "warcs/", "answer", headers={"ETag": '"x"'}, body=whole, header="range")
    cut = Fault("GET", "warcs/", "cut_down", at=700)
    _restore(_through(bucket, proxy, everything, cut), "forum", tmp_path / "new")
    first = [one.did for one in proxy.seen if snapshot.manifest().warcs[0].path in one.target]
    assert first == ["cut_down", "answer"]
    _is_whole(snapshot, tmp_path / "new")


@pytest.mark.real
@pytest.mark.parametrize("body", [b"", b"<html><body>log in</body></html>", b"<ListBucketResult/>"])
def test_what_is_no_listing_does_not_mean_no_snapshots(
    snapshot: Snapshot, bucket: Bucket, proxy: FaultProxy, tmp_path: Path, body: bytes
) -> None:
    store = _through(bucket, proxy, Fault("GET", "list-type=2", "answer", times=99, body=body))
    with pytest.raises(Unreachable):
        _restore(store, "forum", tmp_path / "new")
    _restore(store, f"forum/{snapshot.name}", tmp_path / "new")


@pytest.mark.real
def test_an_empty_listing_is_not_taken_for_an_empty_store(
    snapshot: Snapshot, bucket: Bucket, proxy: FaultProxy, tmp_path: Path
) -> None:
    empty = b"<ListBucketResult><Name>x</Name><IsTruncated>false</IsTruncated></ListBucketResult>"
    store = _through(bucket, proxy, Fault("GET", "list-type=2", "answer", times=99, body=empty))
    with pytest.raises(RemoteError, match="give the whole name") as caught:
        _restore(store, "forum", tmp_path / "new")
    assert not isinstance(caught.value, Missing)


@pytest.mark.real
def test_a_store_that_goes_away(
    snapshot: Snapshot, bucket: Bucket, proxy: FaultProxy, tmp_path: Path
) -> None:
    gone = Fault("GET", "warcs/", "answer", skip=1, times=99, status=503)
    failure = _fails(_through(bucket, proxy, gone), "forum", tmp_path / "new")
    assert failure.exit_code == REMOTE
    assert failure.next == (f"jukni restore {snapshot} --from garage --into {tmp_path / 'new'}",)
    again = _restore(_through(bucket, proxy), "forum", tmp_path / "new")
    assert again.fetched == again.files - 1
    _is_whole(snapshot, tmp_path / "new")


# The rescue door: a bare machine.

BARE = """
import sys

class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}")

sys.meta_path.insert(0, Nothing())
from storage.__main__ import main
import os
sys.exit(main(sys.argv[1:], os.environ))
"""
HEAVY = {"scrapy", "twisted", "crawler", "selectolax", "isal", "protego", "warcio", "fastwarc"}


def _bare(
    *arguments: str, blocked: set[str], environment: Mapping[str, str] = {}
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BARE.format(blocked=sorted(blocked)), *arguments],
        capture_output=True,
        text=True,
        env={"PATH": os.defpath, **environment},
        cwd=Path(__file__).parents[2],
        check=False,
    )


def test_the_rescue_door_from_a_folder(snapshot: Snapshot, disk: Folder, tmp_path: Path) -> None:
    """Not even boto3 is needed."""
    blocked = HEAVY | {"boto3", "botocore"}
    listed = _bare("list", "--from", str(disk.path), blocked=blocked)
    assert listed.returncode == DONE, listed.stderr
    assert listed.stdout.split() == ["site", "snapshot", "forum", "20261121T031500Z", "forum", snapshot.name]
    done = _bare(
        "restore", "forum", "--from", str(disk.path), "--into", str(tmp_path / "new é"), blocked=blocked
    )
    assert done.returncode == DONE, done.stderr
    assert "every file as its manifest says" in done.stdout
    _is_whole(snapshot, tmp_path / "new é")
    again = _bare(
        "restore", "forum", "--from", str(disk.path), "--into", str(tmp_path / "new é"), blocked=blocked
    )
    assert again.returncode == USAGE
    assert "Traceback" not in again.stderr
    s3 = _bare("list", "--from", "s3://bucket", blocked=blocked)
    assert s3.returncode == USAGE
    assert "boto3 is missing" in s3.stderr
    assert "pip install boto3" in s3.stderr


@pytest.mark.real
def test_the_rescue_door_from_a_bucket(
    snapshot: Snapshot, weed: SeaweedFS, bucket: Bucket, tmp_path: Path
) -> None:
    keys = {"AWS_ACCESS_KEY_ID": bucket.access_key, "AWS_SECRET_ACCESS_KEY": bucket.secret_key}
    place = ("--from", f"s3://{bucket.bucket}/{bucket.prefix}", "--endpoint", weed.tls)
    trust = ("--ca-bundle", str(weed.ca))
    listed = _bare("restore", *place, *trust, "--json", blocked=HEAVY, environment=keys)
    assert listed.returncode == DONE, listed.stderr
    assert json.loads(listed.stdout)[-1] == {"site": "forum", "snapshot": snapshot.name}
    into = str(tmp_path / "new")
    done = _bare("restore", "forum", *place, *trust, "--into", into, blocked=HEAVY, environment=keys)
    assert done.returncode == DONE, done.stderr
    _is_whole(snapshot, tmp_path / "new")
    no_keys = _bare("list", *place, *trust, blocked=HEAVY)
    assert no_keys.returncode == REMOTE
    assert "no keys were given" in no_keys.stderr
    assert bucket.secret_key not in no_keys.stderr + done.stderr + done.stdout
