"""Records: exact bytes, back again, every damage named, and what other programs say of them."""

from __future__ import annotations

import gzip
import signal
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from storage import warc
from storage.cdxj import Line
from storage.exchange import Exchange
from storage.records import Draft, Held, date_of, digest_of, exchange_of, records_of
from storage.warc import BrokenRecord, Writer, check, read, read_at, whole_until
from tests.golden.make import HERE, cases
from tests.storage.exchanges import BEGAN, PAGE, URL, answer, counted_ids, exchange, refused

GOLDEN = dict(cases())


def plain(drafts: list[Draft]) -> bytes:
    return b"".join(piece for draft in drafts for piece in draft.pieces())


def written(path: Path, drafts: list[Draft]) -> Path:
    writer = Writer(path)
    for draft in drafts:
        writer.append(draft)
    return writer.finish()


def member(data: bytes) -> bytes:
    return zlib.compress(data, 6, 31)


@pytest.fixture(params=["isal", "zlib"])
def deflate(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both libraries that may compress records."""
    if request.param == "isal":
        pytest.importorskip("isal")
    else:
        monkeypatch.setattr(warc, "_deflate", zlib)
        monkeypatch.setattr(warc, "_LEVEL", 6)


# -- writing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GOLDEN)
def test_records_are_the_golden_ones(name: str) -> None:
    assert plain(GOLDEN[name]) == (HERE / f"{name}.warc").read_bytes()


def test_every_golden_file_is_made() -> None:
    assert {path.stem for path in HERE.glob("*.warc")} == set(GOLDEN)


@pytest.mark.usefixtures("deflate")
def test_a_file_holds_one_member_for_each_record(tmp_path: Path) -> None:
    drafts = [draft for case in GOLDEN.values() for draft in case]
    writer = Writer(tmp_path / "été.warc.gz")
    places = [writer.append(draft) for draft in drafts]
    assert not writer.path.exists()
    path = writer.finish()
    assert [file.name for file in tmp_path.iterdir()] == ["été.warc.gz"]
    data = path.read_bytes()
    assert sum(length for _, length in places) == len(data)
    for draft, (offset, length) in zip(drafts, places, strict=True):
        inflate = zlib.decompressobj(31)
        assert inflate.decompress(data[offset : offset + length]) == plain([draft])
        assert inflate.eof and not inflate.unused_data
        with read_at(path, offset) as record:
            assert b"".join(record.chunks()) == b"".join(draft.block.chunks())
            assert (record.id, record.end) == (draft.id, offset + length)


@pytest.mark.usefixtures("deflate")
def test_a_long_record_is_streamed_and_the_same(tmp_path: Path) -> None:
    made = exchange(URL, answer(PAGE * 800, chunks=True))
    drafts = records_of(made, ids=counted_ids(), warcinfo="urn:x")
    writer = Writer(tmp_path / "long.warc.gz")
    assert len(list(writer.steps(drafts[0]))) > 2
    path = writer.finish()
    assert gzip.decompress(path.read_bytes()) == plain(drafts[:1])
    (record,) = read(path)
    record.drain()
    assert record.payload_digest == made.payload_digest


def test_writing_goes_on_behind_what_was_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    first, second = GOLDEN["warcinfo"][0], GOLDEN["response"][0]
    writer = Writer(path)
    kept = sum(writer.append(first))
    writer.append(second)
    writer.close()
    with writer.open_path.open("ab") as file:
        file.write(b"half a record")
    again = Writer(path, size=kept)
    assert again.append(GOLDEN["chunked"][0])[0] == kept
    assert [record.id for record in read(again.finish())] == [first.id, GOLDEN["chunked"][0].id]


def test_a_kill_after_append_loses_nothing(tmp_path: Path) -> None:
    script = """
import os, signal, sys
from pathlib import Path
from storage.warc import Writer
from tests.golden.make import cases
writer = Writer(Path(sys.argv[1]))
for name, drafts in cases():
    for draft in drafts:
        writer.append(draft)
print(writer.size, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    path = tmp_path / "a.warc.gz"
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    unfinished = path.with_name(path.name + warc.OPEN)
    assert whole_until(unfinished, 0, 1 << 30) == unfinished.stat().st_size == int(done.stdout)


def test_a_file_that_may_not_grow_is_cut_back_by_the_writer(tmp_path: Path) -> None:
    script = """
import os, resource, sys
from pathlib import Path
from storage.errors import OutOfDisk
from storage.records import Draft, Held
from storage.warc import Writer
writer = Writer(Path(sys.argv[1]))
small, large = (Draft("resource", "urn:x:1", b"WARC/1.1", Held(os.urandom(n))) for n in (2000, 3 << 20))
writer.append(small)
size = writer.size
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
for more, record in ((1000, small), (1000, large), (2 << 20, large)):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + more, hard))
    try:
        writer.append(record)
    except OutOfDisk as full:
        assert full.where == str(writer.open_path)
    else:
        sys.exit("no error")
    assert writer.open_path.stat().st_size == writer.size == size
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
assert writer.append(large)[0] == size
"""
    path = tmp_path / "a.warc.gz"
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    Writer(tmp_path / "a.warc.gz")
    with pytest.raises(FileExistsError):
        Writer(tmp_path / "a.warc.gz")


def test_dates_have_a_time_zone() -> None:
    assert date_of(datetime(2026, 11, 22, 4, 15, tzinfo=UTC)) == "2026-11-22T04:15:00.000000Z"
    with pytest.raises(ValueError, match="time zone"):
        date_of(datetime(2026, 11, 22))


def test_no_value_makes_a_field() -> None:
    made = exchange(URL, answer(), why="line\r\nvia: http://evil.example/\nmore")
    about = records_of(made, ids=counted_ids(), warcinfo="urn:x")[2]
    assert b"".join(about.block.chunks()) == b"why: line via: http://evil.example/ more\r\n"


# -- other programs -------------------------------------------------------------------------------------

UNREADABLE = {
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "every byte": bytes(range(256)) * 20,
    "text": "déjà\n\nvu".encode(),
    "HTTP/0.9": b"<html><body>hi</body></html>",
    "icy": b"ICY 200 OK\r\nicy-name: x\r\n\r\nmp3",
    "bad status": b"HTTP/1.1 abc\r\nA: b\r\n\r\nxx",
    "zeros": bytes(500),
    "empty lines": b"\r\n\r\n",
    "one byte": b"x",
    "cut line": b"HTTP/1.1 2",
    "TLS alert": b"\x15\x03\x01\x00\x02\x02\x46",
    "looks chunked": b"GARBAGE\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\nnot so",
    "looks like a record": b"WARC/1.0\r\nContent-Length: 5\r\n\r\nabcde",
    "nothing": b"",
}


def test_other_programs_accept_everything_we_write(tmp_path: Path) -> None:
    drafts = [draft for case in GOLDEN.values() for draft in case]
    ids = counted_ids(1000)
    for name, wire in UNREADABLE.items():
        made = exchange(URL + "&" + name.replace(" ", "+"), wire, head=None, payload_digest="")
        drafts += records_of(made, ids=ids, warcinfo="urn:x")
    path = written(tmp_path / "all.warc.gz", drafts)
    assert refused([path], tmp_path) == []
    assert [found for found in check(path, {}) if found.damages] == []


def test_other_programs_would_have_said_so(tmp_path: Path) -> None:
    """The checks above can fail: a payload digest without the framing is refused, as the decision says."""
    made = exchange(URL, answer(chunks=True))
    drafts = records_of(made, ids=counted_ids(), warcinfo="urn:x")
    head = drafts[0].head.replace(
        b"WARC-Block-Digest", f"WARC-Payload-Digest: {made.payload_digest}\r\nWARC-Block-Digest".encode()
    )
    path = written(tmp_path / "a.warc.gz", [Draft("response", drafts[0].id, head, made.response)])
    assert [found for found in check(path, {}) if found.damages] == []
    assert len(refused([path], tmp_path)) == 1


# -- back again -----------------------------------------------------------------------------------------

LETTERS = some.characters(min_codepoint=32, max_codepoint=0x17F, exclude_characters="\x7f\x85\xa0")
WORDS = some.text(LETTERS, max_size=40).map(str.strip)
HEADERS = some.lists(
    some.tuples(some.sampled_from(["X-a", "set-COOKIE", "Ünï"]), WORDS).map(
        lambda pair: f"{pair[0]}: {pair[1]}\r\n".encode()
    ),
    max_size=3,
).map(b"".join)
WIRES = some.one_of(
    some.binary(max_size=300),
    some.builds(
        answer,
        some.binary(max_size=3000),
        status=some.sampled_from([b"200 OK", b"404", b"301 D\xe9plac\xe9", b"204 "]),
        headers=HEADERS,
        chunks=some.booleans(),
    ),
)
EXCHANGES = some.builds(
    exchange,
    some.sampled_from([URL, "https://example.org:8443/a:b?c=%20"]),
    WIRES,
    some.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=some.just(UTC)),
    request=some.binary(max_size=300),
    seconds=some.integers(0, 10**6).map(lambda n: n / 1000),
    latency=some.integers(0, 10**6).map(lambda n: n / 1000),
    interim=some.sampled_from([b"", b"HTTP/1.1 103 Early\r\nA: b\r\n\r\n", b"HTTP/1.1 100 C\n\n" * 2]),
    truncated=some.sampled_from([None, "length", "time", "disconnect", "unspecified"]),
    why=WORDS,
    extra=some.integers(0, 9),
    redacted=some.sampled_from([(), ("authorization",), ("authorization", "x-token")]),
    peer=some.sampled_from([None, "127.0.0.1", "2001:db8::1"]),
    protocols=some.sampled_from([("http/1.1",), ("http/1.0", "tls/1.2")]),
    cipher=some.sampled_from([None, "TLS_AES_128_GCM_SHA256"]),
)


def values(made: Exchange) -> dict[str, Any]:
    found = {name: getattr(made, name) for name in made.__dataclass_fields__}
    return found | {"response": b"".join(made.response.chunks())}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=EXCHANGES, via=WORDS, note=WORDS)
