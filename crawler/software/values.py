"""Looking into JSON that may be anything: what is not of the kind looked for is empty, never an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def table(value: Any) -> Mapping[str, Any]:
    """An object; empty for anything else."""
    return value if isinstance(value, dict) else {}


def rows(value: Any) -> list[Mapping[str, Any]]:
    """The objects in a list; empty for anything else."""
    return [one for one in many(value) if isinstance(one, dict)]


def many(value: Any) -> list[Any]:
    """A list; empty for anything else."""
    return value if isinstance(value, list) else []


def whole(value: Any) -> int | None:
    """A whole number, written as one or as a text of digits (NodeBB on Redis); None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value if isinstance(value, int) else None


def text(value: Any) -> str:
    """A text; "" for anything else."""
    return value if isinstance(value, str) else ""


def flag(value: Any) -> bool:
    """Whether something is on: true, 1 or "1"."""
    return value in (True, 1, "1", "true")
