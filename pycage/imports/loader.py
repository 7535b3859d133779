"""The loader of one sandbox: decides what an import gives.

The algorithm is jcage's (``JCClassLoader.loadClass``): the sandbox's own module if the sandbox loader policy (SCP)
allows the name and the resolver (SCR) finds it; else the host's, if the host loader policy (HCP)
allows it; else denied.
Child first; only own modules are cached; every other import is decided anew.
"""

# Problem.  An import is the widest door of a sandbox, and the interpreter opens it in more than one place.
#
# Things that do not work:
#
# - The audit event `import`: it is not raised for a module that is in sys.modules.
# - A finder on sys.meta_path: it cannot say who asks, and its modules end up in sys.modules, for everybody.
# - This __import__ alone: after `from x import y` has called it, the interpreter reads y from what it returned, and *if
#   that fails it looks for sys.modules[x.__name__ + "." + y]*.  A view of `json` without `decoder` would give the
#   host's json.decoder; a guest module that calls itself "os" would give os.path.
#
# Idea.  A name is decided here, one dotted part after the other, and a `fromlist` loads the submodules that it names.
# What is *read* off a module is not decided here: every import statement of a sandbox goes through the importer of the
# language layer, which reads each name once, through the same guard as `x.y`, and gives the interpreter an object that
# has them all and no __name__ to fall back on.  One place is enough, and it has to be that one: only the guards know
# what may be read.  A guest that calls `__import__` itself gets the module, and nothing is read behind its back.
#
# The modules themselves, and what runs with privilege for them, are in own_modules.py, virtual_modules.py and
# host_modules.py.

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, NamedTuple, final

import attrs

from pycage.errors import AccessDenied, ImportDenied, ModuleMissingError, WrongLoaderError
from pycage.imports.c_imports import C_IMPORTS
from pycage.imports.failures import NotFoundError, UnusableError, import_denial, no_name
from pycage.imports.host_modules import HostModules
from pycage.imports.importlib_view import importlib_views
from pycage.imports.module_table import ModuleTable
from pycage.imports.names import FUTURE, absolute_name, is_module_name, is_reserved, parents, shown, wanted_names
from pycage.imports.own_modules import OwnModules
from pycage.imports.stdlib import OFFERS, refusal
from pycage.imports.tools import Tools
from pycage.imports.views import ModuleView, NoViewError, Views
from pycage.imports.virtual_modules import VirtualModules

if TYPE_CHECKING:
    import types
    from collections.abc import Callable, Mapping

    from pycage.imports.as_host import AsHost
    from pycage.imports.copies import Copies
    from pycage.imports.rules import LoaderPolicy
    from pycage.imports.sources import Resolver

__all__ = ["SandboxLoader"]


class _Decision(NamedTuple):
    """What one dotted name gives: ``module`` is the sandbox's own or a virtual one; ``None`` means the host's."""

    module: types.ModuleType | None


