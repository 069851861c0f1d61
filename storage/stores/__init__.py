"""Stores: offsite places that hold named bytes.

A store can do four things: `put`, `get`, `stat`, `list`. What it says about what it holds is never proof:
`prove` reads an object back in full and compares its SHA-256 with the one we wrote down ourselves.

Every foreign error is translated where it happens, so that a caller sees one of these and nothing else:
Refused (the store said no), Unreachable (no believable answer; later may help), Missing (it is surely not
there), Corrupt (the bytes are not the ones asked for), and BrokenData for a damaged file of our own.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from storage.errors import BROKEN, REMOTE, BrokenData, Failure, UsageError
from storage.files import PART, put_in_place, room_for

PIECE = 1 << 20
_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,199})*")
_STUCK = 3


class StoreError(Failure):
    """Something went wrong between us and a store. code: the store's own word, such as AccessDenied."""

    exit_code = REMOTE
    risk_line = "a store did not do what it was asked"

    def __init__(self, what: str, *, where: str, code: str = "", next: tuple[str, ...] = ()) -> None:
        super().__init__(self.risk_line, what=what, where=where, next=next)
        self.code = code


class Refused(StoreError):
    """The store was reached and said no; asking again without a change is of no use."""

    risk_line = "the store refused"


class Unreachable(StoreError):
    """No answer, or none that can be believed; whether the object is there is not known."""

    risk_line = "the store could not be reached"


class Missing(StoreError):
    """The store was reached and does not hold this object."""

    risk_line = "the store does not hold a file it should hold"


class Corrupt(StoreError):
    """The store holds something else under this name."""

    exit_code = BROKEN
    risk_line = "the store does not give back what was put there"


@dataclass(frozen=True, slots=True)
class Stat:
    """What a store says it holds. size: bytes. sha256: as told at `put`; None where no such note is kept."""

    size: int
    sha256: str | None


