"""What copies of standard modules import where a sandbox has nothing of that name, or something else.

No guest gets hold of these modules, but of what their functions return.  So a function here gives away nothing that a
guest may not have, and takes arguments that a guest may have made.
"""

from __future__ import annotations

import importlib
import linecache
import os
import pathlib
import posixpath
import shutil
import sys
import threading
import types
from types import MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Final, NoReturn, TypeAlias

from pycage.errors import AccessDenied
from pycage.imports.copies.questions import answers
from pycage.imports.copies.syntax_trees import make_nodes_writable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pycage.imports.copies.library import Copies
    from pycage.imports.tools import Tools

__all__ = ["ALIASES", "INSIDE", "STAND_INS"]

_Maker: TypeAlias = "Callable[[Tools, Copies], dict[str, object]]"

ALIASES: Final = MappingProxyType({"_collections_abc": "collections.abc", "posixpath": "os.path"})
"""Names under which the source of standard modules imports what a sandbox knows by another."""


def _of_c(module: str, names: str) -> _Maker:
    """Return a maker of some names of a module that is written in C and does nothing but compute."""

    def make(_tools: Tools, _copies: Copies) -> dict[str, object]:
        source = importlib.import_module(module)
        return {name: getattr(source, name) for name in names.split() if hasattr(source, name)}

    return make


def _all_of(module: str, *but: str) -> _Maker:
    """Return a maker of the public names of a module that does nothing but compute."""

    def make(_tools: Tools, _copies: Copies) -> dict[str, object]:
        names = vars(importlib.import_module(module))
        return {
            name: value
            for name, value in names.items()
            if not name.startswith("__") and name not in but and not isinstance(value, types.ModuleType)
        }

    return make


def _made(**names: object) -> _Maker:
    return lambda _tools, _copies: dict(names)


# ---- The interpreter ----------------------------------------------------------------------------------------------


_FLAGS: Final = "bytes_warning dev_mode ignore_environment isolated optimize utf8_mode verbose warn_default_encoding"


def _sys(_tools: Tools, copies: Copies) -> dict[str, object]:
    def exit(status: object = None) -> None:  # noqa: A001  # as in sys
        raise SystemExit(status)

    return {
        "exit": exit,
        "flags": SimpleNamespace(**dict.fromkeys(_FLAGS.split(), 0)),
        "implementation": SimpleNamespace(name=sys.implementation.name),
        "modules": copies.modules,
        "warnoptions": [],
    }


def _builtins(_tools: Tools, copies: Copies) -> dict[str, object]:
    return {name: value for name, value in copies.builtins.items() if not name.startswith(("_", "."))}


def _threading(_tools: Tools, _copies: Copies) -> dict[str, object]:
    def current_thread() -> object:
        """Return something with the name and number of the current thread."""
        thread = threading.current_thread()
        return SimpleNamespace(name=thread.name, ident=thread.ident)

    return {"current_thread": current_thread}


def _atexit(_tools: Tools, _copies: Copies) -> dict[str, object]:
    def register(function: object, *_arguments: object) -> object:
        """Forget it: nothing of a sandbox runs when the host ends."""
        return function

    return {"register": register, "unregister": lambda _function: None}


def _linecache(tools: Tools, _copies: Copies) -> dict[str, object]:
    def getlines(filename: object, _names: object = None) -> list[str]:
        """Return the lines of the sandbox's own source, as far as the host's ``linecache`` has them already."""
        if type(filename) is not str or not tools.own_file(filename):
            return []
        entry = linecache.cache.get(filename)
        return list(entry[2]) if entry is not None and len(entry) > 2 else []  # noqa: PLR2004  # (size, time, lines, name)

    def getline(filename: object, number: object, _names: object = None) -> str:
        lines = getlines(filename)
        return lines[number - 1] if type(number) is int and 1 <= number <= len(lines) else ""

    def nothing(*_arguments: object) -> bool:
        return False

    return {"getline": getline, "getlines": getlines, "checkcache": nothing, "lazycache": nothing}


def _nodes(tools: Tools, copies: Copies) -> dict[str, object]:
    # What walks a tree writes to its nodes.  A tree that the host hands to a sandbox is the sandbox's.
    make_nodes_writable()
    return _all_of("_ast")(tools, copies)


# ---- Dialects of CSV ------------------------------------------------------------------------------------------------


