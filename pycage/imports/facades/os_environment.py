"""``os.environ`` for a sandbox: the variables that it may read."""

# The essay stands in `os_facade`: why a variable that may not be read is one that is not set.

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

from pycage.access import check_permission, implied
from pycage.errors import type_name
from pycage.imports.facades.checks import exact, readable_variable
from pycage.imports.facades.shimmed_class import shimmed
from pycage.permissions import EnvPermission

if TYPE_CHECKING:
    from pycage.imports.tools import Tools

__all__ = ["make", "readable"]


def make(tools: Tools) -> type[MutableMapping[str, str]]:  # noqa: C901  # one class
    """Return the class of ``os.environ`` of one sandbox."""

    @shimmed(tools, "os")
    class _Environ(MutableMapping[str, str]):
        """``os.environ`` as a sandbox has it: the variables that it may read."""

        __slots__ = ()

        def __getitem__(self, key: str) -> str:
            name = _variable(key)
            if not readable_variable(name):
                error = KeyError(name)
                error.add_note("it is not set, or this sandbox may not read it")
                raise error
            return os.environ[name]

        def __setitem__(self, key: str, value: str) -> None:
            name, text = _variable(key), _variable(value)
            check_permission(EnvPermission(name, "write"))
            os.environ[name] = text

        def __delitem__(self, key: str) -> None:
            name = _variable(key)
            check_permission(EnvPermission(name, "write"))
            del os.environ[name]

        def __iter__(self) -> Iterator[str]:
            return iter(readable())

        def __len__(self) -> int:
            return len(readable())

        def __repr__(self) -> str:
            return f"environ({readable()!r})"

        def copy(self) -> dict[str, str]:
            """Return a dictionary of the variables that may be read."""
            return readable()

        def __or__(self, other: object) -> dict[str, str]:
            return readable() | other if isinstance(other, dict) else NotImplemented

        def __ror__(self, other: object) -> dict[str, str]:
            return other | readable() if isinstance(other, dict) else NotImplemented

        def __ior__(self, other: Any) -> _Environ:  # type: ignore[misc]  # noqa: PYI034  # what update() takes; the class is sealed
            self.update(other)
            return self

    return _Environ


def readable() -> dict[str, str]:
    """Return the variables that may be read.  That the others may not is not recorded: nobody asked for them."""
    return {name: value for name, value in list(os.environ.items()) if _may_be_shown(name)}


def _may_be_shown(name: str) -> bool:
    try:
        return implied(EnvPermission(name, "read"))
    except ValueError:  # no variable of ours has such a name
        return False


def _variable(value: object) -> str:
    text = exact(value)
    if type(text) is not str:
        message = f"str expected, not {type_name(value)}"
        raise TypeError(message)
    return text
