"""What is installed for the nights: the units, the cron line and the script they run."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from crawler import config
from crawler.archive_org import ArchiveOrg

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
JUKNI = """#!/bin/sh
echo "$*" >>"$CALLS"
case $1 in crawl) exit "$CRAWL" ;; push) exit "$PUSH" ;; submit) exit "$SUBMIT" ;; esac
"""


def night(folder: Path, toml: str, crawl: int = 0, push: int = 0, submit: int = 0) -> tuple[int, list[str]]:
    """Run deploy/nightly with a `jukni` that ends with these codes: its own code, and what it called."""
    command, calls, file = folder / "jukni", folder / "calls", folder / "jukni.toml"
    command.write_text(JUKNI)
    command.chmod(0o755)
    calls.write_text("")
    file.write_text(toml)
    environment = {
        **os.environ,
        "JUKNI": str(command),
        "JUKNI_CONFIG": str(file),
        "JUKNI_LOCK": str(folder / "lock"),
        "CALLS": str(calls),
        "CRAWL": str(crawl),
        "PUSH": str(push),
        "SUBMIT": str(submit),
    }
    code = subprocess.run([str(DEPLOY / "nightly")], env=environment, timeout=30).returncode
    return code, [line.split()[0] for line in calls.read_text().splitlines()]


STORE = "[site.a]\nurl = 'http://a/'\n [store.x]\ntype='directory'\n"


@pytest.mark.parametrize(
    ("crawl", "push", "code"),
    [(0, 0, 0), (0, 4, 4), (3, 0, 3), (3, 6, 3), (4, 0, 4), (1, 5, 1)],
)
def test_a_night_pushes_whatever_was_sealed(tmp_path: Path, crawl: int, push: int, code: int) -> None:
    assert night(tmp_path, STORE, crawl, push) == (code, ["crawl", "push"])


@pytest.mark.parametrize("crawl", [2, 7, 8, 130])
def test_a_night_that_could_not_begin_pushes_nothing(tmp_path: Path, crawl: int) -> None:
    assert night(tmp_path, STORE, crawl) == (crawl, ["crawl"])


def test_a_night_without_a_store_is_well(tmp_path: Path) -> None:
    assert night(tmp_path, "[site.a]\n# [store.x]\n") == (0, ["crawl"])


@pytest.mark.parametrize(
    ("crawl", "push", "submit", "code"), [(0, 0, 0, 0), (0, 0, 4, 4), (0, 5, 4, 5), (3, 0, 0, 3)]
)
def test_a_night_hands_pages_to_archive_org(
    tmp_path: Path, crawl: int, push: int, submit: int, code: int
) -> None:
    toml = STORE + "[archive_org]\ncredentials = 'keys'\n"
    assert night(tmp_path, toml, crawl, push, submit) == (code, ["crawl", "push", "submit"])


def test_two_nights_never_overlap(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert night(tmp_path, STORE) == (7, [])


def test_the_example_configuration_is_valid(tmp_path: Path) -> None:
    example = (DEPLOY / "jukni.toml").read_text("utf-8")
    loaded = config.load(DEPLOY / "jukni.toml")
    assert [site.name for site in loaded.sites] == ["wiki", "forum"]
    assert loaded.archive.path == Path("/var/lib/jukni/archive")
    with_store = tmp_path / "jukni.toml"
    with_store.write_text(re.sub(r"^# (?=\[store|\[archive_org|\w+ = )", "", example, flags=re.M), "utf-8")
    assert [store.type for store in config.load(with_store).stores] == ["s3"]
    assert config.load(with_store).archive_org == ArchiveOrg(a_night=300)


def test_units_cron_and_readme_speak_of_the_same_files() -> None:
    service = (DEPLOY / "jukni.service").read_text()
    assert "ExecStart=/opt/jukni/deploy/nightly\n" in service
    assert os.access(DEPLOY / "nightly", os.X_OK)
    assert "/opt/jukni/deploy/nightly\n" in (DEPLOY / "jukni.cron").read_text()
    readme = (DEPLOY / "README.md").read_text("utf-8")
    for name in re.findall(r"/opt/jukni/deploy/([\w.]+)", readme):
        assert (DEPLOY / name).is_file(), name


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    """Where systemd is installed; elsewhere the units are only read."""
    analyze = shutil.which("systemd-analyze")
    for name in ("jukni.service", "jukni.timer"):
        text = (DEPLOY / name).read_text()
        (tmp_path / name).write_text(text.replace("/opt/jukni/deploy/nightly", "/bin/true"))
    if analyze is None:
        return
    command = [analyze, "verify", str(tmp_path / "jukni.service"), str(tmp_path / "jukni.timer")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    ours = [line for line in done.stderr.splitlines() if "jukni" in line]
    assert ours == []
