"""Types of the C core.  What each function does stands in its docstring and in `core/`."""

from collections.abc import Callable, Mapping, Sequence
from types import CodeType
from typing import Any, TypeAlias, TypeVar

# For what is public; the core itself knows them by what it is configured with.
from pycage.contexts import AccessControlContext
from pycage.permissions import Permission

_T = TypeVar("_T")

# (domains, contexts, limit or None, rest or None): one segment of a stack, newest first.
Raw: TypeAlias = tuple[tuple[Domain, ...], list[object], tuple[object, ...] | None, Raw | None]

class Domain:
    """Base of `ProtectionDomain`: what code objects are tagged with."""

    recording: bool

class Tally:
    """How often a domain was found to have a permission; also the memory of the answer."""

    count: int
    last: float

    def __init__(self, domain: Domain) -> None: ...
    def add(self) -> None: ...
    def retire(self) -> None: ...

def activate(*, allow_subinterpreters: bool) -> None: ...
def advance_epoch() -> None: ...
def bind(context: object, function: Callable[..., _T], /) -> Callable[..., _T]: ...
def call_privileged(
    action: Callable[..., _T], args: tuple[object, ...], kwargs: dict[str, object], context: object, limit: object, /
) -> _T: ...
def check_permission(permission: Permission, /) -> None: ...
def code_domain(code: CodeType, /) -> Domain | None: ...
def configure(
    *,
    events: dict[str, int],
    decide: Callable[..., tuple[Tally, ...] | None],
    decide_event: Callable[..., None],
    host: Domain,
    nobody: Domain,
    permission_types: Mapping[type, object],
    all_permission: type,
    context_type: type,
    find_and_load: CodeType,
) -> None: ...
def do_privileged(
    action: Callable[..., _T],
    /,
    *args: object,
    context: AccessControlContext | None = None,
    limit: Sequence[Permission] | None = None,
) -> _T: ...
def function_domain(function: object, /) -> Domain | None: ...
def hand_off(
    original: Callable[..., object],
    slow: Callable[..., object],
    /,
    *,
    position: int,
    method: bool,
    passes: bool = False,
) -> Any: ...
def open_without_links(path: bytes, flags: int, mode: int, /) -> int: ...
def pass_steps(step_type: type, wakeup: Callable[..., object], passing: tuple[CodeType, ...], /) -> None: ...
def replace_method(kind: type, name: str, value: object, /) -> None: ...
def seal(kind: type[_T], /) -> type[_T]: ...
def set_host_unrestricted(value: bool, /) -> None: ...
def sandbox_calls() -> bool: ...
def snapshot() -> Raw | None: ...
def stack(limit: int, /) -> list[tuple[Domain | None, str, str, int, bool]]: ...
def tag(code: CodeType, domain: Domain, /) -> None: ...
