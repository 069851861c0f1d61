"""What a person is told: complete, with commands that exist, and explained in docs/troubleshooting.md."""

from __future__ import annotations

import ast
import re
import shlex
from functools import cache

import pytest

from crawler.cli import parser as the_parser
from crawler.spiders.generic import GenericSpider
from storage.errors import BrokenData, Failure
from storage.manifest import NewerFormat
from storage.stores import StoreError
from storage.stores.s3 import _CAUSES
from storage.warc import BrokenRecord
from tests.messages import GAP, ROOT, Message, Source, messages, sources, strings, texts
from tests.test_docs import VERBS, options_of

OWN_WORDS = (NewerFormat, BrokenRecord)
"""Classes that make their message themselves; where they are made, nothing is to be seen of it."""

NO_NEXT = {
    "site \x00 cannot be crawled": "what names the setting; the command line or the file is to be changed",
    "jukni.toml": "where names the file to be changed",
    "there is no \x00 ": "what lists the names there are",
    "the keys of \x00 cannot be read": "what says which two lines the file must have",
    "the index \x00 cannot be read": "told by whoever reads it, with what to do",
    "a manifest cannot be believed": "told by Snapshot.manifest, with what to do",
    "no site can be called so": "what says what is allowed",
    "no single snapshot is meant by": "what lists what there is; a store has no listing of ours",
    "no snapshot \x00 was found in the store": "what lists what there is",
    "was not restored": "restore() adds the command",
    "this is no manifest": "restore() adds the command",
    "a file of the local archive is damaged": "told by push, with what to do",
    "does not answer any more": "the crawl tells it as its own end, with the command that goes on",
    "this is not the address of a store": "what says which addresses are known",
    "stopped by a bug in Jukni": "the same command again, which kept says",
}
"""Messages without a next step, by a part of their first line, and why."""


@cache
def made() -> tuple[Message, ...]:
    found = tuple(m for m in messages() if not m.place.startswith("storage/errors.py"))
    return tuple(m for m in found if m.risk and not all(_bare(risk) == "" for risk in m.risk))


@cache
def program() -> tuple[Source, ...]:
    return tuple(sources())


def _bare(text: str) -> str:
    return text.replace(GAP, "").strip()


def _pattern(text: str) -> re.Pattern[str]:
    """The text as an expression, whatever its gaps hold."""
    return re.compile(".*".join(map(re.escape, text.strip().split(GAP))))


def _is_store_error(message: Message) -> bool:
    return issubclass(message.classes[0], StoreError)


def _shown(message: Message) -> str:
    return f"{message.place} {message.risk[0].replace(GAP, '…')}"


def test_the_messages_are_found() -> None:
    """Nothing below is worth anything when the source is not understood any more."""
    risks = {risk for message in made() for risk in message.risk}
    for known in (
        f"{GAP} is NOT yet safe offsite",
        "the disk is nearly full",
        "the store refused",
        f"{GAP} is not finished",
        f"{GAP} is in a format this Jukni does not know",
    ):
        assert known in risks
    assert len(made()) > 60
    push = next(m for m in made() if "NOT yet safe" in m.risk[0])
    assert {one.__name__ for one in push.classes} == {"RemoteError", "Unproven", "BrokenData"}
    assert f"jukni push {GAP} --to {GAP}" in push.next


@pytest.mark.parametrize("message", made(), ids=_shown)
def test_a_message_says_why_and_what_to_do(message: Message) -> None:
    if message.classes[0] in OWN_WORDS and not message.next:
        return
    assert message.what, "no cause"
    if _is_store_error(message):
        return  # push, restore and the doctor put these into messages of their own, with a command
    exempt = any(_pattern(known).search(message.risk[0]) for known in NO_NEXT)
    assert exempt or any(map(_bare, message.next)) or GAP in "".join(message.next), "no next step"


def test_no_exemption_is_left_over() -> None:
    for known in NO_NEXT:
        without = [m for m in made() if _pattern(known).search(m.risk[0]) and not m.next]
        assert without, f"{known!r} has a next step now"


