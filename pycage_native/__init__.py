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
from pycage_native.types import *  # noqa: F403  # the types of C, under the names that ctypes has
