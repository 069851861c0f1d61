"""The conversation with Save Page Now: one request at a time, as gently as the service asks for.

What is under way at once are their jobs. Every step is in the ledger before the next one is taken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from storage.archive_org import answers
from storage.archive_org.answers import Answer
from storage.archive_org.client import Client, NoAnswer
from storage.archive_org.ledger import Entry, Ledger
from storage.archive_org.queue import Ask, Rules
from storage.cdxj import surt
from storage.errors import Failure, RemoteError
from storage.manifest import time_text

JOB_KEPT = timedelta(minutes=55)
"""So long a job's end can be asked for; they say about an hour."""
TOMORROW = timedelta(hours=20)
"""After "not today": whose midnight counts is not said, and nights do not begin at the same minute."""
_ATTEMPTS = 3  # times a URL is asked for before it rests
_REST = timedelta(days=7)
_AGAIN = 60.0  # seconds before a URL is asked for once more, doubled each time
_PAUSE = 60.0  # seconds after a 429 that says nothing, doubled each time
_SICK = 5  # bad answers one after the other that end the run
_USER_EVERY = 60.0  # seconds between two looks at what the account may do


@dataclass(frozen=True, slots=True)
class Order:
    """One URL to ask for, and where to write down what becomes of it. not_before: None for at once."""

    site: str
    ledger: Ledger
    ask: Ask
    not_before: datetime | None = None


class _Stop(Exception):
    """Nothing more is asked for in this run; failure and notes say why."""


