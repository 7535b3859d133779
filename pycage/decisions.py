"""Decisions: the record of what was asked, what was answered and why.

The log is told of every answer, in the middle of whatever asked; it does no I/O there, and nothing that could wait.
Records are text: they keep no frame, domain or object of a sandbox alive.
"""

# Problem.  A check takes a microsecond, and its record must not cost more than that; a sandbox that asks a million
# times must not fill the memory, nor push what matters out of it.
#
# Things that do not work:
#
# - A record for each allow: the text of the permission alone costs more than the check, and the remembered answers of
#   the core never come here at all.
# - One ring for all: what is granted a thousand times a second pushes the denials out.
# - To write from within a decision: it runs on the sandbox's stack, and a full disk would stop the program.
#
# Idea.  A denial is a record of its own, made at once, with its chain.  What is granted is counted: one tally for each
# domain and permission, which the core raises by itself when it remembers the answer.  Text is made when somebody
# reads.  Sinks are given records by a thread of the host (`sinks`).
#
# What still fails.  A sandbox that asks for thousands of different things pushes older records out, its own and
# others'; `forgotten` says how many.  Whoever must have all of them adds a sink.

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final, final

from pycage import _core
from pycage.permissions import SecurityPermission
from pycage.records import (
    LONGEST,
    ChainEntry,
    Decision,
    Outcome,
    PermissionRequest,
    recorded_chain,
    sandbox_of,
    short,
    words_of,
)
from pycage.rulings import NO_GRANT, granting
from pycage.sinks import Deliveries, JsonLines, ToLogging

if TYPE_CHECKING:
    import logging
    import os
    from collections.abc import Iterator, Sequence

    from pycage.domains import ProtectionDomain
    from pycage.grants import Rules
    from pycage.permissions import Permission
    from pycage.records import Words
    from pycage.sinks import Delivery, Sink

__all__ = ["ChainEntry", "Decision", "DecisionLog", "Outcome", "PermissionRequest"]

_MAY_CHANGE: Final = SecurityPermission("setDecisions")


class _Repeated:
    """What is asked again and again, and always answered alike."""

    __slots__ = ("chain", "delivered", "label", "outcome", "reason", "rules", "source", "spellings", "tally", "words")

    def __init__(
        self, domain: ProtectionDomain, asked: Permission | Words, spellings: Sequence[Permission], outcome: Outcome
    ) -> None:
        self.label = domain.label
        self.source = domain.code_source
        self.outcome = outcome
        # Text is made when somebody reads; of a long name, at once.
        self.words: Permission | Words = asked
        self.spellings: Sequence[Permission] = () if type(asked) is tuple else spellings
        # Of the last time that the policy was asked.
        self.rules: Rules = domain.rules
        self.tally = _core.Tally(domain)
        self.chain: tuple[ChainEntry, ...] = ()
        self.reason = ""
        self.delivered = 0

    def decision(self, count: int) -> Decision:
        words = self.words
        kind, name, actions = words if isinstance(words, tuple) else words_of(words)
        granted = self.outcome == "granted"
        return Decision(
            time=self.tally.last,
            sandbox=sandbox_of(self.label),
            kind=kind,
            name=name,
            actions=actions,
            outcome=self.outcome,
            rule=granting(self.rules, self.source, self.spellings) if granted else NO_GRANT,
            domain=self.label,
            chain=self.chain,
            reason=self.reason,
            count=count,
        )


