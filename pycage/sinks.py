"""Sinks: where decisions go beyond the memory of the process, and how they get there."""

# Problem.  A decision is made in the middle of anything, on a sandbox's stack, perhaps within a finalizer.  What writes
# it down opens files, takes locks and runs code of the program's own.
#
# Things that do not work:
#
# - To call sinks from within the decision: they would be judged with the sandbox on the stack, and could wait for ever.
# - An ordinary queue: its lock is held when a finalizer runs in the middle of put(), and that makes a decision, too.
#
# Idea.  A decision puts its record into a queue made in C, whose put() can be interrupted by itself, and goes on.  A
# thread of the host hands records to the sinks; so does `flush`, for who cannot wait.  The queue is bounded: what does
# not fit is counted, and said.
#
# What still fails.  What is in the queue when the process is killed is gone.  A child of fork() has no thread: records
# made there wait for a `flush`, or for its end.

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import threading
import weakref
from collections import deque
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final, TypeAlias, final

from pycage import _core
from pycage.contexts import context_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from pycage.records import Decision, Outcome

__all__ = ["Deliveries", "Delivery", "JsonLines", "Sink", "ToLogging"]

Sink: TypeAlias = "Callable[[Decision], object]"

MOST_WAITING: Final = 10_000
# How often what was granted is looked for: it is counted, and nobody is woken for it.
_SECONDS: Final = 1.0
_LOG: Final = logging.getLogger("pycage")


@final
@_core.seal
class Delivery:
    """A sink that is given records until `close`; also a context manager.  Made by `DecisionLog.add_sink`.

    >>> delivery = pycage.decisions().add_sink(print)
    >>> delivery.close()
    """

    __slots__ = ("_caught", "_context", "_deliveries", "_failures", "_grants", "_sink")

    def __init__(self, deliveries: Deliveries, sink: Sink, *, grants: bool) -> None:
        """Made by `DecisionLog.add_sink`."""
        self._deliveries = deliveries
        self._sink = sink
        self._grants = grants
        self._failures = 0
        # A sandbox that may add sinks could hand over a function of the host's: it is called as the sandbox called it.
        raw = _core.snapshot()
        self._context = None if raw is None else context_of(raw)
        self._caught = Exception if raw is None else BaseException

    @property
    def failures(self) -> int:
        """How often the sink raised."""
        return self._failures

    def close(self) -> None:
        """Give it what it has not been given yet, then nothing any more, and close it if it has a ``close``."""
        self._deliveries.remove(self)

    def __enter__(self) -> Delivery:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _give(self, decision: Decision) -> None:
        if decision.outcome == "granted" and not self._grants:
            return
        self._try(lambda: self._as_given(self._sink)(decision))

    def _end(self) -> None:
        self._try(self._close_sink)

    def _close_sink(self) -> None:
        close = getattr(self._sink, "close", None)
        if callable(close):
            self._as_given(close)()

    def _as_given(self, function: Callable[..., object]) -> Callable[..., object]:
        return function if self._context is None else _core.bind(self._context, function)

    def _try(self, action: Callable[[], object]) -> None:
        try:
            action()
        except self._caught:  # it is the program's own, and the other sinks are waiting
            self._failures += 1
            if self._failures == 1:
                _LOG.exception("a sink of decisions failed (this is said once): %.100r", type(self._sink).__name__)


