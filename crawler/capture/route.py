"""Where a request goes: what a URL asks for, and through which proxy."""

from __future__ import annotations

import ipaddress
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes, urlsplit

_URL = re.compile(r"(https?)://([^/?#\\]*)([^#]*)", re.IGNORECASE)
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(?::([0-9]*))?", re.IGNORECASE)
_UNSENDABLE = re.compile(r"[^!-~]")
PORTS = {"http": 80, "https": 443}


@dataclass(slots=True, frozen=True)
class Target:
    """What a URL asks for.

    url: percent-encoded ASCII, lower-case scheme and host, no userinfo, no default port, no fragment.
    host: without brackets. authority: value of the Host header. path: path and query exactly as in the URL.
    """

    url: str
    scheme: str
    host: str
    port: int
    authority: str
    path: str


def target_of(url: str) -> Target:
    """Read an http or https URL; ValueError for anything else."""
    match = _URL.fullmatch(_UNSENDABLE.sub(_percent, url.split("#", 1)[0]))
    place = match and _AUTHORITY.fullmatch(match[2].rpartition("@")[2])
    if not match or not place:
        raise ValueError(f"not an http(s) URL: {url!r}")
    scheme = match[1].lower()
    name = place[1].lower()
    port = int(place[2]) if place[2] else PORTS[scheme]
    if not 0 < port < 65536:
        raise ValueError(f"no such port: {url!r}")
    authority = name if port == PORTS[scheme] else f"{name}:{port}"
    path = match[3] if match[3].startswith("/") else "/" + match[3]
    return Target(f"{scheme}://{authority}{path}", scheme, name.strip("[]"), port, authority, path)


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogatepass"))


@dataclass(slots=True, frozen=True)
class Proxy:
    """An HTTP proxy. credentials: value of Proxy-Authorization, never to be shown."""

    host: str
    port: int
    credentials: bytes | None = field(default=None, repr=False)


def proxy_for(target: Target, proxies: Mapping[str, str]) -> Proxy | None:
    """The proxy that `urllib.request.getproxies()` names for a target; "no" lists who needs none.

    ValueError for a proxy that does not speak plain HTTP (socks, https).
    """
    told = proxies.get(target.scheme) or proxies.get("all")
    if not told or _direct(target, proxies.get("no", "")):
        return None
    parts = urlsplit(told if "://" in told else "http://" + told)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"proxy of kind {parts.scheme!r} for {target.scheme}, only http proxies are known")
    credentials = None
    if parts.username is not None:
        pair = unquote_to_bytes(parts.username) + b":" + unquote_to_bytes(parts.password or "")
        credentials = b"Basic " + b64encode(pair)
    return Proxy(parts.hostname, parts.port or 80, credentials)


def _direct(target: Target, exempt: str) -> bool:
    """True when a list as in no_proxy names the target: "*", a host or domain, host:port, or a network."""
    names = [name.strip().lower() for name in exempt.split(",")]
    for name in filter(None, names):
        suffix = name.lstrip(".")
        if name == "*" or target.host == name.strip("[]") or target.authority == name:
            return True
        if f".{target.host}".endswith(f".{suffix}") or f"{target.host}:{target.port}" == suffix:
            return True
        if "/" in name and _within(target.host, name):
            return True
    return False


def _within(host: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
