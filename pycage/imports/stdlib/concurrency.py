"""What is offered of the standard modules for threads, tasks, sockets and processes."""

from __future__ import annotations

import signal
import socket
from types import MappingProxyType
from typing import Final

from pycage.imports.stdlib.offer import GLOBAL_STATE, HANDS_OUT, INTERNAL, Offer

__all__ = ["OFFERS"]


def _constants(module: object, prefixes: str) -> str:
    """Return the names of numbers, and of enumerations of numbers: they differ from system to system."""
    return " ".join(
        name
        for name, value in vars(module).items()
        if name.startswith(tuple(prefixes.split())) and issubclass(type(value), int)
    )


# SOL_SOCKET, SO_REUSEADDR, AF_INET, ...
_SOCKET_CONSTANTS: Final = _constants(
    socket,
    "AF_ AI_ ALG_ BDADDR_ BTPROTO_ CAN_ EAI_ ETH HCI_ HV_ INADDR_ IOCTL_ IP IPV6_ IPX_ J1939_ MSG_ NETLINK_ NI_ "
    "PACKET_ PF_ RDS_ SCAN_ SCM_ SHUT_ SO SOL_ TCP_ TIPC_ UDPLITE_ VM",
)

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
            "get_running_loop run set_event_loop shield timeout timeout_at to_thread wait wait_for "
            "run_coroutine_threadsafe wrap_future",
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
            },
            why="a loop of the sandbox's own; callbacks carry what their sandbox may do",
        ),
        # A child is not in the sandbox: who may start a program may do what that program can do.
        "subprocess": Offer(
            "CalledProcessError CompletedProcess DEVNULL PIPE STDOUT SubprocessError TimeoutExpired",
            made="Popen",
            effects="call check_call check_output getoutput getstatusoutput run",
            why="starting a program asks for permission",
        ),
        "concurrent": Offer(),
        "concurrent.futures": Offer(
            "ALL_COMPLETED BrokenExecutor CancelledError Executor FIRST_COMPLETED FIRST_EXCEPTION Future "
            "InvalidStateError TimeoutError as_completed wait",
            why="starting a thread asks for permission, and work carries what its sandbox may do",
            made="ThreadPoolExecutor",
            withheld={
                "starts processes that are not in the sandbox": "ProcessPoolExecutor",
                "code in another interpreter is out of sight of every check": "InterpreterPoolExecutor",
            },
        ),
        "signal": Offer(
            f"{_constants(signal, 'SIG ITIMER_ NSIG')} Handlers ItimerError Sigmasks Signals strsignal valid_signals",
            why="setting a handler or a timer, and sending a signal, ask for permission",
            effects="alarm getsignal raise_signal setitimer signal",
            withheld={
                "takes signals away from the host": "pause pthread_sigmask siginterrupt sigpending sigtimedwait "
                "sigwait sigwaitinfo struct_siginfo",
                "sends a signal to a thread or process by a number that may be another's by now": "pthread_kill "
                "pidfd_send_signal",
                "writes to a descriptor of the host": "set_wakeup_fd",
                HANDS_OUT: "default_int_handler getitimer",
            },
        ),
        "socket": Offer(
            f"{_SOCKET_CONSTANTS} AddressFamily BDADDR_ANY BDADDR_LOCAL SocketKind error gaierror getdefaulttimeout "
            "getprotobyname has_ipv6 herror htonl htons inet_aton inet_ntoa inet_ntop inet_pton ntohl ntohs timeout",
            made="socket",
            effects="create_connection create_server getaddrinfo getfqdn gethostbyaddr gethostbyname gethostbyname_ex "
            "gethostname getnameinfo getservbyname getservbyport has_dualstack_ipv6 if_indextoname if_nameindex "
            "if_nametoindex socketpair",
            withheld={
                GLOBAL_STATE: "setdefaulttimeout sethostname",
                "takes, or passes on, any descriptor of the host": "CMSG_LEN CMSG_SPACE close dup fromfd "
                "recv_fds send_fds",
                "the class below socket, which adopts descriptors": "SocketType",
                INTERNAL: "CAPI",
            },
            why="every connection asks for permission",
        ),
    }
)
