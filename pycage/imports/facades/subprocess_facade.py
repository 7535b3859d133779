"""``subprocess`` for a sandbox: programs that it may start, with nothing of the host's that was not given."""

# Problem.  A child has no sandbox: what it may do is what the host may do.  So it matters which program it is, and what
# makes it another one: its environment (LD_PRELOAD, PYTHONSTARTUP), its descriptors, code that runs between fork and
# exec.  And starting one opens pipes by their numbers, sends signals by number, and asks in words that the caller can
# change meanwhile (a list of arguments, a mapping as environment, a path that is asked twice).
#
# Things that do not work:
#
# - The real Popen with the events alone: the pipes of `stdout=PIPE` need permission for bare descriptors, os.kill()
#   needs the child's number before anybody knows it, and without `env` the child gets all that the host was told.
# - Grants for descriptors and signals: they are for any descriptor and any process.
#
# Idea.  Arguments are copied to exact types once.  The events decide about the program, with the sandbox on the stack;
# lent is only what its own pipes need, and a signal to its own child.  The environment is the part of the host's that
# the sandbox may read; each variable that it adds or changes asks for EnvPermission(name, "write"), as os.environ does.
# Descriptors are pipes, nothing, files that the sandbox opened, or those of its own numbers.
#
# What still fails.  If the host reaps children that are not its own (os.waitpid(-1), SIGCHLD ignored), a signal can
# meet another process that got the same number.  Without stdout=... a child writes to the host's standard output.

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING, Any, Final, Self

from pycage.access import check_permission, do_privileged
from pycage.errors import type_name
from pycage.imports.descriptors import FIRST
from pycage.imports.facades.checks import exact, exact_path
from pycage.imports.facades.exact_numbers import exact_integer, exact_seconds
from pycage.imports.facades.opening import UnbufferedFile, unbuffered
from pycage.imports.facades.os_environment import readable
from pycage.imports.facades.shimmed_class import shimmed, slot
from pycage.imports.tools import twin
from pycage.permissions import EnvPermission, FilePermission, ProcessPermission, RuntimePermission

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pycage.imports.facades.checks import Path
    from pycage.imports.tools import Tools

__all__ = ["make"]

# Opening the ends of pipes that were made a moment ago, and the sink of DEVNULL.
_OWN_PIPES: Final = (
    RuntimePermission("readFileDescriptor"),
    RuntimePermission("writeFileDescriptor"),
    FilePermission.exact(os.devnull, "read,write"),
)
_SPECIAL: Final = frozenset({subprocess.PIPE, subprocess.DEVNULL, subprocess.STDOUT})
# A chain of exactly these ends at a descriptor; objects of derived classes could name any.
_BUFFERED: Final = frozenset({io.BufferedReader, io.BufferedWriter, io.BufferedRandom})
_REFUSED: Final = {
    "preexec_fn": "it would run between fork and exec, out of sight",
    "startupinfo": "it is for another system",
    "user": "a child keeps the identity of its parent",
    "group": "a child keeps the identity of its parent",
    "extra_groups": "a child keeps the identity of its parent",
    "pass_fds": "a child gets no other descriptors than its three",
}


def _command(args: object, *, shell: bool) -> Path | list[Path]:
    one = exact(args)
    if type(one) is str or type(one) is bytes:
        return one
    if hasattr(type(args), "__fspath__"):
        if shell:
            message = "path-like args is not allowed when shell is true"
            raise TypeError(message)
        return exact_path(args)
    return [exact_path(part) for part in args]  # type: ignore[attr-defined]  # or TypeError: not iterable


def _environment(env: Mapping[object, object] | None) -> dict[Any, Any]:
    """Return the environment of a child; what is not the host's own asks."""
    allowed: dict[Any, Any] = readable()
    if env is None:
        return allowed
    given = {os.fsdecode(exact_path(name)): os.fsdecode(exact_path(value)) for name, value in env.items()}
    for name, value in given.items():
        if allowed.get(name) != value:
            check_permission(EnvPermission(name, "write"))
    return given


