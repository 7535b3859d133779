"""What copies of standard modules import where a sandbox has nothing of that name, or something else.

No guest gets hold of these modules, but of what their functions return.  So a function here gives away nothing that a
guest may not have, and takes arguments that a guest may have made.
"""

# Problem.  What the source of the standard library needs of the interpreter is a frame, a traceback, a module table.
# Each leads everywhere.
#
# Idea.  `_pycage` answers the few questions in plain data: names and numbers of frames of the sandbox's own code.  An
# exception that only host code has seen, because it was raised and caught there, is not told about.
#
# What still fails.  The text of an exception that a host function let out is the sandbox's to read, as ever.

from __future__ import annotations

import ast
import functools
import importlib
import linecache
import os
import pathlib
import posixpath
import re
import shutil
import sys
import threading
import types
import typing
import zoneinfo
from types import MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Final, NoReturn, Protocol, TypeAlias, cast

from pycage.errors import AccessDenied
from pycage.imports.tools import CLASS_DICT, MRO, exact_name
from pycage.language import _guards
from pycage.source_lines import COPY_FILES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

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


# ---- Frames and exceptions ----------------------------------------------------------------------------------------


class Redirectable(Protocol):
    """A stream that can lead elsewhere."""

    def redirect(self, target: object, /) -> object:
        """Write to ``target`` from now on; return what it wrote to before.  ``None``: where it is meant to."""


_Row: TypeAlias = tuple[str, int, int | None, int | None, int | None, str]
_TRACEBACK: Final = vars(BaseException)["__traceback__"].__get__
_CAUSE: Final = vars(BaseException)["__cause__"].__get__
_CONTEXT: Final = vars(BaseException)["__context__"].__get__
_SHIM: Final = "<pycage "


def _pycage(tools: Tools, copies: Copies) -> dict[str, object]:  # noqa: C901  # a list of small functions
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
        "attributes_of": _attributes_of,
        "cause_of": cause_of,
        "classes_of": classes_of,
        "context_of": context_of,
        "evaluate": evaluate,
        "forward_text": _forward_text,
        "frames": frames,
        "namespace_of": namespace_of,
        "parse": _parse,
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


# ---- What is read or parsed for a copy ----------------------------------------------------------------------------


def _parse(source: object, filename: object, mode: object, flags: object, feature_version: object) -> ast.AST:
    """Parse and do not compile: ``ast.parse``."""
    if type(source) not in (str, bytes) or type(filename) is not str or type(mode) is not str:
        message = "ast.parse() in a sandbox needs source of the exact type str or bytes, and str for the rest"
        raise TypeError(message)
    text = source.decode("utf-8-sig") if type(source) is bytes else source
    if type(flags) is not int or type(feature_version) is not int:
        message = "ast.parse() needs a feature version of the exact type int"
        raise TypeError(message)
    chosen = flags & (ast.PyCF_ONLY_AST | ast.PyCF_TYPE_COMMENTS) | ast.PyCF_ONLY_AST
    tree: ast.AST = compile(text, filename, mode, chosen, dont_inherit=True, _feature_version=feature_version)  # type: ignore[call-overload]  # typeshed does not know the last
    for node in ast.walk(tree):
        for field, value in ast.iter_fields(node):
            if isinstance(value, _CONSTANT_NODES):
                setattr(node, field, type(value)())
            elif type(value) is list and value and isinstance(value[0], _CONSTANT_NODES):
                value[:] = [type(one)() for one in value]
    return tree


# `x` and `y` have the same object for their context, and so have all trees of the process, the transformer's too: what
# a sandbox stored there, a __deepcopy__, would be called for others.  So a tree of a sandbox gets objects of its own,
# and nobody writes to the common ones, which a node can still be given by its constructor.
_CONSTANT_NODES: Final = (ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop)
_ALL_CONSTANTS: Final = """
x = x; del x; x and x or x
x + x - x * x @ x / x % x ** x << x >> x | x ^ x & x // x
+x; -x; ~x; not x
x == x != x < x <= x > x >= x is x is not x in x not in x
"""


@functools.cache
def _make_nodes_writable() -> tuple[ast.AST, ...]:
    shared = tuple([node for node in ast.walk(ast.parse(_ALL_CONSTANTS)) if isinstance(node, _CONSTANT_NODES)])
    for node in shared:
        _guards.add_shared_object(node)
    for kind in list(vars(importlib.import_module("_ast")).values()):
        if not isinstance(kind, type) or not issubclass(kind, ast.AST):
            continue
        if not issubclass(kind, _CONSTANT_NODES) or any(type(node) is kind for node in shared):
            _guards.add_safe_type(kind)
    return shared  # kept by the cache


def _attributes_of(node: object) -> object:
    """Return the names of a node's attributes that are no fields."""
    return node._attributes if isinstance(node, ast.AST) else ()


def _nodes(tools: Tools, copies: Copies) -> dict[str, object]:
    # What walks a tree writes to its nodes.  A tree that the host hands to a sandbox is the sandbox's.
    _make_nodes_writable()
    return _all_of("_ast")(tools, copies)


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
        "_pycage": _pycage,
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
