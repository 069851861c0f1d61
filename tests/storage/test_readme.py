"""READ-ME-FIRST.txt: its commands are run as they stand, and give the pages back."""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import time
from pathlib import Path

import pytest

from storage.browse import REQUIREMENTS, cache_folder, environment
from storage.cdxj import read_index
from storage.readme import NAME, text
from tests.storage.archives import DAY_ONE, HOST, Made, made, two_days


def commands(archive: Made, number: int) -> list[str]:
    """The commands under a number of the English sheet: lines set in by six."""
    sheet = (archive.archive.root / NAME).read_text("utf-8")
    part = re.search(rf"^{number}\. .*?(?=^{number + 1}\. |\Z)", sheet, re.MULTILINE | re.DOTALL)
    assert part is not None
    return re.findall(r"^ {6}(\S.*)$", part[0], re.MULTILINE)


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, timeout=60)


@pytest.fixture
def archive(tmp_path: Path) -> Made:
    return two_days(tmp_path / "mon archive")


def test_the_french_sheet_has_the_same_commands(archive: Made) -> None:
    sheet = (archive.archive.root / NAME).read_text("utf-8")
    english, french = sheet.split("À LIRE D'ABORD")
    for number in (1, 2, 3):
        for line in commands(archive, number):
            assert line in english
            assert line in french or line.startswith("zgrep")


def test_every_site_is_named_and_lines_are_short(archive: Made) -> None:
    wiki = Made(archive.archive, site="wiki")
    wiki.day(DAY_ONE)
    sheet = (archive.archive.root / NAME).read_text("utf-8")
    for name in ("forum/snapshots/20261122T031500Z", "wiki/snapshots/20261121T031500Z", f"{HOST}/"):
        assert sheet.count(name) >= 2
    assert max(len(line) for line in text([]).splitlines() if not line.startswith(" " * 6)) <= 100


def test_an_empty_archive_says_so(tmp_path: Path) -> None:
    sheet = (made(tmp_path).archive.root / NAME).read_text("utf-8")
    assert "nothing sealed yet" in sheet and "rien de scellé" in sheet


def test_checking(archive: Made) -> None:
    (check,) = commands(archive, 1)
    done = shell(check, archive.archive.root)
    assert done.returncode == 0 and done.stdout.count(b": OK") == 6


def test_one_page_with_nothing_but_a_shell(archive: Made) -> None:
    find, cut = commands(archive, 3)
    latest = archive.collection.sealed()[-1]
    found = shell(find.replace("part of the address", "neuf"), archive.archive.root).stdout.decode()
    (line,) = [line for line in read_index(latest.index) if line.url.endswith("/neuf")]
    assert found == line.to_text() + "\n"
    for name, value in (("OFFSET", line.offset), ("LENGTH", line.length), ("FILENAME", line.filename)):
        cut = cut.replace(name, str(value))
    page = shell(cut, archive.archive.root)
    assert page.stdout.startswith(b"WARC/1.1\r\n") and b"<title>neuf</title>" in page.stdout


@pytest.mark.real
def test_reading_it_with_pywb(archive: Made, tmp_path: Path) -> None:
    """All but the installation, for which an environment with the same requirements stands in."""
    create, install, *rest, run = commands(archive, 2)
    assert create == "python3 -m venv /tmp/replay"
    assert install == "/tmp/replay/bin/pip install " + " ".join(f'"{name}"' for name in REQUIREMENTS)
    place = tmp_path / "replay"
    place.mkdir()
    (place / "bin").symlink_to(environment(cache_folder(), print).parent)
    for line in rest:
        done = shell(line.replace("/tmp/replay", str(place)), archive.archive.root)
        assert done.returncode == 0, done.stderr.decode()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    run = run.replace("/tmp/replay", str(place)).replace("8080", str(port)).replace(" && ", " && exec ")
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(["bash", "-c", run], cwd=archive.archive.root, stdout=log, stderr=log)
    try:
        page = _wait_for(server, port, f"/forum/mp_/{HOST}/neuf")
        assert b"<title>neuf</title>" in page, (tmp_path / "log").read_text()
        again = _wait_for(server, port, f"/forum/20261122id_/{HOST}/chunked")
        assert again == DAY_ONE[f"{HOST}/chunked"]
        assert b"search" in _wait_for(server, port, "/forum/").lower()
    finally:
        server.kill()
        server.wait()


def _wait_for(server: subprocess.Popen[bytes], port: int, path: str) -> bytes:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
            return connection.getresponse().read()
        except ConnectionRefusedError:
            time.sleep(0.1)
        finally:
            connection.close()
    return b""
