"""Names: what sandboxed code may do with an attribute or a variable of a given name.

One table serves the compile step (literal names) and the C guards (names known at run time), through
`_guards.classify`, so that the two cannot disagree.
"""

# Problem.  In Python every object leads to every other one: a function to its globals, an exception to the frames it
# passed, a class to all classes, a bound method to the object behind it.  Most of these reads raise no audit event
# (threats: "object-graph reads raise nothing"), so the name of the attribute is the only thing that can be judged.
#
# Things that do not work:
#
# - Refuse every name that begins with an underscore: ordinary classes use `_x` and `__len__`, and `gi_frame` has none.
# - Guard every attribute read: ten times slower, and nothing gained for names that lead nowhere.
#
# Idea.  A name has one *kind*.  NEVER: refused on sight, also when the object is the sandbox's own, because no honest
# program needs it or because the value is authority (globals, code, frames).  PLAIN: read with an ordinary LOAD_ATTR.
# The rest is harmless on most objects or on the sandbox's own: those reads go through a guard that looks at the object.
# A public name without a row is PLAIN, a special name without a row is OWN: what nobody thought of is not handed out.
#
# What still fails.  A *host function* that reads attributes by name for its caller (operator.attrgetter, mock, copy of
# a class with `__reduce__`) is a guard of its own and has to be judged by whoever shares it.  A mappingproxy is not
# read-only towards a hostile operand (`proxy == evil` hands `evil` the real dictionary), so none may be shared.

from __future__ import annotations

import codecs
import collections
import contextlib
import functools
import io
import pathlib
import string
import types
import typing
import weakref
from typing import TYPE_CHECKING, Final, cast

from RestrictedPython.transformer import INSPECT_ATTRIBUTES

from pycage.errors import ImportDenied
from pycage.language import _guards
from pycage.language._guards import (
    CHANGER,
    CLASS,
    COPY,
    DICT,
    FORMAT,
    MUTATOR,
    NEVER,
    OWN,
    PLAIN,
    READER,
    VALUE,
    classify,
    storable,
)
from pycage.language.standard import (
    BARE_TYPES,
    CHANGERS,
    INHERITED,
    NEVER_PRIVATE,
    REPLACING_METACLASS,
    SEALED_TYPES,
    WRITABLE_TYPES,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CHANGER",
    "CLASS",
    "COPY",
    "DICT",
    "FORMAT",
    "INERT",
    "MUTATOR",
    "NEVER",
    "OWN",
    "PLAIN",
    "READER",
    "UNBINDABLE",
    "UNREADABLE",
    "VALUE",
    "advice",
    "classify",
    "storable",
]

# Reading any of these is refused, literal or not, own object or not.
_NEVER: Final = frozenset(
    {
        # Frames, tracebacks, code, generators: RestrictedPython's list, and what is left of the four types below.
        *INSPECT_ATTRIBUTES,
        *(name for name in dir(types.FrameType) if name.startswith("f_")),
        *(name for name in dir(types.CodeType) if name.startswith(("co_", "_co_"))),
        *(
            f"{kind}_{what}"
            for kind in ("gi", "cr", "ag")
            for what in ("frame", "code", "await", "yieldfrom", "origin")
        ),
        "_varname_from_oparg",
        "cell_contents",
        # Functions: where their names come from, and what they are made of.
        "__globals__",
        "__code__",
        "__closure__",
        "__builtins__",
        "__annotate__",  # 3.14: a function of the host's
        # Classes: all other classes.
        "__subclasses__",
        "__bases__",
        "__base__",
        "__mro__",
        "__weakref__",
        "__weakrefoffset__",
        # Pickling: runs whatever the object says.
        "__reduce__",
        "__reduce_ex__",
        # Modules: their loader reads any file (D030, D031).
        "__loader__",
        "__spec__",
        "__import__",
        "__build_class__",
        # super objects and descriptors: the class behind them.
        "__thisclass__",
        "__self_class__",
        "__objclass__",
        # What standard base classes bring along.
        *NEVER_PRIVATE,
    }
)

