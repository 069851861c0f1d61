"""One URL of the frontier visited: robots, pace, fetch, record, decide."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from crawler.canonical import canonical, without_session
from crawler.capture.client import Client, Unreachable
from crawler.capture.cookies import Jar
from crawler.engine.pace import Pace
from crawler.frontier import Frontier, Lease, host_of
from crawler.recorder import Recorder
from crawler.redaction import without_cookies
from crawler.robots import Answer, Robots
from crawler.scope import Scope
from crawler.software import Accepted, Page
from storage.errors import RemoteError
from storage.exchange import Exchange, Head
from storage.http import body, decoded, payload

# What links are looked for in; everything else reaches a spider without its body.
TEXTS = frozenset(
    {
        "text/html",
        "application/xhtml+xml",
        "text/css",
        "text/xml",
        "application/xml",
        "application/rss+xml",
        "application/atom+xml",
        "image/svg+xml",
        "application/manifest+json",
        "text/plain",
        "application/json",
    }
)
BODY_LIMIT = 8 * 1024 * 1024  # decoded bytes; a larger page is kept whole, its links are read up to here
BUSY = frozenset({429, 503})
OUTAGE = frozenset({"refused", "connect", "resolve", "proxy"})
"""Failures that are the host's, whatever the URL."""
PATIENCE_ELSEWHERE = 60.0
"""Seconds without a useful answer after which another host's requisites are given up."""
OWN_ROBOTS = "own-robots"
"""The rule that keeps out what the site's own robots.txt forbids, where an operator has it obeyed."""
CUT_BY_US = {"not-indexed": "cut short when the crawl was stopped"}


@dataclass(slots=True, frozen=True)
class Decision:
    """What an exchange means for its URL.

    keep: the capture stands for the URL and goes into the index. again: fetch it once more, after `wait`
    seconds. outcome: "captured", "redirect", "missing", "denied", "failed"; why: in words, for failures.
    """

    keep: bool
    again: bool
    outcome: Literal["captured", "redirect", "missing", "denied", "failed"]
    why: str = ""
    wait: float = 0.0


def decide(
    exchange: Exchange, attempt: int, attempts: int, wait: float, conditional: bool = False
) -> Decision:
    """Judge one exchange.

    attempt: 1 for the first; wait: seconds before the second, doubling after. conditional: validators of an
    earlier capture were sent, so that 304 means "still the same".
    """
    last = attempt >= attempts
    later = wait * 2 ** (attempt - 1)
    status = exchange.status
    if exchange.head is None:
        return Decision(False, not last, "failed", f"no HTTP answer: {exchange.why or 'garbage'}", later)
    if status in BUSY:
        # The pace keeps the whole host waiting; the page itself was not seen, so it is not a capture.
        # A busy server is given more chances than a broken page.
        last = attempt >= attempts * 3
        return Decision(False, not last, "failed", f"HTTP {status}: the server asked to wait", 0.0)
    if exchange.truncated == "length":
        return Decision(True, False, "failed", f"cut at our own limit: {exchange.why}")
    if exchange.truncated:
        return Decision(last, not last, "failed", f"cut short: {exchange.why}", later)
    if status >= 500:
        return Decision(last, not last, "failed", f"HTTP {status}", later)
    if status in (401, 402, 403, 407, 451):
        return Decision(True, False, "denied", f"HTTP {status}")
    if status >= 400:
        return Decision(True, False, "missing", f"HTTP {status}")
    if 300 <= status < 400 and status != 304:
        return Decision(True, False, "redirect")
    if status < 200 or (status == 304 and not conditional):
        return Decision(False, False, "failed", f"HTTP {status} was not asked for")
    return Decision(True, False, "captured")


def accepted(decision: Decision, verdict: Accepted, attempt: int, attempts: int, wait: float) -> Decision:
    """The decision once the body was looked at, too; attempt, attempts, wait as for `decide`."""
    match verdict.verdict:
        case "ok":
            return decision
        case "challenge":
            return Decision(False, attempt < attempts, "failed", verdict.why, wait * 2 ** (attempt - 1))
        case outcome:
            return Decision(True, False, outcome, verdict.why)


@dataclass(slots=True)
class Visit:
    """A URL that was fetched and recorded. body: decoded, b"" when no links can be in it.

    page: the same for the software's module; None for what is no capture, or had not changed.
    """

    lease: Lease
    exchange: Exchange
    decision: Decision
    body: bytes = b""
    page: Page | None = None


