"""The arrows of the design: who may import whom."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def imports(path: Path, root: Path) -> Iterator[str]:
    """Every module a file imports, in full, wherever in it the import stands."""
    package = path.relative_to(root).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{name.name}" for name in node.names)


def offenders(root: Path, inside: str, forbidden: tuple[str, ...], homes: tuple[str, ...] = ()) -> list[str]:
    """Files under `inside`, other than the `homes`, that import something forbidden."""
    found = []
    for path in sorted((root / inside).rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if name in homes:
            continue
        for module in imports(path, root):
            if any(module == word or module.startswith(word + ".") for word in forbidden):
                found.append(f"{name} imports {module}")
    return found


RULES = {
    "storage knows nothing of the crawler": ("storage", ("crawler", "scrapy", "twisted"), ()),
    "boto3 has one home": ("storage", ("boto3", "botocore"), ("storage/stores/s3.py",)),
    "internetarchive has one home": (".", ("internetarchive", "requests"), ("storage/archive_org/item.py",)),
    "the crawler never speaks S3 by itself": ("crawler", ("boto3", "botocore"), ()),
    "the capture knows no Scrapy": ("crawler/capture", ("scrapy", "twisted", "crawler.engine"), ()),
    "replay and checking tools stay outside": (
        ".",
        ("pywb", "warcio", "fastwarc", "cdxj_indexer"),
        (),
    ),
    "only Scrapy's meeting place knows Scrapy": (
        "crawler",
        ("scrapy", "twisted"),
        (
            "crawler/run.py",
            "crawler/engine/addon.py",
            "crawler/engine/handler.py",
            "crawler/engine/scheduler.py",
            "crawler/spiders/generic.py",
        ),
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_arrows(rule: str) -> None:
    inside, forbidden, homes = RULES[rule]
    folders = ["crawler", "storage"] if inside == "." else [inside]
    found = [line for folder in folders for line in offenders(ROOT, folder, forbidden, homes)]
    assert found == []


def test_the_check_can_fail(tmp_path: Path) -> None:
    folder = tmp_path / "storage" / "stores"
    folder.mkdir(parents=True)
    (folder / "bad.py").write_text("def f():\n    from crawler import run\n", "utf-8")
    (folder / "worse.py").write_text("from ... import crawler\nimport boto3.session\n", "utf-8")
    assert len(offenders(tmp_path, "storage", ("crawler", "boto3"))) >= 3


def test_no_utils() -> None:
    names = {path.stem for folder in ("crawler", "storage") for path in (ROOT / folder).rglob("*.py")}
    assert not names & {"utils", "util", "helpers", "misc", "common"}


def test_files_stay_short() -> None:
    """Around 300 lines a file should ask itself whether it is two; at 500 it is."""
    long = {
        path.relative_to(ROOT).as_posix(): count
        for folder in ("crawler", "storage")
        for path in (ROOT / folder).rglob("*.py")
        if (count := len(path.read_text("utf-8").splitlines())) > 500
    }
    assert long == {}
