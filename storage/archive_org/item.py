"""A snapshot's files as an item of archive.org: a public copy of the WARC files, which does not enter the

Wayback Machine. The only importer of `internetarchive`. Source: internetarchive 5.12, vmbrasseur/IAS3API.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from storage.archive_org.client import Keys
from storage.collection import ARCHIVE_FILE, Collection
from storage.errors import BrokenData, Failure, RemoteError, Unproven, UsageError
from storage.files import sync_folder, write_once
from storage.manifest import Manifest, time_text
from storage.proof import Verdict
from storage.readme import NAME as README
from storage.snapshot import MANIFEST, Snapshot

SAVE = "https://s3.us.archive.org"
METADATA = "https://archive.org/metadata"
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What became of it. item: its address. files, bytes: that are there as they should be."""

    snapshot: str
    at: str
    item: str
    verdict: Verdict
    files: int
    bytes: int
    problems: list[str]


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    path: Path
    size: int
    md5: str


def put_as_item(
    snapshot: Snapshot,
    keys: Keys,
    *,
    now: Callable[[], datetime],
    say: Callable[[str], None],
    agent: str,
    creator: str = "",
    item_url: str = SAVE,
    metadata_url: str = METADATA,
    retries: int = 5,
    pause: int = 30,
) -> tuple[Item, Failure | None]:
    """Put every file that the snapshot's manifest names into its item, and compare what is listed there.

    What is there already with our size and MD5 is not sent again. The result is also in SITE/proofs; the
    failure is what to tell when it is not proved. UsageError for a private or open snapshot, or without the
    package.
    """
    collection = Collection(snapshot.root, snapshot.site)
    identifier = f"jukni-{snapshot.site}-{snapshot.name.lower()}"
    why = "its collection is marked as private" if collection.private else ""
    why = why or ("" if snapshot.is_sealed else "its crawl has not ended")
    try:
        session = _session(keys, agent, {SAVE: item_url, METADATA: metadata_url})
    except ImportError as error:
        why = why or f"the package internetarchive is missing: {error}"
    if why:
        raise UsageError(
            f"{snapshot} cannot become an item",
            what=why,
            where=str(snapshot.folder),
            kept="nothing was sent",
            next=("pip install internetarchive", f"jukni submit {snapshot} --as-item"),
        )
    manifest = snapshot.manifest()
    files = _files(snapshot, manifest)
    about = _about(manifest, creator, agent)
    refused = ""
    try:
        item = session.get_item(identifier)
        listed = _listed(item)
        for file in files:
            if listed.get(file.name) == (file.size, file.md5):
                continue
            say(f"{file.name} → {identifier}")
            with file.path.open("rb") as body:
                item.upload_file(
                    body, key=file.name, metadata=about, verify=True, retries=retries, retries_sleep=pause
                )
        listed = _listed(session.get_item(identifier))
    except (OSError, ValueError) as error:  # what requests raises is an OSError
        refused, listed = _words(error, keys), {}
    result, failure = _verdict(
        snapshot, files, listed, refused, f"https://archive.org/details/{identifier}", now()
    )
    if not collection.proofs.exists():
        collection.proofs.mkdir(parents=True)
        sync_folder(collection.folder)
    text = json.dumps(asdict(result), indent=1, ensure_ascii=False).encode("utf-8", "replace")
    write_once(collection.proofs / f"{snapshot.name}-item.json", [text + b"\n"])
    return result, failure


def _verdict(
    snapshot: Snapshot,
    files: list[_File],
    listed: Mapping[str, tuple[int, str]],
    refused: str,
    address: str,
    now: datetime,
) -> tuple[Item, Failure | None]:
    there = [file for file in files if listed.get(file.name) == (file.size, file.md5)]
    other = [file.name for file in files if file.name in listed and file not in there]
    missing = [file.name for file in files if file.name not in listed]
    problems = [f"{name}: other bytes are there" for name in other]
    problems += [refused] if refused else [f"{name}: not listed yet" for name in missing]
    result = Item(
        snapshot=str(snapshot),
        at=time_text(now),
        item=address,
        verdict="broken" if other else "unproven" if problems else "proved",
        files=len(there),
        bytes=sum(file.size for file in there),
        problems=problems,
    )
    if not problems:
        return result, None
    cause = BrokenData if other else RemoteError if refused else Unproven
    return result, cause(
        f"{snapshot} is not whole at archive.org",
        what=problems[0] + (f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""),
        where=address,
        kept="the snapshot here was not touched",
        next=(f"jukni submit {snapshot} --as-item",),
    )


def _files(snapshot: Snapshot, manifest: Manifest) -> list[_File]:
    """WARC files first, the manifest nearly last; names as in the archive."""
    names = [file.path for file in (*manifest.warcs, *manifest.files)]
    paths = [snapshot.root / name for name in names]
    paths.append(snapshot.folder / MANIFEST)
    paths += [path for name in (ARCHIVE_FILE, README) if (path := snapshot.root / name).is_file()]
    return [_File(snapshot.relative(path), path, *_md5(path)) for path in paths]


def _md5(path: Path) -> tuple[int, str]:
    size, digest = 0, hashlib.md5(usedforsecurity=False)
    with path.open("rb", buffering=0) as file:
        while piece := file.read(_PIECE):
            size += len(piece)
            digest.update(piece)
    return size, digest.hexdigest()


def _about(manifest: Manifest, creator: str, agent: str) -> dict[str, Any]:
    """The item's metadata, as archive.org knows it."""
    seeds = ", ".join(manifest.seeds)
    return {
        "mediatype": "web",
        "title": f"{manifest.site}, {manifest.began:%Y-%m-%d}: web archive of {seeds}",
        "description": f"WARC files of {seeds}, with index and manifest. See READ-ME-FIRST.txt.",
        "date": f"{manifest.began:%Y-%m-%d}",
        "subject": ["web archive", "WARC"],
        "originalurl": list(manifest.seeds),
        "scanner": agent,
        **({"creator": creator} if creator else {}),
    }


def _listed(item: Any) -> dict[str, tuple[int, str]]:
    """Name → size and MD5 of every file that archive.org lists."""
    found = {}
    for file in item.item_metadata.get("files", []):
        name, size, md5 = file.get("name"), str(file.get("size", "")), str(file.get("md5", ""))
        if isinstance(name, str) and size.isdigit():
            found[name] = (int(size), md5)
    return found


def _session(keys: Keys, agent: str, places: Mapping[str, str]) -> Any:
    """A session that says who we are, reads no configuration of its own, and asks where we say."""
    import internetarchive
    from requests.adapters import HTTPAdapter

    class Elsewhere(HTTPAdapter):
        def send(self, request: Any, *more: Any, **options: Any) -> Any:
            for usual, ours in places.items():
                if request.url.startswith(usual):
                    request.url = ours + request.url.removeprefix(usual)
            return super().send(request, *more, **options)

    config = {"s3": {"access": keys.access, "secret": keys.secret}}
    session = internetarchive.get_session(config, config_file="/dev/null")
    session.headers["User-Agent"] = agent  # theirs has the access key in it
    if places != {SAVE: SAVE, METADATA: METADATA}:
        for usual in places:
            session.mount(usual, Elsewhere())
    return session


def _words(error: Exception, keys: Keys) -> str:
    """Their words in a line."""
    text = str(error)
    for secret in (keys.access, keys.secret):
        text = text.replace(secret, "…")
    return " ".join(text.split())[:300] or type(error).__name__
