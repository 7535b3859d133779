"""How a program ended: by itself, by ``sys.exit()``, refused, with an error; and what is said about it."""

from __future__ import annotations

import contextlib
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

import pycage
from pycage.cli.denials import Denial, denial_of, denied_by
from pycage.cli.exits import DENIED, FAILED, OK
from pycage.errors import RestrictedSyntaxError, SandboxExited, type_name
from pycage.main_module import join_threads, running_threads
from pycage.shims import SHIM_FILE

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Ending", "ending_of", "ran"]

_OWN: Final = str(Path(pycage.__file__).parent) + "/"
_EXIT_CODE: Final = SystemExit.__dict__["code"].__get__


@attrs.frozen
class Ending:
    """How a program ended.

    Attributes:
        outcome: ``done``, ``exited``, ``denied``, ``raised`` or ``restricted``.
        code: The exit code.
        text: What the interpreter would print; for who looks.
        denial: What it was refused.
    """

    outcome: str
    code: int
    text: str = ""
    denial: Denial | None = None

    def as_dict(self) -> dict[str, object]:
        """Return it for JSON."""
        denial = None if self.denial is None else self.denial.as_dict()
        return {"outcome": self.outcome, "exit": self.code, "text": self.text, "denial": denial}

    def lines(self) -> list[str]:
        """Return what is printed to standard error."""
        return self.text.splitlines() if self.denial is None else self.denial.lines()


def ran(program: Callable[[], object], sandbox: str) -> Ending:
    """Run a program to its end, the threads that it started too, and tell how it ended.

    Raises:
        KeyboardInterrupt: The user's.
    """
    before = running_threads()
    try:
        program()
    except Exception as error:  # noqa: BLE001  whatever it is, it is the program's
        ending = ending_of(error, sandbox)
    else:
        ending = Ending("done", OK)
    join_threads(before)
    return ending


def ending_of(error: Exception, sandbox: str) -> Ending:
    """Return how a program ended that raised this."""
    cause = error.__cause__ if type(error) is SandboxExited else None
    if cause is not None and isinstance(cause, SystemExit):
        return _exited(cause)
    decision = denied_by(error, sandbox)
    if decision is not None:
        denial = denial_of(decision)
        return Ending("denied", DENIED, "\n".join(denial.lines()), denial)
    if type(error) is RestrictedSyntaxError:
        return Ending("restricted", FAILED, str(error))
    return Ending("raised", FAILED, _traceback(error if cause is None else cause))


def _exited(error: SystemExit) -> Ending:
    # Past what a class of the program's own says: its exit code is the program's, how it is read is not.
    code = _EXIT_CODE(error)
    if code is None:
        return Ending("exited", OK)
    if type(code) is int or type(code) is bool:
        return Ending("exited", code & 0xFF)
    return Ending("exited", FAILED, code if type(code) is str else f"<{type_name(code)} object>")


def _traceback(error: BaseException) -> str:
    """Return the traceback, without the frames of pycage."""
    try:
        shown = traceback.TracebackException.from_exception(error, compact=True)
        _strip(shown, 0)
        return "".join(shown.format()).rstrip("\n")
    except BaseException as second:  # noqa: BLE001  the program's own classes run while it is written
        return f"{type_name(error)} (and {type_name(second)} while it was shown)"


_DEEPEST: Final = 100


def _strip(shown: traceback.TracebackException, depth: int) -> None:
    if depth > _DEEPEST:
        return
    shown.stack[:] = [
        frame for frame in shown.stack if not frame.filename.startswith(_OWN) and frame.filename != SHIM_FILE
    ]
    with contextlib.suppress(AttributeError):
        for group in shown.exceptions or ():
            _strip(group, depth + 1)
    for linked in (shown.__cause__, shown.__context__):
        if linked is not None:
            _strip(linked, depth + 1)
