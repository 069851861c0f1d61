"""Every message of the program, read out of its source: what `tests/test_messages.py` holds against the docs.

A text is a list of alternatives; in each, GAP stands for what is only known when the program runs.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from types import ModuleType

from storage.errors import Failure
from storage.stores import StoreError

ROOT = Path(__file__).resolve().parent.parent
GAP = "\0"
_MOST = 16  # alternatives of one text that are told apart

Functions = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Message:
    """One place where a Failure is made. classes: those it may be of. The rest: texts by keyword."""

    place: str
    classes: tuple[type[Failure], ...]
    risk: tuple[str, ...]
    what: tuple[str, ...]
    next: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """One file of the program, parsed, with its module, so that names can be looked up."""

    path: Path
    tree: ast.Module
    module: ModuleType
    parents: dict[ast.AST, ast.AST] = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """The node's parents, the nearest first."""
        while (above := self.parents.get(node)) is not None:
            yield above
            node = above

    def place(self, node: ast.AST) -> str:
        return f"{self.name}:{getattr(node, 'lineno', 0)}"


def sources(*folders: str) -> list[Source]:
    """All files of the program."""
    found = []
    for folder in folders or ("crawler", "storage"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path.name == "__main__.py" and folder == "crawler":
                continue  # importing it runs the program
            found.append(source(path))
    return found


def source(path: Path) -> Source:
    """One file; it is imported too."""
    tree = ast.parse(path.read_text("utf-8"))
    dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    return Source(path, tree, importlib.import_module(dotted), parents)


def texts(node: ast.AST, file: Source, depth: int = 0) -> tuple[str, ...]:
    """The alternatives of a text; names are followed to what is assigned to them."""
    found: list[str]
    match node:
        case ast.Constant(value=str(value)):
            return (value,)
        case ast.JoinedStr(values=parts):
            found = _joined([texts(part, file, depth) for part in parts])
        case ast.FormattedValue(value=ast.IfExp() as inner):
            found = list(texts(inner, file, depth))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            found = _joined([texts(left, file, depth), texts(right, file, depth)])
        case ast.IfExp(body=one, orelse=other):
            found = [*texts(one, file, depth), *texts(other, file, depth)]
        case ast.BoolOp(values=values):
            found = [text for value in values for text in texts(value, file, depth)]
        case ast.Name(id=name) if depth < 3:
            found = [
                text for value in _assigned(name, node, file) for text in texts(value, file, depth + 1)
            ] or [GAP]
        case _:
            found = [GAP]
    return tuple(dict.fromkeys(found))[:_MOST]


def _joined(parts: list[tuple[str, ...]]) -> list[str]:
    return ["".join(choice) for choice in product(*parts)][:_MOST]


def _assigned(name: str, node: ast.AST, file: Source) -> list[ast.expr]:
    """What is assigned to a name in the nearest function, or else in the module, that assigns it."""
    for around in file.around(node):
        if isinstance(around, Functions | ast.Module):
            found: list[ast.expr] = []
            for inner in ast.walk(around):
                if isinstance(inner, ast.Assign):
                    found += _bound(name, inner.targets[0], inner.value)
            if found:
                return found
    return []


def _bound(name: str, target: ast.expr, value: ast.expr) -> list[ast.expr]:
    match target, value:
        case ast.Name(id=found), _ if found == name:
            return [value]
        case ast.Tuple(elts=targets), ast.Tuple(elts=values):
            pairs = zip(targets, values, strict=False)
            return [bound for one, other in pairs for bound in _bound(name, one, other)]
        case _:
            return []


def _classes(function: ast.expr, file: Source) -> tuple[type[Failure], ...]:
    """The failures that calling this expression may make; none when it makes something else."""
    match function:
        case ast.Name(id=name):
            known = getattr(file.module, name, None)
            if isinstance(known, type):
                return (known,) if issubclass(known, Failure) else ()
            values = _assigned(name, function, file)
            return tuple(
                {one for value in values if isinstance(value, ast.Name) for one in _classes(value, file)}
            )
        case ast.IfExp(body=one, orelse=other):
            return (*_classes(one, file), *_classes(other, file))
        case _:
            return ()


def _commands(node: ast.expr | None, file: Source) -> tuple[str, ...]:
    match node:
        case None:
            return ()
        case ast.Tuple(elts=values) | ast.List(elts=values):
            plain = [value.value if isinstance(value, ast.Starred) else value for value in values]
            return tuple(text for value in plain for text in texts(value, file))
        case _:
            return texts(node, file)


def messages() -> list[Message]:
    """Every Failure that is made anywhere in the program."""
    found = []
    for file in sources():
        for node in ast.walk(file.tree):
            classes: tuple[type[Failure], ...]
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init__")):
                    around = next(a for a in file.around(node) if isinstance(a, ast.ClassDef))
                    known = getattr(file.module, around.name)
                    classes = (known,) if issubclass(known, Failure) else ()
                case ast.Call(func=function):
                    classes = _classes(function, file)
                case _:
                    continue
            if classes:
                found.append(_message(node, classes, file))
    return found


def _message(node: ast.Call, classes: tuple[type[Failure], ...], file: Source) -> Message:
    given = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    first = texts(node.args[0], file) if node.args else ()
    what = texts(given["what"], file) if "what" in given else ()
    if issubclass(classes[0], StoreError):
        first, what = (classes[0].risk_line,), first
    commands = _commands(given.get("next"), file)
    return Message(file.place(node), classes, first, what, commands)


def strings(file: Source) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(place, alternatives) of every text of a file but its docstrings; pieces of longer texts are not."""
    docs = {
        node.body[0].value
        for node in ast.walk(file.tree)
        if isinstance(node, Functions | ast.ClassDef | ast.Module)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(file.tree):
        whole = isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.Constant) and isinstance(node.value, str)
        )
        inside = isinstance(file.parents.get(node), ast.JoinedStr | ast.BinOp | ast.FormattedValue)
        if whole and not inside and node not in docs:
            yield file.place(node), texts(node, file)
