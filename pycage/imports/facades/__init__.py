"""Facades: functions of the standard library made anew for a sandbox, because the real ones walk around a guard.

``pycage.imports.stdlib`` says which names; the modules here make them, once per sandbox and module, when the module is
first imported.
"""

# Problem.  Pure functions with an ordinary purpose read or write attributes of their arguments.  They are host code, so
# no guard stands in between: `functools.update_wrapper(mine, host_function, assigned=["__globals__"])` reads what the
# attribute guard refuses, `total_ordering(HostClass)` writes what the write guard refuses.
#
# Things that do not work:
#
# - Leaving them out: `wraps`, `dataclass`, `cached_property` and `copy` are in half of all programs.
# - Checking the arguments first: `copy.copy(mine)` calls `mine.__new__` and writes to what comes back.
# - A rewritten copy of each: it ages with every Python version.
#
# Idea.  Where the real function is sound for the sandbox's own objects, ask for ownership and call the real one.  Where
# the hole is inside, run the real code with other globals: a *twin* of the module in which the one function that writes
# checks what it writes to.  Types and sentinels are shared with the real module, so `dataclasses.fields(guest_object)`
# works in the host.
#
# What still fails.  See pycage.imports.stdlib: unbound methods with a foreign self.

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.imports.tools import Tools

__all__ = ["MAKERS", "make"]

MAKERS: Final = MappingProxyType(
    {
        "asyncio": "asyncio_facade:make",
        "collections": "collections_facade:make",
        "concurrent.futures": "futures_facade:make",
        "contextlib": "contextlib_facade:make",
        "contextvars": "contextvars_facade:make",
        "copy": "copy_facade:make",
        "copyreg": "pickle_facade:of_copyreg",
        "ctypes": "ctypes_facade:make",
        "ctypes.util": "ctypes_facade:of_util",
        "dataclasses": "dataclasses_facade:make",
        "decimal": "decimal_facade:make",
        "fnmatch": "shared_caches:of_fnmatch",
        "functools": "functools_facade:make",
        "filecmp": "filecmp_facade:make",
        "glob": "glob_facade:make",
        "io": "io_facade:make",
        "inspect": "inspect_facade:make",
        "linecache": "linecache_facade:make",
        "marshal": "pickle_facade:of_marshal",
        "operator": "operator_facade:make",
        "os": "os_facade:make",
        "os.path": "os_path_facade:make",
        "pathlib": "pathlib_facade:make",
        "posixpath": "os_path_facade:make",
        "pickle": "pickle_facade:of_pickle",
        "random": "random_facade:make",
        "re": "shared_caches:of_re",
        "shutil": "shutil_facade:make",
        "signal": "signal_facade:make",
        "socket": "socket_facade:make",
        "struct": "shared_caches:of_struct",
        "subprocess": "subprocess_facade:make",
        "sys": "sys_facade:make",
        "sysconfig": "sysconfig_facade:make",
        "tempfile": "tempfile_facade:make",
        "threading": "threading_facade:make",
        "types": "types_facade:make",
        "typing": "typing_facade:make",
        "weakref": "weakref_facade:make",
        "xml.parsers.expat": "expat_facade:make",
        "urllib.parse": "shared_caches:of_urllib_parse",
        "zipimport": "zipimport_facade:make",
    }
)
"""Standard module -> module here and the function in it that makes the facades.  Imported when it is first needed."""


def make(name: str, tools: Tools) -> dict[str, object]:
    """Return the facades of one standard module for one sandbox: name -> what stands for it.

    Args:
        name: The standard module.
        tools: The sandbox's guards.
    """
    if name not in MAKERS:
        return {}
    module, _, function = MAKERS[name].partition(":")
    maker = getattr(importlib.import_module(f"pycage.imports.facades.{module}"), function)
    return cast("Callable[[Tools], dict[str, object]]", maker)(tools)
