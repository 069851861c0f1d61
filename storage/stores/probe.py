"""What a store truly does, and what our key could do to it: tried on one throw-away object, never believed.

A store may accept a setting and ignore it, so every answer is checked by its effect. Protection is only said
to be there when the forbidden thing was tried and the object was still there afterwards.
"""

from __future__ import annotations

import hashlib
import secrets
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from storage.stores import Corrupt, Missing, Refused, Store, StoreError, prove
from storage.stores.directory import Directory

KEY = "jukni-probe.txt"
"""Always the same name, so that a store which lets nobody delete keeps one small object of ours."""

_CAN = "give the key the right to write, read and list objects here"

Verdict = Literal["well", "wrong", "unknown"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing tried. what: its name. found: in words. advice: what to do, "" when well."""

    what: str
    verdict: Verdict
    found: str
    advice: str = ""


@runtime_checkable
class _Buckets(Store, Protocol):
    """A store with more to it than four verbs: S3."""

    bucket: str
    prefix: str

    def call(self, operation: str, key: str | None, **values: Any) -> dict[str, Any]: ...


def probe(store: Store) -> Iterator[Trial]:
    """Try a store out. Never raises StoreError: what cannot be found out is "unknown" and says why.

    Nothing is written to a folder that no push has used yet, and nothing but `KEY` to any store.
    """
    if isinstance(store, Directory) and not store.is_marked():
        yield _unused(store)
        return
    with tempfile.TemporaryDirectory() as folder:
        old, new = (_Sample.make(Path(folder) / name) for name in ("old", "new"))
        works = list(_basics(store, old))
        yield from works
        if any(trial.verdict == "wrong" for trial in works):
            return
        if isinstance(store, _Buckets):
            yield from _Bucket(store, old, new).trials()
        else:
            Path(store.address(KEY)).unlink()
            yield Trial(
                "protection",
                "unknown",
                "not proved: whoever may write to this folder may also delete from it",
                "it saves from a broken disk, not from a break-in: keep another copy elsewhere",
            )


@dataclass(frozen=True)
class _Sample:
    """Some bytes that no earlier probe has written."""

    path: Path
    size: int
    sha256: str

    @classmethod
    def make(cls, path: Path) -> _Sample:
        data = f"Written by `jukni doctor`; may be deleted at any time.\n{secrets.token_hex(16)}\n".encode()
        path.write_bytes(data)
        return cls(path, len(data), hashlib.sha256(data).hexdigest())

    def put(self, store: Store) -> None:
        store.put(KEY, self.path, self.sha256)
        prove(store, KEY, self.size, self.sha256)


def _unused(store: Store) -> Trial:
    look = f"findmnt --target {shlex.quote(str(store.address()))}"
    try:
        store.begin(False)
    except StoreError as error:
        if error.code == "EMPTY":
            return Trial("folder", "unknown", "empty: never pushed to, or its disk is not mounted", look)
        return Trial("folder", "wrong", error.what, look)
    raise AssertionError("a folder without a marker was taken for a store")


def _basics(store: Store, sample: _Sample) -> Iterator[Trial]:
    """What a push and a restore need."""
    try:
        sample.put(store)
    except StoreError as error:
        yield Trial("write and read", "wrong", error.what, _CAN)
        return
    yield Trial("write and read", "well", "an object came back as it was sent")
    try:
        listed = KEY in list(store.list(KEY))
    except StoreError as error:
        yield Trial("list", "wrong", error.what, "let the key list the bucket: a restore looks for snapshots")
        return
    if listed:
        yield Trial("list", "well", "the object is listed")
    else:
        yield Trial("list", "wrong", "an object that is there is not listed", "the store's listings lie")


class _Bucket:
    """What the key could do to what is already in the bucket."""

    def __init__(self, store: _Buckets, old: _Sample, new: _Sample) -> None:
        self.store = store
        self.old = old
        self.new = new
        self.safe: dict[str, bool | None] = {}
        """By trial: True proved harmless, False harm is possible, None not known."""

    def trials(self) -> Iterator[Trial]:
        yield self._replace()
        version = self._version_of_old()
        yield self._versions(version)
        yield self._delete(version)
        if version:
            yield self._delete_version(version)
        yield self._lifecycle()
        yield self._buckets()
        self._tidy()
        yield self._protection()

    def _replace(self) -> Trial:
        try:
            self.new.put(self.store)
        except (Refused, Corrupt) as error:
            if self._is_there(self.old):
                self.safe["replace"] = True
                return Trial("replace", "well", "what is there cannot be replaced")
            return self._not_known("replace", error)
        except StoreError as error:
            return self._not_known("replace", error)
        self.safe["replace"] = False
        return Trial("replace", "well", "a file that is there can be replaced")

    def _version_of_old(self) -> str | None:
        """The version id under which the first bytes can still be read; None when they cannot."""
        for version in self._listed("Versions"):
            try:
                body = self.store.call("get_object", KEY, VersionId=version["VersionId"])["Body"]
                data = body.read(1 << 16)
                body.close()
            except (StoreError, OSError):
                continue
            if hashlib.sha256(data).hexdigest() == self.old.sha256:
                return str(version["VersionId"])
        return None

    def _versions(self, version: str | None) -> Trial:
        if version and self.safe.get("replace") is False:
            return Trial("older versions", "well", "what is replaced can still be read as an older version")
        if self.safe.get("replace"):
            return Trial("older versions", "well", "not needed: nothing can be replaced")
        return Trial(
            "older versions",
            "wrong",
            "what is replaced or deleted is gone",
            "turn on versioning, best with an object lock, if the store has it",
        )

    def _delete(self, version: str | None) -> Trial:
        try:
            self.store.call("delete_object", KEY)
        except Refused:
            there = self._is_there(self.new) or self._is_there(self.old)
            self.safe["delete"] = there or None
            if there:
                return Trial("delete", "well", "this key may not delete")
            return Trial("delete", "unknown", "refused, yet the object cannot be read any more")
        except StoreError as error:
            return self._not_known("delete", error)
        if self._is_there(self.new):
            return Trial("delete", "unknown", "accepted, but the object is still there")
        self.safe["delete"] = False
        if version and self._version_of_old() == version:
            return Trial("delete", "well", "this key may delete, which hides a file and keeps its versions")
        return Trial(
            "delete",
            "wrong",
            "this key can delete files for good",
            "make a key that may write but not delete: whoever steals this one can erase the copy",
        )

    def _delete_version(self, version: str) -> Trial:
        what = "delete for good"
        try:
            self.store.call("delete_object", KEY, VersionId=version)
        except Refused:
            kept = self._version_of_old() == version
            self.safe["version"] = kept or None
            if kept:
                return Trial(what, "well", "older versions cannot be deleted with this key")
            return Trial(what, "unknown", "refused, yet the version cannot be read any more")
        except StoreError as error:
            return self._not_known(what, error)
        if self._version_of_old() == version:
            self.safe["version"] = None
            return Trial(what, "unknown", "accepted, but the version is still there")
        self.safe["version"] = False
        return Trial(
            what,
            "wrong",
            "this key can delete older versions",
            "make a key without the right to delete versions, or use an object lock",
        )

    def _lifecycle(self) -> Trial:
        """A rule that deletes would do what the key may not; only tried where there are none to disturb."""
        what = "expiry rules"
        rule = {
            "ID": "jukni-probe",
            "Status": "Disabled",
            "Filter": {"Prefix": self.store.prefix + KEY},
            "Expiration": {"Days": 3650},
        }
        try:
            self.store.call("get_bucket_lifecycle_configuration", None)
            return Trial(what, "unknown", "there are some; not tried, so as not to disturb them")
        except StoreError as error:
            if error.code != "NoSuchLifecycleConfiguration":
                return Trial(what, "unknown", f"not tried: {error.what}")
        try:
            self.store.call(
                "put_bucket_lifecycle_configuration", None, LifecycleConfiguration={"Rules": [rule]}
            )
        except Refused:
            self.safe["expiry"] = True
            return Trial(what, "well", "this key may not set rules that delete files")
        except StoreError as error:
            return self._not_known(what, error)
        self.safe["expiry"] = False
        found = "this key can set rules that delete files"
        try:
            self.store.call("delete_bucket_lifecycle", None)
        except StoreError as error:
            found += f"; the disabled rule jukni-probe stays behind: {error.what}"
        return Trial(what, "wrong", found, "take the right to set lifecycle rules from this key")

    def _buckets(self) -> Trial:
        name = f"jukni-probe-{secrets.token_hex(8)}"
        try:
            self.store.call("create_bucket", None, Bucket=name)
        except Refused:
            return Trial("buckets", "well", "this key may not make buckets")
        except StoreError as error:
            return self._not_known("buckets", error)
        found = "this key can make and delete buckets: it is an administrator's"
        try:
            self.store.call("delete_bucket", None, Bucket=name)
        except StoreError as error:
            found = f"this key can make buckets; the empty bucket {name} stays behind: {error.what}"
        return Trial("buckets", "wrong", found, "make a key that may use this one bucket and nothing else")

    def _protection(self) -> Trial:
        """All that was tried, in one word."""
        safe = self.safe
        kept = safe.get("version") is True
        erasing = [safe.get("delete"), safe.get("replace")]
        proved = [one is True or (one is False and kept) for one in erasing] + [safe.get("expiry") is True]
        if all(proved):
            return Trial("protection", "well", "proved: with this key nothing in the bucket can be destroyed")
        if False in (safe.get("expiry"), safe.get("version")) or (not kept and False in erasing):
            return Trial(
                "protection",
                "wrong",
                "whoever gets this key can destroy what is in the bucket",
                "what is wrong above says which right to take from it",
            )
        return Trial("protection", "unknown", "not proved: not everything could be tried")

    def _tidy(self) -> None:
        """Remove what is left of the object, as far as the key may."""
        for kind in ("Versions", "DeleteMarkers"):
            for one in self._listed(kind):
                try:
                    self.store.call("delete_object", KEY, VersionId=one["VersionId"])
                except StoreError:
                    return

    def _listed(self, kind: str) -> list[Mapping[str, Any]]:
        full = self.store.prefix + KEY
        try:
            answer = self.store.call("list_object_versions", None, Prefix=full)
        except StoreError:
            return []
        return [one for one in answer.get(kind, ()) if one.get("Key") == full and "VersionId" in one]

    def _is_there(self, sample: _Sample) -> bool:
        try:
            prove(self.store, KEY, sample.size, sample.sha256)
        except (StoreError, Missing):
            return False
        return True

    def _not_known(self, what: str, error: StoreError) -> Trial:
        return Trial(what, "unknown", f"could not be tried: {error.what}")
