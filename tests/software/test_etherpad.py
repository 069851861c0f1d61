"""Addresses of pads, and what an export is worth; the answers are those of Etherpad 1.8 and 2."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from crawler.harm import harm
from crawler.software import Ask, Count, Found, Heard, Installed, Item, Page
from crawler.software.etherpad import Etherpad
from tests.software.walker import Walked

BASE = "https://pads.example/"
PADS = Etherpad(BASE)


def page(url: str, body: str | bytes, mime: str = "text/html", status: int = 200) -> Page:
    data = body.encode() if isinstance(body, str) else body
    return Page(BASE + url, status, mime, data, datetime(2026, 11, 22, tzinfo=UTC), (), len(data))


def history(name: str = "Réunion", revisions: int = 3, messages: int = 1) -> dict[str, Any]:
    """A history as an export gives it."""
    pad = {"atext": {"text": 'Dit : "head":9\n', "attribs": "|1+f"}, "pool": {"nextNum": 0}}
    data: dict[str, Any] = {f"pad:{name}": {**pad, "head": revisions - 1, "chatHead": messages - 1}}
    data["globalAuthor:a.Zoé"] = {"colorId": 3, "name": "Zoé", "timestamp": 1, "padIDs": name}
    for number in range(revisions):
        meta = {"author": "a.Zoé" if number else "", "timestamp": 1_700_000_000_000 + number}
        data[f"pad:{name}:revs:{number}"] = {"changeset": "Z:1>1+1$é", "meta": meta}
    for number in range(messages):
        data[f"pad:{name}:chat:{number}"] = {"text": f'"pad:{name}:revs:99":{{', "userId": "a.Zoé"}
    return data


def exported(data: object, name: str = "R%C3%A9union") -> Page:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return page(f"p/{name}/export/etherpad", text, "application/octet-stream")


def read(of: Page) -> list[Found]:
    return list(PADS.read(of, Walked()))


# --- addresses


@pytest.mark.parametrize(
    "view", ["", "/", "?showChat=false&lang=fr", "/timeslider", "/timeslider?rev=3", "/export/etherpad"]
)
def test_every_address_of_a_pad_leads_to_its_history(view: str) -> None:
    said = PADS.classify(f"{BASE}p/compte-rendu{view}")
    assert said is not None
    assert (said.kind, said.id, said.keep, said.item) == ("pad", "compte-rendu", True, True)
    assert said.url == f"{BASE}p/compte-rendu/export/etherpad"


@pytest.mark.parametrize("form", ["txt", "html"])
def test_another_form_leads_to_the_history_first(form: str) -> None:
    """An old server makes the pad whose text is asked for."""
    said = PADS.classify(f"{BASE}p/compte-rendu/export/{form}")
    assert said is not None
    assert said.url == f"{BASE}p/compte-rendu/export/etherpad"


@pytest.mark.parametrize(
    ("spelt", "name", "address"),
    [
        ("R%C3%A9union%20d'%C3%A9t%C3%A9", "Réunion_d'été", "R%C3%A9union_d'%C3%A9t%C3%A9"),
        ("projet::caf%C3%A9%20%20du%20coin", "projet_café_du_coin", "projet_caf%C3%A9_du_coin"),
        ("R%26D", "R&D", "R%26D"),
        ("R&D", "R&D", "R%26D"),
        ("50%25%3F", "50%?", "50%25%3F"),
        ("r.0a1b2c3d4e5f60718293a4b5c6d7e8f9",) + ("r.0a1b2c3d4e5f60718293a4b5c6d7e8f9",) * 2,
        ("g.0123456789abcdef$secret",) * 2 + ("g.0123456789abcdef%24secret",),
    ],
)
def test_a_name_is_written_as_the_server_writes_it(spelt: str, name: str, address: str) -> None:
    said = PADS.classify(f"{BASE}p/{spelt}")
    assert said is not None
    assert (said.id, said.url) == (name, f"{BASE}p/{address}/export/etherpad")


@pytest.mark.parametrize(
    ("view", "rule"),
    [
        ("p/x/12/export/html", "etherpad:revision"),
        ("p/x/export/markdown", "etherpad:view"),
        ("p/x/qr_generate", "etherpad:view"),
        ("javascript", "etherpad:program"),
        ("static/js/require-kernel.js", "etherpad:program"),
    ],
)
def test_what_is_left_out_says_why(view: str, rule: str) -> None:
    said = PADS.classify(BASE + view)
    assert said is not None
    assert (said.keep, said.rule) == (False, rule)
    assert said.reason


@pytest.mark.parametrize("view", ["p/x/import", "p/x/export/pdf", "p/x/export/docx", "p/x/export/odt"])
def test_what_writes_or_converts_is_refused(view: str) -> None:
    assert harm(BASE + view) is not None


@pytest.mark.parametrize("name", ["admin", "delete", "search", "logout", "Sp%C3%A9cial:Connexion"])
def test_a_pad_may_bear_any_name(name: str) -> None:
    said = PADS.classify(f"{BASE}p/{name}")
    assert said is not None
    assert harm(said.url, {"etherpad"}) is None


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://pads.example/p/compte-rendu", "https://pads.example/"),
        ("https://pads.example/p/compte-rendu/", "https://pads.example/"),
        ("https://pads.example/p/R%C3%A9union?lang=fr", "https://pads.example/"),
        ("https://asso.example/outils/pads/p/x/timeslider", "https://asso.example/outils/pads/"),
        ("https://asso.example/p/x/export/html", "https://asso.example/"),
        ("https://asso.example/p/x/12/export/txt", "https://asso.example/"),
    ],
)
def test_the_address_of_a_pad_gives_the_server_away(url: str, base: str) -> None:
    assert Etherpad.claims(url) == Installed("etherpad", base)


@pytest.mark.parametrize(
    "url",
    [
        "https://pads.example/",
        "https://pads.example/p/",
        "https://wiki.example/p/a/b",
        "https://wiki.example/doku.php?id=p/x",
    ],
)
def test_other_addresses_are_nobodys(url: str) -> None:
    assert Etherpad.claims(url) is None


@pytest.mark.parametrize(
    ("url", "body", "mime", "base"),
    [
        ("", '<!doctype html><title>Nos pads</title><form action="#" id="go2Name">', "text/html", BASE),
        ("pads/", '<script src="../static/js/pad.js?callback=require.define">', "text/html", f"{BASE}pads/"),
        ("p/12", '<title>Etherpad</title><div id="editorcontainerbox">', "text/html", BASE),
        ("pads/api", '{"currentVersion":"1.2.15"}', "application/json", f"{BASE}pads/"),
    ],
)
def test_it_is_recognised(url: str, body: str, mime: str, base: str) -> None:
    assert Etherpad.detect(page(url, body, mime)) == Installed("etherpad", base)


@pytest.mark.parametrize(
    ("url", "body", "mime"),
    [
        ("", "<title>Etherpad, comment ça marche</title>", "text/html"),
        ("api", '{"version":2}', "application/json"),
        ("api", "[]", "application/json"),
    ],
)
def test_others_are_not_taken_for_it(url: str, body: str, mime: str) -> None:
    assert Etherpad.detect(page(url, body, mime)) is None


# --- what an answer is


@pytest.mark.parametrize(
    ("of", "verdict"),
    [
        (exported(history()), "ok"),
        (exported({"pad:Réunion": None}), "missing"),
        (exported({}), "missing"),
        (exported([1]), "challenge"),
        (exported({"message": "no"}), "challenge"),
        (page("p/x/export/etherpad", "<form><input type=password></form>"), "denied"),
        (page("p/x/export/etherpad", "<p>Une erreur"), "challenge"),
        (page("p/x/export/etherpad", '{"pad:x":{"head":1', "application/json"), "challenge"),
        (page("p/x/export/txt", "", "text/plain"), "ok"),
        (page("p/x/export/txt", "<p>Une erreur"), "challenge"),
        (page("p/x/export/html", "<title>x</title>L'été"), "ok"),
        (page("p/x/export/html", "<form><input type=password></form>"), "denied"),
        (page("api", '{"currentVersion":"1.2.15"}', "application/json"), "ok"),
        (page("api", "<p>Accueil"), "missing"),
    ],
)
def test_an_answer_is_what_it_is_whatever_its_status(of: Page, verdict: str) -> None:
    accepted = PADS.accept(of)
    assert accepted.verdict == verdict
    assert bool(accepted.why) == (verdict != "ok")


# --- what a history tells


def test_a_history_tells_its_revisions_messages_and_forms() -> None:
    found = read(exported(history(revisions=3, messages=1)))
    counts = {one.kind: (one.n, one.group, one.bound) for one in found if isinstance(one, Count)}
    assert counts == {"revision": (3, "Réunion", "exact"), "message": (1, "Réunion", "exact")}
    there = [(one.kind, one.id) for one in found if isinstance(one, Item) and one.state == "captured"]
    assert there == [*(("revision", f"Réunion@{n}") for n in range(3)), ("message", "Réunion@0")]
    wanted = {one.kind: (one.url, one.as_page) for one in found if isinstance(one, Item) and one.url}
    assert wanted == {
        "text": (f"{BASE}p/R%C3%A9union/export/txt", False),
        "html": (f"{BASE}p/R%C3%A9union/export/html", True),
    }
    assert Heard("revision", "export") in found


def test_a_revision_that_is_not_in_the_history_shows() -> None:
    data = history(revisions=4)
    del data["pad:Réunion:revs:2"]
    found = read(exported(data))
    (count,) = [one for one in found if isinstance(one, Count) and one.kind == "revision"]
    there = [one for one in found if isinstance(one, Item) and one.kind == "revision"]
    assert (count.n, len(there)) == (4, 3)


def test_a_revision_without_a_record_shows() -> None:
    data = history(revisions=2)
    data["pad:Réunion:revs:1"] = None
    found = read(exported(data))
    assert [one.id for one in found if isinstance(one, Item) and one.kind == "revision"] == ["Réunion@0"]


def test_a_pad_without_chat_has_no_messages() -> None:
    found = read(exported(history(messages=0)))
    assert [one.n for one in found if isinstance(one, Count) and one.kind == "message"] == [0]


def test_of_a_read_only_pad_the_name_in_the_history_is_another() -> None:
    """1.8 writes the real name there."""
    of = exported(history("caché", 2), "r.0a1b")
    assert PADS.accept(of).verdict == "ok"
    there = [one.id for one in read(of) if isinstance(one, Item) and one.kind == "revision"]
    assert there == ["r.0a1b@0", "r.0a1b@1"]


def test_a_history_longer_than_is_read_claims_no_more_than_is_seen() -> None:
    of = replace(exported(history(revisions=3)), whole=False)
    of = replace(of, body=of.body[: of.body.index(b":revs:2")])
    assert PADS.accept(of).verdict == "ok"
    found = read(of)
    assert [(one.n, one.bound) for one in found if isinstance(one, Count)] == [(3, "at most"), (1, "at most")]
    assert [one.id for one in found if isinstance(one, Item) and one.group] == ["Réunion@0", "Réunion@1"]
    assert PADS.accept(replace(of, body=b"x")).verdict == "challenge"


def test_only_a_history_is_read() -> None:
    assert read(page("p/x/export/html", "<p>x")) == read(page("", "<p>x")) == []


def test_the_interface_is_asked_which_it_is() -> None:
    assert list(PADS.seeds()) == [Ask(f"{BASE}api")]


def test_the_pad_as_it_is_now_is_taken_out() -> None:
    (pad,) = PADS.extract(exported(history(revisions=3)))
    assert (pad.id, pad.revision, pad.author, pad.source) == ("Réunion", "2", "Zoé", 'Dit : "head":9\n')
    assert pad.date == "2023-11-14T22:13:20.002000+00:00"


def test_nothing_is_taken_out_of_the_rest() -> None:
    assert list(PADS.extract(page("p/x/export/html", "<p>x"))) == []
    assert list(PADS.extract(exported([]))) == []