@final
@_core.seal
class Deliveries:
    """The sinks of one log, and the records that wait for them."""

    __slots__ = ("__weakref__", "_at_work", "_collect", "_lock", "_lost", "_queue", "_said", "_sinks", "_wake")

    def __init__(self, collect: Callable[[], Iterable[Decision]]) -> None:
        """``collect`` returns the records that were only counted so far."""
        self._collect = collect
        self._queue: SimpleQueue[Decision] = SimpleQueue()
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._sinks: tuple[Delivery, ...] = ()
        # Held while sinks run; a sink that flushes comes back here.
        self._lock = threading.RLock()
        self._at_work = False
        self._lost = 0
        self._said = 0

    @property
    def lost(self) -> int:
        """How many records did not fit into the queue."""
        return self._lost

    def wanted(self, outcome: Outcome) -> bool:
        """Return whether any sink wants records of this outcome."""
        return any(sink._grants or outcome != "granted" for sink in self._sinks)

    def put(self, decision: Decision) -> None:
        """Let a record wait for the sinks; called in the middle of decisions, so it waits for nothing itself."""
        if self._sinks:
            if self._queue.qsize() < MOST_WAITING:
                self._queue.put(decision)
                if not self._wake.qsize():
                    self._wake.put(None)
            else:
                self._lost += 1

    def add(self, sink: Sink, *, grants: bool) -> Delivery:
        """Give records to ``sink`` from now on."""
        if not callable(sink):
            message = f"a sink is called with each Decision; {type(sink).__name__} cannot be called"
            raise TypeError(message)
        delivery = Delivery(self, sink, grants=grants)
        with self._lock:
            self.flush()
            deque(self._collect(), maxlen=0)  # what came before is not for this one
            self._sinks = (*self._sinks, delivery)
            # Privileged: the thread is the host's, whoever asked the host for this.
            _core.do_privileged(self._start)
        return delivery

    def remove(self, delivery: Delivery) -> None:
        """Give a sink its last records, and close it."""
        with self._lock:
            if delivery in self._sinks:
                self.flush()
                self._sinks = tuple(one for one in self._sinks if one is not delivery)
                _core.do_privileged(delivery._end)

    def flush(self) -> None:
        """Give sinks all that waits; as the host, whoever calls."""
        _core.do_privileged(self._deliver)

    def _deliver(self) -> None:
        with self._lock:
            waiting: list[Decision] = []
            with contextlib.suppress(Empty):
                while True:
                    waiting.append(self._queue.get_nowait())
            if self._sinks:
                waiting += self._collect()
            for decision in waiting:
                for sink in self._sinks:
                    sink._give(decision)
            if self._lost > self._said:
                _LOG.warning("%d decisions came faster than the sinks could take them", self._lost - self._said)
                self._said = self._lost

    def _start(self) -> None:
        if not self._at_work:
            self._at_work = True
            threading.Thread(
                target=_work, args=(weakref.ref(self), self._wake), name="pycage decisions", daemon=True
            ).start()
            atexit.register(_flush, weakref.ref(self))
            os.register_at_fork(after_in_child=self._after_fork)

    def _after_fork(self) -> None:
        self._lock = threading.RLock()  # the thread that may have held it is not here


def _work(whose: weakref.ref[Deliveries], wake: SimpleQueue[None]) -> None:
    while True:
        with contextlib.suppress(Empty):
            wake.get(timeout=_SECONDS)
        deliveries = whose()
        if deliveries is None:
            return
        try:
            deliveries._deliver()
        except BaseException:  # noqa: BLE001  whatever it was: without this thread nothing would be written any more
            _LOG.exception("some decisions were not given to the sinks")
        del deliveries


def _flush(whose: weakref.ref[Deliveries]) -> None:
    deliveries = whose()
    if deliveries is not None:
        deliveries.flush()


@final
@_core.seal
class JsonLines:
    """A sink that appends one line of JSON for each decision to a file, which only its owner can read.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "audit.jsonl")
    >>> with pycage.decisions().to_json_lines(path):
    ...     with pycage.Sandbox("writer") as sandbox:
    ...         result = sandbox.run("import os; os.environ.get('HOME')")
    >>> [pycage.Decision.from_json(line).outcome for line in path.read_text().splitlines()]
    ['denied']
    """

    __slots__ = ("_file",)

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open ``path`` for appending."""
        # Unbuffered: a line is there when it was written, whatever happens to the process then.
        self._file = open(  # noqa: SIM115  # it stays open until `close`
            path, "ab", buffering=0, opener=lambda name, flags: os.open(name, flags, 0o600)
        )

    def __call__(self, decision: Decision) -> None:
        """Write a line."""
        self._file.write(decision.to_json().encode() + b"\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


_LEVELS: Final = {"granted": logging.DEBUG, "denied": logging.WARNING, "would deny": logging.WARNING}


@final
@_core.seal
class ToLogging:
    """A sink that logs decisions: denials, and what audit mode let pass, as warnings, grants for debugging.

    >>> sink = pycage.decisions().add_sink(pycage.ToLogging())
    >>> sink.close()
    """

    __slots__ = ("_logger",)

    def __init__(self, logger: logging.Logger | None = None) -> None:
        """Log to ``logger``; None: to the logger ``pycage.audit``."""
        self._logger = logging.getLogger("pycage.audit") if logger is None else logger

    def __call__(self, decision: Decision) -> None:
        """Log it."""
        self._logger.log(_LEVELS[decision.outcome], "%s", decision, extra={"decision": decision})
