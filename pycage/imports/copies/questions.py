"""``_pycage``: what the source of standard modules asks of the interpreter, answered in plain data."""

# Problem.  What the source of the standard library needs of the interpreter is a frame, a traceback, a module table.
# Each leads everywhere.
#
# Idea.  `_pycage` answers the few questions in plain data: names and numbers of frames of the sandbox's own code.  An
# exception that only host code has seen, because it was raised and caught there, is not told about.
#
# What still fails.  The text of an exception that a host function let out is the sandbox's to read, as ever.

from __future__ import annotations

import importlib
import re
import sys
import types
import typing
import zoneinfo
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, cast

from pycage.imports.copies.syntax_trees import attributes_of, parse
from pycage.imports.tools import CLASS_DICT, MRO, exact_name
from pycage.source_lines import COPY_FILES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pycage.imports.copies.library import Copies
    from pycage.imports.tools import Tools

__all__ = ["answers"]


class Redirectable(Protocol):
    """A stream that can lead elsewhere."""

    def redirect(self, target: object, /) -> object:
        """Write to ``target`` from now on; return what it wrote to before.  ``None``: where it is meant to."""


_Row: TypeAlias = tuple[str, int, int | None, int | None, int | None, str]
_TRACEBACK: Final = vars(BaseException)["__traceback__"].__get__
_CAUSE: Final = vars(BaseException)["__cause__"].__get__
_CONTEXT: Final = vars(BaseException)["__context__"].__get__
_SHIM: Final = "<pycage "


def answers(tools: Tools, copies: Copies) -> dict[str, object]:  # noqa: C901  # a list of small functions
    """Return the names of ``_pycage`` for the copies of one sandbox."""

    def is_shown(code: types.CodeType) -> bool:
        return tools.own_code(code) and not code.co_filename.startswith(_SHIM)

    def rows(tb: types.TracebackType | None) -> list[_Row]:
        found: list[_Row] = []
        while tb is not None:
            code = tb.tb_frame.f_code
            if is_shown(code):
                line, *rest = _positions(code, tb.tb_lasti)
                found.append((code.co_filename, line or tb.tb_lineno, *rest, code.co_name))  # type: ignore[arg-type]
            tb = tb.tb_next
        return found

    def frames(tb: object) -> list[_Row]:
        """Return (file, line, last line, column, last column, function) of the sandbox's frames in a traceback."""
        return copies.as_host(lambda: rows(tb)) if isinstance(tb, types.TracebackType) else []

    def stack(limit: object = None) -> list[tuple[str, int, str, str]]:
        """Return (file, line, function, module) of the sandbox's frames on the stack, the newest first."""

        def walk() -> Iterator[tuple[str, int, str, str]]:
            frame: types.FrameType | None = sys._getframe(1)
            while frame is not None:
                code = frame.f_code
                # Whoever warns or logs means the code that called it.
                if is_shown(code) and not code.co_filename.startswith(COPY_FILES):
                    module = frame.f_globals.get("__name__")
                    yield code.co_filename, frame.f_lineno, code.co_name, module if type(module) is str else ""
                frame = frame.f_back

        def first() -> list[tuple[str, int, str, str]]:
            found = walk()
            return list(found) if type(limit) is not int else [row for row, _ in zip(found, range(limit), strict=False)]

        return copies.as_host(first)

    def traceback_of(exception: object) -> object:
        """Return the traceback of an exception, which says nothing by itself."""
        return _TRACEBACK(exception) if isinstance(exception, BaseException) else None

    def told(exception: BaseException | None) -> BaseException | None:
        seen = exception is not None and (tools.owns(exception) or bool(frames(_TRACEBACK(exception))))
        return exception if seen else None

    def cause_of(exception: object) -> object:
        """Return the cause of an exception, if the sandbox has seen it."""
        return told(_CAUSE(exception)) if isinstance(exception, BaseException) else None

    def context_of(exception: object) -> object:
        """Return the context of an exception, if the sandbox has seen it."""
        return told(_CONTEXT(exception)) if isinstance(exception, BaseException) else None

    def classes_of(kind: object) -> tuple[type, ...]:
        """Return the sandbox's own and the built-in classes that a class is derived from."""
        if not isinstance(kind, type):
            return ()
        return tuple(base for base in MRO(kind) if tools.owns(base) or base.__module__ == "builtins")

    def evaluate(text: object, names: object, local: object) -> object:
        """Evaluate source of the sandbox's as its built-in eval does: in names that it gave."""
        return cast("Callable[..., object]", copies.builtins["eval"])(text, names, local)

    def namespace_of(thing: object) -> dict[str, object]:
        """Return a copy of the globals of an own function, or of those that a class was made in."""
        function = thing
        if isinstance(thing, type) and tools.owns(thing):
            module = tools.modules(exact_name(CLASS_DICT(thing).get("__module__")))
            if module is not None:
                return _shown(vars(module))
            function = next((one for one in CLASS_DICT(thing).values() if type(one) is types.FunctionType), None)
        # The annotations of a copy's functions are the guest's to write, its globals are not the guest's to read.
        if type(function) is types.FunctionType and tools.own_code(function.__code__) and not _is_copy(function):
            return _shown(function.__globals__)
        return {}

    def redirect(number: int, target: object) -> object:
        """Let standard output (0) or error (1) of the sandbox go elsewhere; return where it went before."""
        stream = tools.streams.get(("stdout", "stderr")[number])
        return None if stream is None else cast("Redirectable", stream).redirect(target)

    return {
        "attributes_of": attributes_of,
        "cause_of": cause_of,
        "classes_of": classes_of,
        "context_of": context_of,
        "evaluate": evaluate,
        "forward_text": _forward_text,
        "frames": frames,
        "namespace_of": namespace_of,
        "parse": parse,
        "redirect": redirect,
        "stack": stack,
        "timezone_data": lambda key: copies.as_host(lambda: _timezone_data(key)),
        "timezones": lambda: copies.as_host(zoneinfo.available_timezones),
        "traceback_of": traceback_of,
    }


