"""A bounded memory of URLs."""

from __future__ import annotations


class Recent:
    """A bounded memory of URLs: says yes only when it knows, forgets the oldest half when full."""

    def __init__(self, size: int) -> None:
        self._half = size // 2
        self._young: set[str] = set()
        self._old: set[str] = set()

    def __contains__(self, url: str) -> bool:
        if url in self._young:
            return True
        if url in self._old:
            self.add(url)
            return True
        return False

    def add(self, url: str) -> None:
        if len(self._young) >= self._half:
            self._old, self._young = self._young, set()
        self._young.add(url)
