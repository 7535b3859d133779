"""``--prompt``: a person at the terminal says whether the code may do what nothing grants or denies."""

# Problem.  The code that asks writes to the same terminal, before and while the question stands there; it may have read
# ahead what was typed; and whoever runs the program may have gone away, or never have been there.
#
# Things that do not work:
#
# - input(): it takes what was typed before the question was there, from a buffer that the code shares.
# - To ask where standard input is a pipe: the answer would come from whoever feeds the pipe, perhaps the code's author.
# - The permission as it came: its name may clear the screen.  (`pycage.questions` gives it escaped and whole.)
#
# Idea.  Ask only if standard input and standard error are terminals.  Colours and the position of the cursor are reset,
# what was typed ahead is thrown away, and the answer is read from the descriptor.  Enter alone, the end of input, three
# answers that are none, and the end of the time all mean no.
#
# What still fails.  A thread of the code can write while the question is shown; it needs leave to start threads.

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
import time
from typing import TYPE_CHECKING, Final, TextIO

from pycage.policy_files.words import in_words
from pycage.questions import Answer
from pycage.records import short

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.questions import Question

__all__ = ["ANSWERS", "Prompter", "prompter"]

_HOUR: Final = 3600.0
_TRIES: Final = 3
_LONGEST: Final = 4096

# What may be typed; the first letter is enough.
ANSWERS: Final[dict[str, Callable[[], Answer]]] = {
    "once": Answer.once,
    "hour": lambda: Answer.for_seconds(_HOUR),
    "always": Answer.always,
    "deny": lambda: Answer.deny("denied at the terminal"),
    "never": lambda: Answer.never("denied at the terminal"),
}
_CHOICES: Final = "allow [o]nce, for an [h]our, [a]lways in this run; [d]eny, or [n]ever ask again? [d] "


class Prompter:
    """Asks at one terminal, one question after the other.  Called by any thread."""

    def __init__(self, descriptor: int, out: TextIO, *, timeout: float | None = None) -> None:
        """Read answers from ``descriptor``, write questions to ``out``; after ``timeout`` seconds the answer is no."""
        self._descriptor = descriptor
        self._out = out
        self._timeout = timeout
        self._lock = threading.Lock()

    def __call__(self, question: Question) -> Answer:
        """Ask a person."""
        with self._lock:
            return self._ask(question)

    def _ask(self, question: Question) -> Answer:
        ends = None if self._timeout is None else time.monotonic() + self._timeout
        asked = [f'sandbox "{question.sandbox}" asks for', f"  {question.text}"]
        asked += [f"  that is, to {short(in_words(permission), 400)}" for permission in question.permissions]
        if question.chain:
            asked.append(f"  in {question.chain[0].function}")
        self._write("\r\x1b[0m\n" + "".join(f"pycage: {line}\n" for line in asked))
        for _ in range(_TRIES):
            self._throw_away()
            self._write(f"pycage: {_CHOICES}")
            line = self._line(ends)
            if line is None:
                self._write("\npycage: no answer; denied\n")
                return Answer.deny("nobody answered at the terminal")
            answer = _meant(line)
            if answer is not None:
                return answer
        self._write("pycage: that is no answer; denied\n")
        return Answer.deny("no answer was understood")

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()

    def _throw_away(self) -> None:
        """Throw away what was typed before the question was there."""
        with contextlib.suppress(ImportError, OSError):
            import termios  # noqa: PLC0415  # not everywhere

            with contextlib.suppress(termios.error):
                termios.tcflush(self._descriptor, termios.TCIFLUSH)

    def _line(self, ends: float | None) -> str | None:
        """Return the line that is typed; None at the end of input or of the time."""
        left = None if ends is None else max(0.0, ends - time.monotonic())
        ready, _, _ = select.select([self._descriptor], [], [], left)
        data = os.read(self._descriptor, _LONGEST) if ready else b""
        return data.decode(errors="replace") if data else None


def _meant(line: str) -> Answer | None:
    """Return the answer that a line is; None if it is none."""
    word = line.strip().lower()
    if not word:
        return ANSWERS["deny"]()
    for name, make in ANSWERS.items():
        if word in {name, name[0]}:
            return make()
    return None


def prompter(timeout: float | None) -> Callable[[Question], Answer]:
    """Return what asks at the terminal of this process; without one, what refuses."""
    descriptor = _terminal(sys.stdin)
    if descriptor is None or _terminal(sys.stderr) is None:
        return lambda _question: Answer.deny("--prompt: standard input and standard error are no terminals")
    return Prompter(descriptor, sys.stderr, timeout=timeout)


def _terminal(stream: TextIO | None) -> int | None:
    try:
        return stream.fileno() if stream is not None and stream.isatty() else None
    except (OSError, ValueError):
        return None