def test_an_exchange_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, made: Exchange, via: str, note: str
) -> None:
    path = tmp_path_factory.mktemp("round") / "a.warc.gz"
    drafts = records_of(made, ids=counted_ids(), warcinfo="urn:x", via=via, hops="L", note={"note": note})
    written(path, drafts)
    back, rest = exchange_of(read(path))
    assert values(back) == values(made)
    assert rest == {k: v for k, v in {"via": via, "hopsFromSeed": "L", "note": note}.items() if v}


def original_of(made: Exchange, url: str = URL) -> Line:
    return Line(
        key="k",
        timestamp="20261121031500",
        url=url,
        mime="text/html",
        status=200,
        digest=made.payload_digest,
        length=1,
        offset=0,
        filename="a.warc.gz",
        id="urn:uuid:1",
        date=date_of(made.began),
    )


def test_a_revisit_comes_back_without_its_body(tmp_path: Path) -> None:
    made = exchange(URL, answer(chunks=True))
    earlier = exchange(URL, answer(), BEGAN - timedelta(days=1))
    drafts = records_of(made, ids=counted_ids(), warcinfo="urn:x", original=original_of(earlier))
    back, _ = exchange_of(read(written(tmp_path / "a.warc.gz", drafts)))
    assert back.head == made.head and back.payload_digest == made.payload_digest
    assert b"".join(back.response.chunks()) == answer(chunks=True)[: back.response.size]
    assert (back.payload_size, back.truncated) == (0, None)


