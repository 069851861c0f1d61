"""Verify goes red on every kind of damage, also where the digests were made to fit again."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest

from storage import proof
from storage.cdxj import Line, read_index, write_index
from storage.errors import BROKEN, UNPROVEN, UsageError
from storage.files import digest_of
from storage.manifest import File, Manifest, Warc
from storage.proof import Proof
from storage.snapshot import SEALED_FILES, Snapshot
from storage.verify import MOST, failure, keep, look, verify
from tests.storage.archives import BEGAN, DAY_ONE, HOST, exchange, made, two_days

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of two nights, to be copied and never changed."""
    return two_days(tmp_path_factory.mktemp("archives") / "mon archive").archive.root


@pytest.fixture
def latest(sealed: Path, tmp_path: Path) -> Snapshot:
    """The second night's snapshot, in a copy of its own."""
    root = tmp_path / "copie à abîmer"
    shutil.copytree(sealed, root)
    return Snapshot(root, "forum", "20261122T031500Z")


F = TypeVar("F", bound=File)


def own(snapshot: Snapshot) -> Path:
    return snapshot.warcs / "forum-20261122T031500Z-00000.warc.gz"


def earlier(snapshot: Snapshot) -> Path:
    return snapshot.warcs / "forum-20261121T031500Z-00000.warc.gz"


def change(path: Path, edit: Callable[[bytes], bytes]) -> None:
    path.write_bytes(edit(path.read_bytes()))


def flip(at: float) -> Callable[[bytes], bytes]:
    """One bit of the byte at this part of the file."""

    def edit(data: bytes) -> bytes:
        place = int(len(data) * at)
        return data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :]

    return edit


def reindex(snapshot: Snapshot, edit: Callable[[list[Line]], list[Line]]) -> None:
    """The index with other lines."""
    lines = edit(list(read_index(snapshot.index)))
    write_index(sorted(lines, key=Line.to_text), snapshot.index)


def each(snapshot: Snapshot, of: str, /, **values: object) -> None:
    """The first own line of a kind, changed."""

    def edit(lines: list[Line]) -> list[Line]:
        at = next(
            n for n, line in enumerate(lines) if line.kind == of and line.filename == own(snapshot).name
        )
        lines[at] = replace(lines[at], **values)  # type: ignore[arg-type]
        return lines

    reindex(snapshot, edit)


def reseal(snapshot: Snapshot, edit: Callable[[Manifest], Manifest] = lambda manifest: manifest) -> None:
    """What a careful forger does: every size and digest fits again, up to the manifest's own."""
    before = snapshot.manifest()

    def again(file: F) -> F:
        size, sha256 = digest_of(snapshot.root / file.path)
        return replace(file, size=size, sha256=sha256)

    warcs = [again(warc) for warc in before.warcs]
    files = [again(file) for file in before.files[:-1]]
    sums = snapshot.root / before.files[-1].path
    sums.write_text("".join(f"{file.sha256}  {file.path}\n" for file in (*files, *warcs)))
    size = sum(warc.size for warc in warcs if warc.own)
    after = replace(
        before,
        files=(*files, again(before.files[-1])),
        warcs=tuple(warcs),
        counts={**before.counts, "bytes": size},
    )
    (snapshot.folder / "manifest.json").write_bytes(edit(after).to_json())


def forge(of: Snapshot, /, **values: object) -> None:
    """The manifest with other values and a fitting digest."""
    manifest = replace(of.manifest(), **values)  # type: ignore[arg-type]
    (of.folder / "manifest.json").write_bytes(manifest.to_json())


def counting(**counts: int) -> Callable[[Manifest], Manifest]:
    return lambda manifest: replace(manifest, counts={**manifest.counts, **counts})


def test_what_was_sealed_is_proved(latest: Snapshot) -> None:
    watched: list[str] = []
    found = verify(latest, now=NOW, watch=lambda file: watched.append(file.path))
    assert (found.verdict, found.problems) == ("proved", [])
    assert found.files == 7 == len(watched) and found.bytes == sum(
        (latest.root / path).stat().st_size for path in watched
    )
    assert look(latest, deep=True).records == 29
    first = Snapshot(latest.root, "forum", "20261121T031500Z")
    assert verify(first, now=NOW).verdict == "proved"


