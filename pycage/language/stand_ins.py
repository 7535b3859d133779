"""Stand-ins: what a sandbox gets of its own functions, frames and classes where the real thing is authority.

Real packages look at code, frames and classes for honest reasons: a decorator copies a function, attrs repairs the
``__class__`` of methods, a parser asks which line called it.  The guards ask here before they refuse a name that nobody
may have (``read``) or store (``store``); whatever has no row is refused.
"""

# Problem.  The real objects lead everywhere: a code object can be changed and run, a frame has a caller, globals have
# the built-ins with all guards behind them, a tuple of bases makes a class the sandbox's own (guards/ownership.c).
#
# Things that do not work:
#
# - Refuse them all: attrs, networkx, pyparsing, markdown and jinja2 do not load, for reasons that have nothing to do
#   with authority.
# - Hand out the real ones of own functions: `f.__code__.replace(...)`, `f.__globals__["__builtins__"]`, `frame.f_back`.
#   And a shim is a function of the sandbox's domain, whose closure holds the host's function.
#
# Idea.  Text and numbers are copied.  What leads on is another stand-in, and only to what *guest source* made: code of
# this sandbox's domain that is neither a shim's nor a copied standard module's.  Host frames do not exist in the chain.
# What may be stored is what the sandbox could have written itself:
#
#     f.__code__ = g.__code__           own functions without free variables: with some, the cells would change their
#                                       meaning, and that of `__class__` decides whose methods super() takes
#     cell.cell_contents = C            in a cell that holds an own class, another own class, as attrs does it
#     error.__traceback__ = None        raise error.with_traceback(None) does the same
#     module.__class__ = M              for own modules, as the language reference describes it
#     f.__self__ = f                    for own functions: what an attribute of that name says is the sandbox's word
#
# `Mapping.register(C)` says of an own class what deriving from Mapping says.
#
# A traceback itself is the real one, __exit__ gets it anyway, and leads nowhere: its frame is refused, and it seems to
# be its last entry, so that what walks along one ends.

from __future__ import annotations

import abc
import builtins
import types
from typing import TYPE_CHECKING, Final, NoReturn, cast, final

from pycage import _core
from pycage.errors import AccessDenied
from pycage.language import _guards
from pycage.language.builtins import RestrictedCode
from pycage.language.globals import Globals, StandIn, is_variable
from pycage.language.names import INERT, PLAIN, classify
from pycage.shims import SHIM_FILE
from pycage.source_lines import COPY_FILES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pycage.language._guards import GuardSet

__all__ = ["REFUSED_REDUCE", "Cell", "Code", "Frame", "Globals", "StandIns"]

_MRO: Final = type.__dict__["__mro__"].__get__
_CLASS_DICT: Final = type.__dict__["__dict__"].__get__
_BASES: Final = type.__dict__["__bases__"].__get__
_TRACEBACK: Final = BaseException.__dict__["__traceback__"]

_BUILTIN_TYPES: Final = frozenset(id(kind) for kind in vars(builtins).values() if isinstance(kind, type))
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


@final
@_core.seal
class Frame(StandIn):
    """A frame of the sandbox's own code, as ``sys._getframe()`` gives it."""

    __slots__ = ("_frame",)

    _frame: types.FrameType


