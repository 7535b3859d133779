"""`NativePermission`: native libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self, final

import attrs

from pycage.permissions.actions import ActionPermission, ActionTable
from pycage.permissions.base import set_field
from pycage.permissions.paths import ALL_FILES, EVERYTHING, LITERAL, PathPattern
from pycage.permissions.text import shorten, type_name

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["NativePermission"]


@final
@attrs.frozen(eq=False, repr=False)
class NativePermission(ActionPermission):
    """Native code: ``NativePermission("/opt/codecs/-", "load,call")``, ``NativePermission("libm.so.6", "load")``.

    A name with a slash is a path, with the rules of `FilePermission`; one without is what the dynamic linker is asked
    for, compared as it is (so is ``<main program>``); ``*`` and ``<<ALL FILES>>`` are every library.  The actions are
    ``load`` and ``call``.

    Raises:
        TypeError: An argument is not exactly a ``str``.
        ValueError: The name is empty or contains NUL, or the actions are malformed.

    Example:
        >>> held = pycage.NativePermission("/opt/codecs/-", "load,call")
        >>> held.implies(pycage.NativePermission("/opt/codecs/libpng.so", "load"))
        True
    """

    ACTIONS: ClassVar = ActionTable("load", "call")
    _NAME_HINT: ClassVar = "pass the library as str(path)"

    _library: PathPattern = attrs.field(init=False)

    def _prepare_name(self) -> Hashable:
        if not self.name or "\0" in self.name:
            message = f"{type_name(self)}: {shorten(self.name)} cannot be the name of a library"
            raise ValueError(message)
        if self.name == "*":
            library = PathPattern("", EVERYTHING)
        elif "/" in self.name or self.name == ALL_FILES:
            library = PathPattern.parse(self.name)
        else:
            library = PathPattern(self.name, LITERAL)
        set_field(self, "_library", library)
        return library

    def _covers_name(self, other: Self) -> bool:
        return self._library.covers(other._library)
