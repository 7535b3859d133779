"""Caches of the standard library that host and sandboxes share, and what may be a key in them."""

# Problem.  `class S(str)` with the hash of "24" and an `__eq__` that always agrees is found where "24" is looked for:
# after `IPv4Network(("10.0.0.0", S("8")))` the *host's* `ip_network("10.0.0.0/24")` has the mask of /8.  What
# struct.unpack and strptime make of a format, and re of a pattern with flags, can be changed the same way.
#
# Things that do not work:
#
# - Checking arguments in a facade: `datetime.strptime` is a method of a shared type, and IPv4Network is a shared type.
#
# - Keys of exact types alone: under 24 is kept what `__rrshift__` of the number that was given made of it, and
#   an IPv4Address of such a number is equal to any other, as it likes.
#
# Idea.  Tables are replaced by ones with keys of exact types, numbers of addresses and masks are made exact where they
# come in, a table that a class shows is read as a copy, and caches are gone around where a key is not of an exact
# type or, in typing, where a sandbox is on the stack.  Functions with tables of their own get facades that take exact
# types only.  No class of a sandbox may be derived from the types of ipaddress, whose properties are cached.
#
# What still fails.  A module that the host imports after it made its last sandbox, and lends an object of, is prepared
# when a sandbox imports it, not before.  The caches of ABCs, for a metaclass that was made through another name for
# `type`.

from __future__ import annotations

import functools
import gc
import importlib
import pathlib
import re
import struct
import sys
import types
import typing
from typing import TYPE_CHECKING, Final, TypeVar, cast, final

from pycage import _core
from pycage.errors import type_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.imports.tools import Tools

__all__ = ["PREPARATIONS", "install", "of_fnmatch", "of_re", "of_struct", "of_urllib_parse"]

_V = TypeVar("_V")


def _exact(key: object) -> object:
    """Return a str or an int as one of the exact type."""
    if type(key) in (str, int):
        return key
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, int):
        return int.__index__(key)
    message = f"expected a str or an int, got {type_name(key)}"
    raise TypeError(message)


class _ExactKeys(dict[object, _V]):
    """A dictionary that keeps nobody's own kind of string or number."""

    def __contains__(self, key: object) -> bool:
        return super().__contains__(_exact(key))

    def __getitem__(self, key: object) -> _V:
        return super().__getitem__(_exact(key))

    def __setitem__(self, key: object, value: _V) -> None:
        super().__setitem__(_exact(key), value)

    def get(self, key: object, default: object = None) -> object:  # type: ignore[override]  # as strptime calls it
        return super().get(_exact(key), cast("_V", default))


def _of_strptime() -> None:
    module = vars(importlib.import_module("_strptime"))
    if type(module["_regex_cache"]) is dict:
        module["_regex_cache"] = _ExactKeys(module["_regex_cache"])


def _exact_number(value: object) -> object:
    """Return a number as one of the exact type, anything else as it is.  What only says that it is one: TypeError."""
    return int.__index__(value) if isinstance(value, int) and type(value) is not int else value


@functools.cache
def _of_ipaddress() -> None:
    # An address is the number that it was given, and `is_private` is cached by ==.  A mask is cached with what the
    # number, or the text, made of it.
    def of_exact_number(original: Callable[[object, object], None]) -> Callable[[object, object], None]:
        @functools.wraps(original)
        def __init__(self: object, address: object) -> None:  # noqa: N807  # it is that
            original(self, _exact_number(address))

        return __init__

    def of_exact_mask(original: Callable[[type, object], object]) -> Callable[[type, object], object]:
        @functools.wraps(original)
        def _make_netmask(cls: type, arg: object) -> object:
            return original(cls, _exact(arg))

        return _make_netmask

    module = importlib.import_module("ipaddress")
    for kind, version in ((module.IPv4Address, module._BaseV4), (module.IPv6Address, module._BaseV6)):
        kind.__init__ = of_exact_number(kind.__init__)
        version._make_netmask = classmethod(of_exact_mask(version._make_netmask.__func__))


