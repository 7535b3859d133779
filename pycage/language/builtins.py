"""The sandbox's built-ins: what stands in ``__builtins__`` of every module of a sandbox."""

# Problem.  Built-in functions that take a name or a namespace go around what the compile step judged: getattr, vars,
# exec.  And the dictionary of globals of a function decides, through its "__builtins__" entry, what *host* code gives
# to a string that it evaluates there (typing.get_type_hints, dataclasses): whoever removes the entry gets the host's
# own built-ins (D234).
#
# Things that do not work:
#
# - `__builtins__` put into the dictionary given to exec(): it is the guest's dictionary, and the guest deletes it
#   again.
# - globals() as the real dictionary: the same.
# - A function instead of `type`: `class M(type)` and `isinstance(x, type)` stop working.
#
# Idea.  A guest never holds the dictionary that a function has as its globals.  globals(), and vars() and locals() at
# module level, are copies; exec and eval run in a dictionary of their own and bring changes back afterwards.  `type` is
# the real one: with one argument it gives a class, which is nothing by itself, and with three it makes a class, which
# is the sandbox's own if the call is written out (transformer.py).
#
# compile() returns an opaque object and not a code object, whose replace() would make any bytecode.
#
# What still fails.  Functions defined by exec(source, d) do not see what is put into d later.

from __future__ import annotations

import builtins as host
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar, cast, final

from pycage import _core
from pycage.errors import AccessDenied
from pycage.language import _guards
from pycage.language.compiler import Unbound, bind, transform
from pycage.language.formatting import format_safely
from pycage.language.globals import Globals
from pycage.language.names import NEVER, UNBINDABLE, classify, storable
from pycage.language.transformer import IMPORT_FUNCTION
from pycage.source_lines import RESERVED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import CodeType

    from pycage.language._guards import GuardSet
    from pycage.language.compiler import Mode

__all__ = ["ABSENT", "RAW", "Importer", "Namespaces", "RestrictedCode", "make_builtins"]

_T = TypeVar("_T")
_Names: TypeAlias = dict[str, object]

# Handed out as they are: they work on what they are given, through its public methods.
RAW: Final = frozenset(
    """
    ArithmeticError False None True Ellipsis NotImplemented
    abs aiter all anext any ascii bin bool bytearray bytes callable chr classmethod complex dict divmod enumerate filter
    float format frozenset hash hex id int isinstance issubclass len list map max memoryview min next object oct
    ord pow property range repr reversed round set slice sorted staticmethod str sum super tuple type zip
    """.split()  # noqa: SIM905  # names are read more easily without quotes
)

# Not there at all: they talk to a terminal, or stand for the host's interpreter.
ABSENT: Final = frozenset({"help", "copyright", "credits", "license", "__loader__", "__spec__", "__package__", "_"})

_BASE: Final[dict[str, object]] = {
    "__name__": "builtins",
    "__debug__": True,
    **{name: getattr(host, name) for name in sorted(RAW)},
    **{
        name: value
        for name, value in vars(host).items()
        if isinstance(value, type) and issubclass(value, BaseException)
    },
}


def make_builtins(
    guards: GuardSet,
    *,
    import_: Callable[..., object],
    open_: Callable[..., object],
    print_: Callable[..., object],
    tag: Callable[[CodeType], object],
    input_: Callable[..., object] | None = None,
    privileged: Callable[..., _T] | None = None,
) -> dict[str, object]:
    """Make the built-ins of one sandbox.

    Args:
        guards: The sandbox's.
        import_: Its ``__import__``, called as CPython does.  Decides about modules, and returns the module itself; what
            a ``from`` import reads off it is judged here.
        open_: Its ``open``.
        print_: Its ``print``.
        tag: As for `bind`; for code that exec, eval and compile make.
        input_: Its ``input``; without one, input is refused.
        privileged: Calls ``f(*args)`` with the host's permissions; compiling raises audit events of its own.  Default:
            plain calls.

    Returns:
        A new dictionary, to be put into the globals of every module as ``__builtins__``.  No guest may get hold of it.

    """
    built: dict[str, object] = _BASE.copy()
    namespaces = Namespaces(guards, built, tag, privileged)
    built["getattr"] = guards.getattr
    built["hasattr"] = guards.hasattr
    built["setattr"] = guards.setattr
    built["delattr"] = guards.delattr
    built["__build_class__"] = guards.build_class
    built["iter"] = _guards.iter
    built["globals"] = namespaces.globals
    built["locals"] = namespaces.locals
    built["vars"] = namespaces.vars
    built["dir"] = namespaces.dir
    built["eval"] = namespaces.eval
    built["exec"] = namespaces.exec
    built["compile"] = namespaces.compile
    built["__import__"] = Importer(guards, import_).import_
    built[IMPORT_FUNCTION] = import_
    built["open"] = open_
    built["print"] = print_
    built["input"] = _refused_input if input_ is None else input_
    built["breakpoint"] = _refused_breakpoint
    built["exit"] = built["quit"] = _exit
    return built


