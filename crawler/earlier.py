"""What an earlier crawl of the site may be relied on for."""

from __future__ import annotations

from collections.abc import Iterator

from storage.cdxj import Line, read_index
from storage.snapshot import Snapshot


def trusted(previous: Snapshot) -> Iterator[Line]:
    """Lines of the previous view whose WARC is still there in full size: revisits may point to those."""
    there = {}
    for warc in previous.manifest().warcs:
        path = previous.root / warc.path
        there[path.name] = path.exists() and path.stat().st_size == warc.size
    return (line for line in read_index(previous.index) if there.get(line.filename))
