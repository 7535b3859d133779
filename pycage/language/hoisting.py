"""Hoisting: which variables of a function are guarded where they are bound, instead of at each use."""

# `self.a = 1; self.b = 2; self._c` would ask three times whose object `self` is, and `for p in q: p.x = 1; p.y = 2` two
# times for each p.  The answer cannot change: the class of an own object cannot be assigned.  So a hidden variable has
# what the guard returned, the variable's object or something that refuses, and the uses go to that.
#
#     def f(self):         ->   def f(self):
#         self.a = 1                s = V(self); s.a = 1; ...
#         for p in self.b:          for p in self.b:
#             p.x = p.y = 1             q = V(p); q.x = q.y = 1
#
# The hidden variable must hold the object of its variable whenever a use is evaluated.  (Should it not, the program is
# wrong but not unguarded: what the hidden variable holds was judged.)  So everything that binds the variable must be a
# statement after which, or at the start of whose body, the guard can stand, with nothing between that may fail or look:
# not `v, v.x = f()`, not `v = d[k] = f()`, not `with f() as v, g():`.
#
# Only uses in the function's own scope count.  A function or comprehension inside would make the hidden variable a
# cell, and every use slower than the guard.  Names that end with an underscore are no uses: the guard of many names
# does not judge those.

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from pycage.language.names import OWN, PLAIN, classify, storable

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Binding", "Hoisted", "Use", "hoistable"]


class Use(NamedTuple):
    """An attribute that needs the guard, and whether that reads a private name."""

    attribute: ast.Attribute
    reads: bool


class Binding(NamedTuple):
    """Where the guard goes: after a statement of a body, or with None to its start."""

    body: list[ast.stmt]
    after: ast.stmt | None


class Hoisted(NamedTuple):
    """A variable for which guarding it where it is bound is cheaper."""

    name: str
    uses: list[Use]
    bindings: list[Binding]
    is_parameter: bool


# How often a statement in a loop is thought to run, compared with one that stands outside.
_TURNS: Final = 8

_SCOPES: Final = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.Lambda,
    ast.ClassDef,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)
_Loop: TypeAlias = ast.For | ast.AsyncFor


def hoistable(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[Hoisted]:
    """Find the variables for which guards where they are bound are cheaper than guards where they are used.

    Args:
        function: Before its body was rewritten.

    """
    scope = _Scope()
    scope.statements(function.body, 1)
    if not scope.uses:
        return []
    arguments = function.args
    parameters = {argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    found: list[Hoisted] = []
    for name in sorted(scope.uses.keys() - _bound_otherwise(function, scope.targets)):
        bindings = scope.bindings.get(name, [])
        cost = sum(turns for _, turns in bindings) + (name in parameters)
        if 0 < cost < sum(turns for _, turns in scope.uses[name]):
            uses = [use for use, _ in scope.uses[name]]
            found.append(Hoisted(name, uses, [binding for binding, _ in bindings], name in parameters))
    return found


class _Scope:
    """What one pass over the statements of a function finds, in its own scope."""

    def __init__(self) -> None:
        self.uses: dict[str, list[tuple[Use, int]]] = {}
        self.bindings: dict[str, list[tuple[Binding, int]]] = {}
        self.targets: set[int] = set()  # ids of the Name nodes of these bindings

    def statements(self, body: list[ast.stmt], turns: int) -> None:
        """Look at a list of statements that runs so many times."""
        for statement in body:
            match statement:
                case ast.Assign(targets=targets):
                    self._bind(targets, Binding(body, statement), turns)
                case ast.AnnAssign(target=target, value=ast.expr()) | ast.AugAssign(target=target):
                    self._bind([target], Binding(body, statement), turns)
                case ast.For(target=target) | ast.AsyncFor(target=target):
                    self._bind([target], Binding(statement.body, None), turns * _TURNS)
                case ast.With(items=[*_, ast.withitem(optional_vars=ast.Name() as target)]):
                    self._bind([target], Binding(statement.body, None), turns)
            if not isinstance(statement, _SCOPES):
                self._parts(statement, turns)

    def _parts(self, node: ast.AST, turns: int) -> None:
        """Look at the parts of a statement, or of something in it that has statements of its own."""
        for field, value in ast.iter_fields(node):
            inside = turns
            if (isinstance(node, _Loop) and field == "body") or isinstance(node, ast.While):
                inside = turns * _TURNS
            parts = value if isinstance(value, list) else [value]
            if parts and isinstance(parts[0], ast.stmt):
                self.statements(parts, inside)
                continue
            for part in parts:
                if isinstance(part, (ast.ExceptHandler, ast.match_case)):
                    self._parts(part, inside)
                elif isinstance(part, ast.AST):
                    self._expressions([part], inside, node)

    def _expressions(self, nodes: Iterable[ast.AST], turns: int, parent: ast.AST) -> None:
        for node in nodes:
            # Attributes in patterns have no guards.
            if isinstance(node, (*_SCOPES, ast.pattern)):
                continue
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                use = _use(node, in_place=isinstance(parent, ast.AugAssign) and node is parent.target)
                if use is not None:
                    self.uses.setdefault(node.value.id, []).append((use, turns))
                continue
            self._expressions(ast.iter_child_nodes(node), turns, node)

    def _bind(self, targets: list[ast.expr], where: Binding, turns: int) -> None:
        if len(targets) == 1 and isinstance(targets[0], (ast.Tuple, ast.List)):
            targets = targets[0].elts
        names = [target for target in targets if isinstance(target, ast.Name)]
        if len(names) < len(targets):
            return
        for name in names:
            self.targets.add(id(name))
            self.bindings.setdefault(name.id, []).append((where, turns))


def _use(node: ast.Attribute, *, in_place: bool) -> Use | None:
    """Return what an attribute of a variable needs, or None if that is nothing, or another guard."""
    kind = classify(node.attr)
    reads = kind == OWN and (in_place or isinstance(node.ctx, ast.Load))
    if reads:
        return None if node.attr.endswith("_") else Use(node, reads)
    if isinstance(node.ctx, ast.Load) or (in_place and kind != PLAIN) or not storable(node.attr):
        return None
    return Use(node, reads)


def _bound_otherwise(function: ast.AST, targets: set[int]) -> set[str]:
    """Names that are bound or deleted anywhere in a function, also in functions inside, by other nodes than these."""
    names: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load) and id(node) not in targets:
                names.add(node.id)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            names.update(node.names)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
        else:
            for field in ("name", "rest"):
                bound = getattr(node, field, None)
                if type(bound) is str:
                    names.add(bound)
    return names