def _refused_input(prompt: object = "", /) -> str:  # noqa: ARG001  called as the built-in
    raise AccessDenied("access denied: input")


def _refused_breakpoint(*args: object, **kwargs: object) -> None:  # noqa: ARG001  called as the built-in
    raise AccessDenied("access denied: breakpoint")


def _exit(code: object = None) -> None:
    raise SystemExit(code)


@final
@_core.seal
class RestrictedCode:
    """What ``compile`` gives a sandbox: source that was judged, for exec and eval.  Says nothing about itself.

    Only this module makes them: guests reach the class, and what one holds is loaded as code.
    """

    __slots__ = ("_unbound",)

    _unbound: Unbound

    def __init__(self) -> None:
        raise TypeError("only compile() makes these")

    @classmethod
    def _make(cls, unbound: Unbound) -> RestrictedCode:
        made = object.__new__(cls)
        made._unbound = unbound
        return made

    @property
    def filename(self) -> str:
        """What tracebacks will show."""
        return self._unbound.filename

    def replace(self, *, co_name: str | None = None) -> RestrictedCode:
        """Return the same code: the name of the code of a module is shown in tracebacks only."""
        if co_name is not None and type(co_name) is not str:
            raise TypeError("co_name must be exactly str")
        return self


# Problem.  `from m import x` is two steps: the import statement calls __import__, and then the interpreter reads the
# attribute itself.  If m has no x, it takes sys.modules[m.__name__ + ".x"], the *host's*: a module of the sandbox that
# says `__name__ = "os"` and has no attribute `path` gets the host's os.path.  `from m import *` reads whatever
# m.__all__ says, "__dict__" too, and the __all__ of a shared module is a list that guests can append to.
#
# Idea.  What the statement is given is not the module but a namespace with exactly the names it asks for, each read
# once, through the guard that decides about `m.x`, and without a __name__.  This is the only place where that is done:
# what `import_` returns is the module itself.


def _importable(name: str) -> bool:
    """Whether a name that a module has may become a variable."""
    return storable(name) and name != "__dict__"


@final
class Importer:
    """What import statements call.  Guests cannot: their ``__import__`` is another function, see transformer.py."""

    __slots__ = ("_guards", "_import")

    def __init__(self, guards: GuardSet, import_: Callable[..., object]) -> None:
        self._guards = guards
        self._import = import_

    def import_(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002  CPython's signature
        locals: Mapping[str, object] | None = None,  # noqa: A002  CPython's signature
        fromlist: tuple[str, ...] | list[str] | None = (),
        level: int = 0,
    ) -> object:
        """Import a module, and read the names that the statement is about to bind."""
        module = self._import(name, globals, locals, fromlist, level)
        if not fromlist or type(fromlist) is not tuple:  # a list: PyImport_Import, which ignores the answer
            return module
        found = SimpleNamespace()
        for part in fromlist:
            if part == "*":
                self._read_all(module, found)
                continue
            if not _importable(part) and classify(part) != NEVER:  # the guard refuses those, and records it
                raise AccessDenied(f'access denied: attribute "{part}" may not be imported')
            try:
                value = self._guards.getattr(module, part)
            except AttributeError:
                raise ImportError(f"cannot import name {part!r} from {name!r}", name=name) from None
            vars(found)[part] = value
        return found

    def _read_all(self, module: object, found: SimpleNamespace) -> None:
        try:
            names = self._guards.getattr(module, "__all__")  # a copy of a list or a tuple, or refused
        except AttributeError:
            names = [name for name in dir(module) if type(name) is str and not name.startswith("_")]
        chosen: list[str] = []
        for name in tuple(cast("list[str]", names)):
            if type(name) is not str or name in UNBINDABLE or not _importable(name):
                raise AccessDenied("access denied: a name in __all__ that may not be imported")
            vars(found)[name] = self._guards.getattr(module, name)
            chosen.append(name)
        vars(found)["__all__"] = tuple(chosen)


