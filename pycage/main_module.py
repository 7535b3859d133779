"""Running source as ``__main__`` of a sandbox, as ``python script.py`` does.

Unlike `Sandbox.run`: what it prints goes to the host's own output at once, ``sys.argv`` is set, the module has a file
name, and ``sys.modules["__main__"]`` is it.  More source can be run in it, as an interactive console does.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, final

from pycage import _core
from pycage.imports import Source
from pycage.language import bind, transform

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType

    from pycage.language.compiler import Unbound
    from pycage.sandbox import Sandbox

__all__ = ["MainModule", "join_threads", "running_threads"]

_NAME: Final = "__main__"
# In the sandbox's own code: the list is one that its guards let only itself change.
_SET_ARGV: Final = "import sys\nsys.argv[:] = argv"


@final
@_core.seal
class MainModule:
    """The ``__main__`` of one sandbox.  Made by the host, once for a sandbox."""

    __slots__ = ("_cage", "_module", "_names", "_source")

    def __init__(self, sandbox: Sandbox, source: Source, argv: Sequence[str], *, package: str = "") -> None:
        """Make the module; nothing of the source runs yet.

        Args:
            sandbox: Whose.
            source: Its text and file name.
            argv: ``sys.argv`` of the sandbox.
            package: The package that relative imports start from; it is loaded.

        Raises:
            PolicyError: The sandbox is closed.
            AccessDenied, ImportError: The package cannot be loaded.
        """
        sandbox._require_open()
        sandbox._require_own_stack()
        self._cage = sandbox._cage
        self._source = source
        sandbox.run(_SET_ARGV, variables={"argv": list(argv)})
        if package:
            sandbox.load(package)
        modules = self._cage._loader.own
        self._module = modules.new_module(_NAME, Source(_NAME, source.text, source.filename))
        self._names = vars(self._module)
        self._names["__package__"] = package
        # No resolver is asked for that name, so what the sandbox imports by it is this.
        modules.table[_NAME] = self._module

    def run(self) -> None:
        """Run the source.

        Raises:
            RestrictedSyntaxError: It uses what sandboxed code may not use.
            SandboxExited: It raised what would have ended the host, such as SystemExit; that is the cause.
        """
        self._cage._contained(lambda: self._cage._loader.own.execute(self._source, self._names))

    def run_more(self, text: str) -> str | None:
        """Run source in the module's namespace; a last expression that is not None becomes ``_``.

        Returns:
            How that value shows itself (computed by the sandbox, with its permissions); None if there is none.

        Raises:
            RestrictedSyntaxError: The source uses what sandboxed code may not use.
            SandboxExited: As for `run`.
        """
        unbound = transform(text, "<console>", "run")
        code = self._bound(unbound, text)
        return self._cage._contained(lambda: self._value(unbound, code))

    def _bound(self, unbound: Unbound, text: str) -> CodeType:
        cage = self._cage
        return bind(unbound, cage._guards, cage._tag, filename=cage._sources.name_run(text))

    def _value(self, unbound: Unbound, code: CodeType) -> str | None:
        exec(code, self._names)  # noqa: S102  # restricted code of this sandbox
        value = None if unbound.result_name is None else self._names.pop(unbound.result_name, None)
        if value is None:
            return None
        self._names["_"] = value
        shown = repr(value)  # of the sandbox's classes it is the sandbox's code, which is on the stack then
        return str.__str__(shown)


def running_threads() -> list[threading.Thread]:
    """Return the threads that run now, to be handed to `join_threads`."""
    return threading.enumerate()


def join_threads(before: list[threading.Thread]) -> None:
    """Wait, as an interpreter does at its end, for the threads that a program left behind: none of ``before``."""
    known = {id(thread) for thread in before}  # by identity: a class of the program's may have its own idea of equality
    for thread in threading.enumerate():
        if id(thread) not in known and not thread.daemon:
            thread.join()