# Special names that are read like any other: what they give is the type's behaviour, which syntax gives too.
_PLAIN: Final = frozenset(
    """
    __name__ __qualname__ __doc__ __module__ __version__ __author__ __debug__
    __new__ __call__ __repr__ __str__ __bytes__ __format__ __hash__ __bool__ __sizeof__ __dir__
    __lt__ __le__ __eq__ __ne__ __gt__ __ge__
    __len__ __length_hint__ __getitem__ __setitem__ __delitem__ __missing__ __iter__ __next__ __reversed__ __contains__
    __add__ __sub__ __mul__ __matmul__ __truediv__ __floordiv__ __mod__ __divmod__ __pow__ __lshift__ __rshift__ __and__
    __xor__ __or__ __radd__ __rsub__ __rmul__ __rmatmul__ __rtruediv__ __rfloordiv__ __rmod__ __rdivmod__ __rpow__
    __rlshift__ __rrshift__ __rand__ __rxor__ __ror__ __iadd__ __isub__ __imul__ __imatmul__ __itruediv__ __ifloordiv__
    __imod__ __ipow__ __ilshift__ __irshift__ __iand__ __ixor__ __ior__ __neg__ __pos__ __abs__ __invert__
    __int__ __float__ __complex__ __index__ __round__ __trunc__ __floor__ __ceil__ __fspath__
    __enter__ __exit__ __aenter__ __aexit__ __aiter__ __anext__ __await__
    __instancecheck__ __subclasscheck__ __prepare__ __class_getitem__ __mro_entries__ __copy__ __deepcopy__
    __getnewargs__ __getnewargs_ex__ __post_init__ __suppress_context__ __notes__ __match_args__ __slots__
    __origin__ __args__ __parameters__ __unpacked__ __supertype__ __type_params__ __bound__ __constraints__ __default__
    __value__ __covariant__ __contravariant__ __infer_variance__ __metadata__ __total__ __required_keys__
    __optional_keys__ __orig_bases__ __abstractmethods__ __isabstractmethod__ __final__ __isfinal__ __flags__
    __static_attributes__ __firstlineno__ _replace _asdict _fields _make
    """.split()  # noqa: SIM905  # names are read more easily without quotes
)

# What `contextlib.contextmanager` makes of a method keeps the object, and the call's other arguments.
_CONTEXT_MANAGER: Final[type] = vars(contextlib)["_GeneratorContextManagerBase"]
_BUFFERED: Final = (io.BufferedReader, io.BufferedWriter, io.BufferedRandom, io.BufferedRWPair)

# name -> types of which the attribute leads to an object that the host did not mean to hand out.  It is given only if
# it is the sandbox's own.  The same name on any other object is ordinary.
_VALUE_OF: Final[Mapping[str, tuple[type, ...]]] = {
    "obj": (BaseException, memoryview),  # CVE-2024-47532
    "func": (
        *(functools.partial, functools.partialmethod, functools.cached_property, functools.singledispatchmethod),
        _CONTEXT_MANAGER,
    ),
    "args": (functools.partial, functools.partialmethod, _CONTEXT_MANAGER),
    "kwds": (_CONTEXT_MANAGER,),
    "gen": (_CONTEXT_MANAGER,),
    # What lies under a buffered file is of a type that opens files by a function of the caller's (D257).
    "raw": _BUFFERED,
    "detach": _BUFFERED,
    "keywords": (functools.partial, functools.partialmethod),
    "dispatcher": (functools.singledispatchmethod,),
    "registry": (),  # of what singledispatch() returns, see _DISPATCHERS; the proxy hands the real one to an operator
    "fget": (property, types.DynamicClassAttribute),
    "fset": (property, types.DynamicClassAttribute),
    "fdel": (property, types.DynamicClassAttribute),
    "mro": (type,),
    # Of a view of a dictionary: a proxy, which hands the real one to an operator.
    "mapping": (type({}.items()), type({}.keys()), type({}.values())),
    "parser": (pathlib.PurePath,),  # since 3.13: the module posixpath, which leads to os
    # Formatters that read attributes by themselves (CVE-2026-76825, GHSA-qcx9-j53g-ccgf).
    "get_field": (string.Formatter,),
    "vformat": (string.Formatter,),
    "_vformat": (string.Formatter,),
}


