"""``traceback`` for a sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pycage.imports.tools import Tools

__all__ = ["make"]


def make(_tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew."""

    def format_exception_only(exc: object, /, value: object = None, **_options: object) -> list[str]:
        """Return the last line of a traceback.  The real one makes suggestions, and imports modules for that."""
        raised = exc if isinstance(exc, BaseException) else value
        kind = type(raised)
        if not isinstance(raised, BaseException):
            message = f"an exception is needed, not {type.__getattribute__(kind, '__name__')}"
            raise TypeError(message)
        name, module = type.__getattribute__(kind, "__qualname__"), type.__getattribute__(kind, "__module__")
        shown = name if module in ("__main__", "builtins") else f"{module}.{name}"
        text = str(raised)
        notes = getattr(raised, "__notes__", None)
        lines = [f"{shown}: {text}\n" if text else f"{shown}\n"]
        if type(notes) is list:
            lines.extend(f"{line}\n" for note in notes for line in str(note).split("\n"))
        return lines

    return {"format_exception_only": format_exception_only}
