"""What is offered of the standard modules for threads, tasks, sockets and processes."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from pycage.imports.stdlib.offer import GLOBAL_STATE, HANDS_OUT, Offer

__all__ = ["OFFERS"]

OFFERS: Final = MappingProxyType(
    {
        # Locks and queues are the real ones; no class of a sandbox can be derived from them, because they keep the
        # event loop in themselves.
        "asyncio": Offer(
            "ALL_COMPLETED Barrier BoundedSemaphore BrokenBarrierError CancelledError Condition Event FIRST_COMPLETED "
            "FIRST_EXCEPTION IncompleteReadError InvalidStateError LifoQueue LimitOverrunError Lock PriorityQueue "
            "Queue QueueEmpty QueueFull QueueShutDown Semaphore SendfileNotAvailableError TimeoutError iscoroutine "
            "iscoroutinefunction isfuture",
            made="Future Runner Task TaskGroup Timeout new_event_loop sleep",
            effects="all_tasks as_completed create_task current_task ensure_future gather get_event_loop "
            "get_running_loop run set_event_loop shield timeout timeout_at to_thread wait wait_for",
            withheld={
                HANDS_OUT: "AbstractChildWatcher AbstractEventLoop AbstractEventLoopPolicy AbstractServer "
                "BaseEventLoop DefaultEventLoopPolicy EventLoop FastChildWatcher Handle MultiLoopChildWatcher "
                "PidfdChildWatcher SafeChildWatcher SelectorEventLoop Server ThreadedChildWatcher TimerHandle "
                "get_child_watcher get_event_loop_policy",
                GLOBAL_STATE: "set_child_watcher set_event_loop_policy",
                "connections of an event loop are not carried; use socket, in threads": "BaseProtocol BaseTransport "
                "BufferedProtocol DatagramProtocol DatagramTransport Protocol ReadTransport StreamReader "
                "StreamReaderProtocol StreamWriter SubprocessProtocol SubprocessTransport Transport WriteTransport "
                "open_connection open_unix_connection start_server start_unix_server",
                "processes of an event loop are not carried; use subprocess": "create_subprocess_exec "
                "create_subprocess_shell",
                "would run, or name, tasks that are not the sandbox's": "create_eager_task_factory "
                "eager_task_factory _enter_task _get_running_loop _leave_task _register_task _set_running_loop "
                "_unregister_task",
                "hands work to a loop in another thread": "run_coroutine_threadsafe wrap_future",
            },
        ),
    }
)
