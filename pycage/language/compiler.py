"""Source to restricted code: `transform` judges and compiles once, `bind` makes the code of one sandbox."""

# Problem.  Judging and compiling is slow (tens of microseconds) and the same for every sandbox; guards and tags belong
# to one sandbox and live in the code object.
#
# Things that do not work:
#
# - Compiled code shared by sandboxes: a code object carries one tag, and one set of guards.
# - code.replace(co_consts=...) to copy it: the copy forgets which locals of an inlined comprehension are hidden
#   (PEP 709), and locals() at module level would then delete globals of the same name.
#
# Idea.  What is kept is the marshalled form, immutable and out of anybody's reach.  Each bind loads a fresh copy and
# puts the guards in the place of their placeholders, before the code can run.
#
# Encodings: bytes are UTF-8.  A coding cookie would make the host look up, and import, a codec that a guest names.
#
# What the caller has to provide: `compile`, `marshal.loads` and `code.__new__` audit events are raised here, on behalf
# of a guest if it called exec().  They are the host's doing, so the call is made privileged.

from __future__ import annotations
import __future__

import ast
import functools
import marshal
import re
import secrets
import types
from typing import TYPE_CHECKING, Final, Literal, cast, final

import attrs

from pycage.errors import RestrictedSyntaxError, SyntaxProblem
from pycage.language import _guards
from pycage.language.transformer import GUARDS, Transformer

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from pycage.language._guards import GuardSet

__all__ = ["RESULT_NAME", "Mode", "Unbound", "bind", "transform", "transform_tree"]

Mode = Literal["exec", "eval", "run"]

# Where code of mode "run" leaves its value.  No source can spell it; a guest that reaches it otherwise only changes
# its own result.
RESULT_NAME: Final = ".result"

_SECRET: Final = secrets.token_hex(16)
_PLACEHOLDERS: Final = {guard: f"\0pycage:{guard}:{_SECRET}" for guard in GUARDS}

_COOKIE: Final = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_UTF_8: Final = frozenset({b"utf-8", b"utf8", b"utf_8", b"ascii", b"us-ascii"})
_FUTURE_FLAGS: Final[int] = functools.reduce(
    int.__or__, (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names), 0
)


@final
@attrs.frozen
class Unbound:
    """Judged and compiled source that belongs to no sandbox yet.  Immutable; may be shared by all.

    Attributes:
        filename: The name that tracebacks show.
        mode: What it was compiled for.
        result_name: The global that holds the value of the last expression after it ran, or None if the source does
            not end in one.  Only of mode ``"run"``.

    """

    filename: str
    mode: Mode
    result_name: str | None
    _data: bytes = attrs.field(repr=False, alias="data")


def _method(display: list[object], name: str) -> object:
    """Return an attribute of a list that was just made.  A method is of a type that nothing of the host's is."""
    found = getattr(list, name, None)
    if type(found) is types.MethodDescriptorType:
        return types.MethodType(found, display)
    return getattr(display, name)


# What stands for these placeholders is the same for all sandboxes.
_NO_GUARDS: Final[dict[str, object]] = {"super": super, "method": _method}


def transform(
    source: str | bytes, filename: str, mode: Mode = "exec", *, flags: int = 0, late: bool = False
) -> Unbound:
    """Judge source and compile it, with placeholders where the guards will be.

    Results are kept, so the same source costs a look-up the second time.

    Args:
        source: Exactly ``str``, or exactly ``bytes`` in UTF-8.
        filename: For tracebacks.  Exactly ``str``; whether it may look like a path is the caller's decision.
        mode: ``"exec"``, ``"eval"``, or ``"run"``: as exec, and the value of a last expression is stored in the global
            `Unbound.result_name`.
        flags: ``compiler_flag`` values of ``__future__`` features to start with; others are refused.
        late: A name that is never available is refused when the line runs, and is no problem of the source.

    Raises:
        RestrictedSyntaxError: All that sandboxed code may not use, at once.
        SyntaxError: It is not Python.
        TypeError, ValueError: An argument is not as described.

    """
    if type(source) not in (str, bytes) or type(filename) is not str or type(flags) is not int:
        raise TypeError(
            "source must be exactly str or bytes (of a file: its text), the filename exactly str, and flags an int"
        )
    if mode not in ("exec", "eval", "run"):
        raise ValueError(f"unknown mode {mode!r}")
    if flags & ~_FUTURE_FLAGS:
        raise ValueError("only flags of __future__ features are available to sandboxed code")
    if len(source) > 1 << 16:
        return _transform(source, filename, mode, flags, late)
    return _kept(source, filename, mode, flags, late)


