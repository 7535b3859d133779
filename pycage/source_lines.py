"""Source lines: tracebacks of sandboxed code show what it says, in whatever the host formats them with."""

# Problem.  `traceback` asks `linecache` for the lines of a file name.  The source of a sandbox is in no file: it came
# out of a mapping, a wheel or a call of `run`.
#
# Things that do not work:
#
# - `__loader__.get_source` in the module's globals: linecache does not ask for names like `<plugin>`, and whatever a
#   guest's globals lead to is within its reach.
# - One name for all runs of a sandbox, or for the module `plugin` of all sandboxes: a traceback would show lines of
#   another source, which is worse than none, and of another sandbox.
#
# Idea.  Every source has a name of its own, `<sandbox "name">`, `<sandbox "name", run 2>`, `<sandbox "name": plugin>`,
# which no guest can give to what it compiles itself, and an entry in `linecache.cache` without a modification time:
# such entries are never compared with a file.  The text is split when somebody looks.  A sandbox keeps a bounded amount
# of text, the newest, and takes it away when it closes.
#
# What still fails.  The traceback that 3.11 and 3.12 print for an exception that nobody catches is written by C code,
# which does not ask linecache.  Code that a sandbox makes with exec() has no lines.

from __future__ import annotations

import linecache
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Final, cast, final, overload

from pycage.shims import SHIM_FILE

__all__ = ["COPY_FILES", "RESERVED", "SourceLines"]

# How the file names of the sandbox's copies of standard modules begin, `<standard json>`.
COPY_FILES: Final = "<standard "
# How file names begin that no guest may give: those of this module, of copies, of shims, and the interpreter's.
RESERVED: Final = ("<sandbox ", COPY_FILES, SHIM_FILE.removesuffix("shim>"), "<frozen ")

_MOST_TEXT: Final = 4 << 20
_MOST_RUNS: Final = 32
_LONGEST_RUN: Final = _MOST_TEXT // _MOST_RUNS


@final
class _Lines(Sequence[str]):
    """The lines of a text, split when they are first needed."""

    __slots__ = ("_lines", "_text")

    def __init__(self, text: str | bytes) -> None:
        self._text: str | bytes | None = text
        self._lines: list[str] = []

    def _split(self) -> list[str]:
        text, self._text = self._text, None
        if text is not None:
            if isinstance(text, bytes):
                text = text.decode("utf-8-sig", errors="replace")
            self._lines = [f"{line}\n" for line in text.splitlines()]
        return self._lines

    def __len__(self) -> int:
        return len(self._split())

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        return self._split()[index]


@final
class SourceLines:
    """The sources of one sandbox, for tracebacks."""

    __slots__ = ("_count", "_entries", "_label", "_lock", "_runs", "_size")

    def __init__(self, label: str) -> None:
        """Keep sources of the sandbox ``label``: ``sandbox "name"``."""
        self._label = label
        self._lock = threading.RLock()
        self._entries: OrderedDict[str, tuple[_Lines, int]] = OrderedDict()
        self._size = 0
        self._runs: OrderedDict[str, str] = OrderedDict()  # source -> name
        self._count = 0

    def has(self, name: str) -> bool:
        """Say whether a file name stands for source of this sandbox."""
        with self._lock:
            return name in self._entries

    def name_run(self, source: str) -> str:
        """Return the file name for a source that is run, the same one for the same source."""
        with self._lock:
            name = self._runs.get(source)
            if name is None:
                self._count += 1
                name = f"<{self._label}>" if self._count == 1 else f"<{self._label}, run {self._count}>"
                if len(source) <= _LONGEST_RUN:
                    self._runs[source] = name
                    self._add(name, source)
                if len(self._runs) > _MOST_RUNS:
                    _, oldest = self._runs.popitem(last=False)
                    self._drop(oldest)
            return name

    def name_module(self, source: bytes, filename: str) -> str:
        """Return the file name for the source of a module, which came with one of its own."""
        if filename.startswith("<"):
            name = f"<{self._label}: {filename.strip('<>')}>"
        elif Path(filename).is_file():
            return filename
        else:
            name = filename  # in a wheel
        with self._lock:
            self._add(name, source)
        return name

    def forget(self) -> None:
        """Take all of it out of linecache."""
        with self._lock:
            self._runs.clear()
            for name in list(self._entries):
                self._drop(name)

    def _add(self, name: str, source: str | bytes) -> None:
        if len(source) > _MOST_TEXT:
            return
        self._drop(name)
        lines, size = _Lines(source), len(source)
        self._entries[name] = lines, size
        self._size += size
        linecache.cache[name] = (size, None, cast("list[str]", lines), name)
        while self._size > _MOST_TEXT:
            self._drop(next(iter(self._entries)))

    def _drop(self, name: str) -> None:
        lines, size = self._entries.pop(name, (None, 0))
        self._size -= size
        entry: tuple[object, ...] | None = linecache.cache.get(name)
        if lines is not None and entry is not None and len(entry) > 1 and entry[2] is lines:
            del linecache.cache[name]
