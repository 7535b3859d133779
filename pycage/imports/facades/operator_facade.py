"""``operator`` for a sandbox: attributes are read through its guard."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.imports.tools import Tools

__all__ = ["make"]


def make(tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew."""
    read = tools.read
    if read is None:
        return {}

    def dotted(path: object) -> tuple[str, ...]:
        if type(path) is not str:
            message = "attribute name must be a string"
            raise TypeError(message)
        return tuple(path.split("."))

    def follow(thing: object, path: tuple[str, ...]) -> object:
        for name in path:
            thing = read(thing, name)
        return thing

    def attrgetter(attribute: str, *more: str) -> Callable[[object], object]:
        """``operator.attrgetter``; every attribute is read through the sandbox's guard."""
        paths = tuple(dotted(path) for path in (attribute, *more))
        if len(paths) == 1:
            return tools.shim(lambda thing: follow(thing, paths[0]))
        return tools.shim(lambda thing: tuple(follow(thing, path) for path in paths))

    def methodcaller(name: str, /, *args: object, **kwargs: object) -> Callable[[object], object]:
        """``operator.methodcaller``; the method is read through the sandbox's guard."""
        if type(name) is not str:
            message = "method name must be a string"
            raise TypeError(message)
        return tools.shim(lambda thing: typing.cast("Callable[..., object]", read(thing, name))(*args, **kwargs))

    return {"attrgetter": attrgetter, "methodcaller": methodcaller}
