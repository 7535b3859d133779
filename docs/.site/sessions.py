"""For the site: sessions in docstrings are shown as code, and docstrings that a program makes are shown, too."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

import griffe

_SESSION = re.compile(r"^(?P<indent> *)>>> .*(?:\n(?!\s*\n).*\S.*)*", re.MULTILINE)


class Sessions(griffe.Extension):
    """Puts a fence around each session."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of anything that was read."""
        if obj.docstring is None and obj.path.startswith("pycage_native.types.simple.c_"):
            # What is read is the source, and these get theirs from a table.
            kind = getattr(importlib.import_module(obj.module.path), obj.name, None)
            if isinstance(kind, type) and kind.__doc__:
                obj.docstring = griffe.Docstring(inspect.cleandoc(kind.__doc__), parent=obj)
        if obj.docstring is not None:
            obj.docstring.value = _SESSION.sub(_fenced, obj.docstring.value)


def _fenced(match: re.Match[str]) -> str:
    indent = match["indent"]
    return f"{indent}```python\n{match.group()}\n{indent}```"
