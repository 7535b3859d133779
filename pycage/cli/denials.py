"""What a denial looks like on a terminal: what was refused, where, and the flag that allows it."""

# Problem.  The error that a script ends with is an object of the script's choice: it can be made by the script, with a
# text that moves the cursor, and with a hint to run it again with --allow-all.
#
# Idea.  What is shown comes from the record of decisions, which is the host's, escaped and bounded.  An error that has
# no record is an ordinary error of the script.

from __future__ import annotations

import importlib.machinery
import importlib.util
import re
import sysconfig
from typing import TYPE_CHECKING, Final

import attrs

import pycage
from pycage.cli.flags import flags_for
from pycage.errors import AccessDenied, ImportDenied
from pycage.imports.names import is_module_name
from pycage.imports.stdlib import disposition
from pycage.permissions import FilePermission, ImportPermission, Permission, is_registered, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pycage.records import Decision

__all__ = ["Denial", "denial_of", "denied_by"]

_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
_PERMISSION: Final = re.compile(rf"\({_QUOTED} {_QUOTED}(?: {_QUOTED})?\)")
_NEEDS: Final = re.compile(rf"(?:^|; )needs ({_PERMISSION.pattern}(?: and {_PERMISSION.pattern})*)$")


@attrs.frozen
class Denial:
    """One refusal, in words.

    Attributes:
        what: ``access denied (...)``.
        where: Who refused, and where.
        flags: The flags of ``pycage run`` that would allow it; none if no flag would.
        instead: What to do, where there is no flag; or what else could be done.
    """

    what: str
    where: str
    flags: tuple[str, ...]
    instead: str = ""

    def lines(self) -> list[str]:
        """Return it as lines of text."""
        more = f" ({self.instead})" if self.instead else ""
        hint = f"to allow it: {' '.join(self.flags)}{more}" if self.flags else self.instead
        return [line for line in (self.what, self.where, hint) if line]

    def as_dict(self) -> dict[str, object]:
        """Return it for JSON."""
        return {"what": self.what, "where": self.where, "flags": list(self.flags), "instead": self.instead}


def denied_by(error: object, sandbox: str) -> Decision | None:
    """Return the record of the refusal that an error tells of; None if it is no refusal, or one that nobody made."""
    if type(error) not in {AccessDenied, ImportDenied}:
        return None
    permission = error.permission  # type: ignore[attr-defined]  # one of the two
    if not is_registered(type(permission)):
        return None
    for decision in reversed(pycage.decisions().denials()):
        if decision.sandbox == sandbox and _is_about(decision, permission):
            return decision
    return None


def _is_about(decision: Decision, permission: Permission) -> bool:
    if decision.permission == str(permission):
        return True
    # A relative name is recorded in the form that was judged.
    return (
        decision.kind == "FilePermission"
        and type(permission) is FilePermission
        and decision.actions == permission.actions
        and not permission.name.startswith("/")
    )


def denial_of(decision: Decision) -> Denial:
    """Return what to show of a record."""
    domain = decision.domain
    place = next((entry for entry in decision.chain if entry.domain == domain and entry.function != "shim"), None)
    place = place or next((entry for entry in decision.chain if entry.domain == domain), None)
    at = "" if place is None else f": {place.function}, {place.file} line {place.line}"
    where = f"refused by {domain}{at}"
    if decision.kind == "ImportPermission":
        return _module(decision.name, where)
    what = f"access denied {decision.permission}"
    if decision.rule is not None and decision.rule.startswith("deny "):
        return Denial(what, where, (), f"it is denied, whatever is allowed: {decision.rule}")
    if decision.rule is None:
        return Denial(what, where, (), f"no permission allows it: {decision.reason}" if decision.reason else "")
    flags = tuple(dict.fromkeys(flag for each in _wanted(decision) for flag in flags_for(each)))
    # Addresses are asked for before a port is known.
    any_port = decision.kind == "SocketPermission" and decision.actions == "resolve"
    return Denial(what, where, flags, "every port; HOST:PORT is narrower" if any_port else "")


def _wanted(decision: Decision) -> Sequence[Permission]:
    """Return what is missing: what was asked for, or where a link leads."""
    needs = _NEEDS.search(decision.reason)
    try:
        found = [] if needs is None else [parse(text) for text in _PERMISSION.findall(needs[1])]
        if found and all(type(each) is FilePermission for each in found):
            return found
        return [decision.asked()]
    except ValueError:
        return []


def _module(name: str, where: str) -> Denial:
    what = f"module access denied: {name}"
    top = name.partition(".")[0]
    if not is_module_name(name):
        return Denial(what, where, ())
    decided = disposition(name)
    if decided is not None and decided.offer is None:
        return Denial(what, where, (), f"a sandbox never has it: {decided.reason}")
    if decided is None and not _is_installed(top):
        return Denial(what, where, (), f"no module {top} is installed, nor beside the script; --path=DIR names others")
    flags = flags_for(ImportPermission(name))
    if decided is None and _is_package(top):
        return Denial(what, where, (f"--package={top}",), f"or, shared with the host and trusted, {flags[0]}")
    return Denial(what, where, flags)


def _is_installed(top: str) -> bool:
    try:
        return importlib.util.find_spec(top) is not None  # of a name without dots, nothing is imported
    except (ImportError, ValueError):
        return False


def _is_package(top: str) -> bool:
    found = importlib.machinery.PathFinder.find_spec(top, [sysconfig.get_paths()["purelib"]])
    return found is not None and (found.origin or "").endswith(".py")
