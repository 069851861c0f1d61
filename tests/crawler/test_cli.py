"""`jukni` from outside: a process of its own, with its exit codes and words."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from storage import errors
from storage.collection import open_archive
from storage.verify import verify
from tests.journeys.jukni import CHECKOUT, Ended, Jukni, mirror, wait_until
from tests.sites import parts
from tests.sites.static import Site
from tests.storage.archives import two_days

VERBS = [
    "mirror",
    "crawl",
    "list",
    "status",
    "why",
    "verify",
    "push",
    "restore",
    "submit",
    "browse",
    "doctor",
]
SECRET = "topsecret-1234"


@pytest.fixture
def jukni(tmp_path: Path) -> Jukni:
    folder = tmp_path / "à part"
    folder.mkdir()
    return Jukni(folder)


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(parts.pages(5)) as running:
        yield running


def is_message(ended: Ended, verb: str) -> bool:
    """A failure as a person should see it: its parts, in their order, and no traceback."""
    words = [line.split()[0] for line in ended.err.splitlines() if line.startswith("  ") and line[2] != " "]
    order = ["what", "where", "kept", "next"]
    return (
        f"jukni {verb}: " in ended.err
        and "what" in words
        and [word for word in order if word in words] == [word for word in words if word in order]
        and "Traceback" not in ended.err
    )


def closed_port() -> int:
    """A port of this machine at which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_says_its_exit_codes(jukni: Jukni, verb: str) -> None:
    told = jukni.run(verb, "--help").out
    codes = {value for name, value in vars(errors).items() if name.isupper() and isinstance(value, int)}
    shown = told.partition("exit codes:\n")[2].split()
    assert {str(code) for code in codes} <= set(shown)


def test_all_verbs_are_those(jukni: Jukni) -> None:
    told = jukni.run("--help").out
    listed = [line.split()[0] for line in told.splitlines() if line.startswith("    ") and line[4] != " "]
    assert listed == VERBS


def test_what_cannot_be_understood(jukni: Jukni) -> None:
    assert "invalid choice: 'frobnicate'" in jukni.run("frobnicate", code=errors.USAGE).err
    assert "usage: jukni" in jukni.run(code=errors.USAGE).out
    jukni.run("mirror", "http://127.0.0.1/", "--delay", "x", code=errors.USAGE)
    jukni.run("restore", "forum", code=errors.USAGE)


def test_a_site_that_is_not_there(jukni: Jukni) -> None:
    """Asked once, so that the test need not wait for what a real site is given."""
    port = closed_port()
    jukni.configure(f'[site.forum]\nurl = "http://127.0.0.1:{port}/"\nattempts = 1\n')
    ended = jukni.run("crawl", code=errors.REMOTE)
    assert is_message(ended, "crawl")
    assert f"refused: 127.0.0.1 port {port}" in ended.err
    assert ended.next == ["jukni crawl forum"]
    assert ended.out == ""


def test_a_mistyped_address_is_told_long_before_it_is_given_up(jukni: Jukni) -> None:
    running = jukni.start("mirror", f"http://127.0.0.1:{closed_port()}/", "--delay", "0")
    assert wait_until(lambda: "it is asked again" in running.said(), running)
    assert running.alive
    running.kill()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[site.a", "TOML"),
        ('[site.a]\nurl = "http://a/"\ndelai = 1\n', 'did you mean "delay"?'),
        ('[site.a]\nurl = "http://a/"\ndelay = "1"\n', "expected a number"),
        (f'[site.a]\nurl = "http://me:{SECRET}@a/"\n', "a password may not stand in an address"),
        ('[sight.a]\nurl = "http://a/"\n', 'did you mean "site"?'),
        ("[archive]\n", "there is no site to crawl"),
        (f'[store.a]\ntype = "s3"\nbucket = "b"\nendpoint = "https://me:{SECRET}@a"\n', "a password may not"),
        ('[store.a]\ntype = "s3"\nbucket = "b"\nendpoint = "s3.example.org"\n', "is no http:// or https://"),
        (f'[store.a]\ntype = "s3"\nbucket = "b"\nsecret_key = "{SECRET}"\n', "secrets do not belong"),
    ],
)
def test_a_configuration_that_is_wrong(jukni: Jukni, text: str, word: str) -> None:
    jukni.configure(text)
    ended = jukni.run("crawl", code=errors.USAGE)
    assert is_message(ended, "crawl") and word in ended.err
    assert str(jukni.folder / "jukni.toml") in ended.err
    assert SECRET not in ended.err + ended.out


def test_a_configuration_that_is_not_there(jukni: Jukni) -> None:
    ended = jukni.run("crawl", "--config", "nowhere.toml", code=errors.USAGE)
    assert "nowhere.toml" in ended.err and is_message(ended, "crawl")


def test_the_words_in_text_and_in_json(jukni: Jukni, site: Site) -> None:
    text = jukni.run(*mirror(f"{site.url}/")).out
    ended = jukni.run(*mirror(f"{site.url}/"), "--json")
    found = json.loads(ended.out)
    words = [line.split()[0] for line in text.splitlines()[1:]]
    assert words == list(found)
    assert found["captures"] > 5 and found["verdict"] == "unknown" and found["verified"] == "proved"
    assert Path(found["lies"]).is_dir()
    for command in found["next"]:
        assert (
            command == f"jukni browse {found['lies'].split('/')[-3]} --into {shlex.quote(str(jukni.archive))}"
        )
    listed = json.loads(jukni.run("list", "--json").out)
    assert [row["verdict"] for row in listed] == ["unknown", "unknown"]
    assert [row["verdict"] for row in json.loads(jukni.run("verify", "--all", "--json").out)] == [
        "proved"
    ] * 2


