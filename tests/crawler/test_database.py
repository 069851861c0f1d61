"""The database of a crawl: what a commit keeps, and what is said when the disk takes no more."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from crawler import database
from storage.errors import BrokenData, OutOfDisk

FILL = """
import resource, sys
from pathlib import Path
from crawler import database
from storage.errors import OutOfDisk
db = database.open(Path(sys.argv[1]))
db.execute("CREATE TABLE pages (n INTEGER PRIMARY KEY, body BLOB)")
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
kept = 0
try:
    while True:
        db.execute("INSERT INTO pages (body) VALUES (zeroblob(3000))")
        database.commit(db)
        kept += 1
except OutOfDisk as error:
    print(kept, error.exit_code, error.where, sep="|")
"""


def rows(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as db:
        return [n for (n,) in db.execute("SELECT n FROM pages ORDER BY n")]


def filled(path: Path, n: int = 3) -> database.Connection:
    db = database.open(path)
    db.execute("CREATE TABLE pages (n INTEGER PRIMARY KEY, body TEXT)")
    db.executemany("INSERT INTO pages VALUES (?, ?)", [(number, "élan") for number in range(n)])
    database.commit(db)
    return db


def test_only_a_commit_makes_it_last(tmp_path: Path) -> None:
    path = tmp_path / "été 2026.sqlite"
    db = filled(path)
    db.execute("INSERT INTO pages VALUES (9, 'not yet')")
    assert rows(path) == [0, 1, 2]
    database.commit(db)
    assert rows(path) == [0, 1, 2, 9]
    db.execute("INSERT INTO pages VALUES (10, 'never')")
    db.close()
    with closing(database.open(path)) as again:
        assert again.execute("SELECT count(*) FROM pages").fetchone() == (4,)


def test_a_commit_leaves_the_disk_alone_and_a_checkpoint_does_not(tmp_path: Path) -> None:
    db = filled(tmp_path / "crawl.sqlite")
    main = tmp_path / "main.sqlite"

    def main_file_alone() -> list[int]:
        shutil.copyfile(tmp_path / "crawl.sqlite", main)
        return rows(main)

    database.checkpoint(db)
    assert main_file_alone() == [0, 1, 2]
    db.execute("INSERT INTO pages VALUES (3, '')")
    database.commit(db)
    assert main_file_alone() == [0, 1, 2]
    db.execute("INSERT INTO pages VALUES (4, '')")
    database.checkpoint(db)
    assert main_file_alone() == [0, 1, 2, 3, 4]
    db.close()


def test_the_log_does_not_grow_from_checkpoint_to_checkpoint(tmp_path: Path) -> None:
    db = filled(tmp_path / "crawl.sqlite")
    for number in range(10, 40):
        db.execute("INSERT INTO pages VALUES (?, ?)", (number, "x" * 20_000))
        database.checkpoint(db)
    assert (tmp_path / "crawl.sqlite-wal").stat().st_size < 100_000
    db.close()


def test_settings_that_the_promises_stand_on(tmp_path: Path) -> None:
    with closing(filled(tmp_path / "crawl.sqlite")) as db:
        asked = ("journal_mode", "synchronous", "cache_size", "wal_autocheckpoint")
        found = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in asked]
    assert found == ["wal", 1, -32 * 1024, database.FORGOTTEN_PAGES]


@pytest.mark.parametrize("many", [False, True])
def test_a_full_database_is_out_of_disk_and_keeps_what_was_committed(tmp_path: Path, many: bool) -> None:
    path = tmp_path / "crawl.sqlite"
    db = filled(path)
    db.execute("PRAGMA max_page_count = 20")
    body = "x" * 3000
    with pytest.raises(OutOfDisk) as caught:
        if many:
            db.executemany("INSERT INTO pages VALUES (?, ?)", [(n, body) for n in range(100, 200)])
        for number in range(100, 200):
            db.execute("INSERT INTO pages VALUES (?, ?)", (number, body))
    assert caught.value.where == str(path)
    assert "full" in caught.value.what
    assert caught.value.kept and caught.value.next
    db.close()
    assert rows(path) == [0, 1, 2]


def test_a_write_the_system_refuses_is_out_of_disk_and_keeps_what_was_committed(tmp_path: Path) -> None:
    path = tmp_path / "crawl é.sqlite"
    run = subprocess.run([sys.executable, "-c", FILL, path], capture_output=True, text=True, check=True)
    kept, code, where = run.stdout.strip().split("|")
    assert int(kept) > 100
    assert (code, where) == ("8", str(path))
    assert rows(path) == list(range(1, int(kept) + 1))


def test_what_is_no_database_is_broken_data(tmp_path: Path) -> None:
    path = tmp_path / "crawl.sqlite"
    path.write_bytes(b"WARC/1.1\r\n" * 1000)
    with pytest.raises(BrokenData) as caught:
        database.open(path)
    assert caught.value.where == str(path)
    assert path.read_bytes() == b"WARC/1.1\r\n" * 1000


def test_a_damaged_file_is_broken_data(tmp_path: Path) -> None:
    path = tmp_path / "crawl.sqlite"
    filled(path, 20_000).close()
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xff" * (len(whole) - 8192))
    db = database.open(path)
    with pytest.raises(BrokenData):
        db.execute("SELECT max(length(body)), min(n) FROM pages").fetchall()
    db.close()


def test_a_file_cut_short_is_broken_data(tmp_path: Path) -> None:
    path = tmp_path / "crawl.sqlite"
    filled(path, 20_000).close()
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2 + 100)
    with pytest.raises(BrokenData):
        database.open(path)


def test_a_disk_that_does_not_read_is_not_a_full_one() -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_READ
    assert isinstance(database.understood(error, Path("/archives/crawl.sqlite")), BrokenData)
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    assert isinstance(database.understood(error, Path("/archives/crawl.sqlite")), OutOfDisk)


def test_a_bug_of_ours_stays_one(tmp_path: Path) -> None:
    with closing(filled(tmp_path / "crawl.sqlite")) as db:
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            db.execute("SELECT 1 FROM nowhere")
        with pytest.raises(sqlite3.IntegrityError):
            db.execute("INSERT INTO pages VALUES (1, '')")
        with pytest.raises(sqlite3.ProgrammingError):
            db.execute("SELECT ?")
