"""jukni.toml: strict, helpful, and never a place for secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.config import Config, Site, Store, check_site, find, fingerprint, load
from storage.errors import UsageError

WHOLE = """
[archive]
path = "archive à nous"
operator = "Communauté, admin@example.org"
min_free = "1.5 GB"

[site.wiki]
url = "https://wiki.example.org/wikhan/fr:faq"
delay = 1
exclude = ["do=diff"]

[site.forum]
urls = ["https://forum.example.org/", "https://forum.example.org/autre/"]
concurrency = 2
robots = "obey"

[store.garage]
type = "s3"
endpoint = "https://s3.example.net"
bucket = "our-mirror"

[store.disk]
type = "directory"
path = "../autre disque"
"""


def read(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "jukni.toml"
    path.write_text(text, "utf-8")
    return load(path)


def test_the_whole_of_it(tmp_path: Path) -> None:
    config = read(tmp_path, WHOLE)
    assert config.archive.path == tmp_path / "archive à nous"
    assert config.archive.min_free == 1_500_000_000
    assert [site.name for site in config.sites] == ["wiki", "forum"]
    wiki, forum = config.sites
    assert wiki.urls == ("https://wiki.example.org/wikhan/fr:faq",)
    assert (wiki.delay, wiki.concurrency, wiki.robots, wiki.exclude) == (1.0, 1, "own", ("do=diff",))
    assert forum.urls[1] == "https://forum.example.org/autre/"
    assert (forum.concurrency, forum.robots) == (2, "obey")
    assert config.store("garage").bucket == "our-mirror"
    assert Path(config.store("disk").path) == tmp_path / "../autre disque"


def test_an_url_is_all_a_site_needs(tmp_path: Path) -> None:
    assert read(tmp_path, '[site.a]\nurl = "http://a.example/"').site("a") == Site(
        "a", ("http://a.example/",)
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[site.a]\nurl = "http://a/"\ndelai = 2', 'did you mean "delay"'),
        ("[sites.a]\n", 'did you mean "site"'),
        ('[site.a]\nurl = "http://a/"\ndelay = "2"', "expected a number"),
        ('[site.a]\nurl = "http://a/"\ndelay = true', "expected a number"),
        ('[site.a]\nurl = "http://a/"\nconcurrency = 0', "between 1 and 64"),
        ('[site.a]\nurl = "http://a/"\nconcurrency = 1.5', "a whole number"),
        ('[site.a]\nurl = "ftp://a/"', "no http:// or https://"),
        ('[site.a]\nurl = "http://me:secret@a/"', "password"),
        ('[site.a]\nurl = "http://a/"\nexclude = ["("]', "no regular expression"),
        ('[site.a]\nurl = "http://a/"\nrobots = "never"', '"own" or "obey"'),
        ("[site.a]\ndelay = 1", "address to crawl is missing"),
        ('[site."Été"]\nurl = "http://a/"', "a-z, 0-9"),
        ('[store.s]\ntype = "s3"', "needs it"),
        ('[store.s]\ntype = "ftp"', '"directory" or "s3"'),
        ('[store.s]\ntype = "s3"\nbucket = "b"\nsecret_key = "x"', "environment variable"),
        ('[archive]\nmin_free = "lots"', "a whole number"),
        ("[archive\n", "not valid TOML"),
        ("site = 3", "write it as [site.NAME]"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    failure = caught.value
    assert says in f"{failure.risk} {failure.what}"
    assert failure.where == str(tmp_path / "jukni.toml")
    assert "secret@" not in f"{failure.risk} {failure.what}"


def test_a_name_that_is_not_there_gets_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="forum"):
        read(tmp_path, WHOLE).site("forums")


def test_keys_come_from_the_environment() -> None:
    store = Store("garage", "s3", bucket="b", access_key_env="A", secret_key_env="B")
    assert store.keys({"A": "key", "B": "secret"}) == ("key", "secret")
    with pytest.raises(UsageError) as caught:
        store.keys({"A": "key"})
    assert "B" in caught.value.what
    assert "key" not in caught.value.what


def test_keys_come_from_a_file_of_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "mes clés"
    path.write_text("key\nsecret\n")
    store = Store("garage", "s3", bucket="b", credentials=str(path))
    path.chmod(0o644)
    with pytest.raises(UsageError, match="open to other users"):
        store.keys({})
    path.chmod(0o600)
    assert store.keys({}) == ("key", "secret")
    path.write_text("only one line")
    with pytest.raises(UsageError, match="two lines"):
        store.keys({})


def test_where_it_is_looked_for(tmp_path: Path) -> None:
    assert find("/given", {}, tmp_path) == Path("/given")
    assert find(None, {"JUKNI_CONFIG": "/named"}, tmp_path) == Path("/named")
    (tmp_path / "jukni.toml").touch()
    assert find(None, {}, tmp_path) == tmp_path / "jukni.toml"


def test_the_fingerprint_follows_the_settings() -> None:
    site = Site("a", ("http://a/",))
    assert fingerprint(site) == fingerprint(Site("a", ("http://a/",)))
    assert fingerprint(site) != fingerprint(Site("a", ("http://a/",), delay=1))


def test_check_site_says_where() -> None:
    with pytest.raises(UsageError) as caught:
        check_site(Site("a", ("nonsense",)), "the command line")
    assert caught.value.where == "the command line"