def test_a_failure_in_json_has_the_words_of_the_text(jukni: Jukni) -> None:
    ended = jukni.run("list", "--into", "nix da", "--json", code=errors.USAGE)
    found = json.loads(ended.out)
    assert found["exit"] == errors.USAGE and found["verb"] == "list"
    for word in ("risk", "what", "where"):
        assert found[word] and found[word] in ended.err
    assert found["next"] == ended.next


def test_a_run_with_gaps_gives_result_and_failure_one_a_line(jukni: Jukni) -> None:
    broken = parts.refusing(parts.pages(5), lambda request: request.path == "/page/3.html", status=500)
    with Site(broken) as site:
        jukni.configure(f'[site.forum]\nurl = "{site.url}/"\ndelay = 0\nattempts = 1\n')
        ended = jukni.run("crawl", "--json", code=errors.GAPS)
    result, failure = map(json.loads, ended.out.splitlines())
    assert result["verdict"] == "gaps" and result["gaps"] == 1
    assert failure["exit"] == errors.GAPS and failure["next"] == ["jukni crawl forum"]
    coverage = json.loads(Path(failure["where"]).read_bytes())
    assert [(gap["url"], gap["reason"]) for gap in coverage["gaps"]] == [
        (f"{site.url}/page/3.html", "HTTP 500")
    ]


def test_messages_name_the_program_as_it_was_called(jukni: Jukni) -> None:
    called = {"JUKNI_PROGRAM": "../mes outils/jukni"}
    ended = jukni.run("list", "--into", "nix", code=errors.USAGE, env=called)
    assert ended.next == [f"'../mes outils/jukni' mirror URL --into {shlex.quote(str(jukni.folder / 'nix'))}"]
    jukni.configure('[archive]\npath = "nix"\n')
    (jukni.folder / "jukni.toml").rename(jukni.folder / "autre.toml")
    ended = jukni.run("push", "--config", "autre.toml", code=errors.USAGE)
    assert ended.next == [f"jukni doctor --config {shlex.quote(str(jukni.folder / 'autre.toml'))}"]


def test_the_command_of_the_checkout_says_how_it_was_called(tmp_path: Path) -> None:
    """./jukni with an environment that is set up already."""
    checkout = tmp_path / "mon jukni"
    (checkout / "deploy").mkdir(parents=True)
    for name in ("jukni", "deploy/environment.sh", "pyproject.toml"):
        shutil.copy(CHECKOUT / name, checkout / name)
    environment = checkout / ".venv"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(sys.executable)
    command = environment / "bin" / "jukni"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m crawler "$@"\n')
    command.chmod(0o755)
    sum_ = subprocess.run(["cksum"], stdin=(checkout / "pyproject.toml").open("rb"), capture_output=True)
    (environment / "installed").write_text(f"{sum_.stdout.decode().strip()} {checkout}\n")
    done = subprocess.run(
        ["./jukni", "list", "--into", "nix"],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "JUKNI_ENVIRONMENT": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == errors.USAGE, done.stderr
    assert f"           ./jukni mirror URL --into {shlex.quote(str(checkout / 'nix'))}\n" in done.stderr


def test_a_reader_that_goes_away_is_no_failure(jukni: Jukni, site: Site) -> None:
    jukni.run(*mirror(f"{site.url}/"))
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "crawler", "list"],
        cwd=jukni.folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_nothing_secret_is_said(jukni: Jukni, tmp_path: Path) -> None:
    """Neither the keys of a store nor a proxy's password, in text, in JSON or in the log."""
    port = closed_port()
    jukni.configure(
        f'[site.forum]\nurl = "http://forum.invalid/"\nattempts = 1\n'
        f'[store.s3]\ntype = "s3"\nendpoint = "http://127.0.0.1:{port}"\nbucket = "b"\n'
    )
    secrets: Mapping[str, str] = {
        "AWS_ACCESS_KEY_ID": "access-of-ours",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "http_proxy": f"http://me:{SECRET}@127.0.0.1:{port}",
    }
    ended = jukni.run("crawl", "-v", "--json", code=errors.REMOTE, env=secrets)
    assert "proxy" in ended.err and SECRET not in ended.err + ended.out
    two_days(tmp_path / "autre")
    ended = jukni.run("push", "-v", "--json", "--into", str(tmp_path / "autre"), code=None, env=secrets)
    assert ended.code != 0 and SECRET not in ended.err + ended.out
    for path in (*(jukni.folder / "archive").rglob("*"), *(tmp_path / "autre").rglob("*")):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes()


# --- plain Scrapy


def scrapy(*arguments: str, cwd: Path = CHECKOUT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scrapy", *arguments], cwd=cwd, capture_output=True, text=True, timeout=120
    )


def test_scrapy_lists_the_spider() -> None:
    assert "generic" in scrapy("list").stdout.split()


def test_scrapy_crawls_into_the_same_archive(tmp_path: Path, site: Site) -> None:
    into = tmp_path / "archive à part"
    done = scrapy("crawl", "generic", "-a", f"url={site.url}/", "-a", f"into={into}", "-a", "delay=0")
    assert done.returncode == 0, done.stderr
    archive = open_archive(into)
    (name,) = archive.sites()
    (snapshot,) = archive.collection(name).all()
    assert snapshot.is_sealed and not snapshot.is_open
    assert snapshot.manifest().counts["pages"] == 5
    assert verify(snapshot, now=snapshot.manifest().sealed).verdict == "proved"
