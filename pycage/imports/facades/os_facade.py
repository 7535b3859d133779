"""``os`` for a sandbox: what takes a path or a descriptor asks for permission, whether CPython audits it or not."""

# Problem.  `os` is where most operations without an audit event are: status and links of files, descriptors, the
# environment, and lists of directories whose entries look at files later.
#
# Things that do not work:
#
# - Hand out the real functions as shims: `os.stat`, `os.read` and `os.environ[...]` ask nobody.
# - The real `os.DirEntry`: its `stat()` raises no event, and the entry holds the path where nobody can see it.
# - The descriptors of the process: see `pycage.imports.descriptors`.
#
# Idea.  One function for each, that makes the path exact, asks, and uses what was asked about (`held`).  Nothing is
# kept between two calls: what an entry of a directory or `walk` knows is a path, and each look at it is a new question.
# Methods of `environ` and of entries are shims too, so `map(os.environ.get, names)` is denied in whoever iterates it.
#
# A denied look at a file raises, in os.path.exists() too: "no" would be a lie, and Java's File.exists() throws as well.
# The environment is different: a variable that may not be read is *not set*.  Programs ask for NO_COLOR, TZ, HOME and
# dozens of others while they are imported and go on without them; a denial would stop nearly all of them for something
# they do not need.  So a sandbox has an environment of its own, which holds what it may read, as a process of its own
# would have.  (Java: System.getenv() throws.)  Every such read is in the log of decisions, with the grant that helps.
#
# What is asked about is what is used, even if a link is put on the way in between: see `held`.
#
# What still fails.  Programs to start and the current directory are checked by name, which can be overtaken.
# `os.fork`, in a sandbox that may fork, leaves the host's descriptors open in the child.

from __future__ import annotations

import os
import types
from typing import TYPE_CHECKING, Final, NoReturn, cast

from pycage.errors import AccessDenied
from pycage.imports.facades import os_descriptors, os_directories, os_environment, os_files, os_path_facade
from pycage.imports.stdlib import OFFERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.imports.tools import Tools

__all__ = ["for_twins", "make", "namespace"]

_SETS: Final = ("supports_dir_fd", "supports_effective_ids", "supports_fd", "supports_follow_symlinks")


def make(tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew."""
    made = dict(vars(tools.part("os", namespace)))
    del made["path"]
    return {**made, **{name: set() for name in _SETS}, "popen": _popen}


def for_twins(tools: Tools) -> types.SimpleNamespace:
    """Return what stands for ``os`` in the twins of other modules.

    Its functions are shims: twins hand functions of ``os`` to what a guest passed (``onerror`` of rmtree).
    """
    shims = {name: _shim(tools, value) for name, value in vars(tools.part("os", namespace)).items() if name != "path"}
    path = {name: _shim(tools, value) for name, value in os_path_facade.EFFECTS.items()}
    follow = {shims[function.__name__] for function in os.supports_follow_symlinks if function.__name__ in shims}
    return types.SimpleNamespace(
        **{name: getattr(os, name) for name in OFFERS["os"].shown if hasattr(os, name)},
        **shims,
        path=types.SimpleNamespace(**{**os_path_facade.NAMES, **path}),
        supports_follow_symlinks=follow,
        _walk_symlinks_as_files=os_directories.LINKS_ARE_FILES,
    )


def _popen(*_arguments: object) -> NoReturn:
    """Refuse: programs ask for the function by its name, to forbid it."""
    message = "access denied: os.popen; write subprocess.run(command, shell=True)"
    raise AccessDenied(message)


def _shim(tools: Tools, value: object) -> object:
    is_function = type(value) in {types.FunctionType, types.BuiltinFunctionType}
    return tools.shim(cast("Callable[..., object]", value)) if is_function else value


def namespace(tools: Tools) -> types.SimpleNamespace:
    """Return the ``os`` that other facades call: every function checks, none is a shim."""
    made: dict[str, object] = {
        **os_files.FUNCTIONS,
        **{name: getattr(os, name) for name in ("fork", "forkpty", "kill", "killpg") if hasattr(os, name)},
        **os_directories.make(tools),
        **os_descriptors.make(tools),
        "environ": os_environment.make(tools)(),
    }
    return types.SimpleNamespace(**made, path=types.SimpleNamespace(**os_path_facade.NAMES))
