"""Syntax trees for a sandbox: ``ast.parse``, and nodes that it may write to although their classes are everybody's."""

from __future__ import annotations

import ast
import functools
import importlib
from typing import Final

from pycage.language import _guards

__all__ = ["attributes_of", "make_nodes_writable", "parse"]


def parse(source: object, filename: object, mode: object, flags: object, feature_version: object) -> ast.AST:
    """Parse and do not compile: ``ast.parse``."""
    if type(source) not in (str, bytes) or type(filename) is not str or type(mode) is not str:
        message = "ast.parse() in a sandbox needs source of the exact type str or bytes, and str for the rest"
        raise TypeError(message)
    text = source.decode("utf-8-sig") if type(source) is bytes else source
    if type(flags) is not int or type(feature_version) is not int:
        message = "ast.parse() needs a feature version of the exact type int"
        raise TypeError(message)
    chosen = flags & (ast.PyCF_ONLY_AST | ast.PyCF_TYPE_COMMENTS) | ast.PyCF_ONLY_AST
    tree: ast.AST = compile(text, filename, mode, chosen, dont_inherit=True, _feature_version=feature_version)  # type: ignore[call-overload]  # typeshed does not know the last
    for node in ast.walk(tree):
        for field, value in ast.iter_fields(node):
            if isinstance(value, _CONSTANT_NODES):
                setattr(node, field, type(value)())
            elif type(value) is list and value and isinstance(value[0], _CONSTANT_NODES):
                value[:] = [type(one)() for one in value]
    return tree


# `x` and `y` have the same object for their context, and so have all trees of the process, the transformer's too: what
# a sandbox stored there, a __deepcopy__, would be called for others.  So a tree of a sandbox gets objects of its own,
# and nobody writes to the common ones, which a node can still be given by its constructor.
_CONSTANT_NODES: Final = (ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop)
_ALL_CONSTANTS: Final = """
x = x; del x; x and x or x
x + x - x * x @ x / x % x ** x << x >> x | x ^ x & x // x
+x; -x; ~x; not x
x == x != x < x <= x > x >= x is x is not x in x not in x
"""


@functools.cache
def make_nodes_writable() -> tuple[ast.AST, ...]:
    """Let sandboxes write to the nodes of trees, once for the process; return those to which nobody may."""
    shared = tuple([node for node in ast.walk(ast.parse(_ALL_CONSTANTS)) if isinstance(node, _CONSTANT_NODES)])
    for node in shared:
        _guards.add_shared_object(node)
    for kind in list(vars(importlib.import_module("_ast")).values()):
        if not isinstance(kind, type) or not issubclass(kind, ast.AST):
            continue
        if not issubclass(kind, _CONSTANT_NODES) or any(type(node) is kind for node in shared):
            _guards.add_safe_type(kind)
    return shared  # kept by the cache


def attributes_of(node: object) -> object:
    """Return the names of a node's attributes that are no fields."""
    return node._attributes if isinstance(node, ast.AST) else ()
