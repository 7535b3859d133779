"""What one sandbox is made of: language, imports, built-ins and exposed objects, wired together.

`Sandbox` is the handle that administers; this is what is inside.  Nothing here checks who calls.
"""

from __future__ import annotations

import decimal
import functools
import io
import sys
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, TextIO, TypeVar, cast, final

from pycage import _core, access, guest_api
from pycage.errors import PolicyError, SandboxExited, type_name
from pycage.exposure import Exposure
from pycage.host_errors import HostErrors
from pycage.imports import Copies, MappingResolver, SandboxLoader, Tools, UnrestrictedPolicy
from pycage.imports.descriptors import Descriptors
from pycage.imports.facades.opening import make_open
from pycage.imports.facades.standard_input import make_input
from pycage.imports.vetted import VettedPolicy
from pycage.interrupts import Interrupts
from pycage.language import GuardSet, Importer, StandIns, attribute_denied, bind, make_builtins, transform
from pycage.permissions import RuntimePermission
from pycage.shims import Shims
from pycage.source_lines import SourceLines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import CodeType, ModuleType

    from pycage.domains import ProtectionDomain
    from pycage.imports import LoaderPolicy, Resolver

__all__ = ["Cage"]

_T = TypeVar("_T")

# Compiling raises an event of its own.  Only that is lent: a sandbox's finalizers can run in the middle.
_COMPILING: Final = functools.partial(_core.do_privileged, limit=(RuntimePermission("defineCode"),))

# Where output of the code that runs goes: stdout and stderr of the run; None: to the host's own.
_run_output: Final[ContextVar[tuple[io.StringIO, io.StringIO] | None]] = ContextVar("pycage.run_output", default=None)
# How many calls of run and load are under way in this thread: these put the context of decimal back.
_contained: Final = threading.local()
_ANY_RUN: Final = "<run>"
_NO_MODULES: Final = MappingResolver({})
_REFLECTION: Final = RuntimePermission("accessDeclaredMembers")


def _is_contained() -> bool:
    return getattr(_contained, "depth", 0) > 0


