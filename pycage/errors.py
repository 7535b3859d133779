"""Every error of pycage, in one module that imports only the core, so that no import can run in circles.

Errors are divided by whose fault it is: `PolicyError` and `DuplicateSandboxError` are mistakes of the host,
`AccessDenied`, `RestrictedSyntaxError` and `LimitExceeded` are answers to a sandbox.  Each is also the built-in error
that a caller would already catch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, final
from weakref import WeakKeyDictionary

from pycage import _core

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "AccessDenied",
    "DuplicateSandboxError",
    "ImportDenied",
    "LimitExceeded",
    "ModuleMissingError",
    "NotPlainError",
    "PolicyError",
    "PolicyFileError",
    "PycageError",
    "RestrictedSyntaxError",
    "SandboxExited",
    "StackEntry",
    "SyntaxProblem",
    "WrongLoaderError",
]


_TYPE_NAME = type.__dict__["__name__"].__get__
_LONGEST_NAME = 80


def type_name(value: object) -> str:
    """Return the name of a value's type for a message, without running code of the value, its type or its metaclass."""
    name: object = _TYPE_NAME(type(value))
    return name[:_LONGEST_NAME] if type(name) is str else "unnamed"


class PycageError(Exception):
    """Base of all errors of pycage; never raised itself.

    Example:
        >>> try:
        ...     pycage.Sandbox("two words")
        ... except pycage.PycageError as error:
        ...     print(type(error).__name__)
        PolicyError
    """


class StackEntry(NamedTuple):
    """One line of a denial's chain: whose code ran, and in which function.  Text only, never a frame.

    Example:
        >>> with pycage.Sandbox("reader") as sandbox:
        ...     try:
        ...         sandbox.run("open('/srv/a.txt')")
        ...     except pycage.AccessDenied as denied:
        ...         print(pycage.StackEntry('sandbox "reader"', "<module> line 1") in denied.chain)
        True
    """

    domain: str
    function: str


class AccessDenied(PycageError, PermissionError):
    """A permission was refused, or a module may not be imported.

    Sandboxed code can catch it, so it holds text and immutable values only: no frame, no domain, no policy.

    Attributes:
        permission: What was asked for (an immutable permission).
        domain: Name of the domain nearest to the call that lacks it, such as ``sandbox "plugins"`` or ``host``.
        chain: What was on the stack, newest first.

    Example:
        >>> with pycage.Sandbox("reader") as sandbox:
        ...     try:
        ...         sandbox.run("open('/srv/a.txt')")
        ...     except pycage.AccessDenied as denied:
        ...         print(denied.permission, denied.domain)
        ("FilePermission" "/srv/a.txt" "read") sandbox "reader"
    """

    def __init__(
        self,
        message: str,
        *,
        permission: object = None,
        domain: str | None = None,
        chain: Sequence[StackEntry] = (),
    ) -> None:
        super().__init__(message)
        self.permission = permission
        self.domain = domain
        self.chain = tuple(chain)

    @property
    def __notes__(self) -> list[str]:
        """Further lines of the message.  Where it matters, only the host is told exactly what would allow it."""
        notes: list[str] | None = self.__dict__.get("__notes__")
        if notes is None:
            raise AttributeError(name="__notes__", obj=self)
        if type(self) is AccessDenied and self in _only_for_the_host and _core.snapshot() is None:
            told, exact = _only_for_the_host[self]
            # A copy: the sandbox may have kept this error, and reads it again after the host has.
            return [exact if note == told else note for note in notes]
        return notes

    @__notes__.setter
    def __notes__(self, notes: list[str]) -> None:
        self.__dict__["__notes__"] = notes

    @__notes__.deleter
    def __notes__(self) -> None:
        self.__dict__.pop("__notes__", None)

    def add_note(self, note: str, /) -> None:
        """Add a line to the message, as of any exception."""
        if not isinstance(note, str):
            message = f"note must be a str, not {type_name(note)!r}"
            raise TypeError(message)
        self.__dict__.setdefault("__notes__", []).append(note)


# The note that is exact, in place of the one that whoever asked may read.  Where a link leads is nothing for a sandbox
# that was refused it, and sandboxes catch denials.
_only_for_the_host: Final[WeakKeyDictionary[AccessDenied, tuple[str, str]]] = WeakKeyDictionary()


def add_advice(denied: AccessDenied, told: str, exact: str) -> None:
    """Add a note to an error, which is ``exact`` when only the host is on the stack of who reads it."""
    denied.add_note(told)
    if exact != told:
        _only_for_the_host[denied] = told, exact


class ImportDenied(AccessDenied):
    """A module may not be imported.

    It cannot be an `ImportError`, whose layout in memory is another than that of `PermissionError`.  It has its
    attributes, and ``except ImportError`` in sandboxed code catches it: modules ask that way what is there.

    Attributes:
        name: The module that was asked for.
        msg: The message, ``module access denied: <name>``.
        path: None; for who expects an ImportError.
        name_from: None; as above.

    Example:
        >>> with pycage.Sandbox("curious") as sandbox:
        ...     try:
        ...         sandbox.run("import gc")
        ...     except pycage.ImportDenied as denied:
        ...         print(denied.name)
        gc
    """

    def __init__(
        self,
        message: str,
        *,
        name: str | None = None,
        permission: object = None,
        domain: str | None = None,
        chain: Sequence[StackEntry] = (),
    ) -> None:
        super().__init__(message, permission=permission, domain=domain, chain=chain)
        self.name = name
        self.msg = message
        self.path: str | None = None
        self.name_from: str | None = None


