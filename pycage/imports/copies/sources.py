"""The source of a standard module, edited, judged and compiled: once for the process, for all sandboxes."""

from __future__ import annotations

import ast
import functools
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from pycage.imports.copies.edits import EDITS, PRIVATE, Edit
from pycage.imports.stdlib import OFFERS
from pycage.language import Unbound, transform_tree
from pycage.source_lines import COPY_FILES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["FILE", "Judged", "edited", "judged"]

FILE: Final = COPY_FILES + "{}>"
"""File name of a copy in tracebacks; nothing finds a file of that name."""

_NO_EDIT: Final = Edit()


@attrs.frozen
class Judged:
    """A standard module, ready to be bound to sandboxes.

    Attributes:
        unbound: Its code.
        defines: The names that it defines itself, as against those that it imports.
        is_package: Whether it has submodules.
    """

    unbound: Unbound
    defines: frozenset[str]
    is_package: bool


@functools.cache
def judged(name: str) -> Judged:
    """Return a standard module as code for sandboxes.

    Args:
        name: A module that ``pycage.imports.stdlib`` says is copied; never a name that a guest made up.

    Raises:
        ImportError: This Python has no such module, or not its source.
        RestrictedSyntaxError: An edit is missing.
    """
    text, is_package = _source(name)
    whole = name in PRIVATE or OFFERS[name].is_copied
    tree = edited(ast.parse(text), EDITS.get(name, _NO_EDIT), frozenset() if whole else OFFERS[name].copied)
    defines = frozenset({*_bound(tree.body), *_from_package(tree, name, is_package=is_package)})
    return Judged(transform_tree(tree, text, FILE.format(name)), defines, is_package)