@final
@_core.seal
class Cage:
    """The inside of one sandbox."""

    __slots__ = (
        "_builtins",
        "_descriptors",
        "_domain",
        "_exposed",
        "_guards",
        "_loader",
        "_shims",
        "_sources",
        "_streams",
        "host_policy",
    )

    def __init__(
        self,
        domain: ProtectionDomain,
        *,
        resolver: Resolver | None,
        sandbox_policy: LoaderPolicy | None,
        host_policy: LoaderPolicy | None,
        registry: Callable[[], object],
    ) -> None:
        """Build it; see `Sandbox` for the arguments.  ``registry``: what its ``Sandboxes.get`` calls."""
        self._domain = domain
        self.host_policy: Final[LoaderPolicy] = VettedPolicy() if host_policy is None else host_policy
        self._exposed: dict[str, Exposure] = {}
        self._shims = Shims(domain)
        self._sources = SourceLines(domain.label)
        self._streams = {"stdout": Stream(0), "stderr": Stream(1)}
        stand_ins = StandIns(domain, _core.code_domain)
        self._guards = GuardSet(domain, _core.code_domain, self._denied, stand_ins)
        stand_ins.attach(self._guards)
        shim = self._shims.function
        self._descriptors = Descriptors()
        open_ = shim(make_open(self._descriptors, self._resource))
        self._loader = SandboxLoader(
            domain.code_source.url or domain.label,
            resolver=_NO_MODULES if resolver is None else resolver,
            sandbox_policy=UnrestrictedPolicy.get() if sandbox_policy is None else sandbox_policy,
            host_policy=self.host_policy,
            compile_module=self._compile,
            module_globals=self._module_globals,
            shim=shim,
            privileged=_core.do_privileged,
            extra={"pycage": lambda: guest_api.names(shim, registry), "builtins": self._public_builtins},
            own_module=self._guards.own_module,
            tools=lambda: self._tools(open_, stand_ins),
            record=access.record_denial,
            copies=self._copies,
        )
        print_ = _printing_to(self._streams["stdout"])
        self._builtins = make_builtins(
            self._guards,
            import_=self._loader.import_,
            open_=open_,
            print_=print_,
            input_=shim(make_input(print_)),
            tag=self._tag,
            privileged=_COMPILING,
        )

    # ---- Code ----

    def load(self, name: str) -> ModuleType:
        """Return an own module; see ``Sandbox.load``."""
        return self._contained(lambda: self._loader.load(name))

    def run(self, source: str, variables: dict[str, object]) -> tuple[object, str, str]:
        """Run source in a fresh namespace; return its value and what it printed."""
        # Compiling raises audit events; it is the host's doing, also if another sandbox asked for this run.
        result_name, code = _COMPILING(self._prepare, source)
        namespace = {**variables, **self._module_globals(), "__name__": "__main__", "__doc__": None}
        output = io.StringIO(), io.StringIO()
        token = _run_output.set(output)
        try:
            self._contained(lambda: exec(code, namespace))  # noqa: S102  what a sandbox is for; the code is judged
        finally:
            _run_output.reset(token)
        value = None if result_name is None else namespace.get(result_name)
        return value, output[0].getvalue(), output[1].getvalue()

    def _prepare(self, source: str) -> tuple[str | None, CodeType]:
        try:
            unbound = transform(source, _ANY_RUN, "run")  # judged once for all sandboxes
        except SyntaxError:
            unbound = transform(source, f"<{self._domain.label}>", "run")  # raises it again, with a name that says more
        name = self._sources.name_run(source)
        return unbound.result_name, bind(unbound, self._guards, self._tag, filename=name)

    def _contained(self, action: Callable[[], _T]) -> _T:
        """Call ``action``; what would end the host comes out as an ordinary error."""
        # The context of decimal is the thread's.  A sandbox that enters localcontext() need not leave it.
        numbers = decimal.getcontext()
        outer = getattr(_contained, "depth", 0)
        _contained.depth = outer + 1
        with Interrupts() as interrupts:
            try:
                return action()
            except Exception:
                raise
            except:  # noqa: E722  SystemExit, what a sandbox derives from BaseException, and what only looks like that
                error = sys.exc_info()[1]
                if type(error) is KeyboardInterrupt and interrupts.seen:
                    raise
                message = f"{self._domain.label} raised {type_name(error)}"
                raise SandboxExited(message) from (error if isinstance(error, BaseException) else None)
            finally:
                _contained.depth = outer
                if decimal.getcontext() is not numbers:
                    decimal.setcontext(numbers)

    def _compile(self, source: bytes, filename: str) -> CodeType:
        # Late: real packages mention what nobody may have in functions that never run.
        unbound = transform(source, filename, late=True)
        return bind(unbound, self._guards, self._tag, filename=self._sources.name_module(source, filename))

    def _module_globals(self) -> dict[str, object]:
        return {"__builtins__": self._builtins}

    def _resource(self, path: str) -> bytes | None:
        return self._loader.own.resource_at(path)

    def _public_builtins(self) -> dict[str, object]:
        return {name: value for name, value in self._builtins.items() if name[0] not in "._"}

    def _tools(self, open_: Callable[..., object], stand_ins: StandIns) -> Tools:
        domain = self._domain
        return Tools(
            owns=self._guards.own,
            read=self._guards.getattr,
            own_code=lambda code: _core.code_domain(code) is domain,
            own_file=self._sources.has,
            handled=self._guards.handled,
            restores=_is_contained,
            streams=self._streams,
            open=open_,
            descriptors=self._descriptors,
            stand_ins=stand_ins,
            build_class=self._guards.build_class,
        )

    def _copies(self, tools: Tools) -> Copies:
        """Make the copies of standard modules: own code, whose import statements are not the guest's."""

        def globals_importing(import_: Callable[..., object]) -> dict[str, object]:
            # `__import__` by its name stays the guest's: it takes names that guests choose.
            return {"__builtins__": {**self._builtins, "__import__": Importer(self._guards, import_).import_}}

        return Copies(
            bind=lambda unbound: bind(unbound, self._guards, self._tag),
            module_globals=globals_importing,
            own_module=self._guards.own_module,
            shim=self._shims.function,
            privileged=_core.do_privileged,
            tools=tools,
        )

    def _tag(self, code: CodeType) -> None:
        _core.tag(code, self._domain)

    def _denied(self, reason: str, name: str | None, type_name: str) -> BaseException:
        """Make and record the denial of a guard: reflection on what is not the sandbox's own."""
        explained = attribute_denied(reason, name, type_name)
        return access.denial(_REFLECTION, self._domain.label, reason="; ".join([str(explained), *explained.__notes__]))

    # ---- Exposed objects ----

    def expose(
        self, name: str, target: object, methods: Sequence[str], attributes: Sequence[str], *, plain_arguments: bool
    ) -> None:
        """Show an object; see ``Sandbox.expose``."""
        if type(name) is not str or not name.isidentifier() or name.startswith("_"):
            message = f"an exposed object needs a public identifier as its name, not {name!r}"
            raise PolicyError(message)
        exposure = Exposure(
            name,
            target,
            label=self._domain.label,
            methods=methods,
            attributes=attributes,
            plain_arguments=plain_arguments,
            shims=self._shims,
            errors=HostErrors(self._guards.own),
        )
        replaced = self._exposed.pop(name, None)
        self._exposed[name] = exposure
        if replaced is not None:
            replaced.recall()
        self._show_exposed()

    def unexpose(self, name: str) -> None:
        """Take an object back; see ``Sandbox.unexpose``."""
        exposure = self._exposed.pop(name, None)
        if exposure is None:
            message = f"nothing is exposed as {name!r}"
            raise PolicyError(message)
        exposure.recall()
        self._show_exposed()

    def _show_exposed(self) -> None:
        self._loader.virtual.set("host", {name: exposure.value for name, exposure in self._exposed.items()})

    def close(self) -> None:
        """Recall what was exposed and forget all modules."""
        for exposure in self._exposed.values():
            exposure.recall()
        self._exposed.clear()
        self._descriptors.close_all()
        self._loader.close()
        self._guards.close()
        self._sources.forget()


