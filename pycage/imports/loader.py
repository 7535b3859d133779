"""The loader of one sandbox: decides what an import gives, and loads the sandbox's own modules.

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
# Policy, resolver, compiler and the host's import system run with privilege, so that a sandbox needs no permission for
# its own modules and host code is never taken for the sandbox's.  A module's body does not.
#
# What still fails.  Own modules are not in sys.modules; what looks there does not find them (pickle, get_type_hints).

from __future__ import annotations

import importlib
import importlib.machinery
import logging
import threading
import types
import weakref
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn, TypeVar, final

import attrs

from pycage.errors import AccessDenied, ImportDenied, LimitExceeded, ModuleMissingError, PolicyError, WrongLoaderError
from pycage.imports.importlib_view import Handle, importlib_views
from pycage.imports.locks import ModuleLock
from pycage.imports.module_table import ModuleTable
from pycage.imports.names import FUTURE, absolute_name, is_module_name, parents, shown, wanted_names
from pycage.imports.resources import PackageReader, package_reader
from pycage.imports.stdlib import OFFERS, refusal
from pycage.imports.tools import Tools
from pycage.imports.views import ModuleView, NoViewError, Views, make_view
from pycage.permissions import ImportPermission

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pycage.imports.copies import Copies
    from pycage.imports.rules import LoaderPolicy
    from pycage.imports.sources import Resolver, Resources, Source

__all__ = ["C_IMPORTS", "SandboxLoader"]

T = TypeVar("T")

_LOG: Final = logging.getLogger("pycage.imports")

C_IMPORTS: Final = frozenset(
    {
        "_strptime",
        "array",
        "builtins",
        "codecs",
        "collections",
        "collections.abc",
        "copyreg",
        "datetime",
        "decimal",
        "encodings",
        "enum",
        "fractions",
        "functools",
        "io",
        "json.decoder",
        "numbers",
        "operator",
        "re",
        "string",
        "time",
        "types",
        "typing",
        "unicodedata",
        "warnings",
        "weakref",
        "zoneinfo",
    }
)
"""Standard modules that C code imports for itself through the ``__import__`` of the running frame.

``PyImport_Import`` calls it with a *list* as ``fromlist``, throws the result away and reads ``sys.modules``.  So the
host imports the module and the call returns ``None``: a guest that imitates the call gets nothing.
"""

_RESERVED: Final = ("pycage", "pycage_native", "host")
"""Names (and everything below) that no resolver is asked for: a sandbox never gets a re-executed copy of pycage."""


class _Decision(NamedTuple):
    """What one dotted name gives: ``module`` is the sandbox's own or a virtual one; ``None`` means the host's."""

    module: types.ModuleType | None


class _NotFoundError(ModuleNotFoundError):
    """A module is nowhere, as this loader knows: told apart from one that a module's body raises."""


