"""`ProcessPermission`: starting programs and signalling processes."""

# One trap shaped the names.  `fork` is an operation, but a program may be called `fork` as well, and a sandbox that
# may fork must not thereby run a program of that name from a directory that it can write to.  So the name `fork` is
# the operation, and a program of that name is written with its directory: `./fork`.  `ProcessPermission.program`
# spells it so; enforcement points use it for whatever name they were given.
#
# A program without a slash is searched for along PATH, which may be the guest's to choose.  Such a name is compared as
# a path relative to the current directory, exactly like `./name`; granting one means trusting every directory in PATH.

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final, Self, final

import attrs

from pycage.permissions.actions import ActionPermission, ActionTable
from pycage.permissions.base import set_field
from pycage.permissions.paths import ALL_FILES, EVERYTHING, LITERAL, PathPattern, exact_name
from pycage.permissions.text import shorten, type_name

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["ProcessPermission"]

_FORK: Final = "fork"
_SIGNAL: Final = 2
_PID: Final = re.compile(r"0|-?[1-9][0-9]*")


@final
@attrs.frozen(eq=False, repr=False)
class ProcessPermission(ActionPermission):
    """Processes: ``ProcessPermission("/usr/bin/-", "execute")``, ``ProcessPermission("1234", "signal")``.

    For ``execute`` the name is a program, with the rules of `FilePermission` (``/usr/bin/*``, ``<<ALL FILES>>``), or
    ``fork``, which copies the running program and starts no other; ``<<ALL FILES>>`` includes it.  For ``signal`` it
    is a process id in decimal, as ``os.kill`` takes it (0 and negative numbers are groups, each compared as it is
    written).  ``*`` is everything for both.

    Raises:
        TypeError: An argument is not exactly a ``str``.
        ValueError: The name contains NUL, does not fit the actions, or the actions are malformed.

    Example:
        >>> held = pycage.ProcessPermission("/usr/bin/*", "execute")
        >>> held.implies(pycage.ProcessPermission("/usr/bin/git", "execute"))
        True
    """

    ACTIONS: ClassVar = ActionTable("execute", "signal")
    _NAME_HINT: ClassVar = "pass the program as str(path), or the process id as str(pid)"

    _target: PathPattern = attrs.field(init=False)

    @classmethod
    def program(cls, name: str) -> Self:
        """Make the permission to execute exactly this program, also where it is really called ``fork`` or ``*``.

        Args:
            name: As it was given to ``exec``: an exact ``str``; see the constructor for what is raised.
        """
        if type(name) is str:
            name = "./" + name if name == _FORK else exact_name(name)
        return cls(name, "execute")

    def _prepare_name(self) -> Hashable:
        try:
            target = self._parse_target()
        except ValueError as error:
            message = f"{type_name(self)}: {error}"
            raise ValueError(message) from None
        set_field(self, "_target", target)
        return target

    def _parse_target(self) -> PathPattern:
        name = self.name
        if name == "*":
            return PathPattern("", EVERYTHING)
        if self._mask & _SIGNAL:
            if self._mask != _SIGNAL or not _PID.fullmatch(name):
                message = (
                    f"{shorten(name)} cannot be signalled: pass a process id in decimal, or *; "
                    "programs to execute are a permission of their own"
                )
                raise ValueError(message)
            return PathPattern(name, LITERAL)
        if not name:
            message = f"the name is empty; pass a program, fork, or {ALL_FILES}"
            raise ValueError(message)
        return PathPattern(_FORK, LITERAL) if name == _FORK else PathPattern.parse(name)

    def _covers_name(self, other: Self) -> bool:
        return self._target.covers(other._target)
