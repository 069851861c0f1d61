"""What archive.org's index (its CDX server) has of a site: one sweep, as few requests as it takes.

Source: internetarchive/wayback, wayback-cdx-server/README.md. Every capture is asked for, not one a URL:
`collapse=urlkey` gives the oldest (docs/decisions/007-sweeping-the-whole-index.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from storage.archive_org.answers import Reply, retry_after
from storage.archive_org.client import Client, NoAnswer
from storage.cdxj import REVISIT
from storage.errors import RemoteError

_FIELDS = ("original", "timestamp", "mimetype", "statuscode", "digest")
_ROWS = 20_000  # in one answer, about 3 MB
_TRIES = 4
_PAUSE = 2.0  # seconds between two answers, and before the second try, doubled before each further one
_LONGEST = 600.0  # seconds we wait because of a Retry-After


@dataclass(frozen=True, slots=True)
class Capture:
    """One capture as the index has it. digest: "sha1:…", like ours. timestamp: 14 digits, UTC."""

    url: str
    timestamp: str
    digest: str

    @property
    def at(self) -> datetime:
        return moment(self.timestamp)


def moment(timestamp: str) -> datetime:
    """The time of a timestamp of 14 digits. ValueError when it is none."""
    return datetime.strptime(timestamp, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def prefixes(urls: Iterable[str]) -> list[str]:
    """What to sweep so that all these URLs are in it: for each host the folder that they share.

    Without scheme and "www.", which the index does not tell apart.
    """
    shared: dict[str, list[str]] = {}
    for url in urls:
        parts = urlsplit(url)
        host = re.sub(r"^www\d*\.", "", parts.netloc.rpartition("@")[2].lower())
        folders = parts.path.split("/")[1:-1]
        before = shared.get(host)
        if before is None:
            shared[host] = folders
            continue
        same = 0
        while same < min(len(before), len(folders)) and before[same] == folders[same]:
            same += 1
        shared[host] = before[:same]
    return sorted("/".join([host, *folders, ""]) for host, folders in shared.items())


def sweep(
    client: Client,
    prefix: str,
    *,
    sleep: Callable[[float], None],
    now: Callable[[], datetime],
    since: datetime | None = None,
) -> Iterator[Capture]:
    """Every capture of a page (status 200, or a revisit) whose URL begins so, from `since` on.

    RemoteError when the index cannot be read to its end: never a part of it that passes for the whole.
    """
    query = {
        "url": prefix,
        "matchType": "prefix",
        "output": "json",
        "fl": ",".join(_FIELDS),
        "limit": str(_ROWS),
        "showResumeKey": "true",
    }
    if since is not None:
        query["from"] = f"{since.astimezone(UTC):%Y%m%d%H%M%S}"
    keys: set[str] = set()
    while True:
        rows, key = _read(_patiently(client, query, sleep, now), f"{client.addresses.cdx}?url={prefix}")
        yield from (capture for row in rows if (capture := _capture(row)))
        if not key:
            return
        if key in keys:
            raise _unreadable("it gave the same part twice", client.addresses.cdx)
        keys.add(key)
        query["resumeKey"] = key
        sleep(_PAUSE)


def _patiently(
    client: Client, query: dict[str, str], sleep: Callable[[float], None], now: Callable[[], datetime]
) -> Reply:
    """The answer, after a few tries."""
    why = ""
    for number in range(_TRIES):
        asked_to = 0.0
        try:
            reply = client.index(query)
            if reply.status == 200:
                return reply
            why = f"HTTP {reply.status}"
            asked_to = retry_after(reply.headers.get("retry-after", ""), now())
            if reply.status in (400, 403, 404) or asked_to > _LONGEST:
                break
        except NoAnswer as error:
            why = error.text
        if number + 1 < _TRIES:
            sleep(max(asked_to, _PAUSE * 2**number))
    raise _unreadable(why, client.addresses.cdx)


def _read(reply: Reply, where: str) -> tuple[list[list[Any]], str]:
    """Rows and the resume key, "" at the end. An answer that is no such list is never "none"."""
    try:
        plain = json.loads(reply.body)
    except (ValueError, RecursionError) as error:
        raise _unreadable("its answer is not JSON", where) from error
    if not isinstance(plain, list) or not all(isinstance(row, list) for row in plain):
        raise _unreadable("its answer is no list of captures", where)
    if not plain:
        return [], ""
    key = ""
    if len(plain) > 2 and plain[-2] == [] and len(plain[-1]) == 1:
        key = str(plain[-1][0])
        plain = plain[:-2]
    if tuple(plain[0]) != _FIELDS or any(len(row) != len(_FIELDS) for row in plain):
        raise _unreadable("its answer has other fields than were asked for", where)
    return plain[1:], key


def _capture(row: list[Any]) -> Capture | None:
    url, timestamp, mime, status, digest = map(str, row)
    if status != "200" and mime != REVISIT:
        return None
    try:
        moment(timestamp)
    except ValueError:
        return None
    return Capture(url, timestamp, f"sha1:{digest.removeprefix('sha1:').upper()}")


def _unreadable(what: str, where: str) -> RemoteError:
    return RemoteError(
        "what archive.org has could not be looked up",
        what=what,
        where=where,
        kept="nothing was asked for without knowing what is there already",
        next=("jukni submit",),
    )
