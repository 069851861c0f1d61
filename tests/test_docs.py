"""The docs say what the program does: options, keys, formats, links and words are checked against it."""

from __future__ import annotations

import argparse
import ast
import dataclasses
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler import cli, config
from crawler.archive_org import ArchiveOrg
from storage import cdxj, proof, seal
from storage.__main__ import _parser as rescue_parser
from storage.archive_org.item import Item
from storage.archive_org.ledger import Entry
from storage.archive_org.receipts import Receipt, Summary
from storage.errors import UsageError
from storage.manifest import Manifest
from tests.messages import GAP, ROOT, source, sources, strings

PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").glob("*.md"))
    if "CHANGELOG" not in path.name
)
HOW_TO = (ROOT / "docs" / "how-to.md").read_text("utf-8")
FORMAT = (ROOT / "docs" / "archive-format.md").read_text("utf-8")
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text("utf-8")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(text: str, *languages: str) -> list[str]:
    """The fenced blocks in one of these languages."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", text, re.M | re.S)
    return [block for language, block in found if language in languages]


def inline(text: str) -> list[str]:
    """What stands between backquotes in a line."""
    outside = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    return re.findall(r"`([^`\n]+)`", outside.replace("\n", " ")) + re.findall(r"`([^`\n]+)`", outside)


# --- commands


@dataclasses.dataclass(frozen=True)
class Command:
    """One command of ours as a page shows it. words: behind the program's name."""

    page: str
    words: tuple[str, ...]
    rescue: bool = False


def commands_in(line: str, page: str) -> Iterator[Command]:
    """The commands of ours in one line of a shell."""
    for part in re.split(r"\s*(?:&&|;|\|)\s*|<!--", line.removeprefix("$ ").strip()):
        words = part.replace("…", "").split("   #")[0]
        if found := re.match(r"(?:runuser .* )?(?:\./|/opt/jukni/)?jukni ([a-zA-Z-]+(?: .*)?)$", words):
            yield Command(page, tuple(shlex.split(found[1])))
        elif found := re.match(r"(?:\S*/)?python3? -m storage (.*)", words):
            yield Command(page, tuple(shlex.split(found[1])), rescue=True)


def shown() -> list[Command]:
    """Every command of ours in a block for a shell."""
    found = []
    for path in PAGES:
        for block in blocks(path.read_text("utf-8"), "sh", "console"):
            for line in block.replace("\\\n", " ").splitlines():
                found += list(commands_in(line, name_of(path)))
    return found


def mentioned() -> list[Command]:
    """Every command of ours in the running text; it may be cut short."""
    found = []
    for path in PAGES:
        for code in inline(path.read_text("utf-8")):
            found += [one for one in commands_in(code, name_of(path)) if "..." not in code]
    return found


