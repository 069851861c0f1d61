"""Push: what is said to be offsite is offsite; whatever a store does, nothing else is ever said."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage import proof as proofs
from storage.errors import BROKEN, REMOTE, UNPROVEN, BrokenData, UsageError
from storage.push import Pushed, push
from storage.report import failure_text
from storage.snapshot import Snapshot
from storage.stores import Bucket, Folder, Stat, Store, open_store
from storage.stores.s3 import S3
from tests.sites.fault_proxy import Fault, FaultProxy
from tests.sites.seaweedfs import SeaweedFS

from .archives import DAY_ONE, DAY_TWO, made, two_days

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


def _push(snapshot: Snapshot, store: Store) -> Pushed:
    return push(snapshot, store, now=lambda: NOW)


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    """The second night of a small site; its view needs WARC files of both nights."""
    return two_days(tmp_path / "archive").collection.sealed()[-1]


@pytest.fixture
def disk(tmp_path: Path) -> Folder:
    (tmp_path / "disk é").mkdir()
    return Folder(name="disk", path=tmp_path / "disk é")


def _tree(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def _expected(snapshot: Snapshot) -> dict[str, bytes]:
    manifest = snapshot.manifest()
    names = [file.path for file in (*manifest.warcs, *manifest.files)]
    names += [snapshot.relative(snapshot.folder / "manifest.json"), "archive.json", "READ-ME-FIRST.txt"]
    return {name: (snapshot.root / name).read_bytes() for name in names}


class Watched:
    """A store that notes what is asked of it, in order."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.name = store.name
        self.identity = store.identity
        self.asked: list[tuple[str, str]] = []

    def address(self, key: str = "") -> str:
        return self.store.address(key)

    def begin(self, first: bool) -> None:
        self.store.begin(first)

    def put(self, key: str, path: Path, sha256: str) -> None:
        self.asked.append(("put", key))
        self.store.put(key, path, sha256)

    def get(self, key: str, start: int = 0) -> Iterator[bytes]:
        self.asked.append(("get", key))
        return self.store.get(key, start)

    def stat(self, key: str) -> Stat | None:
        return self.store.stat(key)

    def list(self, prefix: str = "") -> Iterator[str]:
        raise AssertionError("a push believes no listing")

    def keys(self, verb: str) -> Sequence[str]:
        return [key for asked, key in self.asked if asked == verb]


def test_the_store_is_a_plain_copy_of_what_the_snapshot_needs(snapshot: Snapshot, disk: Folder) -> None:
    steps: list[str] = []
    before = _tree(snapshot.root)
    pushed = push(snapshot, open_store(disk), now=lambda: NOW, progress=lambda step: steps.append(step.file))

    assert pushed.failure is None
    assert pushed.proof.verdict == "proved"
    assert (pushed.proof.files, pushed.sent, pushed.skipped) == (len(_expected(snapshot)), len(steps) - 1, 0)
    assert pushed.proof.bytes == sum(map(len, _expected(snapshot).values()))
    copy = _tree(disk.path)
    assert copy.pop("jukni-store.json")
    assert copy == _expected(snapshot)
    after = _tree(snapshot.root)
    assert {name: after[name] for name in before} == before
    written = snapshot.root / "forum" / "proofs" / f"{snapshot.name}-pushed-disk.json"
    assert proofs.read(written) == pushed.proof


def test_the_manifest_comes_last_and_all_is_read_back(snapshot: Snapshot, disk: Folder) -> None:
    store = Watched(open_store(disk))
    _push(snapshot, store)
    put = store.keys("put")
    kinds = ["warcs" if "/warcs/" in key else key.rpartition("/")[2] for key in put]
    assert kinds[:2] == ["warcs", "warcs"]
    assert kinds[-3:] == ["manifest.json", "archive.json", "READ-ME-FIRST.txt"]
    assert store.asked == [step for key in put for step in (("put", key), ("get", key))]


