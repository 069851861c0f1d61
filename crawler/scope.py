"""Is this URL ours, and which rule says so. Pure: values in, a verdict out.

Ours is what lies under the folder of a seed, on the seed's own host and port. Whatever a captured page
needs to be shown (a requisite) comes from any public host. What must never be requested (`crawler.harm`) is
refused before anything else is asked.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from dataclasses import KW_ONLY, dataclass, field, replace

from crawler.addresses import public_address
from crawler.canonical import DEFAULT_PORT, canonical, host_port
from crawler.harm import harm
from crawler.rules import Address, address_of
from crawler.traps import trap

# A script followed by a path of its own (doku.php/fr:faq, index.php/Main_Page): the folder ends before it.
_SCRIPT = re.compile(r"/[^/]+\.(?:php\d?|cgi|f?cgi|pl|aspx?)(?=/)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """keep: fetch it or not. rule: a short stable name to count by. reason: the rule in plain words."""

    keep: bool
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Place:
    """A folder on a server: whatever lies under it is ours. `folder` starts and ends with "/"."""

    scheme: str
    host: str
    port: int
    folder: str

    @classmethod
    def of(cls, url: str) -> Place:
        """The folder a canonical URL lies in."""
        path = _path(url)
        script = _SCRIPT.search(path)
        if script:
            path = path[: script.end()]
        host, port = host_port(url)
        return cls(url.partition(":")[0], host, port, path[: path.rindex("/") + 1])

    def server(self) -> tuple[str, str, int]:
        """Scheme, host and port: what a robots.txt speaks for."""
        return (self.scheme, self.host, self.port)

    def same_site(self, other: Place) -> bool:
        """Do they differ by no more than www. and the step from http to https?"""
        if self.host.removeprefix("www.") != other.host.removeprefix("www."):
            return False
        doors = (self.scheme, self.port), (other.scheme, other.port)
        return doors[0] == doors[1] or doors == (("http", 80), ("https", 443))

    def door(self) -> str:
        """The folder's address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if str(self.port) == DEFAULT_PORT[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.folder}"


@dataclass(frozen=True, slots=True)
class Limits:
    """Where an address stops being believable.

    length: characters. segments: of the path. repeats: of one segment. hops: links from a seed, None for no
    end. chain: redirects and requisites in a row; foreign_chain: the same when another host named it.
    """

    length: int = 2000
    segments: int = 20
    repeats: int = 3
    hops: int | None = None
    chain: int = 10
    foreign_chain: int = 4


