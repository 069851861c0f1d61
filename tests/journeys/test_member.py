"""A forum crawled as one of its members: a real Spirit, its real login form, nothing secret anywhere."""

from __future__ import annotations

import hashlib
import http.cookiejar
import re
import sqlite3
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.journeys import mirrored
from tests.journeys.jukni import Ended, Jukni, wait_until
from tests.sites.spirit import Forum

pytestmark = [pytest.mark.real, pytest.mark.slow]

PASSWORD = "châtaigne & clé=42"
CANARY = "/user/logout/"


@pytest.fixture(scope="module")
def forum(spirit: Forum, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forum]:
    """A small copy of the forum, one of whose members has a password that is known."""
    folder = tmp_path_factory.mktemp("membres")
    with spirit.copied(folder) as copy:
        copy.execute("DELETE FROM spirit_topic_topic WHERE id > 20 OR title LIKE 'Trente%'")
        copy.execute("UPDATE spirit_user_userprofile SET is_verified = 1")
        copy.execute("UPDATE auth_user SET password = ? WHERE username = ?", _hashed(), member(copy))
        yield copy


def member(forum: Forum) -> str:
    return next(topic.comments[0].user for topic in forum.topics if not topic.hidden)


def _hashed() -> str:
    """A password as this installation keeps it (django.contrib.auth.hashers.MD5PasswordHasher)."""
    return "md5$sel$" + hashlib.md5(f"sel{PASSWORD}".encode(), usedforsecurity=False).hexdigest()


@pytest.fixture
def jukni(tmp_path: Path, forum: Forum) -> Jukni:
    program = Jukni(tmp_path)
    program.configure(
        f"[site.forum]\nurl = '{forum.url}/'\ndelay = 0.0\nattempts = 2\nretry_wait = 0.05\n"
        f"login = '{forum.url}/user/login/'\ncanary = '{CANARY}'\n"
    )
    return program


def secrets(forum: Forum) -> dict[str, str]:
    return {"JUKNI_USER": member(forum), "JUKNI_PASSWORD": PASSWORD}


def everything_written(jukni: Jukni, ended: Ended) -> bytes:
    """Every byte below the archive, WARCs and lists unpacked, and all that was said."""
    said = (ended.out + ended.err).encode()
    for path in sorted(jukni.archive.rglob("*")):
        if path.is_file():
            said += mirrored.inflated(path) if path.suffix == ".gz" else path.read_bytes()
    return said


def sessions(forum: Forum) -> list[str]:
    """The cookies that would open the door."""
    with closing(sqlite3.connect(forum.folder / "db.sqlite3", timeout=30)) as database:
        return [key for (key,) in database.execute("SELECT session_key FROM django_session")]


def test_a_member_area_is_captured_and_stays_private(jukni: Jukni, forum: Forum) -> None:
    before = len(forum.requests())
    ended = jukni.run("crawl", env=secrets(forum))
    snapshot = mirrored.sealed(jukni.archive)
    assert mirrored.coverage(snapshot)["verdict"] == "complete"
    pages = [body for body in mirrored.bodies(snapshot) if b"</html>" in body]
    assert len(pages) > 15
    assert [page[:200] for page in pages if CANARY.encode() not in page] == []

    asked = forum.requests()[before:]
    assert [r.target for r in asked if r.method != "GET"] == ["/user/login/"]
    assert [r.target for r in asked if "logout" in r.target] == []

    keys = sessions(forum)
    assert keys != []
    written = everything_written(jukni, ended)
    for secret in (PASSWORD, urllib.parse.quote_plus(PASSWORD), *keys):
        assert secret.encode() not in written
    assert b"Set-Cookie: csrftoken=[redacted]; " in written or b"Set-Cookie: sessionid=[redacted]" in written
    assert re.search(rb"\nCookie: \[redacted\]\r\n", written)
    mirrored.proved(snapshot)

    assert snapshot.manifest().private
    assert (jukni.archive / "forum" / "PRIVATE.txt").exists()


@pytest.mark.parametrize("what", ["password", "canary"])
def test_without_being_logged_in_nothing_is_captured(jukni: Jukni, forum: Forum, what: str) -> None:
    given = secrets(forum)
    if what == "password":
        given["JUKNI_PASSWORD"] = "faux"
    else:
        text = (jukni.folder / "jukni.toml").read_text("utf-8")
        jukni.configure(text.replace(CANARY, "Bonjour, capitaine"))
    ended = jukni.run("crawl", env=given, code=4)
    assert "nobody is logged in to forum" in ended.err
    assert b"HTTP/1.1 200" not in everything_written(jukni, ended)
    assert "faux" not in ended.err


def test_a_missing_password_is_said_before_anything_is_asked(jukni: Jukni, forum: Forum) -> None:
    before = len(forum.requests())
    ended = jukni.run("crawl", env={"JUKNI_USER": "élodie"}, code=2)
    assert "JUKNI_PASSWORD" in ended.err
    assert len(forum.requests()) == before


def test_logged_out_in_the_middle(jukni: Jukni, forum: Forum) -> None:
    start = len(forum.requests())
    running = jukni.start("crawl", env=secrets(forum))
    assert wait_until(lambda: len(forum.requests()) - start > 12, running)
    forum.execute("DELETE FROM django_session")
    ended = running.wait()
    assert ended.code == 4, ended.err
    assert "has logged us out" in ended.err
    jukni.run("crawl", env=secrets(forum))
    snapshot = mirrored.sealed(jukni.archive)
    assert mirrored.coverage(snapshot)["verdict"] == "complete"
    newest = {line.url: line for line in mirrored.lines(snapshot)}
    shown = [mirrored.block(snapshot, line) for line in newest.values() if line.mime == "text/html"]
    assert len(shown) > 15
    assert [page[:300] for page in shown if CANARY.encode() not in page] == []


def test_cookies_out_of_a_file(jukni: Jukni, forum: Forum) -> None:
    jar = http.cookiejar.MozillaCookieJar(jukni.folder / "biscuits.txt")
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(jar)
    )
    with opener.open(f"{forum.url}/user/login/") as page:
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())
    assert token is not None
    fields = {"csrfmiddlewaretoken": token[1], "username": member(forum), "password": PASSWORD}
    opener.open(f"{forum.url}/user/login/", urllib.parse.urlencode(fields).encode()).close()
    jar.save(ignore_discard=True)
    jukni.configure(
        f"[site.forum]\nurl = '{forum.url}/'\ndelay = 0.0\ncookies = 'biscuits.txt'\ncanary = '{CANARY}'\n"
    )
    (jukni.folder / "biscuits.txt").chmod(0o644)
    ended = jukni.run("crawl", code=2)
    assert "chmod 600" in ended.err
    (jukni.folder / "biscuits.txt").chmod(0o600)
    ended = jukni.run("crawl")
    written = everything_written(jukni, ended)
    assert [key for key in sessions(forum) if key.encode() in written] == []
    assert CANARY.encode() in written