@final
class SandboxLoader:
    """Loads for one sandbox.  The host holds it; a guest gets only `import_`, bound, as its ``__import__``.

    Import statements must not use `import_` directly: see the head of this file.

    Args:
        name_url: The sandbox's code source, such as ``pycage://sandbox/plugins``; for messages.
        resolver: Where the sandbox's own modules come from (SCR).
        sandbox_policy: What it may load itself (SCP).
        host_policy: What it may have of the host (HCP).
        compile_module: Source and file name to a code object of the sandbox's domain.
        module_globals: Makes the first globals of a module, ``__builtins__`` among them.
        shim: Makes the sandbox's stand-in for a function of the host.
        privileged: Calls a function with the host's privilege and returns its result.
        host_import: The host's import.
        extra: Virtual modules: name to a function that returns the names, called when the module is first imported.
            They come before the host's, whatever HCP says.
        tools: The sandbox's guards, for facades of standard functions, or what makes them; what concerns modules is
            filled in by the loader.
        own_module: Told of every module that is the sandbox's own, before its body runs.
        record: Told of every denial before it is raised, with privilege: a guest can swallow it.
        copies: Makes the sandbox's copies of standard modules, from the tools; without it there are none.

    Attributes:
        own: The sandbox's own modules.
        host: The host's.
        virtual: Those of ``extra``, and what the host defines there later.

    Threads may share a loader.  Two that load the same module wait for each other; see ``locks.py``.
    """

    def __init__(
        self,
        name_url: str,
        *,
        resolver: Resolver,
        sandbox_policy: LoaderPolicy,
        host_policy: LoaderPolicy,
        compile_module: Callable[[bytes, str], types.CodeType],
        module_globals: Callable[[], dict[str, object]],
        shim: Callable[[Callable[..., object]], Callable[..., object]],
        privileged: AsHost,
        host_import: Callable[[str], types.ModuleType] = importlib.import_module,
        extra: Mapping[str, Callable[[], Mapping[str, object]]] | None = None,
        tools: Tools | Callable[[], Tools] | None = None,
        own_module: Callable[[types.ModuleType], object] | None = None,
        record: Callable[[AccessDenied], None] | None = None,
        copies: Callable[[Tools], Copies] | None = None,
    ) -> None:
        self._url = name_url
        self._as_host = privileged
        self._record = record
        self.own = OwnModules(
            resolver,
            sandbox_policy,
            privileged,
            compile_module=compile_module,
            module_globals=module_globals,
            announce=own_module if own_module is not None else _ignore,
        )
        self.host = HostModules(host_policy, host_import, privileged, lambda: self._make_views(tools, shim, copies))
        self.virtual = VirtualModules({**importlib_views(self, shim), **(extra or {})})
        # What the sandbox put into its sys.modules itself: for its own imports, not for what load() gives.
        self._registered: dict[str, types.ModuleType] = {}

    def _make_views(
        self,
        tools: Tools | Callable[[], Tools] | None,
        shim: Callable[[Callable[..., object]], Callable[..., object]],
        copies: Callable[[Tools], Copies] | None,
    ) -> Views:
        given = Tools() if tools is None else tools if isinstance(tools, Tools) else tools()
        complete = attrs.evolve(given, modules=self.own.table.get, module_table=lambda: ModuleTable(self), shim=shim)
        return Views(self.host.allows, shim, complete, None if copies is None else copies(complete))

    def __repr__(self) -> str:
        return f"[SandboxLoader {self._url}]"

    # ---- For the host ----------------------------------------------------------------------------------------------

    def load(self, name: str) -> types.ModuleType:
        """Return a module that is guaranteed to be the sandbox's own.

        Loading it again returns the same module.  An error in the module's body is raised as it is, and the next
        call runs the body again.

        Raises:
            AccessDenied: Neither loader policy allows it.
            ModuleMissingError: It is nowhere; the cause says more.
            WrongLoaderError: It is the host's, or a virtual module.

        Source: ``JCSandboxType.getSandboxLoadedClass``.
        """
        module: types.ModuleType | None = None
        try:
            for part in parents(self._valid(name)):
                decision = self._decide(part, registered=False)
                module = decision.module
                if module is None and part == name and refusal(name) is None:
                    self.host.module(name)  # it must be there at all
                self._bind(part, module)
        except NotFoundError as error:
            if type(name) is str and is_module_name(name) and error.name not in parents(name):
                raise  # the module's body asked for something else
            file = type(name) is str and name.endswith(".py")
            message = f"no module {shown(name)} for {self!r}{'; name the module, not its file' if file else ''}"
            raise ModuleMissingError(message, name=name if type(name) is str else None) from error
        except UnusableError as error:
            message = f"the module {name} could not be read: {error}"
            raise ImportError(message, name=name) from error.__cause__
        if module is not None and self.own.table.get(name) is module:
            return module
        kind = "a virtual module" if module is not None else "the host's"
        message = (
            "Expected a module loaded by the sandbox loader.\n"
            f"  Module:   {name}\n  Expected: {self!r}\n  Got:      {kind}"
        )
        raise WrongLoaderError(message, name=name)

    @property
    def modules(self) -> dict[str, types.ModuleType]:
        """The sandbox's own modules by name, those still being loaded included; a copy."""
        return dict(self.own.table)

    def known_module(self, name: str) -> types.ModuleType | None:
        """Return the module of a name that an import would give without loading anything, for ``sys.modules``."""
        for table in (self._registered, self.own.table, self.virtual.table):
            found = table.get(name)  # compared with None: a module can have a class of the sandbox, and a __bool__
            if found is not None:
                return found
        return self.host.views.get(name) if is_module_name(name) and self.host.allows(name) else None

    def known_names(self) -> list[str]:
        """Return the names for which `known_module` has an answer."""
        names = [*self.own.table, *self._registered, *self.virtual.table, *self.host.views.names()]
        return [name for name in dict.fromkeys(names) if self.known_module(name) is not None]

    def register(self, name: str, module: types.ModuleType | None) -> None:
        """Make the sandbox's own imports of a name give a module, or as before with ``None``; for ``sys.modules``."""
        if not is_module_name(name) or is_reserved(name):
            message = f"access denied: no module of the name {shown(name)} can be put into sys.modules"
            raise AccessDenied(message)
        if module is None:
            del self._registered[name]
        else:
            self._registered[name] = module

    def would_share(self, name: str) -> bool:
        """Say whether an import of a valid name would give a view or a virtual module."""
        return self.virtual.get(name) is not None or (self.host.allows(name) and name in OFFERS)

    def close(self) -> None:
        """Forget all modules and refuse further imports.  Modules that somebody holds stay usable."""
        self.own.close()
        self.virtual.clear()
        self._registered.clear()

    # ---- For the sandbox -------------------------------------------------------------------------------------------

    def import_(
        self,
        name: object,
        globals: object = None,  # noqa: A002  # the signature of __import__
        locals: object = None,  # noqa: A002, ARG002  # as above
        fromlist: object = (),
        level: object = 0,
    ) -> types.ModuleType | None:
        """Import as ``__import__`` does.  A guest may call it with anything, so only exact types are taken.

        Args:
            name: The dotted name, relative to the caller's package if ``level`` is above 0.
            globals: The caller's globals; ``__package__``, ``__name__`` and ``__path__`` are read.  Whatever a guest
                puts there, the outcome is a name that is decided like any other.
            locals: Ignored, as in CPython.
            fromlist: The names that ``from ... import`` takes.
            level: How many packages to go up.

        Returns:
            The outermost package, or with a ``fromlist`` the module; ``None`` for C code: `C_IMPORTS`.

        Raises:
            AccessDenied: ``module access denied: <name>``.
            ImportError: There is no such module or name, or it cannot be loaded.
            TypeError: An argument is not of the exact type.
        """
        if type(name) is not str or type(level) is not int:
            message = "__import__() needs a name of the exact type str and a level of the exact type int"
            raise TypeError(message)
        wanted = wanted_names(fromlist)
        absolute = absolute_name(name, globals, level)
        if type(fromlist) is list and absolute in C_IMPORTS:
            self.host.import_for_c(absolute)
            return None
        try:
            return self._import(name, absolute, wanted)
        except UnusableError as unusable:
            reason = str(unusable)
        # Raised out here, or the guest would find the host's own error in __context__.
        message = f"the module {absolute} could not be loaded: {reason}"
        raise ImportError(message, name=absolute)

    def _import(self, name: str, absolute: str, wanted: tuple[str, ...]) -> types.ModuleType:
        module = self._chain(absolute)
        if wanted:
            self._load_submodules(module, absolute, wanted)
            return module
        first = name.partition(".")[0]
        top = absolute[: len(absolute) - len(name) + len(first)] if name else absolute
        if top == absolute:
            return module
        return self._chain(top)

    # ---- The algorithm ---------------------------------------------------------------------------------------------

    def _decide(self, name: str, *, registered: bool = True) -> _Decision:
        """Decide about one valid name, whose packages are loaded.  Exactly jcage's order.

        Before it comes what the sandbox itself put into its ``sys.modules``, if ``registered``.

        Raises:
            AccessDenied: Not allowed.
            NotFoundError: Its package is the sandbox's own and is no package.
        """
        if self.own.closed:
            raise self._denial(name, "the sandbox is closed")
        if registered and name in self._registered:
            return _Decision(self._registered[name])
        own = self.own.cached(name)
        if own is not None:
            return _Decision(own)
        reserved = name == FUTURE or is_reserved(name)
        if not reserved:
            own = self.own.load(name)
            if own is not None:
                return _Decision(own)
        virtual = self.virtual.get(name)
        if virtual is not None:
            return _Decision(virtual)
        if reserved and name != FUTURE:
            raise self._denial(name, "the name is reserved, and nothing of that name was exposed")
        # `from __future__ import ...` is a directive to the compiler that happens to import.
        if name != FUTURE and not self.host.allows(name):
            raise self._denial(name)
        return _Decision(None)

    def _chain(self, name: str) -> types.ModuleType:
        """Return what the sandbox gets for a dotted name, its packages first, each decided and bound in its package."""
        module: types.ModuleType | None = None
        for part in parents(self._valid(name)):
            module = self._decide(part).module
            if module is None:
                module = self._view(part)
            self._bind(part, module)
        if module is None:  # parents() is never empty
            raise AssertionError
        return module

    def _view(self, name: str) -> ModuleView:
        """Return the view of a module that HCP allows."""
        try:
            return self.host.view(name)
        except NoViewError as refused:
            reason = str(refused)
        raise self._denial(name, reason)

    def _bind(self, name: str, module: types.ModuleType | None) -> None:
        """Store a module in its package, every time: `from a import b` reads it there."""
        package, dot, last = name.rpartition(".")
        if not dot or module is None:
            return
        holder = self.own.table.get(package, self.virtual.table.get(package, self.host.views.get(package)))
        if holder is not None:
            vars(holder)[last] = module

    # ---- Submodules ------------------------------------------------------------------------------------------------

    def _load_submodules(self, module: types.ModuleType, name: str, wanted: tuple[str, ...]) -> None:
        """Load those of the names that ``module`` does not have.  Source: ``importlib._bootstrap._handle_fromlist``.

        Raises:
            ImportError: There is neither an attribute nor a submodule of one of the names.
        """
        if self.own.table.get(name) is module and "__path__" not in vars(module):
            return  # no package; whether it has the names is seen when they are read
        for item in wanted:
            if item == "*":
                declared = vars(module).get("__all__")
                if type(declared) in (list, tuple) and "*" not in (names := wanted_names(declared)):
                    self._load_submodules(module, name, names)
            elif not hasattr(module, item):  # a module's own __getattr__ (PEP 562) comes first, as in CPython
                self._load_submodule(name, item)

    def _load_submodule(self, name: str, item: str) -> None:
        """Load the module ``name.item`` like any other, or raise ImportError."""
        whole = f"{name}.{item}"
        note: str | None = None
        if is_module_name(whole):
            try:
                self._chain(whole)
            except NotFoundError as error:
                if error.name != whole:
                    raise
            except ImportDenied as denial:
                # `try: from json import newer; except ImportError: ...` is a question for a name, and must get the
                # answer that it expects.  A module that is known to exist is a denial; so is what its body asked for.
                if whole in OFFERS or denial.name != whole:
                    raise
                note = str(denial)
            else:
                return
        raise no_name(item, name, note) from None

    # ---- Small things ----------------------------------------------------------------------------------------------

    def _valid(self, name: object) -> str:
        if type(name) is not str or not (is_module_name(name) or name in self.own.table):  # there is `__main__` at most
            message = f"not the name of a module: {shown(name)}"
            raise NotFoundError(message, name=name if type(name) is str else None)
        return name

    def _denial(self, name: str, reason: str | None = None) -> ImportDenied:
        """Return the denial, recorded."""
        denial = import_denial(
            name,
            self._url,
            reason,
            host_policy=self.host.policy,
            sandbox_policy=self.own.policy,
            as_host=self._as_host,
        )
        record = self._record
        if record is not None:
            self._as_host(lambda: record(denial))
        return denial


def _ignore(_module: types.ModuleType) -> None:
    return
