"""Hoisting: which parameters of a function can be guarded once, at its entry, instead of at each use."""

# `self.a = 1; self.b = 2; self._c` would ask three times whose object `self` is.  For a parameter that nothing rebinds
# the answer cannot change: the class of an own object cannot be assigned, and a hidden variable that holds what the
# guard returned always is the object of the parameter.
#
# Only uses in the function's own scope count.  A function or comprehension inside would make the hidden variable a
# cell, and every use slower than the guard.

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from pycage.language.names import OWN, PLAIN, classify, storable

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["hoistable"]


def hoistable(function: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, list[ast.Attribute]]:
    """Find the parameters for which one guard at the entry is cheaper.

    Args:
        function: Before its body was rewritten.

    Returns:
        For each such parameter, in order of names, its attributes that need the guard.

    """
    arguments = function.args
    uses: dict[str, list[ast.Attribute]] = {
        argument.arg: [] for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    }
    looped: set[str] = set()
    _collect_uses(function.body, uses, looped, in_loop=False)
    wanted = {name for name, found in uses.items() if len(found) > 1 or (found and name in looped)}
    if wanted:
        wanted -= _rebound(function)
    return {name: uses[name] for name in sorted(wanted)}


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


def _collect_uses(
    nodes: Sequence[ast.AST], uses: dict[str, list[ast.Attribute]], looped: set[str], *, in_loop: bool
) -> None:
    """Find the guarded attributes of parameters, in this scope only, and which of them are used in a loop."""
    for node in nodes:
        # Attributes in patterns have no guards.
        if isinstance(node, (*_SCOPES, ast.pattern)):
            continue
        inside = in_loop or isinstance(node, (ast.For, ast.AsyncFor, ast.While))
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Attribute):
            if classify(node.target.attr) not in (PLAIN, OWN):
                _collect_uses([node.value], uses, looped, in_loop=inside)
                continue
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in uses:
            stored = not isinstance(node.ctx, ast.Load) and storable(node.attr)
            if stored or (isinstance(node.ctx, ast.Load) and classify(node.attr) == OWN):
                uses[node.value.id].append(node)
                if inside:
                    looped.add(node.value.id)
            continue
        _collect_uses(list(ast.iter_child_nodes(node)), uses, looped, in_loop=inside)


def _rebound(function: ast.AST) -> set[str]:
    """Names that are bound or deleted anywhere in a function other than as parameters, also in functions inside."""
    names: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
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
