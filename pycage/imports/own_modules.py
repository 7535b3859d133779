"""The sandbox's own modules: found by its resolver, compiled as its code, run once, and kept for it alone.

This is SCP then SCR of jcage's algorithm (``JCClassLoader.loadClass``); ``loader.py`` has the rest.
"""

# Problem.  A module's body is code of a guest, and what surrounds it is not: finding and compiling it needs privileges
# that the body must not have, and what the resolver says when it fails names the host's files.
#
# Idea.  Policy, resolver and compiler run with privilege, so that a sandbox needs no permission for its own modules.  A
# module's body does not.  It is in the table while it runs, as in CPython, for imports that go in circles; other
# threads wait for it: see locks.py.
#
# What still fails.  Own modules are not in sys.modules; what looks there does not find them (pickle, get_type_hints).

from __future__ import annotations

import importlib.machinery
import logging
import threading
import types
import weakref
from typing import TYPE_CHECKING, Final, final

from pycage.errors import AccessDenied, LimitExceeded, PolicyError
from pycage.imports.failures import UnusableError, missing
from pycage.imports.importlib_view import Handle
from pycage.imports.locks import ModuleLock
from pycage.imports.names import is_reserved, shown
from pycage.imports.resources import PackageReader, package_reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.imports.as_host import AsHost
    from pycage.imports.rules import LoaderPolicy
    from pycage.imports.sources import Resolver, Resources, Source

__all__ = ["OwnModules"]

_LOG: Final = logging.getLogger("pycage.imports")


@final
class OwnModules:
    """The own modules of one sandbox.  Made by its loader, which has the documentation of the arguments.

    Attributes:
        table: The modules by name: only what was defined here, from the moment its body begins to run.
        policy: The sandbox's loader policy (SCP).
        announce: Called with every module before its body runs.
        closed: Whether nothing is loaded any more.
    """

    __slots__ = (
        "_as_host",
        "_compile",
        "_first_globals",
        "_folders",
        "_initialising",
        "_locks",
        "_locks_lock",
        "_resolver",
        "announce",
        "closed",
        "policy",
        "table",
    )

    def __init__(
        self,
        resolver: Resolver,
        policy: LoaderPolicy,
        as_host: AsHost,
        *,
        compile_module: Callable[[bytes, str], types.CodeType],
        module_globals: Callable[[], dict[str, object]],
        announce: Callable[[types.ModuleType], object],
    ) -> None:
        self._resolver = resolver
        self.policy = policy
        self._compile = compile_module
        self._first_globals = module_globals
        self.announce = announce
        self._as_host = as_host
        self.table: dict[str, types.ModuleType] = {}
        self._initialising: set[str] = set()
        self._folders: dict[str, str] = {}  # of packages, with a slash at the end
        # Weak: a guest can ask for any number of names that do not exist.  Made late: making a sandbox should be cheap.
        self._locks: weakref.WeakValueDictionary[str, ModuleLock] | None = None
        self._locks_lock = threading.RLock()  # a finalizer may run while it is held, and import
        self.closed = False

    def close(self) -> None:
        """Forget all modules and find no more."""
        self.closed = True
        self.table.clear()

    # ---- Loading ---------------------------------------------------------------------------------------------------

    def cached(self, name: str) -> types.ModuleType | None:
        """Return a module that is ready, or that this thread itself is loading (a circular import)."""
        module = self.table.get(name)
        if module is not None and name in self._initialising:
            with self._lock(name).held():
                # Another thread has finished it, or given up, or waits for us: then half of it is all there can be.
                return self.table.get(name)
        return module

    def load(self, name: str) -> types.ModuleType | None:
        """Return the module of a valid name that is not cached; ``None`` if SCP refuses it, or it is not to be found.

        Raises:
            NotFoundError: Its package is the sandbox's own and is no package.
            UnusableError: The resolver failed.
        """
        package = name.rpartition(".")[0]
        parent = self.table.get(package)
        if parent is not None and "__path__" not in vars(parent):
            missing(name, f"; {shown(package)} is not a package")
        with self._lock(name).held() as held:
            module = self.table.get(name)
            if module is None:
                if not held:
                    missing(name, ": its loading waits for this import")
                source = self._allowed_source(name)
                # Allowed but not to be found: the host's, perhaps.  This is how shared types arrive.
                module = None if source is None else self._define(name, source)
        return module

    def _lock(self, name: str) -> ModuleLock:
        with self._locks_lock:
            if self._locks is None:
                self._locks = weakref.WeakValueDictionary()
            return self._locks.setdefault(name, ModuleLock())

    def _allowed_source(self, name: str) -> Source | None:
        return self._find(name) if self._as_host(lambda: bool(self.policy.allows_module(name))) else None

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
            raise UnusableError(message) from found
        return found

    def _define(self, name: str, source: Source) -> types.ModuleType:
        code = self._as_host(lambda: self._compile(source.text, source.filename))
        module = self.new_module(name, source)
        self.table[name] = module
        if source.is_package and source.filename.endswith("/__init__.py"):
            self._folders[source.filename.removesuffix("__init__.py")] = name
        self._initialising.add(name)
        try:
            exec(code, vars(module))  # noqa: S102  # the module's body, in its own domain
        except BaseException:
            if self.table.get(name) is module:
                del self.table[name]
            raise
        finally:
            self._initialising.discard(name)
        return module

    # ---- Parts of it, for those who make a module in another way ---------------------------------------------------

    def source(self, name: str) -> Source | None:
        """Return the source that an import of a valid name would run, or ``None`` if there is none for this sandbox."""
        if self.closed or is_reserved(name):
            return None
        try:
            return self._allowed_source(name)
        except UnusableError:
            return None

    def new_module(self, name: str, source: Source) -> types.ModuleType:
        """Return a module with what it has before its body runs.  It is in no table."""
        module = types.ModuleType(name)
        attributes = vars(module)
        attributes.update(self._first_globals())
        # A function, not the bound method: that would lead to this object.
        handle = Handle(lambda fullname: self.reader(fullname))  # noqa: PLW0108
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
        self.announce(module)
        return module

    def execute(self, source: Source, attributes: dict[str, object]) -> None:
        """Run a source as code of the sandbox, with these globals."""
        code = self._as_host(lambda: self._compile(source.text, source.filename))
        exec(code, attributes)  # noqa: S102  # in the sandbox's own domain

    # ---- Resources -------------------------------------------------------------------------------------------------

    def reader(self, name: str) -> PackageReader | None:
        """Return the reader for the resources of a module's package."""
        module = self.table.get(name)
        if module is None:
            return None
        package = name if hasattr(module, "__path__") else name.rpartition(".")[0]
        if not package:
            return None

        def resources() -> Resources | None:
            source = self._resolver.find(package)
            return None if source is None else source.resources

        return package_reader(package, resources, self.policy, self._as_host)

    def resource_at(self, path: str) -> bytes | None:
        """Return the content of a file of a package, by its path; ``None`` if SCP refuses it, or it is none.

        Args:
            path: Exactly str.  Compared as text with where the packages' own files are; nothing is opened by it.
        """
        around = [(folder, name) for folder, name in self._folders.items() if path.startswith(folder)]
        if not around or ".." in path.split("/"):
            return None
        folder, name = max(around)
        reader = self.reader(name)
        try:
            return None if reader is None else reader.files().joinpath(path[len(folder) :]).read_bytes()
        except (AccessDenied, LimitExceeded, OSError, PolicyError):
            # What the resolver says of a link or a large file names the host's files.  The open that follows asks.
            return None
