"""Landlock: a ruleset without rules, which takes away all access to files, TCP, abstract sockets and signals.

What a kernel does not know must not be asked for (EINVAL), so the masks go by the version of its interface.
"""

# Not restricted by any version: stat, chmod, chdir, UDP, sockets with a path, descriptors that are open already.  The
# seccomp programs are there for these.
#
# Source: landlock(7), linux/landlock.h.

from __future__ import annotations

import ctypes
import errno
import functools
from typing import Final, NamedTuple

__all__ = ["TESTED", "Ruleset", "ruleset", "version"]

TESTED: Final = 7
"""The highest version that was tested; newer kernels are asked for no more than this one has."""

_CREATE_RULESET: Final = 444


class Ruleset(NamedTuple):
    """What to restrict, and the size of the structure that says so to this kernel."""

    fs: int
    net: int
    scoped: int
    size: int


# version: rights of files, of the network, scopes, bytes of struct landlock_ruleset_attr
_VERSIONS: Final = {
    1: Ruleset(0x1FFF, 0, 0, 8),
    2: Ruleset(0x3FFF, 0, 0, 8),
    3: Ruleset(0x7FFF, 0, 0, 8),
    4: Ruleset(0x7FFF, 3, 0, 16),
    5: Ruleset(0xFFFF, 3, 0, 16),
    6: Ruleset(0xFFFF, 3, 3, 24),
    7: Ruleset(0xFFFF, 3, 3, 24),
}


@functools.cache
def version() -> int:
    """Return the version of the running kernel's interface.

    Raises:
        OSError: ``ENOSYS`` (not built), ``EOPNOTSUPP`` (off since boot), or what else the kernel says.
    """
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    syscall.restype = ctypes.c_long
    found = syscall(ctypes.c_long(_CREATE_RULESET), None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    if found < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"Landlock: {errno.errorcode.get(number, number)}")
    return int(found)


def ruleset(found: int) -> Ruleset:
    """Return what to ask of a kernel with this version.

    Args:
        found: From `version`; 1 or more.
    """
    return _VERSIONS[min(found, TESTED)]
