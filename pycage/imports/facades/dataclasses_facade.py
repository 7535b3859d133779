"""``dataclasses`` for a sandbox: the real code, with other ways to read, to write and to make functions."""

# Problem.  dataclasses is an interpreter of names.  A field called `x` is read with `getattr(cls, "x")` to find its
# default, which `fields(cls)[0].default` hands out: a field called `__subclasses__` gives all classes.  The text
# of `__init__` is put together from names and given to exec() as host code: a field called
# `x=__import__("os").system("...")` is run.  And `asdict(x)` reads, from any own object, what its fields say.
#
# Things that do not work:
#
# - Checking `cls.__annotations__` first: it is the guest's dictionary, and another thread changes it after the check.
# - Checking the names of the fields at the end: a Field of a guest's own class says something else each time.
#
# Idea.  A twin of the module in which every name is judged where it enters (`_get_field`), every attribute is read
# through the sandbox's guard, a field is exactly a `dataclasses.Field` (guests cannot write to those), and a table of
# fields is copied when it is read off a class and when it is stored in one, so that nobody else holds the one in use.
#
# What still fails.  `fields()` of a dataclass of the host hands out its defaults.

from __future__ import annotations

import dataclasses as real
import functools
import keyword
import operator
import sys
import types
import typing
from typing import TYPE_CHECKING, Final, cast, final

from pycage.errors import AccessDenied
from pycage.imports.facades.copy_facade import copy_module
from pycage.imports.tools import CLASS_DICT, MRO, Tools, refuse, twin
from pycage.language.names import NEVER, PLAIN, classify, storable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["make"]

# Attributes that the code of dataclasses asks for by itself; no field can have one of these names.
_INTERNAL: Final = frozenset(
    {"__dataclass_fields__", "__dataclass_params__", "__set_name__", "__weakrefoffset__", "__dictrefoffset__"}
)

_Field: Final = real.Field
_NOTHING: Final = object()

# So many tables of fields are remembered for one sandbox.
_TABLES: Final = 1000


def _is_field_name(name: object) -> bool:
    """Say whether generated text may contain a name, and generated functions read and store it on own objects."""
    return type(name) is str and _may_be_field(name)


@functools.lru_cache(maxsize=4096)  # asked for every field whenever fields() or asdict() look at an object
def _may_be_field(name: str) -> bool:
    if not name.isidentifier() or keyword.iskeyword(name) or not storable(name):
        return False
    return classify(name) == PLAIN if name.startswith("__") and name.endswith("__") else classify(name) != NEVER


def _table(found: object) -> object:
    """Return a copy of a ``__dataclass_fields__``; anything that is none as it is, if nothing is made from it."""
    if found is None or found is real.MISSING:
        return found
    if type(found) is dict:
        copied = dict(found)
        for field in copied.values():
            if type(field) is not _Field or type(name := field.name) is not str or not _may_be_field(name):
                break
        else:
            return copied
    message = "this __dataclass_fields__ was not made by dataclasses"
    raise AccessDenied(message)


@final
class _Tables:
    """Remembers what `_table` found right: fields() and asdict() ask for every object."""

    def __init__(self) -> None:
        self._fields: dict[int, tuple[object, ...]] = {}  # the address of a table -> the fields that it had

    def copy(self, found: object) -> object:
        """Do as `_table` does."""
        if type(found) is not dict:
            return _table(found)
        copied = dict(found)
        known = self._fields.get(id(found), ())
        # The very same fields: what is at that address, and who changed it meanwhile, does not matter.
        if len(known) == len(copied) and all(map(operator.is_, copied.values(), known)):
            return copied
        copied = cast("dict[str, object]", _table(copied))
        if len(self._fields) >= _TABLES:
            self._fields.clear()
        self._fields[id(found)] = tuple(copied.values())
        return copied


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
            return real
        module = self._tools.modules(name) if type(name) is str else None
        names = {} if module is None else dict(vars(module))
        for key, value in names.items():
            if isinstance(value, types.ModuleType) and value is not module:
                called = vars(value).get("__name__")
                if called in ("typing", "dataclasses"):
                    names[key] = sys.modules[called]
        seen = types.ModuleType("module")
        vars(seen).update(names)
        return seen

    def __getitem__(self, name: object) -> object:
        return self.get(name)


def make(tools: Tools) -> dict[str, object]:
    """Return the functions that ``stdlib.py`` says are made anew.

    Args:
        tools: The sandbox's guards.  Without a guard for reading, only public names are read.
    """
    names = _twin_of_dataclasses(tools)
    make = cast("Callable[..., type]", names["dataclass"])

    def dataclass(cls: type | None = None, /, **options: object) -> object:
        def decorate(given: type) -> type:
            if not issubclass(type(given), type) or not tools.owns(given):
                refuse("dataclasses.dataclass", given)
            return make(given, **options)

        return decorate if cls is None else decorate(cls)

    dataclass.__doc__ = real.dataclass.__doc__
    return {"dataclass": dataclass, **{name: names[name] for name in ("asdict", "astuple", "replace")}}


