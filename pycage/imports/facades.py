"""Facades: functions of the standard library made anew for a sandbox, because the real ones walk around a guard.

``stdlib.py`` says which names; this module makes them, once per sandbox and module, when the module is first imported.
"""

# Problem.  Pure functions with an ordinary purpose read or write attributes of their arguments.  They are host code, so
# no guard stands in between: `functools.update_wrapper(mine, host_function, assigned=["__globals__"])` reads what the
# attribute guard refuses, `total_ordering(HostClass)` writes what the write guard refuses.
#
# Things that do not work:
#
# - Leaving them out: `wraps`, `dataclass`, `cached_property` and `copy` are in half of all programs.
# - Checking the arguments first: `copy.copy(mine)` calls `mine.__new__` and writes to what comes back.
# - A rewritten copy of each: it ages with every Python version.
#
# Idea.  Where the real function is sound for the sandbox's own objects, ask for ownership and call the real one.  Where
# the hole is inside, run the real code with other globals: a *twin* of the module in which the one function that writes
# checks what it writes to.  Types and sentinels are shared with the real module, so `dataclasses.fields(guest_object)`
# works in the host.
#
# What still fails.  See stdlib.py: unbound methods with a foreign self.

from __future__ import annotations

import collections
import contextvars
import decimal
import functools
import io
import random
import sys
import types
import typing
from typing import TYPE_CHECKING, Final, NoReturn, final

from pycage.errors import AccessDenied
from pycage.imports.copying import copy_facades
from pycage.imports.dataclass_facade import dataclass_facades
from pycage.imports.shared_caches import exact_facades, re_facades, struct_facades
from pycage.imports.stdlib import OFFERS
from pycage.imports.thread_facade import thread_facades
from pycage.imports.tools import CLASS_DICT, MRO, Tools, owned, refuse
from pycage.language.names import NEVER, classify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["MAKERS", "Tools", "owned"]


# ---- functools -----------------------------------------------------------------------------------------------------


@final
class cached_property:  # noqa: N801  # the name it stands for
    """``functools.cached_property``, which stores only in objects whose class it is part of.

    Not a subclass: through ``super()`` the real ``__get__`` would write to the ``__dict__`` of any object.
    """

    def __init__(self, func: Callable[[object], object]) -> None:
        self.func = func
        self.attrname: str | None = None
        self.__doc__ = func.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        if self.attrname is None:
            self.attrname = name
        elif name != self.attrname:
            message = f"Cannot assign the same cached_property to two different names ({self.attrname!r} and {name!r})."
            raise TypeError(message)

    def __get__(self, instance: object, owner: type | None = None) -> object:
        if instance is None:
            return self
        if self.attrname is None:
            message = "Cannot use cached_property instance without calling __set_name__ on it."
            raise TypeError(message)
        if not any(CLASS_DICT(base).get(self.attrname) is self for base in MRO(type(instance))):
            refuse("cached_property", instance)
        try:
            cache = vars(instance)
        except TypeError:
            message = (
                f"No '__dict__' attribute on {type(instance).__name__!r} instance to cache {self.attrname!r} property."
            )
            raise TypeError(message) from None
        if self.attrname not in cache:
            cache[self.attrname] = self.func(instance)
        return cache[self.attrname]

    def __class_getitem__(cls, item: object) -> types.GenericAlias:
        return types.GenericAlias(cls, item)