def test_an_answer_not_modified_comes_back_with_its_head(tmp_path: Path) -> None:
    wire = b'HTTP/1.1 304 Not Modified\r\nETag: "\xe9"\r\n\r\n'
    made = exchange(URL, wire, interim=b"HTTP/1.1 103 Early\r\n\r\n")
    earlier = exchange(URL, answer(), BEGAN - timedelta(days=1))
    drafts = records_of(made, ids=counted_ids(), warcinfo="urn:x", original=original_of(earlier))
    assert drafts[0].block.size == 0
    back, _ = exchange_of(read(written(tmp_path / "a.warc.gz", drafts)))
    assert values(back) == values(made) | {"payload_digest": earlier.payload_digest}


def test_an_exchange_begins_with_its_answer(tmp_path: Path) -> None:
    path = written(tmp_path / "a.warc.gz", GOLDEN["warcinfo"])
    with pytest.raises(ValueError, match="warcinfo"):
        exchange_of(read(path))


# -- damage ---------------------------------------------------------------------------------------------

BEFORE, RECORD, AFTER = (plain([GOLDEN[name][0]]) for name in ("warcinfo", "chunked", "response"))


def replaced(old: bytes, new: bytes) -> Callable[[], bytes]:
    def damaged() -> bytes:
        assert RECORD.count(old) == 1, old
        return member(RECORD.replace(old, new))

    return damaged


def flipped(at: int) -> Callable[[], bytes]:
    def damaged() -> bytes:
        data = bytearray(member(RECORD))
        data[at] ^= 0xFF
        return bytes(data)

    return damaged


ID = b"<" + GOLDEN["chunked"][0].id.encode() + b">"
TARGET = b"WARC-Target-URI: " + URL.encode() + b"\r\n"
DATE = b"2026-11-22T03:15:00.123456Z"
SIZE = GOLDEN["chunked"][0].block.size
LENGTH = b"Content-Length: %d\r\n" % SIZE

