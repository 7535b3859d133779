"""The table: where the standard library keeps a callable in order to call it on another stack.

Read by `pycage.handoff.wrapping`, which puts a stand-in in place of each function, and by the test that compares it
with ``docs/threat-model.md``.  Classes of threads and pools need more than that and have a module of their own
(`pycage.handoff.threads`), as have event loops (`pycage.handoff.loops`).
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import attrs

__all__ = ["PLACES", "How", "Place"]


class How(Enum):
    """What is done with the argument when a sandbox is on the stack."""

    CALL = "bound"
    STEPS = "each step bound"
    PARTS = "its methods bound"
    FACTORY = "the methods of what it makes bound"
    CALL_OR_PARTS = "bound, or its methods"
    SUSPENDING = "bound, each step if asynchronous"
    ASK = "refused without permission"


@attrs.frozen
class Place:
    """A function or method that stores a callable.

    Attributes:
        owner: Its module, or ``module:Class``.
        name: Its name there.
        stored: For each argument that is stored, its position (the instance of a method counts) and its name.
        how: What is done with them.
        permission: For `How.ASK`: the name of the RuntimePermission.
        passes: Whether asyncio stores things of its own here, such as the next step of a task: they pass.
    """

    owner: str
    name: str
    stored: tuple[tuple[int, str], ...]
    how: How = How.CALL
    permission: str | None = None
    passes: bool = False

    @property
    def module(self) -> str:
        """The module that must have been imported before anything can be replaced."""
        return self.owner.partition(":")[0]


_LOOP: Final = "asyncio.base_events:BaseEventLoop"
_SELECTOR_LOOP: Final = "asyncio.selector_events:BaseSelectorEventLoop"
_SQLITE: Final = "sqlite3:Connection"
_POOL: Final = "multiprocessing.pool:Pool"

# A function is named where it is made; every module that has it under the same name gets the stand-in.
PLACES: Final = (
    # ---- Event loops ----
    Place(_LOOP, "call_soon", ((1, "callback"),), passes=True),
    Place(_LOOP, "call_soon_threadsafe", ((1, "callback"),), passes=True),
    Place(_LOOP, "call_at", ((2, "callback"),), passes=True),  # call_later() calls it
    Place(_LOOP, "create_task", ((1, "coro"),), How.STEPS),  # ensure_future(), gather() and TaskGroup call it
    Place(_LOOP, "run_in_executor", ((2, "func"),)),  # to_thread() calls it
    Place(_LOOP, "set_exception_handler", ((1, "handler"),)),
    Place(_LOOP, "set_task_factory", ((1, "factory"),)),
    Place(_SELECTOR_LOOP, "_add_reader", ((2, "callback"),)),  # add_reader(), servers and transports call it
    Place(_SELECTOR_LOOP, "_add_writer", ((2, "callback"),)),
    Place("asyncio.unix_events:_UnixSelectorEventLoop", "add_signal_handler", ((2, "callback"),)),
    Place("_asyncio:Future", "add_done_callback", ((1, "fn"),), passes=True),
    Place("_asyncio:Task", "add_done_callback", ((1, "fn"),), passes=True),
    Place("asyncio.futures:_PyFuture", "add_done_callback", ((1, "fn"),), passes=True),
    # ---- Threads and pools; see also pycage.handoff.threads ----
    Place("concurrent.futures:Future", "add_done_callback", ((1, "fn"),), passes=True),
    Place("concurrent.futures.thread:ThreadPoolExecutor", "submit", ((1, "fn"),)),  # map() calls it
    Place("concurrent.futures.process:ProcessPoolExecutor", "submit", ((1, "fn"),), How.ASK, permission="otherProcess"),
    Place("threading:Barrier", "__init__", ((2, "action"),)),
    Place("threading", "_register_atexit", ((0, "func"),)),
    Place("threading", "setprofile", ((0, "func"),), How.ASK, permission="setTrace"),
    Place("threading", "settrace", ((0, "func"),), How.ASK, permission="setTrace"),
    Place(_POOL, "apply_async", ((1, "func"), (4, "callback"), (5, "error_callback"))),  # apply() calls it
    Place(_POOL, "_map_async", ((1, "func"), (5, "callback"), (6, "error_callback"))),  # map() and starmap() call it
    Place(_POOL, "imap", ((1, "func"),)),
    Place(_POOL, "imap_unordered", ((1, "func"),)),
    Place("multiprocessing.process:BaseProcess", "__init__", ((2, "target"),)),
    Place("multiprocessing.managers:BaseManager", "register", ((2, "callable"),)),
    Place("multiprocessing.reduction:ForkingPickler", "register", ((2, "reduce"),)),
    Place("multiprocessing.util:Finalize", "__init__", ((2, "callback"),)),
    Place("multiprocessing.util", "register_after_fork", ((1, "func"),)),
    # ---- When an object, a block or the process ends ----
    Place("weakref:finalize", "__init__", ((2, "func"),)),
    Place("_weakref", "proxy", ((1, "callback"),)),
    Place("contextlib:_BaseExitStack", "_push_exit_callback", ((1, "callback"),), How.SUSPENDING),  # all others call it
    Place("atexit", "register", ((0, "func"),)),
    Place(
        "posix",
        "register_at_fork",
        ((9, "before"), (9, "after_in_child"), (9, "after_in_parent")),  # by name only
    ),
    # ---- Signals, timetables ----
    Place("_signal", "signal", ((1, "handler"),)),  # signal.signal() calls it
    Place("sched:scheduler", "__init__", ((1, "timefunc"), (2, "delayfunc"))),
    Place("sched:scheduler", "enterabs", ((3, "action"),)),  # enter() calls it
    Place("tkinter:CallWrapper", "__init__", ((1, "func"),)),  # after(), bind(), protocol(), trace_add() ... call it
    # ---- Registers of the process or of an object that many share ----
    Place("logging:Logger", "addHandler", ((1, "hdlr"),), How.PARTS),
    Place("logging:Filterer", "addFilter", ((1, "filter"),), How.CALL_OR_PARTS),
    Place("logging:Handler", "setFormatter", ((1, "fmt"),), How.PARTS),
    Place("logging", "setLogRecordFactory", ((0, "factory"),)),
    Place("logging.handlers:MemoryHandler", "setTarget", ((1, "target"),), How.PARTS),
    Place("_codecs", "register", ((0, "search_function"),), How.ASK, permission="registerCodec"),
    Place("_codecs", "register_error", ((1, "handler"),)),
    Place("copyreg", "pickle", ((1, "pickle_function"),)),
    Place("email.contentmanager:ContentManager", "add_get_handler", ((2, "handler"),)),
    Place("email.contentmanager:ContentManager", "add_set_handler", ((2, "handler"),)),
    Place("functools", "singledispatch", ((0, "func"),)),  # what its result's register() is given
    Place("shutil", "register_archive_format", ((1, "function"),)),
    Place("shutil", "register_unpack_format", ((2, "function"),)),
    Place("urllib.request", "install_opener", ((0, "opener"),), How.PARTS),
    Place("unittest.case", "addModuleCleanup", ((0, "function"),)),
    Place("unittest.case:TestCase", "addClassCleanup", ((1, "function"),)),
    Place("unittest.case:TestCase", "addCleanup", ((1, "function"),)),
    Place("webbrowser", "register", ((1, "klass"),)),
    Place("wsgiref.simple_server:WSGIServer", "set_app", ((1, "application"),)),
    Place("xmlrpc.server:SimpleXMLRPCDispatcher", "register_function", ((1, "function"),)),
    Place("xmlrpc.server:SimpleXMLRPCDispatcher", "register_instance", ((1, "instance"),), How.PARTS),
    Place("readline", "set_completer", ((0, "function"),)),
    Place("readline", "set_completion_display_matches_hook", ((0, "function"),)),
    Place("readline", "set_pre_input_hook", ((0, "function"),)),
    Place("readline", "set_startup_hook", ((0, "function"),)),
    # ---- Functions of SQL ----
    Place(_SQLITE, "create_function", ((3, "func"),)),
    Place(_SQLITE, "create_aggregate", ((3, "aggregate_class"),), How.FACTORY),
    Place(_SQLITE, "create_window_function", ((3, "aggregate_class"),), How.FACTORY),
    Place(_SQLITE, "create_collation", ((2, "callback"),)),
    Place(_SQLITE, "set_authorizer", ((1, "authorizer_callback"),)),
    Place(_SQLITE, "set_progress_handler", ((1, "progress_handler"),)),
    Place(_SQLITE, "set_trace_callback", ((1, "trace_callback"),)),
    Place("_sqlite3", "register_adapter", ((1, "adapter"),)),
    Place("_sqlite3", "register_converter", ((1, "converter"),)),
)
