"""Pools: several executors with the same library, for calls at the same time that must not share anything."""

from __future__ import annotations

import queue
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, final

from pycage.access import do_privileged
from pycage_native.loading import load

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from types import TracebackType

    from pycage_native.library import Library

__all__ = ["Pool"]


def _renew(library: Library) -> None:
    library.restart()


@final
class Pool:
    """Executors of one library, lent to one user at a time.  A context manager that closes them.

    Args:
        name: As for `load`.
        size: How many.
        reuse: After how many uses an executor is started anew, so that nothing of one user is left for the next; None:
            only after a crash.
        options: As for `load`.

    Example:
        >>> with pycage_native.Pool("libc.so.6", 1) as pool, pool.library() as libc:
        ...     libc.function("abs")(-1)
        1
    """

    def __init__(self, name: str | os.PathLike[str], size: int, *, reuse: int | None = None, **options: Any) -> None:
        if size < 1 or (reuse is not None and reuse < 1):
            message = "a pool has at least one executor, which is used at least once"
            raise ValueError(message)
        self._reuse = reuse
        self._uses: dict[Library, int] = {}
        self._idle: queue.LifoQueue[Library] = queue.LifoQueue()
        self._all: list[Library] = []
        try:
            for _ in range(size):
                library = load(name, **options)
                self._all.append(library)
                self._idle.put(library)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def library(self, timeout: float | None = None) -> Iterator[Library]:
        """Lend a library that nobody else uses meanwhile.

        Args:
            timeout: Seconds to wait for one.

        Raises:
            TimeoutError: None became idle in time.
        """
        try:
            library = self._idle.get(timeout=timeout)
        except queue.Empty:
            message = f"all {len(self._all)} executors are in use"
            raise TimeoutError(message) from None
        try:
            yield library
        finally:
            self._uses[library] = self._uses.get(library, 0) + 1
            try:
                if self._reuse is not None and self._uses[library] >= self._reuse:
                    self._uses[library] = 0
                    do_privileged(_renew, library)  # the pool's own decision, whoever the user was
            finally:
                self._idle.put(library)

    def close(self) -> None:
        """Kill all executors."""
        for library in self._all:
            library.close()

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
