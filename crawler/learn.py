"""What a visit teaches: what the software tells, redirects, links; judged, they go into the frontier."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import cast, get_args

from crawler import pages
from crawler.canonical import canonical, without_session
from crawler.capture.cookies import Jar
from crawler.engine.links import Named, charset_of, links
from crawler.feeding import Feeding
from crawler.frontier import Frontier, Json, Kind, Lease, Link
from crawler.installations import Installations
from crawler.inventory import Inventory
from crawler.novelty import Novelty, Trip
from crawler.robots import sitemaps
from crawler.scope import Place, Scope
from crawler.software import (
    Accepted,
    Ask,
    Classified,
    Found,
    Installed,
    Item,
    Page,
    Setting,
    Skip,
    Software,
    State,
    registry,
)
from crawler.visit import BODY_LIMIT, Visit

HTML = frozenset({"text/html", "application/xhtml+xml"})
_ANYWHERE = frozenset({"text/css", "image/svg+xml"})  # read for links on other hosts too
# Where a session id stands in a link; the lengths are those of `crawler.canonical.without_session`.
_SESSION = re.compile(
    rb"[?&;](?:PHPSESSID|osCsid|zenid)=[\w,-]{22,}|[?&;](?:s|sid)=[0-9a-f]{32}|;jsessionid=\w{16,}"
)
_LOOKED_AT = 20  # pages of a host


class Learner:
    """Fills the frontier; `scope` is as it is by now: a seed that moved or a recognised software changes it.

    installations: the software found so far. inventory: what they say the site has. feeding: who else wants
    links. note: called with a sentence for the log and the summary. slow: called with an address and the
    seconds that must pass between two requests to its host.
    """

    def __init__(
        self,
        *,
        db: sqlite3.Connection,
        frontier: Frontier,
        cookies: Jar,
        scope: Scope,
        inventory: Inventory,
        feeding: Feeding,
        note: Callable[[str], None],
        slow: Callable[[str, float], None],
    ) -> None:
        self._db = db
        self._frontier = frontier
        self._cookies = cookies
        self._novelty = Novelty()
        self._named = Named()
        self._note = note
        self._slow = slow
        trips = cast("list[tuple[str, str | None, str]]", frontier.fact("trips") or [])
        self._trips = [Trip(*trip) for trip in trips]
        self._looked: dict[str, int] = {}
        self._feeding = feeding
        self.scope = scope
        self.inventory = inventory
        self.installations = Installations(frontier, self._added, self._sniffed)
        for name in cast("list[str]", frontier.fact("software") or []):
            self.scope = self.scope.with_software(name)
        for one in self.installations:
            self._mind(one)

    def learn(self, visit: Visit) -> None:
        """Everything a visit has to teach, executed on the database and not committed."""
        lease, head = visit.lease, visit.exchange.head
        assert head is not None
        if visit.decision.outcome == "redirect":
            if location := head.get(b"location"):
                self._redirected(lease, location)
            return
        # A page is ours wherever it lies: the scope let it in.
        own = lease.kind in ("page", "seed", "feed", "inventory") or self.scope.own(lease.url)
        claimed, left = self._claim(visit) if own and lease.kind != "robots" else (None, frozenset())
        if not visit.body or not (own or head.mime in _ANYWHERE):
            return
        if lease.kind == "robots":
            if own:
                self.follow(sitemaps(visit.body), via=lease.url, kind="feed")
            return
        if own and head.mime in HTML:
            self._look_for_sessions(lease, visit.body)
        charset = charset_of(head.get(b"content-type"), visit.body)
        named = links(visit.body, lease.url, head.mime, charset, self._named)
        self._take([link for link in named if link[0] not in left], lease, own)
        if own and head.mime in HTML and lease.kind in ("seed", "page"):
            one, place = claimed or (None, None)
            listed = place is None or one is None or place.kind in one.listed
            if visit.decision.outcome == "captured" and listed:
                pages.add(self._db, lease.url, visit.exchange.began, pages.title(visit.body, charset))
            if place is None and (trip := self._novelty.seen(lease.url, visit.body)):
                self._tripped(trip)

    def unread(self, visit: Visit) -> str:
        """Why a captured list counts as a gap: there is more of it than was read; "" where nothing is."""
        page, lease = visit.page, visit.lease
        if page is None or page.whole or visit.decision.outcome != "captured":
            return ""
        one, place = self.installations.classify(lease.url) or (self.installations.owner(lease.url), None)
        if one is None or (place is None and one.family != "generic"):
            return ""
        if place is not None and (place.kind in one.pieces or (place.item and not page.is_html)):
            return ""
        return f"it is longer than the {BODY_LIMIT >> 20} MB that are read: what stands behind is not known"

    def left_out(self, url: str, reason: str) -> None:
        """A URL that was wanted is not asked for: what it shows is refused to us."""
        claimed = self.installations.classify(url)
        if claimed and claimed[1].item:
            one, place = claimed
            self.inventory.settle(one.base, place.kind, place.id, url, "denied", reason)
        else:
            self.inventory.settle_url(url, "denied", reason)

    def forget(self) -> None:
        """Something went wrong while learning: what pages named is judged anew from here on."""
        self._named.forget()

    def follow(self, urls: Iterable[str], *, via: str | None, kind: Kind = "page") -> int:
        """URLs that a spider found by itself; returns how many were new and ours."""
        found = [(url, kind) for url in map(canonical, urls) if url]
        return self._judge(found, via, "L", own=True)

    def ask(self, one: Software, asks: Iterable[Found], *, via: str | None, hops: str) -> None:
        """What a software wants to be fetched; what the scope refuses is remembered as skipped."""
        for ask in asks:
            if isinstance(ask, Ask):
                self._want(one, Link(ask.url, ask.kind, ask.method), via, hops, again=ask.again)
            elif isinstance(ask, Item) and ask.url:
                self._want(one, Link(ask.url, "page" if ask.as_page else "inventory"), via, hops, item=ask)

    def promise(self, installed: Installed, url: str) -> None:
        """The configuration names an address that gives its software away: what it shows is to be had."""
        self.installations.add(installed)
        self.follow([url], via=None)
        if (found := self.installations.classify(url)) and found[1].item:
            one, place = found
            self.inventory.tell(one.base, None, [Item(place.kind, place.id, "configuration")])

    def feed(self, urls: Iterable[str]) -> None:
        """Addresses that other sites led to.

        What looks like a pad's or a share's waits until it is known what lies there: forums have /p/, too.
        """
        waiting = []
        for url in urls:
            if (claim := registry.claimed(url)) and self.scope.own(url) and not self._lies_at(claim.base):
                waiting.append(url)
            else:
                self.follow([url], via=None)
        self._frontier.set_fact("fed", cast("Json", waiting))

    def claim_fed(self) -> bool:
        """Nothing else was found where they lie: the addresses say what they are. Whether any waited."""
        waiting = cast("list[str]", self._frontier.fact("fed") or [])
        self._frontier.set_fact("fed", [])
        for url in waiting:
            if claim := registry.claimed(url):
                self.installations.add(claim)
            self.follow([url], via=None)
        return bool(waiting)

    def _lies_at(self, base: str) -> bool:
        return any(one.base == base and one.family != "generic" for one in self.installations)

    def accept(self, page: Page) -> Accepted:
        """What its software says of a page, and whether it is as long as a list says."""
        found = self.installations.accept(page)
        announced = self.inventory.size(page.url) if found.verdict == "ok" else None
        coded = bool(page.header("content-encoding"))
        got = len(page.body) if coded else page.size
        unseen = coded and not (page.body and page.whole)
        if announced is None or announced == got or unseen:
            return found
        return Accepted("challenge", f"{got} bytes came, the site's own list says {announced}")

    def headers(self, url: str, method: str) -> tuple[tuple[bytes, bytes], ...]:
        """Further request headers that the software of a URL asks for."""
        owner = self.installations.owner(url)
        return owner.headers(url, method) if owner else ()

    def reads(self, url: str, mime: str) -> bool:
        """Whether the software of a URL wants to see a body that is no text by its type."""
        owner = self.installations.owner(url)
        return owner is not None and mime in owner.bodies

    # --- what the software tells

    def _claim(self, visit: Visit) -> tuple[tuple[Software, Classified] | None, frozenset[str]]:
        """Settle what was fetched, and read it; gives whose it is, and what it names that is to be left."""
        lease, page = visit.lease, visit.page
        claimed = self.installations.classify(lease.url)
        if page is not None and page.body and self.installations.look(page, claimed[0] if claimed else None):
            claimed = self.installations.classify(lease.url)
        state, why = visit.decision.outcome, visit.decision.why
        if state in ("captured", "denied", "missing"):
            if claimed and claimed[1].item:
                one, place = claimed
                self.inventory.settle(one.base, place.kind, place.id, lease.url, state, why)
            else:
                self.inventory.settle_url(lease.url, state, why)
        owner = claimed[0] if claimed else self.installations.owner(lease.url)
        reads = claimed or (owner is not None and owner.family == "generic")
        left: frozenset[str] = frozenset()
        if page is not None and owner is not None and reads and state == "captured":
            left = self._read(owner, lease, page)
        return claimed, left

    def _read(self, one: Software, lease: Lease, page: Page) -> frozenset[str]:
        found = [item for item in one.read(page, self.inventory.at(one.base)) if self._ours(one, item)]
        for item in found:
            if isinstance(item, Skip):
                self._frontier.skip(item.url, item.rule, item.reason, lease.url)
            elif isinstance(item, Setting):
                self.installations.learn(one, item)
        wanted = self.inventory.tell(one.base, lease.row, found)
        self.ask(one, [item for item in found if isinstance(item, Ask)], via=lease.url, hops=lease.hops + "I")
        self.ask(one, wanted, via=lease.url, hops=lease.hops + "I")
        return frozenset(item.url for item in found if isinstance(item, Skip))

    def _ours(self, one: Software, item: Found) -> bool:
        """A sitemap lists more than we were asked to mirror; what it says of the rest is no promise."""
        if one.family != "generic" or not isinstance(item, Item):
            return True
        verdict = self.scope.judge(item.url)
        if not verdict.keep:
            self._frontier.skip(item.url, verdict.rule, verdict.reason)
        return verdict.keep

    def _want(
        self,
        one: Software,
        link: Link,
        via: str | None,
        hops: str,
        *,
        again: bool = False,
        item: Item | None = None,
    ) -> None:
        ours = link.url.startswith(one.base)
        if not ours and canonical(link.url) is None:
            if item:
                why = f"the site gives {link.url[:200]!r} as its address, which cannot be asked for"
                self.inventory.settle(one.base, item.kind, item.id, "", "denied", why)
            return
        refused = self.scope.refuses(link.url, link.kind)
        if refused is None and not (ours or self.scope.own(link.url)):
            # A file on a host of its own: whatever is public may be had, as for a requisite.
            refused = self.scope.judge(link.url, "requisite")
            refused = None if refused.keep else refused
        if refused:
            self._frontier.skip(link.url, refused.rule, refused.reason, via)
            if item and refused.rule.startswith("harm:"):
                # Nobody chose to do without it: it stays a gap, and says why.
                self.inventory.refused(one.base, item.kind, item.id, refused.reason)
            elif item:
                self.inventory.settle(one.base, item.kind, item.id, link.url, "denied", refused.reason)
            return
        if self._frontier.add([link], via=via, hops=hops):
            return
        if again:
            self._frontier.once_more([link])
        elif item and (known := self._frontier.why(link.url)) and known.outcome in get_args(State):
            # It was fetched before anyone said that the site has it.
            self.inventory.settle_url(link.url, cast("State", known.outcome), known.detail or "")

    def _added(self, one: Software) -> None:
        self._mind(one)
        experimental = " (this software is known from reports only)" if one.experimental else ""
        if one.family == "generic":
            self._note(f"{one.base} has a sitemap: what it lists is held against what is captured")
        else:
            article = "an" if one.name[0] in "aeiou" else "a"
            self._note(f"{one.base} is {article} {one.name}: it is asked what it has{experimental}")
        seeds = list(one.seeds())
        self.inventory.tell(one.base, None, seeds)
        self.ask(one, seeds, via=None, hops="I")
        if fed := cast("list[str]", self._frontier.fact("fed") or []):
            self.feed(fed)

    def _sniffed(self, name: str) -> None:
        """Its copies and endless pages are left out, even where nobody can tell where it begins."""
        if name not in self.scope.software:
            self.scope = self.scope.with_software(name)
            self._frontier.set_fact("software", cast("Json", sorted(self.scope.software)))

    def _mind(self, one: Software) -> None:
        """Its harmful addresses and its own limit hold from now on."""
        self.scope = self.scope.with_software(one.name)
        if one.min_delay:
            self._slow(one.base, one.min_delay)

    # --- links

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
            claimed = self.installations.classify(url) if kind in ("page", "feed") else None
            if claimed is not None:
                target = self._judge_claimed(url, *claimed, via, hops, own)
                if target:
                    keep.append(Link(target, kind))
                continue
            verdict = self.scope.judge(url, kind, via_own=own, hops=hops)
            if verdict.keep and (trip := self._tripped_by(url)):
                self._frontier.skip(url, "novelty", trip.reason, via)
            elif verdict.keep:
                keep.append(Link(url, kind))
            else:
                if verdict.rule == "off-site" or registry.claimed(url):
                    self._feeding.offer(url)
                self._frontier.skip(url, verdict.rule, verdict.reason, via)
        return self._frontier.add(keep, via=via, hops=hops) if keep else 0

    def _judge_claimed(
        self, url: str, one: Software, place: Classified, via: str | None, hops: str, own: bool
    ) -> str | None:
        """The address by which a link under an installation is followed; None: it is not."""
        # What is fetched counts: the link that packs a whole share leads to the share.
        asked = place.url if place.keep and place.url else url
        if refused := self.scope.refuses(asked, hops=hops, via_own=own):
            self._frontier.skip(url, refused.rule, refused.reason, via)
            return None
        if not place.keep:
            if self.scope.includes(url):
                return url
            self._frontier.skip(url, place.rule, place.reason, via)
            return None
        target = place.url or url
        wanted = not place.item or self.inventory.wants(one.base, place.kind, place.id, target)
        if not wanted or target != url:
            self._frontier.skip(url, "alias", f"another address of a {place.kind} that is kept", via)
        return target if wanted else None

    def _look_for_sessions(self, lease: Lease, body: bytes) -> None:
        """Whether a host wants a cookie: with one, forums leave their session id out of links."""
        looked = self._looked.get(lease.host, 0)
        if looked >= _LOOKED_AT:
            return
        self._looked[lease.host] = looked + 1
        if _SESSION.search(body) and self._cookies.enable(lease.url):
            self._note(f"{lease.host} puts session ids into links: its cookies are kept from now on")

    def _redirected(self, lease: Lease, location: bytes) -> None:
        target = canonical(location.decode("utf-8", "replace"), lease.url)
        if target is None:
            self._note(f"{lease.url} redirects to an address that cannot be followed: {location[:200]!r}")
            return
        target, _ = without_session(target)
        self._at_another_door(lease.url, target)
        if self._file_elsewhere(lease.url, target):
            self.inventory.moved(lease.url, target)
            self._frontier.add([Link(target, "inventory")], via=lease.url, hops=lease.hops + "R")
            return
        self._settle_redirect(lease, target)
        if lease.kind == "seed":
            moved, report = self.scope.with_redirect(lease.url, target)
            if report:
                self.scope = moved
                moves = self._frontier.fact("moved") or []
                self._frontier.set_fact("moved", [*moves, [lease.url, target]])  # type: ignore[misc]
                self._note(report)
        # A seed that leads out of the scope is no seed there: it is judged like any link.
        kind: Kind = "page" if lease.kind == "seed" and not self.scope.inside(target) else lease.kind
        if kind == "inventory" and self.scope.refuses(target) is None and self.scope.own(target):
            self._frontier.add([Link(target, kind)], via=lease.url, hops=lease.hops + "R")
            return
        self._judge([(target, kind)], lease.url, lease.hops + "R", self.scope.own(lease.url))

    def _at_another_door(self, url: str, target: str) -> None:
        """A server claimed by an address answers under https, or with www.: the installation is there.

        A seed that was fetched to see has moved before its installation is found.
        """
        one, old, new = self.installations.owner(url), Place.of(url), Place.of(target)
        door, to = replace(old, folder="/").door(), replace(new, folder="/").door()
        same = url.removeprefix(door) == target.removeprefix(to)
        if one is None or door == to or not same or not old.same_site(new):
            return
        before, after = one.base, to + one.base.removeprefix(door)
        if self.inventory.anything(before) or not self.installations.move(one, after):
            return
        self.inventory.move(before, after)
        moves = cast("list[Json]", self._frontier.fact("moved") or [])
        for seed in self.scope.seeds:
            if seed.startswith(door):
                self.scope, _ = self.scope.with_redirect(seed, to + seed.removeprefix(door))
                moves = [*moves, [seed, to + seed.removeprefix(door)]]
        self._frontier.set_fact("moved", moves)
        self._note(f"{before} is found at {after}")

    def _file_elsewhere(self, url: str, target: str) -> bool:
        """Whether a file, not a page, of an installation lies on a host of its own that may be asked."""
        here = self.installations.classify(url)
        if here is None or not here[1].item or here[1].kind in here[0].listed or self.scope.own(target):
            return False
        return self.scope.judge(target, "requisite").keep

    def _settle_redirect(self, lease: Lease, target: str) -> None:
        """An item that answers with a redirect lies there, or leads elsewhere; a refused target denies it."""
        here, there = self.installations.classify(lease.url), self.installations.classify(target)
        if here is None or not here[1].item:
            self.inventory.moved(lease.url, target)
            return
        one, place = here
        refused = self.scope.refuses(target)
        if refused:
            why = f"it redirects to {target}: {refused.reason}"
            self.inventory.settle(one.base, place.kind, place.id, lease.url, "denied", why)
        elif there and (there[1].kind, there[1].id) == (place.kind, place.id):
            self.inventory.moved(lease.url, target)
        else:
            why = f"it redirects to {target}"
            self.inventory.settle(one.base, place.kind, place.id, lease.url, "captured", why)

    def _tripped(self, trip: Trip) -> None:
        self._trips.append(trip)
        self._frontier.set_fact("trips", [[t.pattern, t.key, t.reason] for t in self._trips])
        count = self._frontier.skip_pattern(trip.matches, "novelty", trip.reason)
        self._note(f"{trip.reason}; {count} waiting URLs of that pattern are skipped")

    def _tripped_by(self, url: str) -> Trip | None:
        return next((trip for trip in self._trips if trip.matches(url)), None)
