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
import copy as host_copy
import dataclasses as host_dataclasses
import decimal
import functools
import importlib.util
import io
import random
import sys
import types
import typing
from typing import TYPE_CHECKING, Final, NoReturn, final

import attrs

from pycage.errors import AccessDenied
from pycage.imports.stdlib import OFFERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["MAKERS", "Tools", "owned"]


def _nothing(_thing: object) -> bool:
    return False


def _forget(_made: type) -> None:
    return


def _no_module(_name: str) -> types.ModuleType | None:
    return None


@attrs.frozen
class Tools:
    """What facades ask of the guards of the sandbox they are for.  The defaults refuse.

    Attributes:
        owns: Whether the sandbox may write to an object: the same rule as its write guard.
        adopt: Makes a class the sandbox's own; called for ``dataclass(slots=True)``, which makes a second class.
        read: The guarded ``getattr``; without it there is no ``operator.attrgetter``.
        modules: The sandbox's own module of a name.
        streams: What ``sys.stdout`` and ``sys.stderr`` are; a stream that is not named swallows what is written.
    """

    owns: Callable[[object], bool] = _nothing
    adopt: Callable[[type], None] = _forget
    read: Callable[[object, str], object] | None = None
    modules: Callable[[str], types.ModuleType | None] = _no_module
    streams: Mapping[str, object] = attrs.field(factory=dict)


# Attributes that lead to frames, code or globals.  A class pattern reads the names in __match_args__ without asking the
# compiler (D144), and these functions write __match_args__.  Source: RestrictedPython's INSPECT_ATTRIBUTES.
# fmt: off
_INSPECTION: Final = frozenset({
    "ag_await", "ag_code", "ag_frame", "cr_await", "cr_code", "cr_frame", "cr_origin", "f_back", "f_builtins",
    "f_code", "f_generator", "f_globals", "f_locals", "f_trace", "gi_code", "gi_frame", "gi_yieldfrom",
    "tb_frame", "tb_next",
})
# fmt: on


def _refuse(function: str, thing: object) -> NoReturn:
    """Refuse to write to what is not the sandbox's own.  Only the type is named: a repr is the object's own code."""
    kind = "class" if issubclass(type(thing), type) else f"{type.__getattribute__(type(thing), '__name__')} object"
    message = f"{function}() writes to its argument, and this {kind} is not the sandbox's own"
    raise AccessDenied(message)


def owned(function: Callable[..., object], name: str, tools: Tools) -> Callable[..., object]:
    """Return ``function`` for a sandbox: its first argument must be the sandbox's own."""

    def checked(target: object, /, *args: object, **kwargs: object) -> object:
        if not tools.owns(target):
            _refuse(name, target)
        return function(target, *args, **kwargs)

    checked.__name__ = checked.__qualname__ = name.rpartition(".")[2]
    checked.__doc__ = function.__doc__
    return checked


def _twin(module: types.ModuleType, replaced: Mapping[str, object]) -> dict[str, object]:
    """Return a module's globals with its functions bound to these globals instead, some names replaced."""
    original = vars(module)
    names = dict(original)
    for name, value in original.items():
        if type(value) is types.FunctionType and value.__globals__ is original:
            function = types.FunctionType(value.__code__, names, value.__name__, value.__defaults__, value.__closure__)
            function.__kwdefaults__ = value.__kwdefaults__
            function.__doc__, function.__module__ = value.__doc__, value.__module__
            names[name] = function
    names.update(replaced)
    return names


# ---- copy ----------------------------------------------------------------------------------------------------------


