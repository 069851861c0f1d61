"""What each verb of `jukni` does: values in, a result printed, an exit code out."""

from __future__ import annotations

import argparse
import asyncio
import shlex
import webbrowser
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from crawler.config import Archive, Config, Site, Store, check_site, environment
from storage import collection, errors
from storage.collection import site_name
from storage.errors import Failure, UsageError
from storage.report import Report, Size
from storage.snapshot import Snapshot
from storage.stores import Bucket, Folder, Place, open_store
from storage.stores import Store as OffsiteStore


@dataclass(frozen=True, slots=True)
class Run:
    """What every verb gets: where to say things, and the configuration, read when it is asked for."""

    report: Report
    config: Callable[[], Config]


def mirror(options: argparse.Namespace, run: Run) -> int:
    """No configuration: recognise, crawl, seal, verify, say how to browse it."""
    url = options.url if "://" in options.url else f"https://{options.url}"
    asked: dict[str, Any] = {
        key: getattr(options, key)
        for key in ("delay", "concurrency", "limit")
        if getattr(options, key) is not None
    }
    if options.obey_robots:
        asked["robots"] = "obey"
    # Somebody waits for it: an address that does not answer is told within half a minute.
    site = Site(name=site_name(url), urls=(url,), retry_wait=5.0, **asked)
    check_site(site, "the command line")
    into = ["--into", str(Path(options.into).resolve())]
    again = ["jukni", "mirror", url, *into]
    again += [f"--{key}={value:g}" for key, value in asked.items() if key != "robots"]
    again += ["--obey-robots"] if options.obey_robots else []
    archive = Archive(path=Path(options.into))
    return _crawl([site], archive, options, run, lambda _: shlex.join(again), into)


def crawl(options: argparse.Namespace, run: Run) -> int:
    """The sites of jukni.toml."""
    config = run.config()
    if not config.sites:
        raise UsageError(
            "there is no site to crawl",
            what="jukni.toml names none" if config.source else "there is no jukni.toml here",
            where=str(config.source or Path.cwd() / "jukni.toml"),
            next=("jukni mirror URL",),
        )
    sites = [config.site(name) for name in options.sites] or list(config.sites)

    def again(site: Site) -> str:
        return f"jukni crawl {site.name}"

    return _crawl(sites, config.archive, options, run, again, others=config.sites)


def _crawl(
    sites: Sequence[Site],
    archive: Archive,
    options: argparse.Namespace,
    run: Run,
    again: Callable[[Site], str],
    into: Sequence[str] = (),
    others: Sequence[Site] = (),
) -> int:
    """again: the command that goes on with the crawl of a site. into: options that name the archive.

    others: all sites of the configuration.
    """
    # Scrapy takes half a second to import: the other verbs do without it.
    from crawler import run as running
    from crawler.opening import open_crawl
    from crawler.outcome import Outcome

    report = run.report

    async def one(site: Site) -> Outcome:
        told = 0

        def tell() -> None:
            nonlocal told
            notes = opened.outcome.notes[told:]
            told += len(notes)
            for note in notes:
                report.say(f"note: {note}")

        async def watch(open_: Any) -> None:
            tell()
            report.progress(open_.progress())
            await asyncio.sleep(0.25)

        opened = open_crawl(
            site,
            archive,
            label=options.label,
            new=options.new,
            full=options.full,
            command=again(site),
            others=others,
        )
        report.say(f"{site.urls[0]} → {opened.outcome.snapshot.folder}")
        outcome = await running.run(opened, watch)
        tell()
        return outcome

    async def all_of() -> int:
        worst = errors.DONE
        for site in sites:
            try:
                outcome = await one(site)
                report.done()
                code = _conclude(outcome, run.report, again(site), into, options.require_complete)
            except Failure as failure:
                report.done()
                code = report.failure(failure)
            worst = max(worst, code, key=weight)
            if code in (errors.INTERRUPTED, errors.OUT_OF_DISK):
                break
        return worst

    return running.in_loop(all_of)