def _around(cached: Callable[..., _V], is_plain: Callable[..., bool]) -> Callable[..., _V]:
    """Return a function that asks a cache only for what is plain, and the function behind it for all else."""
    function = cast("Callable[..., _V]", cached.__wrapped__)  # type: ignore[attr-defined]  # of functools.lru_cache

    @functools.wraps(function)
    def look_up(*args: object, **kwargs: object) -> _V:
        return (cached if is_plain(*args) else function)(*args, **kwargs)

    look_up.cache_clear = cached.cache_clear  # type: ignore[attr-defined]  # as the real one has it
    return look_up


def _replace(module: str, name: str, is_plain: Callable[..., bool]) -> None:
    names = vars(importlib.import_module(module))
    if hasattr(names.get(name), "cache_parameters"):
        names[name] = _around(names[name], is_plain)


def _of_re() -> None:
    # A replacement with backslashes is looked up by the method of a pattern, which is a shared type.
    _replace("re", "_compile_repl", lambda template, _pattern: type(template) in (str, bytes))
    # Since 3.12 that is C, which keeps the cache itself from its first use on.  So the function behind the cache
    # refuses: what is refused is not kept, and C asks again with a copy of the exact type.
    cached = vars(re).get("_compile_template")
    function = getattr(cached, "__wrapped__", None)
    if type(function) is types.FunctionType and function.__kwdefaults__ is None:
        real = types.FunctionType(function.__code__, function.__globals__)
        function.__kwdefaults__ = {"_real": real}
        function.__code__ = _template_of_exact_text.__code__


def _template_of_exact_text(pattern: object, repl: object, *, _real: Callable[[object, object], object]) -> object:
    # Runs with the globals of `re`, as the code of its function.
    if type(repl) is str or type(repl) is bytes:
        return _real(pattern, repl)
    raise TypeError


def _of_fractions() -> None:
    _replace("fractions", "_hash_algorithm", lambda *numbers: all(type(number) is int for number in numbers))


def _of_urllib_parse() -> None:
    # quote() asks here with what it was told is safe; a method of a str of the sandbox's can answer with anything.
    _replace("urllib.parse", "_byte_quoter_factory", lambda safe: type(safe) is bytes)


def _of_pathlib() -> None:
    # Paths of a sandbox's own class answer with anything when they are asked for their parts (`match`, `glob`).
    flavours = {type(vars(pathlib).get(name)) for name in ("_posix_flavour", "_windows_flavour")}  # 3.11
    plain = {str, int, bool, type(None), types.ModuleType, *flavours}

    def exact(*arguments: object) -> bool:
        return all(
            type(argument) in plain
            or (type(argument) is tuple and all(type(part) is str for part in cast("tuple[object, ...]", argument)))
            for argument in arguments
        )

    for module, names in {
        "pathlib": ("_make_selector", "_is_case_sensitive", "_compile_pattern", "_compile_pattern_lines"),
        "pathlib._abc": ("_is_case_sensitive",),
        "glob": ("_compile_pattern",),
    }.items():
        if module in sys.modules:
            for name in names:
                _replace(module, name, exact)


def _of_typing() -> None:
    def without_guests(*_arguments: object) -> bool:
        return _core.snapshot() is None

    if hasattr(typing, "_caches"):  # since 3.12
        caches: dict[object, object] = typing._caches
        for function, cached in caches.items():
            if hasattr(cached, "cache_parameters"):
                caches[function] = _around(cast("Callable[..., object]", cached), without_guests)
        return
    for clear in typing._cleanups:  # type: ignore[attr-defined]  # its own
        cached = clear.__self__
        for cell in gc.get_referrers(cached):
            if type(cell) is types.CellType:
                cell.cell_contents = _around(cached, without_guests)


@final
class _CopyOf:
    """Stands in a class for a dictionary that belongs to the class: what is read is a copy."""

    __slots__ = ("_table",)

    def __init__(self, table: dict[object, object]) -> None:
        self._table = table

    def __get__(self, instance: object, owner: object = None) -> dict[object, object]:
        return dict(self._table)


