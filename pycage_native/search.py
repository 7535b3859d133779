"""Where a library is: a name as the loader takes it, to a real path."""

from __future__ import annotations

import errno
import glob
import os
import sysconfig
from pathlib import Path
from typing import Final

from pycage_native.errors import LibraryError

__all__ = ["exact", "find", "find_name"]

_CONFIGURED: Final = Path("/etc/ld.so.conf.d")


def _directories() -> list[str]:
    multiarch = sysconfig.get_config_var("MULTIARCH") or f"{os.uname().machine}-linux-gnu"
    found = [f"{place}/{multiarch}" for place in ("/lib", "/usr/lib", "/usr/local/lib")]
    found += ["/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"]
    try:
        files = sorted(_CONFIGURED.glob("*.conf"))
        lines = [line.strip() for file in files for line in file.read_text(errors="replace").splitlines()]
    except OSError:
        return found
    return list(dict.fromkeys([*found, *(line for line in lines if line.startswith("/"))]))


def exact(name: str | os.PathLike[str]) -> str:
    """Return what names a library as text, asked for once: a path object may answer differently each time.

    Raises:
        TypeError: It is neither str nor a path.
    """
    text = os.fspath(name)
    if type(text) is not str or "\0" in text or not text:
        message = f"a library is named by a str or a path, got {text!r:.80}"
        raise TypeError(message)
    return text


def find(name: str | os.PathLike[str]) -> str:
    """Return the real path of a library.

    Args:
        name: A path, or a file name such as ``libm.so.6`` that is looked for where the system keeps libraries.

    Raises:
        LibraryError: There is no such file.
        TypeError: It is neither str nor a path.
    """
    text = exact(name)
    if "/" in text:
        candidates = [os.path.abspath(text)]
    else:
        candidates = [os.path.join(directory, text) for directory in _directories()]
    for candidate in candidates:
        if os.path.isfile(candidate):
            return os.path.realpath(candidate)
    where = "no such file" if "/" in text else f"not in {', '.join(_directories())}; give its path, as in ./{text}"
    message = f"the library {text} was not found: {where}"
    raise LibraryError(message, library=text) from FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), text)


def find_name(name: str) -> str | None:
    """Return the file name of a library where the system keeps them: ``libm.so.6`` for ``m``; None if there is none."""
    if not name or "/" in name or "\0" in name:
        return None
    for directory in _directories():
        found = sorted(Path(directory).glob(f"lib{glob.escape(name)}.so*"), key=lambda path: len(path.name))
        # With a version, which is what programs are linked with.
        versions = [path for path in found if path.name != f"lib{name}.so"]
        if versions or found:
            return (versions or found)[0].name
    return None
