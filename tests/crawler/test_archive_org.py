"""`[archive_org]`: strict, gentle by default, and never a place for secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.archive_org import ArchiveOrg
from crawler.config import Config, load
from crawler.submitting import agent_of, client_of, rules_of
from storage.archive_org.queue import Rules
from storage.errors import UsageError

SECRET = "tr0p-secret"


def read(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "jukni.toml"
    path.write_text("[archive_org]\n" + text, "utf-8")
    return load(path)


def test_without_anything(tmp_path: Path) -> None:
    assert read(tmp_path, "").archive_org == ArchiveOrg()
    (tmp_path / "jukni.toml").write_text("")
    assert load(tmp_path / "jukni.toml").archive_org is None


def test_the_defaults_are_those_of_storage() -> None:
    assert rules_of(ArchiveOrg()) == Rules()
    other = ArchiveOrg(
        a_night=1, per_minute=2.0, concurrency=3, poll=4.0, patience=5.0, recheck_after=6,
        if_not_archived_within=8, exclude=("x",), robots="ignore",
    )  # fmt: skip
    given = rules_of(other)
    assert (given.a_night, given.per_minute, given.concurrency, given.poll, given.patience) == (1, 2, 3, 4, 5)
    assert (given.recheck_after, given.not_within, given.exclude, given.obey) == (6, 8, ("x",), False)


@pytest.mark.parametrize(
    ("text", "key", "why"),
    [
        ("a_nigth = 3", "a_nigth", 'did you mean "a_night"?'),
        ("a_night = 0", "a_night", "between 1 and 100000"),
        ("per_minute = 0", "per_minute", "between 0.1 and 600"),
        ("concurrency = 99", "concurrency", "between 1 and 20"),
        ("poll = 0", "poll", "between"),
        ("patience = 0", "patience", "between"),
        ("recheck_after = 0", "recheck_after", "between"),
        ("if_not_archived_within = 0", "if_not_archived_within", "between"),
        ('robots = "non"', "robots", '"obey" or "ignore"'),
        ('exclude = ["("]', "exclude", "is no regular expression"),
        ('save_url = "web.archive.org/save"', "save_url", "no https:// address"),
        ('save_url = "http://web.archive.org/save"', "save_url", "the keys would travel"),
        ('cdx_url = "http://127.0.0.1.exemple.org/cdx"', "cdx_url", "the keys would travel"),
        ('item_url = "http://10.0.0.1"', "item_url", "the keys would travel"),
        (f'web_url = "https://moi:{SECRET}@a.org"', "web_url", "without password"),
        ('metadata_url = "https://a.org/"', "metadata_url", "without / at its end"),
        (f'secret_key = "{SECRET}"', "secret_key", "secrets do not belong in this file"),
        (f'password = "{SECRET}"', "password", "secrets do not belong in this file"),
    ],
)
def test_what_cannot_be(tmp_path: Path, text: str, key: str, why: str) -> None:
    with pytest.raises(UsageError) as error:
        read(tmp_path, text)
    assert error.value.risk == f"jukni.toml: [archive_org] {key}"
    assert why in error.value.what and SECRET not in str(error.value)


def test_this_machine_may_be_asked_in_the_open(tmp_path: Path) -> None:
    for host in ("127.0.0.1:8000", "localhost", "[::1]:80", "127.9.9.9"):
        read(tmp_path, f'save_url = "http://{host}/save"')


def test_keys_from_the_environment() -> None:
    settings = ArchiveOrg(access_key_env="A", secret_key_env="B")
    assert settings.keys({"A": "clef", "B": SECRET}) == ("clef", SECRET)
    for environment in ({}, {"A": "clef"}, {"A": "clef", "B": ""}):
        with pytest.raises(UsageError, match=r"https://archive\.org/account/s3\.php") as error:
            settings.keys(environment)
        assert "B" in error.value.what and error.value.kept == "nothing was sent"


def test_keys_from_a_file(tmp_path: Path) -> None:
    config = read(tmp_path, 'credentials = "clés"')
    assert config.archive_org is not None
    path = tmp_path / "clés"
    with pytest.raises(UsageError, match=r"the keys of archive\.org cannot be read"):
        config.archive_org.keys({})
    path.write_text(f"clef\n{SECRET}\n")
    path.chmod(0o644)
    with pytest.raises(UsageError, match="lie open to other users"):
        config.archive_org.keys({})
    path.chmod(0o600)
    assert config.archive_org.keys({}) == ("clef", SECRET)
    path.write_text(f"clef {SECRET} encore")
    with pytest.raises(UsageError, match="two lines") as error:
        config.archive_org.keys({})
    assert SECRET not in str(error.value)


def test_who_we_say_we_are(tmp_path: Path) -> None:
    config = read(tmp_path, '[archive]\noperator = "Communauté d’été"\n')
    assert agent_of(config).endswith("(web archive mirroring crawler; Communaut? d??t?)")
    assert "Mozilla" not in agent_of(config)


def test_a_dry_run_has_no_keys() -> None:
    with pytest.raises(UsageError):
        client_of(Config(archive_org=ArchiveOrg(access_key_env="NOPE_A", secret_key_env="NOPE_B")))
    assert client_of(Config(), dry=True).addresses.save == "https://web.archive.org/save"