@functools.cache
def _copy_module() -> types.ModuleType:
    """Return a second instance of the module ``copy`` whose reconstruction checks what it writes to.

    A second instance and not a twin: ``copy``'s own functions hold each other as defaults and in a table.
    It keeps no state, so all sandboxes share it.
    """
    spec = importlib.util.find_spec("copy")
    if spec is None or spec.loader is None:
        message = "the standard module copy has no source"
        raise ImportError(message)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    names = vars(module)
    names["Error"] = names["error"] = host_copy.Error
    reconstruct = names["_reconstruct"]

    def _reconstruct(
        x: object,
        memo: object,
        func: Callable[..., object],
        args: Iterable[object],
        state: object = None,
        *rest: object,
        **keywords: object,
    ) -> object:
        def make(*arguments: object) -> object:
            made = func(*arguments)
            # __new__ and __reduce__ are the guest's: what they return is about to be written to.
            if type(made) is not type(x):
                _refuse("copy", made)
            return made

        if type(state) is tuple and len(state) == 2 and state[1] is not None:  # noqa: PLR2004  # (dict, slots), PEP 307
            slots = state[1]
            # These go through setattr: __class__ among them would turn the copy into an object of the host.
            if type(slots) is not dict or any(type(key) is not str or key.startswith("__") for key in slots):
                _refuse("copy", x)
        return reconstruct(x, memo, make, args, state, *rest, **keywords)

    names["_reconstruct"] = _reconstruct
    return module


def _copy(_tools: Tools) -> dict[str, object]:
    names = vars(_copy_module())
    return {name: names[name] for name in ("copy", "deepcopy", "replace") if name in names}


# ---- dataclasses ---------------------------------------------------------------------------------------------------


