"""A spool gives back what was written, from memory or from a file, as often as wanted."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from base64 import b32encode
from pathlib import Path

import pytest

from crawler.capture.spool import Spool


@pytest.mark.parametrize("memory", [0, 5, 10, 1000])
def test_bytes_come_back(memory: int, tmp_path: Path) -> None:
    spool = Spool(tmp_path, memory)
    pieces = [b"h\xc3\xa9", b"", b"llo" * 7, b"\0" * 3, b"end"]
    for number, piece in enumerate(pieces):
        spool.write(piece)
        so_far = b"".join(pieces[: number + 1])
        for size in (1, 4, 1000):
            chunks = list(spool.chunks(size))
            assert b"".join(chunks) == so_far and all(0 < len(chunk) <= size for chunk in chunks)
        assert spool.size == len(so_far)
        assert spool.digest == "sha1:" + b32encode(hashlib.sha1(so_far).digest()).decode()
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_reading_twice_at_once_and_while_writing(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 4)
    spool.write(b"0123456789")
    one, two = spool.chunks(3), spool.chunks(4)
    assert (next(one), next(two)) == (b"012", b"0123")
    spool.write(b"abc")
    assert b"".join(one) == b"3456789abc" and b"".join(two) == b"456789abc"
    spool.close()


@pytest.mark.parametrize("memory", [0, 1000])
def test_a_closed_spool_is_not_an_empty_one(memory: int, tmp_path: Path) -> None:
    spool = Spool(tmp_path, memory)
    spool.write(b"abc")
    spool.close()
    spool.close()
    with pytest.raises(ValueError):
        list(spool.chunks())
    with pytest.raises(ValueError):
        spool.write(b"d")


FULL = """
import resource, sys
from pathlib import Path
from crawler.capture.spool import Spool
from storage.errors import OutOfDisk

resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
spool = Spool(Path(sys.argv[1]), 500)
try:
    for _ in range(9):
        spool.write(b"x" * 300)
except OutOfDisk as error:
    print(spool.size, len(b"".join(spool.chunks())), error.what)
"""


def test_a_full_disk_leaves_what_was_written(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "900 900 File too large after 900 bytes\n"


def test_what_was_written_before_a_failure_stays(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "gone", 4)
    spool.write(b"abc")
    with pytest.raises(FileNotFoundError):
        spool.write(b"def")
    assert (b"".join(spool.chunks()), spool.size) == (b"abc", 3)
