"""``tempfile.SpooledTemporaryFile`` for a sandbox."""

from __future__ import annotations

import io
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, Final, Self, cast

from pycage.imports.facades.shimmed_class import shimmed, slot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pycage.imports.tools import Tools

__all__ = ["spooled_file"]

_PASSED_ON: Final = (
    *("flush", "isatty", "read", "read1", "readable", "readinto", "readinto1", "readline", "readlines", "seek"),
    *("seekable", "tell", "writable"),
)


def spooled_file(tools: Tools, temporary_file: Callable[..., IO[Any]]) -> type:  # noqa: C901  # one class
    """Return the class of one sandbox.

    Args:
        tools: The sandbox's.
        temporary_file: What opens the file.
    """

    class SpooledTemporaryFile(io.IOBase):
        """``tempfile.SpooledTemporaryFile`` as a sandbox has it: in memory, until it is too large."""

        __slots__ = ("_arguments", "_file", "_size")

        def __init__(  # noqa: PLR0917  # the real one's signature
            self,
            max_size: int = 0,
            mode: str = "w+b",
            buffering: int = -1,
            encoding: str | None = None,
            newline: str | None = None,
            suffix: object = None,
            prefix: object = None,
            dir: object = None,  # noqa: A002  # the real one's
            *,
            errors: str | None = None,
        ) -> None:
            memory = io.BytesIO()
            text = None if "b" in mode else io.TextIOWrapper(memory, encoding, errors, newline)
            set_file(self, memory if text is None else text)
            set_size(self, int(max_size))
            arguments = (mode, buffering, encoding, newline, suffix, prefix, dir)
            set_arguments(self, (arguments, {"errors": errors}))

        def __enter__(self) -> Self:
            if file_of(self).closed:
                message = "Cannot enter context with closed file"
                raise ValueError(message)
            return self

        def __exit__(self, *_error: object) -> None:
            file_of(self).close()

        def __iter__(self) -> Iterator[Any]:
            return (line for line in file_of(self))

        def rollover(self) -> None:
            """Go on in a file."""
            arguments = arguments_of(self)
            if arguments is None:
                return
            old, new = file_of(self), temporary_file(*arguments[0], **arguments[1])
            set_arguments(self, None)
            set_file(self, new)
            place = old.tell()
            if isinstance(old, io.TextIOWrapper):
                cast("io.TextIOWrapper", new).buffer.write(cast("io.BytesIO", old.detach()).getvalue())
            else:
                new.write(cast("io.BytesIO", old).getvalue())
            new.seek(place, 0)

        def write(self, data: Any) -> int:
            """Write, and go on in a file if it is too large now."""
            written = file_of(self).write(data)
            grown(self)
            return written

        def writelines(self, lines: Any) -> None:
            """Write lines, and go on in a file if it is too large now."""
            file_of(self).writelines(lines)
            grown(self)

        def truncate(self, size: int | None = None) -> int:
            """Change the size."""
            if size is not None and 0 < max_of(self) < size:
                SpooledTemporaryFile.rollover(self)
            return file_of(self).truncate(size)

        def fileno(self) -> int:
            """Return the descriptor; goes on in a file."""
            SpooledTemporaryFile.rollover(self)
            return file_of(self).fileno()

        def detach(self) -> Any:
            """Refuse: there is nothing to detach that lasts."""
            message = "detach"
            raise io.UnsupportedOperation(message)

        def close(self) -> None:
            """Close it."""
            with suppress(AttributeError):  # never opened
                file_of(self).close()

        @property
        def closed(self) -> bool:
            """Whether it is closed."""
            try:
                return file_of(self).closed
            except AttributeError:
                return True

        @property
        def mode(self) -> str:
            """How it was opened."""
            arguments = arguments_of(self)
            return file_of(self).mode if arguments is None else cast("str", arguments[0][0])

        @property
        def name(self) -> object:
            """The descriptor, if it is in a file."""
            return None if arguments_of(self) is not None else file_of(self).name

        @property
        def encoding(self) -> str:
            """The encoding of text."""
            return cast("io.TextIOWrapper", file_of(self)).encoding

        @property
        def errors(self) -> str | None:
            """What happens to what cannot be encoded."""
            return cast("io.TextIOWrapper", file_of(self)).errors

        @property
        def newlines(self) -> object:
            """The ends of lines seen so far."""
            return cast("io.TextIOWrapper", file_of(self)).newlines

    get_file, set_file = slot(SpooledTemporaryFile, "_file")
    arguments_of, set_arguments = slot(SpooledTemporaryFile, "_arguments")
    max_of, set_size = slot(SpooledTemporaryFile, "_size")

    def file_of(spooled: object) -> IO[Any]:
        return cast("IO[Any]", get_file(spooled))

    for name in _PASSED_ON:
        setattr(SpooledTemporaryFile, name, _passed_on(name, file_of))
    shimmed(tools, "tempfile")(SpooledTemporaryFile)

    def grown(spooled: SpooledTemporaryFile) -> None:
        if arguments_of(spooled) is not None and 0 < max_of(spooled) < file_of(spooled).tell():
            spooled.rollover()

    return SpooledTemporaryFile


def _passed_on(name: str, file_of: Callable[[object], IO[Any]]) -> Callable[..., Any]:
    def method(self: object, *args: object) -> object:
        return cast("Callable[..., object]", getattr(file_of(self), name))(*args)

    method.__name__ = method.__qualname__ = name
    return method