class Store(Protocol):
    """One offsite place. Keys are relative paths of the archive (see `check_key`).

    name: as in jukni.toml. identity: two stores with the same one are the same place, whatever their name.
    """

    name: str
    identity: str

    def address(self, key: str = "") -> str:
        """Where the store, or one object in it, is; without secrets, for messages and proofs."""

    def begin(self, first: bool) -> None:
        """Make sure that this is the store we mean, before anything is written to it.

        first: nothing was ever proved to be in it. Refused or Unreachable with the cause otherwise.
        """

    def put(self, key: str, path: Path, sha256: str) -> None:
        """Copy a file there; whole or not at all, over what was there before.

        BrokenData when the file does not have that SHA-256. What returns here is acknowledged, not proved.
        """

    def get(self, key: str, start: int = 0) -> Iterator[bytes]:
        """The bytes of an object from `start` on. Missing; Unreachable also in the middle, when it is cut."""

    def stat(self, key: str) -> Stat | None:
        """What the store says of an object; None only when the store says that there is none."""

    def list(self, prefix: str = "") -> Iterator[str]:
        """Keys that begin with `prefix`, sorted. An answer that is no listing is Unreachable, not "none"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder as a store: another disk, a network share."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """An S3 bucket as a store. endpoint: "" for AWS. ca_bundle: PEM file to trust instead of the usual.

    access_key: "" to ask without keys, for a bucket that everybody may read.
    """

    name: str
    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = ""
    ca_bundle: str = ""
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)


Place = Folder | Bucket


def open_store(place: Place) -> Store:
    """The store at a place; nothing is asked of it yet. UsageError when it cannot be one."""
    if isinstance(place, Folder):
        from storage.stores.directory import Directory

        return Directory(place)
    try:
        # boto3 is big and slow to load; a restore from a folder must not need it.
        from storage.stores.s3 import S3
    except ImportError as error:
        raise UsageError(
            "an S3 store cannot be used here", what=f"boto3 is missing: {error}", next=("pip install boto3",)
        ) from error
    return S3(place)


def place_of(address: str, **more: str) -> Place:
    """The place that `s3://bucket/prefix` or `/some/folder` names. more: further fields of Bucket.

    UsageError for any other form.
    """
    if "://" not in address:
        return Folder(name="folder", path=Path(address).absolute())
    parts = urlsplit(address)
    if parts.scheme != "s3" or not parts.netloc or parts.username or parts.query or parts.fragment:
        raise UsageError(
            "this is not the address of a store", what="known: s3://bucket/prefix, /a/folder", where=address
        )
    return Bucket(name="s3", bucket=parts.netloc, prefix=parts.path.strip("/"), **more)


def check_key(key: str) -> str:
    """The key itself; ValueError unless every store keeps it as it is.

    Letters, digits, "." "_" "-" between single slashes, no part that starts with a dot, parts of at most 200
    bytes, 900 in all. Stores differ on anything else (facts: SeaweedFS re-maps `a//b`, loses `dir/`).
    """
    if len(key) > 900 or not _KEY.fullmatch(key):
        raise ValueError(f"not a name every store can keep: {key!r}")
    return key


def fetch(store: Store, key: str, target: Path, size: int, sha256: str) -> None:
    """Bring one object to `target`: exactly these bytes, on disk, or an exception and no `target`.

    A cut connection goes on where it was cut; what an interrupted run left in `target` + ".part" is used.
    Bytes that do not fit are fetched once more from the start before they are Corrupt. OutOfDisk when full.
    """
    part = target.with_name(target.name + PART)
    with room_for(target):
        for again in (False, True):
            with part.open("wb+" if again else "ab+") as file:
                file.seek(0)
                digest = hashlib.sha256()
                while piece := file.read(PIECE):
                    digest.update(piece)
                try:
                    have = _receive(store, key, size, digest.update, file.write, file.tell())
                except Missing:
                    part.unlink()
                    raise
                file.flush()
                os.fsync(file.fileno())
            if have == size and digest.hexdigest() == sha256:
                put_in_place(part, target)
                return
        part.unlink()
    raise _corrupt(store, key, size, have)


def prove(store: Store, key: str, size: int, sha256: str) -> None:
    """Read one object back in full; returns when it is exactly these bytes, else Missing, Corrupt, …

    A difference is looked at twice, so that damage on the way is not taken for damage in the store.
    """
    for _ in range(2):
        digest = hashlib.sha256()
        have = _receive(store, key, size, digest.update, lambda _: None, 0)
        if have == size and digest.hexdigest() == sha256:
            return
    raise _corrupt(store, key, size, have)


def _receive(
    store: Store,
    key: str,
    size: int,
    seen: Callable[[bytes], object],
    write: Callable[[bytes], object],
    have: int,
) -> int:
    """Read on from `have` until the object ends or is longer than `size`; the number of bytes then had."""
    stuck = 0
    while have < size or have == size == 0:
        before = have
        try:
            for piece in store.get(key, have):
                seen(piece)
                write(piece)
                have += len(piece)
                if have > size:
                    break
            break
        except Unreachable:
            stuck = 0 if have > before else stuck + 1
            if stuck == _STUCK:
                raise
    return have


def _corrupt(store: Store, key: str, size: int, have: int) -> Corrupt:
    if have == size:
        what = f"all {size} bytes are there, but their SHA-256 is another one"
    else:
        what = f"{'more than ' if have > size else ''}{min(have, size)} bytes came back instead of {size}"
    return Corrupt(what, where=store.address(key))


def pieces_of(path: Path, sha256: str, size: int = PIECE) -> Iterator[bytes]:
    """A file of our own, in pieces of `size` bytes (the last one shorter, at least one).

    BrokenData when it cannot be read, and after the last piece when its SHA-256 is another one.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb", buffering=0) as file:
            first = True
            while (piece := _fill(file, size)) or first:
                first = False
                digest.update(piece)
                yield piece
    except OSError as error:
        raise _damaged(path, error.strerror or str(error)) from error
    if digest.hexdigest() != sha256:
        raise _damaged(path, "its SHA-256 is not the one it was sealed with")


def _fill(file: FileIO, size: int) -> bytes:
    """Exactly `size` bytes, fewer only at the end of the file."""
    pieces: list[bytes] = []
    while size and (piece := file.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _damaged(path: Path, what: str) -> BrokenData:
    return BrokenData("a file of the local archive is damaged", what=what, where=str(path))
