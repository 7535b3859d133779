"""Module names: which text may reach a policy, a resolver or the host's import system at all.

Source: jcage's defect J12 (a class name with a slash left the exception hierarchy, one with ``/../`` reached the
resolver).  So names are judged before anybody else sees them.
"""

# Problem.  A module name comes from a guest and ends as a dictionary key, a path below a directory, a member of a zip
# file and text in an error message.
#
# Things that do not work:
#
# - Quoting it at each of those places: one is forgotten.
# - isinstance(name, str): a subclass can compare equal to "math" for the policy and to "os" for the importer (D190).
# - str.isidentifier() alone: "ﬁ" and "fi" are one name to the compiler (PEP 3131, NFKC) and two to a file system, and
#   "a.__init__" would run a package's own file a second time, as another module.
#
# Idea.  Exact str, dotted identifiers, already in NFKC, bounded length, no dunder part but those that packages give to
# modules of their own, such as `markdown.__meta__`.  Whatever passes is harmless
# as a file name: an identifier holds no separator, no NUL, no colon, and is neither "." nor "..".

from __future__ import annotations

import unicodedata
from typing import Final

__all__ = ["FUTURE", "MAX_LENGTH", "absolute_name", "is_module_name", "is_reserved", "parents", "shown", "wanted_names"]

MAX_LENGTH: Final = 512
"""Longest module name, in characters."""

_SHOWN: Final = 80

FUTURE: Final = "__future__"
"""The one dunder module that may be asked for.  It is always the host's."""


def is_module_name(name: object) -> bool:
    """Say whether ``name`` can be the name of a module: dotted identifiers in NFKC, dunders only below a package.

    Args:
        name: Anything; a guest may have made it.  Only an exact ``str`` can be a name.
    """
    if type(name) is not str or not 0 < len(name) <= MAX_LENGTH:
        return False
    if name == FUTURE:
        return True
    # The compiler normalises identifiers to NFKC, so honest imports arrive normalised.
    if not name.isascii() and unicodedata.normalize("NFKC", name) != name:
        return False
    first, *rest = name.split(".")
    if not first.isidentifier() or first.startswith("__"):
        return False
    return all(part.isidentifier() and (not part.startswith("__") or _is_own_dunder(part)) for part in rest)


# Names with a meaning for the interpreter or its files.
_TAKEN: Final = frozenset({"__init__", "__main__", "__future__", "__pycache__", "__builtins__", "__pypackages__"})


def _is_own_dunder(part: str) -> bool:
    return len(part) > len("____") and part.endswith("__") and part not in _TAKEN


_RESERVED: Final = ("pycage", "pycage_native", "host")


def is_reserved(name: str) -> bool:
    """Say whether no resolver is asked for a name: a sandbox never gets a re-executed copy of pycage."""
    return name.partition(".")[0] in _RESERVED


def parents(name: str) -> list[str]:
    """Return ``name`` and the packages above it, outermost first: ``a.b.c`` gives ``a``, ``a.b``, ``a.b.c``."""
    parts = name.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


def shown(name: object) -> str:
    """Return text for a message that is about a name which a guest wrote: escaped, and cut to 80 characters."""
    if type(name) is not str:
        return f"a {type(name).__name__}"
    return ascii(name if len(name) <= _SHOWN else name[: _SHOWN - 3] + "...")


def wanted_names(fromlist: object) -> tuple[str, ...]:
    """Return the names of a ``fromlist`` or an ``__all__``.

    Raises:
        TypeError: It is not a tuple or list of names, all of the exact types.
    """
    if fromlist is None:
        return ()
    if type(fromlist) is not tuple and type(fromlist) is not list:
        message = "__import__() needs a fromlist of the exact type tuple"
        raise TypeError(message)
    names = tuple(fromlist)
    if any(type(item) is not str for item in names):
        message = "__import__() needs names of the exact type str"
        raise TypeError(message)
    return names


def absolute_name(name: str, globals: object, level: int) -> str:  # noqa: A002  # as in __import__
    """Return the absolute name.  Source: ``importlib._bootstrap._calc___package__`` and ``_resolve_name``.

    ``__spec__`` is not read: CPython prefers it, but here it only ever says the same.
    """
    if level < 0:
        message = "level must be >= 0"
        raise ValueError(message)
    if level == 0:
        if not name:
            message = "Empty module name"
            raise ValueError(message)
        return name
    package: object = None
    if type(globals) is dict:
        package = globals.get("__package__")
        if package is None:
            package = globals.get("__name__")
            if type(package) is str and "__path__" not in globals:
                package = package.rpartition(".")[0]
    if type(package) is not str or not package:
        message = "attempted relative import with no known parent package"
        raise ImportError(message)
    parts = package.rsplit(".", level - 1)
    if len(parts) < level:
        message = "attempted relative import beyond top-level package"
        raise ImportError(message)
    return f"{parts[0]}.{name}" if name else parts[0]