DAMAGES: dict[str, tuple[Callable[[], bytes], str]] = {
    "garbage between members": (lambda: b"garbage", "garbage"),
    "zeros between members": (lambda: bytes(5000), "garbage"),
    "another file's magic": (lambda: b"\x1f\x8b\x07 and so on", "garbage"),
    "a member of something else": (lambda: member(b"hello"), "head"),
    "an empty member": (lambda: member(b""), "head"),
    "deflate flipped at its start": (flipped(20), "deflate"),
    "gzip CRC flipped": (flipped(-6), "crc"),
    "gzip size flipped": (flipped(-2), "crc"),
    "a member without its last bytes": (lambda: member(RECORD)[:-8], "crc"),
    "two records in one member": (lambda: member(RECORD + AFTER.replace(b"000002>", b"0000f2>")), "members"),
    "Content-Length too long": (replaced(LENGTH, b"Content-Length: %d\r\n" % (SIZE + 900)), "length"),
    "Content-Length a little too long": (
        replaced(LENGTH, b"Content-Length: %d\r\n" % (SIZE + 2)),
        "ending",
    ),
    "Content-Length too short": (replaced(LENGTH, b"Content-Length: %d\r\n" % (SIZE - 5)), "length"),
    "no Content-Length": (replaced(LENGTH, b""), "length"),
    "a Content-Length in words": (replaced(LENGTH, b"Content-Length: many\r\n"), "length"),
    "no empty lines at the end": (lambda: member(RECORD[:-4]), "ending"),
    "one empty line at the end": (lambda: member(RECORD[:-2]), "ending"),
    "LF at the end": (lambda: member(RECORD[:-4] + b"\n\n"), "ending"),
    "bytes behind the end": (lambda: member(RECORD + b"x"), "ending"),
    "one byte of the block": (replaced(b"0\r\n\r\n\r\n\r\n", b"1\r\n\r\n\r\n\r\n"), "block-digest"),
    "no id": (replaced(b"WARC-Record-ID: " + ID + b"\r\n", b""), "id"),
    "an id that is none": (replaced(ID, b"<five>"), "id"),
    "a second id": (replaced(ID, b"<" + GOLDEN["warcinfo"][0].id.encode() + b">"), "duplicate"),
    "no date": (replaced(b"WARC-Date: " + DATE + b"\r\n", b""), "date"),
    "an old-fashioned date": (replaced(DATE, b"20261122031500"), "date"),
    "a day that is none": (replaced(DATE, b"2026-02-30T03:15:00Z"), "date"),
    "no address": (replaced(TARGET, b""), "uri"),
    "an address with a space": (replaced(TARGET, b"WARC-Target-URI: http://example.org/a b\r\n"), "uri"),
    "an address in brackets": (replaced(TARGET, b"WARC-Target-URI: <http://example.org/>\r\n"), "uri"),
    "no type": (replaced(b"WARC-Type: response\r\n", b""), "head"),
    "no version": (replaced(b"WARC/1.1\r\n", b""), "head"),
    "another version": (replaced(b"WARC/1.1\r\n", b"WARC/2.0\r\n"), "head"),
    "a line without a colon": (replaced(LENGTH, LENGTH + b"what is this\r\n"), "head"),
    "LF in the fields": (lambda: member(RECORD.replace(b"\r\n", b"\n")), "head"),
}


def with_damage(tmp_path: Path, damaged: bytes, after: bytes) -> tuple[Path, int]:
    path = tmp_path / "damaged"
    path.write_bytes(member(BEFORE) + damaged + after)
    return path, len(member(BEFORE))


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_named_and_does_not_hide_what_follows(tmp_path: Path, name: str) -> None:
    make, kind = DAMAGES[name]
    path, place = with_damage(tmp_path, make(), member(AFTER))
    found = list(check(path, {}))
    bad = [item for item in found if item.damages]
    assert bad[0].offset == place
    assert bad[0].damages[0].kind == kind, bad
    assert (found[-1].type, found[-1].damages) == ("response", ())
    assert sum(item.length for item in found) == path.stat().st_size

    with pytest.raises(BrokenRecord) as raised:
        list(read(path))
    assert raised.value.damage == bad[0].damages[0]
    assert str(place) in str(raised.value) and raised.value.where == str(path)
    assert whole_until(path, 0, 1 << 30) == place
    if kind != "duplicate":
        with pytest.raises(BrokenRecord), read_at(path, place):
            pass


@pytest.mark.parametrize("left", [1, 2, 5, 10, 200, -9, -8, -1])
def test_a_file_cut_anywhere_is_cut(tmp_path: Path, left: int) -> None:
    path, place = with_damage(tmp_path, member(RECORD)[:left], b"")
    last = list(check(path, {}))[-1]
    assert [damage.kind for damage in last.damages] == ["cut"]
    assert last.offset + last.length == path.stat().st_size
    assert whole_until(path, 0, 1 << 30) == place