def test_what_is_proved_is_not_touched_again(snapshot: Snapshot, disk: Folder) -> None:
    _push(snapshot, open_store(disk))
    store = Watched(open_store(disk))
    pushed = _push(snapshot, store)
    assert store.asked == []
    assert pushed.proof.verdict == "proved"
    assert (pushed.sent, pushed.found, pushed.skipped) == (0, 0, len(_expected(snapshot)))


def test_the_next_night_sends_only_what_is_new(tmp_path: Path, disk: Folder) -> None:
    archive = made(tmp_path / "archive")
    first = archive.day(DAY_ONE)
    _push(first, open_store(disk))
    second = archive.day(DAY_TWO, 1)
    store = Watched(open_store(disk))
    assert _push(second, store).failure is None
    warcs = [key for key in store.keys("put") if "/warcs/" in key]
    assert warcs == [warc.path for warc in second.manifest().warcs if warc.own]


def test_what_is_there_without_a_proof_is_read_not_sent(snapshot: Snapshot, disk: Folder) -> None:
    """Another machine pushed it, or the proofs were lost."""
    _push(snapshot, open_store(disk))
    shutil.rmtree(snapshot.root / "forum" / "proofs")
    store = Watched(open_store(disk))
    pushed = _push(snapshot, store)
    assert store.keys("put") == []
    assert sorted(store.keys("get")) == sorted(_expected(snapshot))
    assert (pushed.sent, pushed.found) == (0, len(_expected(snapshot)))


def test_a_proof_is_about_one_place_only(snapshot: Snapshot, disk: Folder, tmp_path: Path) -> None:
    """The store's name stays, but jukni.toml points it to another disk."""
    _push(snapshot, open_store(disk))
    (tmp_path / "other").mkdir()
    other = replace(disk, path=tmp_path / "other")
    pushed = _push(snapshot, open_store(other))
    assert pushed.failure is None
    assert pushed.sent == len(_expected(snapshot))


def test_the_same_disk_unmounted(snapshot: Snapshot, disk: Folder) -> None:
    _push(snapshot, open_store(disk))
    shutil.rmtree(disk.path)
    disk.path.mkdir()
    failure = _push(snapshot, open_store(disk)).failure
    assert failure is not None
    assert failure.exit_code == REMOTE
    assert "is the disk mounted" in failure.what
    assert list(disk.path.iterdir()) == []


def test_damage_in_the_store_is_repaired(snapshot: Snapshot, disk: Folder) -> None:
    """A file that was never proved has the right size and other bytes; a proved one is gone."""
    warcs = [warc.path for warc in snapshot.manifest().warcs]
    _push(snapshot, open_store(disk))
    shutil.rmtree(snapshot.root / "forum" / "proofs")
    (disk.path / warcs[0]).write_bytes(bytes(snapshot.manifest().warcs[0].size))
    assert _push(snapshot, open_store(disk)).sent == 1
    (disk.path / warcs[1]).unlink()
    assert _push(snapshot, open_store(disk)).sent == 1
    assert _expected(snapshot).items() <= _tree(disk.path).items()


def test_an_open_snapshot_is_refused(tmp_path: Path, disk: Folder) -> None:
    archive = made(tmp_path / "archive")
    snapshot, _ = archive.crawl(DAY_ONE)
    with pytest.raises(UsageError, match="not sealed"):
        _push(snapshot, open_store(disk))
    assert list(disk.path.iterdir()) == []


@pytest.mark.parametrize("damage", [b"short", None])
def test_a_damaged_snapshot_is_refused(snapshot: Snapshot, disk: Folder, damage: bytes | None) -> None:
    path = snapshot.root / snapshot.manifest().warcs[0].path
    path.unlink()
    if damage:
        path.write_bytes(damage)
    with pytest.raises(BrokenData) as caught:
        _push(snapshot, open_store(disk))
    assert caught.value.where == str(path)
    assert list(disk.path.iterdir()) == []


