"""Pages per CPU second and peak memory of jukni, wget and plain Scrapy on one site, in turns.

    python -m tests.bench.wget_vs_jukni                       5,000 pages, three rounds, all of them
    python -m tests.bench.wget_vs_jukni --big 500 --tools jukni      with a file of 500 MB among them
    python -m tests.bench.wget_vs_jukni --latency 50 --tools jukni   every answer 50 ms late: wall time counts

CPU is user + system of the crawler and the children it waited for (`wait4`), from start to exit, with
interpreter start, sealing and whatever else the command does. The minimum of the rounds is what is compared
(neighbours only ever add CPU seconds), median and maximum stand beside it. A run that did not fetch every
page does not count and ends the benchmark.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench import measure, site, slow
from tests.sites import parts


@dataclass(frozen=True)
class Run:
    """One run of one tool: seconds and bytes."""

    wall: float
    cpu: float
    peak: int
    pages: int


def commands(jukni: str) -> dict[str, Callable[[str, Path], list[str]]]:
    """Tool → its command for a URL, writing into a folder."""
    return {
        "wget": lambda url, folder: [
            *("wget", "--recursive", "--level=inf", "--no-parent", "--quiet", f"--directory-prefix={folder}"),
            *(f"--warc-file={folder}/bench", "--warc-cdx", "--tries=1", url),
        ],
        "scrapy": lambda url, folder: [sys.executable, "-m", "tests.bench.stock_scrapy", url],
        # Captures and seals as `jukni mirror` does, and does not read all of it back; nor does wget.
        "jukni-crawl": lambda url, folder: [
            *(sys.executable, "-m", "scrapy", "crawl", "generic", "-a", f"url={url}", "-a", "delay=0"),
            *("-a", "concurrency=8", "-a", f"into={folder / 'archive'}", "-s", "LOG_LEVEL=ERROR"),
        ],
        "jukni": lambda url, folder: [
            *(jukni, "mirror", url, "--into", str(folder / "archive"), "--delay", "0", "--concurrency", "8"),
        ],
    }


def run(command: list[str], folder: Path, pages_served: Callable[[], int]) -> Run:
    """Run one command to its end. SystemExit with the end of its output when it fails."""
    before, output, result = pages_served(), folder / "output.log", folder / "measured.json"
    measured = [sys.executable, "-S", str(Path(measure.__file__)), str(result), *command]
    with output.open("wb") as file:
        subprocess.run(measured, stdout=file, stderr=file, env={**os.environ, "no_proxy": "*"}, check=True)
    used = json.loads(result.read_text())
    if used["code"]:
        tail = output.read_text("utf-8", "replace")[-3000:]
        raise SystemExit(f"{' '.join(command)}\nended with {used['code']}:\n{tail}")
    return Run(used["wall"], used["cpu"], used["peak"], pages_served() - before)


@contextmanager
def served(folder: Path, count: int, latency: float, big: int) -> Iterator[tuple[str, Callable[[], int]]]:
    """The site's URL, and a count of the pages answered so far."""
    if latency:
        answers = {parts.page_path(n): parts.page(n, count, site.SHAPE) for n in range(count)}
        with slow.serve(answers, latency) as (url, asked):
            yield f"{url}/", lambda: sum(target in answers for target in asked)
        return
    pages = folder / "pages"
    site.write(pages, count, big_megabytes=big)
    with site.serve(folder, pages) as running:
        yield running.url, running.pages_asked


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage=argparse.SUPPRESS
    )
    parser.add_argument("--pages", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tools", default="wget,scrapy,jukni-crawl,jukni")
    parser.add_argument("--jukni", default=str(Path(sys.executable).with_name("jukni")), help="the command")
    parser.add_argument("--big", type=int, default=0, metavar="MB", help="a file of that size in the site")
    parser.add_argument("--latency", type=float, default=0.0, metavar="MS", help="each answer waits so long")
    given = parser.parse_args()
    known = commands(given.jukni)
    tools = given.tools.split(",")
    runs: dict[str, list[Run]] = {tool: [] for tool in tools}
    with (
        tempfile.TemporaryDirectory(prefix="jukni-bench-") as work,
        served(Path(work), given.pages, given.latency / 1000, given.big) as (url, pages_served),
    ):
        for round_ in range(given.rounds):
            for tool in tools:
                with tempfile.TemporaryDirectory(prefix="jukni-bench-run-") as folder:
                    one = run(known[tool](url, Path(folder)), Path(folder), pages_served)
                print(f"round {round_ + 1} {tool}: {one}", file=sys.stderr, flush=True)
                if one.pages < given.pages:
                    raise SystemExit(f"{tool} fetched {one.pages} of {given.pages} pages")
                runs[tool].append(one)
    print(table(runs, given.pages))


def table(runs: dict[str, list[Run]], pages: int) -> str:
    """What is printed: CPU seconds min/median/max, pages per CPU second, wall, memory, against wget."""
    lines = [
        "| tool | CPU s min / median / max | pages per CPU s | × wget | wall s (best) | peak MB (worst) |",
        "|---|---|---|---|---|---|",
    ]
    best = {tool: min(one.cpu for one in several) for tool, several in runs.items() if several}
    for tool, several in runs.items():
        cpu = sorted(one.cpu for one in several)
        against = f"{best['wget'] / cpu[0]:.2f}" if "wget" in best else ""
        lines.append(
            f"| {tool} | {cpu[0]:.2f} / {median(cpu):.2f} / {cpu[-1]:.2f} | {pages / cpu[0]:.0f} | {against} "
            f"| {min(one.wall for one in several):.1f} | {max(one.peak for one in several) / 1e6:.0f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
