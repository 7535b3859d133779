"""One executor: a confined process with a library in it, and the link to it."""

from __future__ import annotations

import functools
import os
import resource
import struct
from typing import TYPE_CHECKING, Final, NoReturn, final

import attrs

from pycage.access import do_privileged
from pycage_native import _channel, bpf, callbacks, cpus, landlock, layers
from pycage_native.errors import (
    ChannelError,
    ConfinementUnavailable,
    LibraryError,
    NativeCrash,
    NativeError,
    NativeTimeout,
)
from pycage_native.heap import Heap
from pycage_native.limits import Limits
from pycage_native.zygote import Zygote

if TYPE_CHECKING:
    from pycage_native.broker import Broker

__all__ = ["Executor", "Settings"]

_HEAD: Final = struct.Struct("=IIII QQ QQQ II")
_LIMIT: Final = struct.Struct("=IIQ")
_REST: Final = struct.Struct("=II IIII 4I II")
_ANSWER: Final = struct.Struct("=IiII512s")
_LIMITS_MAX: Final = 16
_ANSWER_AT: Final = _HEAD.size + _LIMITS_MAX * _LIMIT.size + _REST.size
_DATA_AT: Final = 4096
_NAMESPACES: Final = 0x10000000 | 0x40000000 | 0x08000000 | 0x00020000  # user, network, IPC, mounts
_NOBODY: Final = 65534
# 30 years: more does not fit into a clock.
_FOR_EVER: Final = 1e9
# What link.c calls the time before the first call.
_LOADING: Final = "loading"


@attrs.frozen(kw_only=True)
class Settings:
    """How executors of one library are made; see `pycage_native.load`."""

    path: str
    preload: tuple[str, ...] = ()
    limits: Limits = attrs.field(factory=Limits)
    require: frozenset[str] = frozenset()
    waive: frozenset[str] = frozenset()
    channels: int = 4
    arena: int = 1 << 20
    heap: int = 64 << 20
    spin: int | None = None


