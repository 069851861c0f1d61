"""A server on loopback that sends exactly the bytes it is told to, and remembers what it sent and read.

`talks` is the truth that captures are compared with, byte for byte. Plain sockets and asyncio only: no HTTP
library comes between the test and the wire.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import socket
import ssl
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


@dataclass(slots=True)
class Reply:
    """What to send for a path. pieces: one write each; None waits until `Odd.go` is set.

    then: close the connection, keep it for the next request, or reset it. remember: False for answers too
    long to be held; their number of bytes and digest are still known.
    """

    pieces: Iterable[bytes | None]
    then: Literal["close", "keep", "reset"] = "close"
    remember: bool = True


@dataclass(slots=True)
class Talk:
    """One request as read, and the answer as written."""

    connection: int
    request: bytes
    response: bytearray = field(default_factory=bytearray)
    sent: int = 0
    sha1: hashlib._Hash = field(default_factory=hashlib.sha1)


def dripping(data: bytes) -> list[bytes]:
    """The same bytes, one a piece."""
    return [data[at : at + 1] for at in range(len(data))]


class Odd:
    """Use as `async with Odd({"/path": Reply(...)}) as site`. Several replies for a path are given in turn,
    the last one again and again. A path without a reply gets a 404; "" is the reply for every other path."""

    def __init__(
        self,
        replies: Mapping[str, Reply | list[Reply]],
        *,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.talks: list[Talk] = []
        self.connections = 0
        self.go = asyncio.Event()
        self.closed = asyncio.Event()
        self._replies = {
            path: reply if isinstance(reply, list) else [reply] for path, reply in replies.items()
        }
        self._host = host
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Odd:
        self._server = await asyncio.start_server(self._accept, self._host, 0, ssl=self._tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def url(self, path: str, host: str = "") -> str:
        """The address of a path, under another name of this machine if given."""
        name = host or (f"[{self._host}]" if ":" in self._host else self._host)
        return f"http{'s' if self._tls else ''}://{name}:{self.port}{path}"

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.create_task(self._serve(self.connections, reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                body = await reader.readexactly(int(length[1])) if length else b""
                talk = Talk(number, head + body)
                self.talks.append(talk)
                reply = self._reply(head.split(b" ", 2)[1].decode("ascii"))
                await self._send(reply, talk, writer)
                if reply.then == "reset":
                    linger = struct.pack("ii", 1, 0)
                    sock = writer.transport.get_extra_info("socket")
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    writer.transport.abort()
                if reply.then != "keep":
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            self.closed.set()
        finally:
            writer.close()

    async def _send(self, reply: Reply, talk: Talk, writer: asyncio.StreamWriter) -> None:
        for piece in reply.pieces:
            if piece is None:
                await self.go.wait()
                continue
            if reply.remember:
                talk.response += piece
            talk.sent += len(piece)
            talk.sha1.update(piece)
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)

    def _reply(self, target: str) -> Reply:
        replies = self._replies.get(target) or self._replies.get("")
        if not replies:
            return Reply([b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"], then="keep")
        return replies.pop(0) if len(replies) > 1 else replies[0]
