"""The layers of confinement: which are required, which this kernel has, and proof that an executor has them."""

# A layer that is missing is an error that names it, before a byte of the library is mapped; never a weaker confinement
# that nobody asked for.  Who can live without one waives it by name.
#
# The proof does not come from the executor: the kernel says in /proc what a process has.  It shows no_new_privs, the
# number of filters and the capabilities of each thread; Landlock it does not show, there the success of the set-up has
# to do.  A program that runs in a sandbox itself has filters already, so two more than the zygote has are expected.

from __future__ import annotations

import difflib
import errno
import functools
import os
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import attrs

from pycage_native import _channel, landlock
from pycage_native.errors import ConfinementUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["LAYERS", "REQUIRED", "WAIVABLE", "Layers", "chosen", "filters_of", "named", "refused", "witness"]

_OWN_FILTERS: Final = 2

LAYERS: Final = MappingProxyType(
    {
        "rlimits": (_channel.LAYER_RLIMITS, "limits of memory, files and processor time"),
        "capabilities": (_channel.LAYER_CAPABILITIES, "no privileges of the superuser"),
        "no_new_privs": (_channel.LAYER_NO_NEW_PRIVS, "no privileges by set-user-id programs"),
        "landlock": (_channel.LAYER_LANDLOCK, "no files, no network, no signals, by a second mechanism"),
        "seccomp": (_channel.LAYER_SECCOMP, "only listed system calls"),
        "namespaces": (_channel.LAYER_NAMESPACES, "a user, network, process communication and mounts of its own"),
    }
)
"""Layer -> its bit, and what it does."""

WAIVABLE: Final = frozenset({"landlock"})
"""What can be done without, by name: what Landlock refuses, seccomp refuses as well.  Nothing stands in for the others,
and namespaces are there only for who requires them."""

REQUIRED: Final = frozenset({"rlimits", "capabilities", "no_new_privs", "landlock", "seccomp"})
"""What every library is required to have; ``load(require=...)`` adds to it, and only `WAIVABLE` ones are waived."""

# enum pn_step -> the layer that it is part of
_STEPS: Final = {
    4: "namespaces",
    5: "rlimits",
    6: "capabilities",
    7: "no_new_privs",
    8: "landlock",
    9: "seccomp",
    10: "seccomp",
    12: "seccomp",
}
STEP_LIBRARY: Final = 11

_HINTS: Final = {
    "landlock": "Linux 5.13 or later has Landlock, if it is built in and not switched off by the lsm= boot option",
    "seccomp": "the kernel needs CONFIG_SECCOMP_FILTER, and a container's own profile must allow seccomp()",
    "namespaces": "unprivileged user namespaces are switched off here; leave this layer out",
    "no_new_privs": "a container's profile must allow prctl()",
    "rlimits": "a limit is above what this process may have itself",
    "capabilities": "a container's profile must allow capset(), setuid() and setgid()",
}


@attrs.frozen
class Layers:
    """What confines an executor.

    Attributes:
        active: Names of the layers that are in force.
        landlock: The version of Landlock that is used; 0 without.
        witnessed: What the kernel said of the running process: name of a field of ``/proc/<pid>/status`` to its value
            in the thread where it confines least; and ``Threads``, how many were looked at.
    """

    active: frozenset[str]
    landlock: int
    witnessed: MappingProxyType[str, str]


def named(what: str, given: Iterable[str]) -> frozenset[str]:
    """Return names of layers.

    Args:
        what: ``require`` or ``waive``, for the message.
        given: The names.

    Raises:
        TypeError: It is one string, whose letters are no layers.
        ValueError: There is no such layer.
    """
    if isinstance(given, str):
        message = f"{what} is a list of layers: {what}=[{given!r:.40}]"
        raise TypeError(message)
    names = frozenset(given)
    for name in sorted(names - LAYERS.keys(), key=str):
        near = difflib.get_close_matches(name, LAYERS, 1) if type(name) is str else []
        meant = f'; did you mean "{near[0]}"?' if near else ""
        message = f"{what}: no such layer: {name!s:.40}{meant}  There are {', '.join(LAYERS)}."
        raise ValueError(message)
    return names


