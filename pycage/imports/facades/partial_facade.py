"""``functools.partial`` for a sandbox: a class of its own, so that what it holds is the sandbox's to read."""

# Problem.  A partial object of the host holds what the host bound into it, so the guards do not let `func`, `args` and
# `keywords` of one be read; programs that curry functions read those of their own all the time.  Nobody can tell who
# made one: `partial(hosts_partial)` takes over what that one holds.
#
# Idea.  Another class.  Only sandboxes make its objects, and one of the host in the place of the function stays whole.
# Calling one is calling a shim, so that the sandbox is on the stack.
#
# What still fails.  It is no functools.partial for the host, and slower than that.

from __future__ import annotations

import functools
import reprlib
import types
from typing import TYPE_CHECKING, NoReturn, Self, cast

from pycage.imports.facades.shimmed_class import shimmed, slot
from pycage.imports.tools import MRO

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.imports.tools import Tools

__all__ = ["is_partial", "make_partial"]


class _Partial(type):
    """Metaclass: the host's partial objects are partial objects here, too."""

    def __instancecheck__(cls, thing: object) -> bool:
        return type.__instancecheck__(cls, thing) or type(thing) is functools.partial


def is_partial(thing: object) -> bool:
    """Say whether an object is one of a sandbox's partial objects."""
    return any(type(kind) is _Partial for kind in MRO(type(thing)))


def make_partial(tools: Tools) -> type:  # noqa: C901  # one class
    """Return the class of one sandbox."""

    @shimmed(tools, "functools", sealed=False)
    class partial(metaclass=_Partial):  # noqa: N801  # the name it stands for
        """New function with partial application of the given arguments and keywords."""

        __slots__ = ("__dict__", "__weakref__", "_args", "_func", "_keywords")

        def __new__(cls, func: Callable[..., object], /, *args: object, **keywords: object) -> Self:
            if not callable(func):
                message = "the first argument must be callable"
                raise TypeError(message)
            if issubclass(type(func), partial):
                args, keywords, func = (*get_args(func), *args), {**get_keywords(func), **keywords}, get_func(func)
            made = object.__new__(cls)
            set_func(made, func)
            set_args(made, args)
            set_keywords(made, keywords)
            return made

        def __call__(self, /, *args: object, **keywords: object) -> object:
            return get_func(self)(*get_args(self), *args, **{**get_keywords(self), **keywords})

        @property
        def func(self) -> Callable[..., object]:
            """The function."""
            return cast("Callable[..., object]", get_func(self))

        @property
        def args(self) -> tuple[object, ...]:
            """The positional arguments that come first."""
            return get_args(self)

        @property
        def keywords(self) -> dict[str, object]:
            """The keyword arguments."""
            return get_keywords(self)

        @reprlib.recursive_repr()
        def __repr__(self) -> str:
            parts = [repr(get_func(self)), *map(repr, get_args(self))]
            parts.extend(f"{name}={value!r}" for name, value in get_keywords(self).items())
            return f"functools.partial({', '.join(parts)})"

        def __reduce__(self) -> NoReturn:
            message = "a partial object of a sandbox cannot be pickled"
            raise TypeError(message)

        def __copy__(self) -> object:
            return partial(get_func(self), *get_args(self), **get_keywords(self))

        def __deepcopy__(self, _memo: object) -> object:
            return self

        def __class_getitem__(cls, item: object) -> types.GenericAlias:
            return types.GenericAlias(cls, item)

    get_func, set_func = slot(partial, "_func")
    get_args, set_args = slot(partial, "_args", tuple)
    get_keywords, set_keywords = slot(partial, "_keywords", dict)
    return partial
