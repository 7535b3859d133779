"""What to run: a script, a module, text, standard input; and where its own modules come from."""

from __future__ import annotations

import os
import sys
import sysconfig
import zipfile
from typing import TYPE_CHECKING, Final, final

import attrs

from pycage.cli.exits import Mistake
from pycage.errors import LimitExceeded, PolicyError
from pycage.imports import MAX_SOURCE_BYTES, ChainResolver, MappingResolver, PathResolver, Resolver, Source
from pycage.imports.names import is_module_name
from pycage.permissions.text import shorten

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["Installed", "Program", "own_modules", "program_of", "split"]

_MAIN: Final = "__main__"
_FORMS: Final = ("-m", "-c")


@attrs.frozen
class Program:
    """One thing to run as ``__main__``.

    Attributes:
        source: Its text.
        argv: Its ``sys.argv``.
        package: Where its relative imports start.
        path: Where its own modules are looked for; none for text and standard input.
        shown: How messages name it.
    """

    source: Source
    argv: tuple[str, ...]
    package: str
    path: tuple[str, ...]
    shown: str

    @property
    def sandbox_name(self) -> str:
        """A name for its sandbox."""
        stem = os.path.basename(self.shown).removesuffix(".py")
        name = "".join(c if c.isascii() and c.isalnum() else "_" for c in stem).strip("_")
        return name or "script"


def split(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split a command line into pycage's options and what to run with its arguments, as ``python`` does.

    What stands behind the script is the script's.  Otherwise ``pycage run tool.py "$@"`` would let whoever chooses the
    arguments choose the permissions.
    """
    values = {
        option for action in parser._actions for option in action.option_strings if action.nargs is None
    }  # those that take the next argument
    place = 0
    while place < len(arguments):
        argument = arguments[place]
        if argument == "--":
            return list(arguments[:place]), list(arguments[place + 1 :])
        if argument in _FORMS or not argument.startswith("-") or argument == "-":
            break
        place += 2 if argument in values else 1
    return list(arguments[:place]), list(arguments[place:])


def program_of(words: Sequence[str], path: Sequence[str] = (), packages: Sequence[str] = ()) -> Program:
    """Read what to run.

    Args:
        words: ``script.py arg``, ``-m module arg``, ``-c text arg`` or ``- arg``.
        path: Directories and zip files with more modules of its own.
        packages: Installed packages that it has as its own.

    Raises:
        Mistake: There is nothing to run, or it cannot be read.
    """
    if not words:
        message = "nothing to run; name a script, or use -m MODULE, -c TEXT or - for standard input"
        raise Mistake(message)
    first, *rest = words
    if first in _FORMS and not rest:
        message = f"{first} needs what to run: {first} {'package.module' if first == '-m' else 'TEXT'}"
        raise Mistake(message)
    if first == "-c":
        return Program(Source(_MAIN, _encoded(rest[0]), "<string>"), ("-c", *rest[1:]), "", tuple(path), "text")
    if first == "-":
        return Program(Source(_MAIN, _standard_input(), "<stdin>"), ("-", *rest), "", tuple(path), "stdin")
    if first == "-m":
        return _module(rest[0], rest[1:], path, packages)
    return _script(first, rest, path)


def own_modules(path: Sequence[str], packages: Sequence[str]) -> Resolver:
    """Return where the sandbox's own modules come from.

    Raises:
        Mistake: A part of it cannot be used.
    """
    try:
        found: list[Resolver] = [PathResolver(*path)] if path else []
    except PolicyError as error:
        raise Mistake(str(error)) from None
    if packages:
        found.append(Installed(packages))
    return ChainResolver(*found) if found else MappingResolver({})


@final
class Installed:
    """Finds the modules of some installed packages, to be run as the sandbox's own code."""

    def __init__(self, names: Sequence[str]) -> None:
        """Take the names.

        Raises:
            Mistake: One is not installed, or is not Python.
        """
        self._names = frozenset(names)
        self._installed = PathResolver(sysconfig.get_paths()["purelib"])
        for name in names:
            if not is_module_name(name) or "." in name or self._installed.find(name) is None:
                message = f"--package={shorten(name)}: no package of that name, written in Python, is installed"
                raise Mistake(message)

    def find(self, name: str, /) -> Source | None:
        """Return the module, if it is of one of the packages."""
        return self._installed.find(name) if name.partition(".")[0] in self._names else None


# ---- Forms of programs ----------------------------------------------------------------------------------------------


def _script(path: str, rest: Sequence[str], more: Sequence[str]) -> Program:
    full = os.path.realpath(path)
    if os.path.isdir(full) or (os.path.isfile(full) and zipfile.is_zipfile(full)):
        return Program(_main_of(full, path), (path, *rest), "", (full, *more), path)
    try:
        with open(full, "rb") as file:
            text = file.read(MAX_SOURCE_BYTES + 1)
    except OSError as error:
        message = f"{shorten(path)} cannot be read: {error.strerror}"
        raise Mistake(message) from None
    if len(text) > MAX_SOURCE_BYTES:
        message = f"{shorten(path)} is larger than {MAX_SOURCE_BYTES} bytes"
        raise Mistake(message)
    directory = os.path.dirname(full)
    return Program(Source(_MAIN, text, full), (path, *rest), "", (directory, *more), path)


def _module(name: str, rest: Sequence[str], path: Sequence[str], packages: Sequence[str]) -> Program:
    if not is_module_name(name):
        message = f"-m {shorten(name)}: not the name of a module; write -m package.module"
        raise Mistake(message)
    where = (os.getcwd(), *path)
    resolver = own_modules(where, packages)
    try:
        source = resolver.find(name)
        if source is not None and source.is_package:
            source = _main_below(source)
            package = name
        else:
            package = name.rpartition(".")[0]
    except (PolicyError, LimitExceeded) as error:
        raise Mistake(str(error)) from None
    if source is None:
        message = f"-m {name}: there is no such module here, or it is a package without __main__; see --path, --package"
        raise Mistake(message)
    return Program(source, (source.filename, *rest), package, where, name)


def _main_below(package: Source) -> Source | None:
    # `__main__` is no name that a sandbox may import, so no resolver finds it by name: it is a file beside others.
    text = None if package.resources is None else package.resources.read("__main__.py")
    directory = package.filename.rpartition(os.sep)[0]
    return None if text is None else Source(_MAIN, text, f"{directory}{os.sep}__main__.py")


def _main_of(directory: str, shown: str) -> Source:
    try:
        text = PathResolver(directory)._elements[0].read("__main__.py")
    except (PolicyError, LimitExceeded) as error:
        raise Mistake(str(error)) from None
    if text is None:
        message = f"{shorten(shown)} has no __main__.py; name a script"
        raise Mistake(message)
    return Source(_MAIN, text, f"{directory}{os.sep}__main__.py")


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        message = "-c: the text is not UTF-8"
        raise Mistake(message) from None


def _standard_input() -> bytes:
    stream = sys.stdin
    if stream is None:
        message = "-: there is no standard input"
        raise Mistake(message)
    return _encoded(stream.read(MAX_SOURCE_BYTES))