class _UnusableError(Exception):
    """The resolver or the host's import failed; the cause is for the host, and a guest gets an ImportError."""


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
        privileged: Callable[[Callable[[], T]], T],
        host_import: Callable[[str], types.ModuleType] = importlib.import_module,
        extra: Mapping[str, Callable[[], Mapping[str, object]]] | None = None,
        tools: Tools | Callable[[], Tools] | None = None,
        own_module: Callable[[types.ModuleType], object] | None = None,
        record: Callable[[AccessDenied], None] | None = None,
        copies: Callable[[Tools], Copies] | None = None,
    ) -> None:
        self._url = name_url
        self._resolver = resolver
        self._scp = sandbox_policy
        self._hcp = host_policy
        self._compile = compile_module
        self._module_globals = module_globals
        self._privileged: Callable[[Callable[[], object]], object] = privileged  # type: ignore[assignment]  # see _as_host
        self._host_import = host_import
        # The module table: only what this loader defined, from the moment its body begins to run.
        self._own: dict[str, types.ModuleType] = {}
        self._initialising: set[str] = set()
        self._folders: dict[str, str] = {}  # of own packages, with a slash at the end
        # Weak: a guest can ask for any number of names that do not exist.
        self._locks: weakref.WeakValueDictionary[str, ModuleLock] = weakref.WeakValueDictionary()
        self._table_lock = threading.RLock()  # a finalizer may run while it is held, and import
        self._virtual: dict[str, ModuleView] = {}
        # What the sandbox put into its sys.modules itself: for its own imports, not for what load() gives.
        self._registered: dict[str, types.ModuleType] = {}
        self._closed = False
        self._record = record
        self._own_module = own_module if own_module is not None else _ignore
        self._make_views: Callable[[], Views] = lambda: self._views_with(tools, shim, copies)
        self._made_views: Views | None = None
        # Most sandboxes import none of them, and making a sandbox should be cheap: made when they are asked for.
        self._later: dict[str, Callable[[], Mapping[str, object]]] = {**importlib_views(self, shim), **(extra or {})}

    def _views_with(
        self,
        tools: Tools | Callable[[], Tools] | None,
        shim: Callable[[Callable[..., object]], Callable[..., object]],
        copies: Callable[[Tools], Copies] | None,
    ) -> Views:
        given = Tools() if tools is None else tools if isinstance(tools, Tools) else tools()
        complete = attrs.evolve(given, modules=self._own.get, module_table=lambda: ModuleTable(self), shim=shim)
        return Views(self._host_allows, shim, complete, None if copies is None else copies(complete))

    @property
    def _views(self) -> Views:
        # Made when the first is asked for: making a sandbox should be cheap.
        made = self._made_views
        if made is None:
            with self._table_lock:
                made = self._made_views
                if made is None:
                    views = self._make_views()
                    made = self._made_views = self._made_views or views
        return made

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
                    self._from_host(name)  # it must be there at all
                self._bind(part, module)
        except _NotFoundError as error:
            if type(name) is str and is_module_name(name) and error.name not in parents(name):
                raise  # the module's body asked for something else
            message = f"no module {shown(name)} for {self!r}"
            raise ModuleMissingError(message, name=name if type(name) is str else None) from error
        except _UnusableError as error:
            message = f"the module {name} could not be read: {error}"
            raise ImportError(message, name=name) from error.__cause__
        if module is not None and self._own.get(name) is module:
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
        return dict(self._own)

    def known_module(self, name: str) -> types.ModuleType | None:
        """Return the module of a name that an import would give without loading anything, for ``sys.modules``."""
        for table in (self._registered, self._own, self._virtual):
            found = table.get(name)  # compared with None: a module can have a class of the sandbox, and a __bool__
            if found is not None:
                return found
        return self._views.get(name) if is_module_name(name) and self._host_allows(name) else None

    def known_names(self) -> list[str]:
        """Return the names for which `known_module` has an answer."""
        names = [*self._own, *self._registered, *self._virtual, *self._views.names()]
        return [name for name in dict.fromkeys(names) if self.known_module(name) is not None]

    def register(self, name: str, module: types.ModuleType | None) -> None:
        """Make the sandbox's own imports of a name give a module, or as before with ``None``; for ``sys.modules``."""
        if not is_module_name(name) or name.partition(".")[0] in _RESERVED:
            message = f"access denied: no module of the name {shown(name)} can be put into sys.modules"
            raise AccessDenied(message)
        if module is None:
            del self._registered[name]
        else:
            self._registered[name] = module

    def is_own(self, module: object) -> bool:
        """Say whether this loader defined a module."""
        return any(own is module for own in list(self._own.values()))

    def set_virtual(self, name: str, names: Mapping[str, object]) -> None:
        """Define a virtual module, or change one: its names are exactly ``names`` from now on, everywhere.

        Raises:
            PolicyError: ``name`` is not the name of a module.
        """
        if not is_module_name(name):
            message = f"not a module name: {shown(name)}"
            raise PolicyError(message)
        self._later.pop(name, None)
        view = self._virtual.get(name)
        if view is None:
            view = self._virtual[name] = make_view(name, {})
        attributes = vars(view)
        for key, value in list(attributes.items()):
            if key not in names and key not in ("__name__", "__doc__") and not isinstance(value, ModuleView):
                del attributes[key]
        attributes.update(names)
        attributes["__all__"] = sorted(key for key in names if not key.startswith("_"))

    def _virtual_of(self, name: str) -> ModuleView | None:
        make = self._later.get(name)
        if make is not None:
            self.set_virtual(name, make())
        return self._virtual.get(name)

    def close(self) -> None:
        """Forget all modules and refuse further imports.  Modules that somebody holds stay usable."""
        self._closed = True
        self._own.clear()
        self._virtual.clear()
        self._registered.clear()
        self._later.clear()

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
            self._as_host(lambda: self._host_import(absolute))
            return None
        try:
            return self._import(name, absolute, wanted)
        except _UnusableError as unusable:
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

    def _decide(self, name: str, *, registered: bool = True) -> _Decision:  # noqa: C901  # it is one algorithm
        """Decide about one valid name, whose packages are loaded.  Exactly jcage's order.

        Before it comes what the sandbox itself put into its ``sys.modules``, if ``registered``.

        Raises:
            AccessDenied: Not allowed.
            _NotFoundError: Its package is the sandbox's own and is no package.
        """
        if self._closed:
            raise self._denial(name, "the sandbox is closed")
        if registered and name in self._registered:
            return _Decision(self._registered[name])
        own = self._cached(name)
        if own is not None:
            return _Decision(own)
        reserved = name == FUTURE or name.partition(".")[0] in _RESERVED
        if not reserved:
            parent = self._own.get(name.rpartition(".")[0])
            if parent is not None and "__path__" not in vars(parent):
                _missing(name, f"; {shown(name.rpartition('.')[0])} is not a package")
            with self._lock(name).held() as held:
                own = self._own.get(name)
                if own is None:
                    if not held:
                        _missing(name, ": its loading waits for this import")
                    own = self._define_if_found(name)
            if own is not None:
                return _Decision(own)
        virtual = self._virtual_of(name)
        if virtual is not None:
            return _Decision(virtual)
        if reserved and name != FUTURE:
            raise self._denial(name, "the name is reserved, and nothing of that name was exposed")
        # `from __future__ import ...` is a directive to the compiler that happens to import.
        if name != FUTURE and not self._host_allows(name):
            raise self._denial(name)
        return _Decision(None)

    def _define_if_found(self, name: str) -> types.ModuleType | None:
        if not self._as_host(lambda: bool(self._scp.allows_module(name))):
            return None
        source = self._find(name)
        # Allowed but not to be found: the host's, perhaps.  This is how shared types arrive.
        return None if source is None else self._define(name, source)

    def _find(self, name: str) -> Source | None:
        def ask() -> Source | Exception | None:
            try:
                return self._resolver.find(name)
            except LimitExceeded:
                raise
            except Exception as error:  # noqa: BLE001  # it is the host's; what it says may name the host's files
                _LOG.warning("the resolver failed on %s", name, exc_info=error)
                return error

        found = self._as_host(ask)
        if isinstance(found, Exception):
            message = f"the resolver failed ({type(found).__name__})"
            raise _UnusableError(message) from found
        return found

    def _define(self, name: str, source: Source) -> types.ModuleType:
        code = self._as_host(lambda: self._compile(source.text, source.filename))
        module = self.new_module(name, source)
        self._own[name] = module
        if source.is_package and source.filename.endswith("/__init__.py"):
            self._folders[source.filename.removesuffix("__init__.py")] = name
        self._initialising.add(name)
        try:
            exec(code, vars(module))  # noqa: S102  # the module's body, in its own domain
        except BaseException:
            if self._own.get(name) is module:
                del self._own[name]
            raise
        finally:
            self._initialising.discard(name)
        return module

    def new_module(self, name: str, source: Source) -> types.ModuleType:
        """Return an own module with what it has before its body runs.  It is in no table."""
        module = types.ModuleType(name)
        attributes = vars(module)
        attributes.update(self._module_globals())
        # A function, not the bound method: that would lead to the loader.
        handle = Handle(lambda fullname: self._reader(fullname))  # noqa: PLW0108
        spec = importlib.machinery.ModuleSpec(
            name,
            handle,  # type: ignore[arg-type]  # importlib needs no more of it
            origin=source.filename,
            is_package=source.is_package,
        )
        attributes.update(
            {
                "__name__": name,
                "__package__": name if source.is_package else name.rpartition(".")[0],
                "__file__": source.filename,
                "__loader__": handle,
                "__spec__": spec,
            }
        )
        if source.is_package:
            # Nothing reads it to find modules; its presence says that this is a package.
            attributes["__path__"] = []
        self._own_module(module)
        return module

    def resource_at(self, path: str) -> bytes | None:
        """Return the content of a file of an own package, by its path; ``None`` if SCP refuses it, or it is none.

        Args:
            path: Exactly str.  Compared as text with where the packages' own files are; nothing is opened by it.
        """
        around = [(folder, name) for folder, name in self._folders.items() if path.startswith(folder)]
        if not around or ".." in path.split("/"):
            return None
        folder, name = max(around)
        reader = self._reader(name)
        try:
            return None if reader is None else reader.files().joinpath(path[len(folder) :]).read_bytes()
        except (AccessDenied, LimitExceeded, OSError, PolicyError):
            # What the resolver says of a link or a large file names the host's files.  The open that follows asks.
            return None

    # ---- For importlib as a sandbox sees it ----

    def own_source(self, name: str) -> Source | None:
        """Return the source that an import of a valid name would run, or ``None`` if there is none for this sandbox."""
        if self._closed or name.partition(".")[0] in _RESERVED:
            return None
        if not self._as_host(lambda: bool(self._scp.allows_module(name))):
            return None
        try:
            return self._find(name)
        except _UnusableError:
            return None

    def execute(self, source: Source, attributes: dict[str, object]) -> None:
        """Run a source as code of the sandbox, with these globals."""
        code = self._as_host(lambda: self._compile(source.text, source.filename))
        exec(code, attributes)  # noqa: S102  # in the sandbox's own domain

    def would_share(self, name: str) -> bool:
        """Say whether an import of a valid name would give a view or a virtual module."""
        return self._virtual_of(name) is not None or (self._host_allows(name) and name in OFFERS)

    def _cached(self, name: str) -> types.ModuleType | None:
        """Return an own module that is ready, or that this thread itself is loading (a circular import)."""
        module = self._own.get(name)
        if module is not None and name in self._initialising:
            with self._lock(name).held():
                # Another thread has finished it, or given up, or waits for us: then half of it is all there can be.
                return self._own.get(name)
        return module

    def _lock(self, name: str) -> ModuleLock:
        with self._table_lock:
            return self._locks.setdefault(name, ModuleLock())

    def _host_allows(self, name: str) -> bool:
        return self._as_host(lambda: bool(self._hcp.allows_module(name)))

    def _from_host(self, name: str) -> types.ModuleType:
        """Return the host's module.  What goes wrong in there is logged, not shown: it names the host's files."""
        reason = refusal(name)
        if reason is not None:  # before the import: loading it may have effects
            raise NoViewError(reason)

        def load() -> types.ModuleType | Exception:
            try:
                return self._host_import(name)
            except Exception as error:  # noqa: BLE001  # an import can raise anything
                if not (isinstance(error, ModuleNotFoundError) and error.name in parents(name)):
                    _LOG.warning("the host's module %s could not be imported", name, exc_info=error)
                return error

        found = self._as_host(load)
        if isinstance(found, ModuleNotFoundError) and found.name in parents(name):
            _missing(name)
        if isinstance(found, Exception):
            message = f"the host could not import it ({type(found).__name__})"
            raise _UnusableError(message) from found
        return found

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
            real = self._from_host(name)
            return self._as_host(lambda: self._views.of(name, real))
        except NoViewError as refused:
            reason = str(refused)
        raise self._denial(name, reason)

    def _bind(self, name: str, module: types.ModuleType | None) -> None:
        """Store a module in its package, every time: `from a import b` reads it there."""
        package, dot, last = name.rpartition(".")
        if not dot or module is None:
            return
        holder = self._own.get(package, self._virtual.get(package, self._views.get(package)))
        if holder is not None:
            vars(holder)[last] = module

    # ---- Submodules ------------------------------------------------------------------------------------------------

    def _load_submodules(self, module: types.ModuleType, name: str, wanted: tuple[str, ...]) -> None:
        """Load those of the names that ``module`` does not have.  Source: ``importlib._bootstrap._handle_fromlist``.

        Raises:
            ImportError: There is neither an attribute nor a submodule of one of the names.
        """
        if self._own.get(name) is module and "__path__" not in vars(module):
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
            except _NotFoundError as error:
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
        raise _no_name(item, name, note) from None

    # ---- Small things ----------------------------------------------------------------------------------------------

    def _as_host(self, action: Callable[[], T]) -> T:
        """Call with the host's privilege.  The injected function returns what its argument returns."""
        return self._privileged(action)  # type: ignore[return-value]  # a generic attribute cannot be declared

    def _valid(self, name: object) -> str:
        if type(name) is not str or not is_module_name(name):
            message = f"not the name of a module: {shown(name)}"
            raise _NotFoundError(message, name=name if type(name) is str else None)
        return name

    def _denial(self, name: str, reason: str | None = None) -> ImportDenied:
        """Return the denial, recorded; its notes say what refused and what would allow."""
        label = self._url.rpartition("/")[2]
        denial = ImportDenied(
            f"module access denied: {name}", name=name, permission=ImportPermission(name), domain=f'sandbox "{label}"'
        )
        if reason is not None:
            denial.add_note(f"refused: {reason}")
        else:
            denial.add_note(f"host loader policy: {_explain(self._hcp, name, self._as_host)}")
            denial.add_note(
                f"sandbox loader policy: {_explain(self._scp, name, self._as_host)}; the resolver has no such module"
                if self._as_host(lambda: bool(self._scp.allows_module(name)))
                else f"sandbox loader policy: {_explain(self._scp, name, self._as_host)}"
            )
            denial.add_note(
                f'to allow it: add the rule "allow {name}" to the host loader policy (shared with the host) '
                "or to the sandbox loader policy (the sandbox's own)"
            )
        record = self._record
        if record is not None:
            self._as_host(lambda: record(denial))
        return denial

    def _reader(self, name: str) -> PackageReader | None:
        """Return the reader for the resources of an own module's package."""
        module = self._own.get(name)
        if module is None:
            return None
        package = name if hasattr(module, "__path__") else name.rpartition(".")[0]
        if not package:
            return None

        def resources() -> Resources | None:
            source = self._resolver.find(package)
            return None if source is None else source.resources

        return package_reader(package, resources, self._scp, self._privileged)


def _explain(policy: LoaderPolicy, name: str, as_host: Callable[[Callable[[], object]], object]) -> str:
    explain = getattr(policy, "explain", None)
    return str(as_host(lambda: explain(name))) if callable(explain) else "not allowed"


def _ignore(_module: types.ModuleType) -> None:
    return


def _missing(name: str, more: str = "") -> NoReturn:
    message = f"No module named {shown(name)}{more}"
    raise _NotFoundError(message, name=name)


def _no_name(item: str, name: str, note: str | None = None) -> ImportError:
    message = f"cannot import name {shown(item)} from {shown(name)}"
    error = ImportError(message, name=name)
    if note is not None:
        error.add_note(note)
    return error
