"""Actions: the words after the name, and the base of the permission types that have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Self

import attrs

from pycage.permissions.base import Permission, set_field
from pycage.permissions.text import shorten, type_name

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

__all__ = ["ActionPermission", "ActionTable"]

_BLANKS: Final = " \t\r\n\f"


class ActionTable:
    """The action words of a type, in canonical order.  A set of actions is a mask with one bit for each word."""

    __slots__ = ("_masks", "_texts", "words")

    def __init__(self, *words: str) -> None:
        self.words: Final = words
        texts = [",".join(word for bit, word in enumerate(words) if mask >> bit & 1) for mask in range(1 << len(words))]
        self._texts: Final = tuple(texts)
        # Canonical texts are found at once; all others take the long way.
        self._masks: Final = {text: mask for mask, text in enumerate(texts) if mask}

    def parse(self, text: str) -> int:
        """Read words separated by commas, in any case and order, with blanks around the commas.

        Args:
            text: An exact ``str``.

        Raises:
            ValueError: There is no word, an unknown one, or an empty place between commas.

        Source: ``java.io.FilePermission.getMask`` (Java SE 17), which all types with actions copy.
        """
        known = self._masks.get(text)
        if known is not None:
            return known
        mask = 0
        for part in text.split(","):
            word = part.strip(_BLANKS)
            # isascii: "lin\u212a".lower() is "link".
            if not word.isascii() or word.lower() not in self.words:
                message = (
                    f"{shorten(text)} is not a list of actions: {shorten(word)} is none of {', '.join(self.words)}"
                )
                raise ValueError(message)
            mask |= 1 << self.words.index(word.lower())
        return mask

    def text(self, mask: int) -> str:
        """Write a mask as words in canonical order, separated by commas."""
        return self._texts[mask]


@attrs.frozen(eq=False, repr=False)
class ActionPermission(Permission):
    """Base of the types that have actions: implied if the name is covered *and* the actions are among ours.

    Several permissions of one type in a collection add up their actions: read on ``/t/-`` and write on ``/t/x`` are
    read and write on ``/t/x``.

    A subclass sets ``ACTIONS``, parses its name in ``_prepare_name`` and compares names in ``_covers_name``.
    """

    ACTIONS: ClassVar[ActionTable]

    _mask: int = attrs.field(init=False)

    def _prepare(self) -> Hashable:
        if type(self) is ActionPermission:
            return super()._prepare()
        try:
            mask = self._widen(self.ACTIONS.parse(self.actions))
        except ValueError as error:
            message = f"{type_name(self)}: {error}"
            raise ValueError(message) from None
        set_field(self, "_mask", mask)
        set_field(self, "actions", self.ACTIONS.text(mask))
        return self._prepare_name(), mask

    @staticmethod
    def _widen(mask: int) -> int:
        """Add the actions that others include."""
        return mask

    def _prepare_name(self) -> Hashable:
        """Validate and parse the name, store the result, and return what makes names equal."""
        raise NotImplementedError

    def _covers_name(self, other: Self) -> bool:
        """Tell whether our name stands for everything that the other's name stands for."""
        raise NotImplementedError

    def implies(self, other: Permission) -> bool:
        """Tell whether ``other`` has this exact type, a name that ours covers, and no action that we lack."""
        if type(other) is not type(self):
            return False
        if TYPE_CHECKING:
            assert isinstance(other, type(self))
        return not other._mask & ~self._mask and self._covers_name(other)

    def split(self) -> tuple[Permission, ...]:
        """Return one permission for each action, in canonical order."""
        words = self.actions.split(",")
        return tuple(type(self)(self.name, word) for word in words) if len(words) > 1 else (self,)

    def overlaps(self, other: Permission) -> bool:
        """Tell whether an action and (part of) a name are common to both."""
        if type(other) is not type(self):
            return super().overlaps(other)
        if TYPE_CHECKING:
            assert isinstance(other, type(self))
        return bool(self._mask & other._mask) and (self._covers_name(other) or other._covers_name(self))

    def without(self, other: Permission) -> Permission | None:
        """Take away the actions of ``other``, if its name covers ours."""
        if type(other) is not type(self):
            return super().without(other)
        if TYPE_CHECKING:
            assert isinstance(other, type(self))
        if not self._mask & other._mask or not other._covers_name(self):
            return self
        left = self._mask & ~other._mask
        return type(self)(self.name, self.ACTIONS.text(left)) if left else None

    @classmethod
    def _any_implies(cls, held: Iterable[Self], request: Permission) -> bool:
        if TYPE_CHECKING:
            assert isinstance(request, cls)
        needed = request._mask
        for permission in held:
            if permission._mask & needed and permission._covers_name(request):
                needed &= ~permission._mask
                if not needed:
                    return True
        return False

    def _merge(self, other: Permission) -> Permission | None:
        if type(other) is not type(self) or self.name != other.name:
            return super()._merge(other)
        if TYPE_CHECKING:
            assert isinstance(other, type(self))
        both = self._mask | other._mask
        return self if both == self._mask else type(self)(self.name, self.ACTIONS.text(both))
