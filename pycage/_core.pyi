"""Types of the C core.  What each function does stands in its docstring and in `_core.c`."""

from collections.abc import Callable, Mapping, Sequence
from types import CodeType
from typing import TypeAlias, TypeVar

_T = TypeVar("_T")

# (domains, contexts, limit or None, rest or None): one segment of a stack, newest first.
Raw: TypeAlias = tuple[tuple[Domain, ...], list[object], tuple[object, ...] | None, Raw | None]

class Domain:
    """Base of `ProtectionDomain`: what code objects are tagged with."""

    recording: bool

def activate(*, allow_subinterpreters: bool) -> None: ...
def advance_epoch() -> None: ...
def bind(context: object, function: Callable[..., _T], /) -> Callable[..., _T]: ...
def call_privileged(
    action: Callable[..., _T], args: tuple[object, ...], kwargs: dict[str, object], context: object, limit: object, /
) -> _T: ...
def check_permission(permission: object, /) -> None: ...
def code_domain(code: CodeType, /) -> Domain | None: ...
def configure(
    *,
    events: dict[str, int],
    decide: Callable[..., bool],
    decide_event: Callable[..., None],
    host: Domain,
    nobody: Domain,
    permission_types: Mapping[type, object],
    all_permission: type,
    context_type: type,
    find_and_load: CodeType,
) -> None: ...
def do_privileged(
    action: Callable[..., _T], /, *args: object, context: object = None, limit: Sequence[object] | None = None
) -> _T: ...
def seal(kind: type[_T], /) -> type[_T]: ...
def set_host_unrestricted(value: bool, /) -> None: ...
def snapshot() -> Raw | None: ...
def stack(limit: int, /) -> list[tuple[Domain | None, str, str, int, bool]]: ...
def tag(code: CodeType, domain: Domain, /) -> None: ...
