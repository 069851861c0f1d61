"""One crawl of one site: open a snapshot → visit → seal, or leave it open → report."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import math
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast
from urllib.parse import urlsplit

from crawler import __version__, accept, database, ending, pages
from crawler.agent import user_agent
from crawler.busy import Busy
from crawler.canonical import canonical
from crawler.capture.client import Client, Limits
from crawler.capture.cookies import Jar
from crawler.closing import another_round
from crawler.config import Archive, Site
from crawler.earlier import trusted
from crawler.engine.pace import Pace
from crawler.feeding import Feeding
from crawler.frontier import Frontier, Lease, Link, host_of
from crawler.inventory import Inventory
from crawler.keeper import keep, room_left
from crawler.learn import Learner
from crawler.login import Login
from crawler.member import Member
from crawler.outcome import Outcome, Progress
from crawler.plant import plant
from crawler.recorder import Recorder
from crawler.robots import Robots
from crawler.scope import Scope
from crawler.software import Accepted, Page
from crawler.visit import Stopped, Visit, Visitor
from storage import seal
from storage.errors import Failure, Interrupted
from storage.files import room_for
from storage.manifest import Manifest
from storage.snapshot import Snapshot

logger = logging.getLogger("jukni.crawl")

SHORT = 0.2  # seconds a stop may have to wait
_USUAL_DELAY = next(field.default for field in dataclasses.fields(Site) if field.name == "delay")
GRACE = 10.0  # seconds that running transfers get after a stop


class Crawl:
    """Everything one crawl is made of; opened by `open_crawl`, driven by Scrapy.

    The path of a URL is `lease` → `visit` → `learn` → `learnt`; `close` seals when nothing is left.
    fetched: exchanges of this run that were learnt from. expected: the family of software that should be
    found, "" for any. lock: what is given back when the crawl is closed.
    again: the command that goes on with it. on_stop: called once, when no new request will start any more.
    """

    def __init__(
        self,
        site: Site,
        archive: Archive,
        snapshot: Snapshot,
        previous: Snapshot | None,
        *,
        label: str | None,
        again: str,
        proxies: Mapping[str, str],
        environment: Mapping[str, str],
        others: Mapping[str, Sequence[str]],
        fed: Sequence[str],
    ) -> None:
        self.site = site
        self.lock = contextlib.ExitStack()
        self.outcome = Outcome(snapshot)
        self.fetched = 0
        self.expected = ""
        self._entered = False
        self._began = time.monotonic()
        self._host = host_of(canonical(site.urls[0]) or site.urls[0])
        self._archive = archive
        self._snapshot = snapshot
        self._label = label
        self._again = again
        self._stop: str | None = None
        self._stopped = asyncio.Event()
        self.on_stop: Callable[[], object] = lambda: None
        self._keeper: asyncio.Task[None] | None = None
        self._db = database.open(snapshot.database)
        pages.create(self._db)
        self._log = snapshot.open_log.open("a", encoding="utf-8")
        self.frontier = Frontier(self._db)
        self._agent = user_agent(archive.operator)
        self.recorder = Recorder(
            self._db,
            snapshot.warcs,
            f"{site.name}-{snapshot.name}",
            self._info(),
            max_size=archive.warc_size,
        )
        cookies = Jar()
        usual = site.delay == _USUAL_DELAY
        self.pace = Pace(delay=site.delay, concurrency=site.concurrency, sleep=self._sleep)
        self._busy = Busy(self.pace, site.concurrency)
        scope = self._resume(previous)
        self._feeding = Feeding(self._db, others)
        self._learner = Learner(
            db=self._db,
            frontier=self.frontier,
            cookies=cookies,
            scope=scope,
            inventory=Inventory(self._db),
            feeding=self._feeding,
            note=self._remark,
            # What a software's own limits ask for; an operator who set a delay knows better.
            slow=lambda url, seconds: self.pace.at_least(host_of(url), seconds if usual else 0.0),
        )
        plant(self.frontier, self._learner, fed)
        database.commit(self._db)
        self._client = Client(
            user_agent=self._agent,
            limits=Limits(connect=site.connect_timeout, read=site.read_timeout, size=site.max_file),
            spool_dir=snapshot.folder,
            may_connect=lambda host, port, ip: self.scope.may_connect(host, port, ip),
            proxies=proxies,
        )
        self._visitor = Visitor(
            client=self._client,
            recorder=self.recorder,
            frontier=self.frontier,
            pace=self.pace,
            robots=Robots(lambda url: self._visitor.robots(url), "jukni"),
            cookies=cookies,
            scope=lambda: self.scope,
            obey_own=site.robots == "obey",
            attempts=site.attempts,
            retry_wait=site.retry_wait,
            patience=site.patience,
            log=self._write_log,
            note=self._remark,
            stopping=lambda: self._stop is not None,
            now=time.time,
            accept=self._accept,
            headers=self._learner.headers,
            left_out=self._learner.left_out,
            redact=site.member,
            reads=self._learner.reads,
        )

        login = Login(
            site,
            client=self._client,
            cookies=cookies,
            own=self.scope.own,
            environment=environment,
            turn=self.pace.turn,
        )
        self._member = Member(login if site.member else None, self._db, self.frontier)

    def _info(self) -> dict[str, str]:
        info = {
            "software": f"Jukni/{__version__}",
            "isPartOf": str(self._snapshot),
            "http-header-user-agent": self._agent,
            "robots": "fetched for the site itself, obeyed elsewhere"
            if self.site.robots == "own"
            else "obeyed",
        }
        return info | ({"operator": self._archive.operator} if self._archive.operator else {})

    def _resume(self, previous: Snapshot | None) -> Scope:
        """Bring WARC and frontier to one state, and begin where the last run stopped."""
        lost = self.frontier.reopen(self.recorder.recover())
        Inventory(self._db).unlearn(lost)
        pages.remove(self._db, lost.values())
        self.frontier.reset_leases()
        self.frontier.reopen_failed()
        seeds = tuple(url for url in map(canonical, self.site.urls) if url)
        scope = Scope(
            seeds,
            include=self.site.include,
            exclude=self.site.exclude,
            also_private=self.site.also_private,
        )
        if self.frontier.fact("began") is None:
            if previous is not None:
                self.recorder.load_originals(trusted(previous))
                self.frontier.set_fact("previous", previous.name)
            self.frontier.set_fact("began", datetime.now(UTC).isoformat())
            self.frontier.set_fact("label", self._label)
            robots = sorted({_origin(url) + "/robots.txt" for url in seeds})
            self.frontier.add([Link(url, "robots") for url in robots], hops="P")
        for before, after in cast("list[list[str]]", self.frontier.fact("moved") or []):
            scope, _ = scope.with_redirect(before, after)
        return scope

    async def enter(self) -> None:
        """Before the first request of a run: log in where the site is crawled as a member."""
        try:
            if not self._entered:
                await self._member.enter()
        except Failure as failure:
            self.fail(failure)
        self._entered = True

    async def leave(self) -> None:
        """After the last: were we still logged in?"""
        try:
            if self._stop is None:
                await self._member.look(now=True)
        except Failure as failure:
            self.fail(failure)

    # --- the path of a URL

    @property
    def scope(self) -> Scope:
        """As it is by now: a redirected seed moves it."""
        return self._learner.scope

    @property
    def stopping(self) -> bool:
        """True once no new request will start."""
        return self._stop is not None

    def pending(self) -> bool:
        """Whether anything is left that may be fetched in this run."""
        if self._stop is not None or self._at_limit():
            return False
        if self.frontier.pending():
            return True
        # What is under way may still lead on.
        return not self.frontier.counts()["leased"] and self._close_round()

    def _close_round(self) -> bool:
        try:
            more = another_round(self.frontier, self._learner, self.site.attempts, self._unasked)
            self.commit()
        except Failure as failure:
            self.fail(failure)
        except Exception as error:  # noqa: BLE001  Scrapy asks for this in places that would swallow it
            self.crash(error)
        else:
            return more
        return False

    def _unasked(self, base: str, error: Exception) -> None:
        """A module's error at the end: the verdict knows of it, and the exit code."""
        self.outcome.bugs.append(f"{base}: {type(error).__name__}: {error}")
        logger.error("a bug of ours at the end of %s", base, exc_info=error)
        self.frontier.set_fact("unasked", base)

    def lease(self) -> Lease | None:
        """The next URL to visit; None when there is none at the moment."""
        if self._stop is not None or self._at_limit() or not self._entered:
            return None
        if self._keeper is None:
            self._keeper = asyncio.get_running_loop().create_task(self._keep())
        self._busy.rest = math.inf
        lease = self.frontier.lease(self._busy)
        if lease is not None:
            self._busy.take(lease.host)
        return lease

    def rest(self) -> float:
        """Seconds until a pause or the wait of a URL ends, after there was no lease; infinite without one."""
        due = self.frontier.next_due()
        return self._busy.rest if due is None else min(self._busy.rest, max(0.0, due - time.time()))

    def _accept(self, page: Page) -> Accepted:
        found = accept.accept(page)
        return found if found.verdict != "ok" else self._learner.accept(page)

    async def visit(self, lease: Lease) -> Visit | None:
        """See `Visitor.visit`."""
        await self._member.look()
        return await self._visitor.visit(lease)

    def learn(self, visit: Visit) -> None:
        """See `Learner.learn`."""
        self._learner.learn(visit)

    def follow(self, urls: list[str], *, via: str | None) -> int:
        """URLs a spider found by itself, judged like links; returns how many were new and ours."""
        return self._learner.follow(urls, via=via)

    def learnt(self, visit: Visit) -> None:
        """The callback has taken what it wanted: capture, links and the row's end, in one commit."""
        decision = visit.decision
        if unread := self._learner.unread(visit):
            self.frontier.failed(visit.lease.row, unread, visit.exchange.status)
        else:
            self.frontier.done(visit.lease.row, decision.outcome, visit.exchange.status, decision.why or None)
        self.fetched += 1
        self._member.learnt(visit.lease.row)
        self.commit()

    def commit(self) -> None:
        """What was done since the last commit outlives SIGKILL from here.

        OutOfDisk when it cannot; the crawl's failure when it has one: SQLite may then have dropped a part of
        what belongs together, so nothing is kept any more.
        """
        if self.outcome.failure is not None:
            raise self.outcome.failure
        database.commit(self._db)

    def settled(self, lease: Lease) -> None:
        """Nothing more comes of this lease, so its host has a place again. Said once of every lease."""
        self._busy.free(lease.host)

    def progress(self) -> Progress:
        """How far it is; see `storage.report.Progress`."""
        counts = self.frontier.counts()
        return Progress(
            fetched=self.fetched,
            done=counts["done"],
            known=counts["done"] + counts["failed"] + counts["pending"] + counts["leased"],
            bytes=self.recorder.size(),
            gaps=counts["failed"],
            delay=self.pace.delay(self._host),
            paused=self.pace.paused(self._host),
            seconds=time.monotonic() - self._began,
        )

    # --- ending

    def stop(self, why: str) -> None:
        """No new request; running ones get GRACE seconds, then they are cut, and recorded as cut."""
        if self._stop is None:
            self._stop = why
            self._stopped.set()
            self.on_stop()
            asyncio.get_running_loop().call_later(GRACE, self._client.abort_all)

    def fail(self, failure: Failure) -> None:
        """End the crawl by itself, at once: nothing may be fetched that cannot be kept."""
        if self.outcome.failure is None:
            if self._keeper is not None:
                self._keeper.cancel()
            with contextlib.suppress(Failure):
                self._db.rollback()
            self.outcome.failure = ending.worded(failure, self._snapshot, self._db, self._again)
        self.stop(failure.risk)
        self._client.abort_all()

    def crash(self, error: Exception) -> None:
        """End the crawl because of an error of ours that concerns more than one URL."""
        logger.error("a bug of ours", exc_info=error)
        self.outcome.crash = self.outcome.crash or error
        self.stop("stopped by a bug in Jukni")

    def bug(self, lease: Lease, error: Exception) -> None:
        """One URL met an error of ours: a gap, and the exit code says so; the crawl goes on."""
        if self.outcome.failure is not None:
            return  # what goes wrong after that is its consequence
        self.outcome.bugs.append(f"{lease.url}: {type(error).__name__}: {error}")
        logger.error("a bug of ours at %s", lease.url, exc_info=error)
        self._learner.forget()
        try:
            self.frontier.failed(lease.row, f"our bug: {type(error).__name__}: {error}")
            self.commit()
        except Failure as worse:
            self.fail(worse)

    async def disconnect(self) -> None:
        """Close what is connected."""
        await self._client.close()

    def close(self, reason: str) -> None:
        """Called when nothing is under way any more: seal, or leave the snapshot open and say why."""
        if self._keeper is not None:
            self._keeper.cancel()
        try:
            self._end(reason)
        except Failure as failure:
            self.fail(failure)
        except Exception as error:
            # Scrapy logs what happens here and goes on to end with 0.
            self.outcome.crash = error
            raise
        finally:
            with contextlib.suppress(OSError):
                self._log.close()
            with contextlib.suppress(sqlite3.Error, Failure):
                self._db.close()
            if self.outcome.manifest is not None:
                self._snapshot.tidy()
            self.lock.close()

    def _end(self, reason: str) -> None:
        if self.outcome.failure is not None or self.outcome.crash is not None:
            self._save_quietly()
            return
        self._save()
        if self._stop is not None or reason not in ("finished", ""):
            self.outcome.failure = Interrupted(
                f"{self._snapshot} is not finished",
                what=self._stop or f"the crawl was ended: {reason}",
                where=str(self._snapshot.folder),
                kept=f"{self._done()} URLs are captured; the crawl goes on where it stopped",
                next=(self._again,),
            )
            return
        self._leave_the_rest()
        if self.expected and all(one.family != self.expected for one in self._learner.installations):
            self._remark(f"no {self.expected} software was recognised: it was mirrored like any site")
        report = ending.report(
            self.frontier, self._learner, self.recorder, self._feeding, self._snapshot.warcs, self._again
        )
        if not self.frontier.has_pages():
            self.outcome.failure = ending.nothing(self.site, report, self.outcome.notes, self._again)
            return
        self.outcome.manifest = self._seal(report)

    def _seal(self, report: dict[str, Any]) -> Manifest:
        self.recorder.finish()
        self._log.flush()
        database.commit(self._db)
        self.outcome.coverage = report
        return seal.seal(
            self._snapshot,
            ending.about(self.frontier, self.site, report),
            now=datetime.now(UTC),
            own=self.recorder.own_files(),
            view=self.recorder.lines(),
            pages=pages.lines(self._db),
            coverage=report | {"notes": self.outcome.notes},
        )

    # --- within

    def _save(self) -> None:
        self.recorder.sync()
        database.checkpoint(self._db)
        with room_for(self._snapshot.open_log):
            self._log.flush()

    def _save_quietly(self) -> None:
        """After a failure: what was committed is brought to disk if it can; the failure is told already."""
        with contextlib.suppress(Failure):
            self._db.rollback()
            self._save()

    async def _keep(self) -> None:
        """Beside the crawl: what is recorded to the disk, and a look at the room left there."""
        try:
            await keep(self._save, partial(room_left, self._snapshot.folder, self._archive.min_free))
        except Failure as failure:
            self.fail(failure)
        except Exception as error:  # noqa: BLE001  a task's exception would be seen by nobody
            self.crash(error)

    async def _sleep(self, seconds: float) -> None:
        """The pace's waiting: ends early, with Stopped, when the crawl stops."""
        if seconds < SHORT:
            await asyncio.sleep(seconds)  # waiting for two things costs more, and a fast crawl does it often
        else:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), seconds)
        if self._stop is not None:
            raise Stopped

    def _done(self) -> int:
        return self.frontier.counts()["done"]

    def _at_limit(self) -> bool:
        return bool(self.site.limit) and self._done() >= (self.site.limit or 0)

    def _leave_the_rest(self) -> None:
        """What the limit kept out is skipped by that rule, so that coverage.json says so."""
        if self._at_limit():
            reason = f"the limit of {self.site.limit} fetched URLs was reached"
            if count := self.frontier.skip_pattern(lambda url: True, "limit", reason):
                self._remark(f"{reason}; {count} known URLs were left")

    def _remark(self, sentence: str) -> None:
        self.outcome.notes.append(sentence)
        logger.info("%s", sentence)
        self._write_log(f"# {sentence}")

    def _write_log(self, line: str) -> None:
        with room_for(self._snapshot.open_log):
            self._log.write(line + "\n")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
