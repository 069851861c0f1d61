"""On a developer's machine missing software is skipped with the command that installs it; never in CI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sites import dokuwiki, mediawiki
from tests.sites.wiki_host import Missing

ROOT = Path(__file__).parents[2]
SKIPPING = """
import pytest
def test_skipped(): pytest.skip("not here")
@pytest.mark.xfail
def test_expected(): assert False
def test_fine(): pass
"""


def run(folder: Path, source: str, no_skip: str) -> str:
    (folder / "test_given.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "--rootdir", str(folder), "-q", "-rs"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-c", os.devnull, str(folder)],
        cwd=ROOT,
        env={**os.environ, "JUKNI_NO_SKIP": no_skip},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout.splitlines()[-1]


def test_a_skip_is_a_failure_in_ci(tmp_path: Path) -> None:
    assert run(tmp_path, SKIPPING, "1").startswith("1 failed, 1 passed, 1 xfailed")
    assert run(tmp_path, SKIPPING, "").startswith("1 passed, 1 skipped, 1 xfailed")


def test_a_skipped_module_is_a_failure_in_ci(tmp_path: Path) -> None:
    source = "import pytest\npytest.importorskip('no_such_module_at_all')\n"
    assert run(tmp_path, source, "1").startswith("1 error")
    assert run(tmp_path, source, "").startswith("1 skipped")


def test_missing_software_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dokuwiki, "CODE", tmp_path)
    monkeypatch.setattr(mediawiki, "CODE", tmp_path)
    with pytest.raises(Missing, match=r"sudo apt install .* dokuwiki\b"), dokuwiki.wikis(tmp_path, now=0):
        pass
    with pytest.raises(Missing, match=r"sudo apt install .* mediawiki\b"), mediawiki.mediawiki(tmp_path):
        pass
