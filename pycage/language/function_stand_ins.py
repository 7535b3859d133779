"""What stands in for functions and methods: their code, their globals and their cells, and what may be stored there."""

from __future__ import annotations

import types
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast, final

from pycage import _core
from pycage.errors import AccessDenied
from pycage.language import _guards
from pycage.language.builtins import RestrictedCode
from pycage.language.globals import Globals, StandIn, is_variable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pycage.language.stand_ins import StandIns

__all__ = ["CODE_NAMES", "FUNCTION_READERS", "FUNCTION_WRITERS", "Cell", "Code", "code_value", "copied_function"]

_FREE_VARIABLE: Final = "only functions without free variables can exchange their code in a sandbox"


@final
@_core.seal
class Code(StandIn):
    """``f.__code__`` of an own function: text and numbers, and something to compare."""

    __slots__ = ("_code", "_function")

    _code: types.CodeType
    _function: object  # a function or None; type checkers take a function in a class for a method

    def __eq__(self, other: object) -> bool:
        return type(other) is Code and other._code is self._code

    def __hash__(self) -> int:
        return hash((Code, id(self._code)))

    def __repr__(self) -> str:
        return f"<code of {self._code.co_name}>"


@final
@_core.seal
class Cell(StandIn):
    """One entry of ``f.__closure__`` of an own function."""

    __slots__ = ("_cell", "_name")

    _cell: types.CellType
    _name: str


def copied_function(  # noqa: PLR0917  # the signature of types.FunctionType
    code: object,
    globals: object,  # noqa: A002
    name: object = None,
    argdefs: object = None,
    closure: object = None,
    kwdefaults: object = None,
) -> types.FunctionType:
    """``types.FunctionType``: the function that the code is of, with another name and other defaults."""
    function = code._function if type(code) is Code else None
    if (
        type(function) is not types.FunctionType
        or type(globals) is not Globals
        or globals._names is not function.__globals__
    ):
        message = "access denied: a function can only be made of another's __code__, __globals__ and __closure__"
        raise AccessDenied(message)
    held = function.__closure__ or ()
    cells = closure if type(closure) is tuple else ()
    # Compared by identity: cells compare what they hold, which can be a guest's.
    same = [type(cell) is Cell and cell._cell is own for cell, own in zip(cells, held, strict=False)]
    if len(cells) != len(held) or not all(same):
        message = "access denied: a copied function keeps its closure"
        raise AccessDenied(message)
    if (
        not (name is None or type(name) is str)
        or not (argdefs is None or type(argdefs) is tuple)
        or not (kwdefaults is None or type(kwdefaults) is dict)
    ):
        message = "a function needs a name of the exact type str, defaults of the exact type tuple"
        raise TypeError(message)
    return _core.do_privileged(_copied, function, name, argdefs, kwdefaults)


def _copied(
    function: types.FunctionType,
    name: str | None,
    defaults: tuple[object, ...] | None,
    kwdefaults: dict[str, object] | None,
) -> types.FunctionType:
    made = types.FunctionType(function.__code__, function.__globals__, name, defaults, function.__closure__)
    made.__kwdefaults__ = kwdefaults
    return made


# Text and numbers about code.  Not co_consts, which hold the guards, and not co_code.
CODE_NAMES: Final = frozenset(
    """
    co_name co_qualname co_filename co_firstlineno co_argcount co_posonlyargcount co_kwonlyargcount co_flags co_nlocals
    co_varnames co_freevars co_cellvars co_stacksize
    """.split()  # noqa: SIM905  # names are read more easily without quotes
)


def code_value(thing: object, name: str) -> object:
    """Return what a stand-in for code says under one of `CODE_NAMES`; ``NotImplemented``: it is none."""
    if type(thing) is RestrictedCode:
        return {"co_filename": thing.filename, "co_name": "<module>", "co_firstlineno": 1}.get(name, NotImplemented)
    if type(thing) is not Code:
        return NotImplemented
    value = getattr(thing._code, name)
    return tuple([item for item in value if not item.startswith(".")]) if type(value) is tuple else value


