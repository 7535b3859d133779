"""``functools`` for a sandbox: what writes to its arguments asks whose they are."""

from __future__ import annotations

import functools
import types
import typing
from typing import TYPE_CHECKING, final

from pycage.errors import AccessDenied
from pycage.imports.facades.partial_facade import make_partial
from pycage.imports.kept_callables import kept_method
from pycage.imports.tools import CLASS_DICT, MRO, Tools, exact_name, is_module, refuse
from pycage.language import _guards
from pycage.language.globals import is_variable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["make"]


@final
class cached_property:  # noqa: N801  # the name it stands for
    """``functools.cached_property``, which stores only in objects whose class it is part of.

    Not a subclass: through ``super()`` the real ``__get__`` would write to the ``__dict__`` of any object.  Nobody can
    assign anything but its ``__doc__``: every sandbox may write to every one.
    """

    _func: Callable[[object], object]
    _name: str | None

    def __init__(self, func: Callable[[object], object]) -> None:
        vars(self).update(_func=_guards.keep(func), _name=None, __doc__=func.__doc__)

    def __setattr__(self, name: str, value: object) -> None:
        if name != "__doc__":
            message = f"attribute {name!r} of a cached_property cannot be assigned"
            raise AttributeError(message)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        message = f"attribute {name!r} of a cached_property cannot be deleted"
        raise AttributeError(message)

    @property
    def func(self) -> Callable[[object], object]:
        return self._func

    @property
    def attrname(self) -> str | None:
        return self._name

    def __set_name__(self, owner: type, name: str) -> None:
        if self._name is None:
            vars(self)["_name"] = name
        elif name != self._name:
            message = f"Cannot assign the same cached_property to two different names ({self._name!r} and {name!r})."
            raise TypeError(message)

    def __get__(self, instance: object, owner: type | None = None) -> object:
        if instance is None:
            return self
        name = self._name
        if name is None:
            message = "Cannot use cached_property instance without calling __set_name__ on it."
            raise TypeError(message)
        # The variables of a module are more than its attributes: the built-ins, what the transformer keeps there.
        if (
            type(name) is not str
            or not any(CLASS_DICT(base).get(name) is self for base in MRO(type(instance)))
            or (is_module(instance) and not is_variable(name))
        ):
            refuse("cached_property", instance)
        try:
            cache = vars(instance)
        except TypeError:
            message = f"No '__dict__' attribute on {type(instance).__name__!r} instance to cache {name!r} property."
            raise TypeError(message) from None
        if name not in cache:
            cache[name] = self._func(instance)
        return cache[name]

    def __class_getitem__(cls, item: object) -> types.GenericAlias:
        return types.GenericAlias(cls, item)


# `alias.__doc__ = ...` is in real programs.  What is stored in one decides about objects of the sandbox's own classes.
_guards.add_safe_type(cached_property)


def make(tools: Tools) -> dict[str, object]:  # noqa: C901  # a list of small functions
    """Return what ``pycage.imports.stdlib`` says is made anew."""

    def update_wrapper(
        wrapper: object,
        wrapped: object,
        assigned: Iterable[str] = functools.WRAPPER_ASSIGNMENTS,
        updated: Iterable[str] = functools.WRAPPER_UPDATES,
    ) -> object:
        """Update a wrapper function to look like the wrapped function; the standard attributes only."""
        if not tools.owns(wrapper) or is_module(wrapper):
            refuse("functools.update_wrapper", wrapper)
        chosen, merged = tuple(assigned), tuple(updated)
        if not set(map(exact_name, chosen)) <= set(functools.WRAPPER_ASSIGNMENTS) or not set(
            map(exact_name, merged)
        ) <= {"__dict__"}:
            message = "update_wrapper() in a sandbox copies no other attributes than functools.WRAPPER_ASSIGNMENTS"
            raise AccessDenied(message)
        for name in chosen:
            try:
                value = getattr(wrapped, name)
            except AttributeError:
                continue
            # Shared annotations could be written to by item.
            setattr(wrapper, name, dict(value) if type(value) is dict else value)
        if merged and tools.owns(wrapped) and not is_module(wrapped):
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
        # Not of func itself: a dispatching function of the host's would bring its own register along.
        real = functools.singledispatch(lambda *_: None)
        register_type = typing.cast("Callable[[object, object], object]", real.register)
        register_type(object, kept_method(func))
        name = getattr(func, "__name__", "singledispatch function")

        # Not the real one, which the guards know by its code: a sandbox may not add to one of the host's (D121).
        def wrapper(*args: object, **kwargs: object) -> object:
            if not args:
                message = f"{name} requires at least 1 positional argument"
                raise TypeError(message)
            return real.dispatch(args[0].__class__)(*args, **kwargs)

        def register(cls: object, func: object = None) -> object:
            # dispatch() asks issubclass(base, cls) for each base of an argument's class: a metaclass would see all.
            for one in getattr(cls, "__args__", (cls,)) if isinstance(cls, types.UnionType) else (cls,):
                if isinstance(one, type) and type(one) is not type and tools.owns(type(one)):
                    message = "register() in a sandbox takes no class with a metaclass of the sandbox's own"
                    raise AccessDenied(message)
            if func is None:
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
            return register_type(cls, kept_method(typing.cast("Callable[..., object]", func)))

        functools.update_wrapper(
            wrapper, func, updated=("__dict__",) if tools.owns(func) and not is_module(func) else ()
        )
        vars(wrapper).update(register=register, dispatch=real.dispatch, registry=real.registry)
        return wrapper

    def cmp_to_key(mycmp: Callable[[object, object], int]) -> object:
        """Convert a cmp= function into a key= function."""
        return functools.cmp_to_key(_guards.keep(mycmp))

    return {
        "cached_property": cached_property,
        "cmp_to_key": cmp_to_key,
        "partial": make_partial(tools),
        "singledispatch": singledispatch,
        "update_wrapper": update_wrapper,
        "wraps": wraps,
    }
