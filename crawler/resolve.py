"""Does every link and requisite of the captured pages lead somewhere in the view? Without a browser.

The crawl's own memory of what it followed is not believed here: pages are read back as a replay tool would,
and what they name is looked up by the key that such a tool uses. What a rule left out on purpose, or what is
a gap already, is explained; anything else hangs in the air.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from crawler.engine.links import Named, charset_of, links
from crawler.known import Known
from crawler.visit import BODY_LIMIT
from storage.cdxj import Line, surt
from storage.http import decoded, payload
from storage.warc import OPEN, read_at

_READ = frozenset({"text/html", "application/xhtml+xml", "text/css"})
_LISTED = 1000


@dataclass(slots=True)
class Resolved:
    """checked: different addresses that pages name. found: those in the view. explained: those that a rule or
    a gap accounts for. dangling: (address, the page that names it) of the others, the first thousand;
    hanging: how many.
    """

    checked: int = 0
    found: int = 0
    explained: int = 0
    hanging: int = 0
    dangling: list[tuple[str, str]] = field(default_factory=list)


def resolve(
    lines: Callable[[], Iterable[Line]],
    warcs: Path,
    own: Callable[[str], bool],
    known: Callable[[str], Known | None],
) -> Resolved:
    """Look up everything the view's pages name.

    lines: the view, read twice. warcs: the folder of its files, finished or not. own: is a URL on the site's
    server; links elsewhere are not ours to have, requisites are. known: what the crawl says of a URL.
    BrokenData when a record cannot be read back.
    """
    keys = {hash(line.key) for line in lines()}
    originals = {line.digest: line for line in lines() if line.kind == "response" and line.mime in _READ}
    named, seen, done = Named(), set[int](), Resolved()
    for line in _latest(line for line in lines() if _is_page(line) and own(line.url)):
        for url, kind in _links(line, originals.get(line.digest, line), warcs, named):
            if hash(url) in seen or not (own(url) or kind == "requisite"):
                continue
            seen.add(hash(url))
            done.checked += 1
            if hash(surt(url)) in keys:
                done.found += 1
            elif _explained(known(url), ("skipped", "failed")) or _explained(known(line.url), ("failed",)):
                done.explained += 1  # what a page names that is a gap itself was not followed
            else:
                done.hanging += 1
                if len(done.dangling) < _LISTED:
                    done.dangling.append((url, line.url))
    return done


def _is_page(line: Line) -> bool:
    # A login form in place of a page names nothing that anybody followed.
    return line.mime in _READ and line.status == 200 and not dict(line.extra).get("verdict")


def _latest(lines: Iterable[Line]) -> Iterator[Line]:
    """Of several captures of an address the one made last, in the order of the index.

    An earlier one may have been recorded just when the crawl was killed: it was asked for again, and what
    only the first one named (addresses with the time in them) was never judged.
    """
    for _, same in groupby(lines, key=lambda line: line.key):
        yield max(same, key=lambda line: (line.timestamp, line.date))


def _explained(row: Known | None, states: tuple[str, ...]) -> bool:
    return row is not None and row.state in states


def _links(line: Line, original: Line, warcs: Path, named: Named) -> Iterator[tuple[str, str]]:
    path = warcs / original.filename
    if not path.exists():
        path = path.with_name(path.name + OPEN)
    with read_at(path, original.offset) as record:
        block = b"".join(record.chunks())
        head = record.http  # known once the block was read
    if head is not None:
        body = decoded(head, payload(head, [block[head.length :]]), BODY_LIMIT)[0]
        charset = charset_of(head.get(b"content-type"), body)
        yield from links(body, line.url, line.mime, charset, named)