def _found(command: Path | list[Path], environment: Mapping[str, str]) -> Path:
    """Return the program that a command means, looked up in the host's search path if it has no directory."""
    if type(command) is list and not command:
        message = "the list of arguments is empty"
        raise ValueError(message)
    name = command[0] if isinstance(command, list) else command
    text = os.fsdecode(name)
    if "/" in text or not text:
        return text
    path = environment.get("PATH", os.environ.get("PATH", os.defpath))
    return shutil.which(text, path=path) or text


def _stream(value: object, tools: Tools) -> tuple[object, int | None]:
    """Return what a child gets as a standard stream, and a descriptor to close afterwards."""
    if value is None:
        return None, None
    number = exact(value)
    if type(number) is int:
        if number in _SPECIAL:
            return number, None
        if number >= FIRST:
            copied = tools.descriptors.copy(number)
            return copied, copied
    below = value
    if type(below) is io.TextIOWrapper:
        below = io.TextIOWrapper.buffer.__get__(below)
    if type(below) in _BUFFERED:
        below = type(below).raw.__get__(below)  # type: ignore[attr-defined]  # as above
    if type(below) is io.FileIO or type(below) is UnbufferedFile:
        return below.fileno(), None
    message = f"PIPE, DEVNULL, STDOUT or a file that open() returned is needed, not {type_name(value)}"
    raise TypeError(message)


def _word(value: object, name: str) -> str:
    plain = exact(value)
    if type(plain) is not str:
        message = f"{name} must be a str, not {type_name(value)}"
        raise TypeError(message)
    return plain


def _truth(value: object, _name: str) -> bool:
    return bool(value)


_PLAIN: Final[dict[str, Callable[[object, str], object]]] = {
    **dict.fromkeys(("restore_signals", "start_new_session", "text", "universal_newlines"), _truth),
    **dict.fromkeys(("bufsize", "creationflags", "pipesize", "process_group", "umask"), exact_integer),
    **dict.fromkeys(("encoding", "errors"), _word),
}


def _options(options: Mapping[str, object]) -> dict[str, Any]:
    """Return the other arguments of Popen as plain values, or refuse them."""
    given = {name: value for name, value in options.items() if value is not None}
    for name, reason in _REFUSED.items():
        if given.pop(name, None):
            message = f"{name} is not available to sandboxed code: {reason}"
            raise ValueError(message)
    if not given.pop("close_fds", True):
        message = "close_fds=False is not available to sandboxed code: a child would get the host's descriptors"
        raise ValueError(message)
    for name in given:
        if name not in _PLAIN:
            message = f"Popen.__init__() got an unexpected keyword argument {name!r}"
            raise TypeError(message)
    plain = {name: _PLAIN[name](value, name) for name, value in given.items()}
    if plain.get("process_group", 0) not in (-1, 0):
        message = "process_group in a sandbox can only be 0, a group of its own"
        raise ValueError(message)
    return plain


_POSITIONAL: Final = (
    *("bufsize", "executable", "stdin", "stdout", "stderr", "preexec_fn", "close_fds", "shell", "cwd", "env"),
    *("universal_newlines", "startupinfo", "creationflags", "restore_signals", "start_new_session", "pass_fds"),
)


