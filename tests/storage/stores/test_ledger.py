"""The ledger: what was read back stays known, what was lost is forgotten, a cut line costs nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from storage.manifest import File
from storage.stores import Folder, Store, open_store
from storage.stores.ledger import Ledger

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
ONE = File("forum/warcs/one.warc.gz", 10, "1" * 64)
TWO = File("forum/warcs/two.warc.gz", 20, "2" * 64)


def _store(name: str, path: Path) -> Store:
    return open_store(Folder(name=name, path=path))


def test_what_was_proved_is_known_to_the_next_run(tmp_path: Path) -> None:
    store = _store("disk", tmp_path / "disk")
    ledger = Ledger(tmp_path / "forum" / "proofs", store)
    assert ledger.is_new
    assert not ledger.has(ONE)
    ledger.add(ONE, NOW)
    ledger.add(ONE, NOW)
    ledger.add(TWO, NOW)
    ledger.drop(TWO, NOW)
    again = Ledger(tmp_path / "forum" / "proofs", store)
    assert not again.is_new
    assert again.has(ONE)
    assert not again.has(TWO)
    assert not again.has(File(ONE.path, ONE.size, "3" * 64))
    path = tmp_path / "forum" / "proofs" / "pushed-disk.jsonl"
    assert path.read_text().count("\n") == 3


def test_another_place_of_the_same_name_knows_nothing(tmp_path: Path) -> None:
    Ledger(tmp_path, _store("disk", tmp_path / "old")).add(ONE, NOW)
    ledger = Ledger(tmp_path, _store("disk", tmp_path / "new"))
    assert ledger.is_new
    assert not ledger.has(ONE)
    ledger.add(TWO, NOW)
    assert Ledger(tmp_path, _store("disk", tmp_path / "old")).has(ONE)


def test_a_cut_line_only_costs_reading_back_once_more(tmp_path: Path) -> None:
    store = _store("disk", tmp_path / "disk")
    Ledger(tmp_path, store).add(ONE, NOW)
    path = tmp_path / "pushed-disk.jsonl"
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole + whole.replace(b"one", b"two")[:length])
        ledger = Ledger(tmp_path, store)
        assert ledger.has(ONE)
        ledger.add(TWO, NOW)
        again = Ledger(tmp_path, store)
        assert again.has(ONE)
        assert again.has(TWO)
