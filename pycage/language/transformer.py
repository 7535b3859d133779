"""The transformer: judges the syntax tree of a guest's source, and puts guards where names alone do not decide."""

# Problem.  Source has to be judged where it can be (a literal name, a binding) and guarded where it cannot (whose
# object is this?), without changing what it means and without a cost for ordinary code.
#
# Things that do not work:
#
# - Guards that the code finds by name: parameters, captures, class namespaces and dictionaries given to exec shadow
#   names (CVE-2026-55830).  So a guard is a *constant* of the code.  Here it is a placeholder, a string that holds a
#   secret of this process; compiler.bind puts the C function in its place.
# - A constant in the place of a function: the compiler warns about it.  `placeholder if True else placeholder` does not
#   make it warn, and is folded: what is left is a single LOAD_CONST.
# - Rewriting reads into getattr(x, "name"): it gives up the specialised LOAD_ATTR.  `guard(x)._name` keeps it, because
#   the guard returns the object itself or raises.
# - Names with a leading dot for temporaries are safe from guests, but visible in locals(); builtins.py hides them.
#
# Before and after (W, P, G: the guards `write`, `private`, `getattr`):
#
#     x.a = v           ->  W(x).a = v              also +=, del, and for, with and tuple targets
#     x._a              ->  P(x)._a
#     x.format          ->  G(x, "format")          names that are harmless on most objects only
#     super()._a        ->  (super()._a if super is <super> else P(super())._a)
#     type(n, b, d)     ->  T(type, n, b, d)        the class becomes the sandbox's own
#     case C(a, b):     ->  case _ if (c := M(C), ...) and False: pass
#                           case c(a, b):           M returns a stand-in with a fixed __match_args__
#
# What still fails.  A class pattern with positional sub-patterns evaluates its class when its case is reached, not when
# the match gets that far: in `case [Missing(x)]` a missing name is a NameError for every subject.

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING, Final, TypeVar

from RestrictedPython.transformer import RestrictingNodeTransformer

from pycage.errors import SyntaxProblem
from pycage.language.names import (
    CLASS,
    MUTATOR,
    NEVER,
    OWN,
    PLAIN,
    UNBINDABLE,
    UNDEFINABLE,
    UNREADABLE,
    advice,
    classify,
    storable,
)
from pycage.language.nodes import NODES, Treatment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["EXCEPT_STAR", "GUARDS", "Transformer"]

# The guards that may be asked for, by the names of GuardSet's methods; "super" is the built-in type itself.
GUARDS: Final = ("write", "private", "getattr", "new_type", "pattern", "super")

# CVE-2025-22153 (gh-128049): an exception group with its own split() confuses the types in `except*`.
EXCEPT_STAR: Final = sys.version_info >= (3, 13, 2)

# Of a class that is read off any object, these give text.
_CLASS_TEXT: Final = frozenset({"__name__", "__qualname__", "__module__", "__doc__"})

_Node = TypeVar("_Node", bound=ast.AST)


