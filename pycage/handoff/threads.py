"""Threads and pools of threads: whose context their work carries.

The context of a thread is taken when the Thread object is made *and* when it is started, as in Java.  Work for a pool
is bound to whoever submits it (`pycage.handoff.places`), while the pool's threads belong to whoever made the pool: a
worker born during a sandbox's call would carry that sandbox for ever (jcage's M12b).

CPython 3.11 raises no event when a thread starts, so that permission is asked for here on 3.11.
"""

from __future__ import annotations

import _thread
import functools
import gc
import sys
import threading
import types
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from pycage import _core
from pycage.access import check_permission, context_of
from pycage.handoff.stored import BoundCallable
from pycage.permissions import ThreadPermission

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.access import AccessControlContext

__all__ = ["install", "maker_of", "remember", "submit_as_maker"]

_START: Final = ThreadPermission("start")
_MODIFY: Final = ThreadPermission("modify")

# Every name under which a thread is started.  Thread.start goes through the names in threading, whatever a subclass
# overrides, so the binding cannot be avoided there.
_THREAD_STARTS: Final = (
    (_thread, "start_new_thread"),
    (_thread, "start_new"),
    (_thread, "start_joinable_thread"),  # since 3.13
    (threading, "_start_new_thread"),  # until 3.12
    (threading, "_start_joinable_thread"),  # since 3.13
)


def install() -> None:
    """Put the wrappers in place; once, by the manager."""
    for module, name in _THREAD_STARTS:
        original = getattr(module, name, None)
        if original is not None:
            setattr(module, name, _start_thread(original))
    threading.Thread.__init__ = _remember_maker(threading.Thread.__init__)  # type: ignore[method-assign]  # the point
    threading.Thread.start = _start_as_maker(threading.Thread.start)  # type: ignore[method-assign]
    ThreadPoolExecutor.__init__ = _remember_maker(ThreadPoolExecutor.__init__)  # type: ignore[method-assign]
    for pool in [made for made in gc.get_objects() if isinstance(made, ThreadPoolExecutor)]:
        remember(pool, None)  # there before any sandbox
    ThreadPoolExecutor.shutdown = _shutdown(ThreadPoolExecutor.shutdown)  # type: ignore[method-assign]


# ---- Who made an object ---------------------------------------------------------------------------------------------

# By identity: __hash__ and __eq__ of a sandbox's own subclass must not have a say.  None: the host made it.
_makers: Final[dict[int, tuple[weakref.ref[object], AccessControlContext | None]]] = {}
# A copy of an object has its attributes, but was never made; sandboxes cannot write to what is not their own.
_MARK: Final = "_pycage_maker"


def maker_of(made: object) -> tuple[bool, AccessControlContext | None]:
    """Return whether it is known who made an object, and the context if it was not the host alone."""
    entry = _makers.get(id(made))
    if entry is not None and entry[0]() is made:
        return True, entry[1]
    return False, getattr(made, _MARK, None)


def remember(made: object, context: AccessControlContext | None) -> None:
    """Remember who made an object; None: the host alone."""
    key = id(made)
    _makers[key] = (weakref.ref(made, lambda _: _makers.pop(key, None)), context)
    if context is not None:
        object.__setattr__(made, _MARK, context)


def _remember_maker(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def __init__(self: object, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        raw = _core.snapshot()
        if raw is not None:
            remember(self, context_of(raw))
        elif not maker_of(self)[0]:
            remember(self, None)
        original(self, *args, **kwargs)

    return __init__


# ---- Threads --------------------------------------------------------------------------------------------------------


def _start_thread(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def start(function: Callable[..., object], *args: Any, **kwargs: Any) -> Any:
        raw = _core.snapshot()
        if raw is None:
            # On an empty stack nobody has permissions: a function of C gets a frame of the host's.
            plain = function.__func__ if type(function) is types.MethodType else function
            is_seen = type(plain) is types.FunctionType or not callable(plain)
            return original(function if is_seen else BoundCallable(None, function), *args, **kwargs)
        if sys.version_info < (3, 12):
            check_permission(_START)
        return original(_core.bind(context_of(raw), function), *args, **kwargs)

    return start


def _start_as_maker(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def start(self: threading.Thread) -> None:
        _, maker = maker_of(self)
        if maker is None:
            original(self)
        else:
            _core.bind(maker, original)(self)

    return start


# ---- Pools ----------------------------------------------------------------------------------------------------------


def submit_as_maker(
    original: Callable[..., object], pool: object, args: tuple[object, ...], kwargs: dict[str, object]
) -> object:
    """Submit work that is bound already; a worker that is started for it belongs to the pool, not to the submitter.

    Only for pools whose making was seen: what else calls itself a pool may be made of anything.
    """
    known, maker = maker_of(pool)
    if not known:
        return original(pool, *args, **kwargs)
    return _core.call_privileged(original, (pool, *args), kwargs, maker, None)


def _shutdown(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def shutdown(self: ThreadPoolExecutor, *args: Any, **kwargs: Any) -> None:
        # A sandbox may end its own pools, not those of others.  Source: SecurityManager.checkAccess(ThreadGroup).
        raw = _core.snapshot()
        if raw is not None:
            _, maker = maker_of(self)
            if maker is None or not context_of(raw).is_within(maker):
                check_permission(_MODIFY)
        original(self, *args, **kwargs)

    return shutdown