@final
class StandIns:
    """The stand-ins of one sandbox.  Host code: guests reach neither it nor what it holds.

    Args:
        owner: What `code_owner` answers for code of this sandbox.
        code_owner: Code object to its owner.
    """

    __slots__ = ("_code_owner", "_guards", "_owner")

    def __init__(self, owner: object, code_owner: Callable[[types.CodeType], object]) -> None:
        self._owner = owner
        self._code_owner = code_owner
        self._guards: GuardSet | None = None

    def attach(self, guards: GuardSet) -> None:
        """Know the guards; they are made with this object."""
        self._guards = guards

    # ---- What the guards call ----

    def read(self, thing: object, name: str) -> object:
        """Return what ``thing`` has instead of a refused attribute; ``NotImplemented``: nothing."""
        if name in _CODE_NAMES:
            return _code_value(thing, name)
        reader = _READERS.get(name)
        return NotImplemented if reader is None else reader(self, thing)

    def store(self, thing: object, name: str, value: object) -> bool:
        """Store a value under a name that may not be stored as it stands, if that is harmless; say whether."""
        writer = _WRITERS.get(name)
        return False if writer is None else writer(self, thing, value)

    # ---- For facades ----

    def frame(self, depth: int, start: types.FrameType | None) -> Frame:
        """Return the own frame ``depth`` frames above the newest one from ``start`` on, or raise ValueError."""
        for frame in self.frames(start):
            if depth == 0:
                return Frame._of(frame)
            depth -= 1
        message = "call stack is not deep enough"
        raise ValueError(message)

    def frames(self, start: types.FrameType | None) -> Iterator[types.FrameType]:
        """Yield the real frames of guest source from ``start`` on, newest first."""
        while start is not None:
            if self._is_open(start.f_code):
                yield start
            start = start.f_back

    def entries(self, traceback: object) -> Iterator[types.TracebackType]:
        """Yield the entries of guest source of a real traceback, the outermost first."""
        while type(traceback) is types.TracebackType:
            if self._is_open(traceback.tb_frame.f_code):
                yield traceback
            traceback = traceback.tb_next

    def is_guest_function(self, thing: object) -> bool:
        """Say whether guest source made this function: not a shim."""
        return type(thing) is types.FunctionType and self._is_guest_code(thing.__code__)

    def copy_of(  # noqa: PLR0917  # the signature of types.FunctionType
        self,
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

    # ---- Classes ----

    def _own(self, thing: object) -> bool:
        return self._guards is not None and self._guards.own(thing)

    def _seen_classes(self, thing: type) -> tuple[type, ...]:
        """Return the MRO without the classes of the host that the sandbox did not name itself."""
        mro: tuple[type, ...] = _MRO(thing)
        named = {id(thing), *_BUILTIN_TYPES}  # by address: a class can have a metaclass that compares
        for kind in mro:
            if self._own(kind):
                named.update(map(id, (kind, *_BASES(kind))))
        return tuple([kind for kind in mro if id(kind) in named])

    def _mro(self, thing: object) -> object:
        return self._seen_classes(cast("type", thing)) if issubclass(type(thing), type) else NotImplemented

    def _bases(self, thing: object) -> object:
        if not issubclass(type(thing), type):
            return NotImplemented
        kind = cast("type", thing)
        if self._guards is not None and self._own(kind):
            return self._guards.own_bases(kind)
        return tuple([base for base in _BASES(kind) if id(base) in _BUILTIN_TYPES])

    def _base(self, thing: object) -> object:
        bases = self._bases(thing)
        if not isinstance(bases, tuple):
            return NotImplemented
        base = type.__dict__["__base__"].__get__(thing)
        return base if base is None or any(base is seen for seen in bases) else object

    def _names_of_class(self, thing: object) -> object:
        """Return the names of a class of the host with what reading each gives: what anybody may read."""
        if not issubclass(type(thing), type) or self._guards is None:
            return NotImplemented
        missing = object()
        names = [name for name in _CLASS_DICT(thing) if type(name) is str and classify(name) == PLAIN]
        values = {name: self._guards.getattr(thing, name, missing) for name in names}
        return {name: value for name, value in values.items() if value is not missing}

    def _subclasses(self, thing: object) -> object:
        if not issubclass(type(thing), type) or not self._own(thing):
            return NotImplemented
        kind = cast("type", thing)
        own = self._own

        def __subclasses__() -> list[type]:  # noqa: N807  # the name it stands for
            found: list[type] = type.__subclasses__(kind)
            return [derived for derived in found if own(derived)]

        return __subclasses__

    def _register(self, thing: object) -> object:
        """Return ``register`` of an abstract class of the host, for classes of the sandbox."""
        if not issubclass(type(thing), abc.ABCMeta):
            return NotImplemented
        own, kind = self._own, cast("abc.ABCMeta", thing)

        def register(subclass: type) -> type:
            if not issubclass(type(subclass), type) or not own(subclass):
                message = "access denied: only classes of the sandbox can be registered with a class of the host"
                raise AccessDenied(message)
            return abc.ABCMeta.register(kind, subclass)

        return register

    # ---- Functions ----

    def _is_guest_code(self, code: types.CodeType) -> bool:
        return code.co_filename != SHIM_FILE and self._code_owner(code) is self._owner

    def _is_open(self, code: types.CodeType) -> bool:
        """Say whether the variables of guest code are the guest's to see: those of a copied standard module are not."""
        return self._is_guest_code(code) and not code.co_filename.startswith(COPY_FILES)

    def _is_open_function(self, thing: object) -> bool:
        return type(thing) is types.FunctionType and self._is_open(thing.__code__)

    def _code(self, thing: object) -> object:
        function = _function_of(thing)
        return Code._of(function.__code__, function) if self.is_guest_function(function) else NotImplemented

    def _globals(self, thing: object) -> object:
        function = _function_of(thing)
        return Globals._of(function.__globals__) if self._is_open_function(function) else NotImplemented

    def _closure(self, thing: object) -> object:
        function = _function_of(thing)
        if not self._is_open_function(function):
            return NotImplemented
        if function.__closure__ is None:
            return None
        return tuple(
            [
                Cell._of(cell, name)
                for cell, name in zip(function.__closure__, function.__code__.co_freevars, strict=True)
            ]
        )

    def _store_code(self, thing: object, value: object) -> bool:
        # The code of a function: that of a module or a class body binds names wherever it runs.
        if not self._is_open_function(thing) or type(value) is not Code or value._function is None:
            return False
        function, code = cast("types.FunctionType", thing), value._code
        if not self._is_open(code):
            return False
        if code.co_freevars or function.__code__.co_freevars:
            raise ValueError(_FREE_VARIABLE)
        _core.do_privileged(types.FunctionType.__dict__["__code__"].__set__, function, code)
        return True

    def _store_cell(self, thing: object, value: object) -> bool:
        if type(thing) is not Cell or not issubclass(type(value), type):
            return False
        try:
            held = thing._cell.cell_contents
        except ValueError:  # empty
            return False
        if not issubclass(type(held), type) or not self._own(held) or not self._own(value):
            return False
        thing._cell.cell_contents = value
        return True

    def _store_self(self, thing: object, value: object) -> bool:
        if not self._is_open_function(thing) or not self._is_open_function(value):
            return False
        cast("types.FunctionType", thing).__dict__["__self__"] = value
        return True

    def _store_module_class(self, thing: object, value: object) -> bool:
        if (
            type(thing) is not types.ModuleType
            or not self._own(thing)
            or not issubclass(type(value), type)
            or not self._own(value)
        ):
            return False
        object.__setattr__(thing, "__class__", value)
        return True

    def _store_match_args(self, thing: object, value: object) -> bool:
        """Store names for class patterns: a pattern judges each tuple of them before it uses it."""
        if not issubclass(type(thing), type) or not self._own(thing) or type(value) is not tuple:
            return False
        if any(type(name) is not str for name in value):
            return False
        type.__setattr__(cast("type", thing), "__match_args__", value)
        return True

    # ---- Frames ----

    def _f_back(self, thing: object) -> object:
        if type(thing) is not Frame:
            return NotImplemented
        found = next(self.frames(thing._frame.f_back), None)
        return None if found is None else Frame._of(found)

    def _weakref(self, thing: object) -> object:
        """Say that there is no weak reference: attrs asks for the attribute of each slot."""
        return None if self._own(thing) else NotImplemented

    # ---- Copying ----

    def _inert(self, thing: object, name: str) -> object:
        """Return what the sandbox's own class defines, or else a function that refuses when it is called."""
        found = None
        if self._guards is not None and self._own(thing):
            found = self._guards.getattr(thing, INERT[name], None)
        return _refused_reduce if found is None else found


def _copied(
    function: types.FunctionType,
    name: str | None,
    defaults: tuple[object, ...] | None,
    kwdefaults: dict[str, object] | None,
) -> types.FunctionType:
    made = types.FunctionType(function.__code__, function.__globals__, name, defaults, function.__closure__)
    made.__kwdefaults__ = kwdefaults
    return made


def _refused_reduce(*_arguments: object) -> NoReturn:
    message = "access denied: objects are not taken apart for pickling in a sandbox"
    raise AccessDenied(message)


def _function_of(thing: object) -> types.FunctionType:
    """Return the function behind a method; anything else as it is."""
    return cast("types.FunctionType", thing.__func__ if type(thing) is types.MethodType else thing)


# Text and numbers about code.  Not co_consts, which hold the guards, and not co_code.
_CODE_NAMES: Final = frozenset(
    """
    co_name co_qualname co_filename co_firstlineno co_argcount co_posonlyargcount co_kwonlyargcount co_flags co_nlocals
    co_varnames co_freevars co_cellvars co_stacksize
    """.split()  # noqa: SIM905  # names are read more easily without quotes
)


def _code_value(thing: object, name: str) -> object:
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


def _traceback(_stand_ins: StandIns, thing: object) -> object:
    return _TRACEBACK.__get__(thing) if issubclass(type(thing), BaseException) else NotImplemented


def _tb_next(_stand_ins: StandIns, thing: object) -> object:
    return None if type(thing) is types.TracebackType else NotImplemented


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


# Decorators ask for the name of what they decorate, or of its class.
_CALLED_BY_NAME: Final = frozenset(
    {type, staticmethod, classmethod, types.BuiltinFunctionType, types.MethodDescriptorType, types.MethodType}
)
_ATOMS: Final = frozenset({str, bytes, int, float, complex, bool, type(None)})


def _drop_traceback(_stand_ins: StandIns, thing: object, value: object) -> bool:
    if value is not None or not issubclass(type(thing), BaseException):
        return False
    _TRACEBACK.__set__(thing, None)
    return True


def _f_code(_stand_ins: StandIns, thing: object) -> object:
    return Code._of(thing._frame.f_code, None) if type(thing) is Frame else NotImplemented


def _f_lineno(_stand_ins: StandIns, thing: object) -> object:
    return thing._frame.f_lineno if type(thing) is Frame else NotImplemented


def _f_globals(_stand_ins: StandIns, thing: object) -> object:
    return Globals._of(thing._frame.f_globals) if type(thing) is Frame else NotImplemented


def _f_locals(_stand_ins: StandIns, thing: object) -> object:
    if type(thing) is not Frame:
        return NotImplemented
    frame = thing._frame
    if frame.f_locals is frame.f_globals:
        return dict(Globals._of(frame.f_globals))
    return {name: value for name, value in dict(frame.f_locals).items() if is_variable(name)}


REFUSED_REDUCE: Final = _refused_reduce
"""What ``object.__reduce__`` is for a sandbox."""

_READERS: Final[dict[str, Callable[[StandIns, object], object]]] = {
    "__mro__": StandIns._mro,
    "__bases__": StandIns._bases,
    "__base__": StandIns._base,
    "__class__": lambda _stand_ins, thing: type(thing) if type(thing) in _CALLED_BY_NAME else NotImplemented,
    "__subclasses__": StandIns._subclasses,
    "__dict__": StandIns._names_of_class,
    "__code__": StandIns._code,
    "__globals__": StandIns._globals,
    "__closure__": StandIns._closure,
    "cell_contents": _cell_contents,
    "__traceback__": _traceback,
    "tb_next": _tb_next,
    "__self__": _self_of_method,
    "__weakref__": StandIns._weakref,
    "f_back": StandIns._f_back,
    "f_code": _f_code,
    "f_lineno": _f_lineno,
    "f_globals": _f_globals,
    "f_locals": _f_locals,
    "register": StandIns._register,
    "__reduce__": lambda stand_ins, thing: stand_ins._inert(thing, "__reduce__"),
    "__reduce_ex__": lambda stand_ins, thing: stand_ins._inert(thing, "__reduce_ex__"),
}

_WRITERS: Final[dict[str, Callable[[StandIns, object, object], bool]]] = {
    "__code__": StandIns._store_code,
    "cell_contents": StandIns._store_cell,
    "__traceback__": _drop_traceback,
    "__class__": StandIns._store_module_class,
    "__match_args__": StandIns._store_match_args,
    "__self__": StandIns._store_self,
}
