"""The sweep of archive.org's index: to its end, or not at all."""

from __future__ import annotations

from datetime import timedelta

import pytest

from storage.archive_org.cdx import Capture, prefixes, sweep
from storage.errors import RemoteError
from tests.storage.archive_org.conftest import Desk

URL = "https://forum.exemple.org/sujet/d%C3%A9but"


def swept(desk: Desk, prefix: str = "forum.exemple.org/", **more: object) -> list[Capture]:
    found = sweep(desk.client(), prefix, sleep=desk.clock.sleep, now=desk.clock, **more)  # type: ignore[arg-type]
    return list(found)


@pytest.mark.parametrize(
    ("urls", "expected"),
    [
        ([], []),
        (["https://a.org/"], ["a.org/"]),
        (["https://a.org/w/x", "http://www.a.org/w/y/z"], ["a.org/w/"]),
        (["https://a.org/w/x", "https://a.org/v/x"], ["a.org/"]),
        (["https://a.org/w/x?y=/z/", "https://b.org:8080/u/"], ["a.org/w/", "b.org:8080/u/"]),
        (["https://a.org/wiki/a", "https://a.org/wikis/a"], ["a.org/"]),
    ],
)
def test_prefixes(urls: list[str], expected: list[str]) -> None:
    assert prefixes(urls) == expected


def test_only_pages_that_were_answered(desk: Desk) -> None:
    at = desk.clock.now - timedelta(days=2)
    desk.service.has(URL, at, "sha1:" + "A" * 32)
    desk.service.has(URL + "-404", at, status="404")
    desk.service.has(URL + "-revisit", at, status="-", mime="warc/revisit")
    desk.service.has("https://autre.exemple.org/", at)
    found = swept(desk)
    assert [capture.url for capture in found] == [URL, URL + "-revisit"]
    assert found[0].digest == "sha1:" + "A" * 32 and found[0].at == at


def test_the_newest_is_never_collapsed_away(desk: Desk) -> None:
    """With collapse=urlkey the server gives the oldest capture of each URL: the stand-in does, too."""
    for days in (9, 5, 1):
        desk.service.has(URL, desk.clock.now - timedelta(days=days))
    assert len(swept(desk)) == 3
    query = {"url": "forum.exemple.org/", "matchType": "prefix", "fl": "timestamp", "collapse": "urlkey"}
    oldest = f"{desk.clock.now - timedelta(days=9):%Y%m%d%H%M%S}"
    assert oldest.encode() in desk.client().index(query).body
    assert all("collapse" not in target for _, target in desk.service.requests[:-1])


def test_in_parts_and_since(desk: Desk) -> None:
    for number in range(7):
        desk.service.has(f"{URL}-{number}", desk.clock.now - timedelta(days=number))
    desk.service.index_rows = 3
    assert len(swept(desk)) == 7
    assert len(desk.service.requests) == 3 and desk.clock.slept == [2.0, 2.0]
    assert len(swept(desk, since=desk.clock.now - timedelta(days=2, minutes=1))) == 3


@pytest.mark.parametrize("failures", [[(503, b"")], [(500, b""), (429, b""), (502, b"")]])
def test_it_is_tried_again(desk: Desk, failures: list[tuple[int, bytes]]) -> None:
    desk.service.has(URL, desk.clock.now)
    desk.service.broken_index = list(failures)
    assert len(swept(desk)) == 1
    assert desk.clock.slept == [2.0, 4.0, 8.0][: len(failures)]


@pytest.mark.parametrize(
    "answer",
    [
        (200, b""),
        (200, b"<html>"),
        (200, b"{}"),
        (200, b"[1]"),
        (200, b'[["original","timestamp"],["a","b"]]'),
        (200, b'[["original","timestamp","mimetype","statuscode","digest"],["a"]]'),
        (403, b"blocked"),
    ],
)
def test_what_is_no_list_is_no_empty_list(desk: Desk, answer: tuple[int, bytes]) -> None:
    desk.service.broken_index = [answer]
    with pytest.raises(RemoteError):
        swept(desk)


def test_a_list_without_end(desk: Desk) -> None:
    row = b'["https://a/","20260101000000","text/html","200","AAA"]'
    part = b'[["original","timestamp","mimetype","statuscode","digest"],' + row + b',[],["same"]]'
    desk.service.broken_index = [(200, part)] * 5
    with pytest.raises(RemoteError, match="the same part twice"):
        swept(desk)
