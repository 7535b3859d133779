"""``input`` and ``sys.stdin`` for a sandbox: the host's standard input, for who may read it."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Final, NoReturn, TextIO

from pycage.access import check_permission, do_privileged
from pycage.errors import type_name
from pycage.imports.facades.shimmed_class import shimmed
from pycage.permissions import RuntimePermission

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.imports.tools import Tools

__all__ = ["READ", "make_input", "make_stdin"]

READ: Final = RuntimePermission("readStandardInput")


def make_input(print_: Callable[..., object]) -> Callable[..., str]:
    """Return ``input``, to be made a shim; its prompt goes where ``print_`` prints."""

    def input(prompt: object = "", /) -> str:  # noqa: A001  # the name it stands for
        """Read a line from standard input, as the built-in does."""
        check_permission(READ)
        print_(prompt, end="", flush=True)
        line = _host(lambda stream: stream.readline())
        if not line:
            message = "EOF when reading a line"
            raise EOFError(message)
        return line.removesuffix("\n")

    return input


def make_stdin(tools: Tools) -> object:  # noqa: C901  # a class statement, which runs once for each sandbox
    """Return ``sys.stdin`` of one sandbox.  Whoever calls it needs the permission, however late that is."""

    @shimmed(tools, "io")
    class StandardInput:
        """The host's standard input, text only; every call asks ``RuntimePermission("readStandardInput")``."""

        __slots__ = ()

        encoding = "utf-8"
        errors = "strict"
        closed = False

        def read(self, size: int | None = -1, /) -> str:
            """Read so many characters; without a size, all there is."""
            return _read(lambda stream: stream.read(_exact(size)))

        def readline(self, size: int | None = -1, /) -> str:
            """Read a line, with the end of line; ``""`` at the end."""
            return _read(lambda stream: stream.readline(_exact(size)))

        def readlines(self) -> list[str]:
            """Read all lines that are left."""
            return list(self)

        def __iter__(self) -> StandardInput:
            return self

        def __next__(self) -> str:
            line = _read(lambda stream: stream.readline())
            if not line:
                raise StopIteration
            return line

        def isatty(self) -> bool:
            """Say no: a sandbox has no terminal."""
            return False

        def readable(self) -> bool:
            """Say yes."""
            return True

        def writable(self) -> bool:
            """Say no."""
            return False

        def seekable(self) -> bool:
            """Say no."""
            return False

        def fileno(self) -> NoReturn:
            """Refuse: a descriptor would be read past the permission."""
            raise io.UnsupportedOperation("fileno")

    return StandardInput()


def _read(take: Callable[[TextIO], str]) -> str:
    check_permission(READ)
    return _host(take)


def _host(take: Callable[[TextIO], str]) -> str:
    # The host may have put anything there; it works as the host.
    stream = sys.stdin
    return "" if stream is None else do_privileged(take, stream)


def _exact(size: object) -> int:
    if size is None:
        return -1
    if type(size) is not int:
        message = f"the size must be an int or None, got {type_name(size)}"
        raise TypeError(message)
    return size
