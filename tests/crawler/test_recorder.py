"""The recorder: what it writes, what becomes a revisit, and that no stop and no full disk takes anything."""

from __future__ import annotations

import asyncio
import gzip
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from crawler import database
from crawler.recorder import STRAY, Recorder, new_id
from storage.cdxj import Line
from storage.errors import OutOfDisk
from storage.exchange import Exchange
from storage.records import digest_of
from storage.warc import OPEN, BrokenRecord, check, read, read_at
from tests.storage.exchanges import BEGAN, PAGE, URL, answer, exchange, refused

PREFIX = "forum-20261122T031500Z"
INFO = {"software": "Jukni/0.1.0", "format": "WARC File Format 1.1"}


class Night:
    """A crawl's database and recorder in a folder; stopped and begun again as often as wanted."""

    def __init__(self, folder: Path, prefix: str = PREFIX, **options: Any) -> None:
        self.folder = folder
        self.warcs = folder / "warcs"
        self.warcs.mkdir(exist_ok=True)
        self.prefix = prefix
        self.options = options
        self.reopen: list[int] = []
        self.begin()

    def begin(self) -> None:
        """As after a kill: nothing that was not committed is there, nothing is closed in order."""
        self.db = database.open(self.folder / f"{self.prefix}.sqlite")
        self.recorder = Recorder(self.db, self.warcs, self.prefix, INFO, **self.options)
        self.reopen = self.recorder.recover()
        self.commit()

    def kill(self) -> None:
        self.db.close()

    def record(self, made: Exchange, row: int | None = None, **more: Any) -> Line | None:
        return asyncio.run(self.recorder.record(made, row=row, via=None, hops="", **more))

    def commit(self) -> None:
        database.commit(self.db)

    def save(self) -> None:
        self.recorder.sync()
        database.checkpoint(self.db)

    def end(self) -> list[Line]:
        self.recorder.finish()
        self.commit()
        return list(self.recorder.lines())

    def open_file(self, serial: int = 0) -> Path:
        return self.warcs / f"{self.prefix}-{serial:05}.warc.gz{OPEN}"


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return Night(tmp_path)


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the files of all tests go, to be shown to other programs at the end."""
    folder = tmp_path_factory.mktemp("everything")
    yield folder
    files = sorted(folder.iterdir())
    assert files
    assert refused(files, folder) == []


@pytest.fixture(autouse=True)
def keep(everything: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    for number, path in enumerate(sorted(tmp_path.rglob("*.warc.gz*"))):
        if path.suffix in (".gz", OPEN):
            shutil.copy(path, everything / f"{abs(hash(request.node.nodeid))}-{number}")


def page(number: int, content: bytes = PAGE, **options: Any) -> Exchange:
    url = f"http://example.org/wiki/Seite:{number}?%C3%A9=a%20b"
    return exchange(url, answer(b"%d" % number + content, **options), BEGAN + timedelta(seconds=number))


def holds(night: Night, lines: list[Line]) -> None:
    """Each line points to its record, and every record of the files is sound."""
    for line in lines:
        place = night.warcs / line.filename
        place = place if place.exists() else place.with_name(place.name + OPEN)
        with read_at(place, line.offset) as record:
            record.drain()
            assert (record.uri, record.id, record.date) == (line.url, line.id, line.date)
            assert (record.type, record.end) == (line.kind, line.offset + line.length)
            if line.kind == "response":
                assert record.payload_digest == line.digest
    for path in night.warcs.iterdir():
        if path.suffix != STRAY:
            assert [found for found in check(path, {}) if found.damages] == []


# -- records and lines ----------------------------------------------------------------------------------


def test_each_exchange_has_its_records_and_its_line(night: Night) -> None:
    given = [page(3), page(1, chunks=True), page(2, status=b"404 Nicht da")]
    lines = [night.record(made, row) for row, made in enumerate(given)]
    assert night.end() == sorted((line for line in lines if line), key=Line.to_text)
    (path,) = night.recorder.own_files()
    assert path.name == f"{PREFIX}-00000.warc.gz"
    kinds = [record.type for record in read(path)]
    assert kinds == ["warcinfo"] + ["response", "request"] * 3
    first = next(read(path))
    assert first.get("WARC-Filename") == path.name
    assert b"".join(first.chunks()) == b"software: Jukni/0.1.0\r\nformat: WARC File Format 1.1\r\n"
    assert {record.get("WARC-Warcinfo-ID") for record in read(path)} == {"", f"<{first.id}>"}
    holds(night, night.end())
    line = lines[1]
    assert line is not None
    assert (line.coding, line.status, line.mime, line.timestamp) == (
        "chunked",
        200,
        "text/html",
        "20261122031501",
    )


def test_via_hops_and_notes_are_kept(night: Night) -> None:
    made = page(1)
    note = {"not-indexed": "503, einmal öfter"}
    asyncio.run(night.recorder.record(made, row=1, via="http://example.org/", hops="L", note=note))
    night.end()
    *_, about = [b"".join(record.chunks()) for record in read(night.recorder.own_files()[0])]
    assert (
        about.decode() == "via: http://example.org/\r\nhopsFromSeed: L\r\nnot-indexed: 503, einmal öfter\r\n"
    )


def test_what_is_no_capture_has_no_line(night: Night) -> None:
    assert night.record(page(1), indexed=False) is None
    assert night.record(exchange(URL, b"SSH-2.0\r\n", head=None, payload_digest="")) is None
    assert night.record(exchange(URL, b"HTTP/1.1 304 Not Modified\r\n\r\n")) is None
    assert night.end() == []
    assert len(list(read(night.recorder.own_files()[0]))) == 7


def test_validators_and_truncation_are_in_the_line(night: Night) -> None:
    headers = b'ETag: W/"\xe9"\r\nLast-Modified: Sat, 21 Nov 2026 03:00:00 GMT\r\n'
    made = exchange(URL, answer(headers=headers), truncated="length")
    night.record(made)
    (line,) = night.end()
    assert (line.etag, line.truncated) == ('W/"é"', "length")
    assert line.modified == "Sat, 21 Nov 2026 03:00:00 GMT"


def test_ids_are_uuids_of_version_4() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    for id in ids:
        found = uuid.UUID(id)
        assert (found.urn, found.version, found.variant) == (id, 4, uuid.RFC_4122)


def test_files_are_ended_at_their_size(tmp_path: Path) -> None:
    night = Night(tmp_path, max_size=20_000)
    for number in range(12):
        night.record(page(number))
        night.commit()
    big = night.record(page(12, os.urandom(40_000)))
    lines = night.end()
    files = night.recorder.own_files()
    assert [path.name for path in files] == [f"{PREFIX}-{n:05}.warc.gz" for n in range(len(files))]
    assert len(files) == 3
    sizes = [path.stat().st_size for path in files]
    assert big is not None and sizes[-1] > 20_000 and big.filename == files[-1].name
    assert all(size <= 20_000 for size in sizes[:-1])
    assert night.recorder.size() == sum(sizes)
    assert [next(read(path)).type for path in files] == ["warcinfo"] * len(files)
    holds(night, lines)


def test_after_finish_another_file_begins(night: Night) -> None:
    night.record(page(1))
    night.end()
    night.record(page(2))
    holds(night, night.end())
    assert len(night.recorder.own_files()) == 2


# -- revisits -------------------------------------------------------------------------------------------


def again(made: Exchange, url: str | None = None, wire: bytes | None = None, later: int = 60) -> Exchange:
    wire = b"".join(made.response.chunks()) if wire is None else wire
    return exchange(url or made.url, wire, made.began + timedelta(seconds=later))


def test_the_same_payload_again_is_a_revisit(night: Night) -> None:
    made = page(1)
    night.record(made)
    line = night.record(again(made, "http://example.org/b"))
    third = night.record(again(made, "http://example.org/c", later=70))
    assert line is not None and third is not None
    assert (line.kind, line.mime, line.digest) == ("revisit", "text/html", made.payload_digest)
    holds(night, night.end())
    with read_at(night.recorder.own_files()[0], third.offset) as record:
        assert record.get("WARC-Refers-To-Target-URI") == made.url, "never to another revisit"
        assert record.get("WARC-Payload-Digest") == made.payload_digest
        assert record.get("WARC-Truncated") == "length"
        assert (
            b"".join(record.chunks())
            == b"".join(made.response.chunks())[: made.head.length if made.head else 0]
        )


def test_only_whole_found_and_long_payloads_are_revisited(night: Night) -> None:
    short = answer(b"short" * 10)
    missing = answer(status=b"404 Not Found")
    kinds = []
    for wire in (short, missing):
        kinds += [night.record(again(page(1), f"http://example.org/{n}", wire)) for n in range(2)]
    cut = answer(PAGE[:3000])
    kinds += [night.record(exchange(f"http://example.org/{n}", cut, truncated="length")) for n in ("c", "d")]
    whole = night.record(exchange("http://example.org/e", cut))
    assert [line and line.kind for line in [*kinds, whole]] == ["response"] * 7


def test_what_was_not_indexed_is_no_original(night: Night) -> None:
    night.record(page(1), indexed=False)
    line = night.record(again(page(1)))
    assert line is not None and line.kind == "response"


def test_head_and_original_are_framed_alike(night: Night) -> None:
    """pywb puts the revisit's head before the original's block: chunk sizes would stand in the page."""
    framed, plain = answer(chunks=True), answer()
    night.record(exchange("http://example.org/1", framed))
    kinds = []
    for number, wire in enumerate((plain, framed, plain)):
        line = night.record(exchange(f"http://example.org/{number + 2}", wire))
        kinds.append(line and line.kind)
    assert kinds == ["response", "revisit", "response"]
    holds(night, night.end())


@pytest.fixture
def nights(tmp_path: Path) -> tuple[Night, Night]:
    """A first crawl with three pages, and a second one that knows its view."""
    first = Night(tmp_path, "forum-20261121T031500Z")
    for number in (1, 2, 3):
        first.record(page(number, headers=b'ETag: "%d"\r\n' % number))
    first.record(again(page(3), "http://example.org/wie:drei", answer(b"3" + PAGE, headers=b'ETag: "x"\r\n')))
    second = Night(tmp_path)
    second.recorder.load_originals(iter(first.end()))
    return first, second


def later(number: int, url: str = "") -> Exchange:
    wire = b'HTTP/1.1 304 Not Modified\r\nETag: "new"\r\n\r\n'
    return exchange(url or page(number).url, wire, BEGAN + timedelta(days=1))


def test_a_view_holds_the_earlier_originals_it_needs(nights: tuple[Night, Night]) -> None:
    first, second = nights
    second.record(page(9))
    one = second.record(again(page(1), "http://example.org/neu"))
    two = second.record(later(2))
    assert one is not None and two is not None
    assert (two.kind, two.status, two.mime, two.etag) == ("revisit", 200, "text/html", '"new"')
    lines = second.end()
    assert [line.url for line in lines] == sorted(line.url for line in lines)
    earlier = [line for line in lines if line.filename.startswith(first.prefix)]
    assert [line.url for line in earlier] == [page(1).url, page(2).url]
    assert earlier == [line for line in first.recorder.lines() if line.url in (page(1).url, page(2).url)]
    holds(second, lines)
    assert all(path.name.startswith(PREFIX) for path in second.recorder.own_files())


def test_an_earlier_revisit_leads_to_its_original(nights: tuple[Night, Night]) -> None:
    _, second = nights
    url = "http://example.org/wie:drei"
    before = second.recorder.previous(url)
    assert before is not None
    assert (before.url, before.etag) == (page(3).url, '"x"'), "its original, with its own validators"
    line = second.record(later(0, url))
    assert line is not None
    lines = second.end()
    with read_at(second.recorder.own_files()[0], line.offset) as record:
        assert record.get("WARC-Refers-To-Target-URI") == page(3).url
        assert record.size == 0
    assert {found.url for found in lines} == {url, page(3).url}


def test_the_latest_of_an_earlier_crawl_counts(tmp_path: Path) -> None:
    first = Night(tmp_path, "forum-20261121T031500Z")
    first.record(exchange(URL, answer(b"old" + PAGE), BEGAN))
    first.record(exchange(URL, answer(b"new" + PAGE), BEGAN + timedelta(seconds=1)))
    second = Night(tmp_path)
    second.recorder.load_originals(reversed(first.end()))
    before = second.recorder.previous(URL)
    assert before is not None and before.digest == digest_of(b"new" + PAGE)
    assert second.recorder.previous("http://example.org/never") is None


# -- stops ----------------------------------------------------------------------------------------------


def test_what_was_not_committed_is_cut_off(night: Night) -> None:
    night.record(page(1), 1)
    night.commit()
    night.record(page(2), 2)
    size = night.open_file().stat().st_size
    night.kill()
    night.begin()
    assert night.reopen == [], "row 2 was never done as far as the database knows"
    assert night.open_file().stat().st_size < size
    assert night.record(page(3), 3) is not None
    lines = night.end()
    assert [line.url for line in lines] == [page(1).url, page(3).url]
    holds(night, lines)


def test_a_half_record_at_the_end_is_cut_off(night: Night) -> None:
    night.record(page(1), 1)
    night.commit()
    with night.open_file().open("ab") as file:
        file.write(gzip.compress(b"WARC/1.1 and no more")[:-3])
    night.kill()
    night.begin()
    night.record(page(2), 2)
    holds(night, night.end())


@pytest.mark.parametrize("how", ["shorter", "zeros", "one byte", "gone"])
def test_what_a_power_cut_took_is_asked_for_again(night: Night, how: str) -> None:
    places = []
    for number in range(5):
        line = night.record(page(number), number)
        night.commit()
        assert line is not None
        places.append(line.offset)
        if number == 1:
            night.save()
    night.kill()
    path = night.open_file()
    data = bytearray(path.read_bytes())
    hurt = places[3] + 100
    if how == "shorter":
        path.write_bytes(data[:hurt])
    elif how == "zeros":
        path.write_bytes(data[:hurt] + bytes(len(data) - hurt))
    elif how == "one byte":
        data[hurt] ^= 1
        path.write_bytes(data)
    else:
        path.unlink()
    night.begin()
    assert night.reopen == ([0, 1, 2, 3, 4] if how == "gone" else [3, 4])
    for row in night.reopen:
        line = night.record(page(row), row)
        assert line is not None and line.kind == "response", "nothing lost is an original"
    lines = night.end()
    assert [line.url for line in lines] == [page(number).url for number in range(5)]
    holds(night, lines)


def test_an_exchange_of_which_a_part_is_lost_is_lost(night: Night) -> None:
    night.record(page(1), 1)
    line = night.record(page(2), 2)
    night.commit()
    night.kill()
    assert line is not None
    with night.open_file().open("r+b") as file:
        file.truncate(line.offset + line.length + 1)
    night.begin()
    assert night.reopen == [2]
    assert night.open_file().stat().st_size == line.offset


def test_what_is_synced_is_not_read_again(night: Night) -> None:
    """A resumed crawl must not read all it has; damage there is for `verify` to find."""
    night.record(page(1), 1)
    night.save()
    path = night.open_file()
    night.kill()
    data = bytearray(path.read_bytes())
    data[30] ^= 255
    path.write_bytes(data)
    night.begin()
    assert night.reopen == [] and night.open_file().stat().st_size == len(data)
    path.write_bytes(b"")


def test_a_disk_that_lied_about_syncing_is_not_believed(night: Night) -> None:
    night.record(page(1), 1)
    line = night.record(page(2), 2)
    night.save()
    night.kill()
    assert line is not None
    with night.open_file().open("r+b") as file:
        file.truncate(line.offset + 10)
    night.begin()
    assert night.reopen == [2]
    assert night.open_file().stat().st_size == line.offset
    night.record(page(2), 2)
    holds(night, night.end())


def test_a_file_finished_but_not_committed_goes_on(tmp_path: Path) -> None:
    night = Night(tmp_path, max_size=20_000)
    for number in range(3):
        night.record(page(number), number)
    night.commit()
    night.recorder.finish()
    night.record(page(3), 3)
    night.kill()
    night.begin()
    assert night.reopen == []
    assert sorted(path.name for path in night.warcs.iterdir()) == [
        f"{PREFIX}-00000.warc.gz{OPEN}",
        f"{PREFIX}-00001.warc.gz{OPEN}{STRAY}",
    ]
    night.record(page(4), 4)
    lines = night.end()
    assert [line.filename for line in lines] == [f"{PREFIX}-00000.warc.gz"] * 4
    night.record(page(5), 5)
    assert night.open_file(2).exists(), "the stray keeps its number"


def test_a_file_the_database_does_not_know_is_kept_aside(night: Night) -> None:
    night.record(page(1), 1)
    night.kill()
    night.begin()
    (stray,) = night.warcs.iterdir()
    assert stray.name == f"{PREFIX}-00000.warc.gz{OPEN}{STRAY}"
    night.kill()
    night.begin()
    night.record(page(1), 1)
    holds(night, night.end())
    assert stray.exists()


def test_other_crawls_files_are_left_alone(night: Night) -> None:
    other = night.warcs / f"forum-20251122T031500Z-00000.warc.gz{OPEN}"
    other.touch()
    night.kill()
    night.begin()
    assert [path.name for path in night.warcs.iterdir()] == [other.name]


def test_after_a_lost_commit_recover_brings_both_together(night: Night) -> None:
    night.record(page(1), 1)
    night.commit()
    night.record(page(2), 2)
    night.db.rollback()
    assert night.recorder.recover() == []
    night.record(page(2), 2)
    lines = night.end()
    assert [line.url for line in lines] == [page(1).url, page(2).url]
    holds(night, lines)


KILLED = """
import asyncio, sys
from datetime import timedelta
from pathlib import Path
from tests.crawler.test_recorder import Night, page
night = Night(Path(sys.argv[1]), max_size=60_000)
async def go():
    for number in range(int(sys.argv[2]), 100_000):
        await night.recorder.record(page(number), row=number, via=None, hops="")
        night.db.execute("INSERT INTO done VALUES (?)", (number,))
        night.commit()
        if number % 10 == 0:
            night.save()
        print(number, flush=True)