def _some(thing: object) -> None:
    """Stand for any function."""


# What `functools.singledispatch` returns is a function of the host's that everybody shares; whoever may read its
# `register` or `registry` changes what it does for everybody (D121).  That of a sandbox is another, see the facade.
_DISPATCHERS: Final = tuple(
    cast("types.FunctionType", function).__code__
    for function in (functools.singledispatch(_some), functools.singledispatchmethod(_some).__get__(None, object))
)
_FORMATTERS: Final = (string.Formatter, collections.UserString)

# Objects that answer for another object: a name on one of these is judged as on the worst object it could stand for,
# and a class derived from one is not the sandbox's own.
_TRANSPARENT: Final[tuple[type, ...]] = (
    types.MethodType,
    types.GenericAlias,
    weakref.ProxyType,
    weakref.CallableProxyType,
    cast("type", type(typing.List[int])).__mro__[-3],  # noqa: UP006  _BaseGenericAlias forwards reads and writes
    codecs.StreamReader,
    codecs.StreamWriter,
    codecs.StreamReaderWriter,
    codecs.StreamRecoder,
)

_KINDS: Final[dict[str, int]] = {
    **dict.fromkeys(_PLAIN, PLAIN),
    **dict.fromkeys(_VALUE_OF, VALUE),
    **dict.fromkeys(
        ("__self__", "__func__", "__wrapped__", "__cause__", "__context__", "__traceback__", "__callback__"), VALUE
    ),
    # Futures and tasks of asyncio lead to their event loop, which may be the host's: see pycage.imports.raw_futures.
    **dict.fromkeys(("add_done_callback", "get_context", "get_coro", "get_loop", "get_stack", "print_stack"), VALUE),
    **dict.fromkeys(("metadata", "groupindex"), COPY),  # read-only views, which hand the real one to an operator
    **dict.fromkeys(("__all__", "__annotations__", "__dataclass_fields__", "__members__", "_field_defaults"), COPY),
    **dict.fromkeys(("_member_map_", "_member_names_", "_value2member_map_"), COPY),  # Enum's own is among the bases
    **dict.fromkeys(CHANGERS, CHANGER),
    **dict.fromkeys(("__init__", "__setattr__", "__delattr__"), MUTATOR),
    **dict.fromkeys(("__getattribute__", "__getattr__"), READER),
    "__class__": CLASS,
    "__dict__": DICT,
    "format": FORMAT,
    "format_map": FORMAT,
    **dict.fromkeys(_NEVER, NEVER),
}

# May not be assigned or deleted, not even on the sandbox's own objects, in addition to what may never be read.
_UNSTORABLE: Final = frozenset(
    {
        "__class__",  # an own object must stay one: guards look at its type
        "__match_args__",  # judged when a pattern uses it; changing it meanwhile would be a race
        "__self__",
        "__func__",
        "__traceback__",
        "__callback__",
        # Where an object of the sandbox's `ctypes` lies; host code follows it.
        "_memory_",
        "_start_",
    }
)

# Variables that may not be bound or deleted, in any form.  `__builtins__` decides what `eval` in *host* code gives to
# an annotation of this module (D234, CVE-2026-54769).
UNBINDABLE: Final = frozenset({"__builtins__", "__import__", "__build_class__", "__loader__", "__spec__"})

# Variables that may not be read either.
UNREADABLE: Final = frozenset({"__builtins__", "__build_class__", "__loader__", "__spec__"})

