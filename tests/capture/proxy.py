"""A small HTTP proxy: CONNECT and absolute-form, with a record of what it was asked."""

from __future__ import annotations

import asyncio
import contextlib
from urllib.parse import urlsplit


class Proxy:
    """`async with Proxy() as proxy`. refuse: a whole answer given instead of any service."""

    def __init__(self, refuse: bytes = b"") -> None:
        self.asked: list[bytes] = []
        self._refuse = refuse
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def place(self) -> str:
        assert self._server is not None
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError), contextlib.closing(writer):
            request = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(request)
            if self._refuse:
                writer.write(self._refuse)
                await writer.drain()
                return
            method, target, _ = request.split(b" ", 2)
            text = target.decode("ascii")
            parts = urlsplit(f"//{text}" if method == b"CONNECT" else text)
            there, back = await asyncio.open_connection("127.0.0.1", parts.port)
            with contextlib.closing(back):
                if method == b"CONNECT":
                    writer.write(b"HTTP/1.0 200 Connection established\r\nX-Proxy: yes\r\n\r\n")
                else:
                    back.write(request.replace(text.encode(), parts.path.encode() or b"/", 1))
                await asyncio.gather(_pump(reader, back), _pump(there, writer))


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
    sink.close()
