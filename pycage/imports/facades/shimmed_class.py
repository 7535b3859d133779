"""Classes of a facade whose methods are shims: one class for each sandbox, around objects of the host."""

# Problem.  A method of a shared class is host code.  `map(sock.send, packets)`, left behind for the host to iterate,
# runs with no sandbox on the stack; so does every bound method that is kept as somebody's callback.
#
# Things that do not work:
#
# - One class for all sandboxes: whose domain would its methods belong to?
# - Shims put into each object: special methods are looked up in the class.
# - A `__getattribute__` that makes them: what it returns is bound already, and unbound methods go past it.
#
# Idea.  The maker of a facade contains a class statement, which runs once for each sandbox.  `shimmed` replaces every
# public and special method in it by a shim of that sandbox.  The class is sealed, so that no class of a guest comes
# between a method and the slots it works on; `typing.final` would only tell type checkers.
#
# What still fails.  A method is called with whatever `self` its caller chose: methods must read their slots through
# the class's own descriptors (`slot`), which refuse objects of other classes.

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any, TypeVar, overload

from pycage import _core

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.imports.tools import Tools

__all__ = ["shimmed", "slot"]

_T = TypeVar("_T")


def shimmed(tools: Tools, module: str, *, sealed: bool = True) -> Callable[[type[_T]], type[_T]]:
    """Return a class decorator that makes the methods shims of one sandbox.

    Functions, properties, static and class methods are replaced, apart from private ones (``_name``), which stay the
    host's and are called by it.  Coroutine functions become functions that return a coroutine with the context of the
    call; see ``pycage.shims``.

    Args:
        tools: The sandbox's.
        module: What ``__module__`` says.
        sealed: Nothing can be derived from it.  Otherwise its methods must expect objects of a guest's class.
    """

    def decorate(cls: type[_T]) -> type[_T]:
        for name, value in list(vars(cls).items()):
            if not _is_private(name):
                replaced = _replaced(value, tools.shim)
                if replaced is not value:
                    setattr(cls, name, replaced)
        cls.__module__, cls.__qualname__ = module, cls.__name__
        return _core.seal(cls) if sealed else cls

    return decorate


@overload
def slot(cls: type, name: str) -> tuple[Callable[[object], Any], Callable[[object, object], None]]: ...
@overload
def slot(cls: type, name: str, kind: type[_T]) -> tuple[Callable[[object], _T], Callable[[object, _T], None]]: ...
def slot(cls: type, name: str, kind: type = object) -> tuple[Callable[[object], Any], Callable[[object, Any], None]]:
    """Return functions that read and write one slot of a class, of its own objects only.

    Args:
        cls: The class.
        name: The slot.
        kind: What is in it; for type checkers.

    Reading raises AttributeError if ``__init__`` has not run, both raise TypeError for an object of another class.
    """
    descriptor: Any = vars(cls)[name]
    if type(descriptor) is not types.MemberDescriptorType:
        message = f"{cls.__name__}.{name} is not a slot for {kind.__name__}"
        raise TypeError(message)
    return descriptor.__get__, descriptor.__set__


def _is_private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def _replaced(value: object, shim: Callable[[Callable[..., object]], Callable[..., object]]) -> object:
    if type(value) is types.FunctionType:
        return shim(value)
    if type(value) is staticmethod or type(value) is classmethod:
        return type(value)(shim(value.__func__))
    if type(value) is property:
        get, set_, delete = (part if part is None else shim(part) for part in (value.fget, value.fset, value.fdel))
        return property(get, set_, delete, value.__doc__)  # type: ignore[arg-type]  # a shim returns what it is for
    return value
