"""What a sandbox gets of the host's modules: views of those that the host loader policy (HCP) allows."""

# Problem.  The host's import system loads what it is asked for, with effects, and says what goes wrong with the names
# of the host's files.
#
# Idea.  It runs with privilege, so that host code is never taken for the sandbox's, and only for modules of which a
# view is possible.  What goes wrong in there is logged, not shown.

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final, final

from pycage.imports.failures import UnusableError, missing
from pycage.imports.names import parents
from pycage.imports.stdlib import refusal
from pycage.imports.views import ModuleView, NoViewError, Views

if TYPE_CHECKING:
    import types
    from collections.abc import Callable

    from pycage.imports.as_host import AsHost
    from pycage.imports.rules import LoaderPolicy

__all__ = ["HostModules"]

_LOG: Final = logging.getLogger("pycage.imports")


@final
class HostModules:
    """The host's modules as one sandbox has them.  Made by its loader, which has the documentation of the arguments.

    Attributes:
        policy: The host loader policy (HCP).
    """

    __slots__ = ("_as_host", "_import", "_lock", "_make_views", "_views", "policy")

    def __init__(
        self,
        policy: LoaderPolicy,
        host_import: Callable[[str], types.ModuleType],
        as_host: AsHost,
        make_views: Callable[[], Views],
    ) -> None:
        self.policy = policy
        self._import = host_import
        self._as_host = as_host
        self._make_views = make_views
        self._views: Views | None = None
        self._lock = threading.RLock()  # a finalizer may run while it is held, and import

    @property
    def views(self) -> Views:
        """The views that there are, made when the first is asked for: making a sandbox should be cheap."""
        made = self._views
        if made is None:
            with self._lock:
                made = self._views
                if made is None:
                    views = self._make_views()
                    made = self._views = self._views or views
        return made

    def allows(self, name: str) -> bool:
        """Say whether HCP allows a valid name."""
        return self._as_host(lambda: bool(self.policy.allows_module(name)))

    def view(self, name: str) -> ModuleView:
        """Return the view of a module that HCP allows.

        Raises:
            NoViewError: There can be none.
            NotFoundError, UnusableError: As for `module`.
        """
        real = self.module(name)
        return self._as_host(lambda: self.views.of(name, real))

    def module(self, name: str) -> types.ModuleType:
        """Return the host's own module.

        Raises:
            NoViewError: There can be no view of it.
            NotFoundError: It is nowhere.
            UnusableError: It could not be imported.
        """
        reason = refusal(name)
        if reason is not None:  # before the import: loading it may have effects
            raise NoViewError(reason)

        def load() -> types.ModuleType | Exception:
            try:
                return self._import(name)
            except Exception as error:  # noqa: BLE001  # an import can raise anything
                if not (isinstance(error, ModuleNotFoundError) and error.name in parents(name)):
                    _LOG.warning("the host's module %s could not be imported", name, exc_info=error)
                return error

        found = self._as_host(load)
        if isinstance(found, ModuleNotFoundError) and found.name in parents(name):
            missing(name)
        if isinstance(found, Exception):
            message = f"the host could not import it ({type(found).__name__})"
            raise UnusableError(message) from found
        return found

    def import_for_c(self, name: str) -> None:
        """Import one of `C_IMPORTS`, for C code that reads ``sys.modules``."""
        self._as_host(lambda: self._import(name))