@dataclass(frozen=True, slots=True)
class Scope:
    """The rules of one crawl. Never changes: what is learned on the way gives a new one.

    seeds: full http(s) addresses. include: regular expressions on canonical URLs; a page that one is found in
    is ours wherever it lies, traps notwithstanding. exclude: whatever one is found in is left out.
    also_private: "host" or "host:port" on our own network that may be connected to.
    software: names given by `sniff`; their traps apply. places: by default the folders of the seeds.
    ValueError names a seed that is no address, or an expression that is none.
    """

    seeds: tuple[str, ...]
    _: KW_ONLY
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    also_private: tuple[str, ...] = ()
    software: frozenset[str] = frozenset()
    limits: Limits = Limits()
    places: tuple[Place, ...] = ()
    _included: tuple[re.Pattern[str], ...] = field(init=False, repr=False, compare=False)
    _excluded: tuple[re.Pattern[str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        clean = []
        for seed in self.seeds:
            url = canonical(seed)
            if url is None:
                raise ValueError(f"not an http or https address: {seed}")
            clean.append(url)
        if not clean:
            raise ValueError("no address to start from")
        put = object.__setattr__
        put(self, "seeds", tuple(dict.fromkeys(clean)))
        put(self, "places", tuple(dict.fromkeys(self.places or map(Place.of, clean))))
        put(self, "also_private", tuple(name.lower() for name in self.also_private))
        put(self, "_included", tuple(map(_expression, self.include)))
        put(self, "_excluded", tuple(map(_expression, self.exclude)))

    def judge(self, url: str, kind: str = "page", *, via_own: bool = True, hops: str = "") -> Verdict:
        """May this canonical URL be fetched, and by which rule?

        kind: "seed", "page", "requisite", "feed" or "robots". via_own: whether our own server named it.
        hops: how it was reached, one letter a hop: L a link, E a requisite, R a redirect.
        """
        address = address_of(url)
        refused = self.refuses(url, kind, via_own=via_own, hops=hops, address=address)
        if refused:
            return refused
        if kind == "seed":
            return Verdict(True, "seed", "an address the crawl starts from")
        if kind == "robots":
            return Verdict(True, "robots", "a server's wishes are asked for before its pages")
        if kind == "requisite":
            return self._requisite(url)
        if included := self.includes(url):
            return included
        if not self.inside(url):
            if self.own(url):
                folders = " or ".join(sorted({p.folder for p in self.places}))
                return Verdict(False, "outside-folder", f"on the same server, but not under {folders}")
            return Verdict(False, "off-site", "another site")
        rule = trap(url, self.software, address)
        if rule:
            return Verdict(False, f"trap:{rule.name}", rule.reason)
        return Verdict(True, "feed" if kind == "feed" else "page", "under a seed's folder")

    def refuses(
        self,
        url: str,
        kind: str = "page",
        *,
        via_own: bool = True,
        hops: str = "",
        address: Address | None = None,
    ) -> Verdict | None:
        """What forbids a URL, whoever wants it: harm, configuration, an address beyond belief; or None."""
        broken = self._unbelievable(url, hops, via_own)
        if broken and not (kind == "seed" and not hops):
            return broken
        rule = harm(url, self.software, address or address_of(url))
        if rule:
            return Verdict(False, f"harm:{rule.name}", rule.reason)
        for expression in self._excluded:
            if expression.search(url):
                return Verdict(False, "exclude", f"left out by configuration: {expression.pattern}")
        return None

    def includes(self, url: str) -> Verdict | None:
        """The verdict of the configuration that a URL is ours wherever it lies; None when it says nothing."""
        for expression in self._included:
            if expression.search(url):
                return Verdict(True, "include", f"added by configuration: {expression.pattern}")
        return None

    def inside(self, url: str) -> bool:
        """Does a canonical URL lie under a seed's folder?"""
        scheme = url.partition(":")[0]
        server = (scheme, *host_port(url))
        path = _path(url)
        return any(p.server() == server and path.startswith(p.folder) for p in self.places)

    def own(self, url: str) -> bool:
        """Is it on a seed's own server (scheme, host and port), whatever the folder?

        The owner's choice decides whether the robots.txt of an own server is obeyed; others' always is.
        """
        server = (url.partition(":")[0], *host_port(url))
        return any(p.server() == server for p in self.places)

    def with_software(self, name: str) -> Scope:
        """The same scope, minding the traps of this software too."""
        return self if name in self.software else replace(self, software=self.software | {name})

    def with_redirect(self, source: str, target: str) -> tuple[Scope, str]:
        """What a redirect of a seed does to the scope, and a sentence to report ("" if nothing).

        Followed: http to https on the default ports, www. put before or taken from the host name, a slash put
        at the end of the path. Where the seed leads anywhere else, the scope stays and the sentence says so.
        """
        if source not in self.seeds:
            return self, ""
        old, new = Place.of(source), Place.of(target)
        moved = old.server() != new.server()
        slashed = _path(target) == _path(source) + "/"
        folder = new.folder if slashed else old.folder
        if not slashed and self.inside(target):
            return self, ""
        if (moved and not old.same_site(new)) or not _path(target).startswith(folder):
            return self, (
                f"{source} redirects to {target}, which is outside the scope and was not followed; "
                f"if that is the site, start from there"
            )
        # /wiki that answers /wiki/ means that folder, not everything beside it.
        other_seeds = {Place.of(seed) for seed in self.seeds if _path(seed) != _path(source)}
        kept = [
            replace(p, folder=folder) if p.folder == old.folder and p not in other_seeds else p
            for p in self.places
        ]
        scope = replace(self, seeds=(*self.seeds, target), places=(*kept, replace(new, folder=folder)))
        if scope.places == self.places:
            return scope, ""
        said = f"{source} redirects to {target}: "
        if moved:
            said += f"{new.door()} counts as the same site"
        else:
            said += f"only what lies under {folder} is mirrored"
        return scope, said

    def may_connect(self, host: str, port: int, ip: str) -> bool:
        """May a connection go to this address?

        To a public one always; to others only for the seeds' own host and port and what `also_private` names.
        """
        if public_address(ip):
            return True
        host = host.lower().strip("[]").removesuffix(".")
        if host in self.also_private or f"{host}:{port}" in self.also_private:
            return True
        return any(p.host == host and p.port == port for p in self.places)

    def _requisite(self, url: str) -> Verdict:
        host, port = host_port(url)
        address = _literal(host)
        if address and not self.may_connect(host, port, address):
            return Verdict(False, "private-address", "only public hosts are asked for requisites")
        return Verdict(True, "requisite", "a captured page needs it to be shown")

    def _unbelievable(self, url: str, hops: str, via_own: bool) -> Verdict | None:
        limits = self.limits
        if len(url) > limits.length:
            return Verdict(False, "too-long", f"more than {limits.length:,} characters")
        path = _path(url)
        if path.count("/") > limits.repeats:
            segments = path.split("/")
            if len(segments) - 1 > limits.segments:
                return Verdict(False, "too-deep", f"more than {limits.segments} folders deep")
            # Dates and sharded folders repeat digits (/11/11/11/11/) without being endless.
            counts = Counter(s for s in segments if s and not s.isdigit())
            if counts and max(counts.values()) > limits.repeats:
                return Verdict(False, "repeated-path", f"a folder name more than {limits.repeats} times")
        chain = len(hops) - len(hops.rstrip("ER"))
        longest = limits.chain if via_own else limits.foreign_chain
        if chain > longest:
            return Verdict(False, "too-deep", f"more than {longest} redirects or requisites in a row")
        if limits.hops is not None and hops.count("L") > limits.hops:
            return Verdict(False, "too-deep", f"more than {limits.hops} links from a seed")
        return None


def _path(url: str) -> str:
    rest = url.partition("://")[2].partition("?")[0]
    return rest[rest.index("/") :]


def _literal(host: str) -> str | None:
    """The address a host name is, without asking anyone; None for a real name."""
    if host == "localhost" or host.endswith(".localhost"):
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def _expression(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as problem:
        raise ValueError(f"not a regular expression: {text} ({problem})") from None