RAW: dict[str, tuple[Callable[[Snapshot], object], str]] = {
    "a byte flipped": (lambda s: change(own(s), flip(0.5)), "SHA-256"),
    "a byte flipped in an earlier WARC": (lambda s: change(earlier(s), flip(0.3)), "SHA-256"),
    "a byte flipped in the index": (lambda s: change(s.index, flip(0.5)), "SHA-256"),
    "cut by one byte": (lambda s: change(own(s), lambda data: data[:-1]), "bytes, "),
    "one byte more": (lambda s: change(own(s), lambda data: data + b"\0"), "bytes, "),
    "an earlier WARC missing": (lambda s: earlier(s).unlink(), "it is missing"),
    "a WARC missing": (lambda s: own(s).unlink(), "it is missing"),
    "a WARC emptied": (lambda s: own(s).write_bytes(b""), "it has 0 bytes"),
    "manifest edited": (
        lambda s: change(
            s.folder / "manifest.json", lambda data: data.replace(b'"fetched": 4', b'"fetched": 5')
        ),
        "its own digest does not fit",
    ),
    "manifest no JSON": (lambda s: change(s.folder / "manifest.json", lambda data: data[:-9]), "not JSON"),
    "manifest of another": (lambda s: forge(s, snapshot="20261121T031500Z"), "it belongs to"),
    "wrong size": (
        lambda s: forge(s, files=tuple(replace(f, size=f.size + 1) for f in s.manifest().files)),
        "were sealed",
    ),
    "wrong digest": (
        lambda s: forge(s, warcs=tuple(replace(w, sha256="0" * 64) for w in s.manifest().warcs)),
        "SHA-256",
    ),
    "no capture counted": (lambda s: reseal(s, counting(captures=0)), "no capture at all"),
    "more captures counted": (
        lambda s: reseal(s, counting(captures=99)),
        "it counts 99 captures, there are 8",
    ),
    "more new ones counted": (lambda s: reseal(s, counting(new=1)), "it counts 1 new"),
    "other bytes counted": (lambda s: reseal(s, counting(bytes=1)), "it counts 1 bytes"),
    "more pages counted": (lambda s: reseal(s, counting(pages=1)), "the manifest counts 1"),
    "another verdict": (lambda s: forge(s, verdict="gaps"), "the manifest's gaps"),
    "a file left out": (lambda s: forge(s, files=s.manifest().files[1:]), "its files are not"),
    "a WARC left out": (lambda s: forge(s, warcs=s.manifest().warcs[:1]), "it does not name forum-20261121"),
    "no WARC": (lambda s: forge(s, warcs=()), "not one record"),
    "a WARC that is none": (
        lambda s: forge(s, warcs=(*s.manifest().warcs, Warc("forum/proofs/x.json", 1, "0" * 64, own=False))),
        "no WARC file of this site",
    ),
}


def missing(name: str) -> Callable[[Snapshot], object]:
    return lambda snapshot: (snapshot.folder / name).unlink()


RAW |= {f"{name} missing": (missing(name), "it is missing") for name in SEALED_FILES}


@pytest.mark.parametrize(("damage", "told"), RAW.values(), ids=RAW.keys())
def test_damage(latest: Snapshot, damage: Callable[[Snapshot], object], told: str) -> None:
    damage(latest)
    found = verify(latest, now=NOW)
    assert found.verdict == "broken"
    assert told in "\n".join(found.problems)


def without(line: Callable[[Line], bool]) -> Callable[[Snapshot], None]:
    return lambda s: reindex(s, lambda lines: [kept for kept in lines if not line(kept)])


