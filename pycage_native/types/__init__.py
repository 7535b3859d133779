"""Types in the shape of ctypes, whose objects are bytes of this process and whose pointers are never followed here.

`memory` is where bytes are; `base` what all types share; then `simple`, `arrays`, `pointers`, `casting`, `layout`
and `structures`, `functions`, `buffers`.  `foreign` knows the types of the real ctypes.
"""

from pycage_native.types import own_names as _own_names
from pycage_native.types.arrays import Array as Array
from pycage_native.types.base import ArgumentError as ArgumentError
from pycage_native.types.base import CType as _CType
from pycage_native.types.base import Data as _Data
from pycage_native.types.base import addressof as addressof
from pycage_native.types.base import alignment as alignment
from pycage_native.types.base import byref as byref
from pycage_native.types.base import sizeof as sizeof
from pycage_native.types.buffers import create_string_buffer as create_string_buffer
from pycage_native.types.buffers import create_unicode_buffer as create_unicode_buffer
from pycage_native.types.buffers import memmove as memmove
from pycage_native.types.buffers import memset as memset
from pycage_native.types.buffers import string_at as string_at
from pycage_native.types.buffers import wstring_at as wstring_at
from pycage_native.types.casting import cast as cast
from pycage_native.types.functions import CFUNCTYPE as CFUNCTYPE
from pycage_native.types.handles import Handle as Handle
from pycage_native.types.handles import StaleHandle as StaleHandle
from pycage_native.types.pointers import POINTER as POINTER
from pycage_native.types.pointers import Pointer as Pointer
from pycage_native.types.pointers import c_char_p as c_char_p
from pycage_native.types.pointers import c_void_p as c_void_p
from pycage_native.types.pointers import c_wchar_p as c_wchar_p
from pycage_native.types.pointers import pointer as pointer
from pycage_native.types.simple import Simple as Simple
from pycage_native.types.simple import c_bool as c_bool
from pycage_native.types.simple import c_byte as c_byte
from pycage_native.types.simple import c_char as c_char
from pycage_native.types.simple import c_double as c_double
from pycage_native.types.simple import c_float as c_float
from pycage_native.types.simple import c_int as c_int
from pycage_native.types.simple import c_int8 as c_int8
from pycage_native.types.simple import c_int16 as c_int16
from pycage_native.types.simple import c_int32 as c_int32
from pycage_native.types.simple import c_int64 as c_int64
from pycage_native.types.simple import c_long as c_long
from pycage_native.types.simple import c_longdouble as c_longdouble
from pycage_native.types.simple import c_longlong as c_longlong
from pycage_native.types.simple import c_short as c_short
from pycage_native.types.simple import c_size_t as c_size_t
from pycage_native.types.simple import c_ssize_t as c_ssize_t
from pycage_native.types.simple import c_time_t as c_time_t
from pycage_native.types.simple import c_ubyte as c_ubyte
from pycage_native.types.simple import c_uint as c_uint
from pycage_native.types.simple import c_uint8 as c_uint8
from pycage_native.types.simple import c_uint16 as c_uint16
from pycage_native.types.simple import c_uint32 as c_uint32
from pycage_native.types.simple import c_uint64 as c_uint64
from pycage_native.types.simple import c_ulong as c_ulong
from pycage_native.types.simple import c_ulonglong as c_ulonglong
from pycage_native.types.simple import c_ushort as c_ushort
from pycage_native.types.simple import c_wchar as c_wchar
from pycage_native.types.structures import LittleEndianStructure as LittleEndianStructure
from pycage_native.types.structures import LittleEndianUnion as LittleEndianUnion
from pycage_native.types.structures import Structure as Structure
from pycage_native.types.structures import Union as Union


def _all_of(kind: type) -> list[type]:
    children: list[type] = type.__subclasses__(kind)
    return [kind, *(one for child in children for one in _all_of(child))]


_own_names.read_off([*_all_of(_Data), *_all_of(_CType)])
