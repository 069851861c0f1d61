"""What must never be requested, and which pages are endless copies of others. First form."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

_HARM = re.compile(
    r"[?&;](?:do|action)=(?:edit|login|logout|register|subscribe|delete|admin)\b"
    r"|[?&;](?:sectok|token|csrf_token)=|/(?:taskrunner|indexer|cron)\.php"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """name: short and stable. reason: in plain words."""

    name: str
    reason: str


def harm(url: str, software: Collection[str] = ()) -> Rule | None:
    """The rule that forbids this canonical URL, None if none does."""
    return Rule("first-form", "changes something on the server") if _HARM.search(url) else None


def trap(url: str, software: Collection[str]) -> Rule | None:
    """The rule that calls this canonical URL a copy of another page."""
    return None
