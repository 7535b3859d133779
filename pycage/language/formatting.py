"""Format strings with look-ups: `str.format` where "{0.name}" is judged like the expression ``x.name``.

The C guard formats templates without look-ups itself; only those with a "." or "[" in a field come here.
"""

# CVE-2023-41039 (RestrictedPython), CVE-2025-27516 (Jinja2): "{0.__class__}".format(x) reads attributes without an
# Attribute node, however the method was reached.  The guard hands out this in the method's place.

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["format_safely"]

_CONVERSIONS: Final[Mapping[str, Callable[[object], str]]] = {"r": repr, "s": str, "a": ascii}

# What str.format itself parses with, and string.Formatter imports; type checkers do not know it.
_string: Final = importlib.import_module("_string")
_parse: Final = cast("Callable[[str], Iterable[tuple[str, str | None, str, str | None]]]", _string.formatter_parser)
_split: Final = cast(
    "Callable[[str], tuple[str | int, Iterable[tuple[bool, str | int]]]]", _string.formatter_field_name_split
)


def format_safely(
    template: str,
    args: tuple[object, ...] | None,
    kwargs: Mapping[str, object] | None,
    getattr_: Callable[[object, str], object],
) -> str:
    """Format as ``template.format(*args, **kwargs)``, or as ``format_map(kwargs)`` if ``args`` is None.

    Args:
        template: May be an instance of a subclass; only its text is used.
        args: Positional arguments, or None for format_map.
        kwargs: Named arguments, or the mapping of format_map.  Only its ``[]`` is used.
        getattr_: Reads an attribute, or raises.

    Raises:
        ValueError, KeyError, IndexError: As `str.format`.

    """
    return _Formatter(args, {} if kwargs is None else kwargs, getattr_).format(template, depth=2)


class _Formatter:
    """One call of format; counts the automatic fields."""

    def __init__(
        self,
        args: tuple[object, ...] | None,
        kwargs: Mapping[str, object],
        getattr_: Callable[[object, str], object],
    ) -> None:
        self.args = args
        self.kwargs = kwargs
        self.getattr = getattr_
        self.automatic: int | None = None  # the next number; -1 after explicit numbers

    def format(self, template: str, depth: int) -> str:
        if depth < 1:
            raise ValueError("Max string recursion exceeded")
        parts: list[str] = []
        for literal, field, spec, conversion in _parse(template):
            parts.append(literal)
            if field is None:
                continue
            value = self.look_up(field)
            if conversion is not None:
                if conversion not in _CONVERSIONS:
                    raise ValueError(f"Unknown conversion specifier {conversion!r}")
                value = _CONVERSIONS[conversion](value)
            parts.append(format(value, self.format(spec, depth - 1) if spec else ""))
        return "".join(parts)

    def look_up(self, field: str) -> object:
        first, rest = _split(field)
        value: object
        if first == "" or isinstance(first, int):
            if self.args is None:
                raise ValueError("Format string contains positional fields")
            value = self.args[self.number(first)]
        else:
            value = self.kwargs[first]
        for is_attribute, name in rest:
            # Anything but a container of this kind raises TypeError by itself.
            value = self.getattr(value, str(name)) if is_attribute else value[name]  # type: ignore[index]  # above
        return value

    def number(self, first: str | int) -> int:
        explicit = isinstance(first, int)
        if self.automatic is None:
            self.automatic = -1 if explicit else 0
        if explicit != (self.automatic == -1):
            raise ValueError(
                "cannot switch from manual field specification to automatic field numbering"
                if not explicit
                else "cannot switch from automatic field numbering to manual field specification"
            )
        if isinstance(first, int):
            return first
        self.automatic += 1
        return self.automatic - 1
