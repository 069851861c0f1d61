"""The parts sites are made of (see static.py).

A part takes a request and gives a response or None; a *wrapper* (`slow`, `refusing`, `dying`, `sessions`,
`validated`) takes a part and gives one. What a part answers follows from the URL alone, so that two runs
see the same site.
"""

from __future__ import annotations

import hashlib
import html
import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from tests.sites.static import Part, Request, Response

When = Callable[[Request], bool]


@dataclass(frozen=True)
class Shape:
    """What the pages of a generated site look like: bytes of text and links to other pages on each."""

    size: int = 2_000
    navigation: int = 3
    children: int = 4
    random: int = 3


def pages(count: int, shape: Shape = Shape()) -> Part:
    """`/`, `/page/1.html` … `/page/COUNT-1.html`: all reachable from `/`, each with its `marker(number)`."""

    def part(request: Request) -> Response | None:
        number = page_number(request.path)
        if number is None or number >= count or request.target != page_path(number):
            return None
        return Response(page(number, count, shape))

    return part


def page_path(number: int) -> str:
    return f"/page/{number}.html" if number else "/"


def page_number(path: str) -> int | None:
    if path == "/":
        return 0
    found = re.fullmatch(r"/page/([1-9]\d*)\.html", path)
    return int(found[1]) if found else None


def marker(number: int) -> str:
    """What stands on that page of a generated site and nowhere else."""
    return "mark" + hashlib.sha1(f"static/{number}".encode()).hexdigest()[:16]


@lru_cache(maxsize=6_000)
def page(number: int, count: int, shape: Shape) -> bytes:
    """One page. Its children make a tree of all pages; most of its random links were seen before."""
    dice = random.Random(number)
    linked = [*range(min(shape.navigation, count))]
    first = number * shape.children + 1
    linked += [*range(first, min(first + shape.children, count))]
    linked += [dice.randrange(count) for _ in range(shape.random)]
    anchors = [f'<a href="{page_path(to)}">Fil {to} : l\'été {to % 7}</a>' for to in linked]
    menu = "\n".join(f"<li>{anchor}</li>" for anchor in anchors[: shape.navigation])
    parts = [
        f"<!DOCTYPE html>\n<html><head><meta charset='utf-8'><title>Page {number}, forêt</title></head>",
        f"<body><ul class='nav'>{menu}</ul><h1>Page {number}</h1><p>{marker(number)}</p>",
    ]
    anchors = anchors[shape.navigation :]
    size = sum(map(len, parts))
    while size < shape.size or anchors:
        text = " ".join(dice.choices(_WORDS, weights=_WEIGHTS, k=60))
        post = f"<div class='post'><div class='author'>membre {dice.randrange(99)}</div><p>{text}.</p>"
        if anchors:
            post += " ".join(anchors[:3])
            anchors = anchors[3:]
        parts.append(post + "</div>")
        size += len(parts[-1])
    return "\n".join([*parts, "</body></html>\n"]).encode()


def _vocabulary() -> list[str]:
    dice = random.Random("jukni")
    syllables = [
        "ta",
        "ré",
        "mon",
        "li",
        "seu",
        "pa",
        "ir",
        "chan",
        "fo",
        "ê",
        "del",
        "ou",
        "gri",
        "ne",
        "vis",
    ]
    return ["".join(dice.choices(syllables, k=dice.randint(1, 4))) for _ in range(3_000)]


_WORDS = _vocabulary()
_WEIGHTS = [1 / (rank + 3) for rank in range(len(_WORDS))]  # as in prose: few words make most of the text


def files(contents: Mapping[str, tuple[str, bytes]]) -> Part:
    """Fixed files: target → (content type, body)."""

    def part(request: Request) -> Response | None:
        found = contents.get(request.target)
        return Response(found[1], found[0]) if found else None

    return part


def robots(text: str) -> Part:
    return files({"/robots.txt": ("text/plain", text.encode())})


def big_file(path: str, size: int) -> Part:
    """A download of `size` bytes that do not compress."""
    block = random.Random(size).randbytes(1 << 16)

    def blocks() -> Iterator[bytes]:
        for start in range(0, size, len(block)):
            yield block[: size - start]

    return lambda request: (
        Response((size, blocks()), "application/octet-stream") if request.target == path else None
    )


