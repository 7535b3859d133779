"""Globals: the variables of a sandbox's module, as the sandbox may see and change them.

What ``globals()`` returns, and ``f.__globals__`` of an own function.  A mapping, not a dictionary: the real one holds
the built-ins with all guards behind them and the transformer's temporaries, and whoever has it can change both.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import NoReturn, Self, cast, final

from pycage import _core
from pycage.errors import AccessDenied
from pycage.language.names import UNBINDABLE

__all__ = ["Globals", "StandIn", "is_variable"]


class StandIn:
    """Base of the stand-ins.  Guests reach their classes: they cannot make any, nor copy or pickle one."""

    __slots__ = ()

    def __init__(self, *_arguments: object) -> None:
        message = f"a {type(self).__name__} of a sandbox cannot be made"
        raise TypeError(message)

    @classmethod
    def _of(cls, *values: object) -> Self:
        """Make one of the values of its slots."""
        made = object.__new__(cls)
        names: tuple[str, ...] = cls.__slots__
        for name, value in zip(names, values, strict=True):
            object.__setattr__(made, name, value)
        return made

    def __reduce_ex__(self, protocol: object, /) -> NoReturn:
        message = f"a {type(self).__name__} of a sandbox cannot be copied"
        raise TypeError(message)

    def __reduce__(self) -> NoReturn:
        self.__reduce_ex__(2)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.__module__ not in (__name__, "pycage.language.function_stand_ins", "pycage.language.stand_ins"):
            message = f"no class can be derived from {cls.__name__}"
            raise TypeError(message)


@final
@_core.seal
class Globals(StandIn, MutableMapping[str, object]):
    """The variables of a module without the built-ins; what is stored here is bound there."""

    __slots__ = ("_names",)

    _names: dict[str, object]

    def __getitem__(self, name: str, /) -> object:
        if not is_variable(name):
            raise KeyError(name)
        return self._names[name]

    def __setitem__(self, name: str, value: object, /) -> None:
        self._names[_variable(name)] = value

    def __delitem__(self, name: str, /) -> None:
        del self._names[_variable(name)]

    def __iter__(self) -> Iterator[str]:
        return iter([name for name in list(self._names) if is_variable(name)])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<globals of {self._names.get('__name__')!r}>"

    def copy(self) -> dict[str, object]:
        """Return a dictionary of its own."""
        return dict(self)

    def __or__(self, other: dict[str, object], /) -> dict[str, object]:
        return dict(self) | other

    def __ror__(self, other: dict[str, object], /) -> dict[str, object]:
        return other | dict(self)

    def __ior__(self, other: object, /) -> Globals:  # noqa: PYI034  # the class is final
        self.update(other)
        return self

    def update(self, *others: object, **names: object) -> None:
        """Store what ``dict(*others, **names)`` holds; what no sandbox may bind is left out, as it is when read."""
        for name, value in dict(*others, **names).items():
            if is_variable(name):
                self._names[name] = value


def is_variable(name: object) -> bool:
    """Say whether a sandbox may have a variable of that name."""
    return type(name) is str and name not in UNBINDABLE and not name.startswith(".")


def _variable(name: object) -> str:
    if not is_variable(name):
        message = f"access denied: variable {ascii(name) if type(name) is str else '?'} may not be bound"
        raise AccessDenied(message)
    return cast("str", name)
