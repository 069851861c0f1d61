"""Index lines: keys as pywb makes them, lines that come back, files that are the same for the same lines."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from storage.cdxj import Line, read_index, surt, write_index
from storage.errors import BrokenData

# Made with the `surt` package 0.3.1, which pywb 2.10 uses: {url: surt.surt(url)}.
KEYS: dict[str, str] = json.loads((Path(__file__).parent.parent / "golden" / "surt.json").read_text("utf-8"))

LINE = Line(
    key="org,example)/wiki/%c3%9c:x",
    timestamp="20261122031500",
    url="http://example.org/wiki/%C3%9C:x",
    mime="text/html",
    status=200,
    digest="sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ",
    length=10,
    offset=20,
    filename="forum-20261122T031500Z-00000.warc.gz",
)


@pytest.mark.parametrize("url", KEYS)
def test_keys_are_those_of_pywb(url: str) -> None:
    assert surt(url) == KEYS[url]


def test_other_addresses_have_no_key() -> None:
    with pytest.raises(ValueError, match="ftp"):
        surt("ftp://example.org/")


@pytest.mark.parametrize("url", ["http://example.org/a b", "http://example.org/é?ü=ö"])
def test_a_key_has_no_space(url: str) -> None:
    assert " " not in surt(url)


def test_a_line_reads_as_other_tools_write_it() -> None:
    assert LINE.to_text() == (
        'org,example)/wiki/%c3%9c:x 20261122031500 {"url": "http://example.org/wiki/%C3%9C:x", '
        '"mime": "text/html", "status": "200", "digest": "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ", '
        '"length": "10", "offset": "20", "filename": "forum-20261122T031500Z-00000.warc.gz"}'
    )


def test_a_revisit_is_known_by_its_media_type() -> None:
    fields = {name: getattr(LINE, name) for name in LINE.__dataclass_fields__}
    line = Line(**fields | {"kind": "revisit", "id": "urn:uuid:1", "etag": 'W/"é"', "coding": "chunked"})
    block = json.loads(line.to_text().split(" ", 2)[2])
    assert (block["mime"], block["type"]) == ("warc/revisit", "text/html")
    assert Line.parse(line.to_text()) == line


def test_a_line_of_another_tool_is_understood() -> None:
    text = (
        'org,example)/ 20260101000000 {"url":"http://example.org/","mime":"unk","status":404,"digest":"-",'
        '"length":5,"offset":0,"filename":"a.warc.gz","robots":"no"}\n'
    )
    line = Line.parse(text)
    assert (line.mime, line.status, line.digest, line.length, line.extra) == (
        "",
        404,
        "",
        5,
        (("robots", "no"),),
    )
    assert Line.parse(line.to_text()) == line


TEXTS = some.text(some.characters(exclude_categories=["Cs"]), max_size=30)
DASHED = TEXTS.filter(lambda text: text not in ("-", "unk", "warc/revisit"))
LINES = some.builds(
    Line,
    key=some.text("abc,)/%?=&:", min_size=1),
    timestamp=some.from_regex(r"[0-9]{14}", fullmatch=True),
    url=TEXTS,
    mime=DASHED,
    status=some.integers(0, 999),
    digest=DASHED,
    length=some.integers(0),
    offset=some.integers(0),
    filename=TEXTS,
    kind=some.sampled_from(["response", "revisit"]),
    id=TEXTS,
    date=TEXTS,
    etag=TEXTS,
    modified=TEXTS,
    coding=TEXTS,
    truncated=TEXTS,
    confirmed=TEXTS,
    extra=some.lists(some.tuples(some.sampled_from(["revision", "é"]), TEXTS), unique_by=lambda x: x[0]).map(
        tuple
    ),
)


@given(LINES)
def test_a_line_comes_back_as_it_was(line: Line) -> None:
    text = line.to_text()
    assert text.isascii() and "\n" not in text
    assert Line.parse(text + "\n") == line


@given(some.lists(LINES, max_size=5))
def test_an_index_comes_back_and_its_bytes_are_always_the_same(
    tmp_path_factory: pytest.TempPathFactory, lines: list[Line]
) -> None:
    folder = tmp_path_factory.mktemp("index")
    lines.sort(key=Line.to_text)
    assert write_index(iter(lines), folder / "a.gz") == write_index(lines, folder / "b.gz") == len(lines)
    assert list(read_index(folder / "a.gz")) == lines
    data = (folder / "a.gz").read_bytes()
    assert data == (folder / "b.gz").read_bytes()
    assert data[3:8] == bytes(5), "neither name nor time in the head"


def test_order_is_that_of_bytes(tmp_path: Path) -> None:
    first = Line.parse(LINE.to_text().replace("20261122031500", "20251122031500"))
    write_index([first, LINE], tmp_path / "a.gz")
    with pytest.raises(ValueError, match="out of order"):
        write_index([LINE, first], tmp_path / "b.gz")
    with gzip.open(tmp_path / "c.gz", "wt") as file:
        file.write(f"{LINE.to_text()}\n{first.to_text()}\n")
    with pytest.raises(BrokenData, match="line 2: not in bytewise order"):
        list(read_index(tmp_path / "c.gz"))


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        ("", "not `key timestamp"),
        ("key 20261122031500", "not `key timestamp"),
        ("key 2026 {}", "14 digits"),
        ("key 2026112203150² {}", "14 digits"),
        ("key 20261122031500 {}", "no field 'url'"),
        ("key 20261122031500 []", "not an object"),
        ("key 20261122031500 {", "Expecting"),
        (LINE.to_text().replace('"10"', '"ten"'), "ten"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, bad: str, what: str) -> None:
    path = tmp_path / "été.gz"
    path.write_bytes(gzip.compress(f"{bad}\n".encode()))
    with pytest.raises(BrokenData) as raised:
        list(read_index(path))
    assert what in raised.value.what and raised.value.where == str(path)


def test_a_cut_index_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    write_index([LINE], path)
    whole = path.read_bytes()
    for data in (
        whole[:-1],
        whole[: len(whole) // 2],
        whole[:-8] + bytes(8),
        gzip.compress(b"no end"),
        b"x" * 50,
    ):
        path.write_bytes(data)
        with pytest.raises(BrokenData):
            list(read_index(path))
    with pytest.raises(FileNotFoundError):
        list(read_index(tmp_path / "nowhere.gz"))
