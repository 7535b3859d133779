"""Functions of ``os`` that work on descriptors, for a sandbox: on its own ones, see `pycage.imports.descriptors`.

On others, reading, writing and closing need ``RuntimePermission("readFileDescriptor")`` and its like.
"""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

from pycage import _core
from pycage.errors import type_name
from pycage.imports.facades.checks import check_descriptor, check_runtime, exact, exact_path
from pycage.imports.facades.held import open_judged
from pycage.imports.facades.os_changes import without_dir_fd

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from pycage.imports.tools import Tools

__all__ = ["make"]


def make(tools: Tools) -> dict[str, object]:  # noqa: C901, PLR0915  # one short function for each
    """Return the functions of one sandbox."""
    own = tools.descriptors

    def hold(fd: object, permission: str) -> AbstractContextManager[int]:
        """Return what gives the real number and holds it open.  Others than own ones need a permission."""
        number = _number(fd)
        if own.is_own(number):
            return own.use(number)
        check_runtime(permission)
        return nullcontext(number)

    def open(path: object, flags: object, mode: object = 0o777, *, dir_fd: None = None) -> int:  # noqa: A001  # os.open
        """Open a file; the descriptor is worth something in functions of this sandbox only."""
        without_dir_fd(dir_fd)
        exactly, bits, access = exact_path(path), _number(flags), _number(mode)
        real = open_judged("os.open", exactly, bits, access)
        try:
            # What others see who listen to the interpreter.
            _core.do_privileged(sys.audit, "open", exactly, None, bits)
        except BaseException:
            os.close(real)
            raise
        return own.add(real)

    def close(fd: object) -> None:
        """Close a descriptor."""
        number = _number(fd)
        if own.is_own(number):
            own.close(number)
        else:
            check_runtime("closeFileDescriptor")
            os.close(number)

    def pipe2(flags: object = 0) -> tuple[int, int]:
        """Make a pipe: two descriptors of this sandbox, which is all that has them."""
        bits = _number(flags)
        if bits & ~(os.O_NONBLOCK | os.O_CLOEXEC):
            message = "pipe2() in a sandbox takes O_NONBLOCK and O_CLOEXEC"
            raise ValueError(message)
        reading, writing = os.pipe2(bits | os.O_CLOEXEC)
        return own.add(reading), own.add(writing)

    def pipe() -> tuple[int, int]:
        """Make a pipe: two descriptors of this sandbox, which is all that has them."""
        return pipe2()

    def dup(fd: object) -> int:
        """Return another descriptor for the same open file: one of this sandbox's own."""
        number = _number(fd)
        if not own.is_own(number):
            check_runtime("readFileDescriptor")
            check_runtime("writeFileDescriptor")
            return own.add(os.dup(number))
        return own.add(own.copy(number))

    def fdopen(fd: object, mode: str = "r", *args: object, **kwargs: object) -> object:
        """Open a descriptor as a file object, which closes it."""
        return tools.open(_number(fd), mode, *args, **kwargs)

    def read(fd: object, length: object) -> bytes:
        """Read from a descriptor."""
        size = _number(length)
        with hold(fd, "readFileDescriptor") as real:
            return os.read(real, size)

    def pread(fd: object, length: object, offset: object) -> bytes:
        """Read from a place in a file."""
        size, place = _number(length), _number(offset)
        with hold(fd, "readFileDescriptor") as real:
            return os.pread(real, size, place)

    def write(fd: object, data: bytes) -> int:
        """Write to a descriptor."""
        content = memoryview(data)
        with hold(fd, "writeFileDescriptor") as real:
            return os.write(real, content)

    def pwrite(fd: object, data: bytes, offset: object) -> int:
        """Write to a place in a file."""
        content, place = memoryview(data), _number(offset)
        with hold(fd, "writeFileDescriptor") as real:
            return os.pwrite(real, content, place)

    def lseek(fd: object, position: object, whence: object) -> int:
        """Go to a place in a file."""
        place, start = _number(position), _number(whence)
        with hold(fd, "readFileDescriptor") as real:
            return os.lseek(real, place, start)

    def about(operation: str, actions: str, function: Callable[..., object]) -> Callable[..., object]:
        def call(fd: object, *args: object) -> object:
            number, rest = _number(fd), [exact(arg) for arg in args]
            if own.is_own(number):
                with own.use(number) as real:
                    return function(real, *rest)
            # What f.fileno() gave: nothing is read or written that the name of the file does not stand for.
            check_descriptor(operation, number, actions)
            return function(number, *rest)

        call.__name__ = call.__qualname__ = operation.removeprefix("os.")
        call.__doc__ = function.__doc__
        return call

    return {
        "open": open,
        "close": close,
        "dup": dup,
        "pipe": pipe,
        **({"pipe2": pipe2} if hasattr(os, "pipe2") else {}),
        "fdopen": fdopen,
        "read": read,
        "pread": pread,
        "write": write,
        "pwrite": pwrite,
        "lseek": lseek,
        "fstat": about("os.fstat", "read", os.fstat),
        "isatty": about("os.isatty", "read", os.isatty),
        "fsync": about("os.fsync", "write", os.fsync),
        "fdatasync": about("os.fdatasync", "write", os.fdatasync),
        "ftruncate": about("os.ftruncate", "write", os.ftruncate),
    }


def _number(value: object) -> int:
    number = exact(value)
    if type(number) is not int:
        message = f"'{type_name(value)}' object cannot be interpreted as an integer"
        raise TypeError(message)
    return number