def weight(code: int) -> int:
    """Which of several exit codes to give: the one that asks for most."""
    order = (
        errors.DONE,
        errors.GAPS,
        errors.UNPROVEN,
        errors.REMOTE,
        errors.LOCKED,
        errors.USAGE,
        errors.BROKEN,
        errors.OUT_OF_DISK,
        errors.BUG,
        errors.INTERRUPTED,
    )
    return order.index(code)


def _conclude(outcome: Any, report: Report, again: str, into: Sequence[str], complete: bool) -> int:
    """Verify what was sealed, then print it; the exit code of one site. complete: nothing less will do."""
    from storage import verify as verifying

    manifest, snapshot = outcome.manifest, outcome.snapshot
    if outcome.crash is not None:
        refused = errors.refusal(outcome.crash)
        return report.failure(refused) if refused else report.bug(outcome.crash)
    if outcome.failure is not None:
        code = report.failure(outcome.failure)
        return max(code, errors.BUG, key=weight) if outcome.bugs else code
    proof = verifying.verify(snapshot, now=datetime.now(UTC))
    verifying.keep(snapshot, proof)
    counts = manifest.counts
    report.result(
        f"{snapshot} is sealed",
        {
            "captures": counts["captures"],
            "pages": counts["pages"],
            "missing": counts["missing"],
            "gaps": counts["gaps"],
            "skipped": counts["skipped"],
            "new": Size(counts["bytes"]),
            **({"items": items} if (items := [_standing(one) for one in outcome.coverage["items"]]) else {}),
            "verdict": manifest.verdict,
            "why": outcome.coverage["why"],
            "verified": proof.verdict,
            "lies": str(snapshot.folder),
            "next": [shlex.join(["jukni", "browse", snapshot.site, *into])],
        },
    )
    if outcome.bugs:
        report.say(f"a bug of ours met {len(outcome.bugs)} of the addresses, the first: {outcome.bugs[0]}")
        return errors.BUG
    if proof.verdict != "proved":
        return report.failure(verifying.failure(snapshot, proof))
    if manifest.verdict == "gaps":
        return report.failure(
            errors.GapsFound(
                f"{snapshot} has gaps",
                what="\n".join(_first_gaps(outcome.coverage, counts["gaps"])),
                where=f"{snapshot.folder / 'coverage.json'}",
                kept=f"the {counts['captures']} captures are sealed and verified",
                next=(again,),
            )
        )
    if complete and manifest.verdict != "complete":
        return report.failure(
            errors.Unproven(
                f"nobody can say that {snapshot} is complete",
                what="\n".join(outcome.coverage["why"]),
                where=f"{snapshot.folder / 'coverage.json'}",
                kept=f"the {counts['captures']} captures are sealed and verified",
                next=(shlex.join(["jukni", "browse", snapshot.site, *into]),),
            )
        )
    return errors.DONE


def _standing(entry: Mapping[str, Any]) -> str:
    """How the items of one kind stand: "page: 14 of 15, 1 denied"."""
    words = f"{entry['kind']}: {entry['captured']:,} of {entry['expected']:,}"
    return words + (f", {entry['denied']:,} denied" if entry["denied"] else "")


def _first_gaps(coverage: Mapping[str, Any], count: int) -> Iterator[str]:
    """How many gaps there are, and the first three with their reasons."""
    yield f"{count:,} of what the site has could not be captured" + (", the first:" if count > 3 else ":")
    for gap in coverage["gaps"][:3]:
        yield f"{gap['url'] or gap['id'] or gap['kind']}: {gap['reason']}"


def list_(options: argparse.Namespace, run: Run) -> int:
    """What is in the archive."""
    archive = archive_of(options, run)
    rows = []
    for site in options.sites or archive.sites():
        for snapshot in archive.collection(site).all():
            rows.append(_row(snapshot))
    run.report.table(("snapshot", "label", "captures", "pages", "new", "verdict"), rows)
    return errors.DONE