def _csv(_tools: Tools, _copies: Copies) -> dict[str, object]:
    """Return what is in C of ``csv``, with a register of the sandbox's own."""
    real = importlib.import_module("_csv")
    dialects: dict[str, object] = {}

    def known(dialect: object) -> object:
        if not isinstance(dialect, str):
            return dialect
        if str(dialect) not in dialects:
            raise real.Error("unknown dialect")
        return dialects[str(dialect)]

    def register_dialect(name: str, dialect: object = "excel", **options: object) -> None:
        if type(name) is not str:
            message = "dialect name must be a string"
            raise TypeError(message)
        dialects[name] = real.Dialect(known(dialect) if dialects else dialect, **options)

    def unregister_dialect(name: str) -> None:
        known(name)
        del dialects[name]

    def field_size_limit(*limit: object) -> object:
        if limit:
            message = "access denied: the size limit of fields is the process's"
            raise AccessDenied(message)
        return real.field_size_limit()

    return {
        **_all_of("_csv", "_dialects")(_tools, _copies),
        "__doc__": None,
        "__version__": "1.0",
        "field_size_limit": field_size_limit,
        "get_dialect": known,
        "list_dialects": lambda: list(dialects),
        "reader": lambda lines, dialect="excel", **options: real.reader(lines, known(dialect), **options),
        "register_dialect": register_dialect,
        "unregister_dialect": unregister_dialect,
        "writer": lambda file, dialect="excel", **options: real.writer(file, known(dialect), **options),
    }


# ---- Files --------------------------------------------------------------------------------------------------------

_PATH_FUNCTIONS: Final = "basename commonprefix dirname isabs join normcase normpath split splitdrive splitext"


def _os_path(_tools: Tools, _copies: Copies) -> dict[str, object]:
    names = {name: getattr(posixpath, name) for name in _PATH_FUNCTIONS.split()}
    # Neither asks for the working directory or anybody's home.
    return {**names, "abspath": posixpath.normpath, "expanduser": os.fspath, "sep": "/"}


def _os(tools: Tools, copies: Copies) -> dict[str, object]:
    return {
        "PathLike": os.PathLike,
        "SEEK_CUR": os.SEEK_CUR,
        "SEEK_END": os.SEEK_END,
        "SEEK_SET": os.SEEK_SET,
        "fsdecode": os.fsdecode,
        "fsencode": os.fsencode,
        "fspath": os.fspath,
        "getpid": lambda: 1,
        "path": SimpleNamespace(**_os_path(tools, copies)),
        **{name: getattr(os, name) for name in ("altsep", "curdir", "extsep", "linesep", "name", "pardir", "sep")},
    }


def _terminal_size(fallback: tuple[int, int] = (80, 24)) -> os.terminal_size:
    return os.terminal_size(fallback)


_COLORS: Final = ("BOLD_GREEN", "BOLD_MAGENTA", "BOLD_RED", "GREEN", "GREY", "MAGENTA", "RED", "RESET", "YELLOW")


def _no_addresses(*_arguments: object, **_options: object) -> NoReturn:
    message = "access denied: an address"
    raise AccessDenied(message)


INSIDE: Final[Mapping[str, _Maker]] = MappingProxyType(
    {
        "_pycage": answers,
        "_bz2": _of_c("_bz2", "BZ2Compressor BZ2Decompressor"),
        "_ast": _nodes,
        "_codecs": _all_of("_codecs", "register", "register_error", "unregister", "_unregister_error"),
        "_csv": _csv,
        "_lzma": _all_of("_lzma"),
        "_string": _of_c("_string", "formatter_field_name_split formatter_parser"),
        "_tokenize": _of_c("_tokenize", "TokenizerIter"),
        "_weakref": _of_c("_weakref", "ref proxy"),
        "atexit": _atexit,
        "builtins": _builtins,
        "linecache": _linecache,
        "_colorize": _made(
            ANSIColors=SimpleNamespace(**dict.fromkeys(_COLORS, "")), can_colorize=lambda *_args, **_options: False
        ),
        "zoneinfo._tzpath": _made(),
        "encodings": _made(),
        "encodings.aliases": _of_c("encodings.aliases", "aliases"),
        "shutil": _made(copyfileobj=shutil.copyfileobj, get_terminal_size=_terminal_size),
        # Most of what asks for a variable of the environment can do without.
        "os": lambda _tools, _copies: {"environ": {}},
        "sys": _sys,
        "threading": _threading,
        "urllib.parse": _of_c("urllib.parse", "_splittype"),
        "zlib": _of_c("zlib", "_ZlibDecompressor"),
    }
)
"""Module -> what makes its names for copies; they come on top of what a sandbox has of that module."""

STAND_INS: Final[Mapping[str, _Maker]] = MappingProxyType(
    {
        "inspect": _of_c("inspect", "cleandoc"),
        "os": _os,
        "os.path": _os_path,
        "pathlib": _made(Path=pathlib.PurePosixPath, PurePosixPath=pathlib.PurePosixPath),
        "socket": _made(getfqdn=lambda _name="": "localhost"),
        "urllib.request": _made(urlopen=_no_addresses),
    }
)
"""The same for modules that a sandbox may have one day; then that is what copies have."""