def _functools(tools: Tools) -> dict[str, object]:  # noqa: C901  # a list of small functions
    def update_wrapper(
        wrapper: object,
        wrapped: object,
        assigned: Iterable[str] = functools.WRAPPER_ASSIGNMENTS,
        updated: Iterable[str] = functools.WRAPPER_UPDATES,
    ) -> object:
        """Update a wrapper function to look like the wrapped function; the standard attributes only."""
        if not tools.owns(wrapper):
            refuse("functools.update_wrapper", wrapper)
        chosen, merged = tuple(assigned), tuple(updated)
        if not set(map(_plain, chosen)) <= set(functools.WRAPPER_ASSIGNMENTS) or not set(map(_plain, merged)) <= {
            "__dict__"
        }:
            message = "update_wrapper() in a sandbox copies no other attributes than functools.WRAPPER_ASSIGNMENTS"
            raise AccessDenied(message)
        for name in chosen:
            try:
                value = getattr(wrapped, name)
            except AttributeError:
                continue
            # Shared annotations could be written to by item.
            setattr(wrapper, name, dict(value) if type(value) is dict else value)
        if merged and tools.owns(wrapped):
            vars(wrapper).update(getattr(wrapped, "__dict__", {}))
        wrapper.__wrapped__ = wrapped  # type: ignore[attr-defined]  # functions have no declared attributes
        return wrapper

    def wraps(
        wrapped: object,
        assigned: Iterable[str] = functools.WRAPPER_ASSIGNMENTS,
        updated: Iterable[str] = functools.WRAPPER_UPDATES,
    ) -> Callable[[object], object]:
        """Return a decorator that applies update_wrapper()."""
        return lambda wrapper: update_wrapper(wrapper, wrapped, assigned, updated)

    def singledispatch(func: Callable[..., object]) -> object:
        """``functools.singledispatch``; a string annotation does not choose the type (it would be evaluated)."""
        wrapper = functools.singledispatch(func)
        register_type = typing.cast("Callable[[object, object], object]", wrapper.register)

        def register(cls: object, function: object = None) -> object:
            # dispatch() asks issubclass(base, cls) for each base of an argument's class: a metaclass would see all.
            for one in getattr(cls, "__args__", (cls,)) if isinstance(cls, types.UnionType) else (cls,):
                if isinstance(one, type) and type(one) is not type and tools.owns(type(one)):
                    message = "register() in a sandbox takes no class with a metaclass of the sandbox's own"
                    raise AccessDenied(message)
            if function is None:
                if isinstance(cls, (type, types.UnionType)):
                    return lambda later: register(cls, later)
                hints = getattr(cls, "__annotations__", {})
                chosen = next(iter(hints.values()), None)
                if not isinstance(chosen, (type, types.UnionType)):
                    message = (
                        "register() in a sandbox needs a class: write @function.register(int), or annotate with a class"
                    )
                    raise TypeError(message)
                return register(chosen, cls)
            return register_type(cls, function)

        wrapper.register = register  # type: ignore[method-assign, assignment]  # that is the point
        return wrapper

    return {
        "cached_property": cached_property,
        "singledispatch": singledispatch,
        "update_wrapper": update_wrapper,
        "wraps": wraps,
    }


def _plain(name: object) -> str:
    """Return an exact string; anything else becomes a name that is never allowed."""
    return name if type(name) is str else ""


# ---- the rest ------------------------------------------------------------------------------------------------------


def _collections(_tools: Tools) -> dict[str, object]:
    def namedtuple(
        typename: str,
        field_names: str | Iterable[str],
        *,
        rename: bool = False,
        defaults: Iterable[object] | None = None,
        module: str | None = None,
    ) -> type:
        """``collections.namedtuple``, without fields named like attributes of frames and generators."""
        if module is None:
            module = _plain(sys._getframe(1).f_globals.get("__name__")) or "sandbox"  # as the real one
        made = collections.namedtuple(typename, field_names, rename=rename, defaults=defaults, module=module)  # type: ignore[misc, arg-type]  # noqa: PYI024
        fields: tuple[str, ...] = made._fields
        if any(classify(field) == NEVER for field in fields):
            message = "a field of a named tuple cannot have the name of an attribute of frames or generators"
            raise AccessDenied(message)
        return made

    return {"namedtuple": namedtuple}


@final
class _Context:
    """A copied context of ``contextvars``: runs functions, answers for variables one holds, cannot be iterated over.

    The real one lists every variable of the host with its value.  What pycage itself keeps in variables, such as the
    principals of ``run_as``, is not copied: functions run with that of the moment, or a sandbox would come back to it.
    """

    __slots__ = ("_context",)

    def __init__(self) -> None:
        self._context = contextvars.Context()
        for variable, value in contextvars.copy_context().items():
            if not _is_pycages(variable):
                self._context.run(variable.set, value)

    def __init_subclass__(cls) -> NoReturn:
        message = "a context cannot be derived from"
        raise TypeError(message)

    def run(self, function: Callable[..., object], *args: object, **kwargs: object) -> object:
        """Call the function in this context."""
        present = [pair for pair in contextvars.copy_context().items() if _is_pycages(pair[0])]

        def call() -> object:
            tokens = [(variable, variable.set(value)) for variable, value in present]
            try:
                return function(*args, **kwargs)
            finally:
                for variable, token in tokens:
                    variable.reset(token)

        return self._context.run(call)

    def get(self, variable: contextvars.ContextVar[object], default: object = None) -> object:
        """Return the value of a variable in this context."""
        return self._context.get(variable, default)

    def __getitem__(self, variable: contextvars.ContextVar[object]) -> object:
        return self._context[variable]

    def __contains__(self, variable: object) -> bool:
        return variable in self._context

    def copy(self) -> _Context:
        """Return a copy of this context."""
        return self._context.run(_Context)


def _is_pycages(variable: contextvars.ContextVar[object]) -> bool:
    # A guest's variable may have any name, of any class; that only makes it one that is not copied.
    return type(variable.name) is str and variable.name.startswith("pycage.")


def _contextvars(_tools: Tools) -> dict[str, object]:
    def copy_context() -> _Context:
        """Return a copy of the current context."""
        return _Context()

    return {"copy_context": copy_context}