night.db.execute("CREATE TABLE IF NOT EXISTS done (row INTEGER)")
night.commit()
asyncio.run(go())
"""


def test_killed_at_any_moment_nothing_is_lost_and_nothing_twice(tmp_path: Path) -> None:
    said = -1
    for after in (1, 7, 23, 40, 41):
        command = [sys.executable, "-c", KILLED, str(tmp_path), str(said + 1)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
            assert running.stdout is not None
            for _ in range(after):
                last = running.stdout.readline()
            running.kill()
            for late in running.stdout:
                last = late if late.endswith("\n") else last
        assert running.returncode == -signal.SIGKILL
        night = Night(tmp_path, max_size=60_000)
        assert night.reopen == []
        done = [row for (row,) in night.db.execute("SELECT row FROM done ORDER BY row")]
        assert done == list(range(len(done)))
        assert len(done) > int(last)
        lines = list(night.recorder.lines())
        assert sorted(line.url for line in lines) == sorted(page(row).url for row in done)
        holds(night, lines)
        said = done[-1]
        night.kill()
    night.begin()
    assert len(night.recorder.own_files()) > 1


# -- a full disk ----------------------------------------------------------------------------------------

FULL = """
import asyncio, os, resource, sys
from pathlib import Path
from storage.errors import OutOfDisk
from tests.crawler.test_recorder import Night, PAGE, holds, page
night = Night(Path(sys.argv[1]))
night.record(page(0), 0)
night.commit()
before = night.open_file().stat().st_size
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
large = os.urandom(2 << 20)
for more, content in ((1, PAGE), (700, PAGE), (100_000, large)):
    resource.setrlimit(resource.RLIMIT_FSIZE, (before + more, hard))
    for _ in range(2):
        try:
            night.record(page(1, content), 1)
        except OutOfDisk as full:
            print(full.what, full.where)
        else:
            sys.exit("no error")
        assert night.open_file().stat().st_size == before
        holds(night, list(night.recorder.lines()))
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
night.record(page(1, large), 1)
night.commit()
lines = night.end()
assert [line.kind for line in lines] == ["response", "response"], lines
holds(night, lines)
"""


def test_a_file_that_may_not_grow_ends_with_a_whole_record(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(f"File too large {tmp_path}") == 6


class FileLimit:
    """Files of this process may not grow beyond `room` bytes: EFBIG. Can be had by everybody."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]

    def room(self, size: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, self.hard))

    def close(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.hard, self.hard))