@final
@_core.seal
class DecisionLog:
    """The newest decisions, in bounded memory.  May be used from any thread.

    Iterating gives all of them, oldest first.  `pycage.decisions` returns the log of the process:

    >>> log = pycage.decisions()
    >>> log.clear()
    >>> with pycage.Sandbox("reader", permissions=[pycage.EnvPermission("HOME", "read")]) as sandbox:
    ...     result = sandbox.run("import os; os.environ.get('HOME'), os.environ.get('PATH')")
    >>> for decision in log:
    ...     if decision.kind == "EnvPermission":
    ...         print(decision)
    sandbox "reader": granted ("EnvPermission" "HOME" "read") (grant EnvPermission("HOME", "read"))
    sandbox "reader": denied ("EnvPermission" "PATH" "read") (no grant)
    """

    def __init__(self, size: int = 4096) -> None:
        """Keep at most ``size`` denials, and as many different permissions that were granted."""
        self._size = size
        self._denials: deque[Decision] = deque(maxlen=size)
        self._repeated: dict[tuple[int, Permission | Words, Outcome], _Repeated] = {}
        self._forgotten = 0
        self._counting = True
        self._tracing = False
        self._deliveries = Deliveries(self._undelivered)

    # ---- Recording: in the middle of a decision ----

    def denied(
        self,
        permission: Permission,
        domain: str,
        *,
        sandbox: str | None = None,
        rule: str | None = None,
        chain: tuple[ChainEntry, ...] = (),
        reason: str = "",
    ) -> None:
        """Add a denial made now.

        Args:
            permission: What was asked for.
            domain: The label of the domain that refuses.
            sandbox: The label of the nearest sandbox on the stack, if ``domain`` is none.
            rule: What decided.
            chain: What was on the stack.
            reason: Why, in words.
        """
        kind, name, actions = words_of(permission)
        decision = Decision(
            time=time.time(),
            sandbox=sandbox_of(domain) or sandbox_of(sandbox or ""),
            kind=kind,
            name=name,
            actions=actions,
            outcome="denied",
            rule=rule,
            domain=domain,
            chain=chain,
            reason=short(reason),
        )
        if len(self._denials) == self._size:
            self._forgotten += 1
        self._denials.append(decision)
        self._deliveries.put(decision)

    def granted(self, permission: Permission, domain: ProtectionDomain, spellings: Sequence[Permission]) -> None:
        """Count a grant made now.

        Args:
            permission: What was asked for.
            domain: The nearest sandbox on the stack.
            spellings: What it means: one of them was granted.
        """
        if self._counting:
            found = self._repeated.get((domain._number, permission, "granted"))
            if found is None:
                found = self._of(permission, domain, spellings, "granted")
            found.rules = domain.rules
            found.tally.add()

    def let_pass(self, permission: Permission, domain: ProtectionDomain, reason: str) -> None:
        """Count what would have been denied, but for the mode of ``domain``."""
        found = self._of(permission, domain, (), "would deny")
        found.reason = reason
        found.tally.add()

    def tally(self, permission: Permission, domain: ProtectionDomain) -> _core.Tally | None:
        """Return where the core counts what it remembers to be granted; None: nowhere."""
        return self._of(permission, domain, (permission,), "granted").tally if self._counting else None

    def _of(
        self, permission: Permission, domain: ProtectionDomain, spellings: Sequence[Permission], outcome: Outcome
    ) -> _Repeated:
        asked = permission if len(permission.name) <= LONGEST else words_of(permission)
        key = (domain.number, asked, outcome)
        found = self._repeated.get(key)
        if found is None:
            if len(self._repeated) >= self._size:
                self._forget_oldest()
            # Another thread may have been faster: there is one tally, or counts would be lost.
            found = self._repeated.setdefault(key, _Repeated(domain, asked, spellings, outcome))
            if self._tracing or outcome != "granted":
                found.chain = recorded_chain()
        return found

    def _forget_oldest(self) -> None:
        try:
            oldest = self._repeated.pop(next(iter(self._repeated)))
        except (KeyError, RuntimeError, StopIteration):  # another thread did
            return
        self._forgotten += 1
        oldest.tally.retire()  # asked again, it comes here again
        count = oldest.tally.count - oldest.delivered
        if count and self._deliveries.wanted(oldest.outcome):
            self._deliveries.put(oldest.decision(count))

    # ---- Reading ----

    def denials(self) -> list[Decision]:
        """Return the refusals among them, oldest first."""
        return list(self._denials)

    def __iter__(self) -> Iterator[Decision]:
        repeated = [one.decision(one.tally.count) for one in tuple(self._repeated.values()) if one.tally.count]
        return iter(sorted([*self._denials, *repeated], key=lambda decision: decision.time))

    def __len__(self) -> int:
        return len(self._denials) + sum(1 for one in tuple(self._repeated.values()) if one.tally.count)

    @property
    def forgotten(self) -> int:
        """How many records were pushed out by newer ones."""
        return self._forgotten

    def clear(self) -> None:
        """Forget all of them; what sinks have not been given yet, they still get."""
        _core.check_permission(_MAY_CHANGE)
        self._deliveries.flush()
        repeated, self._repeated = self._repeated, {}
        for one in repeated.values():
            one.tally.retire()
        self._denials.clear()
        self._forgotten = 0

    def configure(self, *, grants: bool = True, chains: bool = False) -> None:
        """Say what is recorded beside denials, which always are.

        Args:
            grants: What is granted, counted.
            chains: The stack of the first of each of those, too; costs a few microseconds for each new permission.

        Raises:
            AccessDenied: A caller lacks ``SecurityPermission("setDecisions")``.
        """
        _core.check_permission(_MAY_CHANGE)
        self._counting = grants
        self._tracing = chains
        for one in tuple(self._repeated.values()):
            one.tally.retire()
        _core.advance_epoch()

    # ---- Sinks ----

    def add_sink(self, sink: Sink, *, grants: bool = True) -> Delivery:
        """Give records to ``sink`` from now on.

        It is called with one `Decision` at a time, as the host, by a thread of pycage's own or by `flush`, never within
        a decision.  What is granted comes about once a second, with a count.  A sink that raises is told of once, to
        the logger ``pycage``, and stops nobody else.

        Args:
            sink: A callable; if it has a method ``close``, the returned handle calls it.
            grants: Give it what is granted, too.

        Returns:
            A handle to end it with; also a context manager.

        Raises:
            AccessDenied: A caller lacks ``SecurityPermission("setDecisions")``.

        >>> heard = []
        >>> with pycage.decisions().add_sink(heard.append, grants=False):
        ...     with pycage.Sandbox("loud") as sandbox:
        ...         result = sandbox.run("import os; os.environ.get('HOME')")
        >>> [decision.permission for decision in heard]
        ['("EnvPermission" "HOME" "read")']
        """
        _core.check_permission(_MAY_CHANGE)
        return self._deliveries.add(sink, grants=grants)

    def to_json_lines(self, path: str | os.PathLike[str], *, grants: bool = True) -> Delivery:
        """Append records to a file, one line of JSON each; see `Decision.as_dict`.

        Raises:
            OSError: It cannot be opened for writing.
        """
        _core.check_permission(_MAY_CHANGE)
        return self._deliveries.add(JsonLines(path), grants=grants)

    def to_logging(self, logger: logging.Logger | None = None) -> Delivery:
        """Log records to a logger, by default ``pycage.audit``: denials as warnings, grants for debugging.

        The record of `logging` has the decision as its attribute ``decision``.
        """
        _core.check_permission(_MAY_CHANGE)
        return self._deliveries.add(ToLogging(logger), grants=True)

    def flush(self) -> None:
        """Give sinks all that they have not been given yet, before this returns."""
        self._deliveries.flush()

    @property
    def lost(self) -> int:
        """How many records no sink was given, because more came than they could take."""
        return self._deliveries.lost

    def _undelivered(self) -> Iterator[Decision]:
        for one in tuple(self._repeated.values()):
            count = one.tally.count
            fresh, one.delivered = count - one.delivered, count
            if fresh:
                yield one.decision(fresh)