def chunked_body_changed(snapshot: Snapshot) -> None:
    """A member compressed anew with another byte in a chunk: gzip is content, the digests are not."""
    data = earlier(snapshot).read_bytes()
    line = next(
        line
        for line in read_index(snapshot.index)
        if line.url.endswith("/chunked") and line.kind == "response"
    )
    member = data[line.offset : line.offset + line.length]
    other = gzip.compress(gzip.decompress(member).replace(b"en morceaux", b"en m0rceaux", 1), 6)
    earlier(snapshot).write_bytes(data[: line.offset] + other + data[line.offset + line.length :])


def garbage(at: str) -> Callable[[Snapshot], None]:
    """Bytes that are no record, before the record of a line or at the end."""

    def damage(snapshot: Snapshot) -> None:
        path = own(snapshot)
        lines = sorted(
            (line for line in read_index(snapshot.index) if line.filename == path.name),
            key=lambda line: line.offset,
        )
        place = lines[-1].offset if at == "between" else path.stat().st_size
        change(path, lambda data: data[:place] + b"garbage" + data[place:])

        def moved(lines: list[Line]) -> list[Line]:
            return [
                replace(line, offset=line.offset + 7)
                if line.filename == path.name and line.offset >= place
                else line
                for line in lines
            ]

        reindex(snapshot, moved)

    return damage


FORGED: dict[str, tuple[Callable[[Snapshot], object], str]] = {
    "a byte flipped": (lambda s: change(own(s), flip(0.5)), "at byte"),
    "a byte flipped in an earlier WARC": (lambda s: change(earlier(s), flip(0.3)), "at byte"),
    "cut by one byte": (lambda s: change(own(s), lambda data: data[:-1]), "ends inside this record"),
    "an earlier WARC cut": (lambda s: change(earlier(s), lambda data: data[:-1]), "ends inside this record"),
    "garbage between records": (garbage("between"), "no gzip member begins here but b'garbage"),
    "garbage at the end": (garbage("end"), "no gzip member begins here but b'garbage"),
    "a WARC emptied": (lambda s: own(s).write_bytes(b""), "no whole record begins at"),
    "a payload changed": (chunked_body_changed, "the bytes are sha1:"),
    "a line pointing wrong": (lambda s: each(s, "response", offset=1), "no whole record begins at byte 1"),
    "a line pointing to a request": (
        lambda s: reindex(s, lambda ls: [replace(ls[0], offset=ls[0].offset + ls[0].length), *ls[1:]]),
        "has type 'request'",
    ),
    "another length": (lambda s: each(s, "response", length=7), "has length"),
    "another URL": (
        lambda s: each(s, "response", url=f"{HOST}/autre", key="example,forum)/autre"),
        "has URL",
    ),
    "another date": (
        lambda s: each(s, "revisit", date="2026-11-22T03:15:09.000000Z", timestamp="20261122031509"),
        "has date",
    ),
    "another digest": (lambda s: each(s, "revisit", digest="sha1:" + "A" * 32), "has payload digest"),
    "another id": (lambda s: each(s, "response", id="urn:uuid:0"), "has id"),
    "another status": (lambda s: each(s, "response", status=404), "has status 200"),
    "truncation claimed": (lambda s: each(s, "response", truncated="time"), "has truncation ''"),
    "a revisit said to be a response": (lambda s: each(s, "revisit", kind="response"), "has type 'revisit'"),
    "a key that is not the URL's": (lambda s: each(s, "response", key="example,forum)/x"), "is filed under"),
    "a timestamp that is not the date's": (
        lambda s: each(s, "response", timestamp="20261122031559"),
        "has two times",
    ),
    "a line left out": (
        without(lambda line: line.url.endswith("/neuf")),
        "a capture is in no index line",
    ),
    "an original left out": (
        without(lambda line: line.url.endswith("/chunked") and line.kind == "response"),
        "which is not in the view",
    ),
    "a line twice": (lambda s: reindex(s, lambda lines: [*lines, lines[-1]]), "twice"),
    "an unknown WARC named": (
        lambda s: each(s, "response", filename="forum-20200101T000000Z-00000.warc.gz"),
        "it does not name forum-20200101T000000Z-00000.warc.gz",
    ),
    "index no CDXJ": (lambda s: s.index.write_bytes(gzip.compress(b"com,example)/ 2026\n")), "line 1"),
    "index cut": (lambda s: change(s.index, lambda data: data[:-20]), "index.cdxj.gz"),
    "index empty": (lambda s: s.index.write_bytes(gzip.compress(b"")), "there are 0"),
    "pages no JSON": (lambda s: (s.folder / "pages.jsonl").write_text('{"format":""}\n{\n'), "pages.jsonl"),
    "a page without URL": (
        lambda s: (s.folder / "pages.jsonl").write_text('{"format":""}\n' + '{"ts":""}\n' * 4),
        "line 2 is no page",
    ),
    "coverage no JSON": (lambda s: (s.folder / "coverage.json").write_text("oui"), "coverage.json"),
    "coverage no object": (lambda s: (s.folder / "coverage.json").write_text("[]"), "coverage.json"),
    "log cut": (
        lambda s: change(s.folder / "crawl.log.gz", lambda data: data[:-3]),
        "not one whole gzip member",
    ),
    "log no gzip": (lambda s: (s.folder / "crawl.log.gz").write_text("ouvert"), "crawl.log.gz"),
}