def _shown(names: Mapping[str, object]) -> dict[str, object]:
    """Return a copy of globals without the built-ins and the variables of the transformer."""
    return {name: value for name, value in names.items() if name != "__builtins__" and not name.startswith(".")}


def _is_copy(function: types.FunctionType) -> bool:
    return function.__code__.co_filename.startswith(COPY_FILES)


def _forward_text(hint: object) -> str | None:
    """Return the text of an annotation that is one, or a forward reference."""
    if type(hint) is typing.ForwardRef:
        return hint.__forward_arg__
    return hint if type(hint) is str else None


def _positions(code: types.CodeType, instruction: int) -> tuple[int | None, int | None, int | None, int | None]:
    if instruction >= 0:
        for index, position in enumerate(code.co_positions()):
            if index == instruction // 2:
                return position
    return None, None, None, None


_KEY: Final = re.compile(r"[A-Za-z0-9_+\-]{1,32}(/[A-Za-z0-9_+\-]{1,32}){0,3}")


def _timezone_data(key: object) -> bytes:
    """Return the data of a time zone.  The name is a path below the database: only the plainest is one."""
    if type(key) is not str or _KEY.fullmatch(key) is None:
        message = "not the name of a time zone"
        raise ValueError(message)
    # A missing zone and a broken database are one answer, KeyError.
    common, paths = importlib.import_module("zoneinfo._common"), importlib.import_module("zoneinfo._tzpath")
    path = paths.find_tzfile(key)
    if path is None:
        with common.load_tzdata(key) as packaged:
            return bytes(packaged.read())
    with open(path, "rb") as file:  # noqa: PTH123  # a path as text is what there is
        return file.read()
