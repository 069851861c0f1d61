"""Replay through the real pywb: every byte comes back, nothing is left behind."""

from __future__ import annotations

import gzip
import html
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.browse import REQUIREMENTS, Replay, _front_page, cache_folder, environment
from storage.cdxj import read_index
from storage.errors import BrokenData, Failure, RemoteError, UsageError
from storage.records import digest_of
from storage.snapshot import Snapshot
from tests.storage.archives import DAY_ONE, HOST, Made, made

TOP = Path(__file__).parents[2]
PAGES = {**DAY_ONE, f"{HOST}/comprim%C3%A9": gzip.compress(b"<title>petit</title>" * 100)}


@pytest.fixture(scope="module")
def python() -> Path:
    """An environment with pywb, kept between runs where a user's would be."""
    return environment(cache_folder(), print)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Two nights, the second all revisits but one page, in a folder with a name that is not easy."""
    archive = made(tmp_path_factory.mktemp("archives") / "mon archive été #1%20")
    archive.day(PAGES)
    home = b"<a href='/parti'>second jour</a>"
    archive.day({**PAGES, f"{HOST}/": home, f"{HOST}/parti": b"pas ici"}, 1)
    return archive


@pytest.fixture(scope="module")
def replay(archive: Made, python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replay]:
    latest = archive.collection.latest()
    assert latest is not None
    with Replay(latest, python=python, cache=tmp_path_factory.mktemp("cache")) as replay:
        yield replay


def get(address: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers by small name and the body as sent: nothing is decoded, no redirect followed."""
    host, _, path = address.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=30)
    try:
        connection.request("GET", "/" + path, headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


@pytest.mark.real
def test_every_capture_comes_back_byte_for_byte(replay: Replay) -> None:
    lines = list(read_index(replay.snapshot.index))
    assert {line.kind for line in lines} == {"response", "revisit"} and len(lines) == 10
    for line in lines:
        status, headers, body = get(replay.url_for(line.url, line.timestamp, raw=True))
        assert "memento-datetime" in headers, line.url
        assert (status, digest_of(body)) == (line.status, line.digest), line.url


@pytest.mark.real
def test_the_first_snapshot_is_browsed_alone(archive: Made, python: Path, tmp_path: Path) -> None:
    first = archive.collection.sealed()[0]
    with Replay(first, python=python, cache=tmp_path) as replay:
        assert get(replay.url_for(f"{HOST}/", raw=True))[2] == PAGES[f"{HOST}/"]
    assert not list(tmp_path.glob("replay-*"))


@pytest.mark.real
def test_the_front_page_leads_to_the_seeds(replay: Replay) -> None:
    status, _, body = get(replay.address)
    assert status == 200
    (link,) = re.findall(r'<li><a href="/([^"]+)">', body.decode())
    status, headers, body = get(replay.address + html.unescape(link))
    assert status == 200 and "memento-datetime" in headers and b"second jour" in body
    assert f'href="/forum/{HOST}/parti"'.encode() in body


@pytest.mark.real
def test_an_archived_404_and_what_is_not_there(replay: Replay) -> None:
    status, headers, body = get(replay.url_for(f"{HOST}/parti", raw=True))
    assert (status, body) == (404, b"pas ici") and "memento-datetime" in headers
    status, headers, _ = get(replay.url_for(f"{HOST}/jamais", raw=True))
    assert status == 404 and "memento-datetime" not in headers


@pytest.mark.real
def test_only_this_machine_is_served(replay: Replay) -> None:
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", replay.port)) == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.2", replay.port)) != 0


@pytest.mark.real
def test_a_port_that_is_taken(replay: Replay, python: Path, tmp_path: Path) -> None:
    again = Replay(replay.snapshot, python=python, cache=tmp_path, port=replay.port)
    with pytest.raises(UsageError, match=str(replay.port)), again:
        pass


HOLDER = """
import pathlib, signal, sys, time
from storage.browse import Replay
from storage.snapshot import Snapshot
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell starts with &
root, python, cache = (pathlib.Path(argument) for argument in sys.argv[1:4])
with Replay(Snapshot(root, "forum", sys.argv[4]), python=python, cache=cache) as replay:
    print(replay.port, flush=True)
    time.sleep(600)
"""


@pytest.mark.real
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_pywb_ends_with_us(replay: Replay, python: Path, tmp_path: Path, sign: signal.Signals) -> None:
    arguments = [str(replay.snapshot.root), str(python), str(tmp_path), replay.snapshot.name]
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=TOP
    )
    assert holder.stdout is not None
    port = int(holder.stdout.readline())
    holder.send_signal(sign)
    holder.communicate()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                break
        time.sleep(0.05)
    else:
        pytest.fail("pywb still answers")
    with Replay(replay.snapshot, python=python, cache=tmp_path):
        assert len(list(tmp_path.glob("replay-*"))) == 1


@pytest.mark.real
def test_a_snapshot_that_cannot_be_replayed(tmp_path: Path, python: Path) -> None:
    snapshot = made(tmp_path / "archive").day(DAY_ONE)
    for path in snapshot.warcs.iterdir():
        path.write_bytes(b"")
    with (
        pytest.raises(BrokenData, match="cannot be replayed"),
        Replay(snapshot, python=python, cache=tmp_path),
    ):
        pass
    snapshot.index.write_bytes(snapshot.index.read_bytes()[:-9])
    with pytest.raises(BrokenData, match="index"), Replay(snapshot, python=python, cache=tmp_path):
        pass
    assert not list(tmp_path.glob("replay-*"))


def test_a_python_without_pywb(tmp_path: Path) -> None:
    snapshot = made(tmp_path / "archive").day(DAY_ONE)
    bare = Replay(snapshot, python=Path(sys.executable), cache=tmp_path / "cache")
    with pytest.raises(Failure, match="No module named 'pywb'"), bare:
        pass


@pytest.mark.real
def test_pywb_that_cannot_be_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    said: list[str] = []
    with pytest.raises(RemoteError) as caught:
        environment(tmp_path, said.append)
    assert len(said) == 1 and "pywb==" in caught.value.what and not list(tmp_path.glob("*/complete"))
    for requirement in REQUIREMENTS:
        assert requirement in caught.value.next[0]


def test_a_seed_cannot_write_the_front_page(tmp_path: Path) -> None:
    page = _front_page(
        Snapshot(tmp_path, "forum", "20261122T031500Z"), "", [('http://a/"><{{x}}{%y%}', "/forum/")]
    )
    assert "{{" not in page and "{%" not in page and '"><' not in page
