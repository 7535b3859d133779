"""``pickle`` and its relatives for a sandbox: plain data, and nothing that is called."""

# Problem.  Unpickling calls whatever the bytes name, and pickling whatever an object says.  Packages import pickle for
# caches that a sandbox does not have, and some pickle a number while they are imported.
#
# Idea.  Data of exact built-in types can be pickled, because no method of it is ever asked.  Unpickling looks no name
# up.  The registry of copyreg is the sandbox's own, and nobody asks it.  marshal makes code, so it does nothing here.
#
# What still fails.  Nothing of a sandbox's own classes can be pickled.

from __future__ import annotations

import copyreg
import io
import marshal
import pickle  # noqa: TID251  # with find_class refused
from typing import TYPE_CHECKING, Final, NoReturn, Protocol, cast

from pycage.errors import AccessDenied, type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pycage.imports.tools import Tools

__all__ = ["of_copyreg", "of_marshal", "of_pickle"]

_ATOMS: Final = frozenset({type(None), bool, int, float, complex, str, bytes, bytearray})
_CONTAINERS: Final = frozenset({list, tuple, set, frozenset})


class _Writable(Protocol):
    def write(self, data: bytes, /) -> object: ...


class _Readable(Protocol):
    def read(self) -> bytes: ...


def _encode(text: str, encoding: str) -> bytes:
    """Stand for ``_codecs.encode``: what old protocols do with bytes."""
    if type(text) is not str or encoding != "latin1":
        message = "bytes are pickled as latin1"
        raise pickle.UnpicklingError(message)
    return text.encode("latin1")


# What plain data is made of that has no opcode in every protocol.
_NAMES: Final[Mapping[tuple[str, str], Callable[..., object]]] = {
    **{(module, kind.__name__): kind for module in ("builtins", "__builtin__") for kind in (set, frozenset, bytearray)},
    **{(module, "complex"): complex for module in ("builtins", "__builtin__")},
    ("_codecs", "encode"): _encode,
}


class _PlainData(pickle.Unpickler):
    def find_class(self, module: str, name: str, /) -> Callable[..., object]:
        found = _NAMES.get((module, name))
        if found is not None:
            return found
        message = "access denied: only plain data is unpickled in a sandbox"
        raise AccessDenied(message)

    def persistent_load(self, _pid: object, /) -> NoReturn:
        message = "unsupported persistent id encountered"
        raise pickle.UnpicklingError(message)


def _check_plain(data: object) -> None:
    """Raise PicklingError unless all of it is of exact built-in types."""
    seen: set[int] = set()
    pending = [data]
    while pending:
        one = pending.pop()
        kind = type(one)
        if kind in _ATOMS or id(one) in seen:
            continue
        seen.add(id(one))
        if kind in _CONTAINERS:
            pending.extend(cast("Iterable[object]", one))
        elif type(one) is dict:
            pending.extend(one)
            pending.extend(one.values())
        else:
            message = f"only plain data is pickled in a sandbox, not {type_name(one)} objects"
            raise pickle.PicklingError(message)


def of_pickle(_tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew of ``pickle``."""

    def dumps(obj: object, protocol: int | None = None, **_options: object) -> bytes:
        """Pickle plain data."""
        if not (protocol is None or type(protocol) is int):
            message = "a protocol is an int"
            raise TypeError(message)
        _check_plain(obj)
        return pickle.dumps(obj, protocol)

    def dump(obj: object, file: _Writable, protocol: int | None = None, **options: object) -> None:
        """Pickle plain data into a file."""
        file.write(dumps(obj, protocol, **options))

    def loads(data: bytes, /, **_options: object) -> object:
        """Unpickle plain data."""
        if type(data) not in (bytes, bytearray):
            message = "loads() needs bytes"
            raise TypeError(message)
        return _PlainData(io.BytesIO(data)).load()

    def load(file: _Readable, **options: object) -> object:
        """Unpickle plain data from a file."""
        return loads(file.read(), **options)

    return {"dump": dump, "dumps": dumps, "load": load, "loads": loads}


def of_copyreg(_tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew of ``copyreg``: a registry that nobody asks."""
    table: dict[object, object] = {}

    def register(ob_type: object, pickle_function: object, constructor_ob: object = None) -> None:  # noqa: ARG001
        """Declare a function; nothing of the sandbox's own is pickled."""
        table[ob_type] = pickle_function

    def constructor(obj: object) -> None:
        """Check that the object can be called."""
        if not callable(obj):
            message = "constructors must be callable"
            raise TypeError(message)

    made = {"pickle": register, "constructor": constructor, "dispatch_table": table}
    return {name: value for name, value in made.items() if hasattr(copyreg, name)}


def of_marshal(_tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew of ``marshal``."""

    def refuse(*_args: object, **_kwargs: object) -> NoReturn:
        message = "access denied: marshal makes code"
        raise AccessDenied(message)

    return {name: refuse for name in ("dump", "dumps", "load", "loads") if hasattr(marshal, name)}