@pytest.mark.parametrize(("damage", "told"), FORGED.values(), ids=FORGED.keys())
def test_damage_under_fitting_digests(
    latest: Snapshot, damage: Callable[[Snapshot], object], told: str
) -> None:
    damage(latest)
    reseal(latest)
    assert look(latest, deep=False).verdict == "proved"
    found = verify(latest, now=NOW)
    assert found.verdict == "broken"
    assert told in "\n".join(found.problems)


def test_sums_that_say_something_else(latest: Snapshot) -> None:
    sums = latest.folder / "SHA256SUMS"
    change(sums, lambda data: data.replace(b"  forum/", b" *forum/"))
    size, sha256 = digest_of(sums)
    files = latest.manifest().files
    forge(latest, files=(*files[:-1], replace(files[-1], size=size, sha256=sha256)))
    assert verify(latest, now=NOW).problems == [f"{files[-1].path}: it does not say what the manifest says"]


def test_everything_wrong_is_told(latest: Snapshot) -> None:
    change(own(latest), flip(0.2))
    change(own(latest), flip(0.8))
    earlier(latest).unlink()
    (latest.folder / "pages.jsonl").unlink()
    text = "\n".join(verify(latest, now=NOW).problems)
    assert text.count("forum-20261122T031500Z-00000.warc.gz: at byte") == 2
    assert (
        "forum-20261121T031500Z-00000.warc.gz: it is missing" in text and "pages.jsonl: it is missing" in text
    )


def test_damage_hides_nothing_but_itself(latest: Snapshot) -> None:
    """The records behind a damaged one are read, and their index lines are not called wrong."""
    lines = sorted(
        (line for line in read_index(latest.index) if line.filename == own(latest).name),
        key=lambda line: line.offset,
    )
    middle = lines[2].offset + lines[2].length // 2
    change(own(latest), lambda data: data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1 :])
    told = "\n".join(verify(latest, now=NOW).problems)
    assert told.count("no whole record begins") == 1 and lines[2].url in told
    assert look(latest, deep=True).records == 28


def unneeded(snapshot: Snapshot) -> None:
    """An earlier WARC that no line of the index names, with all digests right."""
    spare = snapshot.warcs / "forum-20200101T000000Z-00000.warc.gz"
    shutil.copy(earlier(snapshot), spare)
    size, sha256 = digest_of(spare)
    forge(
        snapshot, warcs=(*snapshot.manifest().warcs, Warc(snapshot.relative(spare), size, sha256, own=False))
    )


def test_an_earlier_warc_nobody_needs(latest: Snapshot) -> None:
    unneeded(latest)
    reseal(latest)
    (problem,) = verify(latest, now=NOW).problems
    assert "an earlier WARC the index does not need" in problem