def _of_textwrap() -> None:
    wrapper = importlib.import_module("textwrap").TextWrapper
    table = vars(wrapper).get("unicode_whitespace_trans")
    if type(table) is dict:
        wrapper.unicode_whitespace_trans = _CopyOf(table)


PREPARATIONS: Final[dict[str, Callable[[], None]]] = {
    "datetime": _of_strptime,
    "fractions": _of_fractions,
    "ipaddress": _of_ipaddress,
    "pathlib": _of_pathlib,
    "re": _of_re,
    "statistics": _of_fractions,
    "textwrap": _of_textwrap,
    "time": _of_strptime,
    "typing": _of_typing,
    "urllib.parse": _of_urllib_parse,
}
"""Module -> what to do before a sandbox sees it; doing it again must change nothing."""

_prepared: Final[set[str]] = set()


def install() -> None:
    """Prepare what is imported already: `type(x)` of an object that the host lends leads there without an import."""
    for name, prepare in PREPARATIONS.items():
        if name not in _prepared and name in sys.modules:
            prepare()
            _prepared.add(name)


def of_struct(_tools: Tools) -> dict[str, object]:
    """Return the functions of ``struct`` that look formats up."""

    def checked(function: Callable[..., object]) -> Callable[..., object]:
        def call(format: str | bytes, /, *args: object, **kwargs: object) -> object:  # noqa: A002  # as in struct
            if type(format) not in (str, bytes):
                message = "a struct format must be exactly str or bytes"
                raise TypeError(message)
            return function(format, *args, **kwargs)

        call.__name__ = call.__qualname__ = function.__name__
        call.__doc__ = function.__doc__
        return call

    names = ("calcsize", "iter_unpack", "pack", "pack_into", "unpack", "unpack_from")
    return {name: checked(getattr(struct, name)) for name in names}


# Where the flags stand among the arguments.
_FLAGS: Final = {
    **dict.fromkeys(("compile",), 1),
    **dict.fromkeys(("findall", "finditer", "fullmatch", "match", "search"), 2),
    "split": 3,
    **dict.fromkeys(("sub", "subn"), 4),
}


def exact_text(value: object) -> object:
    """Return str or bytes as one of the exact type, anything else as it is."""
    if isinstance(value, str) and type(value) is not str:
        return str.__str__(value)
    if isinstance(value, bytes) and type(value) is not bytes:
        return bytes(memoryview(value))
    return value


def _exact_facades(module: str, *names: str) -> Callable[[Tools], dict[str, object]]:
    """Return a maker of facades of functions that keep the text they were given as a key."""

    def facade(function: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            return function(*map(exact_text, args), **{name: exact_text(value) for name, value in kwargs.items()})

        call.__name__ = call.__qualname__ = function.__name__
        call.__doc__ = function.__doc__
        return call

    def make(_tools: Tools) -> dict[str, object]:
        source = importlib.import_module(module)
        return {name: facade(getattr(source, name)) for name in names}

    return make


of_fnmatch: Final = _exact_facades("fnmatch", "filter", "fnmatch", "fnmatchcase", "translate")
of_urllib_parse: Final = _exact_facades("urllib.parse", "urldefrag", "urljoin", "urlparse", "urlsplit")


def of_re(_tools: Tools) -> dict[str, object]:
    """Return the functions of ``re`` that look patterns and flags up."""

    def plain(flags: object) -> object:
        if type(flags) is int or type(flags) is re.RegexFlag or not isinstance(flags, int):
            return flags
        return int.__index__(flags)

    def checked(function: Callable[..., object], place: int) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            if len(args) > place:
                args = (*args[:place], plain(args[place]), *args[place + 1 :])
            if "flags" in kwargs:
                kwargs["flags"] = plain(kwargs["flags"])
            if "pattern" in kwargs:
                kwargs["pattern"] = exact_text(kwargs["pattern"])
            return function(*map(exact_text, args[:1]), *args[1:], **kwargs)

        call.__name__ = call.__qualname__ = function.__name__
        call.__doc__ = function.__doc__
        return call

    return {name: checked(getattr(re, name), place) for name, place in _FLAGS.items()}
