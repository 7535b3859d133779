"""What running source in a sandbox came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import attrs

from pycage import _core
from pycage.plain import MAX_BYTES, MAX_DEPTH, MAX_ITEMS, plain

if TYPE_CHECKING:
    from pycage.decisions import PermissionRequest

__all__ = ["Result"]


@final
@_core.seal
@attrs.frozen
class Result:
    """What a `Sandbox.run` came to.

    Attributes:
        value: The value of the last statement if that is an expression, else None.  It is the sandbox's own object,
            not a copy: its methods are the sandbox's code.  `plain` copies it.
        stdout: What was printed.
        stderr: What was printed to ``sys.stderr``.
        requests: What permissions were asked for, in order, and whether they were granted.

    Example:
        >>> with pycage.Sandbox("counter") as sandbox:
        ...     result = sandbox.run("print('counting'); [6 * 7]")
        >>> result.plain(), result.stdout.strip()
        ([42], 'counting')
    """

    value: object
    stdout: str
    stderr: str
    requests: tuple[PermissionRequest, ...]

    def plain(self, *, max_depth: int = MAX_DEPTH, max_items: int = MAX_ITEMS, max_bytes: int = MAX_BYTES) -> Any:
        """Return a copy of ``value`` in plain data, of which nothing is the sandbox's code; see `pycage.plain`.

        Raises:
            NotPlainError: Something in it is no plain data.
            LimitExceeded: It is deeper or larger than that.
        """
        return plain(self.value, max_depth=max_depth, max_items=max_items, max_bytes=max_bytes)
