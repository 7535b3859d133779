"""Types of the host extension.  What each thing does stands in `channel/*.c`."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self, overload

VERSION: int
SETUP: int
SETUP_SIZE: int
ARENA: int
BLOCK: int
CALL: int
CALL_BLOCK: int
SERVE_RING: int
BIND: int
READ: int
WRITE: int
CALLBACK_SHAPE: int
ADDRESS: int
BIND_ADDRESS: int
OK: int
OPEN: int
STAT: int
ACCESS: int
MAX_CHANNELS: int
MAX_FUNCTIONS: int
STACK_WORDS: int
ZYGOTE_SPAWN: int
ZYGOTE_STATUS: int
LAYER_NAMESPACES: int
LAYER_RLIMITS: int
LAYER_CAPABILITIES: int
LAYER_NO_NEW_PRIVS: int
LAYER_LANDLOCK: int
LAYER_SECCOMP: int

class Link:
    """The memory shared with one executor, and the turns taken over it."""

    memory: int
    size: int
    channel_size: int
    channels: int
    remote: int
    timeout: int
    spin: int
    alive: bool
    errno: int
    stats: dict[str, int]

    def __init__(
        self,
        channels: int,
        arena: int,
        heap: int,
        timeout: int,
        spin: int,
        broker: Callable[[int, int, int, bytes, int], int],
        ended: Callable[[str, str, str], None],
    ) -> None: ...
    def start(self, pidfd: int, socket: int, /) -> bool: ...
    def call(
        self, channel: int, operation: int, words: tuple[int, ...], aux: int, name: str, /
    ) -> tuple[int, int, int, int, int, int, int, int]: ...
    def acquire(self) -> int: ...
    def release(self, channel: int, /) -> None: ...
    def reserve(self, channel: int, size: int, /) -> int: ...
    def mark(self, channel: int, to: int = ..., /) -> int: ...
    def close(self) -> None: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

class Function:
    """A function of a library in an executor."""

    _link: Link | None
    name: str
    index: int
    fast: bool
    gate: Callable[[], object] | None
    shape: tuple[int, int]

    def __init__(
        self,
        name: str,
        index: int,
        result: str,
        arguments: bytes,
        fast: bool,  # as the C side takes it
        slow: Callable[[Function, tuple[Any, ...]], Any] | None,
        gate: Callable[[], object] | None = None,
        renew: Callable[[], object] | None = None,
        wrap: Callable[[Link, int], Any] | None = None,
        when: Callable[[], object] | None = None,
    ) -> None: ...
    def __call__(self, *args: Any) -> Any: ...
    def pipeline(self) -> Pipeline: ...
    @overload
    def map(self, *sequences: Iterable[Any] | Sequence[Any], out: None = None) -> list[Any]: ...
    @overload
    def map(self, *sequences: Iterable[Any] | Sequence[Any], out: Any) -> list[Any] | None: ...

class Pipeline:
    """Calls of one function that are not waited for; see Function.pipeline()."""

    def __call__(self, *args: Any) -> None: ...
    def finish(self) -> list[Any]: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...

class Callback:
    """A Python function that the library may call, for as long as this object lives."""

    slot: int

    def __init__(
        self,
        link: Link,
        function: Callable[..., Any],
        result: str,
        arguments: bytes,
        convert: Callable[[tuple[Any, ...]], tuple[Any, ...]] | None = None,
    ) -> None: ...

class Address:
    """A place in the memory of one executor."""

    _link: Link | None

    def __new__(cls, link: Link, number: int, /) -> Self: ...
    def _forget(self) -> None: ...

def pauses(nanoseconds: int, /) -> int: ...
def forget_links_after_fork() -> None: ...
def number(address: Address, /) -> int: ...