def _start(tools: Tools, args: object, options: dict[str, object]) -> subprocess.Popen[Any]:
    shell = bool(options.pop("shell", False))
    command = _command(args, shell=shell)
    executable, cwd = options.pop("executable", None), options.pop("cwd", None)
    directory = None if cwd is None else exact_path(cwd)
    environment = _environment(options.pop("env", None))  # type: ignore[arg-type]  # a mapping, or AttributeError
    if executable is not None:
        program: Path | None = exact_path(executable)
    else:
        program = None if shell else _found(command, environment)
    streams = {name: _stream(options.pop(name, None), tools) for name in ("stdin", "stdout", "stderr")}
    given = {name: stream for name, (stream, _) in streams.items()}
    if given["stdin"] is None:
        given["stdin"] = subprocess.DEVNULL
    rest = _options(options)

    # Nothing of the caller's is called from here on: all of it is plain.
    plain: dict[str, Any] = {"executable": program, "shell": shell, "cwd": directory, "env": environment}

    def start() -> subprocess.Popen[Any]:
        child: subprocess.Popen[Any] = subprocess.Popen(command, **plain, **given, **rest)  # type: ignore[call-overload]  # noqa: S603  # the events decide
        for name in given:
            end = getattr(child, name)
            if type(end) is io.FileIO:  # bufsize=0: of a type that opens any descriptor
                setattr(child, name, unbuffered(os.dup(end.fileno()), "rb" if end.readable() else "wb"))
                end.close()
        return child

    try:
        return do_privileged(start, limit=_OWN_PIPES)
    finally:
        for _, copied in streams.values():
            if copied is not None:
                os.close(copied)


def _signal(child: subprocess.Popen[Any], number: int) -> None:
    # It is waited for first, under the lock of Popen: the number is the child's as long as nobody has reaped it.
    do_privileged(child.send_signal, number, limit=(ProcessPermission(str(child.pid), "signal"),))


def make(tools: Tools) -> dict[str, object]:  # noqa: C901  # a list of small methods
    """Return what ``pycage.imports.stdlib`` says is made anew."""

    @shimmed(tools, "subprocess")
    class Popen:
        """A child process; see ``subprocess.Popen``."""

        __slots__ = ("__weakref__", "_real")

        def __init__(self, args: object, *positional: object, **options: object) -> None:
            if len(positional) > len(_POSITIONAL):
                message = "too many positional arguments"
                raise TypeError(message)
            write(self, _start(tools, args, {**dict(zip(_POSITIONAL, positional, strict=False)), **options}))

        def __class_getitem__(cls, item: object) -> type[Popen]:
            return cls

        def __repr__(self) -> str:
            return repr(read(self))

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *error: object) -> None:
            read(self).__exit__(*error)  # type: ignore[arg-type]  # passed through

        @property
        def args(self) -> object:
            """The arguments."""
            found = read(self).args
            return list(found) if type(found) is list else found

        @property
        def pid(self) -> int:
            """The number of the process."""
            return read(self).pid

        @property
        def returncode(self) -> int | None:
            """How it ended."""
            return read(self).returncode

        @property
        def stdin(self) -> object:
            """The end of the pipe."""
            return read(self).stdin

        @property
        def stdout(self) -> object:
            """The end of the pipe."""
            return read(self).stdout

        @property
        def stderr(self) -> object:
            """The end of the pipe."""
            return read(self).stderr

        def poll(self) -> int | None:
            """Return how it ended, None if it runs."""
            return read(self).poll()

        def wait(self, timeout: object = None) -> int:
            """Wait until it ends."""
            return read(self).wait(None if timeout is None else exact_seconds(timeout))

        def communicate(self, input: Any = None, timeout: object = None) -> tuple[Any, Any]:  # noqa: A002  # the real one's
            """Send input, and return all output."""
            return read(self).communicate(input, None if timeout is None else exact_seconds(timeout))

        def send_signal(self, sig: object) -> None:
            """Send a signal to this child."""
            _signal(read(self), exact_integer(sig, "the signal"))

        def terminate(self) -> None:
            """Ask it to end."""
            _signal(read(self), signal.SIGTERM)

        def kill(self) -> None:
            """End it."""
            _signal(read(self), signal.SIGKILL)

    read, write = slot(Popen, "_real", subprocess.Popen)

    again: dict[str, Callable[..., object]] = twin(subprocess, {"Popen": Popen})  # type: ignore[assignment]  # functions
    functions = ("call", "check_call", "check_output", "getoutput", "getstatusoutput", "run")
    return {"Popen": Popen, **{name: again[name] for name in functions}}
