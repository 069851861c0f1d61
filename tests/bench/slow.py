"""The pages of the benchmark's site, each answer so many seconds late and not one longer.

One event loop that only waits and writes: threads would add some milliseconds of their own to each answer.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class _Connection(asyncio.Protocol):
    def __init__(self, answers: Mapping[str, bytes], latency: float, asked: list[str]) -> None:
        self._answers = answers
        self._latency = latency
        self._asked = asked
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        while b"\r\n\r\n" in self._data:
            head, _, self._data = self._data.partition(b"\r\n\r\n")
            target = head.split(b" ", 2)[1].decode("latin-1")
            self._asked.append(target)
            body = self._answers.get(target)
            status = b"200 OK" if body is not None else b"404 Not Found"
            body = body or b""
            answer = b"HTTP/1.1 %s\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n"
            asyncio.get_running_loop().call_later(
                self._latency, self._transport.write, answer % (status, len(body)) + body
            )


@contextmanager
def serve(answers: Mapping[str, bytes], latency: float) -> Iterator[tuple[str, list[str]]]:
    """The site's URL, without a slash at its end, and the targets asked for so far."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asked: list[str] = []

    async def start() -> asyncio.Server:
        running = asyncio.get_running_loop()
        return await running.create_server(lambda: _Connection(answers, latency, asked), "127.0.0.1", 0)

    server = asyncio.run_coroutine_threadsafe(start(), loop).result()
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
