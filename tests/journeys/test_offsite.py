"""A community's whole year: crawl, push, lose everything, restore, browse; and what goes wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from storage.browse import Replay
from storage.collection import open_archive
from storage.stores import Bucket
from tests.journeys import mirrored
from tests.journeys.jukni import CHECKOUT, Jukni
from tests.journeys.replayed import wrongly_replayed
from tests.sites import parts
from tests.sites.seaweedfs import ADMIN, SeaweedFS
from tests.sites.static import Site

pytestmark = pytest.mark.real

KEYS = {"GARAGE_KEY": ADMIN[0], "GARAGE_SECRET": ADMIN[1]}


def configuration(site: Site, bucket: Bucket, folder: Path) -> str:
    return f"""
[archive]
path = "archive à nous"
operator = "Communauté, admin@example.org"

[site.forum]
url = "{site.url}/"
delay = 0
concurrency = 4

[store.garage]
type = "s3"
endpoint = "{bucket.endpoint}"
bucket = "{bucket.bucket}"
prefix = "{bucket.prefix}"
ca_bundle = "{bucket.ca_bundle}"
access_key_env = "GARAGE_KEY"
secret_key_env = "GARAGE_SECRET"

[store.disk]
type = "directory"
path = "{folder}"
"""


@pytest.fixture
def jukni(tmp_path: Path) -> Jukni:
    folder = tmp_path / "chez nous"
    folder.mkdir()
    (tmp_path / "autre disque").mkdir()
    return Jukni(folder)


def test_everything_is_lost_and_comes_back(weed: SeaweedFS, jukni: Jukni, tmp_path: Path) -> None:
    bucket = weed.over_tls(weed.bucket())
    archive = jukni.folder / "archive à nous"
    with Site(parts.pages(60)) as site:
        jukni.configure(configuration(site, bucket, tmp_path / "autre disque"))
        jukni.run("crawl", "--label", "avant la mise à jour")
        pushed = json.loads(jukni.run("push", "--json", env=KEYS).out)
        assert {row["verdict"] for row in pushed} == {"proved"}
        assert {row["store"] for row in pushed} == {"garage", "disk"}
        jukni.run("crawl")
        again = json.loads(jukni.run("push", "--json", env=KEYS).out)
        first_sent = min(row["sent"] for row in pushed)
        assert all(row["sent"] <= first_sent for row in again)
        assert all(row["there already"] >= 1 for row in again), "the first WARC was sent again"

    first, second = open_archive(archive).collection("forum").sealed()
    assert first.manifest().label == "avant la mise à jour"
    assert second.manifest().previous == first.name
    kept = {path.relative_to(archive): path.read_bytes() for path in archive.rglob("*.warc.gz")}
    lines = mirrored.lines(second)
    shutil.rmtree(archive)

    for store, wanted in (("garage", "forum"), ("disk", f"forum/{second.name}")):
        into = tmp_path / f"rendu par {store}"
        jukni.run("restore", wanted, "--from", store, "--into", str(into), env=KEYS)
        jukni.run("verify", "forum", "--into", str(into))
        there = {path.relative_to(into): path.read_bytes() for path in into.rglob("*.warc.gz")}
        assert there == kept
        with Replay(open_archive(into).collection("forum").sealed()[-1]) as replay:
            compared, wrong = wrongly_replayed(replay, lines)
        assert wrong == []
        assert compared >= 60

    into = tmp_path / "l'ancien"
    jukni.run("restore", f"forum/{first.name}", "--from", "disk", "--into", str(into))
    jukni.run("verify", f"forum/{first.name}", "--into", str(into))
    assert len(list(into.rglob("*.warc.gz"))) == 1


def test_a_stranger_restores_without_scrapy(weed: SeaweedFS, jukni: Jukni, tmp_path: Path) -> None:
    bucket = weed.bucket()
    with Site(parts.pages(5)) as site:
        jukni.configure(configuration(site, bucket, tmp_path / "autre disque"))
        jukni.run("crawl")
        jukni.run("push", "--to", "garage", env=KEYS)
    into = tmp_path / "bare machine"
    door = "import sys; sys.modules.update(dict.fromkeys(['scrapy', 'twisted', 'selectolax', 'crawler']));"
    code = door + "import runpy; runpy.run_module('storage', run_name='__main__', alter_sys=True)"
    where = f"s3://{bucket.bucket}/{bucket.prefix}"
    command = ["restore", "forum", "--from", where, "--into", str(into), "--endpoint", bucket.endpoint]
    done = subprocess.run(
        [sys.executable, "-c", code, *command],
        env=_keys(AWS_ACCESS_KEY_ID=ADMIN[0], AWS_SECRET_ACCESS_KEY=ADMIN[1]),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    jukni.run("verify", "forum", "--into", str(into))


def test_a_push_that_is_refused_says_so(weed: SeaweedFS, jukni: Jukni, tmp_path: Path) -> None:
    bucket = weed.bucket()
    with Site(parts.pages(5)) as site:
        jukni.configure(configuration(site, bucket, tmp_path / "autre disque"))
        jukni.run("crawl")
    wrong = KEYS | {"GARAGE_SECRET": "not-the-secret"}
    ended = jukni.run("push", "--to", "garage", env=wrong, code=4)
    assert "NOT yet safe offsite" in ended.err
    assert any(line.startswith("jukni push") for line in ended.next)
    assert "not-the-secret" not in ended.err + ended.out
    assert "Traceback" not in ended.err
    missing = jukni.run("push", "--to", "garage", code=2)
    assert "GARAGE_KEY" in missing.err
    nowhere = jukni.run("push", "--to", "garages", code=2)
    assert 'did you mean "garage"' in nowhere.err
    jukni.run("push", "--to", "garage", env=KEYS)


def test_the_doctor_looks_at_all_of_it(weed: SeaweedFS, jukni: Jukni, tmp_path: Path) -> None:
    bucket = weed.bucket()
    with Site(parts.pages(5)) as site:
        jukni.configure(configuration(site, bucket, tmp_path / "autre disque"))
        found = json.loads(jukni.run("doctor", "--json", env=KEYS, code=None).out.splitlines()[0])
    verdicts = {row["what"]: row["verdict"] for row in found}
    assert verdicts["configuration"] == verdicts["disk"] == verdicts["forum"] == "well"
    assert any(what.startswith("garage") for what in verdicts)
    ended = jukni.run("doctor", code=2)
    assert "forum" in ended.err, "the site is gone and the doctor did not say so"


def _keys(**keys: str) -> Mapping[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT), **keys}