# --- commands


def _commands() -> list[tuple[str, str]]:
    """(place, command) of every text in the program that is a command of ours."""
    found = []
    for file in program():
        for place, alternatives in strings(file):
            found += [(place, text) for text in alternatives if text.startswith("jukni ")]
        for node in ast.walk(file.tree):
            match node:
                case ast.List(elts=[ast.Constant(value="jukni"), *words]):
                    plain = [word for word in words if not isinstance(word, ast.Starred)]
                    parts = [texts(word, file)[0] for word in plain]
                    found.append((file.place(node), " ".join(["jukni", *parts])))
    return [(place, text) for place, text in found if not _is_title(text)]


def _is_title(text: str) -> bool:
    """The first line of a message, what --version says, and what beginnings are compared with."""
    return text.startswith(f"jukni {GAP}: ") or text in ("jukni ", f"jukni {GAP}")


def test_every_command_can_be_run() -> None:
    """Each is taken by the program's own argument parser once its gaps are filled."""
    commands = _commands()
    assert len(commands) > 15
    wrong = []
    for place, text in commands:
        filled = re.sub(r"SITE(/TIME)?|URL", "x", text.replace(GAP, "1"))
        try:
            words = shlex.split(filled)[1:]
            known = VERBS[the_parser().parse_args(words).verb]
            assert {word.partition("=")[0] for word in words if word.startswith("--")} <= options_of(known)
        except (SystemExit, AssertionError):
            wrong.append(f"{place}: {text.replace(GAP, '…')}")
    assert wrong == []


def test_commands_in_passing_name_verbs_that_exist() -> None:
    """`jukni VERB` in docstrings, comments and tables."""
    wrong = []
    for file in program():
        for found in re.finditer(r"`jukni ([a-z]+)", file.path.read_text("utf-8")):
            if found[1] not in VERBS:
                wrong.append(f"{file.name}: {found[0]}")
    assert wrong == []


def test_scrapy_knows_the_spider_the_docs_name() -> None:
    assert GenericSpider.name == "generic"


# --- the docs


def entries(text: str) -> list[tuple[list[str], str]]:
    """(symptoms, whole entry) of each entry: its symptoms are the lines of the block it begins with."""
    found = []
    for part in re.split(r"^#{2,3} .*$", text, flags=re.M)[1:]:
        if block := re.match(r"\s*```\n(.*?)```", part, re.S):
            found.append((block[1].splitlines(), part))
    return found


