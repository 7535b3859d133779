"""``copy`` for a sandbox: what it writes to is a new object of the right type."""

from __future__ import annotations

import copy as host_copy
import functools
import importlib.util
from typing import TYPE_CHECKING

from pycage.imports.tools import Tools, refuse

if TYPE_CHECKING:
    import types
    from collections.abc import Callable, Iterable

__all__ = ["copy_facades", "copy_module"]


@functools.cache
def copy_module() -> types.ModuleType:
    """Return a second instance of the module ``copy`` whose reconstruction checks what it writes to.

    A second instance and not a twin: ``copy``'s own functions hold each other as defaults and in a table.
    It keeps no state, so all sandboxes share it.
    """
    spec = importlib.util.find_spec("copy")
    if spec is None or spec.loader is None:
        message = "the standard module copy has no source"
        raise ImportError(message)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    names = vars(module)
    names["Error"] = names["error"] = host_copy.Error
    reconstruct = names["_reconstruct"]

    def _reconstruct(
        x: object,
        memo: object,
        func: Callable[..., object],
        args: Iterable[object],
        state: object = None,
        *rest: object,
        **keywords: object,
    ) -> object:
        def make(*arguments: object) -> object:
            made = func(*arguments)
            # __new__ and __reduce__ are the guest's: what they return is about to be written to.
            if type(made) is not type(x):
                refuse("copy", made)
            return made

        if type(state) is tuple and len(state) == 2 and state[1] is not None:  # noqa: PLR2004  # (dict, slots), PEP 307
            slots = state[1]
            # These go through setattr: __class__ among them would turn the copy into an object of the host.
            if type(slots) is not dict or any(type(key) is not str or key.startswith("__") for key in slots):
                refuse("copy", x)
        return reconstruct(x, memo, make, args, state, *rest, **keywords)

    names["_reconstruct"] = _reconstruct
    return module


def copy_facades(_tools: Tools) -> dict[str, object]:
    """Return the functions that ``stdlib.py`` says are made anew."""
    names = vars(copy_module())
    return {name: names[name] for name in ("copy", "deepcopy", "replace") if name in names}