def test_a_flipped_bit_here_does_not_go_there(snapshot: Snapshot, disk: Folder) -> None:
    path = snapshot.root / snapshot.manifest().warcs[0].path
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    pushed = _push(snapshot, open_store(disk))
    assert pushed.failure is not None
    assert pushed.failure.exit_code == BROKEN
    assert "here are damaged" in pushed.failure.what
    assert pushed.failure.where == str(path)
    assert pushed.proof.verdict == "broken"
    assert not (disk.path / snapshot.relative(path)).exists()
    assert not list(disk.path.rglob("manifest.json"))


def test_a_local_file_may_go_once_it_is_proved(snapshot: Snapshot, disk: Folder) -> None:
    _push(snapshot, open_store(disk))
    (snapshot.root / snapshot.manifest().warcs[0].path).unlink()
    assert _push(snapshot, open_store(disk)).failure is None


# From here on: S3, and everything a store or the way to it can do to us.


@pytest.fixture
def bucket(weed: SeaweedFS) -> Bucket:
    return weed.bucket()


def _through(bucket: Bucket, proxy: FaultProxy, *faults: Fault) -> S3:
    proxy.faults = faults
    return S3(replace(bucket, endpoint=proxy.endpoint), attempts=3, timeout=1)


@pytest.mark.real
def test_another_whole_file_of_that_name_is_not_replaced(
    snapshot: Snapshot, weed: SeaweedFS, bucket: Bucket, tmp_path: Path
) -> None:
    """Two machines gave one name to different files: whichever comes second must not erase the first."""
    store = open_store(bucket)
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"captured elsewhere")
    key = snapshot.manifest().warcs[0].path
    store.put(key, theirs, hashlib.sha256(theirs.read_bytes()).hexdigest())
    pushed = _push(snapshot, store)
    assert pushed.failure is not None
    assert pushed.failure.exit_code == REMOTE
    assert "was not replaced" in pushed.failure.what
    assert pushed.failure.where == store.address(key)
    assert _in_bucket(weed, bucket)[key] == b"captured elsewhere"
    assert not [key for key in _in_bucket(weed, bucket) if key.endswith("manifest.json")]


@pytest.mark.real
def test_a_failure_reads_well_at_3_am(
    snapshot: Snapshot, bucket: Bucket, proxy: FaultProxy, tmp_path: Path
) -> None:
    body = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
    faults = [Fault("PUT", "00000.warc.gz", "answer", skip=1, times=9, status=403, body=body)]
    pushed = _push(snapshot, _through(bucket, proxy, *faults))
    assert pushed.failure is not None
    key = snapshot.manifest().warcs[1].path
    assert failure_text("push", pushed.failure).splitlines() == [
        f"jukni push: {snapshot} is NOT yet safe offsite",
        '  what   "garage" refused 1 of 10 files: the key may not do this (AccessDenied on PutObject)',
        f"  where  s3://{bucket.bucket}/{bucket.prefix}/{key}",
        "  kept   the local snapshot is sealed and complete; 1 of 10 files are proved to be offsite",
        "  next   run:",
        f"           jukni push {snapshot} --to garage",
    ]


KILLED = """
import pathlib, sys
from datetime import UTC, datetime
from storage.push import push
from storage.snapshot import Snapshot
from storage.stores import Bucket, open_store
root, name, bucket, endpoint, key, secret = sys.argv[1:]
place = Bucket(name="garage", bucket=bucket, prefix="backup/jukni", endpoint=endpoint,
               access_key=key, secret_key=secret)
push(Snapshot(pathlib.Path(root), "forum", name), open_store(place), now=lambda: datetime.now(UTC))
"""


