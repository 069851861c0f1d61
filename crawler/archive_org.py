"""`[archive_org]` of jukni.toml: where the services are, how gently they are asked, and whose keys."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from crawler.keys import keys_in
from storage.errors import UsageError


@dataclass(frozen=True, slots=True)
class ArchiveOrg:
    """`[archive_org]`. Keys are looked up by `keys()`.

    a_night: URLs handed over a day (UTC), of all sites. per_minute, concurrency: URLs a minute, and jobs at a
    time, at most. poll: seconds between two looks at the jobs. patience: seconds the last jobs get, and
    that the service may make us wait. recheck_after: days after which a capture there is old.
    if_not_archived_within: days in which no URL is handed over twice. exclude: regular expressions; a URL
    that has one in it stays out. robots: "obey" what robots.txt and pages ask of archive.org, or "ignore".
    """

    access_key_env: str = "IA_ACCESS_KEY_ID"
    secret_key_env: str = "IA_SECRET_ACCESS_KEY"
    credentials: str = ""
    a_night: int = 200
    per_minute: float = 5.0
    concurrency: int = 2
    poll: float = 20.0
    patience: float = 1200.0
    recheck_after: int = 365
    if_not_archived_within: int = 7
    exclude: tuple[str, ...] = ()
    robots: str = "obey"
    save_url: str = "https://web.archive.org/save"
    cdx_url: str = "https://web.archive.org/cdx/search/cdx"
    web_url: str = "https://web.archive.org/web"
    item_url: str = "https://s3.us.archive.org"
    metadata_url: str = "https://archive.org/metadata"

    def keys(self, environment: Mapping[str, str]) -> tuple[str, str]:
        """Access key and secret. UsageError, which says how to get them, when they are nowhere."""
        if self.credentials:
            return keys_in(self.credentials, "archive.org")
        missing = [n for n in (self.access_key_env, self.secret_key_env) if not environment.get(n)]
        if missing:
            raise UsageError(
                "archive.org wants keys, and there are none",
                what=f"not set in the environment: {' and '.join(missing)}; whoever has an account there "
                "finds them at https://archive.org/account/s3.php",
                kept="nothing was sent",
                next=(
                    f"export {self.access_key_env}=…  {self.secret_key_env}=…",
                    "jukni doctor",
                ),
            )
        return environment[self.access_key_env], environment[self.secret_key_env]


def wrong(settings: ArchiveOrg) -> tuple[str, str] | None:
    """The first key whose value cannot work, and why."""
    ranges = {
        "a_night": (1, 100_000),
        "per_minute": (0.1, 600),
        "concurrency": (1, 20),
        "poll": (0.1, 3600),
        "patience": (1, 86400),
        "recheck_after": (1, 36500),
        "if_not_archived_within": (1, 3650),
    }
    for key, (least, most) in ranges.items():
        if not least <= getattr(settings, key) <= most:
            return key, f"between {least:g} and {most:g}"
    if settings.robots not in ("obey", "ignore"):
        return "robots", '"obey" or "ignore"'
    for pattern in settings.exclude:
        try:
            re.compile(pattern)
        except re.error as error:
            return "exclude", f"{pattern!r} is no regular expression: {error}"
    for key in ("save_url", "cdx_url", "web_url", "item_url", "metadata_url"):
        if why := _no_service(getattr(settings, key)):
            return key, why
    return None


def _no_service(url: str) -> str:
    """Why this can be no service of ours; "" when it can."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "this is no https:// address"
    if parts.username or parts.password or parts.query or parts.fragment or url.endswith("/"):
        return "an address without password, without ? and #, and without / at its end"
    if parts.scheme == "http" and not _is_here(parts.hostname):
        return "https://, or the keys would travel for everyone to read"
    return ""


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
