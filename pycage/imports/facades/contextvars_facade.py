"""``contextvars`` for a sandbox: contexts that do not list the host's variables."""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING, NoReturn, final

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.imports.tools import Tools

__all__ = ["Context", "behind", "make"]


@final
class Context:
    """A copied context of ``contextvars``: runs functions, answers for variables one holds, cannot be iterated over.

    The real one lists every variable of the host with its value.  What pycage itself keeps in variables, such as the
    principals of ``run_as``, is not copied: functions run with that of the moment, or a sandbox would come back to it.
    """

    __slots__ = ("_context",)

    def __init__(self) -> None:
        self._context = contextvars.Context()
        for variable, value in contextvars.copy_context().items():
            if not _is_pycages(variable):
                self._context.run(variable.set, value)

    def __init_subclass__(cls) -> NoReturn:
        message = "a context cannot be derived from"
        raise TypeError(message)

    def run(self, function: Callable[..., object], *args: object, **kwargs: object) -> object:
        """Call the function in this context."""
        present = [pair for pair in contextvars.copy_context().items() if _is_pycages(pair[0])]

        def call() -> object:
            tokens = [(variable, variable.set(value)) for variable, value in present]
            try:
                return function(*args, **kwargs)
            finally:
                for variable, token in tokens:
                    variable.reset(token)

        return self._context.run(call)

    def get(self, variable: contextvars.ContextVar[object], default: object = None) -> object:
        """Return the value of a variable in this context."""
        return self._context.get(variable, default)

    def __getitem__(self, variable: contextvars.ContextVar[object]) -> object:
        return self._context[variable]

    def __contains__(self, variable: object) -> bool:
        return variable in self._context

    def copy(self) -> Context:
        """Return a copy of this context."""
        return self._context.run(Context)


def behind(context: Context) -> contextvars.Context:
    """Return the real context, for pycage's own use; it has none of the variables of pycage."""
    return context._context


def _is_pycages(variable: contextvars.ContextVar[object]) -> bool:
    # A guest's variable may have any name, of any class; that only makes it one that is not copied.
    return type(variable.name) is str and variable.name.startswith("pycage.")


def make(_tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew."""

    def copy_context() -> Context:
        """Return a copy of the current context."""
        return Context()

    return {"copy_context": copy_context}
