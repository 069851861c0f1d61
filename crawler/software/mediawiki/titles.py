"""How a MediaWiki names its pages: namespaces in the wiki's language, and one spelling for each title.

Source: includes/title/MediaWikiTitleCodec.php, includes/GlobalFunctions.php (wfUrlencode).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

SPECIAL, MAIN, FILE, CATEGORY = -1, 0, 6, 14
_UNKNOWN = {SPECIAL: "Special", FILE: "File", CATEGORY: "Category"}
_SPACES = re.compile(r"[ _\u00a0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")


@dataclass(frozen=True)
class Namespace:
    """name: in the wiki's language, "" for articles. others: further names. strict: "a" is not "A" there."""

    id: int
    name: str
    others: tuple[str, ...] = ()
    strict: bool = True


@dataclass(frozen=True)
class Namespaces:
    """All namespaces of a wiki. Until it told them: the English names that every wiki understands."""

    all: tuple[Namespace, ...] = tuple(Namespace(id, name) for id, name in _UNKNOWN.items())

    @classmethod
    def of(cls, text: str) -> Namespaces:
        """What `text` gave."""
        return cls(
            tuple(Namespace(i, name, tuple(others), strict) for i, name, others, strict in json.loads(text))
        )

    def text(self) -> str:
        """All of it as a text."""
        return json.dumps([[n.id, n.name, n.others, n.strict] for n in self.all], ensure_ascii=False)

    def called(self, id: int, name: str) -> Namespaces:
        """The same with a further name for a namespace, from now on its first."""
        found = self[id]
        if name in ("", found.name):
            return self
        new = Namespace(id, name, (found.name, *found.others), found.strict)
        return Namespaces((*(n for n in self.all if n.id != id), new))

    def __getitem__(self, id: int) -> Namespace:
        return self._by_id.get(id) or Namespace(id, _UNKNOWN.get(id, ""))

    def split(self, title: str) -> tuple[int, str]:
        """Namespace and full title, with spaces, in the one spelling the wiki itself uses.

        ("Image:forêt_noire.png" → 6, "Fichier:Forêt noire.png"). "" for what is no title.
        """
        text = _SPACES.sub(" ", title).strip().lstrip(":").strip()
        name, colon, rest = text.partition(":")
        found = self._by_name.get(name.strip().lower()) if colon else None
        if found is None:
            return MAIN, self._first(self[MAIN], text)
        rest = rest.strip()
        return found.id, f"{found.name}:{self._first(found, rest)}" if rest else ""

    @cached_property
    def _by_id(self) -> Mapping[int, Namespace]:
        return {n.id: n for n in self.all}

    @cached_property
    def _by_name(self) -> Mapping[str, Namespace]:
        names: dict[str, Namespace] = {}
        for n in self.all:
            for name in (n.name, *n.others, _UNKNOWN.get(n.id, "")):
                if name:
                    names.setdefault(name.lower().replace("_", " "), n)
        return names

    @staticmethod
    def _first(namespace: Namespace, text: str) -> str:
        # PHP's ucfirst leaves a letter alone whose capital are two ("ß").
        return text if namespace.strict or len(text[:1].upper()) != 1 else text[:1].upper() + text[1:]


def encoded(title: str) -> str:
    """A title as MediaWiki writes it in its own addresses."""
    return quote(title.replace(" ", "_"), safe="!$()*,-./:;@_~")


def from_siteinfo(
    spaces: Iterable[Mapping[str, object]], aliases: Iterable[Mapping[str, object]]
) -> Namespaces:
    """What `siprop=namespaces|namespacealiases` tells."""
    others: dict[object, list[str]] = {}
    for one in aliases:
        others.setdefault(one.get("id"), []).append(str(one.get("alias", one.get("*", ""))))
    found = []
    for one in spaces:
        id = one.get("id")
        if isinstance(id, int):
            canonical = str(one.get("canonical", ""))
            names = (canonical, *others.get(id, ())) if canonical else tuple(others.get(id, ()))
            name = str(one.get("name", one.get("*", "")))
            found.append(Namespace(id, name, names, one.get("case") == "case-sensitive"))
    return Namespaces(tuple(found))
