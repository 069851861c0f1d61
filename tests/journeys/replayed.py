"""What pywb gives back, beside what was captured: the two must be the same bytes."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from base64 import b32encode
from collections.abc import Iterable

from storage.browse import Replay
from storage.cdxj import Line

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def wrongly_replayed(replay: Replay, lines: Iterable[Line]) -> tuple[int, list[str]]:
    """How many 200s were compared, and a sentence for each whose payload is not the one of the index."""
    compared, wrong = 0, []
    for line in lines:
        if line.status != 200:
            continue
        compared += 1
        status, digest = _replayed(replay, line)
        if (status, digest) != (200, line.digest):
            wrong.append(f"{line.url} at {line.timestamp} ({line.kind}): {status} {digest} not {line.digest}")
    return compared, wrong


def _replayed(replay: Replay, line: Line) -> tuple[int, str]:
    request = urllib.request.Request(
        replay.url_for(line.url, line.timestamp, raw=True), headers={"Accept-Encoding": "gzip"}
    )
    try:
        with _DIRECT.open(request, timeout=30) as answer:
            if "Memento-Datetime" not in answer.headers:
                return 0, "pywb's own page"
            return answer.status, "sha1:" + b32encode(hashlib.sha1(answer.read()).digest()).decode()
    except urllib.error.HTTPError as error:
        return error.code, ""
