"""Cookies are kept for the hosts that were asked for, and for no other."""

from __future__ import annotations

from crawler.capture.cookies import Jar
from storage.exchange import Head
from storage.http import parse_head

FORUM = "http://forum.example.org/viewtopic.php?t=1"


def setting(*values: bytes) -> Head:
    head = parse_head(
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"Set-Cookie: %s\r\n" % value for value in values) + b"\r\n"
    )
    assert head is not None
    return head


def test_cookies_come_back_to_their_host() -> None:
    jar = Jar(["forum.example.org"])
    assert jar.header_for(FORUM) is None
    jar.remember(
        FORUM, setting(b"sid=42; Path=/; HttpOnly; SameSite=Lax", b"s=1; secure; path=/", b"a=\xe9; path=/")
    )
    assert jar.header_for(FORUM) == b"sid=42; a=\xe9"
    assert jar.header_for("https://forum.example.org:8443/") == b"sid=42; s=1; a=\xe9"
    jar.remember(FORUM, setting(b"sid=43; Path=/", b"a=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT"))
    assert jar.header_for(FORUM) == b"sid=43"


def test_other_hosts_neither_get_nor_leave_any() -> None:
    jar = Jar(["forum.example.org"])
    jar.remember("http://ads.example.net/", setting(b"track=1"))
    jar.remember("http://wiki.example.org/", setting(b"early=1; Domain=.example.org; Path=/"))
    jar.remember(
        FORUM, setting(b"wide=1; Domain=.example.org; Path=/", b"foreign=1; Domain=example.net; Path=/")
    )
    assert jar.header_for("http://ads.example.net/") is None
    assert jar.header_for("http://wiki.example.org/") is None
    assert jar.header_for(FORUM) == b"wide=1"
    assert jar.enable("http://Wiki.example.org:8080/fr:faq")
    assert not jar.enable("http://wiki.example.org/")
    assert jar.header_for("http://wiki.example.org/") == b"wide=1"


def test_cookies_that_cannot_be_sent_back_are_left_out() -> None:
    jar = Jar(["forum.example.org"])
    jar.remember(FORUM, setting(b"a=\0; path=/", b"b=\x01", b"", b";;=", b"c=\x7f", b"ok=1; path=/"))
    jar.remember(FORUM, None)
    assert jar.header_for(FORUM) == b"ok=1"