@pytest.mark.real
def test_killed_at_any_moment_and_run_again(
    snapshot: Snapshot, weed: SeaweedFS, bucket: Bucket, proxy: FaultProxy
) -> None:
    """Each run is killed with -9 in the middle of a request; the next one goes on where it was."""
    expected = _expected(snapshot)
    for method, skip in (("PUT", 1), ("GET", 1), ("PUT", 4), ("PUT", 1)):
        proxy.faults = [Fault(method, "forum/", "stall", skip=skip)]
        place = (bucket.bucket, proxy.endpoint, bucket.access_key, bucket.secret_key)
        run = subprocess.Popen([sys.executable, "-c", KILLED, str(snapshot.root), snapshot.name, *place])
        try:
            assert proxy.stalled.wait(30)
        finally:
            run.kill()
            run.wait()
        proxy.stalled.clear()
        there = _in_bucket(weed, bucket)
        assert there.items() <= expected.items()
        assert not [key for key in there if key.endswith("manifest.json")]
    proxy.seen.clear()
    pushed = _push(snapshot, _through(bucket, proxy))
    assert pushed.failure is None
    assert pushed.skipped > 3
    assert proxy.count("PUT") == pushed.sent
    assert _in_bucket(weed, bucket) == expected


def _in_bucket(weed: SeaweedFS, bucket: Bucket) -> dict[str, bytes]:
    answer = weed.client.list_objects_v2(Bucket=bucket.bucket)
    keys = [entry["Key"] for entry in answer.get("Contents", [])]
    return {
        key.removeprefix(f"{bucket.prefix}/"): weed.client.get_object(Bucket=bucket.bucket, Key=key)[
            "Body"
        ].read()
        for key in keys
    }


@pytest.mark.real
@pytest.mark.parametrize("tls", [False, True])
def test_the_bucket_is_a_plain_copy(snapshot: Snapshot, weed: SeaweedFS, bucket: Bucket, tls: bool) -> None:
    place = weed.over_tls(bucket) if tls else bucket
    assert _push(snapshot, open_store(place)).failure is None
    assert _in_bucket(weed, bucket) == _expected(snapshot)
    assert _push(snapshot, open_store(place)).skipped == len(_expected(snapshot))


HTML = {"Content-Type": "text/html", "Content-Length": "28"}
PORTAL = b"<html>please log in</html>\r\n"


def _html(method: str) -> Fault:
    return Fault(method, "", "answer", times=99, headers=HTML, body=PORTAL)


LIES: dict[str, tuple[Callable[[], list[Fault]], int]] = {
    "a login page answers every PUT": (lambda: [_html("PUT")], REMOTE),
    "a login page answers every HEAD": (lambda: [_html("HEAD")], REMOTE),
    "a login page answers every GET": (lambda: [_html("GET")], REMOTE),
    "a login page answers GETs after the first PUT": (
        lambda: [replace(_html("GET"), skip=2)],
        UNPROVEN,
    ),
    "a PUT is acknowledged and not kept": (
        lambda: [Fault("PUT", "warcs/", "answer", times=99, headers={"ETag": '"0123"'})],
        BROKEN,
    ),
    "a bit flips in every download": (
        lambda: [Fault("GET", "warcs/", "flip_down", times=99, at=700)],
        BROKEN,
    ),
    "a bit flips in every upload": (
        lambda: [Fault("PUT", "warcs/", "flip_up", times=99, at=700)],
        REMOTE,
    ),
    "every download ends early and looks whole": (
        lambda: [Fault("GET", "index.cdxj.gz", "short", skip=1, times=99, at=100)],
        BROKEN,
    ),
    "an older version comes back": (
        lambda: [
            Fault(
                "GET",
                "manifest.json",
                "answer",
                skip=1,
                times=99,
                headers={"ETag": '"old"'},
                body=b'{"format": 1}',
            )
        ],
        BROKEN,
    ),
    "uploads are cut": (lambda: [Fault("PUT", "warcs/", "cut_up", times=99, at=300)], REMOTE),
    "downloads are cut at the start": (
        lambda: [Fault("GET", "pages.jsonl", "cut_down", skip=1, times=99, at=0)],
        UNPROVEN,
    ),
    "reading is forbidden": (
        lambda: [Fault("GET", "warcs/", "answer", skip=1, times=99, status=403)],
        UNPROVEN,
    ),
    "writing is forbidden": (lambda: [Fault("PUT", "", "answer", times=99, status=403)], REMOTE),
    "the store is overloaded": (lambda: [Fault("PUT", "warcs/", "answer", times=99, status=503)], REMOTE),
    "the store never answers": (lambda: [Fault("PUT", "warcs/", "stall", times=99)], REMOTE),
}


