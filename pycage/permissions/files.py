"""`FilePermission`: files and directories."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self, final

import attrs

from pycage.permissions.actions import ActionPermission, ActionTable
from pycage.permissions.base import set_field
from pycage.permissions.paths import PathPattern, exact_name
from pycage.permissions.text import type_name

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["FilePermission"]


@final
@attrs.frozen(eq=False, repr=False)
class FilePermission(ActionPermission):
    """Files: ``FilePermission("/srv/images/-", "read")``.

    =================  ================================================================
    ``p``              the path itself
    ``p/*``            what is directly in ``p``; neither ``p`` nor anything deeper
    ``p/-``            everything below ``p``, but not ``p`` itself
    ``*``, ``-``       the same, for the current directory
    ``""``, ``.``      the current directory
    ``<<ALL FILES>>``  everything
    =================  ================================================================

    The actions are ``read``, ``write``, ``execute``, ``delete`` and ``readlink``.

    Names are folded lexically (``/a/../b`` is ``/b``) and compared by case; no file is looked at, links are not
    resolved, and a relative name never matches an absolute one.  Nothing else stands for more than it says: ``~``,
    ``/srv/*.txt`` and ``/srv/**`` are names of one file, and ``/srv/`` is ``/srv`` without what is in it.

    Raises:
        TypeError: An argument is not exactly a ``str``.
        ValueError: The name contains NUL, or the actions are malformed.

    Source: ``java.io.FilePermission`` (Java SE 17); there ``/a*`` is the same as ``/a-``, here both are file names.

    Example:
        >>> held = pycage.FilePermission("/srv/images/-", "read,write")
        >>> held.implies(pycage.FilePermission("/srv/images/2026/a.png", "read"))
        True
        >>> held.implies(pycage.FilePermission("/srv/images/../secret", "read"))
        False
    """

    ACTIONS: ClassVar = ActionTable("read", "write", "execute", "delete", "readlink")
    _NAME_HINT: ClassVar = "pass str(path) or os.fsdecode(path)"

    _path: PathPattern = attrs.field(init=False)

    @classmethod
    def exact(cls, path: str, actions: str) -> Self:
        """Make a permission for exactly ``path``, also where it is really called ``*``, ``-`` or ``<<ALL FILES>>``.

        This is what an enforcement point asks with.  A path with a special name is spelt so that it is not special
        (``/tmp/*/.``), hence the permission's text form parses back to the same.

        Args:
            path: An exact ``str``; see the constructor for what is raised.
            actions: As for the constructor.
        """
        return cls(exact_name(path) if type(path) is str else path, actions)

    def _prepare_name(self) -> Hashable:
        try:
            path = PathPattern.parse(self.name)
        except ValueError as error:
            message = f"{type_name(self)}: {error}"
            raise ValueError(message) from None
        set_field(self, "_path", path)
        return path

    def _covers_name(self, other: Self) -> bool:
        return self._path.covers(other._path)
