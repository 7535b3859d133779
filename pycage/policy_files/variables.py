"""Variables in names: ``${HOME}/.cache/-``.  Few, explicit, and unable to turn a grant into a wider one."""

# Problem.  A name with a hole in it means what is put into the hole.  With HOME unset, "${HOME}/-" is "/-": every
# file.  With TENANT="*", "${TENANT}.example.com" is the whole domain.  Whoever sets an environment variable of the
# host would write its policy.
#
# Idea.  Only what a file names can be used: the built-in variables below, and what stands in its [variables].  The
# environment is read for a variable only where the file says so.  A value is a piece of a name and never a wildcard:
# not empty, not the root, without "*", without segments "-", ".." and ".", without control characters.  Values are
# filled in once; what looks like a variable in a value is no variable.

from __future__ import annotations

import os
import re
import sys
import sysconfig
import tempfile
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, final

from pycage.permissions.text import shorten
from pycage.policy_files.findings import suggestion
from pycage.policy_files.notation import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["BUILT_IN", "PLUGIN_DIR", "Variables", "checked_value"]

LONGEST: Final = 4096
PLUGIN_DIR: Final = "plugin_dir"

_VARIABLE: Final = re.compile(r"\$\$\{|\$\{([^{}]*)\}?")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# What every file can use.  ${policy_dir} and ${plugin_dir} are filled in by the reader.
BUILT_IN: Final[Mapping[str, Callable[[], str]]] = {
    "HOME": lambda: os.path.expanduser("~"),  # noqa: PTH111  # a text, judged below
    "TMPDIR": tempfile.gettempdir,
    "cwd": os.getcwd,
    "python": lambda: sys.base_prefix,
    "stdlib": lambda: sysconfig.get_paths()["stdlib"],
    "site_packages": lambda: sysconfig.get_paths()["purelib"],
}


def checked_value(name: str, value: str) -> str:
    """Return a value without a slash at its end, if it cannot make a name mean more than one thing.

    Raises:
        Refused: It could.
    """
    trimmed = value.rstrip("/")
    segments = trimmed.split("/")
    if (
        not trimmed
        or len(value) > LONGEST
        or not value.isprintable()
        or "*" in value
        or value.startswith("<<")
        or any(segment in {"-", ".", ".."} for segment in segments)
    ):
        raise Refused(
            "bad-variable",
            f"${{{name}}} cannot be {shorten(value)}: a value is a piece of a name, and never empty, the root, "
            "a wildcard (*, -), a way up (..) or longer than a path",
            f"set {name} to a plain path or word",
        )
    return trimmed


@final
class Variables:
    """Names and their values, in the order in which they were defined."""

    def __init__(self, values: Mapping[str, str]) -> None:
        """Take values."""
        self._values: Mapping[str, str] = dict(values)

    def define(self, name: str, value: str) -> None:
        """Add a variable.

        Raises:
            Refused: The name is none, or the value could mean more than one thing.
        """
        if not _NAME.fullmatch(name):
            raise Refused("bad-variable", f"{shorten(name)} is not the name of a variable", "use letters, digits and _")
        if type(self._values) is not dict:
            message = "these variables are those of a file that was read; pass variables={...} when it is read"
            raise TypeError(message)
        self._values[name] = checked_value(name, value)

    def freeze(self) -> None:
        """Refuse `define` from now on."""
        self._values = MappingProxyType(self._values)

    def with_value(self, name: str, value: str) -> Variables:
        """Return these and one more, whose value is judged where it is used."""
        return Variables({**self._values, name: value})

    def expand(self, text: str) -> str:
        """Fill in ``${name}``; ``$${`` is a plain ``${``, and any other dollar sign is one.

        Raises:
            Refused: There is no such variable.
        """
        return _VARIABLE.sub(self._replace, text) if "${" in text else text

    def _replace(self, match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return "${"
        if not match[0].endswith("}") or not _NAME.fullmatch(name):
            raise Refused(
                "bad-variable", f"{shorten(match[0])} is not a variable", "write ${HOME}, or $${ for a plain ${"
            )
        value = self._values.get(name)
        if value is None and name in BUILT_IN:
            value = _built_in(name)
        if value is None:
            raise self._unknown(name)
        return checked_value(name, value)

    def _unknown(self, name: str) -> Refused:
        if name == PLUGIN_DIR:
            return Refused(
                "unknown-variable",
                "${plugin_dir} is the directory of a plugin's code, and no plugin is meant here",
                "use the profile through a plugin, or write the directory",
            )
        known = [*self._values, *BUILT_IN]
        near = suggestion(name, known)
        return Refused(
            "unknown-variable",
            f"unknown variable ${{{name}}}",
            f"{near + '  Known' if near else 'known'}: {', '.join(known)}.  "
            f'Others are named in the file: [variables] {name} = "..." or {name} = {{ env = "{name}" }}',
        )


def _built_in(name: str) -> str:
    try:
        return BUILT_IN[name]()
    except OSError as error:
        raise Refused("bad-variable", f"${{{name}}} cannot be told here: {error}", "write the directory") from None
