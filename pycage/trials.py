"""Trials: what a sandbox would need, or would lose under another policy, found out while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pycage import _core
from pycage.access import require_permissions
from pycage.administration import absolute, administering
from pycage.modes import checked_mode
from pycage.needs import Learning
from pycage.policy import Policy

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Iterable

    from pycage.domains import ProtectionDomain
    from pycage.modes import Mode
    from pycage.needs import Needs
    from pycage.permissions import Permission

__all__ = ["OnTrial"]


class OnTrial:
    """The part of a `Sandbox` that lets more happen than is granted, or writes down what would not."""

    __slots__ = ()

    _domain: ProtectionDomain

    def _administer(self) -> bool:
        raise NotImplementedError  # Controlled has it

    def _may_know(self) -> None:
        raise NotImplementedError  # as above

    def _watch(self, more: int) -> None:
        raise NotImplementedError  # Sandbox has it

    @property
    def mode(self) -> Mode:
        """``"enforce"`` or ``"audit"``.  Raises as `Sandbox.query` does."""
        self._may_know()
        return self._domain.mode

    @administering
    def set_mode(self, mode: Mode) -> None:
        """Refuse what is not granted (``"enforce"``), or allow and record it (``"audit"``), from the next check on.

        Audit mode is for code that you would run without a sandbox.  What guards the interpreter and pycage itself
        stays refused (`pycage.modes`), and so does what other sandboxes on the stack lack.

        >>> with pycage.Sandbox("learner", mode="audit") as sandbox:
        ...     result = sandbox.run("import os; os.environ.get('HOME')")
        >>> [str(decision) for decision in pycage.decisions() if decision.sandbox == "learner"]
        ['sandbox "learner": would deny ("EnvPermission" "HOME" "read") (no grant; in audit mode)']
        """
        self._administer()
        self._domain._set_mode(checked_mode(mode))
        _core.advance_epoch()

    @administering
    def set_audit_policy(self, policy: Policy | Iterable[Permission] | None) -> None:
        """Put a policy on trial: what is granted, but would not be by this policy, is recorded as ``"would deny"``.

        While there is one, no answer is remembered: checks take some microseconds.

        Args:
            policy: A policy, or the permissions that would be granted; None: end the trial.
        """
        self._administer()
        self._domain._set_audit_policy(self._trial(policy))
        _core.advance_epoch()

    def _trial(self, policy: Policy | Iterable[Permission] | None) -> Policy | None:
        if policy is None or type(policy) is Policy:
            return policy
        permissions = tuple(policy)
        require_permissions(permissions)
        trial = Policy()
        trial.grant(self._domain.code_source, *absolute(permissions))
        return trial

    @administering
    def learn(self) -> contextlib.AbstractContextManager[Needs]:
        """Allow everything for the time of a ``with`` block, and take down what was needed.

        Everything but what is denied, and but what audit mode never lets pass (permissions over pycage itself, native
        code, reflection ...): use it for code that you would run outside of a sandbox, or on a machine that you can do
        without.  What the code only tries, and would go on without, is taken down as needed, too: it is not refused.

        Example:
            >>> with pycage.Sandbox("learner") as sandbox, sandbox.learn() as needs:
            ...     _ = sandbox.run("import os; os.environ.get('TZ')")
            >>> needs.permissions
            (EnvPermission("TZ", "read"),)

        Raises:
            PolicyError: (on entering the block) Somebody else learns from this sandbox.
        """
        self._administer()
        return Learning(self._domain, self._watch)