def _choices(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    assert parser._subparsers is not None
    return {
        name: sub
        for action in parser._subparsers._group_actions
        if isinstance(action.choices, dict)
        for name, sub in action.choices.items()
    }


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    return {option for action in parser._actions for option in action.option_strings}


VERBS = _choices(cli.parser())
RESCUE = _choices(rescue_parser({}))


def test_the_pages_show_commands() -> None:
    assert len(shown()) > 20 and len(mentioned()) > 20
    assert {name_of(path) for path in PAGES} >= {"README.md", "docs/tutorial.md", "deploy/README.md"}


@pytest.mark.parametrize("command", dict.fromkeys(shown()), ids=lambda c: f"{c.page} {' '.join(c.words)}")
def test_a_shown_command_is_understood(command: Command) -> None:
    parser = rescue_parser({}) if command.rescue else cli.parser()
    if command.words == ("--version",):
        return
    parser.parse_args(list(command.words))
    verb, *words = command.words
    for word in words:  # in full: argparse would take the beginning of an option too
        if word.startswith("--"):
            assert word.partition("=")[0] in options_of((RESCUE if command.rescue else VERBS)[verb])


@pytest.mark.parametrize("command", dict.fromkeys(mentioned()), ids=lambda c: f"{c.page} {' '.join(c.words)}")
def test_a_command_in_the_text_has_a_verb_and_options_that_exist(command: Command) -> None:
    verb, *words = command.words
    if verb.startswith("--"):
        assert verb in options_of(cli.parser())
        return
    known = RESCUE if command.rescue else VERBS
    assert verb in known or verb in ("VERB",), f"{command.page} has a verb {verb!r}"
    for word in words:
        if word.startswith("-") and verb in known:
            assert word.partition("=")[0] in options_of(known[verb]), f"{command.page}: {verb} has no {word}"


def test_options_in_the_text_exist() -> None:
    known = {
        one for parser in (*VERBS.values(), *RESCUE.values(), cli.parser()) for one in options_of(parser)
    }
    foreign = {"--warc-file"}
    for path in PAGES:
        for code in inline(path.read_text("utf-8")):
            if code.startswith("--") and (option := re.match(r"--?[a-z][a-z-]*", code)):
                assert option[0] in known | foreign, f"{name_of(path)}: {option[0]}"


def test_every_verb_and_option_is_in_the_docs() -> None:
    text = "\n".join(path.read_text("utf-8") for path in PAGES)
    for verb, parser in VERBS.items():
        assert re.search(rf"jukni {verb}\b", text), f"no page shows jukni {verb}"
        for option in options_of(parser) - {"-h", "--help", "--verbose"}:
            assert re.search(rf"(?<![\w-]){option}\b", text), f"no page speaks of {option} ({verb})"
    for parser in RESCUE.values():
        for option in options_of(parser) - {"-h", "--help"}:
            assert re.search(rf"(?<![\w-]){option}\b", text), f"no page speaks of {option} (storage)"


def test_every_verb_is_in_the_readme() -> None:
    table = re.findall(r"^\| (.*?) \|", (ROOT / "README.md").read_text("utf-8"), re.M)
    words = " ".join(table)
    for verb in VERBS:
        assert re.search(rf"`{verb}\b", words), f"README's table has no {verb}"


# --- jukni.toml


def _rows(section: str) -> dict[str, str]:
    """Key → default cell of the table below a heading of the how-to."""
    part = HOW_TO.partition(f"\n### {section}\n")[2]
    part = re.split(r"\n##", part)[0]
    return dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", part, re.M))


@pytest.mark.parametrize(
    ("section", "kind", "extra"),
    [
        ("[archive]", config.Archive, set()),
        ("[site.NAME]", config.Site, {"url"}),
        ("[store.NAME]", config.Store, set()),
        ("[archive_org]", ArchiveOrg, set()),
    ],
)
def test_every_key_is_documented_with_its_default(section: str, kind: type, extra: set[str]) -> None:
    rows = _rows(section)
    fields = {field.name: field for field in dataclasses.fields(kind) if field.name != "name"}
    assert set(rows) == set(fields) | extra
    reader = config._Reader(ROOT / "docs" / "how-to.md")
    for key, field in fields.items():
        cell = rows[key]
        if not cell.startswith("`"):
            assert cell in ("needed", "none")
            assert field.default is (None if cell == "none" else dataclasses.MISSING)
            continue
        written = tomllib.loads(f"x = {cell.strip('`')}")["x"]
        if key == "urls":
            assert written == []
            continue
        assert reader.value(field.type, written, key) == field.default, f"the default of {key}"


def test_examples_of_jukni_toml_are_valid(tmp_path: Path) -> None:
    path = tmp_path / "jukni.toml"
    found = [(name_of(page), block) for page in PAGES for block in blocks(page.read_text("utf-8"), "toml")]
    assert len(found) > 4
    for page, block in found:
        path.write_text(block, "utf-8")
        try:
            config.load(path)
        except UsageError as error:
            raise AssertionError(f"{page}: {error}") from error


# --- the archive


def _between(text: str, heading: str) -> str:
    return re.split(r"\n## ", text.partition(f"\n## {heading}\n")[2])[0]


def _first_cells(text: str) -> set[str]:
    cells = re.findall(r"^\| (.*?) \|", text, re.M)
    return {word for cell in cells for word in re.findall(r"`([\w.-]+)`", cell)}


def _words(path: str, pattern: str) -> set[str]:
    return set(re.findall(pattern, (ROOT / path).read_text("utf-8")))


def test_every_warc_field_is_documented() -> None:
    written = _words("storage/records.py", r"\b(WARC-[A-Z][A-Za-z-]+)") - {"WARC-Date"}
    assert len(written) > 12
    assert written <= set(re.findall(r"WARC-[A-Z][A-Za-z-]+", _between(FORMAT, "WARC records")))


def test_every_metadata_field_is_documented() -> None:
    about = _words("storage/records.py", r'\("(\w+)", (?:via|hops|str|exchange|", ")')
    about |= _words("storage/records.py", r'found(?:\.append\(| = \[)\("(\w+)"') | {"not-indexed"}
    assert {"via", "hopsFromSeed", "redacted", "why"} <= about
    assert about <= _first_cells(_between(FORMAT, "WARC records"))


def test_every_field_of_the_index_is_documented() -> None:
    fields = {"url", "mime", "status", "digest", "length", "offset", "filename", "type", *cdxj._OURS}
    assert _first_cells(_between(FORMAT, "The index")) == fields
    line = cdxj.Line(
        key="k",
        timestamp="0" * 14,
        url="u",
        mime="m",
        status=1,
        digest="d",
        length=1,
        offset=1,
        filename="f",
        kind="revisit",
    )
    assert set(re.findall(r'"(\w+)":', line.to_text())) <= fields


def test_the_manifest_is_documented() -> None:
    part = _between(FORMAT, "manifest.json")
    (example,) = blocks(part, "json")
    fields = {"format", "self", *(field.name for field in dataclasses.fields(Manifest))}
    assert set(re.findall(r'^ "(\w+)":', example, re.M)) == fields - {"private"}
    assert "private" in _first_cells(part)
    counts = {*seal.COUNTED_HERE, *_counts()}
    assert counts <= _first_cells(part)


def _counts() -> set[str]:
    """The counts that the crawl gives to the manifest."""
    tree = source(ROOT / "crawler" / "ending.py").tree
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "counts" and isinstance(node.value, ast.Dict):
            return {str(key.value) for key in node.value.keys if isinstance(key, ast.Constant)}
    raise AssertionError("crawler/ending.py gives no counts any more")


def test_coverage_is_documented() -> None:
    tree = source(ROOT / "crawler" / "coverage.py").tree
    report = next(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == "report")
    returned = [node.value for node in ast.walk(report) if isinstance(node, ast.Return)]
    keys = {
        key.value
        for value in returned
        if isinstance(value, ast.Dict)
        for key in value.keys
        if isinstance(key, ast.Constant)
    }
    assert "verdict" in keys
    assert _first_cells(_between(FORMAT, "coverage.json")) == keys | {"notes"}


def test_a_proof_is_documented() -> None:
    (example,) = blocks(_between(FORMAT, "Proofs"), "json")
    assert set(re.findall(r'^ "(\w+)":', example, re.M)) == {f.name for f in dataclasses.fields(proof.Proof)}


def test_what_is_kept_of_archive_org_is_documented() -> None:
    part = _first_cells(_between(FORMAT, "At archive.org"))
    for kind in (Summary, Receipt, Entry, Item):
        assert {field.name for field in dataclasses.fields(kind)} <= part, kind


# --- links


def _anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as the usual viewers make them."""
    headings = re.findall(
        r"^#+ (.*)$", re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.M | re.S), re.M
    )
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}


def test_links_lead_somewhere() -> None:
    count = 0
    for page in [*PAGES, ROOT / "CHANGELOG.md"]:
        text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.M | re.S)
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+://|mailto:", link):
                continue
            count += 1
            name, _, anchor = link.partition("#")
            target = (page.parent / name).resolve() if name else page
            assert target.exists(), f"{name_of(page)} links to {link}"
            if anchor:
                assert anchor in _anchors(target), f"{name_of(page)} links to {link}"
    assert count > 40


def test_the_index_has_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in index, page.name


def test_decisions_are_numbered_one_by_one() -> None:
    names = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert [name[:3] for name in names] == [f"{number:03}" for number in range(1, len(names) + 1)]
    for name in names:
        text = (ROOT / "docs" / "decisions" / name).read_text("utf-8")
        assert text.startswith(f"# {name[:3]} ")
        for part in ("**Choice.**", "**Reason.**", "**What would reverse it.**"):
            assert part in text, f"{name} has no {part}"


# --- words

PLAIN = frozenset(
    ("project", "target", "engine", "start URL", "filter", "queue", "job", "hit", "row", "listing", "remote")
) | frozenset(("sync", "test", "log", "OK", "asset", "repository"))
"""Words of the glossary's last column that also have a plain meaning of their own in a message."""
SAID = ("one disk is no backup",)


def avoided() -> set[str]:
    """Words that no message of ours may use."""
    rows = re.findall(r"^\| .* \| .* \| (.*) \|$", GLOSSARY, re.M)
    words = {word.strip() for row in rows for word in row.split(",")} - {"not", "---", ""}
    assert words >= PLAIN
    return words - PLAIN


def misused(text: str) -> list[str]:
    for known in SAID:
        text = text.replace(known, "")
    return [word for word in avoided() if re.search(rf"\b{re.escape(word)}(?:s|ed|ing)?\b", text, re.I)]


def test_messages_use_the_words_of_the_glossary() -> None:
    assert {"backend", "checksum", "upload", "download", "validate", "memento"} <= avoided()
    wrong = [
        f"{place}: {text.replace(GAP, '…')!r}"
        for file in sources()
        for place, alternatives in strings(file)
        for text in alternatives
        if " " in text and misused(text)
    ]
    assert wrong == []


def test_help_uses_the_words_of_the_glossary() -> None:
    for name, parser in VERBS.items():
        assert misused(parser.format_help()) == [], name


def test_the_check_of_words_can_fail() -> None:
    assert misused("the checksum of the backend was uploaded") != []
    assert misused("one disk is no backup") == []


def test_every_word_of_the_design_is_in_the_glossary() -> None:
    """Those that messages and files use."""
    words = set(re.findall(r"^\| \*\*([\w ]+)\*\*", GLOSSARY, re.M))
    assert {"site", "seed", "scope", "frontier", "crawl", "exchange", "capture", "record", "revisit"} <= words
    assert {"coverage", "snapshot", "manifest", "collection", "store", "push", "verify", "restore"} <= words
    assert {"proof", "verdict", "browse", "drill", "rebuild", "inventory", "payload digest"} <= words
