"""Names with wildcards: dotted names (``a.b.*``) and names of environment variables (``LC_*``)."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["DottedName", "PrefixName"]


class DottedName(NamedTuple):
    """A dotted name: exact, or everything that begins with ``text``.

    The wildcard is ``*`` alone or a last part ``.*``; anywhere else an asterisk is an ordinary character.
    ``a.*`` covers ``a.b``, ``a.b.c`` and ``a.b.*``, but neither ``a`` nor ``a.``; case matters.

    Source: ``java.security.BasicPermission`` (Java SE 17).
    """

    text: str
    wildcard: bool

    @classmethod
    def parse(cls, name: str) -> DottedName:
        """Read a name that is not empty."""
        if name == "*":
            return cls("", wildcard=True)
        if name.endswith(".*"):
            return cls(name[:-1], wildcard=True)
        return cls(name, wildcard=False)

    def covers(self, other: DottedName) -> bool:
        """Tell whether every name that ``other`` stands for is one of this."""
        if not self.wildcard:
            return not other.wildcard and self.text == other.text
        if not other.text.startswith(self.text):
            return False
        return other.wildcard or len(other.text) > len(self.text)


class PrefixName(NamedTuple):
    """A name: exact, or (written with a final ``*``) everything that begins with ``text``, ``text`` itself included."""

    text: str
    wildcard: bool

    @classmethod
    def parse(cls, name: str) -> PrefixName:
        """Read a name that is not empty."""
        return cls(name[:-1], wildcard=True) if name[-1] == "*" else cls(name, wildcard=False)

    def covers(self, other: PrefixName) -> bool:
        """Tell whether every name that ``other`` stands for is one of this."""
        if self.wildcard:
            return other.text.startswith(self.text)
        return not other.wildcard and self.text == other.text