@final
@_core.seal
class Stream:
    """``sys.stdout`` or ``sys.stderr`` as a sandbox has it: writes to the result of the run, or to the host's own."""

    __slots__ = ("_elsewhere", "_number")

    encoding = "utf-8"
    errors = "strict"
    closed = False

    def __init__(self, number: int) -> None:
        """Stand for ``stdout`` (0) or ``stderr`` (1)."""
        self._number = number
        self._elsewhere: TextIO | None = None

    def redirect(self, target: object, /) -> object:
        """Write to ``target`` from now on; return what it wrote to before.  ``None``: the result of the run again."""
        before = self._elsewhere
        self._elsewhere = None if target is self else cast("TextIO | None", target)
        return before

    def write(self, text: str, /) -> int:
        """Write text; only exactly str, so that nothing of the sandbox runs in the host's stream."""
        if type(text) is not str:
            message = f"write() needs a str, got {type_name(text)}"
            raise TypeError(message)
        return self._target().write(text)

    def writelines(self, lines: Iterable[str], /) -> None:
        """Write each of ``lines``."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush."""
        self._target().flush()

    def isatty(self) -> bool:
        """Say no: nobody looks."""
        return False

    def writable(self) -> bool:
        """Say yes."""
        return True

    def readable(self) -> bool:
        """Say no."""
        return False

    def _target(self) -> TextIO:
        if self._elsewhere is not None:
            return self._elsewhere
        output = _run_output.get()
        return (sys.stdout, sys.stderr)[self._number] if output is None else output[self._number]


def _printing_to(stdout: Stream) -> Callable[..., None]:
    """Return ``print`` for a sandbox with this standard output."""

    def _print(
        *values: object, sep: str | None = " ", end: str | None = "\n", file: object = None, flush: bool = False
    ) -> None:
        """Print as the built-in does, to the sandbox's own standard output."""
        target = stdout if file is None else file
        print(*values, sep=sep, end=end, file=target, flush=flush)  # type: ignore[call-overload]  # any file there is

    _print.__name__ = _print.__qualname__ = "print"
    return _print