def bind(
    unbound: Unbound, guards: GuardSet, tag: Callable[[CodeType], object], *, filename: str | None = None
) -> CodeType:
    """Make code of one sandbox.

    Args:
        unbound: From `transform`.
        guards: The sandbox's.
        tag: Called with each code object, nested ones first, before any of it can run.
        filename: What tracebacks show instead of `Unbound.filename`.

    Returns:
        New code, which no other sandbox has.

    """
    table: dict[str, object] = {
        placeholder: _NO_GUARDS[guard] if guard in _NO_GUARDS else getattr(guards, guard)
        for guard, placeholder in _PLACEHOLDERS.items()
    }
    code = cast("CodeType", marshal.loads(unbound._data))  # noqa: S302  our own dump, see above
    return _guards.fill(code, table, tag, unbound.filename if filename is None else filename)


def _transform(source: str | bytes, filename: str, mode: Mode, flags: int, late: bool) -> Unbound:  # noqa: FBT001
    text = _decode(source, filename) if isinstance(source, bytes) else source
    try:
        tree = _parse(text, filename, "eval" if mode == "eval" else "exec", flags)
        return _judged(tree, text, filename, mode, flags, late=late)
    except (RecursionError, MemoryError):
        problem = SyntaxProblem(1, 1, "the source is nested too deeply; split expressions and blocks")
        raise RestrictedSyntaxError(filename, [problem]) from None


def transform_tree(tree: ast.Module, text: str, filename: str) -> Unbound:
    """Judge a module that the host has parsed, and changed; see `transform`.  Nothing is kept, the tree is used up.

    Args:
        tree: Not a guest's: a tree can say what no source can.
        text: What most of it was parsed from, for messages.
        filename: For tracebacks.

    Raises:
        RestrictedSyntaxError: As `transform`.

    """
    return _judged(tree, text, filename, "exec", 0)


def _judged(
    tree: ast.Module | ast.Expression, text: str, filename: str, mode: Mode, flags: int, *, late: bool = False
) -> Unbound:
    transformer = Transformer(_PLACEHOLDERS, _SECRET, late=late)
    transformer.visit(tree)
    if transformer.problems:
        problems = sorted(set(transformer.problems))
        raise RestrictedSyntaxError(filename, problems, _line(text, problems[0].line))
    result_name = _keep_value(tree) if mode == "run" and isinstance(tree, ast.Module) else None
    code = compile(tree, filename, "eval" if mode == "eval" else "exec", flags=flags, dont_inherit=True, optimize=0)
    return Unbound(filename, mode, result_name, marshal.dumps(code))


_kept = functools.lru_cache(maxsize=512)(_transform)


def _parse(text: str, filename: str, mode: Literal["exec", "eval"], flags: int) -> ast.Module | ast.Expression:
    if mode == "eval":
        text = text.lstrip(" \t")  # as the built-in eval
    try:
        tree = compile(text, filename, mode, flags=flags | ast.PyCF_ONLY_AST, dont_inherit=True)
    except ValueError as error:  # null characters, before 3.12; lone surrogates
        raise SyntaxError(str(error), (filename, 1, 1, None)) from None
    return cast("ast.Module | ast.Expression", tree)


def _keep_value(tree: ast.Module) -> str | None:
    """``...; x`` -> ``...; .result = x``."""
    if not tree.body or not isinstance(last := tree.body[-1], ast.Expr):
        return None
    target = ast.copy_location(ast.Name(RESULT_NAME, ast.Store()), last)
    tree.body[-1] = ast.copy_location(ast.Assign([target], last.value), last)
    return RESULT_NAME


def _decode(source: bytes, filename: str) -> str:
    for line in source.split(b"\n", 2)[:2]:
        cookie = _COOKIE.match(line)
        if cookie and cookie[1].lower() not in _UTF_8:
            problem = SyntaxProblem(1, 1, "source must be UTF-8; save it as UTF-8, and remove the coding cookie")
            raise RestrictedSyntaxError(filename, [problem])
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SyntaxError(
            f"source is not UTF-8: {error.reason} at byte {error.start}; save it as UTF-8", (filename, 1, 1, None)
        ) from None


def _line(text: str, number: int) -> str | None:
    lines = text.splitlines()
    return lines[number - 1] if 0 < number <= len(lines) else None
