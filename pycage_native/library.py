"""Libraries: what `load` (`loading.py`) gives."""

from __future__ import annotations

import itertools
import threading
import weakref
from typing import TYPE_CHECKING, Any, Final, final

from pycage import _core, manager
from pycage.access import check_permission, context_of, context_of_domain, do_privileged, require_permissions
from pycage.administration import administering
from pycage.codesource import CodeSource
from pycage.contexts import merge
from pycage.domains import ProtectionDomain
from pycage.permissions import NativePermission, SecurityPermission
from pycage_native import _channel
from pycage_native.admission import may_grant
from pycage_native.broker import Broker
from pycage_native.errors import LibraryError, NativeError
from pycage_native.executor import Executor, Settings
from pycage_native.heap import Buffer
from pycage_native.marshalling import Plan
from pycage_native.types import Handle, c_int

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from pycage.permissions import Permission, Permissions
    from pycage_native.annotations import Direction
    from pycage_native.layers import Layers
    from pycage_native.owner import Owner

__all__ = ["Library"]

_numbers = itertools.count(1)
_URL: Final = "pycage://native/"


def _nobody() -> None:
    """Ask nobody."""


@final
@_core.seal
class Library:
    """A native library in an executor of its own.  Made by `load`; a context manager that closes it.

    After a crash the next call starts another executor: the library's state is gone, its functions are bound anew.

    Example:
        >>> with pycage_native.load("libm.so.6") as libm:
        ...     sqrt = libm.function("sqrt", pycage_native.c_double, [pycage_native.c_double])
        ...     sqrt(2.25), sqrt.map([1.0, 4.0])
        (1.5, [1.0, 2.0])
    """

    def __init__(self, settings: Settings, name: str, owner: Owner, *, gated: bool | None) -> None:
        """Start it; see `load`."""
        self._settings = settings
        self._owner = owner
        self._lock = threading.RLock()
        self._functions: weakref.WeakSet[_channel.Function] = weakref.WeakSet()
        self._indexes = itertools.count()
        self._closed = False
        self._starts = 0
        self.name = name
        source = CodeSource(f"{_URL}{next(_numbers)}{settings.path}")
        self._domain = ProtectionDomain(source, f'library "{name}"', manager.POLICY, handle="library")
        # What the library makes the host do has its domain, and who loaded it, added to whoever called it.
        own = merge(context_of_domain(self._domain), *owner.contexts)
        # Functions, not methods: what is called before a call must not keep the library.
        calling = NativePermission(settings.path, "call")

        def ask() -> None:
            check_permission(calling)

        def ask_others() -> None:
            if owner.others():
                ask()

        # Before what is as much as a call: variables, and calls through a pointer.
        self._gate = ask_others if gated is None else owner.on_stack(ask) if gated else None
        # Before a call of a function.  Of the host's, which said nothing else: when a sandbox's own code calls.
        self._call_gate: Callable[[], object] | None = ask if gated is None else self._gate
        self._when = _core.sandbox_calls if gated is None else None
        # Before anything else: when the code of a sandbox does it that did not load the library.
        self._ask = _nobody if gated is False else ask_others
        self._broker = Broker(settings.path, own.bind(check_permission), own.bind, self._gate, settings.preload)
        self._executor: Executor | None = None
        self._start()

    # ---- The executor ----

    def _start(self) -> Executor:
        with self._lock:
            if self._closed:
                raise NativeError(f"{self.name} is closed; load it again", library=self.name)
            if self._executor is not None:
                self._executor.close()
            executor = self._executor = self._made()
            self._starts += 1
            for function in list(self._functions):
                self._attach(function, executor)
            return executor

    def _made(self) -> Executor:
        # Who loads it now: the owner, and whoever is on the stack of a call or a restart.
        raw = _core.snapshot()
        context = merge(*self._owner.contexts, *(() if raw is None else (context_of(raw),)))
        seat = self._owner.seat(self.name)
        executor = None
        try:
            with self._broker.loaded_by(context):
                executor = do_privileged(Executor, self._settings, self._broker)
        finally:
            seat.settle(executor)
        return executor

    def _renew(self) -> None:
        """Start another executor if the last one has ended; called before a call finds none."""
        with self._lock:
            executor = self._executor
            if executor is None or not executor.link.alive:
                self._start()

    def _running(self) -> Executor:
        self._renew()
        executor = self._executor
        if executor is None:
            raise NativeError(f"{self.name} has no executor", library=self.name)
        return executor

    def _attach(self, function: _channel.Function, executor: Executor) -> None:
        """Bind a function in an executor.

        Raises:
            LibraryError: The library has no such function.
        """
        link = executor.link
        shape, reals = function.shape
        channel = link.acquire()
        try:
            mark = link.mark(channel)
            symbol = function.name.encode() + b"\0"
            at = link.reserve(channel, len(symbol))
            with memoryview(link) as memory:
                memory[at : at + len(symbol)] = symbol
            reply = link.call(
                channel,
                _channel.BIND << 24 | function.index,
                (shape, reals),
                at - channel * link.channel_size,
                "binding",
            )
            link.mark(channel, mark)
        finally:
            link.release(channel)
        if reply[0] != _channel.OK:
            message = f"{self.name} has no function {function.name}"
            raise LibraryError(message, library=self.name, function=function.name)
        function._link = link

    def _bind(self, plan: Plan) -> _channel.Function:
        """Bind the symbol of a plan."""
        with self._lock:
            index = next(self._indexes)
            if index >= _channel.MAX_FUNCTIONS:
                message = (
                    f"{self.name}: no more than {_channel.MAX_FUNCTIONS} functions can be bound; keep those you have"
                )
                raise NativeError(message, library=self.name)
            function = plan.function(index, self._call_gate, self._renew, self._when)
            self._attach(function, self._running())
            self._functions.add(function)
        return function

    def _address_of(self, name: str) -> Handle:
        """Return where a symbol of the library is.

        Raises:
            LibraryError: It has no such symbol.
        """
        if self._gate is not None:
            self._gate()
        link = self._running().link
        channel = link.acquire()
        try:
            mark = link.mark(channel)
            symbol = name.encode() + b"\0"
            at = link.reserve(channel, len(symbol))
            with memoryview(link) as memory:
                memory[at : at + len(symbol)] = symbol
            aux = at - channel * link.channel_size
            reply = link.call(channel, _channel.ADDRESS << 24, (), aux, "looking up a symbol")
            link.mark(channel, mark)
        finally:
            link.release(channel)
        if reply[0] != _channel.OK or not reply[1]:
            message = f"{self.name} has no symbol {name}"
            raise LibraryError(message, library=self.name)
        found = Handle(link, reply[1])
        found._keeper = self  # as in ctypes, what stands in a library keeps it
        return found

    # ---- For users ----

    @property
    def path(self) -> str:
        """The real path of the library."""
        return self._settings.path

    @property
    def layers(self) -> Layers:
        """What confines the running executor.  Raises as `denials` does."""
        self._ask()
        return self._running().layers

    @property
    def alive(self) -> bool:
        """Whether an executor runs; the next call starts one if not."""
        executor = self._executor
        return executor is not None and executor.link.alive

    @property
    def pid(self) -> int:
        """Process id of the executor.  Raises as `denials` does."""
        self._ask()
        return self._running().pid

    @property
    def stats(self) -> dict[str, int]:
        """Counters of the running executor, and how often one was started.  Raises as `denials` does."""
        self._ask()
        return {**self._running().link.stats, "starts": self._starts}

    @property
    def denials(self) -> tuple[str, ...]:
        """Paths that the library asked for and did not get.  They are its own words: quote them before showing them.

        Raises:
            AccessDenied: The calling sandbox, which did not load it, lacks ``NativePermission(path, "call")``.
        """
        self._ask()
        return tuple(self._broker.denials)

    @property
    def permissions(self) -> Permissions:
        """What is granted to the library now.  Raises as `denials` does."""
        self._ask()
        return manager.POLICY.permissions(self._domain.code_source)

    @administering
    def grant(self, *permissions: Permission) -> None:
        """Grant permissions to the library, effective at once.  A file is opened only if its caller may open it, too.

        Raises:
            AccessDenied: The caller may not change policies, or lacks one of the permissions.
        """
        may_grant(permissions)
        manager.POLICY.grant(self._domain.code_source, *permissions)

    @administering
    def revoke(self, *permissions: Permission) -> bool:
        """Take permissions away, effective at once; files that the library has open stay open."""
        check_permission(SecurityPermission("setPolicy"))
        require_permissions(permissions)
        return manager.POLICY.revoke(self._domain.code_source, *permissions)

    @administering
    def deny(self, *permissions: Permission) -> None:
        """Deny permissions to the library, effective at once: a denial beats every grant, made before or after.

        Raises:
            AccessDenied: The caller may not change policies.
        """
        check_permission(SecurityPermission("setPolicy"))
        require_permissions(permissions)
        manager.POLICY.deny(self._domain.code_source, *permissions)

    def function(
        self,
        name: str,
        restype: Any = c_int,
        argtypes: Sequence[Any] | None = None,
        *,
        sync: Mapping[str | int, Direction] | None = None,
        names: Sequence[str] = (),
    ) -> _channel.Function:
        """Return a function of the library, to be called with what ``argtypes`` say.

        Args:
            name: The symbol.
            restype: Type of the result, of `pycage_native` or of `ctypes`; None for void; a callable gets an int.
            argtypes: Types of the arguments; None: as the values say, and slower.
            sync: Which arguments point to how much, and in which direction: ``{"dst": Out(size="n")}``.  Without it,
                what an argument points to is copied both ways.
            names: Of the arguments, for ``sync``.

        Raises:
            LibraryError: The library has no such function.
            TypeError: A type cannot be passed.
            ValueError: ``sync`` names an argument that does not exist.
            AccessDenied: As for `denials`.
        """
        self._ask()
        if type(name) is not str:
            message = f"a function is named by a str, got {name!r:.80}"
            raise TypeError(message)
        return self._bind(Plan(name, restype, argtypes, sync=sync, names=names))

    @property
    def errno(self) -> int:
        """``errno`` after the last call of this thread.  Raises as `denials` does."""
        self._ask()
        return self._running().link.errno

    def buffer(self, size: int) -> Buffer:
        """Return zeroed bytes that the library and the host share: passing them to a call copies nothing.

        Args:
            size: Bytes.

        Raises:
            MemoryError: The heap, whose size is an argument of `load`, has no room.
            AccessDenied: As for `denials`.
        """
        self._ask()
        executor = self._running()
        return Buffer(executor.link, executor.heap, size)

    @administering
    def restart(self) -> None:
        """Start another executor, with the library as it was when it was loaded.

        Raises:
            AccessDenied: Somebody on the stack may not load it, or is a sandbox that did not and lacks
                ``SandboxAdminPermission(path, "restartLibrary")``.
        """
        self._owner.administer(self.path, "restartLibrary")
        check_permission(NativePermission(self.path, "load"))
        self._start()

    @administering
    def close(self) -> None:
        """Kill the executor.  Calls raise `NativeError` from now on.

        Raises:
            AccessDenied: A sandbox on the stack did not load it and lacks
                ``SandboxAdminPermission(path, "closeLibrary")``.
        """
        self._owner.administer(self.path, "closeLibrary")
        with self._lock:
            self._closed = True
            if self._executor is not None:
                self._executor.close()
        manager.POLICY.clear(self._domain.code_source)

    def __enter__(self) -> Library:
        return self

    @administering
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Library {self.name}{' (closed)' if self._closed else ''}>"