class SmallDisk:
    """A disk of its own with `room` bytes: ENOSPC. Only root may mount one; OSError for others."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self._mount("size=1m", "-t", "tmpfs", "tmpfs")

    def _mount(self, options: str, *more: str) -> None:
        command = ["mount", "-o", options, *more, str(self.folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            raise OSError("mounting needs root")

    def room(self, size: int) -> None:
        # A tmpfs knows whole pages only, and no size is no limit.
        self._mount(f"remount,size={max(size, 4096)}")

    def close(self) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], check=True)


def disks() -> list[type[FileLimit] | type[SmallDisk]]:
    with tempfile.TemporaryDirectory() as name:
        try:
            SmallDisk(Path(name) / "disk").close()
        except OSError:
            return [FileLimit]
    return [FileLimit, SmallDisk]


@pytest.fixture(params=disks())
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FileLimit | SmallDisk]:
    made: FileLimit | SmallDisk = request.param(tmp_path / "warcs")
    yield made
    made.close()


def test_a_full_disk_ends_with_a_whole_record(tmp_path: Path, disk: FileLimit | SmallDisk) -> None:
    night = Night(tmp_path)
    disk.room(256 << 10)
    rows = []
    with pytest.raises(OutOfDisk) as full:
        for row in range(1000):
            night.record(page(row), row)
            rows.append(row)
    night.commit()
    assert len(rows) > 10
    assert full.value.where.startswith(str(night.warcs)) and full.value.exit_code == 8
    holds(night, list(night.recorder.lines()))
    with pytest.raises(OutOfDisk):
        night.record(page(1, os.urandom(2 << 20)), 1)
    night.kill()
    night.begin()
    assert night.reopen == []
    disk.room(10 << 20)
    for row in range(len(rows), len(rows) + 10):
        night.record(page(row), row)
    lines = night.end()
    assert len(lines) == len(rows) + 10
    holds(night, lines)


def test_a_disk_too_full_to_begin_a_file(tmp_path: Path, disk: FileLimit | SmallDisk) -> None:
    night = Night(tmp_path)
    disk.room(0)
    with (night.warcs / "filler").open("wb", buffering=0) as file, pytest.raises(OSError):
        for _ in range(3):
            file.write(bytes(4096))
    with pytest.raises(OutOfDisk):
        night.record(page(1), 1)
    assert [path.name for path in night.warcs.iterdir()] == ["filler"]
    disk.room(10 << 20)
    night.record(page(1), 1)
    (night.warcs / "filler").unlink()
    holds(night, night.end())


def test_a_full_database_takes_the_records_back(night: Night) -> None:
    night.record(page(1), 1)
    night.commit()
    size = night.open_file().stat().st_size
    pages = night.db.execute("PRAGMA page_count").fetchone()[0]
    night.db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(OutOfDisk):
        for row in range(2, 1000):
            night.record(page(row), row)
    night.db.rollback()
    assert night.recorder.recover() == []
    assert night.open_file().stat().st_size == size
    night.db.execute("PRAGMA max_page_count = 1000000")
    night.record(page(2), 2)
    holds(night, night.end())


# -- large exchanges ------------------------------------------------------------------------------------


class Slow:
    """A block that does not compress and counts how far it was read."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.given = 0
        self.break_at = size

    def chunks(self, size: int = 1 << 16) -> Iterator[bytes]:
        while self.given < self.size:
            if self.given >= self.break_at:
                raise RuntimeError("the spool broke")
            piece = os.urandom(min(size, self.size - self.given))
            self.given += len(piece)
            yield piece

    def close(self) -> None: ...


