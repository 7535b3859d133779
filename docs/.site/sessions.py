"""For the site: interactive sessions in docstrings are shown as code, not as quotations."""

from __future__ import annotations

import re
from typing import Any

import griffe

_SESSION = re.compile(r"^(?P<indent> *)>>> .*(?:\n(?!\s*\n).*\S.*)*", re.MULTILINE)


class Sessions(griffe.Extension):
    """Puts a fence around each session."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of anything that was read."""
        if obj.docstring is not None:
            obj.docstring.value = _SESSION.sub(_fenced, obj.docstring.value)


def _fenced(match: re.Match[str]) -> str:
    indent = match["indent"]
    return f"{indent}```python\n{match.group()}\n{indent}```"
