"""What was proved to be in a store, file by file: SITE/proofs/pushed-STORE.jsonl.

Written only after an object was read back in full. A line for each time; the last one about a path counts.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path

from storage.files import room_for, sync_folder
from storage.manifest import File, time_text
from storage.stores import Store


class Ledger:
    """The ledger of one site and one store. Lines about another place of the same name do not count."""

    def __init__(self, proofs: Path, store: Store) -> None:
        """proofs: the site's folder of proofs; made when the first line is written."""
        self._path = proofs / f"pushed-{store.name}.jsonl"
        self._place = store.identity
        self._proved: dict[str, tuple[int, str]] = {}
        self.is_new = True
        """True when nothing was ever proved to be in this place."""
        if self._path.exists():
            for line in self._path.read_bytes().splitlines():
                self._read(line)

    def has(self, file: File) -> bool:
        """True when exactly these bytes were read back from the store, and nothing else was seen since."""
        return self._proved.get(file.path) == (file.size, file.sha256)

    def add(self, file: File, now: datetime) -> None:
        """The file was read back, and is what it should be."""
        if not self.has(file):
            self._write({"path": file.path, "size": file.size, "sha256": file.sha256}, now)
            self._proved[file.path] = (file.size, file.sha256)

    def drop(self, file: File, now: datetime) -> None:
        """The store does not hold it, or not as it should be."""
        if self._proved.pop(file.path, None):
            self._write({"path": file.path, "lost": True}, now)

    def _read(self, line: bytes) -> None:
        try:
            plain = json.loads(line)
            path, place = plain["path"], plain["place"]
            proved = None if plain.get("lost") else (plain["size"], plain["sha256"])
        except (ValueError, KeyError, TypeError):
            return  # cut by a power loss: then the file is only read back once more
        if place != self._place:
            return
        self.is_new = False
        if proved is None:
            self._proved.pop(path, None)
        else:
            self._proved[path] = proved

    def _write(self, plain: dict[str, object], now: datetime) -> None:
        folder = self._path.parent
        if not folder.exists():
            folder.mkdir(parents=True)
            sync_folder(folder.parent)
        line = json.dumps({**plain, "at": time_text(now), "place": self._place}).encode()
        with room_for(self._path), self._path.open("ab") as file:
            file.write(line + b"\n" if self._ends_well() else b"\n" + line + b"\n")
            file.flush()
            os.fsync(file.fileno())
        sync_folder(folder)

    def _ends_well(self) -> bool:
        """False when the last line was cut, so that ours would be glued to it."""
        if not self._path.exists() or not self._path.stat().st_size:
            return True
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() == b"\n"
