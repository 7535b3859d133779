"""What a sandbox is made with: what is no resolver or no loader policy is refused before there is a sandbox."""

from __future__ import annotations

import pathlib
from types import FunctionType
from typing import Final

from pycage.errors import type_name

__all__ = ["require_parts"]

# What people pass, and what they mean.  Only these types are looked at, and by identity: anything else may be an object
# of the caller's own making, which is asked later, as its caller.
_RESOLVERS: Final[tuple[tuple[type, str], ...]] = (
    (str, "for a directory, write PathResolver(path)"),
    (bytes, "for a directory, write PathResolver(path), with a str"),
    (type(pathlib.Path()), "for a directory, write PathResolver(path)"),
    (list, "for directories, write PathResolver(first, second)"),
    (tuple, "for directories, write PathResolver(first, second)"),
    (dict, "for sources by name, write MappingResolver(sources)"),
    (FunctionType, "for a function from names to sources, write CallableResolver(function)"),
)
_RULES: Final = 'write rules("allow json", "allow plugins.*")'
_POLICIES: Final[tuple[tuple[type, str], ...]] = tuple(
    (kind, _RULES) for kind in (str, bytes, list, tuple, set, frozenset, dict, FunctionType)
)


def require_parts(resolver: object, **policies: object) -> None:
    """Return unless a resolver is something that people take for one, or a loader policy is.

    Args:
        resolver: What was given as a resolver.
        policies: What was given as loader policies, by the name of the argument.

    Raises:
        TypeError: One is; the message says what to write.
    """
    _require(resolver, "resolver is something that finds modules", _RESOLVERS)
    for word, given in policies.items():
        _require(given, f"{word} is a loader policy", _POLICIES)


def _require(given: object, wanted: str, known: tuple[tuple[type, str], ...]) -> None:
    for kind, instead in known:
        if type(given) is kind:
            message = f"{wanted}, not {type_name(given)}; {instead}"
            raise TypeError(message)
