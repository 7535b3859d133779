"""``types`` for a sandbox: types of functions, code, frames and cells that know what is the sandbox's own."""

# Problem.  `isinstance(x, types.FunctionType)` is an honest question, and `types.FunctionType(code, globals)` runs any
# code with any globals.  The type itself is no secret, `type(f)` gives it; real code objects are what nobody gets.
#
# Idea.  A type here answers isinstance() and issubclass() as the real one, or for the stand-ins of the sandbox (see
# pycage.language.stand_ins), and compares equal to the real one, so that a table with types as keys finds it.  Calling
# FunctionType copies an own function; the others make nothing.
#
# What still fails.  `types.FunctionType is type(f)` is false.

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Final, NoReturn

from pycage import _core
from pycage.errors import AccessDenied
from pycage.language import RestrictedCode
from pycage.language.function_stand_ins import Cell, Code, copied_function
from pycage.language.stand_ins import Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pycage.imports.tools import Tools

__all__ = ["make"]


class _Answering(type):
    """Metaclass of the types here; ``_stands_for`` are the types whose instances count, the real one first."""

    _stands_for: tuple[type, ...]

    def __instancecheck__(cls, thing: object) -> bool:
        return type(thing) in cls._stands_for

    def __subclasscheck__(cls, kind: type) -> bool:
        return kind is cls or kind in cls._stands_for

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is cls._stands_for[0]

    def __hash__(cls) -> int:
        return hash(cls._stands_for[0])


def _kind(name: str, make_instance: Callable[..., object], *stands_for: type) -> type:
    def new(_cls: type, *args: object, **kwargs: object) -> object:
        return make_instance(*args, **kwargs)

    def refuse_base(_cls: type) -> NoReturn:
        message = f"type 'types.{name}' is not an acceptable base type"
        raise TypeError(message)

    namespace = {
        "__new__": new,
        "__init_subclass__": classmethod(refuse_base),
        "__module__": "types",
        "_stands_for": stands_for,
    }
    return _Answering(name, (), namespace)


def _nothing(*_args: object, **_kwargs: object) -> NoReturn:
    message = "access denied: code, frames and cells cannot be made in a sandbox"
    raise AccessDenied(message)


def make(tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew."""

    def new_class(
        name: str,
        bases: tuple[object, ...] = (),
        kwds: Mapping[str, object] | None = None,
        exec_body: Callable[[object], object] | None = None,
    ) -> object:
        """``types.new_class``: what a class statement does, with a function for the body."""
        if type(name) is not str or type(bases) is not tuple or not (kwds is None or type(kwds) is dict):
            message = "new_class() needs a name of the exact type str, a tuple of bases and a dict of keywords"
            raise TypeError(message)
        if tools.build_class is None:
            _nothing()
        body = _core.do_privileged(
            types.FunctionType, _BODY, {"body": exec_body or _ignore, "__builtins__": {"locals": locals}}, name
        )
        return tools.build_class(body, name, *bases, **(kwds or {}))

    function = _nothing if tools.stand_ins is None else copied_function
    function_type = _kind("FunctionType", function, types.FunctionType)
    return {
        "FunctionType": function_type,
        "LambdaType": function_type,
        "CodeType": _kind("CodeType", _nothing, types.CodeType, Code, RestrictedCode),
        "FrameType": _kind("FrameType", _nothing, types.FrameType, Frame),
        "CellType": _kind("CellType", _nothing, types.CellType, Cell),
        "new_class": new_class,
    }


def _ignore(_namespace: object) -> None:
    return


# The body of a class statement that calls a function with the namespace.
_BODY: Final = compile("body(locals())", "<types.new_class>", "exec")
