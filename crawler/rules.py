"""Rules about addresses as data, and the one way to hold an address against them.

A rule speaks of the path, of the script in it and of the query's parameters, however a software spells them:
`&` or `;` between parameters, `index.php?threads/x.1/` (XenForo), `index.php/topic,5.0.html` (SMF),
`do[save]=…` (DokuWiki), `Spécial:Connexion` (MediaWiki).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, unquote_plus


@dataclass(frozen=True, slots=True)
class Rule:
    """What it catches, and why in plain words.

    script: names of .php scripts without the ending, parted by "|". path: searched for in the path.
    where: parameter names (parted by "|", one of them is enough) and what the value must match whole, "" if
    any will do. lacks: parameters that must not be there. All that is given must hold; all is in lower case.
    anywhere: holds whatever the software; otherwise only where one of `software` was recognised.
    not_in: software whose pages could bear such a name. assets: catches files such as style.css?token=1, too.
    """

    name: str
    software: str
    reason: str
    script: str = ""
    path: str = ""
    where: Mapping[str, str] = field(default_factory=dict)
    lacks: tuple[str, ...] = ()
    anywhere: bool = False
    not_in: str = ""
    assets: bool = True


@dataclass(frozen=True, slots=True)
class Address:
    """A canonical URL taken apart, decoded and in lower case.

    parameters: also those that a software writes into the path; "special" is the name of a MediaWiki special
    page without its subpage, "session_var" a form token of SMF.
    """

    path: str
    scripts: frozenset[str]
    parameters: Mapping[str, list[str]]

    @property
    def asset(self) -> bool:
        """Is it a file as servers deliver them unseen?"""
        return not self.scripts and bool(_ASSET.search(self.path))


class Book:
    """Rules, laid out so that an address is held against few of them."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self._by_parameter: dict[str, list[_Bound]] = defaultdict(list)
        self._by_script: dict[str, list[_Bound]] = defaultdict(list)
        self._others: list[_Bound] = []
        self._applying: dict[frozenset[str], list[_Bound]] = {}  # of the others, by software
        for rule in self.rules:
            bound = _Bound(rule)
            if rule.where:
                for name in next(iter(rule.where)).split("|"):
                    self._by_parameter[name].append(bound)
            elif rule.script:
                for name in rule.script.split("|"):
                    self._by_script[name].append(bound)
            else:
                self._others.append(bound)

    def find(self, address: Address, software: Collection[str]) -> Rule | None:
        """The first rule that catches an address on a site running `software`."""
        for bound in self._candidates(address, frozenset(software)):
            if bound.catches(address, software):
                return bound.rule
        return None

    def _candidates(self, address: Address, software: frozenset[str]) -> Iterator[_Bound]:
        for name in address.parameters:
            yield from self._by_parameter.get(name, ())
        for name in address.scripts:
            yield from self._by_script.get(name, ())
        others = self._applying.get(software)
        if others is None:
            others = self._applying[software] = [one for one in self._others if one.applies(software)]
        yield from others


class _Bound:
    """A rule with its expressions compiled."""

    __slots__ = ("_path", "_scripts", "_software", "_where", "rule")

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._software = frozenset(rule.software.split("|"))
        self._scripts = frozenset(rule.script.split("|")) if rule.script else None
        self._path = re.compile(rule.path) if rule.path else None
        self._where = [
            (names.split("|"), re.compile(value) if value else None) for names, value in rule.where.items()
        ]

    def applies(self, software: Collection[str]) -> bool:
        """Whether it can catch anything on a site running `software`."""
        return self.rule.anywhere or not self._software.isdisjoint(software)

    def catches(self, address: Address, software: Collection[str]) -> bool:
        """Does the address fit, on a site running `software`?"""
        rule = self.rule
        if not self.applies(software):
            return False
        if self._scripts is not None and self._scripts.isdisjoint(address.scripts):
            return False
        if self._path is not None and not self._path.search(address.path):
            return False
        for names, value in self._where:
            given = (v for name in names for v in address.parameters.get(name, ()))
            if not any(value is None or value.fullmatch(v) for v in given):
                return False
        if any(name in address.parameters for name in rule.lacks):
            return False
        if rule.not_in and not frozenset(rule.not_in.split("|")).isdisjoint(software):
            return False
        return rule.assets or not address.asset


def address_of(url: str) -> Address:
    """A canonical URL taken apart."""
    rest = url.partition("://")[2]
    path, _, query = rest[rest.index("/") :].partition("?")
    path = (unquote(path) if "%" in path else path).lower()
    parameters: dict[str, list[str]] = {}
    for part in _SEPARATOR.split(query) if query else ():
        name, given, value = part.partition("=")
        name = _decoded(name)
        if not name:
            continue
        if not given and "/" in name and not parameters:
            path = f"{path}/{name.strip('/')}/"
            continue
        value = _decoded(value)
        if name[-1] == "]":
            name, _, key = name[:-1].partition("[")
            value = key if name == "do" else value
        elif _HEX_NAME.fullmatch(name) and _HEX_VALUE.fullmatch(value):
            name = "session_var"  # SMF's form token bears a name made up for each session
        parameters.setdefault(name, []).append(value)
    scripts = frozenset(_SCRIPT.findall(path)) if ".php" in path else _NO_SCRIPT
    if "," in path and "index" in scripts:
        for name, value in _QUERYLESS.findall(path):
            parameters.setdefault(name, []).append(value.removesuffix(".html"))
    if ":" in path or "title" in parameters:
        title = (parameters.get("title") or [path.rpartition("/")[2] if "/" in path else path])[0]
        found = _SPECIAL.match(title) or _SPECIAL_PATH.search(path)
        if found:
            parameters["special"] = [found[1].replace("_", "").replace(" ", "")]
    return Address(path, scripts, parameters)


def _decoded(text: str) -> str:
    return (unquote_plus(text) if "%" in text or "+" in text else text).strip().lower()


_NO_SCRIPT: frozenset[str] = frozenset()
_SEPARATOR = re.compile("[&;]")
_SCRIPT = re.compile(r"/([^/]+)\.php\d?(?=/|$)")
_ASSET = re.compile(
    r"\.(?:css|js|mjs|png|jpe?g|gif|webp|avif|svgz?|ico|bmp|woff2?|ttf|otf|eot|mp[34]|webm|og[agv]|pdf|zip|gz)$"
)
_HEX_NAME = re.compile(r"[0-9a-f]{7,12}")
_HEX_VALUE = re.compile(r"[0-9a-f]{32}")
_QUERYLESS = re.compile(r"/(topic|board|action|sort|prev_next|all),([^/]*)")
# The namespace of special pages in the languages of MediaWiki's own messages that our communities speak
_NAMESPACE = (
    r"(?:special|spécial|especial|spezial|speciale|speciaal|spesial|specjalna|speciální|speciel|istimewa|"
    r"toiminnot|служебная|спеціальна|специални|ویژه|خاص|特別|特殊|특수)"
)
_SPECIAL = re.compile(_NAMESPACE + r":([^/?#]+)")
_SPECIAL_PATH = re.compile(r"/" + _NAMESPACE + r":([^/?#]+)")
