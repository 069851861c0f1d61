"""Plain `scrapy crawl`: every spider recognises any software, and says when its own kind is not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.journeys import mirrored
from tests.journeys.jukni import CHECKOUT, Jukni
from tests.sites import forum_model
from tests.sites.fluxbb import fluxbb
from tests.sites.static import Site


def scrapy(*arguments: str) -> str:
    command = [sys.executable, "-m", "scrapy", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout


def test_the_list() -> None:
    assert scrapy("list").split() == ["forum", "generic", "pads", "shares", "wiki"]


@pytest.mark.parametrize("spider", ["forum", "wiki"])
def test_a_forum_under_a_spider(spider: str, tmp_path: Path) -> None:
    archive = Jukni(tmp_path).archive
    with Site(fluxbb(forum_model.seed(0.4))) as site:
        scrapy(
            *("crawl", spider, "-a", f"url={site.url}/forum/", "-a", f"into={archive}"),
            *("-a", "delay=0", "-a", "concurrency=4"),
        )
    said = mirrored.coverage(mirrored.sealed(archive))
    assert said["verdict"] == "complete"
    notes = [note for note in said["notes"] if "no wiki software was recognised" in note]
    assert len(notes) == (spider == "wiki")