def _source(name: str) -> tuple[str, bool]:
    """Return the text of a standard module, and whether it is a package."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        message = f"No module named {name!r}"
        raise ModuleNotFoundError(message, name=name)
    loader: object = spec.loader
    get_source = getattr(loader, "get_source", None)
    text = get_source(name) if get_source is not None else None
    is_package = spec.submodule_search_locations is not None
    if type(text) is str:
        return text, is_package
    # A frozen module comes without its source, which stands in its place all the same.
    path = Path(sys._stdlib_dir, *name.split("."))  # type: ignore[attr-defined]  # CPython has it
    path = path / "__init__.py" if is_package else path.with_suffix(".py")
    return path.read_text("utf-8"), is_package


class _Reads(ast.NodeTransformer):
    """``x.name`` -> ``function(x)``."""

    def __init__(self, functions: Mapping[str, str]) -> None:
        self._functions = functions

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:  # as ast calls it
        self.generic_visit(node)
        function = self._functions.get(node.attr)
        if function is None or not isinstance(node.ctx, ast.Load):
            return node
        name = ast.copy_location(ast.Name(function, ast.Load()), node)
        return ast.copy_location(ast.Call(name, [node.value], []), node)


# ---- Editing ------------------------------------------------------------------------------------------------------


def edited(tree: ast.Module, edit: Edit, only: frozenset[str] = frozenset()) -> ast.Module:
    """Return the tree without what the edit leaves out and with what it adds.

    Args:
        tree: A module.
        edit: What to change.
        only: If there are any, no other definitions are kept than these and what the edit says they need.
    """
    if edit.alone:
        tree.body = []
    tree.body = _kept(tree.body, edit.without, "")
    for statement in tree.body:
        if isinstance(statement, ast.ClassDef):
            _make_plain_enum(statement)
    if edit.reads:
        tree = _Reads(edit.reads).visit(tree)
    if only:
        wanted = only | edit.needed
        tree.body = [statement for statement in tree.body if _is_import(statement) or _defines_any(statement, wanted)]
    start = sum(isinstance(statement, ast.ImportFrom) and statement.module == "__future__" for statement in tree.body)
    tree.body[start:start] = ast.parse(edit.first).body
    tree.body.extend(ast.parse(edit.adding).body)
    if edit.without or only:
        # What was left out is what needed them.  Otherwise an import can be a name for others to import.
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        tree.body = _without_imports(tree.body, used | {text for text in texts if isinstance(text, str)})
    return tree


def _kept(body: Sequence[ast.stmt], without: frozenset[str], prefix: str) -> list[ast.stmt]:
    kept: list[ast.stmt] = []
    for statement in body:
        named = [f"{prefix}{name}" for name in _bound([statement])] or _attributes(statement)
        if named and not _is_import(statement) and all(name in without for name in named):
            continue
        inner = f"{prefix}{statement.name}." if isinstance(statement, (ast.ClassDef, ast.FunctionDef)) else prefix
        for block in _blocks(statement):
            block[:] = _kept(block, without, inner) or [ast.copy_location(ast.Pass(), statement)]
        kept.append(statement)
    return kept


def _without_imports(body: Sequence[ast.stmt], used: set[str]) -> list[ast.stmt]:
    kept: list[ast.stmt] = []
    for statement in body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)) and getattr(statement, "module", None) != "__future__":
            statement.names = [
                alias
                for alias in statement.names
                if alias.name == "*" or (alias.asname or alias.name.partition(".")[0]) in used
            ]
            if not statement.names:
                continue
        for block in _blocks(statement):
            block[:] = _without_imports(block, used) or [ast.copy_location(ast.Pass(), statement)]
        kept.append(statement)
    return kept


def _make_plain_enum(statement: ast.ClassDef) -> None:
    """``@_simple_enum(E) class C: ...`` -> ``class C(E): ...``, which only is slower to make."""
    match statement.decorator_list:
        case [ast.Call(func=ast.Name(id="_simple_enum"), args=[base])]:
            statement.decorator_list, statement.bases = [], [base]


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """Yield the lists of statements in one: the branches of an if, the body of a class."""
    for field in ("body", "orelse", "finalbody"):
        block = getattr(statement, field, None)
        if isinstance(block, list) and block:
            yield block
    for handler in getattr(statement, "handlers", ()):
        yield handler.body


def _from_package(tree: ast.Module, name: str, *, is_package: bool) -> Iterator[str]:
    """Yield the names that a module takes from others of its package: they are as good as its own."""
    top = name.partition(".")[0]
    here = name if is_package else name.rpartition(".")[0]
    for statement in tree.body:
        if not isinstance(statement, ast.ImportFrom):
            continue
        source = statement.module or ""
        if statement.level:
            source = ".".join(filter(None, [*here.split(".")[: here.count(".") + 2 - statement.level], source]))
        if ("." in name and source.partition(".")[0] == top) or statement.level:
            for alias in statement.names:
                yield from judged(source).defines if alias.name == "*" else [alias.asname or alias.name]


def _attributes(statement: ast.stmt) -> list[str]:
    """Return the targets ``x.y`` of an assignment to attributes."""
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return [ast.unparse(target) for target in targets if isinstance(target, ast.Attribute)]


def _is_import(statement: ast.stmt) -> bool:
    """Whether a statement imports, or only surrounds imports."""
    if isinstance(statement, (ast.If, ast.Try)):
        return all(_is_import(inner) or isinstance(inner, ast.Pass) for block in _blocks(statement) for inner in block)
    return isinstance(statement, (ast.Import, ast.ImportFrom))


def _defines_any(statement: ast.stmt, names: frozenset[str]) -> bool:
    return any(name in names for name in _bound([statement]))


def _bound(body: Sequence[ast.stmt]) -> Iterator[str]:
    """Yield the names that statements bind in their own scope, imports apart."""
    for statement in body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield statement.name
            continue
        for target in (*getattr(statement, "targets", ()), getattr(statement, "target", None)):
            for node in ast.walk(target) if isinstance(target, ast.AST) else ():
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id
        for block in _blocks(statement):
            yield from _bound(block)