def _row(snapshot: Snapshot) -> tuple[Any, ...]:
    if not snapshot.is_sealed:
        state = "open" if snapshot.is_open else "left over"
        return (str(snapshot), None, None, None, None, state)
    manifest = snapshot.manifest()
    counts = manifest.counts
    size = Size(counts["bytes"])
    return (str(snapshot), manifest.label, counts["captures"], counts["pages"], size, manifest.verdict)


def archive_of(options: argparse.Namespace, run: Run) -> collection.Archive:
    return collection.open_archive(
        Path(options.into).resolve() if options.into else run.config().archive.path.resolve()
    )


def snapshots_of(archive: collection.Archive, wanted: Sequence[str], every: bool = False) -> list[Snapshot]:
    """Those named, or the newest of each site; with `every` all of them. UsageError when there is none."""
    if wanted:
        return [archive.find(name) for name in wanted]
    found: list[Snapshot] = []
    for site in archive.sites():
        sealed = archive.collection(site).sealed()
        found += sealed if every else sealed[-1:]
    if not found:
        raise UsageError(
            "there is no snapshot yet",
            what="no crawl was sealed in this archive",
            where=str(archive.root),
            next=("jukni mirror URL", "jukni crawl"),
        )
    return found


def why(options: argparse.Namespace, run: Run) -> int:
    """What became of one address."""
    from crawler.why import explain, speaks_for

    archive = archive_of(options, run)
    url = options.url if "://" in options.url else f"https://{options.url}"
    newest = [every[-1] for site in archive.sites() if (every := archive.collection(site).all())]
    fitting = sorted(newest, key=lambda one: -speaks_for(one, url))
    if options.snapshot:
        fitting = [archive.find(options.snapshot)]
    elif not fitting or not speaks_for(fitting[0], url):
        raise UsageError(
            f"{url} is on no site of this archive",
            what=f"the archive holds {', '.join(archive.sites()) or 'none'}",
            where=str(archive.root),
            next=(shlex.join(["jukni", "mirror", url]),),
        )
    site = next((s for s in run.config().sites if s.name == fitting[0].site), None)
    found = explain(fitting[0], url, site)
    words: dict[str, Any] = {"verdict": found.verdict, "why": found.reason}
    more = {"rule": found.rule, "item": found.item, "at": found.at, "address": found.address}
    words |= {word: text for word, text in more.items() if text}
    words |= {"via": list(found.via)} if found.via else {}
    run.report.result(f"{found.url} in {found.snapshot}", words)
    return errors.DONE


def verify(options: argparse.Namespace, run: Run) -> int:
    """Check every byte where it lies; a proof for each snapshot."""
    from storage import verify as verifying

    worst = errors.DONE
    rows = []
    failures = []
    for snapshot in snapshots_of(archive_of(options, run), options.snapshots, options.all):
        proof = verifying.verify(snapshot, now=datetime.now(UTC), watch=lambda file: None)
        verifying.keep(snapshot, proof)
        rows.append((str(snapshot), proof.verdict, proof.files, Size(proof.bytes), len(proof.problems)))
        if proof.verdict != "proved":
            failures.append(verifying.failure(snapshot, proof))
    run.report.table(("snapshot", "verdict", "files", "bytes", "problems"), rows)
    for failure in failures:
        worst = max(worst, run.report.failure(failure), key=weight)
    return worst


def _place(store: Store) -> Place:
    """A store of jukni.toml as `storage.stores` takes it, with its keys."""
    if store.type == "directory":
        return Folder(name=store.name, path=Path(store.path))
    access_key, secret_key = store.keys(environment())
    return Bucket(
        name=store.name,
        bucket=store.bucket,
        prefix=store.prefix,
        endpoint=store.endpoint,
        region=store.region,
        ca_bundle=store.ca_bundle,
        access_key=access_key,
        secret_key=secret_key,
    )


def open_place(store: Store) -> OffsiteStore:
    return open_store(_place(store))