class Asking:
    """All asking of one run. After `all`: handed (ledger site → URLs that were taken, or may have been),

    failure (what kept it from its end, None when nothing did) and notes (sentences for a person).
    """

    def __init__(
        self,
        client: Client,
        rules: Rules,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
        say: Callable[[str], None],
    ) -> None:
        self.handed: dict[str, int] = {}
        self.failure: Failure | None = None
        self.notes: list[str] = []
        self._client = client
        self._rules = rules
        self._now = now
        self._sleep = sleep
        self._say = say
        self._waiting: deque[Order] = deque()
        self._jobs: deque[tuple[Ledger, Entry]] = deque()
        self._hosts: set[str] = set()
        self._room = 0
        self._pauses = self._bad = self._blind = 0
        begun = now()
        self._polled = self._asked = self._paused = self._looked = begun - timedelta(days=1)
        self._end = begun + timedelta(seconds=rules.patience)

    def all(self, orders: Sequence[Order], ledgers: Sequence[Ledger]) -> None:
        """Ask for all of them, and follow the jobs, as long as the service lets us.

        ledgers: of all sites; jobs of a run that was killed are taken up again.
        """
        for ledger in ledgers:
            self._take_up(ledger)
        self._waiting.extend(orders)
        try:
            while self._waiting or self._jobs:
                self._step()
        except _Stop:
            self._follow()

    def _take_up(self, ledger: Ledger) -> None:
        """Their jobs are followed; what was just being sent is unsure."""
        for entry in ledger:
            if entry.state == "pending":
                self._jobs.append((ledger, entry))
            elif entry.state == "asking":
                ledger.change(entry, state="unsure", job="", why="the run that asked was stopped")

    def _step(self) -> None:
        """Whatever is due now; else sleep until something is."""
        now = self._now()
        due = []
        if self._jobs:
            poll = self._polled + timedelta(seconds=self._rules.poll)
            if now >= poll:
                self._poll()
                return
            due.append(poll)
        if self._waiting:
            look = max(self._paused, self._looked + timedelta(seconds=_USER_EVERY))
            if now >= look:
                self._look(now)
                return
            due.append(look)
            if len(self._jobs) < min(self._rules.concurrency, self._room):
                free = max(self._paused, self._asked + timedelta(seconds=60 / self._rules.per_minute))
                free = max(free, self._waiting[0].not_before or free)
                if now >= free:
                    self._one()
                    return
                due.append(free)
        elif now >= self._end:
            raise _Stop
        self._sleep(max(0.01, (min(due) - now).total_seconds()))

    def _follow(self) -> None:
        """After a stop the jobs under way still get their time; the next run takes up what is left then."""
        while self._jobs and self._now() < self._end:
            self._sleep(self._rules.poll)
            try:
                self._poll()
            except _Stop:
                return

    def _one(self) -> None:
        """Ask for the first one that waits."""
        order = self._waiting.popleft()
        page, ledger = order.ask.page, order.ledger
        if _host(page.url) in self._hosts:
            return
        before = ledger.get(page.url) or Entry(url=page.url, state="later")
        now = self._asked = self._now()
        self._end = now + timedelta(seconds=self._rules.patience)
        entry = ledger.put(
            Entry(
                url=page.url,
                state="asking",
                digest=page.digest,
                asked=time_text(now),
                tries=before.tries + 1,
            )
        )
        self._say(f"{order.site}: asking for {page.url} ({order.ask.why})")
        try:
            answer = answers.asked(self._client.save(page.url, self._rules.not_within), now)
        except NoAnswer as error:
            answer = Answer(kind="unsure" if error.sent else "down", why=error.text)
        match answer.kind:
            case "taken":
                entry = ledger.change(entry, state="pending", job=answer.job, why=answer.why)
                if answer.wait <= self._rules.patience:
                    self._jobs.append((ledger, entry))
            case "unsure":
                ledger.change(entry, state="unsure", why=answer.why)
            case "later" | "tomorrow" | "never":
                self._refused(ledger, entry, answer)
                if answer.kind == "later" and entry.tries < _ATTEMPTS:
                    again = now + timedelta(seconds=_AGAIN * 2 ** (entry.tries - 1))
                    self._waiting.append(Order(order.site, ledger, order.ask, again))
            case _:
                ledger.put(before)
                self._waiting.appendleft(order)
        if answer.kind in ("taken", "unsure"):
            self.handed[order.site] = self.handed.get(order.site, 0) + 1
        self._heed(answer)

    def _refused(self, ledger: Ledger, entry: Entry, answer: Answer) -> None:
        """They will not have this URL, not now or not at all. It may turn out archived all the same."""
        if answer.kind == "never":
            ledger.change(entry, state="never", job="", why=answer.why)
            return
        rest, tries = timedelta(0), entry.tries
        if answer.kind == "tomorrow":
            rest = TOMORROW
        elif tries >= _ATTEMPTS:
            rest, tries = _REST, 0
        until = time_text(self._now() + rest)
        ledger.change(entry, state="later", job="", until=until, tries=tries, why=answer.why)
        if answer.host and (host := _host(entry.url)) not in self._hosts:
            self._hosts.add(host)
            self.notes.append(f"nothing more of {host} today: {answer.why}")

    def _heed(self, answer: Answer) -> None:
        """What an answer means for everything else."""
        match answer.kind:
            case "taken":
                self._pauses = self._bad = 0
                if answer.wait > self._rules.patience:
                    self._stop(f"archive.org is overloaded, the rest waits: {answer.why}")
            case "pause":
                self._pauses += 1
                self._pause(answer.wait or _PAUSE * 2 ** (self._pauses - 1))
                if self._pauses >= _SICK or self._paused > self._end:
                    self._fail(answer)
            case "enough":
                self._stop(f"done for today, the rest waits: {answer.why}")
            case "keys" | "blocked":
                self._fail(answer)
            case "unsure" | "down":
                self._bad += 1
                self._pause(_PAUSE * 2 ** (self._bad - 1))
                if self._bad >= _SICK:
                    self._fail(answer)

    def _look(self, now: datetime) -> None:
        """Ask what the account may do now, and how the service is."""
        self._looked = now
        try:
            found = answers.user(self._client.user(f"{now.timestamp():.0f}"))
        except NoAnswer as error:
            found = Answer(kind="down", why=error.text)
        if isinstance(found, Answer):
            self._room = 0
            self._blind += 1
            if found.kind == "keys":
                self._heed(found)
            if self._blind >= _SICK:
                self._fail(found)
            return
        self._blind = 0
        self._room = found.available + len(self._jobs)
        if found.left == 0:
            self._stop("done for today, the rest waits: the account's captures of today are used up")
        try:
            words = answers.system(self._client.system())
        except NoAnswer as error:
            words = error.text
        if words:
            self._room = min(self._room, 1)  # one job at a time is enough for a service in trouble
            note = f"archive.org says: {words}"
            if note not in self.notes:
                self.notes.append(note)

    def _poll(self) -> None:
        """Look once at every job under way."""
        now = self._polled = self._now()
        for _ in range(len(self._jobs)):
            ledger, entry = self._jobs.popleft()
            try:
                answer = answers.job(self._client.job(entry.job))
            except NoAnswer:
                answer = Answer(kind="pending")
            match answer.kind:
                case "pending":
                    if entry.asked_at and now < entry.asked_at + JOB_KEPT:
                        self._jobs.append((ledger, entry))
                case "done" if _elsewhere(entry.url, answer.original):
                    why = f"archive.org was led to {answer.original}"
                    ledger.change(entry, state="never", job="", why=why)
                case "done":
                    ledger.change(
                        entry, state="claimed", timestamp=answer.timestamp, original=answer.original, job=""
                    )
                case "later" | "tomorrow" | "never":
                    self._refused(ledger, entry, answer)
                case "keys":
                    self._heed(answer)  # the job goes on; the next run asks about it
                case "enough" | "blocked":
                    until = time_text(now + TOMORROW)
                    ledger.change(entry, state="later", job="", until=until, why=answer.why)
                    self._heed(answer)
                case _:
                    ledger.change(entry, state="unsure", job="", why=answer.why)

    def _pause(self, seconds: float) -> None:
        self._paused = self._now() + timedelta(seconds=seconds)

    def _stop(self, note: str) -> None:
        self.notes.append(note)
        raise _Stop

    def _fail(self, answer: Answer) -> None:
        cause = (
            "does not take the keys"
            if answer.kind == "keys"
            else "does not serve this machine"
            if answer.kind == "blocked"
            else "lets nothing more through for now"
            if answer.kind == "pause"
            else "does not answer as it should"
        )
        self.failure = RemoteError(
            f"archive.org {cause}",
            what=answer.why or "it gave no reason",
            where=self._client.addresses.save,
            kept="what was handed over is in the ledger and is not asked for twice; the rest waits",
            next=("jukni doctor", "jukni submit"),
        )
        raise _Stop


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _elsewhere(url: str, original: str) -> bool:
    """Was another page captured than the one asked for?"""
    try:
        return bool(original) and surt(original) != surt(url)
    except ValueError:
        return True
