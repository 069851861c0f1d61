"""The reader's promises, for any bytes in any pieces: the same result, nothing raised, no byte lost."""

from __future__ import annotations

import hashlib
import itertools
import random
from base64 import b32encode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crawler.capture.http1 import Reader, content_length
from crawler.capture.spool import Spool
from storage.exchange import Head
from storage.http import body, find_head_end, parse_head, payload
from tests.capture.test_odd import CASES

HEAD_LIMIT = 200
SIZE_LIMIT = 90

FRAGMENTS = [
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 404 \n",
    b"HTTP/1.1 204 x\r\n",
    b"HTTP/1.1 103 h\r\n\r\n",
    b"http/2 200\r\n",
    b"HTTP/1.1 20 OK\r\n",
    b"Content-Length: 7\r\n",
    b"content-length : 3\n",
    b"Content-Length: 100\r\n",
    b"Content-Length: -1\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b" folded\r\n",
    b": no name\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b"3\r\nabc\r\n",
    b"3;x\nabc\n",
    b"0\r\n\r\n",
    b"0\r\n",
    b"A: b\r\n",
    b"zz\r\n",
    b"5a\r\n",
    b"\0\xff\xe9",
    b"x" * 60,
]
STREAMS = st.one_of(
    st.binary(max_size=300),
    st.lists(st.sampled_from(FRAGMENTS), max_size=14).map(b"".join),
    st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=9)), max_size=14).map(b"".join),
    st.sampled_from([case.wire for case in CASES if len(case.wire) < 3000]),
)
CUTS = st.lists(st.integers(0, 3000), max_size=12)
METHODS = st.sampled_from(["GET", "HEAD"])


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    """The same bytes in pieces, empty ones among them."""
    places = [0, *sorted(place for place in cuts if place <= len(data)), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(places)]


def read(pieces: list[bytes], method: str, lost: str = "", size: int | None = SIZE_LIMIT) -> Reader:
    reader = Reader(Spool(Path("unused")), method=method, head_limit=HEAD_LIMIT, size_limit=size)
    done = False
    for piece in pieces:
        done = reader.feed(piece)
        assert done == reader.done
    reader.end(lost)
    assert reader.done
    return reader


def facts(reader: Reader) -> dict[str, Any]:
    names = (
        "interim",
        "head",
        "extra",
        "truncated",
        "why",
        "payload_size",
        "payload_digest",
        "clean",
        "unsure",
    )
    found = {name: getattr(reader, name) for name in (*names, "received", "persistent")}
    return found | {"block": b"".join(reader.block.chunks()), "digest": reader.block.digest}


def sha1(data: bytes) -> str:
    return "sha1:" + b32encode(hashlib.sha1(data).digest()).decode()


def check(data: bytes, reader: Reader) -> None:
    """What must hold whatever came."""
    block = b"".join(reader.block.chunks())
    kept = reader.interim + block
    assert data.startswith(kept)
    assert len(kept) + reader.extra == len(data) == reader.received
    assert reader.block.digest == sha1(block)
    end = find_head_end(block)
    assert reader.head == (parse_head(block[:end]) if 0 <= end <= HEAD_LIMIT else None)
    assert bool(reader.why) == (reader.truncated is not None)
    assert not (reader.clean and reader.truncated)
    if reader.head is None:
        assert reader.truncated and not reader.payload_digest
    else:
        plain = b"".join(payload(reader.head, body(reader.block, reader.head)))
        assert (sha1(plain), len(plain)) == (reader.payload_digest, reader.payload_size)


@given(STREAMS, CUTS, METHODS, st.sampled_from(["", "reset"]), st.sampled_from([None, 0, 7, SIZE_LIMIT]))
@settings(max_examples=1500, deadline=None)
@example(b"\r\n" * 99 + b"HTTP/1.1 200 OK\r\n\r\n", list(range(200)), "GET", "", None)
@example(b"HTTP/1.1 103 h\r\n\r\n" * 12 + b"HTTP/1.1 200 OK\r\n\r\n", [3, 19], "GET", "", None)
@example(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r", list(range(99)), "GET", "", 3)
def test_any_bytes_in_any_pieces(
    data: bytes, cuts: list[int], method: str, lost: str, size: int | None
) -> None:
    whole = read([data], method, lost, size)
    check(data, whole)
    assert facts(read(cut(data, cuts), method, lost, size)) == facts(whole)


def test_mutated_answers() -> None:
    """Plain random fuzz: good answers with bytes changed, doubled, dropped and swapped."""
    chance = random.Random(20261122)
    wires = [case.wire for case in CASES if len(case.wire) < 3000]
    for _ in range(4000):
        data = bytearray(chance.choice(wires))
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(data) + 1)
            match chance.randrange(5):
                case 0:
                    data[at : at + 1] = bytes([chance.randrange(256)])
                case 1:
                    data[at:at] = data[at : at + chance.randint(1, 40)]
                case 2:
                    del data[at : at + chance.randint(1, 20)]
                case 3:
                    data[at:at] = chance.choice(FRAGMENTS)
                case _:
                    data[at : at + 2] = data[at : at + 2][::-1]
        cuts = [chance.randrange(len(data) + 1) for _ in range(chance.randint(0, 5))]
        method = chance.choice(["GET", "GET", "HEAD"])
        size = chance.choice([None, 50])
        whole = read([bytes(data)], method, size=size)
        check(bytes(data), whole)
        assert facts(read(cut(bytes(data), cuts), method, size=size)) == facts(whole), bytes(data)


@pytest.mark.parametrize(
    "values, expected",
    [
        ([], (None, True)),
        ([b"0"], (0, True)),
        ([b"007"], (7, True)),
        ([b"5", b"5"], (5, True)),
        ([b"5, 5"], (5, True)),
        ([b"5", b"05"], (5, True)),
        ([b"5", b"6"], (None, False)),
        ([b"5", b"x"], (None, False)),
        ([b"-5"], (None, False)),
        ([b"0x10"], (None, False)),
        ([b"1_0"], (None, False)),
        ([b"9" * 5000], (None, False)),
        (["٥".encode()], (None, False)),
    ],
)
def test_content_length(values: list[bytes], expected: tuple[int | None, bool]) -> None:
    head = Head(200, "HTTP/1.1", b"", tuple((b"content-length", value) for value in values), 0)
    assert content_length(head) == expected