def large(size: int = 24 << 20) -> tuple[Exchange, Slow]:
    block = Slow(size)
    made = exchange("http://example.org/groß.zip".replace("ß", "%C3%9F"), b"HTTP/1.1 200 OK\r\n\r\n")
    made.response, made.head, made.block_digest, made.payload_digest = block, None, "", ""
    return made, block


def test_others_work_while_a_large_exchange_is_written(night: Night) -> None:
    made, block = large()
    seen: list[int] = []

    async def watch() -> None:
        while block.given < block.size:
            seen.append(block.given)
            night.save()
            await asyncio.sleep(0)

    async def both() -> None:
        night_record = night.recorder.record
        await asyncio.gather(
            night_record(made, row=1, via=None, hops=""),
            watch(),
            night_record(page(2), row=2, via=None, hops=""),
        )

    asyncio.run(both())
    assert len(set(seen)) > 10
    night.end()
    uris = [record.uri for record in read(night.recorder.own_files()[0])]
    assert uris == ["", made.url, made.url, page(2).url, page(2).url], "in the order they were given"


def test_a_commit_in_between_knows_nothing_of_half_a_record(night: Night) -> None:
    made, block = large()
    night.record(page(0), 0)

    async def stopped() -> None:
        task = asyncio.ensure_future(night.recorder.record(made, row=1, via=None, hops=""))
        while block.given < 10 << 20:
            await asyncio.sleep(0)
        night.save()
        task.cancel()
        night.kill()
        with pytest.raises((asyncio.CancelledError, sqlite3.ProgrammingError)):
            await task

    asyncio.run(stopped())
    with night.open_file().open("ab") as file:
        file.write(b"half a record")
    night.begin()
    assert night.reopen == []
    lines = night.end()
    assert [line.url for line in lines] == [page(0).url]
    holds(night, lines)


