"""How much of the machine one library may use."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from typing import Any

__all__ = ["Limits"]

_MEMORY: Final = 4 << 30


def _positive(_limits: object, attribute: attrs.Attribute[Any], value: float | None) -> None:
    if value is not None and not value > 0:
        message = f"Limits: {attribute.name} must be above 0, or None for no limit; got {value!r}"
        raise ValueError(message)


def _not_negative(_limits: object, attribute: attrs.Attribute[Any], value: int) -> None:
    if type(value) is not int or value < 0:
        message = f"Limits: {attribute.name} must be a whole number, 0 or more; got {value!r}"
        raise ValueError(message)


@attrs.frozen(kw_only=True)
class Limits:
    """How much of the machine one executor may use.

    Attributes:
        wall: Seconds for one call, with all its callbacks; None: no limit.
        load: Seconds for loading the library, with its constructors; None: no limit, and a constructor that never
            returns holds whoever loads or uses the library for ever.
        cpu: Seconds of processor time for the whole life of the executor, all threads together; None: no limit.
        memory: Bytes of address space.  A library that asks for more gets ENOMEM.
        threads: How many threads the library may start; 0: none, and the kernel refuses.  Above 0 the number counts for
            all processes of the executor's user together (RLIMIT_NPROC), so it stops a flood and is not exact.
        open_files: Descriptors.
        file_size: Bytes that a file may grow to, should writing be granted.

    Example:
        >>> limits = pycage_native.Limits(wall=2.0, memory=256 << 20, threads=0)
        >>> with pycage_native.load("libc.so.6", limits=limits) as libc:
        ...     libc.function("abs")(-1)
        1
    """

    wall: float | None = attrs.field(default=None, validator=_positive)
    load: float | None = attrs.field(default=10.0, validator=_positive)
    cpu: float | None = attrs.field(default=None, validator=_positive)
    memory: int = attrs.field(default=_MEMORY, validator=_positive)
    threads: int = attrs.field(default=4096, validator=_not_negative)
    open_files: int = attrs.field(default=64, validator=_not_negative)
    file_size: int = attrs.field(default=1 << 30, validator=_not_negative)

    def rlimits(self, mapped: int) -> list[tuple[int, int]]:
        """Return resources and their limits.

        Args:
            mapped: Bytes of the memory shared with the host, which count as the executor's address space.
        """
        limits = [
            (resource.RLIMIT_AS, self.memory + mapped),
            (resource.RLIMIT_NOFILE, max(self.open_files, 8)),
            (resource.RLIMIT_FSIZE, self.file_size),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_MEMLOCK, 0),
            (resource.RLIMIT_NPROC, max(self.threads, 1) + 16),
        ]
        if self.cpu is not None:
            limits.append((resource.RLIMIT_CPU, max(1, round(self.cpu))))
        return limits
