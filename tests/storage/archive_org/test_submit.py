"""Submitting: what is asked, what is believed, and how gently; against the stand-in with its failures."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from storage.archive_org.queue import Rules
from storage.archive_org.receipts import RECEIPTS, SUMMARY, read
from storage.errors import RemoteError, UsageError
from tests.sites.archive_org import ACCESS, SECRET
from tests.storage.archive_org.conftest import PAGES, SITE, Desk


def receipts(desk: Desk) -> dict[str, dict[str, object]]:
    lines = (desk.proofs / RECEIPTS).read_text("utf-8").splitlines()
    return {one["url"]: one for one in map(json.loads, lines)}


def test_all_pages_are_handed_over_and_seen_there(desk: Desk) -> None:
    desk.crawl()
    done = desk.submit()
    assert done.failure is None
    assert [url for _, url in desk.service.asks] == PAGES
    assert {desk.entry(url).state for url in PAGES} == {"confirmed"}
    (summary,) = done.summaries
    assert (summary.pages, summary.there, summary.asked, summary.left, summary.waiting) == (6, 6, 6, 0, 0)
    assert read(desk.proofs) == replace(summary, at=summary.at.replace(microsecond=0))
    assert set(receipts(desk)) == set(PAGES)
    for url, receipt in receipts(desk).items():
        assert str(receipt["capture"]).startswith(f"{desk.service.web_url}/20261122")
        assert str(receipt["capture"]).endswith(f"/{url}")
        assert receipt["seen"] == "index" and receipt["same"] is False


def test_pace_and_number_of_jobs_stay_below_the_limits(desk: Desk) -> None:
    desk.rules = Rules(per_minute=5, concurrency=2)
    desk.service.scripts = dict.fromkeys(PAGES, "pending3, success")
    desk.crawl({f"{SITE}/page-{n}": b"<title>p</title>%d" % n for n in range(30)})
    desk.submit()
    assert len(desk.service.asks) == 30
    assert desk.service.most_active <= 2
    assert 1 < desk.service.most_in_a_minute <= 5
    assert desk.service.turned_away == 0
    assert len(desk.service.requests) < 30 * 5


def test_the_pace_is_kept_when_jobs_are_quick(desk: Desk) -> None:
    desk.rules = Rules(per_minute=5, concurrency=20, poll=1)
    desk.service.per_minute = 5
    desk.crawl({f"{SITE}/page-{n}": b"<title>p</title>%d" % n for n in range(12)})
    desk.service.scripts = {f"{SITE}/page-{n}": "success" for n in range(12)}
    desk.submit()
    assert (desk.service.most_in_a_minute, desk.service.turned_away) == (5, 0)
    assert len(desk.service.asks) == 12


def test_tomorrow_is_tomorrow_wherever_their_midnight_is(desk: Desk) -> None:
    desk.service.scripts[PAGES[1]] = "refuse:too-many-daily-captures; success"
    desk.crawl()
    for hours, asked in ((0, 1), (19, 1), (2, 2)):
        desk.clock.now += timedelta(hours=hours)
        desk.submit()
        assert desk.service.times_asked(PAGES[1]) == asked


def test_what_never_works_rests_for_a_week(desk: Desk) -> None:
    desk.service.scripts[PAGES[1]] = "refuse:no-captures"
    desk.crawl()
    for days, asked in ((0, 3), (6, 3), (2, 6)):
        desk.clock.now += timedelta(days=days)
        desk.submit()
        assert desk.service.times_asked(PAGES[1]) == asked


def test_a_second_run_asks_nothing(desk: Desk) -> None:
    desk.crawl()
    desk.submit()
    before = len(desk.service.asks)
    for days in (0, 1, 30):
        desk.clock.now += timedelta(days=days)
        assert desk.submit().summaries[0].asked == 0
    assert len(desk.service.asks) == before


def test_what_is_there_with_our_payload_is_never_asked_for(desk: Desk) -> None:
    desk.crawl()
    latest = desk.archive.collection.latest()
    assert latest is not None
    lines = desk.archive.view
    old = desk.clock.now - timedelta(days=900)
    desk.service.has(PAGES[1].replace("https:", "http:"), old, lines[PAGES[1]].digest)
    desk.service.has(PAGES[2], old)
    done = desk.submit()
    assert PAGES[1] not in {url for _, url in desk.service.asks}
    assert desk.service.times_asked(PAGES[2]) == 1
    assert receipts(desk)[PAGES[1]]["same"] is True
    assert (done.summaries[0].same, done.summaries[0].old) == (1, 1)
    assert "6 of 6 pages are on archive.org, 1 older than a year" in done.summaries[0].sentence()


def test_a_night_is_counted_over_several_runs(desk: Desk) -> None:
    desk.rules = Rules(a_night=4)
    desk.crawl()
    first = desk.submit(most=3).summaries[0]
    assert (first.asked, first.left, first.nights) == (3, 3, 1)
    assert first.sentence().endswith("; 4 a night, done in 1 night")
    assert desk.submit().summaries[0].asked == 1
    assert desk.submit().summaries[0].asked == 0
    desk.clock.now += timedelta(days=1)
    assert desk.submit().summaries[0].asked == 2
    assert [url for _, url in desk.service.asks] == PAGES


@pytest.mark.parametrize(
    ("script", "state", "asked"),
    [
        ("502", "unsure", 1),
        ("empty", "unsure", 1),
        ("html", "unsure", 1),
        ("cut", "unsure", 1),
        ("502archived", "confirmed", 1),
        ("cutarchived", "confirmed", 1),
        ("429; success", "confirmed", 2),
        ("429:90; success", "confirmed", 2),
        ("refuse:user-session-limit; success", "confirmed", 2),
        ("refuse:no-browsers-available; success", "confirmed", 2),
        ("400; success", "confirmed", 2),
        ("say:Crawling this host is paused; success", "confirmed", 2),
        ("refuse:something-new; success", "confirmed", 2),
        ("refuse:too-many-daily-captures", "later", 1),
        ("refuse:blocked-url", "never", 1),
        ("refuse:no-captures", "later", 3),
        ("pending2, error:not-found", "never", 1),
        ("pending1, error:browsing-timeout", "later", 1),
        ("pending1, archived:browsing-timeout", "confirmed", 1),
        ("archived:blocked-url", "confirmed", 1),
        ("pending1, forgotten", "unsure", 1),
        ("lost", "claimed", 1),
        ("late", "claimed", 1),
        ("led:https://forum.exemple.org/connexion", "never", 1),
        ("pending999, success", "pending", 1),
    ],
)
def test_every_answer_of_one_url(desk: Desk, script: str, state: str, asked: int) -> None:
    """The others are handed over all the same, and nothing that may have been taken is asked for again."""
    desk.rules = Rules(concurrency=1)
    desk.service.scripts[PAGES[2]] = script
    desk.crawl()
    done = desk.submit()
    assert desk.entry(PAGES[2]).state == state
    assert desk.service.times_asked(PAGES[2]) == asked
    assert {desk.service.times_asked(url) for url in PAGES if url != PAGES[2]} == {1}
    assert done.failure is None
    assert (PAGES[2] in receipts(desk)) == (state == "confirmed")
    desk.submit()
    again = asked + (state == "later" and asked < 3 and "daily" not in script)
    assert desk.service.times_asked(PAGES[2]) == again


def test_a_pause_is_kept(desk: Desk) -> None:
    desk.service.scripts[PAGES[1]] = "429:300; success"
    desk.crawl()
    desk.submit()
    times = [at for at, _ in desk.service.asks]
    assert times[2] - times[1] >= timedelta(seconds=300)


def test_one_who_is_always_turned_away_stops(desk: Desk) -> None:
    desk.service.scripts = dict.fromkeys(PAGES, "429")
    desk.crawl()
    done = desk.submit()
    assert isinstance(done.failure, RemoteError) and "429 Too Many Requests" in done.failure.what
    assert len(desk.service.asks) == 5
    assert done.summaries[0].left == 6


def test_a_service_that_is_broken_is_left_alone(desk: Desk) -> None:
    desk.service.scripts = dict.fromkeys(PAGES, "502")
    desk.crawl()
    done = desk.submit()
    assert isinstance(done.failure, RemoteError) and "502 Bad Gateway" in done.failure.what
    assert len(desk.service.asks) == 5
    assert done.summaries[0].waiting == 5


@pytest.mark.parametrize(
    "script",
    ["say:You cannot make more than 30000 captures per day", "refuse:max-daily-bandwidth"],
)
def test_stop_for_today_is_understood(desk: Desk, script: str) -> None:
    desk.service.scripts[PAGES[2]] = f"{script}; success"
    desk.crawl()
    done = desk.submit()
    assert done.failure is None
    assert len(desk.service.asks) == 3
    assert any(note.startswith("done for today, the rest waits") for note in done.notes)
    assert done.summaries[0].left == 4
    desk.clock.now += timedelta(days=1)
    assert desk.submit().summaries[0].there == 6


def test_the_day_of_the_account_is_obeyed(desk: Desk) -> None:
    desk.service.user = (
        200,
        b'{"available": 12, "processing": 0, "daily_captures": 9, "daily_captures_limit": 9}',
    )
    desk.crawl()
    done = desk.submit()
    assert done.failure is None and desk.service.asks == []
    assert "captures of today are used up" in done.notes[0]


def test_a_host_that_had_enough_is_left_alone(desk: Desk) -> None:
    desk.service.scripts[PAGES[1]] = "refuse:too-many-daily-captures-host"
    desk.crawl(
        {**dict.fromkeys(PAGES, b"<title>x</title>"), "https://wiki.exemple.org/": b"<title>w</title>"}
    )
    done = desk.submit()
    assert [url for _, url in desk.service.asks] == [*PAGES[:2], "https://wiki.exemple.org/"]
    assert done.summaries[0].left == 5
    assert "nothing more of forum.exemple.org today" in done.notes[0]


def test_overload_is_told_and_the_rest_waits(desk: Desk) -> None:
    desk.service.scripts[PAGES[1]] = "delayed:3 hours 40 minutes, pending5, success"
    desk.crawl()
    begun = desk.clock.now
    done = desk.submit()
    assert done.failure is None and len(desk.service.asks) == 2
    assert "overloaded" in done.notes[0]
    assert desk.entry(PAGES[1]).state == "pending"
    assert desk.clock.now - begun < timedelta(hours=1)


def test_a_short_delay_is_waited_for(desk: Desk) -> None:
    desk.service.scripts[PAGES[1]] = "delayed:4 minutes, pending5, success"
    desk.crawl()
    assert desk.submit().summaries[0].there == 6


def test_a_service_in_trouble_gets_one_job_at_a_time(desk: Desk) -> None:
    words = "Save Page Now servers are temporarily overloaded. Your captures may be delayed."
    desk.service.system = (200, json.dumps({"status": words}).encode())
    desk.rules = Rules(per_minute=60, concurrency=4)
    desk.crawl()
    done = desk.submit()
    assert desk.service.most_active == 1 and len(desk.service.asks) == 6
    assert done.notes == [f"archive.org says: {words}"]


@pytest.mark.parametrize("user", [(502, b"<html>"), (200, b""), (200, b'{"available": "many"}')])
def test_nothing_is_asked_blindly(desk: Desk, user: tuple[int, bytes]) -> None:
    desk.service.user = user
    desk.crawl()
    done = desk.submit()
    assert isinstance(done.failure, RemoteError) and desk.service.asks == []


def test_the_accounts_own_limit_counts(desk: Desk) -> None:
    desk.service.sessions = 1
    desk.rules = Rules(per_minute=60, concurrency=9)
    desk.crawl()
    desk.submit()
    assert desk.service.most_active == 1 and len(desk.service.asks) == 6


def test_wrong_keys(desk: Desk) -> None:
    desk.secret = "faux"
    desk.crawl()
    done = desk.submit()
    assert isinstance(done.failure, RemoteError) and "does not take the keys" in done.failure.risk
    assert desk.service.asks == []
    assert not desk.proofs.joinpath("submitted-ledger.jsonl").exists()


@pytest.mark.parametrize(
    "broken",
    [(200, b"<html>"), (200, b"{}"), (200, b'[["a"],["b"]]'), (403, b""), (404, b""), (503, b"")],
)
def test_an_index_that_cannot_be_read_is_not_an_empty_one(desk: Desk, broken: tuple[int, bytes]) -> None:
    desk.crawl()
    desk.service.broken_index = [broken] * 4
    with pytest.raises(RemoteError):
        desk.submit()
    assert desk.service.asks == []


def test_an_index_that_forgot_everything_is_not_believed(desk: Desk) -> None:
    desk.crawl()
    desk.submit()
    desk.service.rows.clear()
    desk.clock.now += timedelta(days=400)
    with pytest.raises(RemoteError, match="6 captures were seen before"):
        desk.submit()
    assert len(desk.service.asks) == 6


def test_an_index_in_parts(desk: Desk) -> None:
    desk.crawl()
    desk.submit()
    desk.service.index_rows = 2
    desk.service.broken_index = [(503, b"")]
    desk.clock.now += timedelta(days=10)
    assert desk.submit().summaries[0].there == 6
    assert len(desk.service.asks) == 6


def test_hours_later_is_normal(desk: Desk) -> None:
    desk.service.lag = timedelta(hours=10)
    desk.crawl()
    first = desk.submit().summaries[0]
    assert (first.there, first.waiting, first.left) == (0, 6, 0)
    assert "6 handed over and not seen there yet" in first.sentence()
    desk.clock.now += timedelta(hours=2)
    assert desk.submit().summaries[0].waiting == 6
    desk.clock.now += timedelta(hours=10)
    assert desk.submit().summaries[0].there == 6
    assert len(desk.service.asks) == 6


def test_a_capture_that_the_index_never_shows_is_looked_at_itself(desk: Desk) -> None:
    desk.service.scripts = {PAGES[1]: "late", PAGES[2]: "lost; success"}
    desk.service.has(PAGES[2], desk.clock.now - timedelta(days=400))  # to which the address asked for leads
    desk.crawl()
    desk.submit()
    desk.clock.now += timedelta(hours=13)
    desk.submit()
    assert desk.entry(PAGES[1]).state == "confirmed" and desk.entry(PAGES[2]).state == "claimed"
    assert receipts(desk)[PAGES[1]]["seen"] == "capture"
    desk.clock.now += timedelta(days=3)
    done = desk.submit()
    assert done.notes == ["forum: 1 captures archive.org said it made are not there"]
    assert desk.service.times_asked(PAGES[2]) == 2
    assert done.summaries[0].there == 6


def test_what_was_doubtful_is_asked_for_again_after_a_day(desk: Desk) -> None:
    desk.service.scripts[PAGES[1]] = "empty; success"
    desk.crawl()
    desk.submit()
    desk.clock.now += timedelta(hours=23)
    desk.submit()
    assert desk.service.times_asked(PAGES[1]) == 1
    desk.clock.now += timedelta(hours=2)
    assert desk.submit().summaries[0].there == 6
    assert desk.service.times_asked(PAGES[1]) == 2


def test_a_job_of_a_run_that_was_killed_is_taken_up(desk: Desk) -> None:
    class Killed(BaseException):
        pass

    desk.service.scripts[PAGES[0]] = "pending4, success"
    desk.crawl()

    def stop(text: str) -> None:
        if PAGES[1] in text:
            raise Killed

    said, desk.said = desk.said, type("S", (), {"append": staticmethod(stop)})()
    with pytest.raises(Killed):
        desk.submit()
    desk.said = said
    assert (desk.entry(PAGES[0]).state, desk.entry(PAGES[1]).state) == ("pending", "asking")
    done = desk.submit()
    assert desk.entry(PAGES[0]).state == "confirmed" and desk.entry(PAGES[1]).state == "unsure"
    assert [desk.service.times_asked(url) for url in PAGES] == [1, 0, 1, 1, 1, 1]
    assert done.summaries[0].waiting == 1


def test_keys_that_are_withdrawn_under_way(desk: Desk) -> None:
    """What was handed over until then is asked about with the new ones."""
    desk.service.scripts[PAGES[0]] = "pending2, success"
    desk.crawl()
    waited = desk.clock.sleep

    def sleep(seconds: float) -> None:
        desk.service.secret = "une autre"
        waited(seconds)

    desk.clock.sleep = sleep  # type: ignore[method-assign]
    assert "does not take the keys" in str(desk.submit().failure)
    assert desk.entry(PAGES[0]).state == "pending" and len(desk.service.asks) == 1
    desk.clock.sleep = waited  # type: ignore[method-assign]
    desk.service.secret = SECRET
    assert desk.submit().summaries[0].there == 6
    assert desk.service.times_asked(PAGES[0]) == 1


def test_the_last_jobs_get_their_time_and_no_more(desk: Desk) -> None:
    desk.rules = Rules(patience=300)
    desk.service.scripts[PAGES[5]] = "pending999"
    desk.crawl()
    desk.submit()
    last = desk.service.asks[-1][0]
    assert timedelta(seconds=300) <= desk.clock.now - last <= timedelta(seconds=330)
    assert desk.entry(PAGES[5]).state == "pending"


def test_a_job_that_they_forgot_overnight(desk: Desk) -> None:
    """It is looked for in the index, then asked for again a day later, once."""
    desk.service.scripts[PAGES[1]] = "pending999; success"
    desk.crawl()
    for hours, state, asked in ((0, "pending", 1), (2, "unsure", 1), (20, "unsure", 1), (3, "confirmed", 2)):
        desk.clock.now += timedelta(hours=hours)
        desk.submit()
        assert (desk.entry(PAGES[1]).state, desk.service.times_asked(PAGES[1])) == (state, asked)


def test_a_dry_run_sends_and_writes_nothing(desk: Desk) -> None:
    unwanted = {f"{SITE}/non": b'<meta name="robots" content="noarchive">'}
    desk.crawl({**unwanted, **{url: f"<title>{url}</title>".encode() for url in PAGES}})
    desk.service.has(PAGES[3], desk.clock.now - timedelta(days=700))
    done = desk.submit(dry=True, most=5)
    assert [(ask.why, ask.page.url) for _, ask in done.asks] == [
        ("never", url) for url in PAGES if url != PAGES[3]
    ]
    assert {method for method, _ in desk.service.requests} == {"GET"}
    assert all(target.startswith("/cdx/") for _, target in desk.service.requests)
    assert not desk.proofs.exists()


def test_a_private_collection_is_refused(desk: Desk) -> None:
    desk.crawl()
    desk.archive.collection.private_mark.write_text("membres seulement\n")
    with pytest.raises(UsageError, match="private"):
        desk.submit()
    assert desk.service.requests == []


def test_secrets_stay_in_one_header(desk: Desk) -> None:
    desk.service.scripts = {PAGES[1]: "html", PAGES[2]: "refuse:blocked-url"}
    desk.crawl()
    done = desk.submit()
    for (_, target), headers, body in zip(
        desk.service.requests, desk.service.headers, desk.service.bodies, strict=True
    ):
        assert SECRET not in target + body.decode() + json.dumps({**headers, "authorization": ""})
        assert (SECRET in headers.get("authorization", "")) == target.startswith("/save")
    written = "".join(path.read_text("utf-8") for path in desk.proofs.iterdir())
    everything = written + repr(done) + repr(vars(desk.client())) + "".join(desk.said)
    assert SECRET not in everything and ACCESS not in everything


def test_only_pages_are_asked_for(desk: Desk) -> None:
    desk.crawl({PAGES[0]: b"<title>x</title>", f"{SITE}/i.png": b"\x89PNG", f"{SITE}/parti": b"gone"})
    desk.submit()
    assert [url for _, url in desk.service.asks] == [PAGES[0]]


def test_the_summary_is_read_strictly(desk: Desk) -> None:
    desk.crawl()
    desk.submit()
    path = desk.proofs / SUMMARY
    plain = json.loads(path.read_bytes())
    for damage in ({"pages": "many"}, {"at": "yesterday"}, {"more": 1}):
        path.write_text(json.dumps({**plain, **damage}))
        with pytest.raises(Exception, match=r"proof cannot be believed"):
            read(desk.proofs)
