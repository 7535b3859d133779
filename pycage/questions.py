"""Questions and answers: what a decider is asked about a permission, and what it can say.

Plain values.  Who calls the decider, and what becomes of the answer, stands in `asking`.
"""

# Problem.  A person reads the question, and the sandbox chooses much of it: the file name, the names of its functions.
# With control characters it writes over the line it stands in; with bidirectional marks it shows another name; with a
# thousand characters it pushes the end off the screen; with two names in one request it hides the second.
#
# Idea.  Everything that is not printable is shown as an escape.  The permission is never cut: what is too long to be
# shown whole is not asked about at all, and refused.  What is shown is exactly what an answer would grant.
#
# What still fails: letters that look alike (a Cyrillic a).

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final, Literal, final

import attrs

from pycage import _core
from pycage.errors import PolicyError, StackEntry, type_name
from pycage.permissions.text import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pycage.permissions import Permission

__all__ = ["Answer", "Question", "answer_of", "question_about"]

_LONGEST_TEXT: Final = 1000
_LONGEST_LINE: Final = 160
_LONGEST_REASON: Final = 200
_LONGEST_CHAIN: Final = 16
# Printable, says Unicode, and nothing is seen: "/srv/a" and "/srv/a" with one of these look the same.
# Source: Default_Ignorable_Code_Point in DerivedCoreProperties.txt (Unicode 15), and the blank of Braille.
_INVISIBLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_KINDS: Final = ("once", "for_seconds", "always", "deny", "never")


@final
@_core.seal
@attrs.frozen(kw_only=True)
class Question:
    """What a decider is asked: whether a sandbox may do this.

    All text in it is printable and of bounded length, so that it can be put on a terminal.

    Attributes:
        sandbox: The name of the sandbox.
        permission: The first of ``permissions``, mostly the only one.
        permissions: Exactly what an allowing answer allows: more than one if the operation has several parts, such as
            a link and the file behind it.
        text: ``permissions`` as text.
        chain: What was on the stack, newest first; at most sixteen entries.
        reason: Why it is asked.

    Example:
        >>> def decider(question):
        ...     print(question.sandbox, "wants", question.text)
        ...     return True
        >>> with pycage.Sandbox("curious") as sandbox:
        ...     _ = sandbox.on_request(decider)
        ...     _ = sandbox.run("import pycage; pycage.check_permission(pycage.RuntimePermission('x'))")
        curious wants ("RuntimePermission" "x")
    """

    sandbox: str
    permission: Permission
    permissions: tuple[Permission, ...]
    text: str
    chain: tuple[StackEntry, ...]
    reason: str


@final
@_core.seal
@attrs.frozen
class Answer:
    """What a decider says; made by the methods below.

    ``True`` is short for ``Answer.once()``, ``False`` and ``None`` for ``Answer.deny()``; anything else denies, too.

    Example:
        >>> Answer = pycage.Answer
        >>> def decider(question):
        ...     if type(question.permission) is pycage.SocketPermission:
        ...         return Answer.for_seconds(3600)
        ...     return Answer.deny("only connections")
        >>> Answer.once().allows, Answer.never().allows
        (True, False)
    """

    kind: Literal["once", "for_seconds", "always", "deny", "never"] = attrs.field(
        validator=attrs.validators.in_(_KINDS)
    )
    seconds: float | None = None
    reason: str = ""

    @property
    def allows(self) -> bool:
        """Whether it says yes."""
        return self.kind in {"once", "for_seconds", "always"}

    @staticmethod
    def once() -> Answer:
        """Allow what was asked, for the check that asked (and for others that wait for the same answer)."""
        return Answer("once")

    @staticmethod
    def for_seconds(seconds: float) -> Answer:
        """Grant what was asked for so many seconds."""
        if type(seconds) not in {int, float} or not 0 < seconds < math.inf:
            message = f"for_seconds() needs a positive number of seconds, got {type_name(seconds)} {seconds!r}"
            raise PolicyError(message)
        return Answer("for_seconds", seconds)

    @staticmethod
    def always() -> Answer:
        """Grant what was asked, until it is revoked."""
        return Answer("always")

    @staticmethod
    def deny(reason: str = "") -> Answer:
        """Refuse the check that asked; the next one asks again.  The sandbox can read the reason."""
        return Answer("deny", reason=_line(reason, _LONGEST_REASON))

    @staticmethod
    def never(reason: str = "") -> Answer:
        """Refuse, and deny it from now on: nobody is asked again, and no grant helps until the denial is taken back."""
        return Answer("never", reason=_line(reason, _LONGEST_REASON))


_SHORT: Final[dict[object, Answer]] = {True: Answer("once"), False: Answer("deny"), None: Answer("deny")}


def answer_of(said: object) -> Answer:
    """Return what a decider's return value means."""
    if type(said) is Answer:
        return said
    if said is None or type(said) is bool:
        return _SHORT[said]
    return Answer("deny", reason=f"the decider returned {type_name(said)} instead of an Answer")


def question_about(sandbox: str, permissions: tuple[Permission, ...], chain: Sequence[StackEntry]) -> Question | None:
    """Return the question, or None if it is too long to be shown whole."""
    text = " and ".join(str(permission) for permission in permissions)
    if len(text) > _LONGEST_TEXT:
        return None
    return Question(
        sandbox=sandbox,
        permission=permissions[0],
        permissions=permissions,
        text=_visible(text),
        chain=tuple(
            StackEntry(_line(entry.domain, _LONGEST_LINE), _line(entry.function, _LONGEST_LINE))
            for entry in chain[:_LONGEST_CHAIN]
        ),
        reason="it is neither granted nor denied",
    )


def _line(text: str, longest: int) -> str:
    if type(text) is not str:
        message = f"expected a str, got {type_name(text)}"
        raise TypeError(message)
    return _visible(text[:longest] + ("\u2026" if len(text) > longest else ""))


def _visible(text: str) -> str:
    # The quotes stay as they are: `escape` is for what stands between quotes.
    if not text.isprintable():
        text = "".join([c if c in '"\\' else escape(c) for c in text])
    return _INVISIBLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
