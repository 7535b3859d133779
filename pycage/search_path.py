"""The search path of ``python -m pycage``: without the directory that it is started in."""

# Problem.  `python -m` puts the current directory in front of where Python imports from.  Whoever runs a script in a
# directory that is not trusted would run the attrs.py or typing.py beside it, before there is any sandbox, and share
# modules of that directory with the sandbox.
#
# Idea.  This is the first thing that the package imports.  Here only what Python has loaded to get so far is used.
#
# What still fails.  A file pycage.py, or a directory pycage, in the current directory is taken for this package: it is
# looked for there first.  So is what Python loads to get so far, where it is not frozen into the interpreter.  Nothing
# that stands here can help; `python -P -m pycage`, and the program `pycage`, do not look there.

from __future__ import annotations

import os
import sys

__all__: list[str] = []


def _runs_pycage() -> bool:
    """Return whether Python loads this package now because it was started with ``-m pycage``."""
    words = getattr(sys, "argv", [])
    if words[:1] != ["-m"] or sys.flags.safe_path:
        return False
    (module,) = sys.orig_argv[-len(words) :][:1] or [""]
    return module == "pycage" or (module.startswith("-") and module.endswith("mpycage"))  # -mpycage, -Bmpycage


def _leave_out() -> None:
    try:
        here = os.getcwd()  # noqa: PTH109  # pathlib would be imported
    except OSError:
        return  # then Python did not find it either
    # Where the package itself is from is trusted.
    if sys.path[:1] == [here] != [os.path.dirname(os.path.dirname(__file__))]:  # noqa: PTH120  # as above
        del sys.path[0]


if _runs_pycage():
    _leave_out()
