"""``sys`` for a sandbox."""

from __future__ import annotations

import io
import sys
import types
from typing import TYPE_CHECKING, NoReturn

from pycage.imports.facades.standard_input import make_stdin

if TYPE_CHECKING:
    from pycage.imports.tools import Tools

__all__ = ["make"]


def make(tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew."""
    streams = {name: tools.streams.get(name, io.StringIO()) for name in ("stdout", "stderr")}

    def _getframe(depth: int = 0, /) -> object:
        """Return a stand-in for the caller's frame or one above it; only the sandbox's frames are there."""
        if type(depth) is not int:
            message = "_getframe() needs an int"
            raise TypeError(message)
        if tools.stand_ins is None:
            message = "call stack is not deep enough"
            raise ValueError(message)
        return tools.stand_ins.frame(max(depth, 0), sys._getframe(1))

    def exception() -> BaseException | None:
        """Return the exception that is being handled, unless only the host has seen it."""
        return tools.handled()

    def exc_info() -> tuple[object, object, object]:
        """Return the same with its type and its traceback."""
        error = tools.handled()
        return (None, None, None) if error is None else (type(error), error, error.__traceback__)

    def exit(code: object = None, /) -> NoReturn:  # noqa: A001  # the name it stands for
        """End the run: for the host it is an ordinary error."""
        raise SystemExit(code)

    real = sys.implementation
    return {
        "argv": [""],
        "path": [],
        "meta_path": [],
        "warnoptions": [],
        "modules": tools.module_table(),
        "implementation": types.SimpleNamespace(
            name=real.name, version=real.version, hexversion=real.hexversion, cache_tag=real.cache_tag
        ),
        "_getframe": _getframe,
        "exc_info": exc_info,
        "exception": exception,
        "exit": exit,
        "stdin": make_stdin(tools),
        **streams,
    }
