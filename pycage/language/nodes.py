"""Syntax nodes: what the transformer does with each node type of Python's grammar, and why.

A node type without a row is refused, so syntax of a later Python is never let through unseen.  A test derives all node
types from `ast` of the running Python and fails on one that nobody has considered.
"""

# What RestrictedPython guards and pycage does not, and why nothing is lost:
#
# - Iteration and unpacking (`_getiter_`, `_unpack_sequence_`): C code iterates without asking anyway (sorted, zip,
#   tuple, star expressions), and iterating gives what calling the object's methods gives.
# - Subscripts, read and write (`_getitem_`, `_write_` for items): `d[k] = v` has the authority of `d.update(...)`.
# - In-place operators on variables (`_inplacevar_`): the authority of calling `__iadd__`, which is a public method.
# - Calls (`_apply_`): star arguments only call methods of the mapping.
# - print (`_print_`): the sandbox has a print of its own.
#
# What is left is attributes (three kinds of guard), the names that may be bound, and class patterns, which read
# attributes without an Attribute node.

from __future__ import annotations

import enum
from types import MappingProxyType
from typing import Final, NamedTuple

__all__ = ["NODES", "Node", "Treatment"]


class Treatment(enum.Enum):
    """What happens to a node."""

    PLAIN = "kept; its parts are visited"
    JUDGED = "has a judge_ method of the transformer"
    REFUSED = "a problem of the source"


class Node(NamedTuple):
    """One row: what is done, and why."""

    treatment: Treatment
    why: str


def _rows(treatment: Treatment, why: str, names: str) -> dict[str, Node]:
    return dict.fromkeys(names.split(), Node(treatment, why))


_P, _J, _R = Treatment.PLAIN, Treatment.JUDGED, Treatment.REFUSED

NODES: Final = MappingProxyType(
    {
        **_rows(_P, "structure; all it does is done by its parts", "Expression Expr Starred keyword withitem arg"),
        **_rows(
            _P, "operators and contexts have no parts", "Load Store Del And Or Not Invert UAdd USub Eq NotEq Lt LtE Gt"
        ),
        **_rows(_P, "operators have no parts", "GtE Is IsNot In NotIn Add Sub Mult MatMult Div Mod Pow LShift RShift"),
        **_rows(_P, "operators have no parts", "BitOr BitXor BitAnd FloorDiv TypeIgnore"),
        **_rows(_P, "calls methods of its operands, which are public", "BoolOp UnaryOp Subscript Slice"),
        **_rows(_P, "builds a value", "Dict Set List Tuple IfExp"),
        **_rows(_P, "iterates, as C code does unasked", "ListComp SetComp DictComp GeneratorExp comprehension"),
        **_rows(
            _P,
            "binds through Name and Attribute nodes",
            "Assign AnnAssign Delete For AsyncFor With AsyncWith NamedExpr",
        ),
        **_rows(_P, "binds through a Name node", "TypeAlias"),
        **_rows(_P, "control flow", "If While Try Raise Assert Pass Break Continue Return Yield YieldFrom Await"),
        **_rows(_P, "formats with __format__ and no attribute look-up", "JoinedStr FormattedValue"),
        **_rows(_P, "compares with a value or unpacks", "MatchValue MatchSingleton MatchSequence MatchOr match_case"),
        **_rows(_J, "declares temporaries", "Module"),
        **_rows(_J, "deep chains are visited without recursion", "BinOp"),
        **_rows(_J, "a literal could imitate a guard's placeholder", "Constant"),
        **_rows(_J, "the heart of it: the name decides, or a guard does", "Attribute"),
        **_rows(_J, "of an attribute, it is a read as well as a write", "AugAssign"),
        **_rows(_J, "x.__class__ == y.__class__ tells no more than type() does", "Compare"),
        **_rows(_J, "a class made by type(a, b, c) has to be known as own", "Call"),
        **_rows(_J, "__builtins__ and its kind may not be read or bound", "Name Global Nonlocal"),
        **_rows(
            _J, "binds names that are strings, not Name nodes", "FunctionDef AsyncFunctionDef Lambda arguments ClassDef"
        ),
        **_rows(_J, "binds names that are strings; reads attributes of modules", "Import ImportFrom"),
        **_rows(_J, "read by Import and ImportFrom", "alias"),
        **_rows(_J, "binds names that are strings", "ExceptHandler MatchAs MatchStar MatchMapping"),
        **_rows(_J, "binds names that are strings (PEP 695)", "TypeVar ParamSpec TypeVarTuple"),
        **_rows(_J, "reads attributes without an Attribute node", "Match MatchClass"),
        **_rows(_J, "unsafe where the interpreter is affected by CVE-2025-22153", "TryStar"),
        **_rows(_R, "not produced by source in the modes used", "Interactive FunctionType"),
    }
)
