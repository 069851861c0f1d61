"""The manifest: which files make up one snapshot, with the size and SHA-256 of each.

Written last; the snapshot exists when its manifest does. `self` is the SHA-256 of the canonical JSON
(sorted keys, no spaces, UTF-8) of everything else, so `jq -cjS 'del(.self)' manifest.json | sha256sum`
shows the same digest.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from storage.errors import BrokenData, UsageError

FORMAT = 1
SITE = re.compile(r"[a-z0-9-]{1,40}")
SNAPSHOT = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_PATH = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")
_SHA256 = re.compile(r"[0-9a-f]{64}")

Coverage = Literal["unknown", "complete", "gaps"]


class NewerFormat(UsageError):
    """A file of the archive was written by a newer Jukni; this one must not guess at it."""

    def __init__(self, name: str, found: object, known: int, where: str = "") -> None:
        super().__init__(
            f"{name} is in a format this Jukni does not know",
            what=f"format {found!r}; this version reads format {known}",
            where=where,
            kept="nothing was changed",
            next=("git -C CHECKOUT pull",),
        )


@dataclass(frozen=True, slots=True)
class File:
    """One file of the snapshot. path: relative to the archive's root, "/" between, plain ASCII names."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Warc(File):
    """A WARC file the view needs. own: this crawl wrote it; else it is an earlier crawl's."""

    own: bool


