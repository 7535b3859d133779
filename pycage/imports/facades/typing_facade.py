"""``typing`` for a sandbox."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, NoReturn

from pycage.imports.tools import owned

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.imports.tools import Tools

__all__ = ["make"]


def make(tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew."""

    def plain(argument: object) -> object:
        if type(argument) is typing.ForwardRef:
            return argument.__forward_arg__
        if type(argument) is list:
            return [plain(inner) for inner in argument]
        return argument

    def get_args(tp: object) -> tuple[object, ...]:
        """``typing.get_args``; a forward reference comes as its text, because its class can evaluate text."""
        return tuple(plain(argument) for argument in typing.get_args(tp))

    def dataclass_transform(**options: object) -> Callable[..., object]:
        """``typing.dataclass_transform`` for the sandbox's own classes and functions."""
        decorate = typing.dataclass_transform(**options)  # type: ignore[arg-type]  # checked by the real one
        return owned(typing.cast("Callable[..., object]", decorate), "typing.dataclass_transform", tools)

    def overload(func: object) -> Callable[..., object]:  # noqa: ARG001  # as in typing
        """``typing.overload``, without the register: by its names a function could pass for one of the host's."""
        return _overloaded

    return {"get_args": get_args, "dataclass_transform": dataclass_transform, "overload": overload}


def _overloaded(*_args: object, **_kwds: object) -> NoReturn:
    message = "an overloaded function has to be followed by its implementation"
    raise NotImplementedError(message)
