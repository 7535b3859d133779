"""``ctypes`` for a sandbox: the types and libraries of `pycage_native`, which run in a confined process.

Code that was written for ctypes does not notice.  Loading needs ``NativePermission(real path, "load")``, calling
``NativePermission(real path, "call")``; without `pycage_native` for this machine there is no ctypes.
"""

# Problem.  ctypes is the host's memory.  Everything that it has leads there: from_address(), a cast of a number, a
# pointer that is followed.
#
# Idea.  The types of pycage_native have the same names and no way to the memory of this process: their objects are
# bytes, and a pointer is a place in an object or in the executor.  A library is a process of its own, whatever a
# sandbox does with it.  What is asked before each call is asked with the sandbox on the stack, whoever makes the call:
# a function that was handed on is called like one that was not (pycage_native.owner).
#
# What still fails.  Objects of the simple types, of arrays and of pointers may be written to by every sandbox that gets
# hold of them, like lists.

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Final

from pycage.access import do_privileged
from pycage.imports.facades.shimmed_class import shimmed, slot
from pycage.language import _guards

if TYPE_CHECKING:
    from pycage.imports.tools import Tools

__all__ = ["make", "of_util"]

_TYPES: Final = """
    ArgumentError Array CFUNCTYPE LittleEndianStructure LittleEndianUnion POINTER Structure Union addressof alignment
    byref c_bool c_byte c_char c_char_p
    c_double c_float c_int c_int8 c_int16 c_int32 c_int64 c_long c_longdouble c_longlong c_short c_size_t c_ssize_t
    c_time_t c_ubyte c_uint c_uint8 c_uint16 c_uint32 c_uint64 c_ulong c_ulonglong c_ushort c_void_p c_wchar
    c_wchar_p cast create_string_buffer create_unicode_buffer memmove memset pointer sizeof string_at wstring_at
    """.split()  # noqa: SIM905  # names are read more easily without quotes


@functools.cache
def _let_write() -> None:
    """Let sandboxes write to the attributes of C objects, as they do to the items of lists."""
    from pycage_native.types import base  # noqa: PLC0415  # as in make()

    _guards.set_write_rule(base.is_made_here)


def make(tools: Tools) -> dict[str, object]:  # noqa: C901  # a list of small functions
    """Return what ``pycage.imports.stdlib`` says is made anew."""
    # Here, because nothing else of pycage needs it.
    from pycage_native import types as native  # noqa: PLC0415
    from pycage_native.cdll import CDLL as Native  # noqa: N811, PLC0415  # a class, not a constant
    from pycage_native.cdll import ForeignFunction  # noqa: PLC0415
    from pycage_native.types import base  # noqa: PLC0415

    _error = threading.local()
    for name in _TYPES:
        if name.startswith("c_") and hasattr(native, name):
            base.made_here(getattr(native, name))
    base.made_here(ForeignFunction)
    _let_write()

    @shimmed(tools, "ctypes")
    class CDLL:
        __slots__ = ("_functions", "_keeps_errno", "_real")

        def __init__(  # noqa: PLR0917  # as in ctypes
            self,
            name: object,
            mode: int = 0,  # noqa: ARG002  # the signature of ctypes
            handle: None = None,
            use_errno: bool = False,  # noqa: FBT001, FBT002  # as above
            use_last_error: bool = False,  # noqa: ARG002, FBT001, FBT002
            winmode: None = None,  # noqa: ARG002
        ) -> None:
            if handle is not None or name is None:  # type: ignore[redundant-expr]  # None is what types promise
                message = "a sandbox loads libraries by name; it has no handles, and not the program itself"
                raise TypeError(message)
            real = Native(name)  # type: ignore[arg-type]  # it takes a str or a path, and says so
            set_real(self, real)
            set_functions(self, {})
            set_keeps(self, bool(use_errno))

        def __getattr__(self, name: str) -> object:
            if type(name) is not str or name.startswith("_"):
                raise AttributeError(name)
            functions = functions_of(self)
            if name not in functions:
                functions[name] = self[name]
            return functions[name]

        def __getitem__(self, name: str) -> object:
            if type(name) is not str:
                message = "a function is named by a str"
                raise TypeError(message)
            function = real_of(self)[name]
            if keeps_errno(self):
                function.keep_errno(_error)
            return function

        def _address_of_(self, name: str) -> object:  # for in_dll() and prototypes, which are the host's
            return real_of(self)._address_of_(name)

        def __repr__(self) -> str:
            return repr(real_of(self))

    real_of, set_real = slot(CDLL, "_real", Native)
    functions_of, set_functions = slot(CDLL, "_functions", dict)
    keeps_errno, set_keeps = slot(CDLL, "_keeps_errno", bool)

    @shimmed(tools, "ctypes")
    class LibraryLoader:
        __slots__ = ()

        def LoadLibrary(self, name: object) -> object:  # noqa: N802  # the name it has
            return CDLL(name)

        def __getattr__(self, name: str) -> object:
            if type(name) is not str or name.startswith("_"):
                raise AttributeError(name)
            return CDLL(name)

        def __getitem__(self, name: str) -> object:
            return CDLL(name)

    def get_errno() -> int:
        """Return ``errno`` after the last call of a library that was loaded with ``use_errno``."""
        return getattr(_error, "value", 0)

    def set_errno(value: int) -> int:
        """Set what `get_errno` returns; libraries begin every call with 0."""
        if type(value) is not int:
            message = "errno is an int"
            raise TypeError(message)
        before = get_errno()
        _error.value = value
        return before

    return {
        **{name: getattr(native, name) for name in _TYPES if hasattr(native, name)},
        "CDLL": CDLL,
        "LibraryLoader": LibraryLoader,
        "cdll": LibraryLoader(),
        "c_buffer": native.create_string_buffer,
        "c_voidp": native.c_void_p,
        "DEFAULT_MODE": 0,
        "RTLD_LOCAL": 0,
        "RTLD_GLOBAL": 256,
        "get_errno": get_errno,
        "set_errno": set_errno,
    }


def of_util(tools: Tools) -> dict[str, object]:
    """Return what is made anew of ``ctypes.util``."""
    from pycage_native.search import find_name  # noqa: PLC0415  # as above

    def find_library(name: str) -> str | None:
        """Return the file name of a library, such as ``libm.so.6`` for ``m``; None if there is none."""
        if type(name) is not str:
            message = "a library is named by a str"
            raise TypeError(message)
        return do_privileged(find_name, name)  # which libraries the system has is no secret

    return {"find_library": tools.shim(find_library)}
