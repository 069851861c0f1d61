"""Heads, chunks and content codings, read leniently and never past a limit."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.exchange import Head
from storage.http import Dechunker, body, chunked, decoded, find_head_end, parse_head, payload

TEXT = "Où est passée la sauvegarde ? ".encode() * 500


def head(**headers: bytes) -> Head:
    lines = tuple((name.replace("_", "-").encode(), value) for name, value in headers.items())
    return Head(200, "HTTP/1.1", b"OK", lines, 0)


def coded(coding: bytes, *pieces: bytes, limit: int = 1 << 20) -> tuple[bytes, bool]:
    return decoded(head(Content_Encoding=coding), pieces, limit)


# --- heads --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data, end",
    [
        (b"", -1),
        (b"a\r\n", -1),
        (b"a\r\n\r", -1),
        (b"a\r\n\r\n", 5),
        (b"a\n\n", 3),
        (b"a\n\r\n", 4),
        (b"a\r\n\n", 4),
        (b"a\r\r\n\n", 5),
        (b"a\r\nb\n\nc\r\n\r\n", 6),
        (b"a\r\nb\r\n\r\nc\n\n", 8),
        (b"\r\n\r\n", -1),
        (b"\n\n\n\n", -1),
        (b"\r\n\r\na\n\n", 7),
    ],
)
def test_where_a_head_ends(data: bytes, end: int) -> None:
    assert find_head_end(data) == find_head_end(bytearray(data)) == end
    if end >= 0:
        assert all(find_head_end(data, start) == end for start in range(max(1, end - 2)))


@pytest.mark.parametrize(
    "line, status, version, reason",
    [
        (b"HTTP/1.1 200 OK", 200, "HTTP/1.1", b"OK"),
        (b"HTTP/1.0 404 Pas l\xe0", 404, "HTTP/1.0", b"Pas l\xe0"),
        (b"HTTP/1.1 200", 200, "HTTP/1.1", b""),
        (b"HTTP/1.1 200 ", 200, "HTTP/1.1", b""),
        (b"HTTP/1.1\t200\tOK", 200, "HTTP/1.1", b"OK"),
        (b"HTTP/2 200", 200, "HTTP/2", b""),
        (b"http/1.1 200 ok", 200, "http/1.1", b"ok"),
        (b"HTTP 200 OK", 200, "HTTP", b"OK"),
        (b"HTTP/1.1 999 a  b", 999, "HTTP/1.1", b"a  b"),
    ],
)
def test_status_lines(line: bytes, status: int, version: str, reason: bytes) -> None:
    raw = line + b"\r\nA: 1\r\n\r\n"
    assert parse_head(raw) == Head(status, version, reason, ((b"A", b"1"),), len(raw))


@pytest.mark.parametrize(
    "line",
    [b"", b"HTTP/1.1", b"HTTP/1.1 OK", b"HTTP/1.1 20", b"HTTP/1.1 2000", b"HTTP/1.1 020", b"ICY 200 OK"],
)
def test_lines_that_are_no_status_line(line: bytes) -> None:
    assert parse_head(line + b"\r\n\r\n") is None


def test_headers_in_wire_order() -> None:
    raw = (
        b"HTTP/1.1 200 OK\r\n lost\r\nB:1\r\na : 2\t\r\nno colon\r\n lost\r\nB: \r\n: x\r\n"
        b"F: 1\r\n  2 \r\n\t\r\n3: :4\r\nN: \0\r\r\n\xe9: \xff\n\n"
    )
    found = parse_head(raw)
    assert found is not None and found.headers == (
        (b"B", b"1"),
        (b"a", b"2"),
        (b"B", b""),
        (b"F", b"1 2"),
        (b"3", b":4"),
        (b"N", b"\0"),
        (b"\xe9", b"\xff"),
    )


@given(st.binary(max_size=200))
def test_any_bytes_are_a_head_or_none(data: bytes) -> None:
    found = parse_head(b"HTTP/1.1 200 OK\r\n" + data)
    assert found is not None and found.length == 17 + len(data)
    parse_head(data)


@pytest.mark.parametrize(
    "value, expected",
    [
        (b"chunked", True),
        (b"gzip, Chunked", True),
        (b"chunked;q=1", True),
        (b"identity", False),
        (b"xchunked", False),
    ],
)
def test_what_is_chunked(value: bytes, expected: bool) -> None:
    assert chunked(head(Transfer_Encoding=value)) is expected


# --- chunks -------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        b"3\r\nabc\r\n",
        b'A;x="y"\n0123456789\n',
        b"0\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b"0",
        b"A: b\r\n",
        b"5",
        b"zz",
    ]
)


def dechunk(pieces: list[bytes]) -> tuple[object, ...]:
    coding = Dechunker()
    plain = b"".join([coding.feed(piece) for piece in pieces])
    return plain, coding.done, coding.bad, coding.trailers, coding.leftover


@given(
    st.one_of(
        st.binary(max_size=80), st.lists(st.one_of(PIECES, st.binary(max_size=3)), max_size=12).map(b"".join)
    ),
    st.lists(st.integers(0, 80), max_size=8),
)
@settings(max_examples=1000, deadline=None)
def test_chunks_of_any_bytes_in_any_pieces(data: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(place for place in cuts if place <= len(data)), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(places)]
    assert dechunk(pieces) == dechunk([data]) == dechunk([data[at : at + 1] for at in range(len(data))])


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=8), st.binary(max_size=20))
def test_what_was_chunked_comes_back(parts: list[bytes], after: bytes) -> None:
    wire = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\nT: \xe9\r\n\r\n"
    assert dechunk([wire + after]) == (b"".join(parts), True, None, b"T: \xe9\r\n\r\n", len(after))
    everything = payload(head(Transfer_Encoding=b"chunked"), [wire[:5], wire[5:] + after])
    assert b"".join(everything) == b"".join(parts)


def test_chunk_lines_and_trailers_without_end_are_not_held() -> None:
    for start in (b"", b"0\r\n"):
        coding = Dechunker()
        for _ in range(100):
            coding.feed(start + b"1" * 1000)
            start = b""
        assert coding.bad is not None
        assert coding.feed(b"\r\n\r\n") == b"" and not coding.done


# --- content codings ----------------------------------------------------------------------------------


def raw_deflate(data: bytes) -> bytes:
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    return engine.compress(data) + engine.flush()


@pytest.mark.parametrize("step", [1, 2, 7, 100_000])
@pytest.mark.parametrize(
    "coding, data",
    [
        (b"gzip", gzip.compress(TEXT, mtime=0)),
        (b"X-GZip", gzip.compress(TEXT, mtime=0)),
        (
            b"gzip",
            gzip.compress(TEXT[:999], mtime=0)
            + gzip.compress(b"", mtime=0)
            + gzip.compress(TEXT[999:], mtime=0),
        ),
        (b"gzip", gzip.compress(TEXT, mtime=0) + b"\0" * 20),
        (b"gzip", gzip.compress(TEXT, mtime=0) + b"trailing"),
        (b"deflate", zlib.compress(TEXT)),
        (b"deflate", raw_deflate(TEXT)),
        (b"deflate", zlib.compress(TEXT) + b"trailing"),
        (b"identity", TEXT),
        (b"", TEXT),
        (b"deflate, gzip", gzip.compress(zlib.compress(TEXT), mtime=0)),
        (b"gzip,identity,gzip", gzip.compress(gzip.compress(TEXT, mtime=0), mtime=0)),
    ],
)
def test_codings_undone(coding: bytes, data: bytes, step: int) -> None:
    assert coded(coding, *(data[at : at + step] for at in range(0, len(data), step))) == (TEXT, True)


def test_no_body_is_a_whole_one() -> None:
    assert coded(b"gzip") == coded(b"deflate", b"") == (b"", True)


@pytest.mark.parametrize("coding", [b"br", b"zstd", b"gzip, br", b"compress"])
def test_a_coding_not_known_is_left_and_said(coding: bytes) -> None:
    assert coded(coding, b"as it ", b"is") == (b"as it is", False)


@pytest.mark.parametrize("data", [b"<p>no gzip</p>", b"\x1f", b"x"])
def test_what_is_no_gzip_is_left_and_said(data: bytes) -> None:
    assert coded(b"gzip", data[:3], data[3:]) == (data, False)


@pytest.mark.parametrize("step", [10, 100_000])
def test_a_broken_stream_gives_what_could_be_decoded(step: int) -> None:
    noise = b"".join(hashlib.sha1(b"%d" % number).hexdigest().encode() for number in range(500))
    for coding, whole in ((b"gzip", gzip.compress(noise)), (b"deflate", zlib.compress(noise))):
        half = len(whole) // 2
        damages = (
            whole[:half],
            whole[:-1],
            whole[:-5] + b"\0" + whole[-4:],
            whole[:half] + bytes(99) + whole[half + 99 :],
            gzip.compress(noise) + whole[:half] if coding == b"gzip" else whole[: half + 1],
        )
        for damaged in damages:
            content, complete = coded(
                coding, *(damaged[at : at + step] for at in range(0, len(damaged), step))
            )
            assert not complete and content[:9000] == noise[:9000]


@given(st.binary(max_size=60), st.sampled_from([b"gzip", b"deflate"]), st.integers(1, 60))
def test_any_bytes_decode_to_something(data: bytes, coding: bytes, cut: int) -> None:
    for start in (b"", gzip.compress(b"abc", mtime=0)[:-3], gzip.compress(b"abc", mtime=0)):
        assert coded(coding, (start + data)[:cut], (start + data)[cut:]) == coded(coding, start + data)


def bomb() -> Iterator[bytes]:
    """Sixteen gigabytes of zeros, and as much again in each further round."""
    engine = zlib.compressobj(9, zlib.DEFLATED, 31)
    while True:
        yield engine.compress(bytes(1 << 24)) + engine.flush(zlib.Z_FULL_FLUSH)


def test_a_bomb_stops_at_the_limit() -> None:
    twice = gzip.compress(gzip.compress(bytes(100_000_000), 9), 9)
    tracemalloc.start()
    for stream, coding in (
        (bomb(), b"gzip"),
        (iter([twice]), b"gzip, gzip"),
        (itertools.repeat(b"a" * 999), b""),
    ):
        content, whole = decoded(head(Content_Encoding=coding), stream, 1_000_000)
        assert (len(content), whole) == (1_000_000, False)
    many = iter(lambda: gzip.compress(b"") * 1000, b"")
    assert decoded(head(Content_Encoding=b"gzip"), itertools.islice(many, 20), 1000) == (b"", True)
    # The bomb's own source holds 16 MB of zeros while it compresses them.
    assert tracemalloc.get_traced_memory()[1] < 40_000_000
    tracemalloc.stop()


def test_a_bomb_inside_a_coding_that_ignores_it() -> None:
    """The inner member ends at once; what follows must not be inflated for nothing."""
    inner = gzip.compress(b"small") + b"\0"
    wire = gzip.compress(inner + bytes(50_000_000), 9)
    assert coded(b"gzip, gzip", wire) == (b"small", True)


def test_a_coding_inside_another_makes_no_work_without_end() -> None:
    wire = gzip.compress(gzip.compress(b"") * 1000)
    assert coded(b"gzip, gzip", wire, limit=1000) == (b"", False)


def test_output_that_waits_inside_the_decoder_is_not_lost() -> None:
    for size in range((1 << 18) - 5, (1 << 18) + 270):
        assert coded(b"deflate", raw_deflate(bytes(size))) == (bytes(size), True)


def test_just_the_limit_is_whole() -> None:
    for data, coding in ((TEXT, b""), (gzip.compress(TEXT), b"gzip")):
        assert coded(coding, data, limit=len(TEXT)) == (TEXT, True)
        assert coded(coding, data, limit=len(TEXT) - 1) == (TEXT[:-1], False)


def test_the_body_of_a_block() -> None:
    class Pieces:
        size = 0

        def chunks(self, size: int = 0) -> Iterator[bytes]:
            yield from (b"HTTP/1.1 ", b"200 OK\r\n\r\n", b"ab", b"c")

        def close(self) -> None: ...

    for length, expected in ((19, b"abc"), (20, b"bc"), (22, b""), (0, b"HTTP/1.1 200 OK\r\n\r\nabc")):
        found = body(Pieces(), Head(200, "HTTP/1.1", b"OK", (), length))
        assert b"".join(found) == expected
