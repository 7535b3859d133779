"""Records: what was asked, what was answered and why, as plain text that keeps nothing of a sandbox alive.

A `Decision` can be kept, compared, written as a line of JSON and read back.  What a sandbox chose (names, functions,
files) is bounded and escaped in it: it can be shown in a terminal and written to a log as it is.
"""

from __future__ import annotations

import json
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import attrs

from pycage import _core
from pycage.permissions import Permission, parse
from pycage.permissions.text import escape, type_name

__all__ = [
    "LONGEST",
    "ChainEntry",
    "Decision",
    "Outcome",
    "PermissionRequest",
    "Words",
    "recorded_chain",
    "sandbox_of",
    "short",
    "words_of",
]

Words: TypeAlias = tuple[str, str, str]
Outcome: TypeAlias = Literal["granted", "denied", "would deny"]
_OUTCOMES: Final = ("granted", "denied", "would deny")

CHAIN_LENGTH: Final = 64
_OWN_FILES: Final = __file__.removesuffix("records.py")
# A sandbox chooses what it asks for, and a log keeps thousands.
LONGEST: Final = 800
# What a record that is read may say: beyond it, sums and dates fail.
_LATEST: Final = 1e11
_MOST: Final = 1 << 60
_ELLIPSIS: Final = "\u2026"


@attrs.frozen
class PermissionRequest:
    """One thing that sandboxed code asked for during a `Sandbox.run`, and whether it got it.

    >>> with pycage.Sandbox("asking") as sandbox:
    ...     result = sandbox.run("import os; os.environ.get('HOME')")
    >>> result.requests
    (PermissionRequest(permission=EnvPermission("HOME", "read"), granted=False),)
    """

    permission: Permission
    granted: bool


class ChainEntry(NamedTuple):
    """One frame of a recorded stack: whose code ran, in which function, and where.  Text only.

    Attributes:
        domain: Whose code it is, such as ``sandbox "plugins"`` or ``host``.
        function: The function's qualified name.
        file: Its file name; that of sandboxed code begins with the sandbox.
        line: The line that ran, from 1.
        privileged: Whether it lent its permissions there, with `do_privileged`.

    >>> pycage.ChainEntry("host", "main", "app.py", 3)
    ChainEntry(domain='host', function='main', file='app.py', line=3, privileged=False)
    """

    domain: str
    function: str
    file: str
    line: int
    privileged: bool = False

    def __str__(self) -> str:
        return f"{self.domain}: {self.function} ({self.file}:{self.line}){' privileged' if self.privileged else ''}"


@attrs.frozen(kw_only=True)
class Decision:
    """One answer, or several that were the same.

    Every denial is a record of its own.  What was granted, and what audit mode let pass, is one record for each
    sandbox and permission, with a `count`.

    Attributes:
        time: When, in seconds since 1970; of several, the last.
        sandbox: Name of the sandbox; None if it is not about one.
        kind: Type of the permission, such as ``FilePermission``.
        name: Its name, as in the permission's text form: escaped, and cut if it is long.
        actions: Its actions; ``""`` if the type has none.
        outcome: ``"granted"``, ``"denied"``, or ``"would deny"``: let pass, because the policy is only on trial.
        rule: What decided: the grant or the denial as text, ``"no grant"``, or None if no policy was asked.
        domain: The domain nearest to the call that lacks the permission; of a grant, the nearest sandbox.
        chain: What was on the stack, newest first, at the first of several; empty for a grant.
        reason: Why, in words, where it is not simply a missing permission.
        count: How many answers this stands for.

    >>> with pycage.Sandbox("curious") as sandbox:
    ...     result = sandbox.run("import os; os.environ.get('HOME')")
    >>> denial = pycage.decisions().denials()[-1]
    >>> denial.permission, denial.outcome, denial.rule, denial.domain
    ('("EnvPermission" "HOME" "read")', 'denied', 'no grant', 'sandbox "curious"')
    """

    time: float
    sandbox: str | None
    kind: str
    name: str
    actions: str
    outcome: Outcome
    rule: str | None
    domain: str
    chain: tuple[ChainEntry, ...] = ()
    reason: str = ""
    count: int = 1

    @property
    def permission(self) -> str:
        """What was asked for, in the text form of permissions."""
        return f'("{self.kind}" "{self.name}"' + (f' "{self.actions}")' if self.actions else ")")

    @property
    def granted(self) -> bool:
        """Whether it was allowed to happen; true in audit mode, too."""
        return self.outcome != "denied"

    @property
    def complete(self) -> bool:
        """Whether the text of the permission is all of it, and not cut."""
        return not self.name.endswith(_ELLIPSIS)

    def asked(self) -> Permission:
        """Return the permission that was asked for.

        Raises:
            ValueError: The record holds only a part of its name.
        """
        if not self.complete:
            message = f"the name was too long to be recorded in full: {self.permission[:80]}"
            raise ValueError(message)
        return parse(self.permission)

    def as_dict(self) -> dict[str, object]:
        """Return it in the form of a line of JSON."""
        return {
            "time": self.time,
            "sandbox": self.sandbox,
            "permission": {"type": self.kind, "name": self.name, "actions": self.actions},
            "outcome": self.outcome,
            "rule": self.rule,
            "domain": self.domain,
            "chain": [entry._asdict() for entry in self.chain],
            "reason": self.reason,
            "count": self.count,
        }

    def to_json(self) -> str:
        """Return it as one line of JSON, without the end of the line."""
        return json.dumps(self.as_dict())

    @classmethod
    def from_json(cls, line: str) -> Decision:
        """Read a line that `to_json` wrote.

        Raises:
            ValueError: It is none; the message says what is wrong.
        """
        record = _fields(json.loads(line), _RECORD, "a decision")
        asked = _fields(record["permission"], _ASKED, "its permission")
        if record["outcome"] not in _OUTCOMES:
            message = f"the outcome of a decision is one of {', '.join(_OUTCOMES)}, not {record['outcome']!r:.80}"
            raise ValueError(message)
        if not abs(record["time"]) < _LATEST or not 0 < record["count"] < _MOST:
            message = "a decision was made at some time, and at least once"
            raise ValueError(message)
        chain = tuple(ChainEntry(**_fields(entry, _ENTRY, "an entry of its chain")) for entry in record["chain"])
        rest = {key: record[key] for key in ("time", "sandbox", "outcome", "rule", "domain", "reason", "count")}
        return cls(kind=asked["type"], name=asked["name"], actions=asked["actions"], chain=chain, **rest)

    def __str__(self) -> str:
        times = f" {self.count} times" if self.count > 1 else ""
        why = "; ".join(text for text in (self.rule, self.reason) if text)
        return f"{self.domain}: {self.outcome}{times} {self.permission}{f' ({why})' if why else ''}"