def _cell_contents(_stand_ins: StandIns, thing: object) -> object:
    if type(thing) is not Cell or not is_variable(thing._name):
        return NotImplemented
    return thing._cell.cell_contents  # or ValueError, as CPython


def _function_of(thing: object) -> types.FunctionType:
    """Return the function behind a method; anything else as it is."""
    return cast("types.FunctionType", thing.__func__ if type(thing) is types.MethodType else thing)


def _code(stand_ins: StandIns, thing: object) -> object:
    function = _function_of(thing)
    return Code._of(function.__code__, function) if stand_ins.is_guest_function(function) else NotImplemented


def _globals(stand_ins: StandIns, thing: object) -> object:
    function = _function_of(thing)
    return Globals._of(function.__globals__) if stand_ins.is_open_function(function) else NotImplemented


def _closure(stand_ins: StandIns, thing: object) -> object:
    function = _function_of(thing)
    if not stand_ins.is_open_function(function):
        return NotImplemented
    if function.__closure__ is None:
        return None
    return tuple(
        [Cell._of(cell, name) for cell, name in zip(function.__closure__, function.__code__.co_freevars, strict=True)]
    )


def _store_code(stand_ins: StandIns, thing: object, value: object) -> bool:
    # The code of a function: that of a module or a class body binds names wherever it runs.
    if not stand_ins.is_open_function(thing) or type(value) is not Code or value._function is None:
        return False
    function, code = cast("types.FunctionType", thing), value._code
    if not stand_ins.is_open(code):
        return False
    if code.co_freevars or function.__code__.co_freevars:
        raise ValueError(_FREE_VARIABLE)
    _core.do_privileged(types.FunctionType.__dict__["__code__"].__set__, function, code)
    return True


def _store_cell(stand_ins: StandIns, thing: object, value: object) -> bool:
    if type(thing) is not Cell or not issubclass(type(value), type):
        return False
    try:
        held = thing._cell.cell_contents
    except ValueError:  # empty
        return False
    if not issubclass(type(held), type) or not stand_ins.own(held) or not stand_ins.own(value):
        return False
    thing._cell.cell_contents = value
    return True


def _store_self(stand_ins: StandIns, thing: object, value: object) -> bool:
    if not stand_ins.is_open_function(thing) or not stand_ins.is_open_function(value):
        return False
    cast("types.FunctionType", thing).__dict__["__self__"] = value
    return True


def _self_of_method(_stand_ins: StandIns, thing: object) -> object:
    """Text and numbers behind a built-in method; a list behind its append() can be the host's.

    A method of a list that is a MethodType is one that the transformer made of a display, ``[].append``.
    """
    if type(thing) is types.MethodType:
        is_made = type(thing.__func__) is types.MethodDescriptorType and type(thing.__self__) is list
        return thing.__self__ if is_made else NotImplemented
    if type(thing) is not types.BuiltinMethodType:
        return NotImplemented
    value: object = thing.__self__
    if type(value) is tuple and value and type(value[0]) is _guards.GuardSet:
        value = value[1]  # "...".format, as the guards give it
        return value if issubclass(type(value), str) else NotImplemented
    return value if type(value) in _ATOMS else NotImplemented


_ATOMS: Final = frozenset({str, bytes, int, float, complex, bool, type(None)})

FUNCTION_READERS: Final[Mapping[str, Callable[[StandIns, object], object]]] = MappingProxyType(
    {
        "__code__": _code,
        "__globals__": _globals,
        "__closure__": _closure,
        "cell_contents": _cell_contents,
        "__self__": _self_of_method,
    }
)

FUNCTION_WRITERS: Final[Mapping[str, Callable[[StandIns, object, object], bool]]] = MappingProxyType(
    {"__code__": _store_code, "cell_contents": _store_cell, "__self__": _store_self}
)
