"""``shutil`` for a sandbox: the real code with the sandbox's ``os`` and ``open``, function by function."""

# Problem.  Its functions look at files without an event, and read their arguments again and again.
#
# Idea.  A twin, in which `os` and `open` are the sandbox's: each look and each step asks with the very text it uses, so
# an argument that changes its answer only changes which file is asked about.  What a twin hands to a callback of the
# guest (`onerror` gets `os.unlink`) is a shim.
#
# What still fails.  rmtree without descriptors of directories: who may change the tree meanwhile can lead it elsewhere,
# but each removal asks for the place where it happens, and happens there.  A move that may not rename copies, and may
# leave the copy.

from __future__ import annotations

import os
import posixpath
import shutil
import types
from typing import TYPE_CHECKING, Any, Final, cast

from pycage.errors import AccessDenied
from pycage.imports.facades import os_facade, os_files, os_path_facade
from pycage.imports.facades.checks import exact_path
from pycage.imports.facades.shared_caches import of_fnmatch
from pycage.imports.tools import twin

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.imports.facades.checks import Path
    from pycage.imports.tools import Tools

__all__ = ["make", "namespace"]

_TWINS: Final = (
    "copy",
    "copy2",
    "copyfile",
    "copyfileobj",
    "copymode",
    "copystat",
    "copytree",
    "disk_usage",
    "ignore_patterns",
    "move",
    "rmtree",
)


def which(cmd: object, mode: int = os.F_OK | os.X_OK, path: object = None) -> Path | None:
    """Return where a program is.  Places that may not be looked at are passed over, if another one has it.

    Raises:
        AccessDenied: It was not found, and there was a place that may not be looked at.
    """
    name = exact_path(cmd)
    if posixpath.dirname(name):
        places = [name]
    else:
        text = os_files.getenv("PATH", os.defpath) if path is None else exact_path(path)
        whole = os.fsdecode(cast("Path", text))
        found = [posixpath.join(directory, os.fsdecode(name)) for directory in whole.split(os.pathsep) if directory]
        places = [os.fsencode(place) if type(name) is bytes else place for place in found]
    denied: AccessDenied | None = None
    for place in places:
        try:
            if os_path_facade.exists(place) and os_files.access(place, mode) and not os_path_facade.isdir(place):
                return place
        except AccessDenied as error:
            denied = denied or error
    if denied is not None:
        raise denied
    return None


def get_terminal_size(fallback: tuple[int, int] = (80, 24)) -> os.terminal_size:
    """Return what ``COLUMNS`` and ``LINES`` say, if they may be read, or the fallback; the terminal is the host's."""
    sizes = []
    for variable, other in zip(("COLUMNS", "LINES"), fallback, strict=True):
        text = cast("str", os_files.getenv(variable, ""))
        sizes.append(int(text) if text.isdecimal() and int(text) > 0 else other)
    return os.terminal_size(sizes)


def namespace(tools: Tools) -> dict[str, Callable[..., Any]]:
    """Return the functions of one sandbox."""
    names = twin(
        shutil,
        {
            "os": tools.part("os.for_twins", os_facade.for_twins),
            "open": tools.open,
            "fnmatch": types.SimpleNamespace(**of_fnmatch(tools)),
            "_USE_CP_SENDFILE": False,
            "_USE_CP_COPY_FILE_RANGE": False,
            "_use_fd_functions": False,
        },
    )
    made: dict[str, Callable[..., Any]] = {"which": which, "get_terminal_size": get_terminal_size}
    made.update({name: cast("Callable[..., Any]", names[name]) for name in _TWINS if name in names})
    return made


def make(tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew."""
    return dict(tools.part("shutil", namespace))