def test_every_flipped_byte_is_seen(tmp_path: Path) -> None:
    good = member(RECORD)
    unseen = []
    for at in range(len(good)):
        data = bytearray(good)
        data[at] ^= 0x55
        path, place = with_damage(tmp_path, bytes(data), member(AFTER))
        if whole_until(path, 0, 1 << 30) != place:
            unseen.append(at)
    # Flags, time, extra flags and system of the gzip head say nothing of the content (RFC 1952 2.3.1).
    assert set(unseen) <= set(range(3, 10))


def test_the_index_knows_the_payload_of_a_chunked_record(tmp_path: Path) -> None:
    made = exchange(URL, answer(chunks=True))
    path = written(tmp_path / "a.warc.gz", records_of(made, ids=counted_ids(), warcinfo="urn:x"))
    assert [item for item in check(path, {0: made.payload_digest}) if item.damages] == []
    wrong = digest_of(b"something else")
    first, *others = check(path, {0: wrong})
    assert [damage.kind for damage in first.damages] == ["payload-digest"]
    assert wrong in first.damages[0].text and not any(item.damages for item in others)


def test_a_wrong_payload_digest_in_the_record_is_seen(tmp_path: Path) -> None:
    drafts = records_of(exchange(URL, answer()), ids=counted_ids(), warcinfo="urn:x")
    found = drafts[0].head.replace(b"Payload-Digest: sha1:", b"Payload-Digest: sha1:A")
    path = written(tmp_path / "damaged", [Draft("response", "urn:x:1", found, drafts[0].block)])
    (item,) = check(path, {})
    assert [damage.kind for damage in item.damages] == ["payload-digest"]


def test_a_magic_inside_a_damaged_record_is_no_record(tmp_path: Path) -> None:
    """The search behind damage must not take for a record what only looks like the start of one."""
    inner = exchange(URL, answer(b"\x1f\x8b\x08" * 50 + member(b"WARC"[:3])))
    stored = zlib.compress(plain(records_of(inner, ids=counted_ids(50), warcinfo="urn:x")[:1]), 0, 31)
    assert stored.count(b"\x1f\x8b\x08") > 50
    path, _ = with_damage(tmp_path, b"X" + stored[1:], member(AFTER))
    assert [item.type for item in check(path, {})] == ["warcinfo", "", "response"]


def test_large_files_are_read_in_little_memory(tmp_path: Path) -> None:

    class Zeros:
        size = 200 << 20

        def chunks(self, size: int = 1 << 16) -> Iterator[bytes]:
            piece = bytes(1 << 16)
            for _ in range(self.size >> 16):
                yield piece

        def close(self) -> None: ...

    head = GOLDEN["response"][0].head
    head = head[: head.index(b"WARC-Payload")] + b"Content-Length: %d\r\n\r\n" % Zeros.size
    path = written(tmp_path / "a.warc.gz", [Draft("resource", "urn:x:1", head, Zeros())])
    tracemalloc.start()
    try:
        (item,) = check(path, {})
        list(read(path))
        assert whole_until(path, 0, 1 << 30) == path.stat().st_size
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert not item.damages
    assert most < 4 << 20


def test_an_empty_file_has_no_records(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.touch()
    assert list(read(path)) == []
    assert list(check(path, {})) == []
    assert whole_until(path, 0, 100) == 0


def test_a_whole_record_beyond_the_limit_does_not_count(tmp_path: Path) -> None:
    path, place = with_damage(tmp_path, member(RECORD), member(AFTER))
    size = path.stat().st_size
    assert whole_until(path, 0, size) == size
    assert whole_until(path, 0, size - 1) == place + len(member(RECORD))
    assert whole_until(path, place, place) == place


def test_a_block_can_be_read_in_part(tmp_path: Path) -> None:
    drafts = GOLDEN["response"]
    path = written(tmp_path / "a.warc.gz", drafts)
    seen = []
    for record in read(path):
        seen.append(record.type)
        next(record.chunks())
    assert seen == ["response", "request"]


def test_held_bytes_come_in_pieces() -> None:
    held = Held(b"abcdef")
    assert list(held.chunks(4)) == [b"abcd", b"ef"] and held.size == 6
    held.close()
    assert held.size == 0


def test_missing_file_is_no_empty_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(check(tmp_path / "nowhere.warc.gz", {}))
    assert not list(tmp_path.iterdir())
