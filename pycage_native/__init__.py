"""Untrusted native libraries at the price of ctypes, behind the kernel.

A library runs in an *executor*, a process that the kernel has taken everything away from, and calls go to it over
shared memory.  Files are opened for it by the host, which asks pycage's permissions: the library's own and those of
whoever called it.

    import pycage_native as native

    with native.load("libm.so.6") as libm:
        cosine = libm.function("cos", native.c_double, [native.c_double])
        cosine(0.5)
"""

from pycage_native.aio import asynchronous as asynchronous
from pycage_native.annotations import In as In
from pycage_native.annotations import InOut as InOut
from pycage_native.annotations import Out as Out
from pycage_native.cdll import CDLL as CDLL
from pycage_native.cdll import get_errno as get_errno
from pycage_native.cdll import set_errno as set_errno
from pycage_native.errors import ChannelError as ChannelError
from pycage_native.errors import ConfinementUnavailable as ConfinementUnavailable
from pycage_native.errors import LibraryError as LibraryError
from pycage_native.errors import NativeCrash as NativeCrash
from pycage_native.errors import NativeError as NativeError
from pycage_native.errors import NativeTimeout as NativeTimeout
from pycage_native.heap import Buffer as Buffer
from pycage_native.layers import LAYERS as LAYERS
from pycage_native.layers import REQUIRED as REQUIRED
from pycage_native.library import Library as Library
from pycage_native.limits import Limits as Limits
from pycage_native.loading import load as load
from pycage_native.pool import Pool as Pool
from pycage_native.types import CFUNCTYPE as CFUNCTYPE
from pycage_native.types import POINTER as POINTER
from pycage_native.types import ArgumentError as ArgumentError
from pycage_native.types import Array as Array
from pycage_native.types import Handle as Handle
from pycage_native.types import LittleEndianStructure as LittleEndianStructure
from pycage_native.types import LittleEndianUnion as LittleEndianUnion
from pycage_native.types import Pointer as Pointer
from pycage_native.types import Simple as Simple
from pycage_native.types import StaleHandle as StaleHandle
from pycage_native.types import Structure as Structure
from pycage_native.types import Union as Union
from pycage_native.types import addressof as addressof
from pycage_native.types import alignment as alignment
from pycage_native.types import byref as byref
from pycage_native.types import c_bool as c_bool
from pycage_native.types import c_byte as c_byte
from pycage_native.types import c_char as c_char
from pycage_native.types import c_char_p as c_char_p
from pycage_native.types import c_double as c_double
from pycage_native.types import c_float as c_float
from pycage_native.types import c_int as c_int
from pycage_native.types import c_int8 as c_int8
from pycage_native.types import c_int16 as c_int16
from pycage_native.types import c_int32 as c_int32
from pycage_native.types import c_int64 as c_int64
from pycage_native.types import c_long as c_long
from pycage_native.types import c_longdouble as c_longdouble
from pycage_native.types import c_longlong as c_longlong
from pycage_native.types import c_short as c_short
from pycage_native.types import c_size_t as c_size_t
from pycage_native.types import c_ssize_t as c_ssize_t
from pycage_native.types import c_time_t as c_time_t
from pycage_native.types import c_ubyte as c_ubyte
from pycage_native.types import c_uint as c_uint
from pycage_native.types import c_uint8 as c_uint8
from pycage_native.types import c_uint16 as c_uint16
from pycage_native.types import c_uint32 as c_uint32
from pycage_native.types import c_uint64 as c_uint64
from pycage_native.types import c_ulong as c_ulong
from pycage_native.types import c_ulonglong as c_ulonglong
from pycage_native.types import c_ushort as c_ushort
from pycage_native.types import c_void_p as c_void_p
from pycage_native.types import c_wchar as c_wchar
from pycage_native.types import c_wchar_p as c_wchar_p
from pycage_native.types import cast as cast
from pycage_native.types import create_string_buffer as create_string_buffer
from pycage_native.types import create_unicode_buffer as create_unicode_buffer
from pycage_native.types import memmove as memmove
from pycage_native.types import memset as memset
from pycage_native.types import pointer as pointer
from pycage_native.types import sizeof as sizeof
from pycage_native.types import string_at as string_at
from pycage_native.types import wstring_at as wstring_at

__all__ = [
    "CDLL",
    "CFUNCTYPE",
    "LAYERS",
    "POINTER",
    "REQUIRED",
    "ArgumentError",
    "Array",
    "Buffer",
    "ChannelError",
    "ConfinementUnavailable",
    "Handle",
    "In",
    "InOut",
    "Library",
    "LibraryError",
    "Limits",
    "LittleEndianStructure",
    "LittleEndianUnion",
    "NativeCrash",
    "NativeError",
    "NativeTimeout",
    "Out",
    "Pointer",
    "Pool",
    "Simple",
    "StaleHandle",
    "Structure",
    "Union",
    "addressof",
    "alignment",
    "asynchronous",
    "byref",
    "c_bool",
    "c_byte",
    "c_char",
    "c_char_p",
    "c_double",
    "c_float",
    "c_int",
    "c_int8",
    "c_int16",
    "c_int32",
    "c_int64",
    "c_long",
    "c_longdouble",
    "c_longlong",
    "c_short",
    "c_size_t",
    "c_ssize_t",
    "c_time_t",
    "c_ubyte",
    "c_uint",
    "c_uint8",
    "c_uint16",
    "c_uint32",
    "c_uint64",
    "c_ulong",
    "c_ulonglong",
    "c_ushort",
    "c_void_p",
    "c_wchar",
    "c_wchar_p",
    "cast",
    "create_string_buffer",
    "create_unicode_buffer",
    "get_errno",
    "load",
    "memmove",
    "memset",
    "pointer",
    "set_errno",
    "sizeof",
    "string_at",
    "wstring_at",
]
