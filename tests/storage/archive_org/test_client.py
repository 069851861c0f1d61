"""Requests over the wire: what is sent, what comes back, and what is known when nothing does."""

from __future__ import annotations

import gzip
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.archive_org.client import Addresses, Client, Keys, NoAnswer
from tests.capture.authority import Authority
from tests.sites.archive_org import ACCESS, SECRET
from tests.storage.archive_org.conftest import Desk

GZIP = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
PACKED = gzip.compress(b"[]" * 1000, mtime=0)


def client(url: str, **more: float) -> Client:
    addresses = Addresses(save=f"{url}/save", cdx=f"{url}/cdx", web=f"{url}/web")
    return Client(addresses, Keys(ACCESS, SECRET), agent="Jukni", proxies={}, **more)  # type: ignore[arg-type]


def _hear(connection: socket.socket) -> None:
    """The whole request: what hangs up with bytes unread cuts its own answer."""
    heard = b""
    while b"\r\n\r\n" not in heard:
        heard += connection.recv(65536)
    head, _, body = heard.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    while len(body) < (int(length[1]) if length else 0):
        body += connection.recv(65536)


@contextmanager
def wire(answer: bytes, *, stay: bool = False) -> Iterator[str]:
    """A server that sends these bytes to the first who comes, and hangs up, or stays silent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = threading.Event()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                _hear(connection)
                connection.sendall(answer)
                if stay:
                    done.wait(20)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        done.set()
        thread.join()


def test_what_is_asked(desk: Desk) -> None:
    url = "https://forum.exemple.org/d%C3%A9but?a=1&b=l’été"
    desk.client().save(url, 7)
    (headers,), (body,) = desk.service.headers, desk.service.bodies
    assert headers["authorization"] == f"LOW {ACCESS}:{SECRET}"
    assert (headers["accept"], headers["user-agent"]) == ("application/json", "Jukni (test)")
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert b"if_not_archived_within=7d" in body and b"skip_first_archive=1" in body
    assert desk.service.asks[0][1] == url


def test_a_redirect_is_an_answer_and_takes_no_keys_along(desk: Desk) -> None:
    away = f"Location: {desk.service.url}/save\r\nContent-Length: 0\r\n\r\n".encode()
    for status in (b"301", b"307", b"308"):
        with wire(b"HTTP/1.1 " + status + b" Ailleurs\r\n" + away) as url:
            assert client(url).save("https://a/", 7).status == int(status)
    assert desk.service.requests == []


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"", "closed connection without response"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}", "the answer was cut"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "IncompleteRead"),
        (b"bonjour\r\n\r\n", "bonjour"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", "is no gzip"),
        (GZIP % 15 + PACKED[:15], "the answer was cut"),
        (b"HTTP/1.1 500 No\r\nContent-Length: 50\r\n\r\n{}", "the answer was cut"),
    ],
)
def test_half_an_answer_is_none_and_may_have_been_heard(answer: bytes, text: str) -> None:
    with wire(answer) as url, pytest.raises(NoAnswer, match=text) as error:
        client(url).save("https://a/", 7)
    assert error.value.sent


def test_silence(desk: Desk) -> None:
    with wire(b"HTTP/1.1 200 OK\r\n", stay=True) as url, pytest.raises(NoAnswer) as error:
        client(url, timeout=0.2).save("https://a/", 7)
    assert error.value.sent and error.value.text == "no answer in time"


def test_what_is_packed_is_unpacked_within_limits() -> None:
    answer = GZIP % len(PACKED) + PACKED
    with wire(answer) as url:
        assert client(url).index({}).body == b"[]" * 1000
    with wire(answer) as url, pytest.raises(NoAnswer, match="the answer was cut"):
        client(url, most=1500).index({})


def test_too_much_is_not_read() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000
    with wire(answer) as url, pytest.raises(NoAnswer, match="does not end"):
        client(url, most=1000).index({})


def test_nobody_there_was_not_sent() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(NoAnswer) as error:
        client(f"http://127.0.0.1:{port}").save("https://a/", 7)
    assert not error.value.sent
    with pytest.raises(NoAnswer) as error:
        client("http://nulle-part.invalid").save("https://a/", 7)
    assert not error.value.sent


def test_keys_go_to_no_one_whose_certificate_is_not_trusted(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    server = desk.service._server
    server.socket = authority.server("127.0.0.1").wrap_socket(server.socket, server_side=True)
    url = desk.service.url.replace("http:", "https:")
    with pytest.raises(NoAnswer, match="certificate") as error:
        client(url).save("https://a/", 7)
    assert not error.value.sent and desk.service.requests == []
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    assert client(url).save("https://a/", 7).status == 200
    assert [asked for _, asked in desk.service.asks] == ["https://a/"]


def test_captures_and_index_get_no_keys(desk: Desk) -> None:
    desk.service.has("https://a.org/d%C3%A9but", desk.clock.now)
    timestamp = f"{desk.clock.now:%Y%m%d%H%M%S}"
    ours = desk.client()
    assert ours.capture(timestamp, "https://a.org/d%C3%A9but").status == 200
    assert ours.capture("20200101000000", "https://a.org/d%C3%A9but").status == 302
    assert ours.capture(timestamp, "https://a.org/autre").status == 404
    ours.index({"url": "a.org/", "fl": "original"})
    assert all("authorization" not in headers for headers in desk.service.headers)
    assert ours.address(timestamp, "https://a.org/").startswith(
        f"{desk.service.web_url}/{timestamp}/https://"
    )
