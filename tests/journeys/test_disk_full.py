"""No room left: requests stop at once, everything before is intact, exit code 8; with room again it goes on.

Three ways to run out: a limit on the size of files that the WARC meets, one that the database meets, and (for
root) a small file system of its own.
"""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.journeys import mirrored
from tests.journeys.jukni import Ended, Jukni, mirror
from tests.sites import parts
from tests.sites.static import Part, Request, Response, Site

ROOM = 2_000_000
CONCURRENCY = 3


def downloads(count: int, size: int) -> Part:
    """A page with links to files of `size` bytes that do not compress."""
    files = {f"/été/fichier:{number}.bin": size + number for number in range(count)}
    names = {
        path.replace("é", "%C3%A9"): parts.big_file(path.replace("é", "%C3%A9"), n)
        for path, n in files.items()
    }
    links = " ".join(f'<a href="{path}">{path}</a>' for path in files)
    page = f"<title>Téléchargements</title>{links}".encode()

    def part(request: Request) -> Response | None:
        if request.target == "/":
            return Response(page)
        return names[request.target](request) if request.target in names else None

    return part


def limited(size: int) -> Callable[[], None]:
    """No file of the process may grow over `size` bytes."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of ROOM bytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "none", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(
    ("what", "site"),
    [("WARC", downloads(30, 150_000)), ("database", parts.pages(600))],
    ids=["WARC", "database"],
)
def test_a_file_may_not_grow(tmp_path: Path, what: str, site: Part) -> None:
    jukni = Jukni(tmp_path)
    room = ROOM if what == "WARC" else 320_000
    with Site(site) as server:
        command = mirror(server.url, concurrency=CONCURRENCY)
        ended = jukni.run(*command, code=8, before=limited(room))
        _stopped_at_once(jukni, server, ended)
        assert (".warc.gz.open" if what == "WARC" else "crawl.sqlite") in ended.err
        still = jukni.run(*command, code=8, before=limited(room))
        _stopped_at_once(jukni, server, still)
        _goes_on(jukni, server, still)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
def test_the_disk_is_full(small_disk: Path, tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    jukni.archive = small_disk / "archive"
    with Site(downloads(30, 150_000)) as server:
        jukni.configure(_config(server, small_disk, min_free="0 B"))
        ended = jukni.run("crawl", code=8)
        _stopped_at_once(jukni, server, ended)
        # What SQLite needed beside the database is free again, so a little more may fit.
        _stopped_at_once(jukni, server, jukni.run("crawl", code=8))
        subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
        _goes_on(jukni, server, ended)


def test_room_is_left_to_others(tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    with Site(parts.pages(30)) as server:
        jukni.configure(_config(server, tmp_path, min_free="900 TB"))
        ended = jukni.run("crawl", code=8)
        assert "900000000 MB are to stay free" in ended.err
        assert len(server.requests) <= CONCURRENCY
        jukni.configure(_config(server, tmp_path, min_free="1 MB"))
        _goes_on(jukni, server, ended)


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    folder = tmp_path / "à lire"
    folder.mkdir()
    root = os.geteuid() == 0
    if root:  # whom permissions do not stop
        subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", str(folder)], check=True)
    else:
        folder.chmod(0o500)
    try:
        with Site(parts.pages(3)) as server:
            ended = jukni.run(*mirror(server.url), "--into", str(folder / "archive"), code=2)
            (tmp_path / "fichier").touch()
            other = jukni.run(*mirror(server.url), "--into", "fichier", code=2)
        assert server.requests == []
    finally:
        if root:
            subprocess.run(["umount", str(folder)], check=True)
    assert "the system does not allow it" in ended.err
    assert str(folder) in ended.err
    assert "no archive can be made in" in other.err
    assert "Traceback" not in ended.err + other.err


def _config(server: Site, folder: Path, min_free: str) -> str:
    return (
        f"[archive]\npath = '{folder}/archive'\nmin_free = '{min_free}'\n"
        f"[site.forum]\nurl = '{server.url}/'\ndelay = 0\nconcurrency = {CONCURRENCY}\n"
    )


def _stopped_at_once(jukni: Jukni, server: Site, ended: Ended) -> None:
    """The message says all of it, records are whole, and only what was under way was asked in vain."""
    snapshot = mirrored.open_one(jukni.archive)
    assert mirrored.known_is_whole(snapshot) > 1
    done = {mirrored.target(url) for url in mirrored.done(snapshot)}
    asked = {request.target for request in server.requests}
    assert done <= asked
    assert len(asked - done) <= CONCURRENCY
    assert f"{snapshot} is not finished" in ended.err
    assert f"{len(done)} URLs are captured; the crawl goes on where it stopped" in ended.err
    assert str(snapshot.root) in ended.err
    assert [command.split()[0] for command in ended.next] == ["df", "jukni"]
    assert "Traceback" not in ended.err


def _goes_on(jukni: Jukni, server: Site, ended: Ended) -> None:
    """With room again, what the message says to run finishes; little was asked for twice."""
    jukni.go_on(ended)
    snapshot = mirrored.sealed(jukni.archive)
    mirrored.proved(snapshot)
    times = server.times_asked()
    assert {target for target, found in mirrored.statuses(snapshot).items() if 200 in found} == {
        request.target for request in server.requests if request.status == 200
    }
    assert len(server.requests) - len(times) <= 2 * CONCURRENCY
