"""Who may load a library: from the name that was given to a real path that was judged."""

# Problem.  What a name leads to has to be looked up before it can be judged, and looking is an act: it mounts what is
# mounted on demand, and a denial that names the real path tells where a link leads.
#
# Idea.  As with files: a path is judged as it was given, before anything is looked up, and then what it leads to.  Only
# a name without a directory, and what is where the system keeps libraries, are looked up at once; which libraries a
# system has is no secret.

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pycage import _core
from pycage.access import LOG, check_permission, do_privileged, get_context, implied, judge, require_permissions
from pycage.permissions import FilePermission, NativePermission, SecurityPermission
from pycage_native.broker import SYSTEM_LIBRARIES
from pycage_native.errors import LibraryError
from pycage_native.search import exact, find

if TYPE_CHECKING:
    from pycage.permissions import Permission

__all__ = ["admitted", "may_grant"]


def admitted(name: str | os.PathLike[str]) -> str:
    """Return the real path of a library that everybody on the stack may load.

    Raises:
        AccessDenied: Somebody may not; it names what was given, unless that could be read as a link as well.
        LibraryError: There is no such file.
        TypeError: It is neither str nor a path.
    """
    text = exact(name)
    if "/" not in text:
        path = do_privileged(find, text)
        check_permission(NativePermission(path, "load"))
        return path
    given = os.path.abspath(text)
    if _core.snapshot() is None:
        path = do_privileged(find, given)
        check_permission(NativePermission(path, "load"))
        return path
    public = any(given.startswith(place + "/") for place in SYSTEM_LIBRARIES)
    if not public:
        check_permission(NativePermission(given, "load"))
    try:
        path = do_privileged(find, given)
    except LibraryError:
        check_permission(NativePermission(given, "load"))
        raise
    wanted = NativePermission(path, "load")
    if public or path == given or implied(FilePermission(given, "readlink")):
        check_permission(wanted)
    elif not implied(wanted):
        # The whole answer is for the host.
        context = get_context()
        LOG.denied(wanted, context.culprit(), reason=f"the link {given!r} leads there")
        judge(NativePermission(given, "load"), ((wanted,),), context)
    return path


def may_grant(permissions: tuple[Permission, ...]) -> None:
    """Return if everybody on the stack may grant these to a library.

    Raises:
        AccessDenied: Somebody may not change policies, or lacks one of them.
    """
    require_permissions(permissions)
    check_permission(SecurityPermission("setPolicy"))
    for permission in permissions:
        check_permission(permission)
