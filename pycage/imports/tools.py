"""What the facades of standard functions ask of a sandbox, and what they are made with."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

import attrs

from pycage.errors import AccessDenied, type_name
from pycage.imports.descriptors import Descriptors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pycage.language import StandIns

__all__ = ["CLASS_DICT", "MRO", "Tools", "exact_name", "is_module", "owned", "refuse", "twin"]

_T = TypeVar("_T")


def _nothing(_thing: object) -> bool:
    return False


def _as_it_is(function: Callable[..., object]) -> Callable[..., object]:
    return function


def _no_file(*_args: object, **_kwargs: object) -> NoReturn:
    message = "there are no files here"
    raise AccessDenied(message)


def _never() -> bool:
    return False


def _no_error() -> BaseException | None:
    return None


def _no_module(_name: str) -> types.ModuleType | None:
    return None


@attrs.frozen
class Tools:
    """What facades ask of the guards of the sandbox they are for.  The defaults refuse.

    Attributes:
        owns: Whether the sandbox may write to an object: the same rule as its write guard.
        read: The guarded ``getattr``; without it there is no ``operator.attrgetter``.
        modules: The sandbox's own module of a name.
        shim: Makes the sandbox's stand-in for a function of the host: see ``pycage.shims``.
        open: The sandbox's built-in ``open``.
        descriptors: The descriptors that the sandbox opened itself.
        parts: What facades have made already and share with each other.
        stand_ins: What stands for the sandbox's own code, frames and classes; without it there are none.
        build_class: The guarded ``__build_class__``; without it there is no ``types.new_class``.
        module_table: Makes ``sys.modules`` of the sandbox.
        own_code: Whether a code object is the sandbox's.
        own_file: Whether source of the sandbox has this file name.
        handled: The exception that is being handled, if the sandbox has seen it.
        restores: Whether the code that runs was called so that the context of decimal is put back after it.
        streams: What ``sys.stdout`` and ``sys.stderr`` are; a stream that is not named swallows what is written.
    """

    owns: Callable[[object], bool] = _nothing
    read: Callable[[object, str], object] | None = None
    modules: Callable[[str], types.ModuleType | None] = _no_module
    shim: Callable[[Callable[..., object]], Callable[..., object]] = _as_it_is
    open: Callable[..., Any] = _no_file
    descriptors: Descriptors = attrs.field(factory=Descriptors)
    parts: dict[str, Any] = attrs.field(factory=dict)
    stand_ins: StandIns | None = None
    build_class: Callable[..., object] | None = None
    module_table: Callable[[], object] = dict
    own_code: Callable[[types.CodeType], bool] = _nothing
    own_file: Callable[[str], bool] = _nothing
    handled: Callable[[], BaseException | None] = _no_error
    restores: Callable[[], bool] = _never
    streams: Mapping[str, object] = attrs.field(factory=dict)

    def part(self, name: str, make: Callable[[Tools], _T]) -> _T:
        """Return what several facades of this sandbox share; made when it is first needed."""
        if name not in self.parts:
            self.parts[name] = make(self)
        return cast("_T", self.parts[name])


def exact_name(name: object) -> str:
    """Return an exact string; anything else becomes a name that is never allowed."""
    return name if type(name) is str else ""


def is_module(thing: object) -> bool:
    """Say whether it is a module.  That of a sandbox is own, but its ``__dict__`` is not: the built-ins are in it."""
    return issubclass(type(thing), types.ModuleType)


# A class's own, whatever its metaclass says.
MRO = type.__dict__["__mro__"].__get__
CLASS_DICT = type.__dict__["__dict__"].__get__


def refuse(function: str, thing: object) -> NoReturn:
    """Refuse to write to what is not the sandbox's own.  Only the type is named: a repr is the object's own code."""
    kind = "class" if issubclass(type(thing), type) else f"{type_name(thing)} object"
    message = f"{function}() writes to its argument, and this {kind} is not the sandbox's own"
    raise AccessDenied(message)


def owned(function: Callable[..., object], name: str, tools: Tools) -> Callable[..., object]:
    """Return ``function`` for a sandbox: its first argument must be the sandbox's own."""

    def checked(target: object, /, *args: object, **kwargs: object) -> object:
        if not tools.owns(target):
            refuse(name, target)
        return function(target, *args, **kwargs)

    checked.__name__ = checked.__qualname__ = name.rpartition(".")[2]
    checked.__doc__ = function.__doc__
    return checked


def twin(module: types.ModuleType, replaced: Mapping[str, object]) -> dict[str, object]:
    """Return a module's globals with its functions bound to these globals instead, some names replaced.

    A function of the module that is a default argument is exchanged as well.
    """
    original = vars(module)
    names = dict(original)
    made: dict[object, types.FunctionType] = {}
    for name, value in original.items():
        if type(value) is types.FunctionType and value.__globals__ is original:
            function = types.FunctionType(value.__code__, names, value.__name__, value.__defaults__, value.__closure__)
            function.__kwdefaults__ = value.__kwdefaults__
            function.__doc__, function.__module__ = value.__doc__, value.__module__
            names[name] = made[value] = function
    for function in made.values():
        if function.__defaults__ is not None:
            function.__defaults__ = tuple(_exchanged(made, value) for value in function.__defaults__)
        if function.__kwdefaults__ is not None:
            keywords = function.__kwdefaults__
            function.__kwdefaults__ = {key: _exchanged(made, value) for key, value in keywords.items()}
    names.update(replaced)
    return names


def _exchanged(made: Mapping[object, object], value: object) -> object:
    return made.get(value, value) if type(value) is types.FunctionType else value