@cache
def troubleshooting() -> str:
    return (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")


def _codes(entry: str) -> set[int]:
    named = re.findall(r"[Ee]xit codes? ((?:\d+(?:, | and |,? or )?)+)", entry)
    return {int(code) for group in named for code in re.findall(r"\d+", group)}


@pytest.mark.parametrize("message", made(), ids=_shown)
def test_every_message_has_an_entry(message: Message) -> None:
    if message.classes[0] in OWN_WORDS and not message.what:
        return
    for risk in message.risk:
        expected = _pattern(risk)
        having = [part for lines, part in entries(troubleshooting()) if any(map(expected.fullmatch, lines))]
        assert having, f"no entry of docs/troubleshooting.md begins with: {risk.replace(GAP, '…')}"
        for one in message.classes:
            code = one.exit_code
            assert any(code in _codes(part) for part in having), f"exit code {code} is not told"


def test_the_check_of_entries_can_fail() -> None:
    found = entries("## A\n```\nthe disk is on fire\n```\nExit code 8, or exit code 130.\n## B\nno block\n")
    assert [lines for lines, _ in found] == [["the disk is on fire"]]
    assert _codes(found[0][1]) == {8, 130}
    assert _codes("Exit code 1, 5 and 4, in this order. 17") == {1, 4, 5}
    assert not _pattern(f"{GAP} is full").fullmatch("the disk is on fire")


def _unmarked(text: str) -> str:
    return " ".join(re.sub(r"[`*]", "", text).split())


def test_what_stores_say_is_explained() -> None:
    doc = _unmarked(troubleshooting())
    causes = [what for m in made() if _is_store_error(m) for what in m.what]
    causes += list(_CAUSES.values())
    s3 = next(file for file in program() if file.name == "storage/stores/s3.py")
    causes += [
        text
        for node in ast.walk(s3.tree)
        if isinstance(node, ast.FunctionDef) and node.name == "_why"
        for inner in ast.walk(node)
        if isinstance(inner, ast.Return) and inner.value
        for text in texts(inner.value, s3)
    ]
    assert len(causes) > 25
    for cause in causes:
        told = max((_unmarked(part) for part in cause.split(GAP)), key=len).split(" (")[0].strip(":; ")
        if len(told) > 5:
            assert told.lower() in doc.lower(), f"{cause.replace(GAP, '…')!r} is not explained"


def _first_words(names: set[str], files: tuple[str, ...], number: int = 0) -> set[str]:
    """Argument `number` of each call of one of these names in these files, where it is a plain text."""
    found = set()
    for file in program():
        if not file.name.startswith(files):
            continue
        for node in ast.walk(file.tree):
            if isinstance(node, ast.Call) and len(node.args) > number:
                called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
                called = node.func.id if isinstance(node.func, ast.Name) else called
                if called in names:
                    found |= set(texts(node.args[number], file))
    return {text for text in found if _bare(text)}


def test_every_reason_why_an_address_is_missing_is_explained() -> None:
    kinds = _first_words({"Unreachable"}, ("crawler/capture",)) - {GAP}
    assert {"resolve", "refused", "tls", "proxy"} <= kinds
    for kind in kinds:
        assert f"`{kind}: …`" in troubleshooting(), kind


def test_every_rule_that_leaves_an_address_out_is_explained() -> None:
    found = [
        texts(node.args[1], file)[0]
        for file in program()
        if file.name == "crawler/scope.py"
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Verdict"
        and isinstance(node.args[0], ast.Constant)
        and node.args[0].value is False
    ]
    rules = {rule.partition(":")[0] for rule in found} | _first_words({"skip_pattern"}, ("crawler",), 1)
    rules |= _first_words({"skipped", "_leave_out"}, ("crawler",), 1)
    assert {"off-site", "harm", "limit", "novelty", "robots"} <= rules
    for rule in rules:
        assert re.search(rf"`{rule}(:…)?`", troubleshooting()), f"the rule {rule} is not explained"


def test_every_row_of_the_doctor_is_explained() -> None:
    rows = _first_words({"Check", "Trial"}, ("crawler/doctor.py", "storage/stores/probe.py"))
    rows = {row for row in rows if GAP not in row}
    assert {"disk", "clock", "protection"} <= rows
    part = troubleshooting().partition("## What the doctor looks at")[2]
    for row in rows:
        assert f"`{row}`" in part, row


def test_every_problem_that_verify_lists_is_explained() -> None:
    files = ("storage/verify.py", "storage/view.py")
    problems = _first_words({"broken", "unproven"}, files, 1) | _first_words({"_say"}, files)
    assert len(problems) > 15
    part = _unmarked(troubleshooting().partition("### What verify lists")[2].partition("\n### ")[0])
    for problem in problems:
        told = max((_unmarked(piece) for piece in problem.split(GAP)), key=len).strip(":, ")
        assert told in part, f"{problem.replace(GAP, '…')!r} is not explained"


def test_exit_codes_are_those_of_errors() -> None:
    from storage import errors

    codes = {value for name, value in vars(errors).items() if name.isupper() and isinstance(value, int)}
    rows = re.findall(r"^\| (\d+) \|", troubleshooting(), re.M)
    assert [int(row) for row in rows] == sorted(codes)


def test_failures_have_codes_of_their_own() -> None:
    assert issubclass(BrokenData, Failure) and BrokenData.exit_code == 5