@final
class Ending:
    """Raises what the end of an executor means; called by its link, which must not keep the executor alive."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.zygote: Zygote | None = None
        self.pid = 0

    def __call__(self, reason: str, function: str, detail: str) -> NoReturn:
        """Raise it."""
        if reason == "timeout":
            what = "loading" if function == _LOADING else f"{function}()"
            limit = "Limits(load=...)" if function == _LOADING else "Limits(wall=...)"
            message = (
                f"{self._name}: {what} took too long{f' ({detail})' if detail else ''} and was stopped; see {limit}"
            )
            raise NativeTimeout(message, library=self._name, function=function)
        if reason == "violation":
            message = f"{self._name}: {function}() broke the channel: {detail}; it was stopped"
            raise ChannelError(message, library=self._name, function=function)
        status = None if self.zygote is None else do_privileged(self.zygote.status, self.pid)
        if status is None:
            raise NativeCrash(library=self._name, function=function)
        if os.WIFSIGNALED(status):
            raise NativeCrash(library=self._name, function=function, signal=os.WTERMSIG(status))
        raise NativeCrash(library=self._name, function=function, exit_status=os.WEXITSTATUS(status))


@final
class Executor:
    """A running executor.  `Library` makes another one when it has ended."""

    def __init__(self, settings: Settings, broker: Broker) -> None:
        """Start it, and wait until the library is loaded.

        Raises:
            ConfinementUnavailable: A layer could not be had; no byte of the library was mapped.
            LibraryError: The library could not be loaded.
            NativeError: It could not be started, or ended while the library was loaded.
            NativeTimeout: Loading took longer than ``Limits.load``.
        """
        self._name = os.path.basename(settings.path)
        self.pid = 0
        ending = Ending(self._name)
        wanted, version = layers.chosen(settings.require, settings.waive)
        limits = settings.limits
        self.link = _channel.Link(
            channels=settings.channels if limits.threads else 1,
            arena=settings.arena,
            heap=settings.heap,
            timeout=_nanoseconds(limits.load),
            spin=_pauses(cpus.spin_nanoseconds()) if settings.spin is None else settings.spin,
            broker=broker,
            ended=ending,
        )
        callbacks.callers[self.link] = broker.caller
        callbacks.gates[self.link] = broker.gate
        self.heap = Heap(self.link.channels * self.link.channel_size, self.link.size)
        try:
            self._configure(settings, wanted, version)
            zygote = ending.zygote = Zygote.get()
            broker.asked = False
            self.pid, pidfd, socket = zygote.spawn(self.link.memory, self.link.size, self.link.channels)
            ending.pid = self.pid
            if not self.link.start(pidfd, socket):
                self._set_up_failed(wanted, loaded=broker.asked)
            self.link.timeout = _nanoseconds(limits.wall)
            try:
                self.layers = layers.Layers(wanted, version, layers.witness(self.pid, wanted, zygote.filters))
            except ConfinementUnavailable:
                if not self.link.alive:  # that is why there was nothing to see
                    ending("crash", _LOADING, "")
                raise
        except BaseException:
            self.close()
            raise

    def _configure(self, settings: Settings, wanted: frozenset[str], version: int) -> None:
        """Write the structure that the executor reads before anything of the library is there: ``pn_setup``."""
        limits = settings.limits
        rules = landlock.ruleset(version) if version else landlock.Ruleset(0, 0, 0, 0)
        machine = bpf.machine()
        load, run = _load_program(machine, threads=limits.threads > 0), _run_program(machine)
        names = b"".join(os.fsencode(path) + b"\0" for path in (*settings.preload, settings.path))
        rlimits = [_within(what, value) for what, value in limits.rlimits(self.link.size)]
        bits = sum(layers.LAYERS[layer][0] for layer in wanted)
        head = _HEAD.pack(
            _channel.VERSION,
            bits,
            self.link.channels,
            self.link.spin,
            self.link.channel_size,
            _NAMESPACES,
            *rules,
            len(rlimits),
        )
        packed = b"".join(_LIMIT.pack(what, 0, value) for what, value in rlimits).ljust(
            _LIMITS_MAX * _LIMIT.size, b"\0"
        )
        load_at = _DATA_AT
        run_at = load_at + len(load.code)
        names_at = run_at + len(run.code)
        pids = [*(at + 1 for at in load.pid_at), 0, 0, 0, 0][:4]
        rest = _REST.pack(
            _NOBODY, _NOBODY, load_at, load.length, run_at, run.length, *pids, names_at, len(settings.preload) + 1
        )
        data = (head + packed + rest).ljust(_DATA_AT, b"\0") + load.code + run.code + names
        if len(data) > _channel.SETUP_SIZE:
            raise NativeError("too many libraries to preload, or their paths are too long", library=self._name)
        with memoryview(self.link) as memory:
            memory[_channel.SETUP : _channel.SETUP + len(data)] = data

    def _set_up_failed(self, wanted: frozenset[str], *, loaded: bool) -> NoReturn:
        """Say what went wrong; the executor wrote it, and until a library is there it is believed.

        Afterwards a library could say so of any layer, to be given less confinement.
        """
        with memoryview(self.link) as memory:
            at = _channel.SETUP + _ANSWER_AT
            step, number, _, _, text = _ANSWER.unpack(bytes(memory[at : at + _ANSWER.size]))
        layer = layers.step_layer(step)
        if layer is not None and layer in wanted and not loaded:
            raise layers.refused(layer, number, wanted, self._name)
        if step == layers.STEP_LIBRARY:
            said = text.partition(b"\0")[0].decode("utf-8", "backslashreplace")
            raise LibraryError(f"{self._name} could not be loaded: {said!r}", library=self._name)
        raise NativeError(
            f"the executor could not be set up (step {step}): {os.strerror(abs(number))}", library=self._name
        )

    def close(self) -> None:
        """Kill it."""
        self.link.close()


# How fast the processor is, how the filters look and what the kernel has does not change; an executor starts in a
# millisecond, and each of these takes a quarter of one.
_pauses = functools.cache(_channel.pauses)
_load_program = functools.cache(bpf.load_program)
_run_program = functools.cache(bpf.run_program)


def _nanoseconds(seconds: float | None) -> int:
    """As a link counts; 0: no limit."""
    return max(1, round(min(seconds, _FOR_EVER) * 1e9)) if seconds else 0


def _within(what: int, value: int) -> tuple[int, int]:
    """Lower a limit to what this process has itself: more could not be set."""
    hard = resource.getrlimit(what)[1]
    return what, value if hard == resource.RLIM_INFINITY else min(value, hard)