@dataclass(frozen=True, slots=True)
class Tool:
    """The program that sealed the snapshot."""

    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What manifest.json says. Times are UTC, kept to the second.

    config: fingerprint of the configuration, "sha256:…". previous: the snapshot this crawl started from.
    verdict: of the coverage. counts: whole numbers by name; `captures`, `new`, `pages` and `bytes` are always
    there (see snapshot.seal), the rest is the crawl's. private: for nobody else; said only when it is so.
    """

    site: str
    snapshot: str
    label: str | None
    seeds: tuple[str, ...]
    began: datetime
    sealed: datetime
    tool: Tool
    config: str
    previous: str | None
    verdict: Coverage
    counts: Mapping[str, int] = field(hash=False)
    files: tuple[File, ...]
    warcs: tuple[Warc, ...]
    private: bool = False

    def to_json(self) -> bytes:
        """The bytes of manifest.json, `self` digest included; the same values give the same bytes."""
        plain: dict[str, Any] = {
            "format": FORMAT,
            "site": self.site,
            "snapshot": self.snapshot,
            "label": self.label,
            "seeds": list(self.seeds),
            "began": time_text(self.began),
            "sealed": time_text(self.sealed),
            "tool": {"name": self.tool.name, "version": self.tool.version},
            "config": self.config,
            "previous": self.previous,
            "verdict": self.verdict,
            "counts": dict(sorted(self.counts.items())),
            "files": [{"path": f.path, "size": f.size, "sha256": f.sha256} for f in self.files],
            "warcs": [{"path": w.path, "size": w.size, "sha256": w.sha256, "own": w.own} for w in self.warcs],
        }
        if self.private:
            plain["private"] = True
        plain["self"] = self_digest(plain)
        return json.dumps(plain, indent=1, ensure_ascii=False).encode() + b"\n"


def self_digest(plain: Mapping[str, Any]) -> str:
    """The digest that belongs into `self`; whatever stands there now does not count."""
    rest = {key: value for key, value in plain.items() if key != "self"}
    canonical = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def parse(data: bytes, *, where: str = "manifest.json", edited: bool = False) -> Manifest:
    """Read manifest.json strictly.

    BrokenData for anything but exactly the fields and kinds of value of format 1, and for a `self` digest
    that does not fit; `edited` passes over the digest alone, for verify, which goes on to look at the files.
    NewerFormat when the format number is not ours.
    """
    read = _Reader(where)
    try:
        plain = json.loads(data, object_pairs_hook=read.pairs)
    except (ValueError, RecursionError) as error:
        raise read.broken(f"it is not JSON: {error}") from error
    if not isinstance(plain, dict) or "format" not in plain:
        raise read.broken("it has no format number")
    if plain["format"] != FORMAT or isinstance(plain["format"], bool):
        raise NewerFormat("manifest.json", plain["format"], FORMAT, where)
    expected = {"format", *Manifest.__dataclass_fields__, "self"}
    read.keys({"private": True} | plain, expected, "the manifest")
    if plain.get("private", True) is not True:
        raise read.broken(f"private cannot be {plain['private']!r}")
    if not edited and plain["self"] != self_digest(plain):
        raise read.broken("it was changed after it was written (its own digest does not fit)")
    tool = read.object(plain["tool"], {"name", "version"}, "tool")
    previous = plain["previous"]
    found = Manifest(
        site=read.text(plain["site"], "site", SITE),
        snapshot=read.text(plain["snapshot"], "snapshot", SNAPSHOT),
        label=None if plain["label"] is None else read.text(plain["label"], "label"),
        seeds=tuple(read.text(seed, "seeds") for seed in read.list(plain["seeds"], "seeds")),
        began=read.time(plain["began"], "began"),
        sealed=read.time(plain["sealed"], "sealed"),
        tool=Tool(read.text(tool["name"], "tool.name"), read.text(tool["version"], "tool.version")),
        config=read.text(plain["config"], "config"),
        previous=None if previous is None else read.text(previous, "previous", SNAPSHOT),
        verdict=read.verdict(plain["verdict"]),
        counts=read.counts(plain["counts"]),
        files=tuple(read.file(entry) for entry in read.list(plain["files"], "files")),
        warcs=tuple(read.warc(entry) for entry in read.list(plain["warcs"], "warcs")),
        private="private" in plain,
    )
    paths = [file.path for file in (*found.files, *found.warcs)]
    if len(paths) != len(set(paths)):
        raise read.broken("it names a file twice")
    if stray := [path for path in paths if not path.startswith(found.site + "/")]:
        raise read.broken(f"it names a file outside its site: {stray[0]}")
    return found


class _Reader:
    """Values out of plain JSON, or BrokenData that says which one is wrong."""

    def __init__(self, where: str) -> None:
        self.where = where

    def broken(self, what: str) -> BrokenData:
        return BrokenData("a manifest cannot be believed", what=what, where=self.where)

    def pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a name stands twice in one object")
        return found

    def keys(self, value: Mapping[str, Any], expected: set[str], name: str) -> None:
        if value.keys() != expected:
            odd = sorted(value.keys() ^ expected)
            raise self.broken(f"{name} has other fields than format {FORMAT} has: {', '.join(odd)}")

    def object(self, value: Any, expected: set[str], name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.broken(f"{name} is not an object")
        self.keys(value, expected, name)
        return value

    def list(self, value: Any, name: str) -> list[Any]:
        if not isinstance(value, list):
            raise self.broken(f"{name} is not a list")
        return value

    def text(self, value: Any, name: str, form: re.Pattern[str] | None = None) -> str:
        if not isinstance(value, str) or (form is not None and not form.fullmatch(value)):
            raise self.broken(f"{name} cannot be {value!r}")
        return value

    def number(self, value: Any, name: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.broken(f"{name} cannot be {value!r}")
        return value

    def time(self, value: Any, name: str) -> datetime:
        text = self.text(value, name)
        try:
            return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError as error:
            raise self.broken(f"{name} cannot be {text!r}") from error

    def verdict(self, value: Any) -> Coverage:
        for known in get_args(Coverage):
            if value == known:
                return known  # type: ignore[no-any-return]
        raise self.broken(f"verdict cannot be {value!r}")

    def counts(self, value: Any) -> dict[str, int]:
        if not isinstance(value, dict):
            raise self.broken("counts is not an object")
        return {name: self.number(count, f"counts.{name}") for name, count in value.items()}

    def file(self, entry: Any) -> File:
        value = self.object(entry, {"path", "size", "sha256"}, "a file")
        return File(*self._file(value))

    def warc(self, entry: Any) -> Warc:
        value = self.object(entry, {"path", "size", "sha256", "own"}, "a WARC")
        if not isinstance(value["own"], bool):
            raise self.broken(f"own cannot be {value['own']!r}")
        return Warc(*self._file(value), value["own"])

    def _file(self, value: dict[str, Any]) -> tuple[str, int, str]:
        path = self.text(value["path"], "path", _PATH)
        return path, self.number(value["size"], path), self.text(value["sha256"], path, _SHA256)


def time_text(moment: datetime) -> str:
    """RFC 3339 in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