@pytest.mark.parametrize("how", ["cancelled", "broken"])
def test_a_large_exchange_that_breaks_off_leaves_nothing(night: Night, how: str) -> None:
    made, block = large()
    night.record(page(0), 0)
    size = night.open_file().stat().st_size

    async def cancelled() -> None:
        task = asyncio.ensure_future(night.recorder.record(made, row=1, via=None, hops=""))
        while block.given < 10 << 20:
            await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="finish"):
            night.recorder.finish()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    if how == "broken":
        block.break_at = 10 << 20
        with pytest.raises(RuntimeError, match="spool broke"):
            night.record(made, 1)
    else:
        asyncio.run(cancelled())
    assert night.open_file().stat().st_size == size
    night.record(page(1), 1)
    lines = night.end()
    assert [line.url for line in lines] == [page(0).url, page(1).url]
    holds(night, lines)


def test_damage_that_a_reader_meets_is_named(night: Night) -> None:
    line = night.record(page(1))
    assert line is not None
    night.end()
    (path,) = night.recorder.own_files()
    damaged = path.with_name("damaged")
    data = bytearray(path.read_bytes())
    data[line.offset + 200] ^= 1
    damaged.write_bytes(data)
    with pytest.raises(BrokenRecord) as raised:
        list(read(damaged))
    assert raised.value.damage.offset == line.offset
    assert raised.value.exit_code == 5
