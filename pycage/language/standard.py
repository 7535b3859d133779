"""Standard types that the guards must know: what a sandbox may write to, derive from and inherit.

Data of `guards/*.c`, next to the kinds of names in `names.py`.  What each standard *module* offers is another table,
which stands in the layer of imports.
"""

# Problem.  A class that a sandbox derives from a standard one is the sandbox's own, and with it come the private and
# special methods of its base: `E._convert_("X", "any.module", f)` copies the globals of a host module into an own
# Enum, `C.__getstate__(x)` is `object`'s and hands out the state of any x, `U.__setstate__(x, {...})` of UUID writes
# to any x.
#
# Things that do not work:
#
# - A list of the methods that do harm: every Python adds some, and the classes that a host shares have their own.
# - Refuse the names for everybody: `_evaluate`, `_put` and `_add` are ordinary names of ordinary programs.
#
# Idea.  The guard asks who *defines* a private name.  What only a host class defines is not readable, apart from the
# rows of INHERITED; what the sandbox defines itself is.  NEVER_PRIVATE is a second line behind that, for names that no
# program defines.
#
# What still fails.  Public methods of host classes take any `self`: `queue.Queue.put(host_object, 1)`.

from __future__ import annotations

import abc
import asyncio
import asyncio.futures
import builtins
import codecs
import decimal
import enum
import ipaddress
import threading
import types
import typing
from types import MappingProxyType
from typing import Final

__all__ = [
    "BARE_TYPES",
    "CHANGERS",
    "INHERITED",
    "NEVER_PRIVATE",
    "REPLACING_METACLASS",
    "SEALED_TYPES",
    "WRITABLE_TYPES",
]

WRITABLE_TYPES: Final[tuple[type, ...]] = (types.SimpleNamespace, threading.local, decimal.Context)
"""Types whose instances a sandbox may write to although it did not define them, exact: plain containers of attributes.
Of contexts it can only reach its own copies.  Instances of built-in exceptions are writable as well (`ownership.c`)."""

_WITH_LOOP: Final[tuple[type, ...]] = (
    asyncio.Future,
    asyncio.Task,
    vars(asyncio.futures)["_PyFuture"],
    vars(asyncio.mixins)["_LoopBoundMixin"],  # locks and queues
    asyncio.AbstractEventLoop,
    asyncio.Handle,
    asyncio.Runner,
    asyncio.StreamReader,
    asyncio.StreamReaderProtocol,
    asyncio.StreamWriter,
    asyncio.TaskGroup,
    asyncio.Timeout,
)

_FORWARDING: Final[tuple[type, ...]] = (
    codecs.StreamReader,
    codecs.StreamWriter,
    codecs.StreamReaderWriter,
    codecs.StreamRecoder,
    types.GenericAlias,
    vars(typing)["_BaseGenericAlias"],
)

SEALED_TYPES: Final[tuple[type, ...]] = (
    typing.ForwardRef,
    enum.property,
    vars(ipaddress)["_IPAddressBase"],
    *_WITH_LOOP,
    *_FORWARDING,
)
"""Types that no class of a sandbox may have as a base.

``ForwardRef._evaluate`` is ``eval``.  ``enum.property.__get__`` reads an attribute whose object and name are attributes
of its own.  Properties of addresses such as ``is_private`` are cached by ``==``, for the whole process.  What asyncio
is made of keeps the running event loop in its objects, the host's if it is that, and an own object shows what it keeps;
an own future is given the context of ``contextvars`` of whoever waits for it.  So is whatever looks like a future and
has the ``get_loop`` of one: what reads through to another object has it, unless the sandbox can add nothing to that.
"""

REPLACING_METACLASS: Final[type] = vars(typing)["NamedTupleMeta"]
"""The metaclass of ``class P(NamedTuple)``: what it returns is a new class with new bases, whatever it was given."""

NEVER_PRIVATE: Final = frozenset(
    """
    _convert_ _add_member_ _abc_registry_clear _abc_caches_clear _dump_registry _bootstrap _bootstrap_inner
    _invoke_excepthook
    """.split()  # noqa: SIM905  # names are read more easily without quotes
)
"""Private names of standard classes that are refused on sight: Enum (copies the globals of any module; adds members to
any enumeration), ABCMeta (empties shared registries; writes to standard output), Thread (runs; the host's hooks)."""

# Where a method is bound to an own instance, it works on that.  Taken from a class, it takes any `self`.
_BOUND: Final = """
    __set_name__ __set__ __delete__ __del__ _mapping _from_iterable _hash
    _init _put _get _qsize _wrap_chunks _split _split_chunks _munge_whitespace _handle_long_word _fix_sentence_endings
    _recreate_cm
"""
# Bound to the class whatever it is read from, or without an argument to misuse.
_FREE: Final = "__init_subclass__ __subclasshook__ _missing_ _generate_next_value_"

INHERITED: Final = MappingProxyType({**dict.fromkeys(_BOUND.split(), 1), **dict.fromkeys(_FREE.split(), 2)})
"""Private names of host classes that own objects have all the same, because overriding them is documented.

1: when read off an own instance, also by ``super()``; 2: off an own class, too.  Not here: ``__getstate__`` and
``__setstate__``, which read and write attributes by names that come as data, and ``_add_alias_``, which changes what
``self.__class__`` says.
"""

CHANGERS: Final[MappingProxyType[str, tuple[type, ...]]] = MappingProxyType({"register": (abc.ABCMeta,), "__get__": ()})
"""Method -> metaclasses on whose classes it changes the class itself.

For own classes only: ``Mapping.register(int)`` would change what ``isinstance`` says in the whole process.

No metaclasses: what a class has is refused if it is written in Python, because it takes any ``self``.  The ``__get__``
of ``cached_property`` then writes, and that of ``enum.property`` reads, any attribute of any object.
"""


def _bare(kind: type) -> bool:
    """Say whether a built-in type and its bases have no private names."""
    return not any(
        name.startswith("_") and not (name.startswith("__") and name.endswith("__"))
        for base in kind.__mro__
        for name in vars(base)
    )


BARE_TYPES: Final = tuple(
    {kind: None for kind in vars(builtins).values() if isinstance(kind, type) and kind is not super and _bare(kind)}
)
"""Built-in types without private names: an own class with no other bases needs no closer look at each read."""
