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
    """One row: what is done, the guards that the rewritten node may call, and why."""

    treatment: Treatment
    guards: tuple[str, ...]
    why: str


def _rows(treatment: Treatment, names: str, why: str, guards: str = "") -> dict[str, Node]:
    return dict.fromkeys(names.split(), Node(treatment, tuple(guards.split()), why))


_P, _J, _R = Treatment.PLAIN, Treatment.JUDGED, Treatment.REFUSED

# A judged node without guards is judged when the source is compiled, and that is all.
NODES: Final = MappingProxyType(
    {
        # ---- Structure ----
        **_rows(_P, "Expression Expr Starred keyword withitem arg", "all it does is done by its parts"),
        **_rows(_P, "Load Store Del TypeIgnore", "has no parts"),
        **_rows(_J, "Module", "declares temporaries"),
        **_rows(_R, "Interactive FunctionType", "not produced by source in the modes used"),
        # ---- Values: operators call methods of their operands, which are public ----
        **_rows(_P, "BoolOp And Or UnaryOp Not Invert UAdd USub", "calls public methods of its operands"),
        **_rows(_P, "Add Sub Mult MatMult Div Mod Pow FloorDiv", "calls public methods of its operands"),
        **_rows(_P, "LShift RShift BitOr BitXor BitAnd", "calls public methods of its operands"),
        **_rows(_P, "Eq NotEq Lt LtE Gt GtE Is IsNot In NotIn", "calls public methods of its operands"),
        **_rows(_P, "Subscript Slice", "calls public methods of its operands; so do item assignment and deletion"),
        **_rows(_P, "Dict Set List Tuple IfExp", "builds a value"),
        **_rows(_P, "ListComp SetComp DictComp GeneratorExp comprehension", "iterates, as C code does unasked"),
        **_rows(_P, "JoinedStr FormattedValue", "formats with __format__ and no attribute look-up"),
        **_rows(_J, "BinOp", "deep chains are visited without recursion"),
        **_rows(_J, "Constant", "a literal could imitate a guard's placeholder"),
        **_rows(_J, "Compare", "x.__class__ == y.__class__ tells no more than type() does"),
        # ---- Attributes and calls ----
        **_rows(
            _J,
            "Attribute",
            "the heart of it: the name decides, or a guard that looks at the object",
            "write private getattr late method super",
        ),
        **_rows(
            _J,
            "AugAssign",
            "of an attribute, it is a read as well as a write",
            "augment write private getattr late method super",
        ),
        **_rows(
            _J,
            "Call",
            "a class made by type(a, b, c) has to be known as own; str.format reads attributes by itself",
            "new_type format getattr super",
        ),
        # ---- Names: __builtins__ and its kind may not be read or bound, in any form ----
        **_rows(_J, "Name", "__builtins__ and its kind may not be read or bound", "getattr"),
        **_rows(_J, "Global Nonlocal", "__builtins__ and its kind may not be bound"),
        **_rows(_P, "Assign AnnAssign Delete For AsyncFor With AsyncWith", "binds through Name and Attribute nodes"),
        **_rows(_P, "NamedExpr TypeAlias", "binds through a Name node"),
        **_rows(
            _J,
            "FunctionDef AsyncFunctionDef",
            "binds a name that is a string; attributes of its variables are guarded where they are bound",
            "view view_private",
        ),
        **_rows(_J, "Lambda arguments ClassDef", "binds names that are strings, not Name nodes"),
        **_rows(_J, "Import ImportFrom", "binds names that are strings; reads attributes of modules"),
        **_rows(_J, "alias", "read by Import and ImportFrom"),
        **_rows(_J, "TypeVar ParamSpec TypeVarTuple", "binds names that are strings (PEP 695)"),
        # ---- Control flow ----
        **_rows(_P, "If While Try Assert Pass Break Continue", "control flow"),
        **_rows(_P, "Return Yield YieldFrom Await", "control flow"),
        **_rows(_J, "Raise", "without an exception, it raises what is handled, be that the host's", "reraise"),
        **_rows(_J, "ExceptHandler", "binds a name that is a string; a denied import is an ImportError", "caught"),
        **_rows(_J, "TryStar", "unsafe where the interpreter is affected by CVE-2025-22153"),
        # ---- Patterns: class patterns read attributes without an Attribute node ----
        **_rows(_P, "MatchValue MatchSingleton MatchSequence MatchOr match_case", "compares with a value or unpacks"),
        **_rows(_J, "Match", "looks at classes of patterns before it uses them"),
        **_rows(_J, "MatchClass", "reads attributes named by the class's __match_args__ and by the pattern", "pattern"),
        **_rows(_J, "MatchAs MatchStar MatchMapping", "binds names that are strings"),
    }
)