class Stopped(Exception):
    """The crawl is stopping; the row stays leased and goes back to pending at the next start."""


class Visitor:
    """Visits leases one by one; everything it needs is given to it.

    patience: seconds that the site's own servers may give no useful answer. log: called once a fetch with the
    line for crawl.log. note: called with a sentence for a person. stopping: True once no request may start.
    accept: says whether a page is what was asked for. headers: further ones a URL needs, by its method.
    reads: whether its software wants to see a body of that media type, though it is none of `TEXTS`.
    left_out: told of each URL that is not asked for after all, and why.
    redact: take the cookies out of what the site's own servers answer.
    """

    def __init__(
        self,
        *,
        client: Client,
        recorder: Recorder,
        frontier: Frontier,
        pace: Pace,
        robots: Robots,
        cookies: Jar,
        scope: Callable[[], Scope],
        obey_own: bool,
        attempts: int,
        retry_wait: float,
        patience: float,
        log: Callable[[str], None],
        note: Callable[[str], None],
        stopping: Callable[[], bool],
        now: Callable[[], float],
        accept: Callable[[Page], Accepted],
        headers: Callable[[str, str], tuple[tuple[bytes, bytes], ...]],
        reads: Callable[[str, str], bool],
        left_out: Callable[[str, str], None],
        redact: bool,
    ) -> None:
        self._left_out = left_out
        self._redact = redact
        self._accept = accept
        self._headers = headers
        self._reads = reads
        self._client = client
        self._recorder = recorder
        self._frontier = frontier
        self._pace = pace
        self._robots = robots
        self._cookies = cookies
        self._scope = scope
        self._obey_own = obey_own
        self._attempts = attempts
        self._retry_wait = retry_wait
        self._patience = patience
        self._log = log
        self._note = note
        self._stopping = stopping
        self._now = now

    async def visit(self, lease: Lease) -> Visit | None:
        """Fetch, record and judge one URL.

        Returns None when nothing is to be learnt from it (no answer, robots, to be tried again); the
        frontier knows it by then. Raises Stopped, and OutOfDisk when it could not be recorded.
        """
        own = self._scope().own(lease.url)
        asked = lease.kind != "robots" and (self._obey_own or not own)
        if asked and not await self._robots.allows(lease.url):
            if self._robots.unknown(lease.url):
                self._failed(lease, "robots.txt of that host could not be had", counted=True)
                return None
            if own:
                self._leave_out(lease, OWN_ROBOTS, "robots.txt of the site asks not to, and it is obeyed")
            else:
                self._leave_out(lease, "robots", "robots.txt of that host asks not to")
            return None
        if asked and (delay := self._robots.delay(lease.url)):
            self._pace.at_least(lease.host, delay)
        async with self._pace.turn(lease.host):
            if self._stopping():
                raise Stopped
            validators = self._validators(lease)
            exchange = await self._fetch(lease, validators)
            if exchange is None:
                return None
            try:
                return await self._judge(lease, exchange, bool(validators))
            except BaseException:
                exchange.response.close()
                raise

    async def robots(self, url: str) -> Answer:
        """A robots.txt, recorded like anything else, over as many redirects as RFC 9309 2.3.1.2 asks for."""
        for _ in range(6):
            host = host_of(url)
            async with self._pace.turn(host):
                if self._stopping():
                    raise Stopped
                try:
                    exchange = await self._client.fetch(url)
                except Unreachable as error:
                    if self._stopping():
                        raise Stopped from error
                    if error.kind == "forbidden":
                        # Who may not be connected to has no say; the URL itself is refused for that reason.
                        return 404, b""
                    self._pace.failed(host)
                    return 0, b""
                try:
                    target = await self._keep_robots(url, host, exchange)
                    if target is None:
                        return exchange.status, text(exchange)
                    url = target
                finally:
                    exchange.response.close()
        return 404, b""

    async def _keep_robots(self, url: str, host: str, exchange: Exchange) -> str | None:
        """Record an answer to a question for robots.txt; gives where it redirects to."""
        self._tell_pace(host, exchange)
        cut = bool(self._stopping() and exchange.truncated)
        note = CUT_BY_US if cut else {"not-indexed": "a refusal"} if exchange.status in BUSY else {}
        await self._recorder.record(exchange, row=None, via=None, hops="P", indexed=not note, note=note)
        if cut:
            raise Stopped
        head = exchange.head
        location = head.get(b"location") if head and 300 <= head.status < 400 else None
        return canonical(location.decode("utf-8", "replace"), url) if location else None

    def _tell_pace(self, host: str, exchange: Exchange) -> None:
        head = exchange.head
        retry_after = (head.get(b"retry-after") or b"").decode("latin-1") if head else ""
        self._pace.answered(host, exchange.latency, exchange.status, retry_after or None, datetime.now(UTC))

    def _validators(self, lease: Lease) -> list[tuple[bytes, bytes]]:
        """What makes a server answer 304 for what it gave before; only for what no link can stand in."""
        before = self._recorder.previous(lease.url)
        if before is None or before.mime in TEXTS or before.status != 200:
            return []
        if self._reads(lease.url, before.mime):
            return []
        # One of them, exactly as received: DokuWiki wants every validator sent to be equal, and nginx weakens
        # the ETag of what it compresses (facts: sites, 2.5).
        if before.modified:
            return [(b"If-Modified-Since", before.modified.encode("latin-1"))]
        return [(b"If-None-Match", before.etag.encode("latin-1"))] if before.etag else []

    async def _fetch(self, lease: Lease, headers: list[tuple[bytes, bytes]]) -> Exchange | None:
        if lease.via:
            headers = [*headers, (b"Referer", lease.via.encode("ascii", "replace"))]
        if cookie := self._cookies.header_for(lease.url):
            headers = [*headers, (b"Cookie", cookie)]
        headers = [*headers, *self._headers(lease.url, lease.method)]
        try:
            exchange = await self._client.fetch(
                lease.url, headers=headers, method=lease.method, secret_headers=(b"cookie",)
            )
        except Unreachable as error:
            if self._stopping():
                raise Stopped from error
            why = f"{error.kind}: {error.text}"
            self._log(self.line(lease, 0, 0, 0.0, why))
            if error.kind == "forbidden":
                self._leave_out(lease, "private-address", error.text)
                return None
            self._pace.failed(lease.host)
            outage = error.kind in OUTAGE and self._pace.has_answered(lease.host)
            self._failed(lease, why, counted=not outage)
            return None
        if exchange.head:
            self._cookies.remember(lease.url, exchange.head)
        if self._redact and self._scope().own(lease.url):
            exchange = without_cookies(exchange)
        if self._stopping() and exchange.truncated in ("time", "disconnect"):
            # Cut by ourselves: worth a record, but the row goes back as if it had not been asked.
            await self._recorder.record(
                exchange, row=None, via=lease.via, hops=lease.hops, indexed=False, note=CUT_BY_US
            )
            exchange.response.close()
            raise Stopped
        return exchange

    async def _judge(self, lease: Lease, exchange: Exchange, conditional: bool) -> Visit | None:
        head = exchange.head
        self._tell_pace(lease.host, exchange)
        decision = decide(exchange, lease.attempts + 1, self._attempts, self._retry_wait, conditional)
        if decision.outcome == "redirect" and head is not None and self._wants_cookie(lease, head):
            why = "it redirects to itself with a session id; with its cookie it may not"
            decision = Decision(False, True, "redirect", why)
        page = self._page(lease, exchange) if decision.outcome == "captured" else None
        if page is not None:
            decision = accepted(
                decision, self._accept(page), lease.attempts + 1, self._attempts, self._retry_wait
            )
        # Replay asks with GET: what another method brought would stand in for the page.
        indexed = decision.keep and lease.method == "GET"
        note = {} if indexed else {"not-indexed": decision.why or f"asked with {lease.method}"}
        await self._recorder.record(
            exchange,
            row=lease.row,
            via=lease.via,
            hops=lease.hops,
            indexed=indexed,
            note=note,
            verdict="" if decision.outcome in ("captured", "redirect") else decision.outcome,
        )
        self._log(self.line(lease, exchange.status, exchange.payload_size, exchange.seconds, decision.why))
        if decision.again or decision.outcome == "failed":
            if decision.again:
                self._later(lease, decision.wait, decision.why)
            else:
                self._frontier.failed(lease.row, decision.why)
            exchange.response.close()
            self._lose_patience(lease, decision.why)
            return None
        visit = Visit(lease, exchange, decision, page=page)
        if page is not None:
            visit.body = page.body
        elif decision.keep and head is not None and head.mime in TEXTS and exchange.payload_size:
            visit.body = text(exchange)
        exchange.response.close()
        return visit

    def _page(self, lease: Lease, exchange: Exchange) -> Page | None:
        """What was captured, as the software's module sees it; None for a 304, which has no body to judge."""
        head = exchange.head
        if head is None or head.status == 304:
            return None
        body, whole = b"", True
        if exchange.payload_size:
            if head.mime in TEXTS or head.mime.endswith("+json") or self._reads(lease.url, head.mime):
                body, whole = _text(exchange)
            elif lease.url.endswith(".xml.gz"):  # a sitemap
                packed, whole = _text(exchange)
                body = unpacked(packed, BODY_LIMIT)
                whole = whole and len(body) < BODY_LIMIT
        size = exchange.payload_size
        return Page(lease.url, head.status, head.mime, body, exchange.began, head.headers, size, whole)

    def _wants_cookie(self, lease: Lease, head: Head) -> bool:
        """Whether this redirect only hangs a session id on the URL, and cookies were not tried yet."""
        location = (head.get(b"location") or b"").decode("utf-8", "replace")
        target, session = without_session(canonical(location, lease.url) or "")
        if not (session and target == lease.url and self._cookies.enable(lease.url)):
            return False
        self._cookies.remember(lease.url, head)
        return True

    def _leave_out(self, lease: Lease, rule: str, reason: str) -> None:
        """A rule that could only be looked up now keeps the URL out."""
        self._frontier.skipped(lease.row, rule, reason)
        self._left_out(lease.url, reason)

    def _failed(self, lease: Lease, why: str, *, counted: bool) -> None:
        """No answer came."""
        if counted and lease.attempts + 1 >= self._attempts:
            self._frontier.failed(lease.row, why)
        else:
            self._later(lease, self._retry_wait * 2**lease.attempts, why, counted=counted)
        self._lose_patience(lease, why)

    def _lose_patience(self, lease: Lease, why: str) -> None:
        """A host that gives no useful answer for long is left alone; when it is the site's own, all ends."""
        silence = self._pace.silence(lease.host)
        if self._scope().own(lease.url):
            if silence >= self._patience:
                raise RemoteError(
                    f"{lease.host} does not answer any more",
                    what=f"nothing but failures or refusals for {silence:.0f} s, the last: {why}",
                    where=lease.url,
                )
        elif silence >= min(self._patience, PATIENCE_ELSEWHERE):
            count = self._frontier.give_up(lease.host, why)
            self._log(f"# {lease.host} does not answer: {count} waiting URLs of it are given up")

    def _later(self, lease: Lease, wait: float, why: str, *, counted: bool = True) -> None:
        """Ask again in `wait` seconds at the earliest; of a seed a person is told: it may be mistyped."""
        self._frontier.retry(lease.row, self._now() + wait, why, counted=counted)
        if lease.kind == "seed" and not lease.attempts:
            self._note(f"{lease.url}: {why}; it is asked again for some minutes before it is given up")

    def line(self, lease: Lease, status: int, size: int, seconds: float, note: str) -> str:
        """One line of crawl.log: time, status, payload bytes, milliseconds, kind, hops, URL, note."""
        when = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="milliseconds")
        text = f"{when[:23]}Z {status:3d} {size} {seconds * 1000:.0f}ms {lease.kind} {lease.hops or '-'}"
        return f"{text} {lease.url}" + (f" # {note}" if note else "")


def unpacked(body: bytes, limit: int) -> bytes:
    """The content of a gzip file, at most `limit` bytes of it; b"" when it is none."""
    try:
        return zlib.decompressobj(31).decompress(body, limit)
    except zlib.error:
        return b""


def text(exchange: Exchange) -> bytes:
    """The body without transfer and content coding, cut at BODY_LIMIT; b"" without a head."""
    return _text(exchange)[0]


def _text(exchange: Exchange) -> tuple[bytes, bool]:
    """The same, and whether nothing was cut off."""
    head = exchange.head
    if head is None:
        return b"", True
    # What is no whole gzip is as long as the site made it: only our own cut counts.
    found, whole = decoded(head, payload(head, body(exchange.response, head)), BODY_LIMIT)
    return found, whole or len(found) < BODY_LIMIT