_TEXT_OR_NONE: Final = (str, type(None))
_RECORD: Final[dict[str, tuple[type, ...]]] = {
    "time": (float, int),
    "sandbox": _TEXT_OR_NONE,
    "permission": (dict,),
    "outcome": (str,),
    "rule": _TEXT_OR_NONE,
    "domain": (str,),
    "chain": (list,),
    "reason": (str,),
    "count": (int,),
}
_ASKED: Final[dict[str, tuple[type, ...]]] = {"type": (str,), "name": (str,), "actions": (str,)}
_ENTRY: Final[dict[str, tuple[type, ...]]] = {
    "domain": (str,),
    "function": (str,),
    "file": (str,),
    "line": (int,),
    "privileged": (bool,),
}


def _fields(value: object, wanted: dict[str, tuple[type, ...]], what: str) -> dict[str, Any]:
    """Return a mapping that has exactly these fields of exactly these types."""
    if type(value) is not dict or value.keys() != wanted.keys():
        message = f"{what} has the fields {', '.join(wanted)}"
        raise ValueError(message)
    for key, kinds in wanted.items():
        if type(value[key]) not in kinds:
            message = f"the field {key} of {what} is a {kinds[0].__name__}, not a {type(value[key]).__name__}"
            raise ValueError(message)
    return value


# ---- How text gets into records --------------------------------------------------------------------------------------


def short(text: str, longest: int = LONGEST) -> str:
    """Return text bounded, with control characters and the like as escapes; spaces and quotes stay as they are."""
    if len(text) > longest:
        text = text[: longest - 1] + _ELLIPSIS
    return text if text.isprintable() else "".join([c if c.isprintable() else escape(c) for c in text])


def words_of(permission: Permission) -> Words:
    """Return type, name and actions of a permission, as a record has them."""
    name = permission.name
    shown = escape(name) if len(name) <= LONGEST else escape(name[:LONGEST]) + _ELLIPSIS
    return short(type_name(permission)), shown, short(permission.actions)


def recorded_chain() -> tuple[ChainEntry, ...]:
    """Return who is on the stack, newest first, without pycage's own functions."""
    return tuple(
        ChainEntry(
            "host" if domain is None else domain.label,  # type: ignore[attr-defined]  # every tag is a ProtectionDomain
            short(function, 120),
            short(file, 300),
            line,
            privileged,
        )
        for domain, function, file, line, privileged in _core.stack(CHAIN_LENGTH)
        if not (domain is None and file.startswith(_OWN_FILES))
    )


def sandbox_of(label: str) -> str | None:
    """Return the name of the sandbox that a domain's label names; None: it names none."""
    return label[9:-1] if label.startswith('sandbox "') else None
