"""Cookies for the hosts that need them: a wiki behind a login, a forum that wants a session.

Everywhere else none are kept: a session cookie gives every page its own links. In memory only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.message import Message
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from urllib.parse import urlsplit
from urllib.request import Request

from storage.exchange import Head

_CONTROL = re.compile(rb"[\0-\x08\x0a-\x1f\x7f]")


class Jar:
    """Cookies of the hosts it was made for; every other host gets and leaves none.

    hosts: lower case, without port. Rules are those of `http.cookiejar` (Netscape cookies, RFC 2965 off).
    """

    def __init__(self, hosts: Iterable[str] = ()) -> None:
        self._hosts = set(hosts)
        self._jar = CookieJar(DefaultCookiePolicy(rfc2965=False))

    def enable(self, url: str) -> bool:
        """Keep cookies for the host of this URL too; whether that is news."""
        host = urlsplit(url).hostname or ""
        if host in self._hosts:
            return False
        self._hosts.add(host)
        return True

    def take(self, cookies: Iterable[Cookie]) -> None:
        """Cookies out of a file; those of hosts it was not made for are never sent."""
        for cookie in cookies:
            self._jar.set_cookie(cookie)

    def header_for(self, url: str) -> bytes | None:
        """The value of the Cookie header to send with a request; None when there is nothing to send."""
        if not self._on(url):
            return None
        request = Request(url)
        self._jar.add_cookie_header(request)
        value = request.get_header("Cookie")
        return value.encode("latin-1") if value else None

    def remember(self, url: str, head: Head | None) -> None:
        """Take the cookies an answer sets; one that cannot be read or sent back is left out."""
        if head is None or not self._on(url):
            return
        values = [value for value in head.all(b"set-cookie") if not _CONTROL.search(value)]
        if values:
            self._jar.extract_cookies(_Answer(values), Request(url))  # type: ignore[arg-type]

    def _on(self, url: str) -> bool:
        return (urlsplit(url).hostname or "") in self._hosts


class _Answer:
    """As much of a response as `http.cookiejar` looks at."""

    def __init__(self, values: list[bytes]) -> None:
        self._message = Message()
        for value in values:
            self._message["Set-Cookie"] = value.decode("latin-1")

    def info(self) -> Message:
        return self._message
