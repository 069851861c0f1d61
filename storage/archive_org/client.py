"""Requests to archive.org: one at a time, each answer as it came. The keys go to `save_url` alone."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from storage.archive_org.answers import Reply

_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Keys:
    """The S3 keys of an account at archive.org."""

    access: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the services are; no "/" at the end."""

    save: str
    cdx: str
    web: str


class NoAnswer(Exception):
    """No whole HTTP answer came. sent: the request may have arrived all the same."""

    def __init__(self, text: str, *, sent: bool) -> None:
        super().__init__(text)
        self.text = text
        self.sent = sent


class _Stay(urllib.request.HTTPRedirectHandler):
    """Redirects are answers: followed, they would carry the keys to whatever host they name."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class Client:
    """One service. agent: the User-Agent. proxies: scheme → address. timeout: seconds for a whole answer."""

    def __init__(
        self,
        addresses: Addresses,
        keys: Keys | None,
        *,
        agent: str,
        proxies: Mapping[str, str],
        timeout: float = 120.0,
        most: int = 256 << 20,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.addresses = addresses
        self._keys = keys
        self._agent = agent
        self._timeout = timeout
        self._most = most
        self._clock = clock
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler(dict(proxies)), _Stay)

    def save(self, url: str, within: int) -> Reply:
        """POST /save: capture this URL unless there is a capture that is at most `within` days old."""
        form = {"url": url, "skip_first_archive": "1", "if_not_archived_within": f"{within}d"}
        return self._ask(self.addresses.save, form=form, signed=True)

    def job(self, job: str) -> Reply:
        """GET /save/status/JOB."""
        return self._ask(f"{self.addresses.save}/status/{job}", signed=True)

    def user(self, nonce: str) -> Reply:
        """GET /save/status/user. nonce: goes past caches on the way."""
        return self._ask(f"{self.addresses.save}/status/user?{urlencode({'_t': nonce})}", signed=True)

    def system(self) -> Reply:
        """GET /save/status/system."""
        return self._ask(f"{self.addresses.save}/status/system", signed=True)

    def index(self, query: Mapping[str, str]) -> Reply:
        """GET of the CDX server."""
        return self._ask(f"{self.addresses.cdx}?{urlencode(query)}", packed=True)

    def capture(self, timestamp: str, url: str) -> Reply:
        """HEAD of a capture's own bytes; a redirect means that the nearest one is another."""
        return self._ask(f"{self.addresses.web}/{timestamp}id_/{url}", method="HEAD")

    def address(self, timestamp: str, url: str) -> str:
        """Where a person reads a capture."""
        return f"{self.addresses.web}/{timestamp}/{url}"

    def _ask(
        self,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        signed: bool = False,
        method: str | None = None,
        packed: bool = False,
    ) -> Reply:
        headers = {"User-Agent": self._agent, "Accept": "application/json"}
        if signed and self._keys is not None:
            headers["Authorization"] = f"LOW {self._keys.access}:{self._keys.secret}"
        if packed:
            headers["Accept-Encoding"] = "gzip"
        data = None if form is None else urlencode(form).encode()
        request = urllib.request.Request(url, data, headers, method=method)
        end = self._clock() + self._timeout
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                return self._read(answer, end)
        except urllib.error.HTTPError as error:
            with error:
                return self._read(error.fp, end)
        except urllib.error.URLError as error:
            raise NoAnswer(_words(error.reason), sent=not _before(error.reason)) from error
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(_words(error), sent=True) from error

    def _read(self, answer: Any, end: float) -> Reply:
        """answer: an http.client.HTTPResponse, whose length is what of a Content-Length is still to come."""
        pieces: list[bytes] = []
        size = 0
        try:
            while piece := answer.read1(_PIECE):
                pieces.append(piece)
                size += len(piece)
                if size > self._most or self._clock() > end:
                    raise NoAnswer("the answer does not end", sent=True)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NoAnswer(_words(error), sent=True) from error
        if answer.length:
            raise NoAnswer("the answer was cut", sent=True)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        body = b"".join(pieces)
        if headers.get("content-encoding", "").lower() == "gzip":
            body = _unpacked(body, self._most)
        return Reply(status=answer.status, headers=headers, body=body)


def _unpacked(body: bytes, most: int) -> bytes:
    engine = zlib.decompressobj(31)
    try:
        plain = engine.decompress(body, most)
    except zlib.error as error:
        raise NoAnswer(f"the answer is no gzip: {error}", sent=True) from error
    if not engine.eof:
        raise NoAnswer("the answer was cut", sent=True)
    return plain


def _before(reason: object) -> bool:
    """Did it fail before anything was sent?"""
    return isinstance(reason, ConnectionRefusedError | socket.gaierror | ssl.SSLCertVerificationError)


def _words(error: object) -> str:
    """The cause in a line; exceptions of the standard library never have our headers in them."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
