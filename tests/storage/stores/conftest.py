"""The stores that keep the contract: each is real, and can be looked at from behind."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from storage.stores import Folder, Store, open_store
from storage.stores.directory import MARKER
from tests.sites.seaweedfs import SeaweedFS


@dataclass
class Given:
    """A store that is ready to be written to. spoil: put other bytes under a key behind the store's back."""

    store: Store
    spoil: Callable[[str, bytes], None]


@pytest.fixture(
    params=[
        "directory",
        pytest.param("s3", marks=pytest.mark.real),
        pytest.param("s3-tls", marks=pytest.mark.real),
    ]
)
def given(request: pytest.FixtureRequest, tmp_path: Path) -> Given:
    """The store under test."""
    if request.param == "directory":
        root = tmp_path / "mount : é"
        root.mkdir()
        store = open_store(Folder(name="disk", path=root))
        store.begin(True)
        assert (root / MARKER).is_file()
        return Given(store, lambda key, data: _write(root / key, data))
    weed: SeaweedFS = request.getfixturevalue("weed")
    place = weed.bucket()

    def spoil(key: str, data: bytes) -> None:
        weed.client.put_object(Bucket=place.bucket, Key=f"{place.prefix}/{key}", Body=data)

    store = open_store(weed.over_tls(place) if request.param == "s3-tls" else place)
    store.begin(True)
    return Given(store, spoil)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@dataclass(frozen=True)
class Local:
    """A file of the archive."""

    path: Path
    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


Make = Callable[[int], Local]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes local files of a given size; the bytes differ from file to file and are the same every time."""
    made = 0

    def one(size: int) -> Local:
        nonlocal made
        made += 1
        data = hashlib.shake_256(f"file {made}".encode()).digest(size)
        path = tmp_path / f"local é:{made}.warc.gz"
        path.write_bytes(data)
        return Local(path, data)

    return one