def calendar(path: str = "/agenda") -> Part:
    """Months without end, each linking to the month before and after."""

    def part(request: Request) -> Response | None:
        if request.path != path:
            return None
        month = int(request.query.get("month", "24311"))
        links = [f'<a href="{path}?month={month + step}">{month + step}</a>' for step in (-1, 1)]
        return Response(f"<title>Mois {month}</title>{' '.join(links)} rien de prévu".encode())

    return part


def redirects(targets: Mapping[str, str], status: int = 302) -> Part:
    """Target → Location, word for word (relative, absolute, another host, itself …)."""

    def part(request: Request) -> Response | None:
        to = targets.get(request.target)
        return None if to is None else Response(b"", status=status, headers=(("Location", to),))

    return part


# --- wrappers ------------------------------------------------------------------------------------------


def every(count: int, first: int = 0) -> When:
    """Each `count`-th request the wrapper sees, beginning with number `first`."""
    counter = _Counter(-1)

    def when(request: Request) -> bool:
        counter.value += 1
        return counter.value >= first and (counter.value - first) % count == 0

    return when


def first(count: int) -> When:
    """The first `count` requests the wrapper sees."""
    counter = _Counter(0)

    def when(request: Request) -> bool:
        counter.value += 1
        return counter.value <= count

    return when


@dataclass
class _Counter:
    value: int = field(default=0)


def slow(part: Part, seconds: float) -> Part:
    """Every answer waits first: latency."""

    def slower(request: Request) -> Response | None:
        response = part(request)
        return None if response is None else replace(response, delay=response.delay + seconds)

    return slower


def refusing(part: Part, when: When, *, status: int = 429, retry_after: str | None = None) -> Part:
    """429 or 503 instead of the answer, with that Retry-After (seconds, a date or nonsense)."""

    def refuser(request: Request) -> Response | None:
        response = part(request)
        if response is None or not when(request):
            return response
        headers = () if retry_after is None else (("Retry-After", retry_after),)
        return Response(b"<title>Please wait</title>", status=status, headers=headers)

    return refuser


def dying(part: Part, when: When, after: int = -1) -> Part:
    """The connection breaks after that many bytes of the body; before any answer with -1."""

    def dier(request: Request) -> Response | None:
        response = part(request)
        return replace(response, cut=after) if response is not None and when(request) else response

    return dier


def stalling(part: Part, when: When, after: int) -> Part:
    """After that many bytes of the body nothing more comes; the connection stays open."""
    return lambda request: (
        replace(response, stalls=True) if (response := dying(part, when, after)(request)) else None
    )


def validated(part: Part) -> Part:
    """An ETag on every answer, and 304 to whoever sends it back."""

    def validator(request: Request) -> Response | None:
        response = part(request)
        if response is None or not isinstance(response.body, bytes) or response.status != 200:
            return response
        etag = f'"{hashlib.sha1(response.body).hexdigest()[:12]}"'
        response = replace(response, headers=(*response.headers, ("ETag", etag)))
        same = request.headers.get("if-none-match") == etag
        return replace(response, status=304, body=b"") if same else response

    return validator


def sessions(part: Part, parameter: str = "PHPSESSID") -> Part:
    """As forums do: every link carries a session id, a new one each time, until a cookie returns."""

    def with_session(request: Request) -> Response | None:
        target = re.sub(rf"[?&]{parameter}=[^&]*", "", request.target)
        response = part(replace(request, target=target))
        if response is None or not isinstance(response.body, bytes):
            return response
        if f"{parameter}=" in request.headers.get("cookie", ""):
            return response
        session = hashlib.md5(str(request.number).encode()).hexdigest()

        def marked(link: re.Match[str]) -> str:
            url = html.unescape(link[1])
            joined = f"{url}{'&' if '?' in url else '?'}{parameter}={session}"
            return f'href="{html.escape(joined)}"'

        body = re.sub(r'href="([^"]*)"', marked, response.body.decode()).encode()
        cookie = ("Set-Cookie", f"{parameter}={session}; path=/")
        return replace(response, body=body, headers=(*response.headers, cookie))

    return with_session