@final
class _Modules:
    """Stands for ``sys.modules`` where dataclasses looks up what a string annotation means.

    A sandbox's modules are not in ``sys.modules``, and a class that says ``__module__ = "os"`` must not make
    dataclasses look there.  So: the sandbox's own module, or an empty one.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def __contains__(self, name: object) -> bool:
        # Asked for the globals of generated functions.  None: they need no name of the module.
        return False

    def get(self, name: object, default: object = None) -> object:  # noqa: ARG002  # the signature of dict.get
        # PEP 563: "dataclasses.InitVar[int]" is recognised by the identity of the module.
        if name == "typing":
            return typing
        if name == "dataclasses":
            return host_dataclasses
        module = self._tools.modules(name) if type(name) is str else None
        names = {} if module is None else dict(vars(module))
        for key, value in names.items():
            if isinstance(value, types.ModuleType) and value is not module:
                real = vars(value).get("__name__")
                if real in ("typing", "dataclasses"):
                    names[key] = sys.modules[real]
        seen = types.ModuleType("module")
        vars(seen).update(names)
        return seen

    def __getitem__(self, name: object) -> object:
        return self.get(name)


def _dataclasses(tools: Tools) -> dict[str, object]:  # noqa: C901  # a list of small functions
    def check(target: object) -> None:
        if not tools.owns(target):
            _refuse("__init__", target)

    def get_state(target: object) -> object:
        check(target)
        return host_dataclasses._dataclass_getstate(target)  # type: ignore[attr-defined]  # the real one

    def set_state(target: object, state: object) -> None:
        check(target)
        host_dataclasses._dataclass_setstate(target, state)  # type: ignore[attr-defined]  # the real one

    names = _twin(
        host_dataclasses,
        {
            "copy": _copy_module(),
            "sys": types.SimpleNamespace(
                modules=_Modules(tools),
                _getframemodulename=getattr(sys, "_getframemodulename", None),
                _getframe=sys._getframe,  # as dataclasses does
            ),
            # The doc string of a class without one would be its signature, and inspect finds that by evaluating the
            # names in __text_signature__ in the globals of any module.
            "inspect": types.SimpleNamespace(
                signature=lambda _class: "",
                get_annotations=lambda made: type.__getattribute__(made, "__dict__").get("__annotations__", {}),
                unwrap=lambda function: function,
            ),
            "_dataclass_getstate": get_state,
            "_dataclass_setstate": set_state,
        },
    )
    # A generated __init__ stores to whatever self it is given, under field names that the guest chose.
    if "_FuncBuilder" in names:  # 3.13
        names["_FuncBuilder"] = _checking_builder(typing.cast("type", names["_FuncBuilder"]), check)
    else:  # 3.11, 3.12
        names["_create_fn"] = _checking_create(typing.cast("Callable[..., object]", names["_create_fn"]), check)
    make = typing.cast("Callable[..., type]", names["dataclass"])

    def dataclass(cls: type | None = None, /, **options: object) -> object:
        def decorate(given: type) -> type:
            if not issubclass(type(given), type) or not tools.owns(given):
                _refuse("dataclasses.dataclass", given)
            made = make(given, **options)
            if made is not given and type(given) in _PLAIN_METACLASSES:
                # slots=True: a new class.  A metaclass of the guest could have returned any class of the host.
                tools.adopt(made)
            positional = type.__getattribute__(made, "__dict__").get("__match_args__", ())
            if any(type(name) is not str or name.startswith("_") or name in _INSPECTION for name in positional):
                type.__setattr__(made, "__match_args__", ())
            return made

        return decorate if cls is None else decorate(cls)

    dataclass.__doc__ = host_dataclasses.dataclass.__doc__
    return {"dataclass": dataclass, **{name: names[name] for name in ("asdict", "astuple", "replace")}}


_PLAIN_METACLASSES: Final = (type, type(collections.abc.Sized))


def _checking_builder(builder: type, check: Callable[[object], None]) -> type:
    def add_fn(self: object, name: str, args: list[str], body: list[str], **options: object) -> None:
        if name == "__init__":
            options["locals"] = {
                **typing.cast("dict[str, object]", options.get("locals") or {}),
                "__pycage_check__": check,
            }
            body = [f"  __pycage_check__({args[0]})", *body]
        builder.add_fn(self, name, args, body, **options)  # type: ignore[attr-defined]  # _FuncBuilder has it

    return type("_FuncBuilder", (builder,), {"add_fn": add_fn})


def _checking_create(create: Callable[..., object], check: Callable[[object], None]) -> Callable[..., object]:
    def _create_fn(name: str, args: list[str], body: list[str], **options: object) -> object:
        if name == "__init__":
            options["locals"] = {
                **typing.cast("dict[str, object]", options.get("locals") or {}),
                "__pycage_check__": check,
            }
            body = [f"__pycage_check__({args[0]})", *body]
        return create(name, args, body, **options)

    return _create_fn


# ---- functools -----------------------------------------------------------------------------------------------------

_MRO: Final = type.__dict__["__mro__"].__get__
_CLASS_DICT: Final = type.__dict__["__dict__"].__get__


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
        if not any(_CLASS_DICT(base).get(self.attrname) is self for base in _MRO(type(instance))):
            _refuse("cached_property", instance)
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
            _refuse("functools.update_wrapper", wrapper)
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
                return register_type(chosen, cls)
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
        if not _INSPECTION.isdisjoint(made._fields):
            message = "a field of a named tuple cannot have the name of an attribute of frames or generators"
            raise AccessDenied(message)
        return made

    return {"namedtuple": namedtuple}


@final
class _Context:
    """A copied context of ``contextvars``: runs functions, answers for variables one holds, cannot be iterated over.

    The real one lists every variable of the host with its value.
    """

    __slots__ = ("_context",)

    def __init__(self) -> None:
        self._context = contextvars.copy_context()

    def __init_subclass__(cls) -> NoReturn:
        message = "a context cannot be derived from"
        raise TypeError(message)

    def run(self, function: Callable[..., object], *args: object, **kwargs: object) -> object:
        """Call the function in this context."""
        return self._context.run(function, *args, **kwargs)

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


# ---- sys ---------------------------------------------------------------------------------------------------------------


def _sys(tools: Tools) -> dict[str, object]:
    return {"argv": [""], "stdout": tools.streams.get("stdout", io.StringIO()), "stderr": tools.streams.get("stderr", io.StringIO())}


MAKERS: Final[dict[str, Callable[[Tools], dict[str, object]]]] = {
    "collections": _collections,
    "contextvars": _contextvars,
    "copy": _copy,
    "dataclasses": _dataclasses,
    "decimal": _decimal,
    "functools": _functools,
    "operator": _operator,
    "random": _random,
    "sys": _sys,
    "typing": _typing,
}
"""Module -> what makes its facades for one sandbox."""
