"""Bodies that stand in the way of the page, whatever their status says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crawler.accept import accept
from crawler.software import Page

URL = "http://jardin.example/fr:faq"
WHOLE = b"<!DOCTYPE html><html><head><title>Foire aux questions</title></head><body>%s</body></html>"


def page(body: bytes, mime: str = "text/html", *headers: tuple[bytes, bytes]) -> Page:
    return Page(URL, 200, mime, body, datetime(2026, 11, 22, tzinfo=UTC), headers, len(body))


@pytest.mark.parametrize(
    "body",
    [
        b"<title>Just a moment...</title><script src='/cdn-cgi/challenge-platform/h/b'></script>",
        b"<title>Attention Required! | Cloudflare</title>",
        b"<title>Making sure you&#39;re not a bot!</title>",
        b"<script src=/.within.website/x/cmd/anubis/static/js/main.mjs></script>",
        b"<title>DDoS-Guard</title>",
        b"<title>Forum - Site en travaux</title>",
        b"<title>Maintenance mode</title>",
        b"<html><body><h1>Accueil</h1><br /><b>Fatal error</b>:  Uncaught Error in /srv/doku.php:12",
        b"<html><body>PHP Parse error: syntax error, unexpected end of file",
    ],
)
def test_what_is_no_page(body: bytes) -> None:
    found = accept(page(body))
    assert found.verdict == "challenge"
    assert found.why


@pytest.mark.parametrize(
    "body",
    [
        WHOLE % b"<p>Bonjour",
        WHOLE % b"<p>Fatal error: what to do when PHP says so, a guide</p>",
        WHOLE % (b"<p>Just a moment... said the " + b"spider " * 3000),
        b"<title>Journal de maintenance du four</title><p>Bonjour</p></html>",
        b"",
    ],
)
def test_what_is_one(body: bytes) -> None:
    assert accept(page(body)).verdict == "ok"


def test_a_challenge_by_its_header() -> None:
    assert accept(page(b"<p>", "text/html", (b"CF-Mitigated", b"challenge"))).verdict == "challenge"


def test_a_text_about_challenges_is_none() -> None:
    assert accept(page(b"<title>Just a moment...</title>", "text/plain")).verdict == "ok"