@pytest.mark.real
@pytest.mark.parametrize("lie", LIES)
def test_a_store_that_lies_is_caught(
    snapshot: Snapshot, weed: SeaweedFS, bucket: Bucket, proxy: FaultProxy, lie: str
) -> None:
    make, exit_code = LIES[lie]
    pushed = _push(snapshot, _through(bucket, proxy, *make()))

    assert any(one.did for one in proxy.seen), "the fault was never met"
    assert pushed.failure is not None
    assert pushed.failure.exit_code == exit_code, failure_text("push", pushed.failure)
    assert pushed.proof.verdict == ("broken" if exit_code == BROKEN else "unproven")
    assert pushed.proof.problems
    assert "NOT yet safe offsite" in pushed.failure.risk
    assert pushed.failure.next[-1] == f"jukni push {snapshot} --to garage"
    there = _in_bucket(weed, bucket)
    assert not [key for key in there if key.endswith("manifest.json")] or lie.startswith("an older version")

    proxy.faults = []
    again = _push(snapshot, _through(bucket, proxy))
    assert again.failure is None, failure_text("push", again.failure)
    assert _in_bucket(weed, bucket) == _expected(snapshot)


MISHAPS: dict[str, Callable[[], list[Fault]]] = {
    "a bit flips on the way up": lambda: [Fault("PUT", "warcs/", "flip_up", at=700)],
    "a bit flips on the way down, once": lambda: [Fault("GET", "warcs/", "flip_down", skip=1, at=700)],
    "an upload is cut, once": lambda: [Fault("PUT", "warcs/", "cut_up", at=300)],
    "a download is cut, once": lambda: [Fault("GET", "warcs/", "cut_down", skip=2, at=700)],
    "an acknowledgement is lost": lambda: [Fault("PUT", "warcs/", "drop_ack")],
    "every acknowledgement of the manifest is lost": lambda: [
        Fault("PUT", "manifest.json", "drop_ack", times=3)
    ],
    "our own write is answered 412": lambda: [Fault("PUT", "warcs/", "answer_after", status=412)],
    "503, twice": lambda: [Fault("PUT", "warcs/", "answer", times=2, status=503)],
    "GET answers 500 for a while after a restart": lambda: [
        Fault("GET", "warcs/", "answer", skip=1, times=5, status=500)
    ],
    "checksum headers are refused": lambda: [
        Fault("PUT", "", "answer", times=99, header="x-amz-checksum", status=400)
    ],
    "a listing is empty": lambda: [Fault("GET", "list-type=2", "answer", times=99)],
    "no answer, once": lambda: [Fault("PUT", "warcs/", "stall")],
}


@pytest.mark.real
@pytest.mark.parametrize("mishap", MISHAPS)
def test_a_mishap_on_the_way_is_got_over(
    snapshot: Snapshot, weed: SeaweedFS, bucket: Bucket, proxy: FaultProxy, mishap: str
) -> None:
    pushed = _push(snapshot, _through(bucket, proxy, *MISHAPS[mishap]()))
    assert pushed.failure is None, failure_text("push", pushed.failure)
    assert pushed.proof.verdict == "proved"
    assert _in_bucket(weed, bucket) == _expected(snapshot)
    assert any(one.did for one in proxy.seen) or mishap.startswith(("checksum", "a listing"))
