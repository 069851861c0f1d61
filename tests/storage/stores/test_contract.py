"""What every store promises, tried on each of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.errors import BrokenData
from storage.stores import Corrupt, Missing, fetch, prove

from .conftest import Given, Make

KEY = "forum/warcs/forum-20261122T031500Z-00000.warc.gz"


@pytest.mark.parametrize("size", [0, 1, 3_000_000, 9_000_000])
def test_what_is_put_comes_back(given: Given, make: Make, tmp_path: Path, size: int) -> None:
    file = make(size)
    given.store.put(KEY, file.path, file.sha256)

    there = given.store.stat(KEY)
    assert there is not None
    assert there.size == size
    assert there.sha256 in (None, file.sha256)
    assert b"".join(given.store.get(KEY)) == file.data
    prove(given.store, KEY, size, file.sha256)
    target = tmp_path / "back.warc.gz"
    fetch(given.store, KEY, target, size, file.sha256)
    assert target.read_bytes() == file.data
    assert not list(tmp_path.glob("*.part"))


def test_reading_starts_where_asked(given: Given, make: Make) -> None:
    file = make(2_500_000)
    given.store.put(KEY, file.path, file.sha256)
    assert b"".join(given.store.get(KEY, 2_000_001)) == file.data[2_000_001:]
    assert b"".join(given.store.get(KEY, 2_500_000)) == b""


def test_what_is_not_there_is_missing(given: Given, make: Make, tmp_path: Path) -> None:
    file = make(10)
    given.store.put(KEY, file.path, file.sha256)
    for key in ("forum/warcs/other.warc.gz", "wiki/snapshots/20261122T031500Z/manifest.json"):
        assert given.store.stat(key) is None
        with pytest.raises(Missing) as caught:
            next(iter(given.store.get(key)))
        assert caught.value.where == given.store.address(key)
        with pytest.raises(Missing):
            prove(given.store, key, 0, file.sha256)
        with pytest.raises(Missing):
            fetch(given.store, key, tmp_path / "back", 0, file.sha256)
        assert not list(tmp_path.glob("back*"))


def test_list_is_sorted_and_knows_prefixes(given: Given, make: Make) -> None:
    file = make(1)
    keys = ["forum/proofs/a.json", "forum/snapshots/1/m.json", "forum/warcs/a", "forum2/warcs/a", "top.txt"]
    for key in reversed(keys):
        given.store.put(key, file.path, file.sha256)
    assert list(given.store.list()) == keys
    assert list(given.store.list("forum/")) == keys[:3]
    assert list(given.store.list("forum/s")) == [keys[1]]
    assert list(given.store.list("forum")) == keys[:4]
    assert list(given.store.list("no/such/")) == []


def test_putting_again_replaces(given: Given, make: Make) -> None:
    old, new = make(2_000_000), make(1_000_000)
    given.store.put(KEY, old.path, old.sha256)
    given.store.put(KEY, new.path, new.sha256)
    prove(given.store, KEY, new.size, new.sha256)
    assert list(given.store.list()) == [KEY]
    with pytest.raises(Corrupt):
        prove(given.store, KEY, old.size, old.sha256)


@pytest.mark.parametrize("size", [1000, 9_000_000])
def test_a_damaged_file_of_ours_does_not_go_there(given: Given, make: Make, size: int) -> None:
    file, other = make(size), make(10)
    given.store.put("other", other.path, other.sha256)
    file.path.write_bytes(file.data[:-1] + b"?")
    with pytest.raises(BrokenData, match="SHA-256") as caught:
        given.store.put(KEY, file.path, file.sha256)
    assert caught.value.where == str(file.path)
    assert given.store.stat(KEY) is None
    with pytest.raises(BrokenData, match="damaged"):
        given.store.put("other", file.path, file.sha256)
    prove(given.store, "other", other.size, other.sha256)
    file.path.unlink()
    with pytest.raises(BrokenData, match="No such file"):
        given.store.put(KEY, file.path, file.sha256)


def test_other_bytes_under_our_name_are_corrupt(given: Given, make: Make, tmp_path: Path) -> None:
    file = make(100_000)
    given.store.put(KEY, file.path, file.sha256)
    flipped = bytes([file.data[0] ^ 1]) + file.data[1:]
    for data, said in (
        (flipped, "all 100000 bytes are there, but"),
        (file.data[:70_000], "70000 bytes came back instead of 100000"),
        (file.data + b"more", "more than 100000 bytes"),
        (b"", "0 bytes came back"),
    ):
        given.spoil(KEY, data)
        with pytest.raises(Corrupt, match=said):
            prove(given.store, KEY, file.size, file.sha256)
        with pytest.raises(Corrupt, match=said):
            fetch(given.store, KEY, tmp_path / "back", file.size, file.sha256)
        assert not list(tmp_path.glob("back*"))


@pytest.mark.parametrize("left", ["the start", "rubbish", "too much"])
def test_fetch_goes_on_from_what_is_there(given: Given, make: Make, tmp_path: Path, left: str) -> None:
    file = make(3_000_000)
    given.store.put(KEY, file.path, file.sha256)
    part = {"the start": file.data[:1_234_567], "rubbish": b"x" * 1_234_567, "too much": file.data + b"x"}
    (tmp_path / "back.part").write_bytes(part[left])
    fetch(given.store, KEY, tmp_path / "back", file.size, file.sha256)
    assert (tmp_path / "back").read_bytes() == file.data


def test_the_name_of_an_object_is_told(given: Given) -> None:
    assert given.store.address(KEY).endswith(KEY)
    assert given.store.address() + KEY == given.store.address(KEY)


def test_names_that_not_every_store_keeps_are_refused(given: Given, make: Make) -> None:
    file = make(1)
    for key in ["", "/a", "a/", "a//b", "../a", "a/../b", ".a", "a/.b", "é", "a b", "a\\b", "a\n", "x" * 201]:
        with pytest.raises(ValueError, match="not a name"):
            given.store.put(key, file.path, file.sha256)