@final
class Namespaces:
    """The built-ins that work on namespaces.  Host code: what it needs is not reachable from the functions."""

    __slots__ = ("_builtins", "_guards", "_privileged", "_tag")

    def __init__(
        self,
        guards: GuardSet,
        builtins: dict[str, object],
        tag: Callable[[CodeType], object],
        privileged: Callable[..., object] | None,
    ) -> None:
        self._guards = guards
        self._builtins = builtins
        self._tag = tag
        self._privileged = privileged

    def _guests(self, caller: tuple[dict[str, object], Mapping[str, object]]) -> tuple[_Names, Mapping[str, object]]:
        """Return the namespaces of the calling code, or empty ones.

        Code of the sandbox with other built-ins is the standard library's (``pycage.imports.copies``).  It calls what
        it is given, such as ``eval`` as the type of an argument, and its names are not the guest's.
        """
        if caller[0].get("__builtins__") is self._builtins:
            return caller
        empty: _Names = {"__builtins__": self._builtins}
        return empty, empty

    def globals(self) -> Globals:
        """Return the caller's globals, without what the guest must not see."""
        return Globals._of(self._guests(self._guards.caller())[0])

    def locals(self) -> Mapping[str, object]:
        """Return a copy of the caller's local variables; at module level, its globals."""
        return _locals(*self._guests(self._guards.caller()))

    def vars(self, *objects: object) -> object:
        """Return the ``__dict__`` of an own instance, or a copy of that of an own class or module."""
        if len(objects) > 1:
            raise TypeError(f"vars expected at most 1 argument, got {len(objects)}")
        if not objects:
            return _locals(*self._guests(self._guards.caller()))
        try:
            return self._guards.getattr(objects[0], "__dict__")
        except AttributeError:
            raise TypeError("vars() argument must have __dict__ attribute") from None

    def dir(self, *objects: object) -> list[str]:
        """Return the names of an object, without those that nobody may read."""
        if len(objects) > 1:
            raise TypeError(f"dir expected at most 1 argument, got {len(objects)}")
        names = dir(objects[0]) if objects else sorted(_shown(self._guests(self._guards.caller())[1]))
        return [
            name
            for name in names
            if type(name) is str and classify(name) != NEVER and not name.startswith(".") and name not in _UNSAID
        ]

    def compile(  # noqa: PLR0917
        self,
        source: str | bytes,
        filename: str,
        mode: str,
        flags: int = 0,
        dont_inherit: bool = False,  # noqa: ARG002, FBT001, FBT002  CPython's signature
        optimize: int = -1,  # noqa: ARG002
    ) -> RestrictedCode:
        """Judge source for later; flags other than those of ``__future__`` features are refused."""
        if mode not in ("exec", "eval"):
            raise ValueError("sandboxed code can compile in modes 'exec' and 'eval'")
        return RestrictedCode._make(self._transform(source, filename, cast("Mode", mode), flags))

    def eval(
        self,
        source: str | bytes | RestrictedCode,
        globals: dict[str, object] | Globals | None = None,  # noqa: A002  CPython's signature
        locals: Mapping[str, object] | None = None,  # noqa: A002  CPython's signature
        /,
    ) -> object:
        """Evaluate restricted source."""
        unbound = self._unbound(source, "eval")
        if globals is not None:
            return self._run_apart(unbound, globals, locals)
        caller_globals, caller_locals = self._guests(self._guards.caller())
        return self._run(unbound, caller_globals, caller_locals if locals is None else locals)

    def exec(
        self,
        source: str | bytes | RestrictedCode,
        globals: dict[str, object] | Globals | None = None,  # noqa: A002  CPython's signature
        locals: Mapping[str, object] | None = None,  # noqa: A002  CPython's signature
        /,
        *,
        closure: None = None,
    ) -> None:
        """Run restricted source."""
        if closure is not None:
            raise TypeError("closure is not available to sandboxed code")
        unbound = self._unbound(source, "exec")
        if globals is not None:
            self._run_apart(unbound, globals, locals)
            return
        caller_globals, caller_locals = self._guests(self._guards.caller())
        self._run(unbound, caller_globals, caller_locals if locals is None else locals)

    def _unbound(self, source: str | bytes | RestrictedCode, mode: Mode) -> Unbound:
        if type(source) is RestrictedCode:
            unbound = source._unbound
            # Not what somebody else's setattr put there: its data is loaded as code.
            if type(unbound) is Unbound:
                return unbound
        if type(source) not in (str, bytes):
            raise TypeError(f"{mode}() arg 1 must be exactly str or bytes, or come from compile()")
        return self._transform(source, "<string>", mode, 0)

    def _transform(self, source: str | bytes, filename: str, mode: Mode, flags: int) -> Unbound:
        # A file name that is a path would make tracebacks read that file and show it (D433).
        if type(filename) is not str:
            raise TypeError("filename must be exactly str")
        # Nor one of those whose lines are known, which may be another sandbox's, or whose frames are not shown.
        shown = filename.startswith("<") and not filename.startswith(RESERVED)
        name = filename if shown else f"<{filename}>"
        if self._privileged is None:
            return transform(source, name, mode, flags=flags)
        return cast("Unbound", self._privileged(_transform_positional, source, name, mode, flags))

    def _run(self, unbound: Unbound, globals: dict[str, object], locals: Mapping[str, object]) -> object:  # noqa: A002
        code = (
            bind(unbound, self._guards, self._tag)
            if self._privileged is None
            else cast("CodeType", self._privileged(bind, unbound, self._guards, self._tag))
        )
        if unbound.mode == "eval":
            return eval(code, globals, locals)  # noqa: S307  restricted code of this sandbox
        exec(code, globals, locals)  # noqa: S102  restricted code of this sandbox
        return None

    def _run_apart(
        self,
        unbound: Unbound,
        given: dict[str, object] | Globals,
        locals: Mapping[str, object] | None,  # noqa: A002
    ) -> object:
        """Run in a dictionary that the guest never sees, and bring the changes back to the one it gave."""
        if type(given) is Globals and given._names.get("__builtins__") is self._builtins:  # of this sandbox
            real = given._names
            return self._run(unbound, real, real if locals is None or type(locals) is Globals else locals)
        if type(given) is not dict:
            raise TypeError("globals must be exactly a dict")
        used = dict(given)
        used["__builtins__"] = self._builtins
        try:
            return self._run(unbound, used, used if locals is None or locals is given else locals)
        finally:
            after = _shown(used)
            for name in [name for name in given if name not in after]:
                del given[name]
            given.update(after)


# Every object has it, nobody reads it: a program that reads what dir() says would fail.
_UNSAID: Final = frozenset({"__getstate__"})


def _transform_positional(source: str | bytes, filename: str, mode: Mode, flags: int) -> Unbound:
    return transform(source, filename, mode, flags=flags)


def _locals(globals: dict[str, object], locals: Mapping[str, object]) -> Mapping[str, object]:  # noqa: A002
    return Globals._of(globals) if locals is globals else _shown(locals)


def _shown(namespace: Mapping[str, object]) -> dict[str, object]:
    """Copy a namespace without what the guest must not see: built-ins, and temporaries of the transformer."""
    copy = dict(namespace)
    for name in [name for name in copy if type(name) is str and (name == "__builtins__" or name.startswith("."))]:
        del copy[name]
    return copy


_guards.set_formatter(format_safely)
