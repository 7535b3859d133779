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
# What may be stored is what the sandbox could have written itself (function_stand_ins.py, class_stand_ins.py):
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

import types
from typing import TYPE_CHECKING, Final, NoReturn, final

from pycage import _core
from pycage.errors import AccessDenied
from pycage.language.class_stand_ins import CLASS_READERS, CLASS_WRITERS
from pycage.language.function_stand_ins import CODE_NAMES, FUNCTION_READERS, FUNCTION_WRITERS, Code, code_value
from pycage.language.globals import Globals, StandIn, is_variable
from pycage.language.names import INERT
from pycage.shims import SHIM_FILE
from pycage.source_lines import COPY_FILES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pycage.language._guards import GuardSet

__all__ = ["REFUSED_REDUCE", "Frame", "StandIns"]

_TRACEBACK: Final = BaseException.__dict__["__traceback__"]


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

    Attributes:
        guards: The sandbox's; None until they are there.
    """

    __slots__ = ("_code_owner", "_owner", "guards")

    def __init__(self, owner: object, code_owner: Callable[[types.CodeType], object]) -> None:
        self._owner = owner
        self._code_owner = code_owner
        self.guards: GuardSet | None = None

    def attach(self, guards: GuardSet) -> None:
        """Know the guards; they are made with this object."""
        self.guards = guards

    # ---- What the guards call ----

    def read(self, thing: object, name: str) -> object:
        """Return what ``thing`` has instead of a refused attribute; ``NotImplemented``: nothing."""
        if name in CODE_NAMES:
            return code_value(thing, name)
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
            if self.is_open(start.f_code):
                yield start
            start = start.f_back

    def entries(self, traceback: object) -> Iterator[types.TracebackType]:
        """Yield the entries of guest source of a real traceback, the outermost first."""
        while type(traceback) is types.TracebackType:
            if self.is_open(traceback.tb_frame.f_code):
                yield traceback
            traceback = traceback.tb_next

    def is_guest_function(self, thing: object) -> bool:
        """Say whether guest source made this function: not a shim."""
        return type(thing) is types.FunctionType and self._is_guest_code(thing.__code__)

    # ---- Whose is it? ----

    def own(self, thing: object) -> bool:
        """Say whether an object is the sandbox's own."""
        return self.guards is not None and self.guards.own(thing)

    def is_open(self, code: types.CodeType) -> bool:
        """Say whether the variables of guest code are the guest's to see: those of a copied standard module are not."""
        return self._is_guest_code(code) and not code.co_filename.startswith(COPY_FILES)

    def is_open_function(self, thing: object) -> bool:
        """Say the same of a function; no of anything else."""
        return type(thing) is types.FunctionType and self.is_open(thing.__code__)

    def _is_guest_code(self, code: types.CodeType) -> bool:
        return code.co_filename != SHIM_FILE and self._code_owner(code) is self._owner

    # ---- Frames ----

    def _f_back(self, thing: object) -> object:
        if type(thing) is not Frame:
            return NotImplemented
        found = next(self.frames(thing._frame.f_back), None)
        return None if found is None else Frame._of(found)

    # ---- Copying ----

    def _inert(self, thing: object, name: str) -> object:
        """Return what the sandbox's own class defines, or else a function that refuses when it is called."""
        found = None
        if self.guards is not None and self.own(thing):
            found = self.guards.getattr(thing, INERT[name], None)
        return _refused_reduce if found is None else found


def _refused_reduce(*_arguments: object) -> NoReturn:
    message = "access denied: objects are not taken apart for pickling in a sandbox"
    raise AccessDenied(message)


def _traceback(_stand_ins: StandIns, thing: object) -> object:
    return _TRACEBACK.__get__(thing) if issubclass(type(thing), BaseException) else NotImplemented


def _tb_next(_stand_ins: StandIns, thing: object) -> object:
    return None if type(thing) is types.TracebackType else NotImplemented


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
    **CLASS_READERS,
    **FUNCTION_READERS,
    "__traceback__": _traceback,
    "tb_next": _tb_next,
    "f_back": StandIns._f_back,
    "f_code": _f_code,
    "f_lineno": _f_lineno,
    "f_globals": _f_globals,
    "f_locals": _f_locals,
    "__reduce__": lambda stand_ins, thing: stand_ins._inert(thing, "__reduce__"),
    "__reduce_ex__": lambda stand_ins, thing: stand_ins._inert(thing, "__reduce_ex__"),
}

_WRITERS: Final[dict[str, Callable[[StandIns, object, object], bool]]] = {
    **CLASS_WRITERS,
    **FUNCTION_WRITERS,
    "__traceback__": _drop_traceback,
}
