"""The folder as a store: mount points, full and read-only disks, half-written files."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from storage.errors import OutOfDisk
from storage.stores import Folder, Refused, Store, Unreachable, fetch, open_store, prove
from storage.stores.directory import MARKER

from .conftest import Make


def _store(root: Path) -> Store:
    return open_store(Folder(name="disk", path=root))


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path, make: Make) -> None:
    store, file = _store(tmp_path / "disk"), make(1)
    for ask in (
        lambda: store.begin(True),
        lambda: store.put("a", file.path, file.sha256),
        lambda: store.stat("a"),
        lambda: list(store.get("a")),
        lambda: list(store.list()),
    ):
        with pytest.raises((Unreachable, Refused), match="is the disk mounted"):
            ask()
    assert not (tmp_path / "disk").exists()


def test_an_empty_mount_point_is_never_filled(tmp_path: Path, make: Make) -> None:
    """The disk was unplugged after earlier pushes: its mount point is an empty folder."""
    store, file = _store(tmp_path), make(1)
    (tmp_path / "disk" / "lost+found").mkdir(parents=True)
    store = _store(tmp_path / "disk")
    with pytest.raises(Refused, match="is the disk mounted"):
        store.begin(False)
    with pytest.raises(Refused, match="is the disk mounted"):
        store.put("a", file.path, file.sha256)
    for ask in (lambda: store.stat("a"), lambda: list(store.list())):
        with pytest.raises(Unreachable, match="is the disk mounted"):
            ask()
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["lost+found"]
    store.begin(True)
    store.begin(False)
    assert store.stat("a") is None
    assert list(store.list()) == []


def test_a_folder_with_other_things_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(Refused, match="neither empty nor a store"):
        _store(tmp_path).begin(True)
    assert not (tmp_path / MARKER).exists()


def test_a_plain_copy_of_an_archive_can_be_read(tmp_path: Path, make: Make) -> None:
    """Someone copied the archive with rsync: there is no marker, and none is needed to restore."""
    file = make(10)
    shutil.copy(file.path, tmp_path / "a")
    store = _store(tmp_path)
    prove(store, "a", file.size, file.sha256)
    assert "a" in list(store.list())


def test_half_written_files_are_not_listed_and_leave_nothing(tmp_path: Path, make: Make) -> None:
    store, file = _store(tmp_path / "disk"), make(100_000)
    (tmp_path / "disk").mkdir()
    store.begin(True)
    (tmp_path / "disk" / "warcs").mkdir()
    (tmp_path / "disk" / "warcs" / ".a.part").write_bytes(b"killed here")
    assert list(store.list()) == []
    store.put("warcs/a", file.path, file.sha256)
    assert [path.name for path in (tmp_path / "disk" / "warcs").iterdir()] == ["a"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_cannot_take_it(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """The error comes from fsync, where a network share or a full quota tells it at last."""
    store, old, new = _store(tmp_path / "disk"), make(100), make(200)
    (tmp_path / "disk").mkdir()
    store.begin(True)
    store.put("a", old.path, old.sha256)

    def fail(_: int) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        with pytest.raises(Refused if code == errno.ENOSPC else Unreachable, match=os.strerror(code)):
            store.put("a", new.path, new.sha256)
        if code == errno.ENOSPC:
            with pytest.raises(OutOfDisk):
                fetch(store, "a", tmp_path / "back", old.size, old.sha256)
    prove(store, "a", old.size, old.sha256)
    assert sorted(path.name for path in (tmp_path / "disk").iterdir()) == ["a", MARKER]
