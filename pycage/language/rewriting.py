"""Rewriting: what every judge of the transformer works with: the dispatch, the report of problems, making nodes."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeVar, cast

from RestrictedPython.transformer import RestrictingNodeTransformer

from pycage.errors import SyntaxProblem
from pycage.language.names import (
    INERT,
    UNBINDABLE,
    advice,
)
from pycage.language.nodes import NODES, Treatment

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GUARDS", "Rewriter", "Scope", "at", "split_imports"]

# The guards that may be asked for, by the names of GuardSet's methods; "super" is the built-in type itself.
GUARDS: Final = (
    "write",
    "augment",
    "private",
    "view",
    "view_private",
    "getattr",
    "format",
    "new_type",
    "pattern",
    "caught",
    "reraise",
    "late",
    "method",
    "super",
)

Scope: TypeAlias = Literal["module", "class", "function"]
_Node = TypeVar("_Node", bound=ast.AST)
_Any = TypeVar("_Any")


class Rewriter(RestrictingNodeTransformer):
    """Visits one tree.  ``problems`` holds what was found, in no particular order; with any, the tree is useless.

    Args:
        placeholders: The constant for each name in `GUARDS`.
        secret: No literal of the source may contain it.
        late: What is never available is refused when the line runs, and is no problem of the source.

    """

    def __init__(self, placeholders: Mapping[str, str], secret: str, *, late: bool = False) -> None:
        super().__init__()
        self._late = late
        self.problems: list[SyntaxProblem] = []
        self._placeholders = placeholders
        self._secret = secret
        self._scope: Scope = "module"
        self._class_variables: set[int] = set()  # ids of Name nodes that bind __class__ in a class body, harmlessly
        self._globals: list[str] = []  # temporaries of the current module or class body
        self._in_pattern = False
        self._handling = False  # in an except clause of the current function
        self._checks: list[ast.expr] = []  # what has to be evaluated before the current case
        self._temporaries = 0
        self._class_name: str | None = None  # of the innermost class statement, for names like __this
        self._hoisted: set[int] = set()  # ids of Attribute nodes whose object is guarded where it was bound
        self._called: set[int] = set()  # ids of expressions that are called
        self._made: set[int] = set()  # ids of statements that are not the guest's

    # -- Dispatch and reports ----------------------------------------------------------------------------------------

    def visit(self, node: ast.AST) -> ast.AST:
        """Treat a node as `NODES` says; a node without a row is a problem."""
        if id(node) in self._made:
            return node
        name = type(node).__name__
        row = NODES.get(name)
        if row is None or row.treatment is Treatment.REFUSED:
            self.problem(node, f"{name} syntax is not available to sandboxed code")
            return node
        if row.treatment is Treatment.PLAIN:
            self._visit_fields(node)
            return node
        judge = getattr(self, f"judge_{name}")
        result: ast.AST = judge(node)
        return result

    def _visit_fields(self, node: ast.AST, *skip: str) -> None:
        """Visit the parts of a node, in place.  One frame per level: depth of source is depth of the stack."""
        for name in node._fields:
            if name in skip:
                continue
            value = getattr(node, name, None)
            if isinstance(value, list):
                value[:] = [self.visit(item) if isinstance(item, ast.AST) else item for item in split_imports(value)]
            elif isinstance(value, ast.AST):
                setattr(node, name, self.visit(value))

    def problem(self, node: ast.AST, message: str) -> None:
        """Record one thing that sandboxed source may not do."""
        self.problems.append(SyntaxProblem(getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1, message))

    def _binding(self, node: ast.AST, name: str | None) -> None:
        """Judge a name that is bound or deleted here, in whatever form."""
        if name is None:
            return
        if name in UNBINDABLE or (name == "__class__" and id(node) not in self._class_variables):
            # A variable __class__ would tell super() in the functions inside of its scope whose methods to take.  Only
            # that of a class body is invisible to them.
            self.problem(node, f'variable "{name}" may not be bound or deleted; choose another name')
        elif self._scope == "class" and name in INERT:
            self.problem(node, f'special method "{name}" may be defined by "def" or by assignment only{advice(name)}')

    def _visit_scope(self, scope: Scope, node: ast.AST, field: str) -> None:
        """Visit one field of a node as a scope of its own."""
        outer = self._scope, self._in_pattern, self._checks, self._globals
        handling, self._handling = self._handling, False
        self._scope, self._in_pattern, self._checks, self._globals = scope, False, [], []
        self._visit_fields(node, *(name for name in node._fields if name != field))
        body = getattr(node, field)
        if self._globals and isinstance(body, list):
            position = 0
            for statement in body:
                future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
                if not future and not (position == 0 and is_text(statement)):
                    break
                position += 1
            body.insert(position, at(body[0], ast.Global(self._globals)))
        self._scope, self._in_pattern, self._checks, self._globals = outer
        self._handling = handling

    # -- Making nodes ------------------------------------------------------------------------------------------------

    def _placeholder(self, guard: str, where: ast.AST) -> ast.expr:
        text = self._placeholders[guard]
        return at(where, ast.IfExp(ast.Constant(True), ast.Constant(text), ast.Constant(text)))  # noqa: FBT003

    def _guarded(self, guard: str, where: ast.expr, *arguments: ast.expr) -> ast.expr:
        call = ast.Call(func=self._placeholder(guard, where), args=list(arguments), keywords=[])
        return at(where, call)

    def _mangled(self, name: str) -> str:
        """Return the attribute that the compiler will make of a name like ``__this`` here.  Source: ``_Py_Mangle``."""
        if self._class_name is None or not name.startswith("__") or name.endswith("__"):
            return name
        stripped = self._class_name.lstrip("_")
        return f"_{stripped}{name}" if stripped else name

    def _visit_expr(self, node: ast.expr) -> ast.expr:
        visited = self.visit(node)
        if not isinstance(visited, ast.expr):
            raise TypeError(type(visited))
        return visited


def at(where: ast.AST, node: _Node) -> _Node:
    """Give a made node and its made parts the place of another; parts that have one keep it."""
    ast.copy_location(node, where)
    stack: list[ast.AST] = [node]
    while stack:
        for child in ast.iter_child_nodes(stack.pop()):
            if not hasattr(child, "lineno"):
                ast.copy_location(child, where)
                stack.append(child)
            elif "lineno" not in child._attributes:
                stack.append(child)
    return node


def split_imports(statements: list[_Any]) -> list[_Any]:
    """``import a, b.c as d`` -> ``import a``, ``from b import c as d``.  Other nodes, and other lists, are kept."""
    result: list[_Any] = []
    for statement in statements:
        if not isinstance(statement, ast.Import) or getattr(statement, "is_lazy", False):
            result.append(statement)
            continue
        for alias in statement.names:
            parent, dot, name = alias.name.rpartition(".")
            made: ast.stmt
            if dot and alias.asname is not None:
                renamed = ast.copy_location(ast.alias(name, alias.asname), alias)
                made = ast.ImportFrom(module=parent, names=[renamed], level=0)
            else:
                made = ast.Import(names=[alias])
            result.append(cast("_Any", ast.copy_location(made, statement)))
    return result


def is_text(node: ast.stmt) -> bool:
    """Whether a statement is a string, as a docstring is."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