def _twin_of_dataclasses(tools: Tools) -> dict[str, object]:  # noqa: C901  # a list of small functions
    read = _reader(tools)

    def check(target: object) -> None:
        if not tools.owns(target):
            refuse("__init__", target)

    def store(target: object, name: str, value: object) -> None:
        # A metaclass sees what is stored in its class.
        setattr(target, name, _table(value) if name == "__dataclass_fields__" else value)

    def get_field(cls: type, name: object, annotation: object, kw_only: object) -> object:
        if not _is_field_name(name) or any(
            str(name).startswith("_") and str(name) in CLASS_DICT(base) and not tools.owns(base) for base in MRO(cls)
        ):
            message = f"a dataclass in a sandbox cannot have a field {ascii(name) if type(name) is str else '?'}"
            raise AccessDenied(message)
        made = original_get_field(cls, name, annotation, kw_only)
        if type(made) is not real.Field:
            message = "a field of a dataclass must be exactly what field() makes"
            raise AccessDenied(message)
        return made

    def get_state(target: object) -> object:
        check(target)
        return [read(target, field.name) for field in fields(target)]

    def set_state(target: object, state: object) -> None:
        check(target)
        for field, value in zip(fields(target), cast("list[object]", state), strict=False):
            object.__setattr__(target, field.name, value)

    names = twin(
        real,
        {
            "copy": copy_module(tools),
            "getattr": read,
            "setattr": store,
            "sys": types.SimpleNamespace(
                modules=_Modules(tools),
                _getframemodulename=getattr(sys, "_getframemodulename", None),
                _getframe=sys._getframe,  # as dataclasses does
            ),
            # The doc string of a class without one would be its signature, and inspect finds that by evaluating the
            # names in __text_signature__ in the globals of any module.
            "inspect": types.SimpleNamespace(
                signature=lambda _class: "",
                get_annotations=lambda made: CLASS_DICT(made).get("__annotations__", {}),
                unwrap=lambda function: function,
            ),
            "_get_field": get_field,
            "_dataclass_getstate": get_state,
            "_dataclass_setstate": set_state,
        },
    )
    original_get_field = _rebound(real._get_field, names)  # type: ignore[attr-defined]  # its own
    fields = cast("Callable[[object], tuple[real.Field[object], ...]]", names["fields"])
    # A generated __init__ stores to whatever self it is given, under field names that the guest chose.
    if "_FuncBuilder" in names:  # 3.13
        names["_FuncBuilder"] = _checking_builder(cast("type", names["_FuncBuilder"]), check)
    else:  # 3.11, 3.12
        names["_create_fn"] = _checking_create(cast("Callable[..., object]", names["_create_fn"]), check)
    return names


def _rebound(function: types.FunctionType, names: dict[str, object]) -> Callable[..., object]:
    return types.FunctionType(function.__code__, names, function.__name__, function.__defaults__)


def _reader(tools: Tools) -> Callable[..., object]:
    """Return what ``getattr`` is for the code of dataclasses."""
    guarded = tools.read or _read_public
    table = _Tables().copy

    def read(thing: object, name: str, default: object = _NOTHING) -> object:
        if name in _INTERNAL:
            found = getattr(thing, name) if default is _NOTHING else getattr(thing, name, default)
            return table(found) if name == "__dataclass_fields__" else found
        if default is _NOTHING:
            return guarded(thing, name)
        try:
            return guarded(thing, name)
        except AttributeError:
            return default

    return read


def _read_public(thing: object, name: str) -> object:
    """Read an attribute for a sandbox without a guard for that."""
    if classify(name) != PLAIN:
        refuse("dataclasses", thing)
    return getattr(thing, name)


def _checking_builder(builder: type, check: Callable[[object], None]) -> type:
    def add_fn(self: object, name: str, args: list[str], body: list[str], **options: object) -> None:
        if name == "__init__":
            options["locals"] = {
                **cast("dict[str, object]", options.get("locals") or {}),
                "__pycage_check__": check,
            }
            body = [f"  __pycage_check__({args[0]})", *body]
        builder.add_fn(self, name, args, body, **options)  # type: ignore[attr-defined]  # _FuncBuilder has it

    return type("_FuncBuilder", (builder,), {"add_fn": add_fn})


def _checking_create(create: Callable[..., object], check: Callable[[object], None]) -> Callable[..., object]:
    def _create_fn(name: str, args: list[str], body: list[str], **options: object) -> object:
        if name == "__init__":
            options["locals"] = {
                **cast("dict[str, object]", options.get("locals") or {}),
                "__pycage_check__": check,
            }
            body = [f"__pycage_check__({args[0]})", *body]
        return create(name, args, body, **options)

    return _create_fn
