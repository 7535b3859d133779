"""The layers of confinement: which are required, which this kernel has, and proof that an executor has them."""

# A layer that is missing is an error that names it, before a byte of the library is mapped; never a weaker confinement
# that nobody asked for.  Who can live without one waives it by name.
#
# The proof does not come from the executor: the kernel says in /proc what a process has.  It shows no_new_privs, the
# number of filters and the capabilities; Landlock it does not show, there the success of the set-up has to do.

from __future__ import annotations

import errno
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import attrs

from pycage_native import _channel, landlock
from pycage_native.errors import ConfinementUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["DEFAULT", "LAYERS", "Layers", "chosen", "refused", "witness"]

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

DEFAULT: Final = frozenset({"rlimits", "capabilities", "no_new_privs", "landlock", "seccomp"})
"""What is required if nothing else is said."""

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
        witnessed: What the kernel said of the running process: name of a field of ``/proc/<pid>/status`` to its value.
    """

    active: frozenset[str]
    landlock: int
    witnessed: MappingProxyType[str, str]


def chosen(require: Iterable[str], waive: Iterable[str]) -> tuple[frozenset[str], int]:
    """Return the layers to put in force, and the version of Landlock.

    Args:
        require: Layers in addition to the default ones.
        waive: Layers to do without if they cannot be had, and only then.

    Raises:
        ValueError: There is no such layer.
        ConfinementUnavailable: One is not to be had here and was not waived.
    """
    wanted, waived = DEFAULT | set(require), set(waive)
    unknown = (wanted | waived) - set(LAYERS)
    if unknown:
        message = f"no such layer: {', '.join(sorted(unknown))}; there are {', '.join(LAYERS)}"
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
    hint = f'{layer} is {reason}: {_HINTS[layer]}; to do without it: load(..., waive=["{layer}"])'
    return ConfinementUnavailable([layer], sorted(set(wanted) - {layer}), hint, library=library)


def step_layer(step: int) -> str | None:
    """Return the layer that a failed step of the set-up belongs to; None: no layer."""
    return _STEPS.get(step)


def witness(pid: int, active: frozenset[str]) -> MappingProxyType[str, str]:
    """Return what the kernel says of a running executor.

    Raises:
        ConfinementUnavailable: It says that a layer is not there.
    """
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace", buffering=1 << 14) as status:
        lines = status.read().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    wanted = ("NoNewPrivs", "Seccomp", "Seccomp_filters", "CapEff")
    seen = {name: fields[name].strip() for name in wanted if name in fields}
    expected = {
        "no_new_privs": seen.get("NoNewPrivs") == "1",
        # A second filter shows that the library's own code had its turn only after the first.
        "seccomp": seen.get("Seccomp") == "2" and int(seen.get("Seccomp_filters", "2")) > 1,
        "capabilities": set(seen.get("CapEff", "0")) == {"0"},
    }
    missing = [layer for layer, holds in expected.items() if layer in active and not holds]
    if missing:
        raise ConfinementUnavailable(missing, sorted(active - set(missing)), "the kernel does not confirm it")
    return MappingProxyType(seen)
