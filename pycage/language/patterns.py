"""Patterns: the judges of ``match``, whose class patterns read attributes without an Attribute node."""

from __future__ import annotations

import ast

from pycage.language.names import (
    PLAIN,
    classify,
)
from pycage.language.rewriting import Rewriter, at, split_imports

__all__ = ["Patterns"]


class Patterns(Rewriter):
    """Judges ``match`` statements."""

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
                test = self._checks[0] if len(self._checks) == 1 else ast.BoolOp(ast.Or(), self._checks)
                never = ast.match_case(ast.MatchAs(), test, [ast.Pass()])
                cases.append(at(case.pattern, never))
            self._checks = outer
            if case.guard is not None:
                case.guard = self._visit_expr(case.guard)
            case.body[:] = [_as_statement(self.visit(statement)) for statement in split_imports(case.body)]
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
            if self._scope != "function":
                self._globals.append(name)
            judged = ast.NamedExpr(ast.Name(name, ast.Store()), self._guarded("pattern", node.cls, node.cls))
            self._checks.append(at(node, ast.Compare(judged, [ast.Is()], [ast.Constant(None)])))
            node.cls = at(node.cls, ast.Name(name, ast.Load()))
        self._visit_fields(node, "cls")
        return node

    def judge_MatchAs(self, node: ast.MatchAs) -> ast.pattern:  # noqa: N802
        """``case p as name`` and ``case name``."""
        self._binding(node, node.name)
        self._visit_fields(node)
        return node

    def judge_MatchStar(self, node: ast.MatchStar) -> ast.pattern:  # noqa: N802
        """``case [*name]``."""
        self._binding(node, node.name)
        return node

    def judge_MatchMapping(self, node: ast.MatchMapping) -> ast.pattern:  # noqa: N802
        """``case {**name}``."""
        self._binding(node, node.rest)
        self._visit_fields(node)
        return node


def _as_pattern(node: ast.AST) -> ast.pattern:
    if not isinstance(node, ast.pattern):
        raise TypeError(type(node))
    return node


def _as_statement(node: ast.AST) -> ast.stmt:
    if not isinstance(node, ast.stmt):
        raise TypeError(type(node))
    return node
