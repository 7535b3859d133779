"""`load`: who may load what, into which executor."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pycage import manager
from pycage_native import layers
from pycage_native.admission import admitted, may_grant
from pycage_native.executor import Settings
from pycage_native.library import Library
from pycage_native.limits import Limits
from pycage_native.owner import Owner

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pycage.permissions import Permission

__all__ = ["load"]


def load(
    name: str | os.PathLike[str],
    *,
    permissions: Iterable[Permission] = (),
    limits: Limits | None = None,
    preload: Iterable[str | os.PathLike[str]] = (),
    require: Iterable[str] = (),
    waive: Iterable[str] = (),
    gated: bool | None = None,
    channels: int = 4,
    arena: int = 1 << 20,
    heap: int = 64 << 20,
    spin: int | None = None,
) -> Library:
    """Load a native library into a confined process of its own.

    Args:
        name: A path, or a name such as ``libm.so.6``.
        permissions: What the library may do; by default nothing.  Files are opened for it by the host, if the library
            and everybody on the calling stack may open them.
        limits: How much of the machine it may use.
        preload: Libraries that it opens later by itself; after loading none can be opened any more.
        require: Layers of confinement in addition to those that are always required: ``pycage_native.REQUIRED``.
        waive: Layers to do without if they cannot be had; ``landlock`` is the only one that can be named.
        gated: Whether each call needs ``NativePermission(path, "call")``, too, of everybody on the stack.  None: if a
            sandbox loads it; and of what the host loads, if a sandbox's own code makes the call.
        channels: How many threads can call at the same time, 1 to 16.
        arena: Bytes for arguments by reference, for each channel.
        heap: Bytes for `Library.buffer`.
        spin: Pauses of the processor to wait before sleeping; None: 40 microseconds, or nothing with one processor.

    Raises:
        AccessDenied: The caller lacks ``NativePermission(real path, "load")``, or a permission that it passes on.
        ConfinementUnavailable: A required layer cannot be had here; the library was not touched.
        LibraryError: It does not exist or cannot be loaded.
        LimitExceeded: 64 libraries that this sandbox loaded run already.
        NativeTimeout: Loading it, with its constructors, took longer than ``Limits.load``.
        ValueError: A layer has no such name, or cannot be waived.

    Example:
        >>> from pycage_native import c_double, load
        >>> with load("libm.so.6") as libm:
        ...     libm.function("pow", c_double, [c_double, c_double])(2.0, 10.0)
        1024.0
    """
    path = admitted(name)
    extra = tuple(admitted(other) for other in preload)
    granted = tuple(permissions)
    if granted:
        may_grant(granted)
    settings = Settings(
        path=path,
        preload=extra,
        limits=Limits() if limits is None else limits,
        require=layers.named("require", require),
        waive=layers.named("waive", waive),
        channels=channels,
        arena=arena,
        heap=heap,
        spin=spin,
    )
    owner = Owner.running()
    gate = gated if gated is not None else True if owner.contexts else None
    library = Library(settings, os.path.basename(path), owner, gated=gate)
    manager.POLICY.grant(library._domain.code_source, *granted)
    return library
