"""A large answer passes through without being held in memory."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from base64 import b32encode
from pathlib import Path

import pytest

from tests.sites.odd import Odd, Reply

PIECES = 4800
PIECE = bytes(range(256)) * 256

FETCH = """
import asyncio, hashlib, json, re, sys
from base64 import b32encode
from pathlib import Path
from crawler.capture.client import Client, Limits
from storage.http import body, payload

async def main():
    client = Client(user_agent="t", limits=Limits(), spool_dir=Path(sys.argv[2]),
                    may_connect=lambda *_: True, proxies={})
    exchange = await client.fetch(sys.argv[1])
    sha1 = hashlib.sha1()
    for piece in payload(exchange.head, body(exchange.response, exchange.head)):
        sha1.update(piece)
    # Not ru_maxrss: that survives exec and would count the parent.
    peak = re.search(r"VmHWM:\\s+([0-9]+) kB", Path("/proc/self/status").read_text())
    print(json.dumps({
        "block": exchange.block_digest, "size": exchange.response.size, "truncated": exchange.truncated,
        "payload": exchange.payload_digest, "payload_size": exchange.payload_size,
        "read": b32encode(sha1.digest()).decode(), "memory": int(peak[1]),
    }))
    await client.close()

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_memory_stays_flat(framing: str, tmp_path: Path) -> None:
    async def run() -> None:
        if framing == "length":
            head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (PIECES * len(PIECE))
            pieces = itertools.chain([head], itertools.repeat(PIECE, PIECES))
        else:
            head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            chunk = b"%x\r\n%s\r\n" % (len(PIECE), PIECE)
            pieces = itertools.chain([head], itertools.repeat(chunk, PIECES), [b"0\r\n\r\n"])
        async with Odd({"/image.iso": Reply(pieces, "keep", remember=False)}) as site:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                FETCH,
                site.url("/image.iso"),
                str(tmp_path),
                stdout=asyncio.subprocess.PIPE,
            )
            output, _ = await process.communicate()
            told = json.loads(output)
            assert told["truncated"] is None
            assert told["block"] == "sha1:" + b32encode(site.talks[0].sha1.digest()).decode()
            assert told["size"] == site.talks[0].sent > 300_000_000
            assert told["payload_size"] == PIECES * len(PIECE)
            assert told["payload"] == "sha1:" + told["read"]
            assert told["memory"] < 80_000, told

    asyncio.run(run())