def _decimal(_tools: Tools) -> dict[str, object]:
    def getcontext() -> decimal.Context:
        """Return a copy of the current context: the real one is the thread's, which belongs to the host too."""
        return decimal.getcontext().copy()

    return {"getcontext": getcontext}


def _random(_tools: Tools) -> dict[str, object]:
    source = random.Random()  # noqa: S311  # it stands for the module random
    return {name: getattr(source, name) for name in OFFERS["random"].made if hasattr(source, name)}


def _operator(tools: Tools) -> dict[str, object]:
    read = tools.read
    if read is None:
        return {}

    def dotted(path: object) -> tuple[str, ...]:
        if type(path) is not str:
            message = "attribute name must be a string"
            raise TypeError(message)
        return tuple(path.split("."))

    def follow(thing: object, path: tuple[str, ...]) -> object:
        for name in path:
            thing = read(thing, name)
        return thing

    def attrgetter(attribute: str, *more: str) -> Callable[[object], object]:
        """``operator.attrgetter``; every attribute is read through the sandbox's guard."""
        paths = tuple(dotted(path) for path in (attribute, *more))
        if len(paths) == 1:
            return lambda thing: follow(thing, paths[0])
        return lambda thing: tuple(follow(thing, path) for path in paths)

    def methodcaller(name: str, /, *args: object, **kwargs: object) -> Callable[[object], object]:
        """``operator.methodcaller``; the method is read through the sandbox's guard."""
        if type(name) is not str:
            message = "method name must be a string"
            raise TypeError(message)
        return lambda thing: typing.cast("Callable[..., object]", read(thing, name))(*args, **kwargs)

    return {"attrgetter": attrgetter, "methodcaller": methodcaller}


def _typing(tools: Tools) -> dict[str, object]:
    def plain(argument: object) -> object:
        if type(argument) is typing.ForwardRef:
            return argument.__forward_arg__
        if type(argument) is list:
            return [plain(inner) for inner in argument]
        return argument

    def get_args(tp: object) -> tuple[object, ...]:
        """``typing.get_args``; a forward reference comes as its text, because its class can evaluate text."""
        return tuple(plain(argument) for argument in typing.get_args(tp))

    def dataclass_transform(**options: object) -> Callable[..., object]:
        """``typing.dataclass_transform`` for the sandbox's own classes and functions."""
        decorate = typing.dataclass_transform(**options)  # type: ignore[arg-type]  # checked by the real one
        return owned(typing.cast("Callable[..., object]", decorate), "typing.dataclass_transform", tools)

    return {"get_args": get_args, "dataclass_transform": dataclass_transform}


# ---- sys -----------------------------------------------------------------------------------------------------------


def _sys(tools: Tools) -> dict[str, object]:
    streams = {name: tools.streams.get(name, io.StringIO()) for name in ("stdout", "stderr")}
    return {"argv": [""], **streams}


# ---- traceback -----------------------------------------------------------------------------------------------------


def _traceback(_tools: Tools) -> dict[str, object]:
    def format_exception_only(exc: object, /, value: object = None, **_options: object) -> list[str]:
        """Return the last line of a traceback.  The real one makes suggestions, and imports modules for that."""
        raised = exc if isinstance(exc, BaseException) else value
        kind = type(raised)
        if not isinstance(raised, BaseException):
            message = f"an exception is needed, not {type.__getattribute__(kind, '__name__')}"
            raise TypeError(message)
        name, module = type.__getattribute__(kind, "__qualname__"), type.__getattribute__(kind, "__module__")
        shown = name if module in ("__main__", "builtins") else f"{module}.{name}"
        text = str(raised)
        notes = getattr(raised, "__notes__", None)
        lines = [f"{shown}: {text}\n" if text else f"{shown}\n"]
        if type(notes) is list:
            lines.extend(f"{line}\n" for note in notes for line in str(note).split("\n"))
        return lines

    return {"format_exception_only": format_exception_only}


MAKERS: Final[dict[str, Callable[[Tools], dict[str, object]]]] = {
    "collections": _collections,
    "contextvars": _contextvars,
    "copy": copy_facades,
    "dataclasses": dataclass_facades,
    "decimal": _decimal,
    "functools": _functools,
    "operator": _operator,
    "random": _random,
    "fnmatch": exact_facades("fnmatch", "filter", "fnmatch", "fnmatchcase", "translate"),
    "re": re_facades,
    "struct": struct_facades,
    "urllib.parse": exact_facades("urllib.parse", "urldefrag", "urljoin", "urlparse", "urlsplit"),
    "sys": _sys,
    "threading": thread_facades,
    "traceback": _traceback,
    "typing": _typing,
}
"""Module -> what makes its facades for one sandbox."""
