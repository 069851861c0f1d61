"""The archive's root: format, sites, finding snapshots, names that only grow, and the lock."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.collection import Archive, Collection, make_archive, open_archive, site_name
from storage.errors import LOCKED, BrokenData, Locked, UsageError
from storage.manifest import Manifest, NewerFormat, Tool
from storage.snapshot import Snapshot, moment_of, name_of

NOW = datetime(2026, 11, 22, 3, 15, tzinfo=UTC)
TOOL = Tool("jukni", "0.1.0")


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return make_archive(tmp_path / "mon archive", TOOL, NOW)


def sealed(
    collection: Collection, moment: datetime, label: str | None = None, private: bool = False
) -> Snapshot:
    """A sealed snapshot of nothing: names and labels are all these tests look at."""
    snapshot = collection.create(moment)
    manifest = Manifest(
        site=snapshot.site,
        snapshot=snapshot.name,
        label=label,
        seeds=(),
        began=moment,
        sealed=moment,
        tool=TOOL,
        config="",
        previous=None,
        verdict="unknown",
        counts={},
        files=(),
        warcs=(),
        private=private,
    )
    (snapshot.folder / "manifest.json").write_bytes(manifest.to_json())
    return snapshot


def test_private_by_its_mark(archive: Archive) -> None:
    collection = archive.collection("forum")
    sealed(collection, NOW)
    assert not collection.private
    collection.make_private()
    assert collection.private
    words = collection.private_mark.read_text("utf-8")
    collection.private_mark.write_text("à nous", "utf-8")
    collection.make_private()
    assert "members" in words and collection.private_mark.read_text("utf-8") == "à nous"


def test_private_by_any_manifest(archive: Archive) -> None:
    collection = archive.collection("forum")
    sealed(collection, NOW, private=True)
    sealed(collection, NOW + timedelta(days=1))
    assert collection.private, "it came back from a store, which has no marks"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://forum.example.org/", "forum-example-org"),
        ("http://127.0.0.1:8080/mon%20wiki/Accueil:début", "127-0-0-1-8080-mon-20wiki-accueil-d-but"),
        ("http://user:secret@example.org/", "example-org"),
        ("http://-_-/", "site"),
    ],
)
def test_site_names(url: str, name: str) -> None:
    assert site_name(url) == name


def test_long_addresses_stay_apart() -> None:
    base = "https://a-very-long-host-name.of-some-community.example.org/wiki/"
    one, two = site_name(base + "one"), site_name(base + "two")
    assert one != two and len(one) <= 40 and len(two) <= 40


def test_making_an_archive_again_opens_it(archive: Archive) -> None:
    before = (archive.root / "archive.json").read_bytes()
    assert make_archive(archive.root, Tool("jukni", "9"), NOW) == archive == open_archive(archive.root)
    assert (archive.root / "archive.json").read_bytes() == before
    assert (archive.root / "READ-ME-FIRST.txt").exists()


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thèse.txt").touch()
    with pytest.raises(UsageError, match="not empty"):
        make_archive(tmp_path, TOOL, NOW)
    assert [path.name for path in tmp_path.iterdir()] == ["thèse.txt"]


def test_no_archive_newer_archive_broken_archive(archive: Archive) -> None:
    with pytest.raises(UsageError, match="no archive"):
        open_archive(archive.root / "nowhere")
    (archive.root / "archive.json").write_text(json.dumps({"format": 2}))
    with pytest.raises(NewerFormat):
        open_archive(archive.root)
    with pytest.raises(NewerFormat):
        make_archive(archive.root, TOOL, NOW)
    (archive.root / "archive.json").write_text("{")
    with pytest.raises(BrokenData):
        open_archive(archive.root)


def test_names_stand_for_times() -> None:
    assert (
        name_of(NOW.astimezone(datetime.fromisoformat("2026-01-01T00:00+05:00").tzinfo)) == "20261122T031500Z"
    )
    assert moment_of("20261122T031500Z") == NOW


def test_two_in_one_second_and_a_clock_set_back(archive: Archive) -> None:
    collection = archive.collection("forum")
    moments = [NOW, NOW, NOW - timedelta(days=1), NOW + timedelta(seconds=9)]
    names = [collection.create(moment).name for moment in moments]
    assert names == ["20261122T031500Z", "20261122T031501Z", "20261122T031502Z", "20261122T031509Z"]
    assert [s.name for s in collection.all()] == names


def test_open_is_what_has_a_database_and_no_manifest(archive: Archive) -> None:
    collection = archive.collection("forum")
    left_over, running = collection.create(NOW), collection.create(NOW)
    running.database.touch()
    assert collection.open() == [running] and collection.sealed() == []
    assert collection.latest() is None and not left_over.is_open
    done = sealed(collection, NOW)
    done.database.touch()
    assert collection.latest() == done and collection.open() == [running]
    for snapshot in (running, done):
        snapshot.tidy()
    assert running.database.exists() and not done.database.exists()


def test_finding(archive: Archive) -> None:
    collection = archive.collection("forum")
    first = sealed(collection, NOW, "avant la mise à jour")
    second = sealed(collection, NOW + timedelta(days=1), "latest")
    third = sealed(collection, NOW + timedelta(days=40))
    collection.create(NOW + timedelta(days=50)).database.touch()
    assert archive.find("forum") == archive.find("forum/latest") == third
    assert archive.find("forum/avant la mise à jour") == first
    assert archive.find("forum/20261123") == second
    assert archive.find("forum/2027") == third
    assert archive.find(f"forum/{first.name}") == first
    for unclear in ("forum/202611", "forum/20270111", "forum/nothing", "wiki", "Forum"):
        with pytest.raises(UsageError):
            archive.find(unclear)
    assert archive.sites() == ["forum"]


HOLDER = """
import sys, datetime, pathlib
from storage.collection import Collection
with Collection(pathlib.Path(sys.argv[1]), "forum").lock("jukni crawl", datetime.datetime.now(datetime.UTC)):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_lock_says_who_and_goes_with_its_process(archive: Archive) -> None:
    collection = archive.collection("forum")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, archive.root],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    try:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(Locked) as caught, collection.lock("jukni prune", NOW):
            pass
        assert caught.value.exit_code == LOCKED
        assert f"jukni crawl (process {holder.pid} on " in caught.value.what
        assert str(holder.pid) in caught.value.next[0]
        with archive.collection("wiki").lock("jukni crawl", NOW):
            pass
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    with collection.lock("jukni prune", NOW):
        assert json.loads((collection.folder / ".lock").read_bytes())["command"] == "jukni prune"


def test_the_lock_goes_when_the_block_fails(archive: Archive) -> None:
    collection = archive.collection("forum")
    with pytest.raises(KeyError), collection.lock("jukni crawl", NOW):
        raise KeyError
    with collection.lock("jukni crawl", NOW):
        pass
