"""Asking: a decider of the host says whether a sandbox may do what is neither granted nor denied."""

# Problem.  A check runs in the middle of anything, on the sandbox's thread, with the sandbox on the stack; a decider is
# the program's own code, or a person who takes a minute.
#
# Things that do not work:
#
# - Calling it from inside the decision: it works with the sandbox's permissions, and what it does is judged again.
# - Waiting for a coroutine on the thread of its own loop: nobody is left to run it.
# - A lock while it runs: whoever asks next waits for ever, the decider itself included.
#
# Idea.  The decision is put off until the answer is there, then everything is weighed anew (`agreement.py`).  The
# decider is called as the host; a thread whose decider is at work gets no other answer than no.  The same question is
# open once, whoever waits for it.  Every way in which no answer comes is a refusal that says so.
#
# What still fails: a decider that waits for another thread which asks the same question waits for itself; give it a
# timeout.  A decider that never comes back keeps its thread; when eight do, nobody is asked any more.

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from time import monotonic
from types import CoroutineType
from typing import TYPE_CHECKING, Final, TypeAlias, final

from pycage import _core
from pycage.errors import PolicyError, type_name
from pycage.host_calls import as_host, report
from pycage.privileges import privileged
from pycage.questions import Answer, Question, answer_of, question_about

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from concurrent.futures import Future

    from pycage.domains import ProtectionDomain
    from pycage.errors import StackEntry
    from pycage.permissions import Permission

__all__ = ["TAG", "Decider", "HostAsker", "is_async"]

Decider: TypeAlias = (
    "Callable[[Question], Answer | bool | None] | Callable[[Question], Awaitable[Answer | bool | None]]"
)

# The tag of what an answer grants or denies.
TAG: Final = "request"
_MOST_OPEN: Final = 8
_LOOK_AGAIN: Final = 0.2  # whether the loop still runs, in seconds


def is_async(decider: Callable[..., object]) -> bool:
    """Return whether a decider is a coroutine function, or an object whose call is one."""
    return inspect.iscoroutinefunction(decider) or inspect.iscoroutinefunction(type(decider).__call__)


class _Here(threading.local):
    asking = False


_here: Final = _Here()


class _Pending:
    """A question that is being answered.  The first answer counts."""

    __slots__ = ("_lock", "_said", "done", "ends")

    def __init__(self, timeout: float | None) -> None:
        self.ends = None if timeout is None else monotonic() + timeout
        self.done = threading.Event()
        self._said: Answer | None = None
        self._lock = threading.Lock()

    def settle(self, answer: Answer) -> None:
        with self._lock:
            if self._said is None:
                self._said = answer
        self.done.set()

    @property
    def answer(self) -> Answer:
        return self._said or Answer.deny("there is no answer")


