"""Bindings: the judges of everything that gives or takes a name, and of scopes."""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING, Final, cast

from pycage.language.hoisting import hoistable
from pycage.language.names import (
    INERT,
    NEVER,
    UNREADABLE,
    advice,
    classify,
)
from pycage.language.rewriting import Rewriter, at

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EXCEPT_STAR", "IMPORT_FUNCTION", "Bindings"]

# CVE-2025-22153 (gh-128049): an exception group with its own split() confuses the types in `except*`.
EXCEPT_STAR: Final = sys.version_info >= (3, 13, 2)

# In an except clause, these mean a denied import too.
_IMPORT_ERRORS: Final = frozenset({"ImportError", "ModuleNotFoundError"})

# The variable that a guest's `__import__` becomes.
IMPORT_FUNCTION: Final = ".import"


class Bindings(Rewriter):
    """Judges names: ``__builtins__`` and its kind may not be read or bound, in any form."""

    def judge_Name(self, node: ast.Name) -> ast.expr:  # noqa: N802
        """Judge a variable."""
        if self._scope == "class":
            node.id = INERT.get(node.id, node.id)
        if isinstance(node.ctx, ast.Load):
            if self._late and node.id == "__builtins__":
                function = at(node, ast.Name(IMPORT_FUNCTION, ast.Load()))
                return at(node, ast.Call(function, [at(node, ast.Constant("builtins"))], []))
            if self._late and node.id in UNREADABLE:
                return self._guarded("getattr", node, at(node, ast.Constant(None)), at(node, ast.Constant(node.id)))
            if node.id in UNREADABLE:
                self.problem(node, f'variable "{node.id}" is not available to sandboxed code{advice(node.id)}')
            elif node.id == "__import__":
                node.id = IMPORT_FUNCTION
        else:
            self._binding(node, node.id)
        return node

    def judge_Global(self, node: ast.Global) -> ast.stmt:  # noqa: N802
        """``global a, b``."""
        for name in node.names:
            self._binding(node, name)
        return node

    def judge_Nonlocal(self, node: ast.Nonlocal) -> ast.stmt:  # noqa: N802
        """``nonlocal a, b``."""
        for name in node.names:
            self._binding(node, name)
        return node

    def judge_FunctionDef(self, node: ast.FunctionDef) -> ast.stmt:  # noqa: N802
        """``def``: its own name, decorators, defaults and annotations here, everything else inside."""
        self._function(node)
        return node

    def judge_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.stmt:  # noqa: N802
        """``async def``."""
        self._function(node)
        return node

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if self._scope == "class":
            node.name = INERT.get(node.name, node.name)
        self._binding(node, node.name)
        entry = self._hoist(node)
        self._visit_fields(node, "body")
        has_docstring = ast.get_docstring(node, clean=False) is not None
        self._visit_scope("function", node, "body")
        position = 1 if entry and has_docstring else 0
        node.body[position:position] = entry

    def judge_Lambda(self, node: ast.Lambda) -> ast.expr:  # noqa: N802
        """``lambda``."""
        self._visit_fields(node, "body")
        self._visit_scope("function", node, "body")
        return node

    def judge_ClassDef(self, node: ast.ClassDef) -> ast.stmt:  # noqa: N802
        """``class``: registered as own by the sandbox's __build_class__, whatever the metaclass is."""
        self._binding(node, node.name)
        outer = self._class_name
        if getattr(node, "type_params", None):
            # PEP 695: parameters and bases are in a scope of their own, which already has the class's private names.
            self._visit_fields(node, "body", *(name for name in node._fields if name != "decorator_list"))
            self._class_name = node.name
            self._visit_fields(node, "body", "decorator_list")
        else:
            self._visit_fields(node, "body")
        self._class_name = node.name
        for statement in node.body:
            if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
                self._class_variables.add(id(statement))
            elif isinstance(statement, ast.Assign):
                self._class_variables.update(id(target) for target in statement.targets)
        self._visit_scope("class", node, "body")
        self._class_name = outer
        return node

    def judge_Module(self, node: ast.Module) -> ast.mod:  # noqa: N802
        """Declare the temporaries that a module's own statements need."""
        self._visit_scope("module", node, "body")
        return node

    def _hoist(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
        """Point the guarded attributes of some variables to hidden ones; return what sets those of parameters.

        What sets the others is put into the body.  A guard there may not raise, because the attributes may never be
        used: `view` returns a stand-in that raises then, if it has to.
        """
        entry: list[ast.stmt] = []
        for name, uses, bindings, is_parameter in hoistable(node):
            hidden = f".p{name}"
            private = tuple(dict.fromkeys(self._mangled(use.attribute.attr) for use in uses if use.reads))
            for use, _ in uses:
                use.value = ast.copy_location(ast.Name(hidden, ast.Load()), use.value)
                self._hoisted.add(id(use))
            if is_parameter:
                entry.append(self._look(name, hidden, private, node.body[0]))
            for body, after in bindings:
                position = 0 if after is None else body.index(after) + 1
                body.insert(position, self._look(name, hidden, private, after or body[0]))
        return entry

    def _look(self, name: str, hidden: str, private: tuple[str, ...], where: ast.stmt) -> ast.stmt:
        """Make ``hidden = view(name)``."""
        # A tuple of constants is a constant; typeshed does not know.
        names: list[ast.expr] = [ast.Constant(cast("str", private))] if private else []
        guard = self._placeholder("view_private" if private else "view", where)
        call = ast.Call(guard, [ast.Name(name, ast.Load()), *names], [])
        made = at(where, ast.Assign([ast.Name(hidden, ast.Store())], call))
        self._made.add(id(made))
        return made

    def judge_arguments(self, node: ast.arguments) -> ast.arguments:
        """Parameters of every form (CVE-2026-55830: the positional-only ones were forgotten)."""
        for argument in (*node.posonlyargs, *node.args, node.vararg, *node.kwonlyargs, node.kwarg):
            if argument is not None:
                self._binding(argument, argument.arg)
        self._visit_fields(node)
        return node

    def judge_Import(self, node: ast.Import) -> ast.stmt:  # noqa: N802
        """``import a.b as c``."""
        self._imports(node, node.names, from_module=False)
        return node

    def judge_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt:  # noqa: N802
        """``from a import b``: reads attributes; builtins.py judges names with underscores, as it has the module."""
        self._imports(node, node.names, from_module=True)
        return node

    def _imports(self, node: ast.stmt, aliases: Sequence[ast.alias], *, from_module: bool) -> None:
        if getattr(node, "is_lazy", False):
            self.problem(node, "lazy imports are not available to sandboxed code; write an ordinary import")
        for alias in aliases:
            parts = alias.name.split(".")
            self._binding(alias, alias.asname or parts[0])
            for part in parts if from_module else parts[1:]:
                if classify(part) == NEVER:
                    self.problem(alias, f'"{part}" may not be imported{advice(part)}')

    def judge_ExceptHandler(self, node: ast.ExceptHandler) -> ast.excepthandler:  # noqa: N802
        """``except E as name``: a denied import is caught by those who ask for an import error."""
        self._binding(node, node.name)
        self._visit_fields(node, "body")
        handling, self._handling = self._handling, True
        self._visit_fields(node, "type", "name")
        self._handling = handling
        if node.type is not None and _mentions_import_error(node.type):
            node.type = self._guarded("caught", node.type, node.type)
        return node

    def judge_Raise(self, node: ast.Raise) -> ast.stmt:  # noqa: N802
        """``raise`` outside of an except clause: whoever called may be handling an exception of its own.

        Before: ``raise``; after: ``raise reraise()``, which returns what the sandbox has seen.
        """
        self._visit_fields(node)
        if node.exc is None and not self._handling:
            call = ast.Call(func=self._placeholder("reraise", node), args=[], keywords=[])
            return at(node, ast.Raise(exc=at(node, call), cause=None))
        return node

    def judge_TryStar(self, node: ast.stmt) -> ast.stmt:  # noqa: N802
        """``except*``."""
        if not EXCEPT_STAR:
            self.problem(
                node,
                "except* is refused because this Python is affected by CVE-2025-22153; "
                "write except ExceptionGroup and use its subgroup() or split()",
            )
        self._visit_fields(node)
        return node

    def judge_TypeVar(self, node: ast.AST) -> ast.AST:  # noqa: N802
        """``def f[T: bound]`` (PEP 695)."""
        self._binding(node, getattr(node, "name", None))
        self._visit_fields(node)
        return node

    judge_ParamSpec = judge_TypeVar  # noqa: N815
    judge_TypeVarTuple = judge_TypeVar  # noqa: N815


def _mentions_import_error(node: ast.expr) -> bool:
    """Whether an ``except`` clause names an error of imports, alone or in a tuple."""
    named = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(isinstance(one, ast.Name) and one.id in _IMPORT_ERRORS for one in named)