class PolicyError(PycageError, ValueError):
    """The host wrote an invalid grant, rule or policy; nothing was changed.

    Example:
        >>> pycage.rules("permit json")
        Traceback (most recent call last):
            ...
        pycage.errors.PolicyError: ...
    """


class PolicyFileError(PolicyError):
    """A policy file cannot be used; nothing was changed.

    Attributes:
        problems: Everything that is wrong, in the order of the file: where, what, and how to put it right.

    Example:
        >>> try:
        ...     pycage.read_policy("default.alow = []")
        ... except pycage.PolicyFileError as error:
        ...     print(error.problems[0].partition(";")[0])
        policy, line 1, default.alow: unknown key "alow"
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class DuplicateSandboxError(PycageError, ValueError):
    """A sandbox of this name exists already; the message is the name.  Close the other one, or choose another name.

    Example:
        >>> with pycage.Sandbox("only_one"):
        ...     pycage.Sandbox("only_one")
        Traceback (most recent call last):
            ...
        pycage.errors.DuplicateSandboxError: only_one
    """


class ModuleMissingError(PycageError, ImportError):
    """A module that was asked for is nowhere to be found; the cause is the loader's own error.

    Example:
        >>> with pycage.Sandbox("empty", host_policy=pycage.rules("allow nowhere")) as sandbox:
        ...     sandbox.load("nowhere")
        Traceback (most recent call last):
            ...
        pycage.errors.ModuleMissingError: ...
    """


class WrongLoaderError(PycageError, ImportError):
    """A module was found, but it is the host's and not the sandbox's own.

    Example:
        >>> with pycage.Sandbox("mistaken") as sandbox:
        ...     sandbox.load("json")
        Traceback (most recent call last):
            ...
        pycage.errors.WrongLoaderError: ...
    """


class SandboxExited(PycageError, RuntimeError):
    """Sandboxed code raised something that would have ended the host, such as SystemExit; it is the cause.

    Example:
        >>> with pycage.Sandbox("leaving") as sandbox:
        ...     sandbox.run("raise SystemExit(1)")
        Traceback (most recent call last):
            ...
        pycage.errors.SandboxExited: ...
    """


class LimitExceeded(PycageError, RuntimeError):
    """A limit in time, size or number was reached; the message names the limit.

    Example:
        >>> pycage.plain([[["deep"]]], max_depth=2)
        Traceback (most recent call last):
            ...
        pycage.errors.LimitExceeded: ...
    """


class NotPlainError(PycageError, TypeError, ValueError):
    """What should be plain data is none, or contains itself, or was changed while it was copied.

    Attributes:
        path: The way to what is wrong, such as ``value["a"][3]``.

    Example:
        >>> try:
        ...     pycage.plain({"a": [1, object()]})
        ... except pycage.NotPlainError as error:
        ...     print(error.path)
        value['a'][1]
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path


class SyntaxProblem(NamedTuple):
    """One thing that sandboxed source may not do.  ``line`` counts from 1, ``column`` from 1.

    Example:
        >>> problem = pycage.SyntaxProblem(line=2, column=5, message="this is not allowed")
        >>> pycage.RestrictedSyntaxError("plugin.py", [problem]).problems[0].line
        2
    """

    line: int
    column: int
    message: str


_MOST_PROBLEMS = 100


@final
class RestrictedSyntaxError(PycageError, SyntaxError):
    """Source uses what sandboxed code may not use.  ``problems`` lists all of it, in the order of the source.

    ``str()`` shows all of it, one problem a line; so does a traceback, which has the first in its last line and the
    others as notes.  Of more than a hundred, these texts say how many there are.

    Example:
        >>> with pycage.Sandbox("prying") as sandbox:
        ...     try:
        ...         sandbox.run("a.gi_frame; b.f_locals")
        ...     except pycage.RestrictedSyntaxError as error:
        ...         print([(problem.line, problem.column) for problem in error.problems])
        [(1, 1), (1, 13)]
    """

    def __init__(self, filename: str, problems: Sequence[SyntaxProblem], source_line: str | None = None) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        super().__init__(first.message + more, (filename, first.line, first.column, source_line))
        for line in self._listed()[1:]:
            self.add_note(line)

    def _listed(self) -> list[str]:
        lines = [
            f"{self.filename}, line {problem.line}, column {problem.column}: {problem.message}"
            for problem in self.problems[:_MOST_PROBLEMS]
        ]
        if len(self.problems) > _MOST_PROBLEMS:
            lines.append(f"and {len(self.problems) - _MOST_PROBLEMS} more")
        return lines

    def __str__(self) -> str:
        return "\n".join(self._listed())
