"""What goes wrong in an import: what the parts of the loader tell each other, and what a denial says."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from pycage.errors import ImportDenied
from pycage.imports.names import shown
from pycage.permissions import ImportPermission

if TYPE_CHECKING:
    from pycage.imports.as_host import AsHost
    from pycage.imports.rules import LoaderPolicy

__all__ = ["NotFoundError", "UnusableError", "import_denial", "missing", "no_name"]


class NotFoundError(ModuleNotFoundError):
    """A module is nowhere, as this loader knows: told apart from one that a module's body raises."""


class UnusableError(Exception):
    """The resolver or the host's import failed; the cause is for the host, and a guest gets an ImportError."""


def missing(name: str, more: str = "") -> NoReturn:
    """Raise that a module is nowhere.

    Raises:
        NotFoundError: Always.
    """
    message = f"No module named {shown(name)}{more}"
    raise NotFoundError(message, name=name)


def no_name(item: str, name: str, note: str | None = None) -> ImportError:
    """Return what ``from name import item`` raises if there is neither an attribute nor a submodule."""
    message = f"cannot import name {shown(item)} from {shown(name)}"
    error = ImportError(message, name=name)
    if note is not None:
        error.add_note(note)
    return error


def import_denial(
    name: str,
    url: str,
    reason: str | None,
    *,
    host_policy: LoaderPolicy,
    sandbox_policy: LoaderPolicy,
    as_host: AsHost,
) -> ImportDenied:
    """Return the denial of a module; its notes say what refused and what would allow.

    Args:
        name: The module's.
        url: The sandbox's code source.
        reason: Why, if no loader policy would change it.
        host_policy: Its HCP, asked to explain.
        sandbox_policy: Its SCP, asked to explain.
        as_host: Calls with privilege; the policies are the host's.
    """
    label = url.rpartition("/")[2]
    denial = ImportDenied(
        f"module access denied: {name}", name=name, permission=ImportPermission(name), domain=f'sandbox "{label}"'
    )
    if reason is not None:
        denial.add_note(f"refused: {reason}")
        return denial
    denial.add_note(f"host loader policy: {_explain(host_policy, name, as_host)}")
    unresolved = as_host(lambda: bool(sandbox_policy.allows_module(name)))
    found = "; the resolver has no such module" if unresolved else ""
    denial.add_note(f"sandbox loader policy: {_explain(sandbox_policy, name, as_host)}{found}")
    own = "give the sandbox a resolver that finds it" if unresolved else "to the sandbox loader policy"
    denial.add_note(
        f'to allow it: add the rule "allow {name}" to the host loader policy (shared with the host), '
        f"or {own} (the sandbox's own)"
    )
    return denial


def _explain(policy: LoaderPolicy, name: str, as_host: AsHost) -> str:
    explain = getattr(policy, "explain", None)
    return str(as_host(lambda: explain(name))) if callable(explain) else "not allowed"
