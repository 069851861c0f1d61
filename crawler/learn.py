"""What a visit teaches: redirects and links, judged by the scope, go into the frontier."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable
from typing import cast

from crawler import pages
from crawler.canonical import canonical, without_session
from crawler.capture.cookies import Jar
from crawler.engine.links import Named, charset_of, links
from crawler.frontier import Frontier, Json, Kind, Lease, Link
from crawler.novelty import Novelty, Trip
from crawler.robots import sitemaps
from crawler.scope import Scope
from crawler.sniff import sniff
from crawler.visit import Visit
from storage.exchange import Head

HTML = frozenset({"text/html", "application/xhtml+xml"})
_ANYWHERE = frozenset({"text/css", "image/svg+xml"})  # read for links on other hosts too
# Where a session id stands in a link; the lengths are those of `crawler.canonical.without_session`.
_SESSION = re.compile(
    rb"[?&;](?:PHPSESSID|osCsid|zenid)=[\w,-]{22,}|[?&;](?:s|sid)=[0-9a-f]{32}|;jsessionid=\w{16,}"
)
_LOOKED_AT = 20  # pages of a host


class Learner:
    """Fills the frontier; `scope` is as it is by now: a seed that moved or a recognised software changes it.

    note: called with a sentence for the log and the summary.
    """

    def __init__(
        self,
        *,
        db: sqlite3.Connection,
        frontier: Frontier,
        cookies: Jar,
        scope: Scope,
        note: Callable[[str], None],
    ) -> None:
        self._db = db
        self._frontier = frontier
        self._cookies = cookies
        self._novelty = Novelty()
        self._named = Named()
        self._note = note
        trips = cast("list[tuple[str, str | None, str]]", frontier.fact("trips") or [])
        self._trips = [Trip(*trip) for trip in trips]
        self._looked: dict[str, int] = {}
        self.scope = scope

    def learn(self, visit: Visit) -> None:
        """Everything a visit has to teach, executed on the database and not committed."""
        lease, head = visit.lease, visit.exchange.head
        assert head is not None
        if visit.decision.outcome == "redirect":
            if location := head.get(b"location"):
                self._redirected(lease, location)
            return
        # A page is ours wherever it lies: the scope let it in.
        own = lease.kind in ("page", "seed", "feed") or self.scope.own(lease.url)
        if not visit.body or not (own or head.mime in _ANYWHERE):
            return
        if lease.kind == "robots":
            if own:
                self.follow(sitemaps(visit.body), via=lease.url, kind="feed")
            return
        if own and head.mime in HTML:
            self._look(lease, head, visit.body)
        charset = charset_of(head.get(b"content-type"), visit.body)
        self._take(links(visit.body, lease.url, head.mime, charset, self._named), lease, own)
        if own and head.mime in HTML and lease.kind in ("seed", "page"):
            if visit.decision.outcome == "captured":
                pages.add(self._db, lease.url, visit.exchange.began, pages.title(visit.body, charset))
            if trip := self._novelty.seen(lease.url, visit.body):
                self._tripped(trip)

    def forget(self) -> None:
        """Something went wrong while learning: what pages named is judged anew from here on."""
        self._named.forget()

    def follow(self, urls: Iterable[str], *, via: str | None, kind: Kind = "page") -> int:
        """URLs that a spider found by itself; returns how many were new and ours."""
        found = [(url, kind) for url in map(canonical, urls) if url]
        return self._judge(found, via, "L", own=True)

    def _take(self, found: Iterable[tuple[str, Kind]], lease: Lease, own: bool) -> None:
        by_hop: dict[str, list[tuple[str, Kind]]] = {}
        for url, kind in found:
            by_hop.setdefault("E" if kind == "requisite" else "L", []).append((url, kind))
        for hop, some in by_hop.items():
            self._judge(some, lease.url, lease.hops + hop, own)

    def _judge(self, found: list[tuple[str, Kind]], via: str | None, hops: str, own: bool) -> int:
        # Nearly every link of a page is known already: only the others are worth a judgement.
        keep: list[Link] = []
        for url, kind in self._frontier.unseen(found):
            verdict = self.scope.judge(url, kind, via_own=own, hops=hops)
            if verdict.keep and (trip := self._tripped_by(url)):
                self._frontier.skip(url, "novelty", trip.reason, via)
            elif verdict.keep:
                keep.append(Link(url, kind))
            else:
                self._frontier.skip(url, verdict.rule, verdict.reason, via)
        return self._frontier.add(keep, via=via, hops=hops) if keep else 0

    def _look(self, lease: Lease, head: Head, body: bytes) -> None:
        """What the first pages of a host tell: the software, and whether it wants a cookie."""
        looked = self._looked.get(lease.host, 0)
        if looked >= _LOOKED_AT:
            return
        self._looked[lease.host] = looked + 1
        name = sniff(body, head.headers)
        if name and name not in self.scope.software:
            self.scope = self.scope.with_software(name)
            self._frontier.set_fact("software", cast("Json", sorted(self.scope.software)))
            self._note(f"{lease.host} runs {name}: its copies and endless pages are left out")
        # A cookie that comes back is what makes forums leave their session id out of the links.
        if _SESSION.search(body) and self._cookies.enable(lease.url):
            self._note(f"{lease.host} puts session ids into links: its cookies are kept from now on")

    def _redirected(self, lease: Lease, location: bytes) -> None:
        target = canonical(location.decode("utf-8", "replace"), lease.url)
        if target is None:
            self._note(f"{lease.url} redirects to an address that cannot be followed: {location[:200]!r}")
            return
        target, _ = without_session(target)
        if lease.kind == "seed":
            moved, report = self.scope.with_redirect(lease.url, target)
            if report:
                self.scope = moved
                moves = self._frontier.fact("moved") or []
                self._frontier.set_fact("moved", [*moves, [lease.url, target]])  # type: ignore[misc]
                self._note(report)
        # A seed that leads out of the scope is no seed there: it is judged like any link.
        kind: Kind = "page" if lease.kind == "seed" and not self.scope.inside(target) else lease.kind
        self._judge([(target, kind)], lease.url, lease.hops + "R", self.scope.own(lease.url))

    def _tripped(self, trip: Trip) -> None:
        self._trips.append(trip)
        self._frontier.set_fact("trips", [[t.pattern, t.key, t.reason] for t in self._trips])
        count = self._frontier.skip_pattern(trip.matches, "novelty", trip.reason)
        self._note(f"{trip.reason}; {count} waiting URLs of that pattern are skipped")

    def _tripped_by(self, url: str) -> Trip | None:
        return next((trip for trip in self._trips if trip.matches(url)), None)
