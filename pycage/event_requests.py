"""What an audit event asks for: the values that the readers of its arguments make."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from pycage.permissions import Permission

__all__ = ["EventRefused", "Reader", "Request", "shown_permission"]


@attrs.frozen
class Request:
    """One thing that must be allowed.

    Attributes:
        permission: What is asked for, as the program named it: what a message shows.  It must be implied, unless there
            are alternatives.
        alternatives: What ``permission`` means here, if the name alone says too little (the absolute form of a
            relative path, the address of ``localhost``): one of these must be implied instead.
        also: Must all be implied as well: the real path behind links, the other addresses of a name, ...
    """

    permission: Permission
    alternatives: tuple[Permission, ...] = ()
    also: tuple[Permission, ...] = ()


Reader = Callable[[tuple[object, ...]], tuple[Request, ...]]


class EventRefused(Exception):
    """The operation must be denied, whatever was granted: its arguments cannot be judged, or no grant could be safe.

    Attributes:
        permission: The permission that a denial shows.
        reason: One line for the person who reads the denial.
    """

    def __init__(self, permission: Permission, reason: str) -> None:
        super().__init__(reason)
        self.permission = permission
        self.reason = reason


def shown_permission(kind: Callable[[str, str], Permission], name: str | None, actions: str) -> Permission | None:
    """Return the permission that a denial shows for arguments that could not be judged; None if there is none."""
    if name is None or actions == "":
        return None
    try:
        return kind(name, actions)
    except (TypeError, ValueError):
        return None