@final
@_core.seal
class HostAsker:
    """Asks one decider for one sandbox.  May be used from any thread; see `Sandbox.on_request`."""

    __slots__ = ("_context", "_decide", "_lock", "_loop", "_open", "_sandbox", "_timeout")

    def __init__(self, sandbox: str, decider: Decider, timeout: float | None) -> None:
        """Take the decider, the loop that runs if it is a coroutine function, and the context it is handed over in.

        Raises:
            PolicyError: No loop runs here that a coroutine function could run on, or the timeout is not positive.
            TypeError: ``decider`` cannot be called.
        """
        if not callable(decider):
            message = f"a decider takes a Question and returns an Answer; got {type_name(decider)}"
            raise TypeError(message)
        if timeout is not None and (type(timeout) not in {int, float} or not timeout > 0):
            message = f"timeout must be a positive number of seconds or None, got {type_name(timeout)}"
            raise PolicyError(message)
        self._sandbox = sandbox
        self._timeout = timeout
        self._context = contextvars.copy_context()
        self._lock = threading.RLock()  # a finalizer may run while it is held, and ask
        self._open: dict[tuple[Permission, ...], _Pending] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._decide: Callable[[Question], object] = decider
        if is_async(decider):
            self._loop = asyncio._get_running_loop()
            if self._loop is None:
                message = "an async decider runs on the loop that runs where it is registered, and none runs here"
                raise PolicyError(message)

            @privileged
            async def decide(question: Question) -> object:
                return await decider(question)  # type: ignore[misc]  # a coroutine function

            self._decide = decide

    # ---- One question ----

    def ask(
        self,
        domain: ProtectionDomain,
        lacking: tuple[Sequence[Permission], ...],
        chain: Callable[[], Sequence[StackEntry]],
    ) -> str | None:
        """Return None if the decider allows ``lacking``, else why not."""
        if _here.asking:
            return "it was asked while a decider was at work on the same thread"
        _here.asking = True
        try:
            answer = self._answer(domain, tuple(dict.fromkeys(part[0] for part in lacking)), chain)
        except BaseException as error:  # noqa: BLE001  whatever happens on the way to an answer, it is no answer
            return f"asking failed: {type_name(error)}"
        finally:
            _here.asking = False
        return None if answer.allows else answer.reason or "the decider said no"

    def _answer(
        self, domain: ProtectionDomain, permissions: tuple[Permission, ...], chain: Callable[[], Sequence[StackEntry]]
    ) -> Answer:
        if domain._policy is None or domain._policy.is_changing_here:
            return Answer.deny("it was asked in the middle of a change of the policy")
        if self._loop is not None and asyncio._get_running_loop() is self._loop:
            return Answer.deny(
                "it was asked on the thread of the event loop that the decider needs; use another thread"
            )
        question = question_about(self._sandbox, permissions, chain())
        if question is None:
            return Answer.deny("the request is too long to be shown to anybody")
        with self._lock:
            pending = self._open.get(permissions)
            is_new = pending is None
            if pending is None:
                if len(self._open) >= _MOST_OPEN:
                    return Answer.deny(f"{_MOST_OPEN} other requests wait for an answer")
                pending = self._open[permissions] = _Pending(self._timeout)
        if not is_new:
            self._wait(pending)
            return pending.answer
        try:
            self._put(question, pending)
        except BaseException:
            self._finish(question, pending, Answer.deny("it could not be asked"))
            raise
        self._remember(domain, permissions, pending.answer)
        return pending.answer

    def _remember(self, domain: ProtectionDomain, permissions: tuple[Permission, ...], answer: Answer) -> None:
        """Make an answer that holds longer than the check a grant or a denial, unless the sandbox was closed."""
        policy = domain._policy
        if policy is None:
            return
        if answer.kind == "never":
            policy.deny(domain.code_source, *permissions, tag=TAG, unless=lambda: domain.closed)
        elif answer.kind in {"for_seconds", "always"}:
            policy.grant(domain.code_source, *permissions, ttl=answer.seconds, tag=TAG, unless=lambda: domain.closed)

    # ---- Ways to put it ----

    def _put(self, question: Question, pending: _Pending) -> None:
        """Have the question answered, and wait for it."""
        if self._loop is not None:
            self._put_to_loop(self._loop, question, pending)
        elif self._timeout is None:
            self._finish(question, pending, self._called(question))
        else:
            as_host(self._context, self._start_thread, question, pending)
            self._wait(pending)

    def _called(self, question: Question) -> Answer:
        try:
            said = as_host(self._context, self._decide, question)
        except BaseException as error:  # noqa: BLE001  a decider that fails, or wants to exit, has not said yes
            return self._failed(error)
        if type(said) is CoroutineType:
            said.close()
            return Answer.deny(
                "the decider returned a coroutine, which nobody runs; hand over the async function itself"
            )
        return answer_of(said)

    def _failed(self, error: BaseException) -> Answer:
        report(self._context, f"the decider of sandbox {self._sandbox}", error)
        return Answer.deny(f"the decider failed: {type_name(error)}")

    def _start_thread(self, question: Question, pending: _Pending) -> None:
        threading.Thread(target=self._work, args=(question, pending), name="pycage decider", daemon=True).start()

    def _work(self, question: Question, pending: _Pending) -> None:
        _here.asking = True
        self._finish(question, pending, self._called(question))

    def _put_to_loop(self, loop: asyncio.AbstractEventLoop, question: Question, pending: _Pending) -> None:
        if not loop.is_running():
            self._finish(question, pending, Answer.deny("the event loop of the decider does not run"))
            return
        future = as_host(self._context, self._submit, loop, question, pending)
        self._wait(pending)
        if not future.done():
            as_host(self._context, future.cancel)

    def _submit(self, loop: asyncio.AbstractEventLoop, question: Question, pending: _Pending) -> Future[None]:
        work = self._work_on_loop(question, pending)
        try:
            return asyncio.run_coroutine_threadsafe(work, loop)
        except BaseException:
            work.close()
            raise

    async def _work_on_loop(self, question: Question, pending: _Pending) -> None:
        answer = Answer.deny("the decider was cancelled")
        try:
            answer = answer_of(await self._decide(question))  # type: ignore[misc]  # made a coroutine function above
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001  as in _called
            answer = self._failed(error)
        finally:
            self._finish(question, pending, answer)

    # ---- Waiting ----

    def _wait(self, pending: _Pending) -> None:
        """Wait until there is an answer, or until there will be none."""
        while True:
            left = None if pending.ends is None else pending.ends - monotonic()
            if left is not None and left <= 0:
                pending.settle(Answer.deny(f"no answer came within {self._timeout:g} seconds"))
            elif self._loop is not None and not self._loop.is_running():
                pending.settle(Answer.deny("the event loop of the decider stopped"))
            if pending.done.wait(
                left if self._loop is None else min(_LOOK_AGAIN, _LOOK_AGAIN if left is None else left)
            ):
                return

    def _finish(self, question: Question, pending: _Pending, answer: Answer) -> None:
        pending.settle(answer)
        with self._lock:
            if self._open.get(question.permissions) is pending:
                del self._open[question.permissions]
