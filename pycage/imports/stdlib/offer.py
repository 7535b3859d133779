"""What one module of the standard library offers a sandbox, and the reasons why a name is withheld."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import attrs

__all__ = [
    "EVALUATES",
    "GLOBAL_STATE",
    "HANDS_OUT",
    "INTERNAL",
    "NEW_CLASS",
    "OPENS_FILES",
    "READS_ATTRIBUTES",
    "STANDARD_OUTPUT",
    "TELLS",
    "Offer",
]

GLOBAL_STATE: Final = "changes state of the whole process"
STANDARD_OUTPUT: Final = "writes to the host's standard output"
READS_ATTRIBUTES: Final = "reads attributes by name, past the attribute guard"
EVALUATES: Final = "evaluates strings as code that was never judged"
HANDS_OUT: Final = "hands out objects of the host"
OPENS_FILES: Final = "opens files; use the built-in open"
NEW_CLASS: Final = "makes a class behind the back of the guards; write a class statement"
INTERNAL: Final = "an implementation detail"
TELLS: Final = "tells about the host"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _by_name(reasons: dict[str, str]) -> MappingProxyType[str, str]:
    """Before: ``{"reason": "a b"}``; after: ``{"a": "reason", "b": "reason"}``."""
    return MappingProxyType({name: reason for reason, names in reasons.items() for name in names.split()})


@attrs.frozen
class Offer:
    """What a sandbox gets of one module.

    Attributes:
        shown: Names handed out as they are.  One that this Python does not have is skipped.
        made: Names that ``pycage.imports.facades`` makes anew for each sandbox.
        owned: Functions that write to their first argument: it must be the sandbox's own.
        effects: Functions with effects, the real ones or ones made anew if the facade has them: each is handed out as a
            shim, so that the sandbox is on the stack however late they are called.
        copied: Names whose source runs again as the sandbox's own code, see ``pycage.imports.copies``; ``"*"``: all
            that the module defines.  Then ``shown`` are names that it imports and that are shown all the same.
        withheld: Public names that are not handed out, with the reason.
        why: Why it is offered this way, in a few words.
    """

    shown: frozenset[str] = attrs.field(default="", converter=_words)
    made: frozenset[str] = attrs.field(default="", converter=_words, kw_only=True)
    owned: frozenset[str] = attrs.field(default="", converter=_words, kw_only=True)
    effects: frozenset[str] = attrs.field(default="", converter=_words, kw_only=True)
    copied: frozenset[str] = attrs.field(default="", converter=_words, kw_only=True)
    withheld: MappingProxyType[str, str] = attrs.field(factory=dict, converter=_by_name, kw_only=True)
    why: str = attrs.field(default="", kw_only=True)

    @property
    def is_copied(self) -> bool:
        """Whether all of it is copied."""
        return "*" in self.copied

    @property
    def is_facade(self) -> bool:
        """Whether anything of it is made anew; otherwise it is a view."""
        return bool(self.made or self.effects or self.owned or self.copied)
