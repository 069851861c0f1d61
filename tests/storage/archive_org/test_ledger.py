"""The ledger: every step on the disk before the next, and a cut line harms nothing."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from storage.archive_org.ledger import NAME, Entry, Ledger, read_time
from storage.errors import OutOfDisk

URL = "https://forum.exemple.org/d%C3%A9but?a=1&b=2"
AT = "2026-11-22T02:30:00Z"


def test_it_comes_back(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "proofs")
    entry = ledger.put(Entry(url=URL, state="asking", asked=AT, digest="sha1:A", tries=1, why="voilà"))
    ledger.change(entry, state="pending", job="spn2-1")
    found = Ledger(tmp_path / "proofs").get(URL)
    assert found == Entry(
        url=URL, state="pending", asked=AT, digest="sha1:A", tries=1, why="voilà", job="spn2-1"
    )
    assert found is not None and found.is_open
    assert found.asked_at == read_time(AT) and found.not_before is None


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_line_cut_by_a_power_loss(tmp_path: Path, cut: int) -> None:
    ledger = Ledger(tmp_path)
    ledger.put(Entry(url=URL, state="asking", asked=AT))
    ledger.put(Entry(url=URL, state="pending", asked=AT, job="spn2-1"))
    path = tmp_path / NAME
    os.truncate(path, path.stat().st_size - cut)
    again = Ledger(tmp_path)
    found = again.get(URL)
    assert found is not None and found.state == ("pending" if cut == 1 else "asking")
    again.put(Entry(url="https://b/", state="later"))
    assert {entry.url for entry in Ledger(tmp_path)} == {URL, "https://b/"}


@pytest.mark.parametrize(
    "line",
    ["", "{}", "[]", '{"url": 1, "state": "later"}', '{"url": "a", "state": "lost"}',
     '{"url": "a", "state": "later", "until": "soon"}', '{"url": "a", "state": "later", "more": 1}'],
)  # fmt: skip
def test_other_lines_are_passed_over(tmp_path: Path, line: str) -> None:
    (tmp_path / NAME).write_text(line + "\n" + json.dumps({"url": URL, "state": "never"}) + "\n")
    assert [entry.url for entry in Ledger(tmp_path)] == [URL]


def test_it_is_synced_before_put_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    sync = os.fsync

    def noted(handle: int) -> None:
        steps.append(handle)
        sync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    Ledger(tmp_path).put(Entry(url=URL, state="asking", asked=AT))
    assert len(steps) == 2, "the file and its folder"


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutOfDisk):
        Ledger(tmp_path).put(Entry(url=URL, state="asking"))


def test_it_does_not_grow_for_ever(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for number in range(1010):
        ledger.put(Entry(url=URL, state="later", tries=number))
    before = (tmp_path / NAME).stat().st_size
    ledger.tidy()
    assert (tmp_path / NAME).stat().st_size < before / 500
    found = Ledger(tmp_path).get(URL)
    assert found is not None and found.tries == 1009


def test_a_dry_ledger_only_remembers(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "proofs", keep=False)
    ledger.put(Entry(url=URL, state="asking"))
    assert ledger.get(URL) is not None and not (tmp_path / "proofs").exists()


def test_how_many_were_asked_for(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.put(Entry(url="https://a/", state="confirmed", asked=AT))
    ledger.put(Entry(url="https://b/", state="unwanted"))
    assert ledger.asked_since(read_time(AT)) == 1
    assert ledger.asked_since(read_time(AT) + timedelta(seconds=1)) == 0
