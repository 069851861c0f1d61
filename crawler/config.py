"""jukni.toml, read once into frozen values.

Strict: an unknown table or key, a wrong type or a value out of range is a `UsageError` that names the
place and, where one is near, the word that was meant. Secrets never stand in the file: keys come from
the environment or from a file that its owner alone can read.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from crawler.archive_org import ArchiveOrg, wrong
from crawler.keys import keys_in
from storage.errors import UsageError

T = TypeVar("T")

_SITE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kMGT]?B)\s*")
_UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


@dataclass(frozen=True, slots=True)
class Site:
    """One `[site.NAME]`: what to crawl and how gently.

    urls: the seeds. delay: seconds between two requests to one host, at least. concurrency: connections to
    one host at a time. robots: "own" keeps the site's own robots.txt but fetches what it hides (the operator
    asked for the archive); "obey" follows it. Robots of other hosts are always obeyed.
    include, exclude: regular expressions on URLs; include widens the scope, exclude narrows it.
    also_private: "host:port" of private addresses that may be connected to, such as an intranet image server.
    limit: pages at most, None for all. patience: seconds without a useful answer from the site after which
    the crawl ends, to be gone on with later.
    private: what is captured is for nobody else. cookies: a cookies.txt, login: the address of a login
    form; with either the site is crawled as a member. user_env, password_env: environment variables of the
    login; credentials: a file of two lines instead. canary: a text that only members see, on canary_url
    (the seed).
    """

    name: str
    urls: tuple[str, ...]
    delay: float = 0.5
    concurrency: int = 1
    robots: str = "own"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    also_private: tuple[str, ...] = ()
    limit: int | None = None
    max_file: int = 20 * 10**9
    connect_timeout: float = 20.0
    read_timeout: float = 60.0
    attempts: int = 4
    retry_wait: float = 30.0
    patience: float = 1800.0
    private: bool = False
    cookies: str = ""
    login: str = ""
    user_env: str = "JUKNI_USER"
    password_env: str = "JUKNI_PASSWORD"
    credentials: str = ""
    canary: str = ""
    canary_url: str = ""

    @property
    def member(self) -> bool:
        """Whether it is crawled as a member."""
        return bool(self.cookies or self.login)

    @property
    def is_private(self) -> bool:
        """Whether what is captured is for nobody else: a member area always is."""
        return self.private or self.member


@dataclass(frozen=True, slots=True)
class Store:
    """One `[store.NAME]`: an offsite place. Keys are looked up by `access_key()` and `secret_key()`.

    type: "directory" (path) or "s3" (endpoint, bucket, prefix, region, ca_bundle).
    access_key_env, secret_key_env: names of environment variables; credentials: a file of two lines,
    key and secret, readable by its owner alone.
    """

    name: str
    type: str
    path: str = ""
    endpoint: str = ""
    bucket: str = ""
    prefix: str = ""
    region: str = ""
    ca_bundle: str = ""
    access_key_env: str = "AWS_ACCESS_KEY_ID"
    secret_key_env: str = "AWS_SECRET_ACCESS_KEY"
    credentials: str = ""

    def keys(self, environment: Mapping[str, str]) -> tuple[str, str]:
        """Access key and secret. UsageError when they are nowhere or lie open to others."""
        if self.credentials:
            return keys_in(self.credentials, f'store "{self.name}"')
        missing = [n for n in (self.access_key_env, self.secret_key_env) if not environment.get(n)]
        if missing:
            raise UsageError(
                f'store "{self.name}" has no keys',
                what=f"not set in the environment: {' and '.join(missing)}",
                kept="nothing was sent",
                next=(
                    f"export {self.access_key_env}=…  {self.secret_key_env}=…",
                    "jukni doctor",
                ),
            )
        return environment[self.access_key_env], environment[self.secret_key_env]


@dataclass(frozen=True, slots=True)
class Archive:
    """`[archive]`: where it lies and what it may use.

    path: the archive's root. operator: a name and a way to reach it, said to the sites and in each WARC.
    min_free: bytes that stay free on the disk. warc_size: bytes after which a new WARC file begins.
    """

    path: Path = Path("archive")
    operator: str = ""
    min_free: int = 200 * 10**6
    warc_size: int = 10**9


@dataclass(frozen=True, slots=True)
class Config:
    """The whole of jukni.toml; `source` is the file it came from, None without one.

    archive_org: None when there is no such table.
    """

    archive: Archive = field(default_factory=Archive)
    sites: tuple[Site, ...] = ()
    stores: tuple[Store, ...] = ()
    archive_org: ArchiveOrg | None = None
    source: Path | None = None

    def site(self, name: str) -> Site:
        """The site of that name; UsageError with a suggestion when there is none."""
        for site in self.sites:
            if site.name == name:
                return site
        raise self._unknown("site", name, [s.name for s in self.sites])

    def store(self, name: str) -> Store:
        """The store of that name; UsageError with a suggestion when there is none."""
        for store in self.stores:
            if store.name == name:
                return store
        raise self._unknown("store", name, [s.name for s in self.stores])

    def _unknown(self, kind: str, name: str, known: list[str]) -> UsageError:
        where = str(self.source) if self.source else "no jukni.toml was found"
        return UsageError(
            f'there is no {kind} "{name}"',
            what=f"known: {', '.join(known) or 'none'}{_meant(name, known)}",
            where=where,
        )


def fingerprint(site: Site) -> str:
    """ "sha256:HEX" of what was asked of a site, to see later which settings made a snapshot."""
    text = json.dumps(dataclasses.asdict(site), sort_keys=True, ensure_ascii=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def find(given: str | None, environment: Mapping[str, str], folder: Path) -> Path | None:
    """The jukni.toml to read: the one given, $JUKNI_CONFIG, `folder`'s, /etc/jukni's; None without one."""
    for named in (given, environment.get("JUKNI_CONFIG")):
        if named:
            return Path(named)
    for path in (folder / "jukni.toml", Path("/etc/jukni/jukni.toml")):
        if path.is_file():
            return path
    return None


def load(path: Path) -> Config:
    """Read a jukni.toml. Relative paths in it are relative to the file's folder."""
    path = path.absolute()
    try:
        with path.open("rb") as file:
            data = tomllib.load(file)
    except OSError as error:
        raise UsageError(
            "jukni.toml cannot be read", what=error.strerror or str(error), where=str(path)
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError("jukni.toml is not valid TOML", what=str(error), where=str(path)) from error
    return parse(data, path)


def parse(data: Mapping[str, Any], source: Path) -> Config:
    """Check and freeze the tables of a jukni.toml."""
    reader = _Reader(source)
    reader.known(data, ["archive", "site", "store", "archive_org"], "")
    archive = reader.table(Archive, data.get("archive", {}), "archive")
    archive = dataclasses.replace(archive, path=(source.parent / archive.path.expanduser()))
    sites = tuple(reader.site(name, table) for name, table in reader.named(data, "site"))
    stores = tuple(reader.store(name, table) for name, table in reader.named(data, "store"))
    archive_org = reader.archive_org(data["archive_org"]) if "archive_org" in data else None
    return Config(archive=archive, sites=sites, stores=stores, archive_org=archive_org, source=source)


def check_site(site: Site, where: str) -> Site:
    """Values that cannot work are refused before anything is asked of a server."""

    def wrong(key: str, why: str) -> UsageError:
        return UsageError(f'site "{site.name}" cannot be crawled', what=f"{key}: {why}", where=where)

    if not site.urls:
        raise wrong("url", "the address to crawl is missing")
    for url in site.urls:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise wrong("url", f"{url!r} is no http:// or https:// address")
        if parts.username or parts.password:
            raise wrong("url", "a password may not stand in an address, it would end up in logs")
    if not 0 <= site.delay <= 3600:
        raise wrong("delay", "seconds between 0 and 3600")
    if not 1 <= site.concurrency <= 64:
        raise wrong("concurrency", "between 1 and 64")
    if site.robots not in ("own", "obey"):
        raise wrong("robots", '"own" or "obey"')
    if site.limit is not None and site.limit < 1:
        raise wrong("limit", "at least 1")
    if site.attempts < 1:
        raise wrong("attempts", "at least 1")
    if site.member and not site.canary:
        raise wrong("canary", "a text that only members see is needed, to be sure of being logged in")
    for key in ("login", "canary_url"):
        if (given := getattr(site, key)) and urlsplit(given).netloc not in {
            urlsplit(url).netloc for url in site.urls
        }:
            raise wrong(key, f"{given!r} is not on the site's own server: a password would go elsewhere")
    for key in ("include", "exclude"):
        for pattern in getattr(site, key):
            try:
                re.compile(pattern)
            except re.error as error:
                raise wrong(key, f"{pattern!r} is no regular expression: {error}") from error
    return site


def _meant(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f'; did you mean "{near[0]}"?' if near else ""


class _Reader:
    """Turns tables into dataclasses by their field types."""

    def __init__(self, source: Path) -> None:
        self.source = source

    def error(self, place: str, why: str) -> UsageError:
        return UsageError(f"jukni.toml: {place}", what=why, where=str(self.source))

    def known(self, table: Mapping[str, Any], keys: list[str], place: str) -> None:
        for key in table:
            if key not in keys:
                full = f"[{place}] {key}" if place else f"[{key}]"
                raise self.error(
                    full, f'there is no "{key}" here{_meant(key, keys)}; known: {", ".join(keys)}'
                )

    def named(self, data: Mapping[str, Any], kind: str) -> list[tuple[str, Mapping[str, Any]]]:
        tables = data.get(kind, {})
        if not isinstance(tables, dict) or not all(isinstance(t, dict) for t in tables.values()):
            raise self.error(f"[{kind}]", f"write it as [{kind}.NAME]")
        for name in tables:
            if not _SITE_NAME.fullmatch(name):
                raise self.error(f"[{kind}.{name}]", "a name is a-z, 0-9 and -, at most 40 letters")
        return list(tables.items())

    def site(self, name: str, table: Mapping[str, Any]) -> Site:
        place = f"site.{name}"
        keys = [f.name for f in dataclasses.fields(Site) if f.name != "name"]
        self.known(table, ["url", *keys], place)
        urls = table.get("urls", [])
        if "url" in table:
            urls = [table["url"], *urls]
        values = {k: v for k, v in table.items() if k != "url"} | {"urls": urls}
        site = self.table(Site, values, place, name=name)
        return check_site(
            dataclasses.replace(
                site, cookies=self.path(site.cookies), credentials=self.path(site.credentials)
            ),
            str(self.source),
        )

    def path(self, given: str) -> str:
        """A path of the file's, relative to its folder; "" stays so."""
        return str(self.source.parent / Path(given).expanduser()) if given else ""

    def archive_org(self, table: Mapping[str, Any]) -> ArchiveOrg:
        place = "archive_org"
        self.no_secrets(table, place)
        settings = self.table(ArchiveOrg, table, place)
        if found := wrong(settings):
            raise self.error(f"[{place}] {found[0]}", found[1])
        if not settings.credentials:
            return settings
        path = self.source.parent / Path(settings.credentials).expanduser()
        return dataclasses.replace(settings, credentials=str(path))

    def no_secrets(self, table: Mapping[str, Any], place: str) -> None:
        for key in table if isinstance(table, dict) else ():
            if re.search(r"secret|password", key) and not key.endswith("_env"):
                raise self.error(
                    f"[{place}] {key}",
                    "secrets do not belong in this file; name an environment variable with "
                    "secret_key_env, or a file with credentials",
                )

    def store(self, name: str, table: Mapping[str, Any]) -> Store:
        place = f"store.{name}"
        self.no_secrets(table, place)
        store = self.table(Store, table, place, name=name)
        needed = {"directory": ["path"], "s3": ["bucket"]}.get(store.type)
        if needed is None:
            raise self.error(f"[{place}] type", '"directory" or "s3"')
        for key in needed:
            if not getattr(store, key):
                raise self.error(f"[{place}] {key}", f"a {store.type} store needs it")
        if store.endpoint:
            parts = urlsplit(store.endpoint)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise self.error(f"[{place}] endpoint", "this is no http:// or https:// address")
            if parts.username or parts.password:
                raise self.error(
                    f"[{place}] endpoint", "a password may not stand in an address, it would end up in proofs"
                )
        paths = {
            key: str(self.source.parent / Path(given).expanduser())
            for key in ("path", "ca_bundle", "credentials")
            if (given := getattr(store, key))
        }
        return dataclasses.replace(store, **paths)

    def table(self, kind: type[T], table: Any, place: str, **given: Any) -> T:
        if not isinstance(table, dict):
            raise self.error(f"[{place}]", "this is a table")
        fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
        self.known(table, [n for n in fields if n not in given], place)
        values = dict(given)
        for key, value in table.items():
            values[key] = self.value(fields[key].type, value, f"[{place}] {key}")
        missing = [
            name
            for name, f in fields.items()
            if name not in values and f.default is f.default_factory is dataclasses.MISSING
        ]
        if missing:
            raise self.error(f"[{place}] {missing[0]}", "this is needed")
        return kind(**values)

    def value(self, kind: Any, value: Any, place: str) -> Any:
        if kind == "str" and isinstance(value, str):
            return value
        if kind == "Path" and isinstance(value, str):
            return Path(value)
        if kind == "bool" and isinstance(value, bool):
            return value
        if kind == "float" and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if kind in ("int", "int | None"):
            if isinstance(value, int) and not isinstance(value, bool):
                return value
            if isinstance(value, str) and (match := _SIZE.fullmatch(value)):
                return int(float(match[1]) * _UNITS[match[2]])
        if kind == "tuple[str, ...]" and isinstance(value, list) and all(isinstance(v, str) for v in value):
            return tuple(value)
        words = {
            "str": "a text in quotes",
            "Path": "a path in quotes",
            "bool": "true or false",
            "float": "a number",
            "int": 'a whole number, or a size such as "200 MB"',
            "int | None": "a whole number",
            "tuple[str, ...]": 'a list of texts, such as ["a", "b"]',
        }
        raise self.error(place, f"expected {words.get(kind, kind)}, found {value!r}")


def environment() -> Mapping[str, str]:
    """The process's environment; the only place of the configuration that looks at it."""
    return os.environ
