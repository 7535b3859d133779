"""Exposure: host objects as a sandbox sees them, through ``from host import <name>``.

A proxy shows the declared methods and attributes of one object and nothing else, and can be recalled: after `recall`
every reference that the sandbox kept raises AccessDenied.  Exceptions come out of it without objects of the host.  With
plain arguments, the object gets copies of data only, made before it begins: what it checks is what it uses.  What is
sent into a generator that a method returned is copied as well.

Where the object itself comes out, as of an ``__enter__`` that returns ``self``, the sandbox gets the proxy.

What still fails.  Other objects that a method returns, or an attribute holds, are handed out as they are and are not
recalled; nor is a generator that has begun.
"""

from __future__ import annotations

import functools
import types
from typing import TYPE_CHECKING, Final, NoReturn, cast, final

from pycage import _core, access
from pycage.errors import NotPlainError, PolicyError
from pycage.permissions import RuntimePermission
from pycage.plain import plain_argument
from pycage.plain_steps import with_plain_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from pycage.host_errors import HostErrors
    from pycage.shims import Shims

__all__ = ["Exposure"]

# Values that lead nowhere are handed out as they are.
_PLAIN: Final = frozenset({bool, bytes, complex, float, int, str, type(None)})
_FUNCTIONS: Final = (
    types.BuiltinFunctionType,
    types.FunctionType,
    types.MethodType,
    types.MethodWrapperType,
    functools.partial,
    type(functools.lru_cache(len)),
    type(_core.bind(access.get_context(), len)),
)
# Special methods that may be exposed by naming them: what syntax does with a container, a function, a context manager.
SPECIAL_METHODS: Final = frozenset(
    """
    __aenter__ __aexit__ __aiter__ __anext__ __bool__ __call__ __contains__ __delitem__ __enter__ __exit__ __getitem__
    __iter__ __len__ __next__ __reversed__ __setitem__
    """.split()  # noqa: SIM905  # names are read more easily without quotes
)


@final
@_core.seal
class Exposure:
    """One object exposed to one sandbox.

    Attributes:
        value: What the sandbox gets.
    """

    __slots__ = ("_errors", "_label", "_name", "_plain", "_shims", "_target", "value")

    def __init__(
        self,
        name: str,
        target: object,
        *,
        label: str,
        methods: Sequence[str],
        attributes: Sequence[str],
        plain_arguments: bool,
        shims: Shims,
        errors: HostErrors,
    ) -> None:
        """Build what the sandbox called ``label`` gets under ``name``; see ``Sandbox.expose``."""
        self._errors = errors
        self._label = label
        self._name = name
        self._plain = plain_arguments
        self._shims = shims
        self._target: object = target
        self.value = self._build(_names("methods", methods, SPECIAL_METHODS), _names("attributes", attributes))

    def recall(self) -> None:
        """Let go of the object; whatever was handed out for it refuses from now on."""
        self._target = _Recalled

    def _build(self, methods: tuple[str, ...], attributes: tuple[str, ...]) -> object:
        target, shims = self._target, self._shims
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
        namespace: dict[str, object] = {
            "__slots__": (),
            "__module__": "host",
            "__qualname__": self._name,
            **_manners(self._name),
        }
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
            result = self._call(bound, args, kwargs)  # type: ignore[arg-type]  # it was callable when exposed
            if type(result) is types.CoroutineType:
                return self._awaited(result, target)
            return self.value if result is target else result

        call.__name__ = method or self._name
        return call

    async def _awaited(self, running: Coroutine[object, object, object], target: object) -> object:
        result = await running
        return self.value if result is target else result

    def _reading(self, attribute: str) -> Callable[[], object]:
        def read() -> object:
            target = self._there()
            value = self._errors.call(getattr, target, attribute)
            if value is target:
                return self.value
            return self._lent(cast("Callable[..., object]", value)) if type(value) in _FUNCTIONS else value

        read.__name__ = attribute
        return read

    def _lent(self, function: Callable[..., object]) -> Callable[..., object]:
        """Return what stands for a function that an attribute holds: it is recalled with the rest."""

        def call(*args: object, **kwargs: object) -> object:
            self._there()
            return self._call(function, args, kwargs)

        call.__name__ = getattr(function, "__name__", "call")
        return self._shims.function(call)

    def _call(self, function: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        if self._plain:
            args = tuple(plain_argument(one, f"argument {number}") for number, one in enumerate(args, 1))
            kwargs = {_exact(key): plain_argument(one, f"argument {_exact(key)}") for key, one in kwargs.items()}
        result = self._errors.call(function, *args, **kwargs)
        return with_plain_steps(result, self._errors.owns) if self._plain else result

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


def _exact(keyword: str) -> str:
    # A call with ** takes keywords of classes derived from str.
    if type(keyword) is not str:
        raise NotPlainError("a keyword", "it must be exactly str")
    return keyword


def _manners(name: str) -> dict[str, object]:
    """Return how a proxy shows itself, is copied and refuses to be pickled, whatever it stands for."""

    def show(_proxy: object) -> str:
        return f"<exposed object {name}>"

    def same(proxy: object, _memo: object = None) -> object:
        return proxy

    def refuse(_proxy: object, _protocol: object = None) -> NoReturn:
        message = f"the exposed object {name} cannot be pickled"
        raise TypeError(message)

    return {"__repr__": show, "__copy__": same, "__deepcopy__": same, "__reduce_ex__": refuse}


def _names(what: str, names: Sequence[str], special: frozenset[str] = frozenset()) -> tuple[str, ...]:
    if isinstance(names, str):
        message = f"{what} must be a list of names, not one str"
        raise TypeError(message)
    for name in names:
        if not name.isidentifier() or (name.startswith("_") and name not in special):
            message = f"{what} must be public names, not {name!r}"
            raise PolicyError(message)
    return tuple(names)
