"""Login forms as several softwares write them, and what is taken out of a record."""

from __future__ import annotations

import hashlib
from base64 import b32encode
from datetime import UTC, datetime

import pytest

from crawler.login import login_form
from crawler.redaction import without_cookies
from storage.exchange import Exchange
from storage.http import parse_head
from storage.records import Held

HERE = "http://jardin.example/wiki/doku.php?id=start&do=login"
DOKUWIKI = """
<form action="/wiki/start" method="get" id="dw__search"><input type="hidden" name="do" value="search">
<input name="q" type="text"><button value="1" type="submit">Rechercher</button></form>
<form id="dw__login" action="/wiki/start?do=login" method="post">
<input type="hidden" name="sectok" value="" />
<input type="hidden" name="id" value="start" /><input type="hidden" name="do" value="login" />
<input type="text" autofocus name="u" class="edit" /><input type="password" name="p" class="edit" />
<input type="checkbox" name="r" value="1" /><button type="submit">Connexion</button></form>"""
PHPBB = """
<form action="./ucp.php?mode=login" method="post" id="login"><input type="text" name="username" value="" />
<input type="password" name="password" /><input type="checkbox" name="autologin" />
<input type="hidden" name="form_token" value="ab12" />
<input type="submit" name="login" value="Connexion" /></form>"""
REGISTER = """
<form action="/register"><input name="user"><input type="password" name="p1">
<input type="password" name="p2"></form>"""
BY_MAIL = """
<form method="post"><input type="text" name="website" value=""><input type="email" name="mail">
<input type="password" name="pass"></form>"""


@pytest.mark.parametrize(
    ("page", "action", "fields"),
    [
        (
            DOKUWIKI,
            "http://jardin.example/wiki/start?do=login",
            {"sectok": "", "id": "start", "do": "login", "u": "élodie", "p": "clé & +"},
        ),
        (
            PHPBB,
            "http://jardin.example/wiki/ucp.php?mode=login",
            {"username": "élodie", "password": "clé & +", "form_token": "ab12", "login": "Connexion"},
        ),
        (BY_MAIL, HERE, {"website": "", "mail": "élodie", "pass": "clé & +"}),
        (REGISTER + DOKUWIKI, "http://jardin.example/wiki/start?do=login", None),
    ],
)
def test_forms(page: str, action: str, fields: dict[str, str] | None) -> None:
    form = login_form(page, HERE, "élodie", "clé & +")
    assert form is not None
    assert form.action == action
    if fields is not None:
        assert dict(form.fields) == fields


@pytest.mark.parametrize("page", ["", "<p>Bonjour", REGISTER, "<form><input type=password name=p></form>"])
def test_no_form(page: str) -> None:
    assert login_form(page, HERE, "élodie", "x") is None


def exchange(head: bytes, body: bytes) -> Exchange:
    parsed = parse_head(head)
    assert parsed is not None
    now = datetime(2026, 11, 22, tzinfo=UTC)
    block = Held(head + body)
    return Exchange(url=HERE, began=now, request=b"", response=block, head=parsed, redacted=("Cookie",))


def test_cookies_are_taken_out_and_nothing_else() -> None:
    head = (
        b"HTTP/1.1 200 OK\r\nset-cookie: DokuWiki=s3cr3t; path=/wiki/; HttpOnly\r\n"
        b"X-Note: Set-Cookie: a=b\r\nSet-Cookie:DW7=b\xc3\xa9ta%3D=; secure\r\nSET-COOKIE: odd\r\n\r\n"
    )
    body = b"Set-Cookie: x=y\r\n" + bytes(range(256)) * 400
    before = exchange(head, body)
    after = without_cookies(before)
    written = b"".join(after.response.chunks())
    assert written == (
        b"HTTP/1.1 200 OK\r\nset-cookie: DokuWiki=[redacted]; path=/wiki/; HttpOnly\r\n"
        b"X-Note: Set-Cookie: a=b\r\nSet-Cookie:DW7=[redacted]; secure\r\nSET-COOKIE: odd\r\n\r\n" + body
    )
    assert after.response.size == len(written)
    assert after.redacted == ("Cookie", "Set-Cookie")
    assert after.head is not None
    assert written[after.head.length :] == body
    digest = b32encode(hashlib.sha1(written, usedforsecurity=False).digest()).decode()
    assert after.block_digest == f"sha1:{digest}"
    assert b"".join(after.response.chunks(7)) == written, "it can be read again, in any pieces"


def test_without_a_cookie_the_very_same_exchange() -> None:
    before = exchange(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", b"abc")
    assert without_cookies(before) is before