def push(options: argparse.Namespace, run: Run) -> int:
    """Snapshots to the stores, each file read back."""
    from storage import push as pushing

    config = run.config()
    stores = [config.store(name) for name in options.to or []] or list(config.stores)
    if not stores:
        raise UsageError(
            "nothing is safe offsite",
            what="jukni.toml names no store" if config.source else "there is no jukni.toml here",
            where=str(config.source or Path.cwd() / "jukni.toml"),
            kept="the snapshots here were not touched",
            next=("jukni doctor",),
        )
    archive = archive_of(options, run)
    worst = errors.DONE
    rows = []
    for snapshot in snapshots_of(archive, options.snapshots):
        with archive.collection(snapshot.site).lock("jukni push", datetime.now(UTC)):
            for store in stores:
                run.report.say(f"{snapshot} → {store.name}")
                try:
                    done = pushing.push(snapshot, open_place(store), now=lambda: datetime.now(UTC))
                except Failure as failure:
                    worst = max(worst, run.report.failure(failure), key=weight)
                    continue
                proof = done.proof
                rows.append((str(snapshot), store.name, proof.verdict, done.sent, done.found + done.skipped))
                if done.failure is not None:
                    worst = max(worst, run.report.failure(done.failure), key=weight)
    run.report.table(("snapshot", "store", "verdict", "sent", "there already"), rows)
    return worst


def restore(options: argparse.Namespace, run: Run) -> int:
    """A snapshot back from a store."""
    from storage import restore as restoring

    store = run.config().store(options.store)
    site, _, name = options.snapshot.partition("/")
    into = Path(options.into)
    done = restoring.restore(open_place(store), site, name or "latest", into, now=lambda: datetime.now(UTC))
    run.report.result(
        f"{done.snapshot} is restored",
        {
            "files": done.files,
            "bytes": Size(done.bytes),
            "lies": str(into.resolve()),
            "next": [
                f"jukni verify {done.snapshot} --into {shlex.quote(str(into.resolve()))}",
                f"jukni browse {done.snapshot} --into {shlex.quote(str(into.resolve()))}",
            ],
        },
    )
    return errors.DONE


def browse(options: argparse.Namespace, run: Run) -> int:
    """Replay in the browser, until Ctrl-C."""
    from storage.browse import Replay

    archive = archive_of(options, run)
    sites = archive.sites()
    wanted = options.snapshot or (sites[0] if len(sites) == 1 else "")
    if not wanted:
        raise UsageError(
            "which site?",
            what=f"the archive holds {', '.join(sites) or 'none'}",
            where=str(archive.root),
            next=tuple(
                shlex.join(["jukni", "browse", site, "--into", str(archive.root)]) for site in sites[:3]
            ),
        )
    snapshot = archive.find(wanted)
    with Replay(snapshot, port=options.port, say=run.report.say) as replay:
        run.report.result(f"{snapshot} can be browsed", {"address": replay.address})
        if options.open:
            webbrowser.open(replay.address)
        run.report.say("Ctrl-C ends it")
        replay.wait()
    return errors.DONE


def doctor(options: argparse.Namespace, run: Run) -> int:
    """Everything tried, none believed."""
    from crawler import doctor as checks

    config = run.config()
    asked = list(checks.sites(config))
    found = [*checks.configuration(config), *checks.disk(config.archive), *(check for check, _ in asked)]
    found.append(checks.clock(datetime.now(UTC), [date for _, date in asked if date]))
    for store in () if options.no_store else config.stores:
        found += checks.store(store.name, partial(open_place, store))
    if config.archive_org is not None and not options.no_store:
        from crawler.submitting import client_of

        found += checks.archive_org(partial(client_of, config))
    run.report.table(
        ("what", "verdict", "found", "advice"), [(c.what, c.verdict, c.found, c.advice) for c in found]
    )
    wrong = [check.what for check in found if check.verdict == "wrong"]
    if wrong:
        return run.report.failure(
            UsageError("not everything is well", what=", ".join(wrong), next=("jukni doctor",))
        )
    return errors.DONE
