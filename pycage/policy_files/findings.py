"""Findings: what is wrong with a policy file, where, and how to put it right."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Literal, TypeAlias, final

import attrs

from pycage.permissions.text import shorten

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Finding", "Severity", "suggestion"]

Severity: TypeAlias = Literal["error", "warning", "note"]


@final
@attrs.frozen
class Finding:
    """One thing that is wrong with a policy file, or that somebody should know about it.

    Attributes:
        severity: ``error``: the file is refused; ``warning``: it gives away more than it looks; ``note``: untidy.
        code: A short stable word for programs, such as ``unknown-key``.
        where: File, line and key, such as ``policy.toml, line 4, profiles.reader.allow[0]``.
        message: What, and why that matters.
        fix: What to do about it.

    Example:
        >>> str(Finding("note", "unused", "policy.toml, line 4", "this adds nothing", "take it out"))
        'policy.toml, line 4: this adds nothing; take it out'
    """

    severity: Severity
    code: str
    where: str
    message: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.message}{f'; {self.fix}' if self.fix else ''}"


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ``did you mean "x"?`` for the known word nearest to ``word``, or ``""`` if none is near."""
    words = {each.lower(): each for each in known}
    near = difflib.get_close_matches(word.lower(), words, n=1, cutoff=0.6)
    return f"did you mean {shorten(words[near[0]])}?" if near else ""
