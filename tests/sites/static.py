"""A small HTTP server whose site is put together from parts, and which remembers every request.

    with Site(parts.pages(1000), parts.calendar()) as site:
        …crawl site.url…
        assert site.most_active <= 1

A *part* takes a request and gives a response, or None when the URL is not its own; the first part that
answers wins, and nobody's URL is a 404. `tests/sites/parts.py` has a box of them.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self
from urllib.parse import parse_qs, urlsplit

HTML = "text/html; charset=utf-8"


@dataclass
class Request:
    """One request as it came, and what became of it. Times are `time.monotonic()` seconds.

    `number` counts from 0; `active` is how many requests were in progress when it came, itself included.
    `ended` stays None until the answer (or what was meant to be sent of it) is out.
    """

    number: int
    method: str
    target: str
    headers: dict[str, str]
    connection: int
    began: float
    active: int
    ended: float | None = None
    status: int | None = None

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return {key: values[-1] for key, values in parse_qs(urlsplit(self.target).query).items()}


@dataclass(frozen=True)
class Response:
    """What to answer. `body` is bytes, or `(length, blocks)` for what should not lie in memory.

    `delay` seconds pass before the first byte. With `cut` the connection is closed after that many bytes
    of the body, headers promising the whole; a `cut` of -1 closes it before any answer. With `stalls` it
    stays open after a `cut`, and nothing more comes.
    """

    body: bytes | tuple[int, Iterable[bytes]] = b""
    kind: str = HTML
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    cut: int | None = None
    stalls: bool = False


Part = Callable[[Request], Response | None]


class Site:
    """The server, in a thread of its own, on a free port of 127.0.0.1. Use it in a `with`.

    `requests` grows as requests come; `connections` counts what was connected; `most_active` is the highest
    number of requests in progress at once. `parts` may be changed between crawls: the next request sees it.
    """

    def __init__(self, *parts: Part, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.parts = list(parts)
        self.requests: list[Request] = []
        self.most_active = 0
        self._active = 0
        self.connections = 0
        self._port = port
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._failure: BaseException | None = None

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`, without a slash at the end."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    def times_asked(self) -> dict[str, int]:
        """Target → number of requests for it."""
        counts: dict[str, int] = {}
        for request in self.requests:
            counts[request.target] = counts.get(request.target, 0) + 1
        return counts

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(self, *exception: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        self._stop = asyncio.Event()
        try:
            self._loop.run_until_complete(self._serve())
        except OSError as error:
            self._failure = error
            self._ready.set()
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        tasks: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            try:
                await self._converse(reader, writer)
            except (
                ConnectionError,
                asyncio.IncompleteReadError,
                asyncio.LimitOverrunError,
                asyncio.CancelledError,  # the server ends
            ):
                pass
            finally:
                tasks.discard(task)
                writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", self._port, ssl=self._tls)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = self.connections
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            request = self._begin(head.decode("latin-1"), connection)
            try:
                response = self._answer(request)
                whole = await _send(writer, request, response)
            finally:
                self._active -= 1
                request.ended = time.monotonic()
            if not whole or request.headers.get("connection", "").lower() == "close":
                return

    def _begin(self, head: str, connection: int) -> Request:
        line, *fields = head.split("\r\n")
        method, target, _ = line.split(" ", 2)
        headers = {}
        for one in fields:
            name, colon, value = one.partition(":")
            if colon:
                headers[name.strip().lower()] = value.strip()
        self._active += 1
        self.most_active = max(self.most_active, self._active)
        now = time.monotonic()
        request = Request(len(self.requests), method, target, headers, connection, now, self._active)
        self.requests.append(request)
        return request

    def _answer(self, request: Request) -> Response:
        for part in self.parts:
            if (response := part(request)) is not None:
                request.status = response.status
                return response
        request.status = 404
        return Response(b"<title>Not found</title>", status=404)


async def _send(writer: asyncio.StreamWriter, request: Request, response: Response) -> bool:
    """Send the response; whether the connection can go on."""
    if response.delay:
        await asyncio.sleep(response.delay)
    if response.cut == -1:
        return False
    if isinstance(response.body, bytes):
        length, blocks = len(response.body), iter((response.body,))
    else:
        length, blocks = response.body[0], iter(response.body[1])
    lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    lines += [f"Content-Type: {response.kind}", *(f"{name}: {value}" for name, value in response.headers)]
    empty = request.method == "HEAD" or response.status in (204, 304)
    if response.status not in (204, 304):
        lines.append(f"Content-Length: {length}")
    # One write for head and small body: a head in a segment of its own now and then costs 40 ms.
    waiting = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    left = response.cut
    for block in () if empty else blocks:
        if left is not None:
            block, left = block[:left], left - len(block[:left])
        writer.write(waiting + block)
        waiting = b""
        await writer.drain()
        if left == 0:
            if response.stalls:
                await asyncio.Event().wait()
            return False
    if waiting:
        writer.write(waiting)
        await writer.drain()
    return True