def test_what_cannot_be_read_is_unproven_not_broken(latest: Snapshot) -> None:
    path = earlier(latest)
    path.unlink()
    path.symlink_to(path)
    found = verify(latest, now=NOW)
    assert found.verdict == "unproven"
    assert [problem.partition(": ")[0] for problem in found.problems] == [f"forum/warcs/{path.name}"] * 2
    told = failure(latest, found)
    assert told.exit_code == UNPROVEN and told.next[-1] == f"jukni verify {latest} --into '{latest.root}'"
    (latest.folder / "pages.jsonl").unlink()
    assert verify(latest, now=NOW).verdict == "broken"


def test_a_newer_format_is_unproven(latest: Snapshot) -> None:
    change(latest.folder / "manifest.json", lambda data: data.replace(b'"format": 1', b'"format": 2'))
    found = verify(latest, now=NOW)
    assert found.verdict == "unproven" and "format 2" in found.problems[0]


def test_an_open_snapshot_is_no_damage(latest: Snapshot) -> None:
    (latest.folder / "manifest.json").unlink()
    with pytest.raises(UsageError, match="not sealed"):
        verify(latest, now=NOW)


def test_exchanges_left_out_of_the_index_on_purpose(tmp_path: Path) -> None:
    archive = made(tmp_path)
    busy = exchange(f"{HOST}/occupé".replace("é", "%C3%A9"), b"503", BEGAN, status=503)
    snapshot, warcs = archive.crawl(DAY_ONE, aside=[(busy, "asked again later")])
    archive.seal_it(snapshot, warcs)
    assert verify(snapshot, now=NOW).problems == []
    unmodified = exchange(f"{HOST}/", b"", BEGAN, status=304)
    snapshot, warcs = archive.crawl(DAY_ONE, 1, aside=[(unmodified, "")])
    archive.seal_it(snapshot, warcs)
    assert verify(snapshot, now=NOW).problems == []
    snapshot, warcs = archive.crawl(DAY_ONE, 2, aside=[(busy, "")])
    archive.seal_it(snapshot, warcs)
    (problem,) = verify(snapshot, now=NOW).problems
    assert "a capture is in no index line" in problem and "/occup%C3%A9" in problem


def test_a_flood_of_problems_is_counted(tmp_path: Path) -> None:
    archive = made(tmp_path)
    snapshot = archive.day({f"{HOST}/{number}": b"%d" % number for number in range(MOST + 20)})
    reindex(snapshot, lambda lines: [replace(line, id="urn:uuid:0") for line in lines])
    reseal(snapshot)
    problems = verify(snapshot, now=NOW).problems
    assert len(problems) == MOST + 1 and problems[-1] == "and 20 more"


def test_the_message_says_what_is_safe_and_what_to_do(latest: Snapshot) -> None:
    change(own(latest), flip(0.5))
    found = verify(latest, now=NOW)
    told = failure(latest, found)
    assert told.exit_code == BROKEN and "1 of" not in told.kept
    assert told.kept == "6 of 7 files are as they were sealed"
    assert told.next == ("jukni crawl forum --full",)
    pushed = Proof(
        kind="pushed",
        site="forum",
        snapshot=latest.name,
        at=NOW,
        verdict="proved",
        store="garage",
        files=7,
        bytes=1,
        problems=[],
    )
    keep(latest, pushed)
    keep(latest, replace(pushed, store="cave", verdict="unproven"))
    told = failure(latest, found)
    assert told.next == (f"jukni restore {latest} --from garage --into '{latest.root}-restored'",)
    assert told.kept.endswith("a whole copy was proved in garage")


def test_the_proof_is_kept(latest: Snapshot) -> None:
    change(own(latest), flip(0.5))
    bad = verify(latest, now=NOW)
    path = keep(latest, bad)
    assert path.relative_to(latest.root).as_posix() == "forum/proofs/20261122T031500Z-verified.json"
    assert proof.read(path) == bad and json.loads(path.read_bytes())["verdict"] == "broken"
    change(own(latest), flip(0.5))
    keep(latest, verify(latest, now=NOW))
    assert [found.verdict for found in proof.proofs_of(path.parent, latest.name, "verified")] == ["proved"]
