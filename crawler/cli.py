"""`jukni`: the verbs. An error becomes a message and an exit code here, once."""

from __future__ import annotations

import argparse
import logging
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from crawler import __version__, standing, submitting, verbs
from crawler.config import Config, environment, find, load
from crawler.verbs import Run
from storage import errors
from storage.errors import Failure
from storage.report import Report

EPILOG = """\
exit codes:
  0 done and proved            5 broken data
  1 a bug of ours              6 unproven
  2 usage or configuration     7 locked by another run
  3 finished with gaps         8 out of disk
  4 remote refused, retry    130 interrupted
"""

Verb = Callable[[argparse.Namespace, Run], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    known = parser()
    options = known.parse_args(arguments)
    if options.verb is None:
        known.print_help()
        return errors.USAGE
    report = _report(options)
    _log(options.verbose)
    verb: Verb = options.run
    try:
        return verb(options, Run(report=report, config=lambda: _config(options)))
    except Failure as failure:
        return report.failure(failure)
    except KeyboardInterrupt:
        report.say("stopped; what was written before is kept")
        return errors.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output went away (`jukni list | head`): that is no failure of ours.
        # What is still buffered goes nowhere, or Python would meet the broken pipe again at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return errors.DONE
    except Exception as error:  # noqa: BLE001  the one place where a bug becomes a message
        refused = errors.refusal(error)
        return report.failure(refused) if refused else report.bug(error)


def _report(options: argparse.Namespace) -> Report:
    width = shutil.get_terminal_size().columns if sys.stderr.isatty() else None
    return Report(
        options.verb,
        out=sys.stdout,
        err=sys.stderr,
        now=lambda: datetime.now(UTC),
        as_json=options.json,
        width=width,
        program=shlex.quote(environment().get("JUKNI_PROGRAM") or "jukni"),
        config=str(Path(options.config).absolute()) if options.config else "",
    )


def _config(options: argparse.Namespace) -> Config:
    path = find(options.config, environment(), Path.cwd())
    return load(path) if path else Config()


def _log(verbose: bool) -> None:
    logging.basicConfig(
        level=logging.INFO if verbose else logging.CRITICAL,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    logging.getLogger("jukni").setLevel(logging.INFO if verbose else logging.ERROR)


def parser() -> argparse.ArgumentParser:
    """Every verb with its options."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="the result as JSON on stdout")
    shared.add_argument("-v", "--verbose", action="store_true", help="show the log")
    shared.add_argument("--config", metavar="FILE", help="jukni.toml to read (./jukni.toml, /etc/jukni/)")
    whole = argparse.ArgumentParser(
        prog="jukni",
        description="Mirror a forum or a wiki into an exact archive, prove it, and get it back.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action="version", version=f"jukni {__version__}")
    whole.set_defaults(verb=None, json=False, verbose=False, config=None)
    verbs_ = whole.add_subparsers(metavar="VERB")

    def verb(name: str, run: Verb, help: str) -> argparse.ArgumentParser:
        sub = verbs_.add_parser(
            name,
            help=help,
            description=help,
            parents=[shared],
            epilog=EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.set_defaults(verb=name, run=run)
        return sub

    sub = verb("mirror", verbs.mirror, "mirror a site given by its URL, without a configuration")
    sub.add_argument("url", metavar="URL", help="where the site begins")
    sub.add_argument("--into", metavar="DIR", default="archive", help="the archive (./archive)")
    sub.add_argument("--delay", type=float, metavar="S", help="seconds between two requests to a host (0.5)")
    sub.add_argument("--concurrency", type=int, metavar="N", help="connections to a host at a time (1)")
    sub.add_argument("--limit", type=int, metavar="N", help="stop after N URLs")
    sub.add_argument("--obey-robots", action="store_true", help="follow robots.txt on the site itself too")
    sub.add_argument("--label", metavar="TEXT", help="a name for the snapshot")
    sub.add_argument("--new", action="store_true", help="a new snapshot even if one is unfinished")
    sub.add_argument("--full", action="store_true", help="rely on no earlier snapshot")
    sub.add_argument("--require-complete", action="store_true", help="exit code 6 when nobody can say so")

    sub = verb("crawl", verbs.crawl, "crawl the sites of jukni.toml, all or those named")
    sub.add_argument("sites", metavar="SITE", nargs="*")
    sub.add_argument("--label", metavar="TEXT", help='a name for the snapshot, such as "before the upgrade"')
    sub.add_argument("--new", action="store_true", help="a new snapshot even if one is unfinished")
    sub.add_argument("--full", action="store_true", help="rely on no earlier snapshot")
    sub.add_argument("--require-complete", action="store_true", help="exit code 6 when nobody can say so")

    sub = verb("list", verbs.list_, "what is in the archive")
    sub.add_argument("sites", metavar="SITE", nargs="*")
    _into(sub)

    sub = verb("status", standing.status, "is everything well? each site, its proofs, its open crawl")
    sub.add_argument("sites", metavar="SITE", nargs="*", help="all of them")
    _into(sub)

    sub = verb("why", verbs.why, "what became of one address, and which rule decided")
    sub.add_argument("url", metavar="URL")
    sub.add_argument("--snapshot", metavar="SITE[/SNAP]", help="look there (the newest of the fitting site)")
    _into(sub)

    sub = verb("verify", verbs.verify, "check every byte of snapshots where they lie")
    sub.add_argument("snapshots", metavar="SITE[/SNAP]", nargs="*", help="the newest of each site")
    sub.add_argument("--all", action="store_true", help="every snapshot")
    _into(sub)

    sub = verb("push", verbs.push, "copy snapshots to a store, read back and proved")
    sub.add_argument("snapshots", metavar="SITE[/SNAP]", nargs="*", help="the newest of each site")
    sub.add_argument("--to", metavar="STORE", action="append", help="a store of jukni.toml (all of them)")
    _into(sub)

    sub = verb("restore", verbs.restore, "get a snapshot back from a store into an empty folder")
    sub.add_argument("snapshot", metavar="SITE[/SNAP]")
    sub.add_argument("--from", dest="store", metavar="STORE", required=True, help="a store of jukni.toml")
    sub.add_argument("--into", metavar="DIR", required=True, help="an empty folder")

    sub = verb("submit", submitting.submit, "hand pages to archive.org, as many as a night may")
    sub.add_argument("sites", metavar="SITE", nargs="*", help="all that are not private")
    which = sub.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="also pages that are there already")
    which.add_argument("--changed", action="store_true", help="only new and changed pages")
    sub.add_argument("--max", type=_positive, metavar="N", help="so many pages in this run (a_night)")
    sub.add_argument("--dry-run", action="store_true", help="say what would be asked for; send nothing")
    sub.add_argument("--as-item", action="store_true", help="the snapshot's files, as an item of archive.org")
    _into(sub)

    sub = verb("browse", verbs.browse, "look at a snapshot in the browser, as it was")
    sub.add_argument("snapshot", metavar="SITE[/SNAP]", nargs="?", help="the newest of the only site")
    sub.add_argument("--port", type=int, default=0, metavar="N", help="a port of this machine (any free one)")
    sub.add_argument("--open", action="store_true", help="open the browser")
    _into(sub)

    sub = verb("doctor", verbs.doctor, "is everything set up as it should be?")
    sub.add_argument("--no-store", action="store_true", help="do not try the stores, nor archive.org")
    return whole


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _into(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--into", metavar="DIR", help="the archive, when it is not the one of jukni.toml (./archive)"
    )


if __name__ == "__main__":
    sys.exit(main())