def chosen(require: Iterable[str], waive: Iterable[str]) -> tuple[frozenset[str], int]:
    """Return the layers to put in force, and the version of Landlock.

    Args:
        require: Layers in addition to the default ones.
        waive: Layers to do without if they cannot be had, and only then; of `WAIVABLE`.

    Raises:
        ValueError: There is no such layer, it cannot be waived, or it is required as well.
        ConfinementUnavailable: One is not to be had here and was not waived.
    """
    required, waived = named("require", require), named("waive", waive)
    wanted = REQUIRED | required
    for name in sorted(waived):
        if name not in WAIVABLE:
            message = f"waive: {name} cannot be done without; what can is {', '.join(sorted(WAIVABLE))}"
            raise ValueError(message)
        if name in required:
            message = f"{name} is both required and waived; leave it out of one of them"
            raise ValueError(message)
    version = 0
    if "landlock" in wanted:
        try:
            version = landlock.version()
        except OSError as error:
            if "landlock" not in waived:
                raise refused("landlock", error.errno or errno.ENOSYS, wanted) from None
            wanted -= {"landlock"}
    return frozenset(wanted), version


def refused(layer: str, number: int, wanted: Iterable[str], library: str | None = None) -> ConfinementUnavailable:
    """Return the error for a layer that could not be had.

    Args:
        layer: Its name.
        number: The errno.
        wanted: All that were to be in force.
        library: For the message.
    """
    reason = {
        errno.ENOSYS: "not supported by this kernel",
        errno.EOPNOTSUPP: "switched off since boot",
        errno.EPERM: "refused",
        errno.EBUSY: "busy",
    }.get(number, errno.errorcode.get(number, str(number)))
    hint = f"{layer} is {reason}: {_HINTS[layer]}"
    if layer in WAIVABLE:
        hint += f'; to do without it: load(..., waive=["{layer}"])'
    return ConfinementUnavailable([layer], sorted(set(wanted) - {layer}), hint, library=library)


def step_layer(step: int) -> str | None:
    """Return the layer that a failed step of the set-up belongs to; None: no layer."""
    return _STEPS.get(step)


def filters_of(pid: int) -> int:
    """Return how many seccomp programs a process has; 0 if the kernel does not say."""
    return int(_status(f"/proc/{pid}/status").get("Seccomp_filters", "0"))


def witness(pid: int, active: frozenset[str], outer: int) -> MappingProxyType[str, str]:
    """Return what the kernel says of a running executor, all its threads.

    Args:
        pid: Of the executor.
        active: What should be in force.
        outer: How many seccomp programs it inherited.

    Raises:
        ConfinementUnavailable: The kernel says that a layer is not there, or says nothing.
    """
    threads: list[dict[str, str]] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            try:
                threads.append(_status(f"/proc/{pid}/task/{task}/status"))
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended meanwhile
    except OSError:
        threads.clear()
    said = {name: [thread[name] for thread in threads if name in thread] for name in _WITNESSES}
    seen = {name: _WITNESSES[name](values) for name, values in said.items() if values}
    seen["Threads"] = str(len(threads))
    expected = {
        "no_new_privs": seen.get("NoNewPrivs") == "1",
        # The second program shows that the library's own code had its turn only after the first.  Before Linux 5.9 the
        # kernel does not count them.
        "seccomp": seen.get("Seccomp") == "2"
        and ("Seccomp_filters" not in seen or int(seen["Seccomp_filters"]) >= outer + _OWN_FILTERS),
        "capabilities": set(seen.get("CapEff", "?")) == {"0"},
    }
    missing = [layer for layer, holds in expected.items() if layer in active and not holds]
    if missing:
        raise ConfinementUnavailable(missing, sorted(active - set(missing)), "the kernel does not confirm it")
    return MappingProxyType(seen)


# Field of /proc/<pid>/status -> which of the values of all threads confines least.  Capabilities are a mask of fixed
# width.
_WITNESSES: Final[dict[str, Callable[[list[str]], str]]] = {
    "NoNewPrivs": min,
    "Seccomp": min,
    "Seccomp_filters": functools.partial(min, key=int),
    "CapEff": max,
}


_FIELD: Final = re.compile(rf"^({'|'.join(_WITNESSES)}):\t(\w+)$".encode(), re.ASCII | re.MULTILINE)


def _status(path: str) -> dict[str, str]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        text = os.read(descriptor, 1 << 14)
    finally:
        os.close(descriptor)
    return {name.decode(): value.decode() for name, value in _FIELD.findall(text)}
