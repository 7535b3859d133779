"""Runs a program under stock RestrictedPython: its transformer, its built-ins, its guards.

RestrictedPython refuses every one of these programs as it stands.  `Rewriting` turns what it refuses into what it
accepts, as its users do by hand, and `Policy` accepts what cannot be said otherwise; neither takes a guard away.
"""

from __future__ import annotations

import ast
import builtins
import operator
import sys
import types
from typing import Any

from RestrictedPython import compile_restricted_exec, limited_builtins, safe_builtins, utility_builtins
from RestrictedPython.Eval import default_guarded_getitem, default_guarded_getiter
from RestrictedPython.Guards import (
    full_write_guard,
    guarded_iter_unpack_sequence,
    guarded_unpack_sequence,
    safer_getattr,
)
from RestrictedPython.transformer import IOPERATOR_TO_STR, RestrictingNodeTransformer

ADAPTED = (
    "x.a += v and x[k] += v written out; _names renamed; from __future__ dropped; special methods, super().__init__\n"
    "and annotations of variables accepted; range() without its limit of 1,000; classes marked as writable"
)

# RestrictedPython leaves it to its users which of these to hand out.
HANDED_OUT = """
    all any classmethod dict enumerate filter iter map max min next object property reversed set sorted staticmethod sum
    super type zip range
""".split()  # noqa: SIM905  names are read more easily without quotes


def load(source: str, filename: str) -> dict[str, Any]:
    """Return the globals of a program.  Raises SyntaxError for what is refused."""
    tree = Rewriting().visit(ast.parse(source, filename))
    result = compile_restricted_exec(ast.fix_missing_locations(tree), filename, policy=Policy)
    if result.code is None:
        raise SyntaxError(result.errors[0])
    module = types.ModuleType("program")
    sys.modules["program"] = module  # dataclasses looks there
    namespace = module.__dict__
    namespace |= {
        "__builtins__": {
            **safe_builtins,
            **limited_builtins,
            **utility_builtins,
            **{name: getattr(builtins, name) for name in HANDED_OUT},
            "__import__": __import__,
        },
        "__metaclass__": Metaclass(),
        "_getattr_": safer_getattr,
        "_getitem_": default_guarded_getitem,
        "_getiter_": default_guarded_getiter,
        "_write_": full_write_guard,
        "_inplacevar_": lambda name, x, y: IN_PLACE[name](x, y),
        "_iter_unpack_sequence_": guarded_iter_unpack_sequence,
        "_unpack_sequence_": guarded_unpack_sequence,
        "_apply_": lambda function, *args, **kwargs: function(*args, **kwargs),
    }
    exec(result.code, namespace)
    return namespace


# What the functions of `operator` are called, where that is not the name of the syntax node.
OPERATORS = {"Mult": "mul", "MatMult": "matmul", "Div": "truediv", "BitOr": "or", "BitXor": "xor", "BitAnd": "and"}
IN_PLACE = {
    text: getattr(operator, f"i{OPERATORS.get(kind.__name__, kind.__name__.lower())}")
    for kind, text in IOPERATOR_TO_STR.items()
}


class Metaclass:
    """Marks the classes of a program as writable: ``_guarded_writes`` is what full_write_guard looks for."""

    def __prepare__(self, name: str, bases: tuple[type, ...], **options: Any) -> Any:
        """Return the namespace that the bases want."""
        return _metaclass(bases).__prepare__(name, bases, **options)

    def __call__(self, name: str, bases: tuple[type, ...], namespace: Any, **options: Any) -> type:
        """Make the class."""
        made = _metaclass(bases)(name, bases, namespace, **options)
        made._guarded_writes = True
        return made


def _metaclass(bases: tuple[type, ...]) -> Any:
    return type(bases[0]) if bases else type


class Rewriting(ast.NodeTransformer):
    """Says in other words what RestrictedPython refuses."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt | None:
        """Drop ``from __future__``, whose name begins with an underscore."""
        return None if node.module == "__future__" else node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        """``x.a += v`` -> ``x.a = x.a + v``."""
        self.generic_visit(node)
        if isinstance(node.target, ast.Name):
            return node
        target = ast.unparse(node.target)
        read = ast.parse(target, mode="eval").body
        return ast.copy_location(ast.Assign([node.target], ast.BinOp(read, node.op, node.value)), node)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Rename variables."""
        node.id = _public(node.id)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """Rename attributes."""
        node.attr = _public(node.attr)
        self.generic_visit(node)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.stmt:
        """Rename functions."""
        node.name = _public(node.name)
        self.generic_visit(node)
        return node


def _public(name: str) -> str:
    return f"private{name}" if len(name) > 1 and name.startswith("_") and not name.startswith("__") else name


class Policy(RestrictingNodeTransformer):
    """Accepts what has no other spelling."""

    def check_name(self, node: Any, name: str | None, *args: Any, **options: Any) -> None:
        """Accept ``def __iter__``."""
        if not (isinstance(node, ast.FunctionDef) and name is not None and name.startswith("__")):
            super().check_name(node, name, *args, **options)

    def visit_Attribute(self, node: ast.Attribute) -> Any:  # noqa: N802
        """Accept ``super().__init__``, which safer_getattr would refuse."""
        return self.node_contents_visit(node) if node.attr == "__init__" else super().visit_Attribute(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:  # noqa: N802
        """Accept ``x: int = 3``."""
        return self.node_contents_visit(node)