class Transformer(RestrictingNodeTransformer):
    """Rewrites one tree.  ``problems`` holds what was found, in no particular order; with any, the tree is useless.

    Args:
        placeholders: The constant for each name in `GUARDS`.
        secret: No literal of the source may contain it.
    """

    def __init__(self, placeholders: Mapping[str, str], secret: str) -> None:
        super().__init__()
        self.problems: list[SyntaxProblem] = []
        self._placeholders = placeholders
        self._secret = secret
        self._in_class = False  # directly in a class body
        self._in_pattern = False
        self._checks: list[ast.expr] = []  # what has to be evaluated before the current case
        self._temporaries = 0

    # -- Dispatch and reports ----------------------------------------------------------------------------------------

    def visit(self, node: ast.AST) -> ast.AST:
        """Treat a node as `NODES` says; a node without a row is a problem."""
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
                value[:] = [self.visit(item) if isinstance(item, ast.AST) else item for item in value]
            elif isinstance(value, ast.AST):
                setattr(node, name, self.visit(value))

    def problem(self, node: ast.AST, message: str) -> None:
        """Record one thing that sandboxed source may not do."""
        self.problems.append(SyntaxProblem(getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1, message))

    def _binding(self, node: ast.AST, name: str | None) -> None:
        """Judge a name that is bound or deleted here, in whatever form."""
        if name is None:
            return
        if name in UNBINDABLE:
            self.problem(node, f'variable "{name}" may not be bound or deleted; choose another name')
        elif self._in_class and name in UNDEFINABLE:
            self.problem(node, f'special method "{name}" may not be defined{advice(name)}')

    # -- Making nodes ------------------------------------------------------------------------------------------------

    def _placeholder(self, guard: str, where: ast.AST) -> ast.expr:
        text = self._placeholders[guard]
        return _at(where, ast.IfExp(ast.Constant(True), ast.Constant(text), ast.Constant(text)))

    def _guarded(self, guard: str, where: ast.expr, *arguments: ast.expr) -> ast.expr:
        call = ast.Call(func=self._placeholder(guard, where), args=list(arguments), keywords=[])
        return _at(where, call)

    # -- Attributes --------------------------------------------------------------------------------------------------

    def judge_Attribute(self, node: ast.Attribute) -> ast.expr:  # noqa: N802  named after the node
        """``x.a``: by its name, or by a guard."""
        name = node.attr
        if not isinstance(node.ctx, ast.Load):
            if not storable(name):
                self.problem(node, f'attribute "{name}" may not be assigned or deleted{advice(name)}')
            node.value = self._guarded("write", node.value, self._visit_expr(node.value))
            return node
        kind = classify(name)
        if kind == NEVER:
            self.problem(node, f'attribute "{name}" is not available to sandboxed code{advice(name)}')
        if kind in (PLAIN, NEVER):
            inner = node.value
            if name in _CLASS_TEXT and isinstance(inner, ast.Attribute) and inner.attr == "__class__":
                inner.value = self._visit_expr(inner.value)
            else:
                node.value = self._visit_expr(inner)
            return node
        if self._in_pattern:
            self.problem(node, f'attribute "{name}" may not be used in a pattern; give its value a name first')
            return node
        if _is_plain_super(node.value) and (kind == OWN or (kind == MUTATOR and name == "__init__")):
            return self._super_attribute(node)
        value = self._visit_expr(node.value)
        if kind == OWN:
            node.value = self._guarded("private", node.value, value)
            return node
        return self._guarded("getattr", node, value, _at(node, ast.Constant(name)))

    def _super_attribute(self, node: ast.Attribute) -> ast.expr:
        """``super()._a`` concerns the sandbox's own object, if ``super`` is the built-in: that is checked first."""
        test = ast.Compare(
            left=ast.Name("super", ast.Load()), ops=[ast.Is()], comparators=[self._placeholder("super", node)]
        )
        # The other branch is for a guest that calls something else super; __init__ goes through getattr there.
        other = ast.Call(ast.Name("super", ast.Load()), [], [])
        if node.attr == "__init__":
            guarded: ast.expr = self._guarded("getattr", node, other, ast.Constant(node.attr))
        else:
            guarded = ast.Attribute(self._guarded("private", node, other), node.attr, ast.Load())
        return _at(node, ast.IfExp(test, node, guarded))

    def judge_Compare(self, node: ast.Compare) -> ast.expr:  # noqa: N802
        """``x.__class__ is y.__class__``: honest in every __eq__, and no class comes out of it."""
        operands = [node.left, *node.comparators]
        if all(isinstance(operator, (ast.Is, ast.IsNot)) for operator in node.ops):
            for index, operand in enumerate(operands):
                if isinstance(operand, ast.Attribute) and classify(operand.attr) == CLASS:
                    operand.value = self._visit_expr(operand.value)
                else:
                    operands[index] = self._visit_expr(operand)
        else:
            operands = [self._visit_expr(operand) for operand in operands]
        node.left, *node.comparators = operands
        return node

    def judge_Call(self, node: ast.Call) -> ast.expr:  # noqa: N802
        """``type(name, bases, namespace)`` makes an own class; every other call is what it is."""
        makes_class = (
            isinstance(node.func, ast.Name)
            and node.func.id == "type"
            and (len(node.args) > 1 or any(isinstance(argument, ast.Starred) for argument in node.args))
        )
        self._visit_fields(node)
        if makes_class:
            node.args.insert(0, node.func)
            node.func = self._placeholder("new_type", node.func)
        return node

    def judge_BinOp(self, node: ast.BinOp) -> ast.expr:  # noqa: N802
        """``a + b + c + ...`` is a chain to the left, as deep as it is long."""
        chain = [node]
        while isinstance(chain[-1].left, ast.BinOp):
            chain.append(chain[-1].left)
        chain[-1].left = self._visit_expr(chain[-1].left)
        for link in chain:
            link.right = self._visit_expr(link.right)
        return node

    def judge_Constant(self, node: ast.Constant) -> ast.expr:  # noqa: N802
        """A literal may not look like a placeholder.  Guests cannot know the secret; should they, this stops them."""
        if isinstance(node.value, str) and self._secret in node.value:
            self.problem(node, "this text is reserved")
        return node

    # -- Names -------------------------------------------------------------------------------------------------------

    def judge_Name(self, node: ast.Name) -> ast.expr:  # noqa: N802
        """A variable."""
        if isinstance(node.ctx, ast.Load):
            if node.id in UNREADABLE:
                self.problem(node, f'variable "{node.id}" is not available to sandboxed code{advice(node.id)}')
        else:
            self._binding(node, node.id)
        return node

    def judge_Global(self, node: ast.Global) -> ast.stmt:  # noqa: N802
        """``global a, b``"""
        for name in node.names:
            self._binding(node, name)
        return node

    def judge_Nonlocal(self, node: ast.Nonlocal) -> ast.stmt:  # noqa: N802
        """``nonlocal a, b``"""
        for name in node.names:
            self._binding(node, name)
        return node

    def judge_FunctionDef(self, node: ast.FunctionDef) -> ast.stmt:  # noqa: N802
        """``def``: its own name here, everything else inside."""
        self._binding(node, node.name)
        self._visit_inside(node, in_class=False)
        return node

    def judge_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.stmt:  # noqa: N802
        """``async def``"""
        self._binding(node, node.name)
        self._visit_inside(node, in_class=False)
        return node

    def judge_Lambda(self, node: ast.Lambda) -> ast.expr:  # noqa: N802
        """``lambda``"""
        self._visit_inside(node, in_class=False)
        return node

    def judge_ClassDef(self, node: ast.ClassDef) -> ast.stmt:  # noqa: N802
        """``class``: registered as own by the sandbox's __build_class__, whatever the metaclass is."""
        self._binding(node, node.name)
        self._visit_inside(node, in_class=True)
        return node

    def _visit_inside(self, node: ast.AST, *, in_class: bool) -> None:
        """Visit the parts of a scope.  Decorators, defaults and bases belong outside; nothing depends on that here."""
        outer, self._in_class = self._in_class, in_class
        pattern, self._in_pattern = self._in_pattern, False
        self._visit_fields(node)
        self._in_class, self._in_pattern = outer, pattern

    def judge_arguments(self, node: ast.arguments) -> ast.arguments:
        """Parameters of every form (CVE-2026-55830: the positional-only ones were forgotten)."""
        for argument in (*node.posonlyargs, *node.args, node.vararg, *node.kwonlyargs, node.kwarg):
            if argument is not None:
                self._binding(argument, argument.arg)
        self._visit_fields(node)
        return node

    def judge_Import(self, node: ast.Import) -> ast.stmt:  # noqa: N802
        """``import a.b as c``"""
        self._imports(node, node.names, from_module=False)
        return node

    def judge_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt:  # noqa: N802
        """``from a import b``: a read of an attribute; underscore names are judged by builtins.py, which has the module."""
        self._imports(node, node.names, from_module=True)
        return node

    def _imports(self, node: ast.stmt, aliases: Sequence[ast.alias], *, from_module: bool) -> None:
        if getattr(node, "is_lazy", 0):
            self.problem(node, "lazy imports are not available to sandboxed code; write an ordinary import")
        for alias in aliases:
            parts = alias.name.split(".")
            self._binding(alias, alias.asname or parts[0])
            for part in parts if from_module else parts[1:]:
                if classify(part) == NEVER:
                    self.problem(alias, f'"{part}" may not be imported{advice(part)}')

    def judge_ExceptHandler(self, node: ast.ExceptHandler) -> ast.excepthandler:  # noqa: N802
        """``except E as name``"""
        self._binding(node, node.name)
        self._visit_fields(node)
        return node

    def judge_TryStar(self, node: ast.stmt) -> ast.stmt:  # noqa: N802
        """``except*``"""
        if not EXCEPT_STAR:
            self.problem(
                node,
                "except* is refused because this Python is affected by CVE-2025-22153; "
                "write except ExceptionGroup and use its subgroup() or split()",
            )
        self._visit_fields(node)
        return node

    def judge_TypeVar(self, node: ast.AST) -> ast.AST:  # noqa: N802
        """``def f[T: bound]`` (PEP 695)"""
        self._binding(node, getattr(node, "name", None))
        self._visit_fields(node)
        return node

    judge_ParamSpec = judge_TypeVar
    judge_TypeVarTuple = judge_TypeVar

    # -- Patterns ----------------------------------------------------------------------------------------------------

    def judge_Match(self, node: ast.Match) -> ast.stmt:  # noqa: N802
        """``match``: puts a case that never matches before each case whose classes have to be looked at."""
        node.subject = self._visit_expr(node.subject)
        cases: list[ast.match_case] = []
        for case in node.cases:
            outer, self._checks = self._checks, []
            self._in_pattern = True
            case.pattern = _as_pattern(self.visit(case.pattern))
            self._in_pattern = False
            if self._checks:
                test = ast.BoolOp(ast.And(), [ast.Tuple(self._checks, ast.Load()), ast.Constant(False)])
                never = ast.match_case(ast.MatchAs(), test, [ast.Pass()])
                cases.append(_at(case.pattern, never))
            self._checks = outer
            if case.guard is not None:
                case.guard = self._visit_expr(case.guard)
            case.body[:] = [_as_statement(self.visit(statement)) for statement in case.body]
            cases.append(case)
        node.cases = cases
        return node

    def judge_MatchClass(self, node: ast.MatchClass) -> ast.pattern:  # noqa: N802
        """``case C(a, b, c=d)``: reads attributes named in C.__match_args__ and in the pattern."""
        for name in node.kwd_attrs:
            if classify(name) != PLAIN:
                self.problem(
                    node, f'attribute "{name}" may not be used in a pattern; use a guard: case C() as x if ...'
                )
        node.cls = self._visit_expr(node.cls)
        if node.patterns:
            name = f".c{self._temporaries}"
            self._temporaries += 1
            check = self._guarded("pattern", node.cls, node.cls)
            self._checks.append(_at(node, ast.NamedExpr(ast.Name(name, ast.Store()), check)))
            node.cls = _at(node.cls, ast.Name(name, ast.Load()))
        self._visit_fields(node, "cls")
        return node

    def judge_MatchAs(self, node: ast.MatchAs) -> ast.pattern:  # noqa: N802
        """``case p as name`` and ``case name``"""
        self._binding(node, node.name)
        self._visit_fields(node)
        return node

    def judge_MatchStar(self, node: ast.MatchStar) -> ast.pattern:  # noqa: N802
        """``case [*name]``"""
        self._binding(node, node.name)
        return node

    def judge_MatchMapping(self, node: ast.MatchMapping) -> ast.pattern:  # noqa: N802
        """``case {**name}``"""
        self._binding(node, node.rest)
        self._visit_fields(node)
        return node

    # -- Types of what a visit returns ---------------------------------------------------------------------------------

    def _visit_expr(self, node: ast.expr) -> ast.expr:
        visited = self.visit(node)
        if not isinstance(visited, ast.expr):
            raise TypeError(type(visited))
        return visited


def _at(where: ast.AST, node: _Node) -> _Node:
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


def _is_plain_super(node: ast.expr) -> bool:
    """Whether a node is ``super()``."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "super"
        and not node.args
        and not node.keywords
    )


def _as_pattern(node: ast.AST) -> ast.pattern:
    if not isinstance(node, ast.pattern):
        raise TypeError(type(node))
    return node


def _as_statement(node: ast.AST) -> ast.stmt:
    if not isinstance(node, ast.stmt):
        raise TypeError(type(node))
    return node