# Special methods that the host's pickle and copy would obey (D233, D363).  A class of the sandbox may define them, but
# they get another name: inert for the host, and the sandbox's own `copy` asks for them by it.
#
# What still fails.  A class made by calling a metaclass, `M("C", (), {"__reduce__": f})`, and what stands in the
# `__dict__` of an own object: whoever pickles a sandbox's object runs what that object says.
INERT: Final[Mapping[str, str]] = {
    "__reduce__": "__sandboxed_reduce__",
    "__reduce_ex__": "__sandboxed_reduce_ex__",
}

_ADVICE: Final[Mapping[str, str]] = {
    "__class__": "write type(x)",
    "get_loop": "write asyncio.get_running_loop()",
    "__bases__": "write issubclass() or isinstance()",
    "__base__": "write issubclass() or isinstance()",
    "__mro__": "write issubclass() or super()",
    "__reduce__": "write __copy__ or an explicit conversion method",
    "__reduce_ex__": "write __copy__ or an explicit conversion method",
    "__builtins__": "write the name of the built-in itself",
    "__match_args__": "write it in the class body",
    "__loader__": "write importlib.resources.files(), if it is shared",
    "__spec__": "write __name__ or __package__",
    "__globals__": "write globals()",
    "__subclasses__": "write __init_subclass__ to keep a register of subclasses",
    "__code__": "pass the function itself on",
    "__annotate__": "write __annotations__",
    "__closure__": "write nonlocal, or keep the value in an object",
    "cell_contents": "write nonlocal, or keep the value in an object",
    "__import__": "write an import statement",
    "__build_class__": "write a class statement",
    "__thisclass__": "write super()",
    "__self_class__": "write super()",
    "__objclass__": "write the name of the class",
    "__weakref__": "write weakref.ref(x)",
    "__weakrefoffset__": "write weakref.ref(x)",
    **dict.fromkeys(NEVER_PRIVATE, "use a public method"),
}
# By the beginning of the name.
_ADVICE_ON: Final[Mapping[str, str]] = {
    **dict.fromkeys(("f_", "tb_", "gi_", "cr_", "ag_"), "keep what is needed in a variable or an attribute"),
    **dict.fromkeys(("co_", "_co_", "_varname"), "pass the function itself on"),
}
_ADVICE_ON_STORING: Final[Mapping[str, str]] = {
    "__class__": "make an object of the other class",
    "__match_args__": "write it in the class body",
    "__traceback__": "write raise error.with_traceback(...)",
    "__code__": "give the name to another function",
}


def advice(name: str, *, stored: bool = False) -> str:
    """Return what to write instead of attribute or variable ``name``, as the end of a sentence, or an empty string.

    Args:
        name: The attribute or the variable.
        stored: It was to be assigned or deleted.
    """
    if stored:
        return f"; {_ADVICE_ON_STORING.get(name, 'choose another name')}"
    found = _ADVICE.get(name)
    if found is None and classify(name) == NEVER:
        found = next((text for beginning, text in _ADVICE_ON.items() if name.startswith(beginning)), None)
    return f"; {found}" if found is not None else ""


_guards.configure(
    kinds=_KINDS,
    unstorable=_UNSTORABLE,
    value_of={**_VALUE_OF, **CHANGERS},
    formatters=_FORMATTERS,
    transparent=_TRANSPARENT,
    safe_types=WRITABLE_TYPES,
    sealed=SEALED_TYPES,
    inherited=dict(INHERITED),
    bare_types=BARE_TYPES,
    replacing=REPLACING_METACLASS,
    import_denied=ImportDenied,
    dispatchers=_DISPATCHERS,
)


def _copy_behind(_view: object, value: object) -> object:
    """Return a proxy of a copy in place of a proxy of somebody else's dictionary."""
    return types.MappingProxyType(dict(value)) if type(value) is types.MappingProxyType else value


_guards.set_stand_in("mapping", _copy_behind)
