"""Exposure: host objects as a sandbox sees them, through ``from host import <name>``.

A proxy shows the declared methods and attributes of one object and nothing else, and can be recalled: after `recall`
every reference that the sandbox kept raises AccessDenied.  Exceptions come out of it without objects of the host.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Final, NoReturn, final

from pycage import _core, access
from pycage.errors import PolicyError
from pycage.permissions import RuntimePermission

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pycage.host_errors import HostErrors
    from pycage.shims import Shims

__all__ = ["Exposure"]

# Values that lead nowhere are handed out as they are.
_PLAIN: Final = frozenset({bool, bytes, complex, float, int, str, type(None)})
_FUNCTIONS: Final = (types.BuiltinFunctionType, types.FunctionType, types.MethodType)


@final
@_core.seal
class Exposure:
    """One object exposed to one sandbox.

    Attributes:
        value: What the sandbox gets.
    """

    __slots__ = ("_errors", "_label", "_name", "_target", "value")

    def __init__(
        self,
        name: str,
        target: object,
        *,
        label: str,
        methods: Sequence[str],
        attributes: Sequence[str],
        shims: Shims,
        errors: HostErrors,
    ) -> None:
        """Build what the sandbox called ``label`` gets under ``name``; see ``Sandbox.expose``."""
        self._errors = errors
        self._label = label
        self._name = name
        self._target: object = target
        self.value = self._build(_names("methods", methods), _names("attributes", attributes), shims)

    def recall(self) -> None:
        """Let go of the object; whatever was handed out for it refuses from now on."""
        self._target = _Recalled

    def _build(self, methods: tuple[str, ...], attributes: tuple[str, ...], shims: Shims) -> object:
        target = self._target
        if not methods and not attributes:
            if type(target) in _PLAIN:
                return target
            if isinstance(target, _FUNCTIONS):
                return shims.function(self._calling(None))
            message = (
                f"nothing of {self._name!r} would be visible: name the methods and attributes of this "
                f"{type(target).__name__} that the sandbox may use"
            )
            raise PolicyError(message)
        namespace: dict[str, object] = {"__slots__": (), "__module__": "host", "__qualname__": self._name}
        for method in methods:
            if not callable(getattr(target, method, None)):
                message = f"{self._name!r} has no method {method!r} to expose"
                raise PolicyError(message)
            namespace[method] = shims.method(self._calling(method))
        for attribute in attributes:
            if not hasattr(target, attribute):
                message = f"{self._name!r} has no attribute {attribute!r} to expose"
                raise PolicyError(message)
            namespace[attribute] = property(shims.method(self._reading(attribute)))
        # Its class is the host's, so a sandbox can neither write to it nor subclass its way to the object.
        return type(self._name, (), namespace)()

    def _calling(self, method: str | None) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            target = self._there()
            bound = target if method is None else getattr(target, method)
            return self._errors.call(bound, *args, **kwargs)  # type: ignore[arg-type]  # it was callable when exposed

        call.__name__ = method or self._name
        return call

    def _reading(self, attribute: str) -> Callable[[], object]:
        def read() -> object:
            return self._errors.call(getattr, self._there(), attribute)

        read.__name__ = attribute
        return read

    def _there(self) -> object:
        target = self._target
        if target is _Recalled:
            self._refuse()
        return target

    def _refuse(self) -> NoReturn:
        permission = RuntimePermission(f"useExposed.{self._name}")
        access.refuse(permission, self._label, reason="the host has taken this object back")


class _Recalled:
    """Stands where the object was."""


def _names(what: str, names: Sequence[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        message = f"{what} must be a list of names, not one str"
        raise TypeError(message)
    for name in names:
        if not name.isidentifier() or name.startswith("_"):
            message = f"{what} must be public names, not {name!r}"
            raise PolicyError(message)
    return tuple(names)
