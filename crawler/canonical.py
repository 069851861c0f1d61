"""One spelling for one address: what the frontier calls the same URL, and what goes over the wire.

The spelling follows the WHATWG URL standard where it says what a browser would request, then RFC 3986
where the standard leaves characters raw (`[ ] | ^` are encoded: servers read both alike).
Pure; nothing here looks at a name server or a clock.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import socket
from functools import lru_cache
from urllib.parse import quote_from_bytes, unquote

import idna

DEFAULT_PORT = {"http": "80", "https": "443"}

_CONTROL_OR_SPACE = "".join(map(chr, range(0x21)))
_DROPPED = str.maketrans("", "", "\t\r\n")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_SURROGATE = re.compile("[\ud800-\udfff]")
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)")
_SPLIT = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?")

# Most links of a site are canonical already but for a fragment: one match settles those. Left to the slow
# road: default ports, dot segments, dot files, bad or lower-case escapes, hosts that end in a number.
_READY = re.compile(
    r"(https?://(?:[a-z0-9_-]+\.)*[a-z](?:[a-z0-9_-]*[a-z0-9])?(?::(?!80/|443/|0)[1-5]?[0-9]{1,4})?"
    r"/(?:[A-Za-z0-9_~!$&'()*+,;=:@/-]|(?<!/)\.|%(?!2E)[0-9A-F]{2})*"
    r"(?:\?(?:[A-Za-z0-9_~!$&()*+,;=:@/.?-]|%[0-9A-F]{2})+)?)(?:#.*)?",
    re.DOTALL,
)
_PATH_UNSAFE = re.compile(r"%[0-9A-Fa-f]{2}|[^!$%&'()*+,\-./0-9:;=@A-Z_a-z~]+")
_QUERY_UNSAFE = re.compile(r"%[0-9A-Fa-f]{2}|[^!$%&()*+,\-./0-9:;=?@A-Z_a-z~]+")


def canonical(url: str, base: str | None = None, encoding: str = "utf-8") -> str | None:
    """The ASCII address a browser would request for `url` found on the page `base`.

    No fragment, no userinfo, no default port, no empty query; host in lower case and IDNA; dot segments
    resolved; escapes in upper case, bad ones kept as they are. `encoding` is the page's: browsers encode the
    query (never the path) in it. None: not http or https, or no usable host or port. Never raises.
    Idempotent. Session ids stay: see `without_session`.
    """
    ready = _READY.fullmatch(url)
    if ready:
        return ready[1]
    text = _SURROGATE.sub("\ufffd", url).strip(_CONTROL_OR_SPACE).translate(_DROPPED).partition("#")[0]
    before, mark, query = text.partition("?")
    before = before.replace("\\", "/")
    here = _SPLIT.match(canonical(base) or "") if base is not None else None
    found = _SCHEME.match(before)
    if found:
        scheme = found[1].lower()
        if scheme not in DEFAULT_PORT:
            return None
        before = before[found.end() :]
        if here is None or here[1] != scheme or before.startswith("//"):
            place, slash, path = before.lstrip("/").partition("/")
            return _build(scheme, place, slash + path, mark + query, encoding)
    if here is None:
        return None
    if before.startswith("//"):
        place, slash, path = before.lstrip("/").partition("/")
        return _build(here[1], place, slash + path, mark + query, encoding)
    if before.startswith("/"):
        path = before
    elif before:
        path = here[3].rpartition("/")[0] + "/" + before
    else:
        path = here[3]
        if not mark:
            query = here[4] or ""
    return _build(here[1], here[2], path, mark + query, encoding)


def without_session(url: str) -> tuple[str, bool]:
    """A canonical URL without session ids, and whether it carried one.

    Only values as long as such ids are go: `s=5` and `sid=short` mean something and stay. Separators may
    be `&` or `;`. Idempotent, and the result is canonical.
    """
    if not _SUSPECT.search(url):
        return url, False
    path, mark, query = url.partition("?")
    bare = _SESSION_IN_PATH.sub("", path)
    cold_fusion = "cftoken=" in query.lower()
    first, *others = re.split("([&;])", query)
    kept = [("", first), *zip(others[::2], others[1::2], strict=True)]
    left = [
        (separator, parameter)
        for separator, parameter in kept
        if not (_SESSION.fullmatch(parameter) or (cold_fusion and _COLD_FUSION.fullmatch(parameter)))
    ]
    if len(bare) == len(path) and len(left) == len(kept):
        return url, False
    query = "".join(s + p for s, p in left)[len(left[0][0]) :] if left else ""
    return bare + (mark + query if query else ""), True


def identity(url: str) -> int:
    """The 63-bit number the frontier knows a canonical URL by."""
    return int.from_bytes(hashlib.blake2b(url.encode(), digest_size=8).digest(), "big") >> 1


def host_port(url: str) -> tuple[str, int]:
    """Host (without brackets) and port, the default one filled in, of a canonical URL."""
    scheme, _, rest = url.partition("://")
    place = rest.partition("/")[0]
    host, colon, port = place.rpartition(":")
    if not colon or place.endswith("]"):
        host, port = place, DEFAULT_PORT[scheme]
    return host.strip("[]"), int(port)


# ids of PHP (22 to 64 letters by configuration), Tomcat and kin, ASP, ColdFusion, shops, vBulletin, phpBB
_SUSPECT = re.compile(r"sess|cftoken=|[?&;](?:s|sid|oscsid|zenid|dokuwiki)=", re.IGNORECASE)
_SESSION_IN_PATH = re.compile(r";(?:jsessionid|phpsessid)=[\w.!~+*-]{16,128}", re.IGNORECASE)
_SESSION = re.compile(
    r"(?:PHPSESSID|DokuWiki|osCsid|zenid|oc_sessionPassphrase|ci_session|xf_session|flarum_session)"
    r"=[\w,%+/=~-]{22,128}"
    r"|jsessionid=[\w.!~+*-]{16,128}"
    r"|ASPSESSIONID[A-Z]{8}=[A-Z]{24}"
    r"|(?:s|sid|bbsessionhash|sessionhash)=[0-9a-f]{32}",
    re.IGNORECASE,
)
_COLD_FUSION = re.compile(r"cfid=[0-9a-f-]{1,40}|cftoken=[0-9a-f-]{6,64}", re.IGNORECASE)


def _build(scheme: str, place: str, path: str, query: str, encoding: str) -> str | None:
    authority = _authority(scheme, place)
    if authority is None:
        return None
    path = _dotless(_PATH_UNSAFE.sub(lambda m: _escape(m[0], "utf-8"), path or "/"))
    if len(query) > 1:
        query = "?" + _QUERY_UNSAFE.sub(lambda m: _escape(m[0], encoding), query[1:])
    else:
        query = ""
    return f"{scheme}://{authority}{path}{query}"


def _escape(text: str, encoding: str) -> str:
    if text[0] == "%" and len(text) == 3:
        return text.upper()
    if encoding[:3] == "utf":
        encoding = "utf-8"  # utf-16 too (WHATWG: output encodings)
    try:
        return quote_from_bytes(text.encode(encoding, "xmlcharrefreplace"), "")
    except (LookupError, UnicodeError):
        return quote_from_bytes(text.encode(), "")


def _dotless(path: str) -> str:
    if "/." not in path and "/%2E" not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")[1:]
    for n, segment in enumerate(segments):
        dots = segment.replace("%2E", ".")
        if dots not in (".", ".."):
            kept.append(segment)
            continue
        if dots == ".." and kept:
            kept.pop()
        if n == len(segments) - 1:
            kept.append("")
    return "/" + "/".join(kept)


@lru_cache(maxsize=1024)
def _authority(scheme: str, place: str) -> str | None:
    """Host and port of one authority in canonical form, None if no browser would connect to it."""
    place = place.rpartition("@")[2]
    if place.startswith("["):
        inside, bracket, port = place[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            return None
        port = port[1:]
        try:
            host = f"[{ipaddress.IPv6Address(inside)}]"
        except ValueError:
            return None
        if "%" in host:
            return None
    else:
        name, _, port = place.partition(":")
        found = _host(name)
        if found is None:
            return None
        host = found
    if port:
        if not (port.isascii() and port.isdigit() and len(port) < 12 and 0 < int(port) < 65536):
            return None
        port = str(int(port))
    return host if not port or port == DEFAULT_PORT[scheme] else f"{host}:{port}"


def _host(name: str) -> str | None:
    host = unquote(name).lower()
    try:
        if not host.isascii():
            # No IDNA 2008 validity check: browsers resolve names that fail it.
            mapped = idna.uts46_remap(host, std3_rules=False, transitional=False)
            labels = mapped.split(".")
            host = ".".join(
                label if label.isascii() else "xn--" + label.encode("punycode").decode() for label in labels
            )
        host = host.removesuffix(".")
        if len(host) > 253 or not _HOST.fullmatch(host):
            return None
        if _NUMBER.fullmatch(host.rpartition(".")[2]):
            return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None
    return host
