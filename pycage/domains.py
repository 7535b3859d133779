"""Protection domains: whose code this is, and what it may do.

A domain is what a code object is tagged with.  It holds no permissions of its own: it asks its policy every time, so
that a grant or a revoke takes effect everywhere at once, in captured contexts too.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Protocol, TypeAlias, final

import attrs

from pycage import _core
from pycage._core import Domain
from pycage.errors import type_name
from pycage.grants import NOTHING, Weight
from pycage.modes import may_pass
from pycage.permissions import AllPermission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pycage.codesource import CodeSource
    from pycage.errors import StackEntry
    from pycage.grants import Rules
    from pycage.modes import Mode
    from pycage.permissions import Permission
    from pycage.policy import Policy

__all__ = ["Principal", "ProtectionDomain", "Wanted", "limit_allows"]

# What an operation needs: for every part, one of its spellings.  A relative path, say, is one part that may be granted
# in its absolute form, and its real path is a second part that must be granted as well.
Wanted: TypeAlias = "Sequence[Sequence[Permission]]"
_numbers = itertools.count()


@final
@_core.seal
@attrs.frozen
class Principal:
    """Somebody on whose behalf code runs.  Grants can be made for principals; see `run_as`.

    Example:
        >>> policy, code = pycage.Policy(), pycage.CodeSource("pycage://sandbox/a")
        >>> ann = pycage.Principal("ann")
        >>> _ = policy.grant(code, pycage.RuntimePermission("x"), principals=[ann])
        >>> policy.implies(code, pycage.RuntimePermission("x"), frozenset([ann]))
        True
        >>> policy.implies(code, pycage.RuntimePermission("x"))
        False
    """

    name: str = attrs.field()

    @name.validator
    def _check_name(self, _attribute: object, name: object) -> None:
        if type(name) is not str:
            message = f"the name of a principal must be a str, got {type_name(name)}"
            raise TypeError(message)


class Asker(Protocol):
    """Asks somebody about what is neither granted nor denied."""

    def ask(
        self,
        domain: ProtectionDomain,
        lacking: tuple[Sequence[Permission], ...],
        chain: Callable[[], Sequence[StackEntry]],
    ) -> str | None:
        """Return None if ``lacking`` is allowed for the check that asks, else why not.  Raises nothing."""
        ...


class Recorder(Protocol):
    """Takes down everything that is asked for."""

    def record(
        self, domain: ProtectionDomain, wanted: Wanted, weight: Weight, chain: Callable[[], Sequence[StackEntry]]
    ) -> bool:
        """Return whether ``wanted`` is to be allowed for the check that asks, although ``weight`` does not allow it.

        Raises nothing.
        """
        ...


@final
@_core.seal
class ProtectionDomain(Domain):
    """A code source under a policy; every frame of sandboxed code has exactly one.

    Made by pycage for each sandbox.  Equality is identity.  Shared between threads.

    Example:
        >>> policy, code = pycage.Policy(), pycage.CodeSource("pycage://sandbox/a")
        >>> domain = pycage.ProtectionDomain(code, 'sandbox "a"', policy)
        >>> _ = policy.grant(code, pycage.RuntimePermission("x"))
        >>> domain.implies(pycage.RuntimePermission("x"))
        True
    """

    __slots__ = (
        "_ancestors",
        "_asker",
        "_at_close",
        "_audit_policy",
        "_closed",
        "_code_source",
        "_handle",
        "_label",
        "_mode",
        "_number",
        "_policy",
        "_recorder",
    )

    _ancestors: tuple[ProtectionDomain, ...]

    def __init__(
        self,
        code_source: CodeSource,
        label: str,
        policy: Policy | None,
        *,
        handle: str = "sandbox",
        parents: Iterable[ProtectionDomain] = (),
    ) -> None:
        """Make the domain of ``code_source``; without a policy it has no permissions at all.

        ``handle`` is what messages call the object that grants it something.  It never has more than each of its
        ``parents`` has, whose code counts as being on the stack with its own.
        """
        self._ancestors = tuple(dict.fromkeys(one for parent in parents for one in (parent, *parent._ancestors)))
        # Who is asked about what is neither granted nor denied to it; see `Sandbox.on_request`.
        self._asker: Asker | None = None
        # Who takes down what it asks for, and lets it pass; see `Sandbox.learn`.
        self._recorder: Recorder | None = None
        self._code_source = code_source
        self._label = label
        self._handle = handle
        self._policy = policy
        self._closed = False
        self._at_close: list[Callable[[], object]] = []
        self._number = next(_numbers)
        self._mode: Mode = "enforce"
        self._audit_policy: Policy | None = None

    @property
    def number(self) -> int:
        """Which one it is: no two domains of a process have the same."""
        return self._number

    @property
    def rules(self) -> Rules:
        """The lines of its policy at this moment, for who wants to say which of them decided."""
        return () if self._policy is None else self._policy.rules

    @property
    def code_source(self) -> CodeSource:
        """Where the code came from: the key of its grants."""
        return self._code_source

    @property
    def label(self) -> str:
        """How messages name this domain, such as ``sandbox "plugins"``."""
        return self._label

    @property
    def handle(self) -> str:
        """How messages name what its grants are made with, such as ``sandbox``."""
        return self._handle

    @property
    def ancestors(self) -> tuple[ProtectionDomain, ...]:
        """The domains that must agree to everything that this one does: its parents, theirs, and so on."""
        return self._ancestors

    def implies(self, permission: Permission, principals: frozenset[Principal] = frozenset()) -> bool:
        """Return whether code of this domain may do what ``permission`` names, right now; nothing is used up."""
        wanted = ((permission,),)
        return all(one.weigh(wanted, principals).allowed for one in (self, *self._ancestors))

    def allows_outright(self, wanted: Wanted) -> bool:
        """Return whether every part of ``wanted`` is granted to it for ever: an answer that may be remembered.

        Its ancestors are not asked; who judges a stack asks them, too.
        """
        policy = self._policy
        if self._closed or policy is None or self._audit_policy is not None or self._recorder is not None:
            return False
        source = self._code_source
        for part in wanted:
            for one in part:
                if policy.allows_outright(source, one):
                    break
            else:
                return False
        return True

    def weigh(self, wanted: Wanted, principals: frozenset[Principal]) -> Weight:
        """Say what is granted of ``wanted`` to it alone; nothing is used up."""
        if self._closed or self._policy is None:
            return NOTHING
        return self._policy.weigh(self._code_source, wanted, principals)

    def lets_pass(self, lacking: Wanted) -> bool:
        """Return whether its mode allows what is lacking, which is then recorded."""
        return self._mode == "audit" and not self._closed and may_pass(lacking)

    def on_trial(self, wanted: Wanted, principals: frozenset[Principal]) -> Wanted:
        """Return what of ``wanted`` the policy on trial would refuse; nothing if there is none."""
        if self._audit_policy is None:
            return ()
        return self._audit_policy.weigh(self._code_source, wanted, principals).lacking

    @property
    def mode(self) -> Mode:
        """Whether what is not granted is refused (``"enforce"``), or allowed and recorded (``"audit"``)."""
        return self._mode

    def _set_mode(self, mode: Mode) -> None:
        """Enforce, or only record, from the next check on."""
        self._mode = mode

    def _set_audit_policy(self, policy: Policy | None) -> None:
        """Record what ``policy`` would refuse, beside what is enforced; None: nothing."""
        self._audit_policy = policy

    @property
    def closed(self) -> bool:
        """Whether everything was taken away for good."""
        return self._closed

    def _close(self) -> None:
        """Take everything away for good, whatever is granted to the code source later."""
        self._closed = True
        while self._at_close:
            self._at_close.pop()()

    def _when_closed(self, action: Callable[[], object]) -> None:
        """Have ``action``, which raises nothing, called when everything has been taken away for good."""
        self._at_close.append(action)
        if self._closed:
            self._close()

    def __repr__(self) -> str:
        return f"<ProtectionDomain {self._label}>"


def limit_allows(limit: Sequence[Permission], wanted: Wanted) -> bool:
    """Return whether the permissions of a limit, judged one by one and never united, cover every part of ``wanted``.

    Source: java.security.AccessControlContext.checkPermission2 (Java SE 17): exact type and implies, one at a time.
    """
    return all(
        any(
            (type(held) is type(one) or type(held) is AllPermission) and held.implies(one)
            for held in limit
            for one in part
        )
        for part in wanted
    )
