"""The rescue door: get a snapshot back on a bare machine, without Scrapy, crawler or configuration.

    python -m storage list --from s3://bucket/prefix --endpoint https://s3.example.org
    python -m storage restore forum --from s3://bucket/prefix --endpoint https://s3.example.org --into DIR

Keys are taken from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN); without them the
bucket is read as everybody may read it. boto3 is needed for s3:// addresses alone.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from storage import errors
from storage.errors import Failure
from storage.push import Step
from storage.report import Report, Size, size
from storage.restore import restore, snapshots_in
from storage.stores import Store, open_store, place_of


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run one verb; returns the exit code."""
    parser = _parser(environment)
    options = parser.parse_args(arguments)
    if options.verb == "restore" and options.snapshot and not options.into:
        parser.error("--into DIR is needed")
    report = Report(
        options.verb, out=sys.stdout, err=sys.stderr, now=lambda: datetime.now(UTC), as_json=options.json
    )
    try:
        store = _store(options, environment)
        if options.verb == "list" or not options.snapshot:
            return _list(store, report)
        again = shlex.join(["python", "-m", "storage", *arguments])
        return _restore(store, options.snapshot, options.into, report, again)
    except Failure as failure:
        return report.failure(failure)
    except KeyboardInterrupt:
        report.say("stopped; the same command goes on from here")
        return errors.INTERRUPTED
    except Exception as error:  # noqa: BLE001  here a bug becomes a message
        return report.bug(error)


def _list(store: Store, report: Report) -> int:
    found = snapshots_in(store)
    report.table(["site", "snapshot"], found)
    if not found:
        report.say(f"no snapshot is listed in {store.address()}")
    return errors.DONE if found else errors.REMOTE


def _restore(store: Store, wanted: str, into: Path, report: Report, again: str) -> int:
    def progress(step: Step) -> None:
        report.say(f"{step.files} of {step.of} files, {size(step.done)} of {size(step.size)}  {step.file}")

    site, _, name = wanted.partition("/")
    done = restore(
        store, site, name or "latest", into, now=lambda: datetime.now(UTC), progress=progress, again=again
    )
    report.result(
        f"{done.snapshot} is restored, every file as its manifest says",
        {
            "site": done.snapshot.site,
            "snapshot": done.snapshot.name,
            "files": done.files,
            "bytes": Size(done.bytes),
            "into": str(into),
        },
    )
    return errors.DONE


def _store(options: argparse.Namespace, environment: Mapping[str, str]) -> Store:
    return open_store(
        place_of(
            options.store,
            endpoint=options.endpoint,
            region=options.region,
            ca_bundle=options.ca_bundle,
            access_key=environment.get("AWS_ACCESS_KEY_ID", ""),
            secret_key=environment.get("AWS_SECRET_ACCESS_KEY", ""),
            session_token=environment.get("AWS_SESSION_TOKEN", ""),
        )
    )


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    assert __doc__
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--from", dest="store", metavar="STORE", required=True, help="s3://bucket/prefix or a folder"
    )
    for name, variable, help_ in (
        ("endpoint", "AWS_ENDPOINT_URL", "address of an S3 store that is not AWS"),
        ("region", "AWS_REGION", "its region (us-east-1)"),
        ("ca-bundle", "AWS_CA_BUNDLE", "PEM file with the authorities to trust"),
    ):
        shared.add_argument(
            f"--{name}", default=environment.get(variable, ""), help=f"{help_}; else ${variable}"
        )
    shared.add_argument("--json", action="store_true", help="the result as JSON on stdout")
    parser = argparse.ArgumentParser(
        prog="python -m storage", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(metavar="VERB", dest="verb", required=True)
    verbs.add_parser("list", parents=[shared], help="snapshots in a store")
    sub = verbs.add_parser("restore", parents=[shared], help="a snapshot from a store into an empty folder")
    sub.add_argument("snapshot", metavar="SITE[/TIME]", nargs="?", help="without it, snapshots are listed")
    sub.add_argument("--into", metavar="DIR", type=Path, help="an empty folder")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
