"""``inspect`` for a sandbox: questions about its own functions, classes and frames."""

# Problem.  Half of `inspect` asks honest questions (how many arguments does this callback take? is it a coroutine
# function?), and it answers them by reading code, globals, frames and files of whatever it is given.  signature() reads
# defaults of any function, follows __wrapped__, and evaluates the text of __text_signature__ and, on request,
# annotations.
#
# Idea.  What answers yes or no is shown as it is.  signature() is put together here: from code for the sandbox's own
# functions; by the real one for the rest, of which defaults are shown only if they are constants.  Whatever it asks a
# guest's object for it asks through the guard.  Frames are stand-ins (pycage.language.stand_ins).  There is no source.
#
# `Signature` is a twin of the real class without from_callable(), which evaluates annotations if it is told to.
#
# What still fails.  Objects made here are not instances of the host's inspect.Signature.

from __future__ import annotations

import functools
import inspect
import sys
import types
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

from pycage import _core
from pycage.errors import AccessDenied
from pycage.imports.facades.partial_facade import is_partial
from pycage.imports.kept_callables import behind_special
from pycage.imports.tools import CLASS_DICT, MRO
from pycage.language.names import NEVER, PLAIN, classify
from pycage.language.stand_ins import Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pycage.imports.tools import Tools

__all__ = ["make"]

_Parameters = list[inspect.Parameter]

_CONSTANTS: Final = frozenset({type(None), bool, int, float, complex, str, bytes, type(Ellipsis)})
_FROM_C: Final = (
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    types.ClassMethodDescriptorType,
)
_LONGEST_CHAIN: Final = 100


def make(tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew."""
    signatures = _Signatures(tools)
    members = _members(tools)
    return {**_signature_functions(signatures), **members, **_frame_functions(tools), **_source_functions()}


# ---- Signatures ------------------------------------------------------------------------------------------------------


class _Signatures:
    """Finds the signature of a callable for one sandbox."""

    def __init__(self, tools: Tools) -> None:
        self._owns = tools.owns
        self._is_guest_function = (
            tools.stand_ins.is_guest_function if tools.stand_ins is not None else (lambda _thing: False)
        )
        self._read = tools.read
        self.kind = _twin_of_signature(self.of)

    def attribute(self, thing: object, name: str) -> object:
        """Read an attribute of a guest's object as the guest could; ``None`` if it is not there."""
        if self._read is None:
            return None
        try:
            return self._read(thing, name)
        except (AttributeError, AccessDenied):
            return None

    def of(self, thing: object, *, follow_wrapped: bool = True) -> inspect.Signature:
        """Return the signature; ValueError or TypeError as the real one."""
        return self._of(thing, follow_wrapped=follow_wrapped, depth=0)

    def _of(self, thing: Any, *, follow_wrapped: bool, depth: int) -> inspect.Signature:  # noqa: C901  # one table
        if depth > _LONGEST_CHAIN:
            message = "wrapper loop when unwrapping"
            raise ValueError(message)
        if not callable(thing):
            message = f"an object of type {type.__getattribute__(type(thing), '__name__')} is not a callable object"
            raise TypeError(message)
        again = functools.partial(self._of, follow_wrapped=follow_wrapped, depth=depth + 1)
        if type(thing) is types.MethodType:
            return self._without_first(again(thing.__func__))
        if is_partial(thing):  # the sandbox's
            thing = functools.partial(thing.func, *thing.args, **thing.keywords)
        if type(thing) is functools.partial:
            return self._of_partial(thing, again(thing.func))
        if not self._owns(thing):
            return self._of_hosts(thing)
        is_class = issubclass(type(thing), type)
        wrapped = self.attribute(thing, "__wrapped__") if follow_wrapped and not is_class else None
        if wrapped is not None and wrapped is not thing:
            return again(wrapped)
        declared = self.attribute(thing, "__signature__")
        if type(declared) is self.kind:
            return declared
        if type(thing) is types.FunctionType:
            return self._of_function(thing)
        if is_class:
            return self._of_class(cast("type", thing), again)
        call = _found(type(thing), "__call__")
        if call is None:
            message = f"no signature found for {type.__getattribute__(type(thing), '__name__')} object"
            raise ValueError(message)
        return self._without_first(again(behind_special(call)))

    def _made(self, parameters: _Parameters, returns: object = inspect.Signature.empty) -> inspect.Signature:
        return self.kind(parameters, return_annotation=returns)

    def _of_function(self, function: types.FunctionType) -> inspect.Signature:
        found = inspect.signature(_core.do_privileged(_bare, function), follow_wrapped=False)
        notes = function.__annotations__ if type(function.__annotations__) is dict else {}
        parameters = [
            parameter.replace(annotation=notes.get(parameter.name, inspect.Parameter.empty))
            for parameter in found.parameters.values()
            if not parameter.name.startswith(".")
        ]
        if not self._is_guest_function(function):  # a shim: of the sandbox's domain, and what it calls is not told
            parameters = _without_defaults(parameters)
        return self._made(parameters, notes.get("return", inspect.Signature.empty))

    def _of_class(self, kind: type, again: Callable[[object], inspect.Signature]) -> inspect.Signature:
        for base in MRO(kind):
            names = CLASS_DICT(base)
            for name in ("__new__", "__init__"):
                function = names.get(name)
                function = function.__func__ if type(function) is staticmethod else function
                if function is None:
                    continue
                if base is object:
                    return self._made([])
                return self._without_first(again(function))
        return self._made([])

    def _of_hosts(self, thing: object) -> inspect.Signature:
        """Ask the real one, about something that no guest has made."""
        if not (type(thing) in _FROM_C or type(thing) in (type, types.FunctionType)):
            message = "no signature found for this object of the host"
            raise ValueError(message)
        found = inspect.signature(cast("Callable[..., object]", thing), follow_wrapped=False)
        return self._made(_without_defaults(list(found.parameters.values())))

    def _of_partial(self, thing: functools.partial[object], wrapped: inspect.Signature) -> inspect.Signature:
        filled = inspect._signature_get_partial(wrapped, thing)  # type: ignore[attr-defined]  # its own
        hidden = {
            name for name, value in thing.keywords.items() if type(value) not in _CONSTANTS and not self._owns(value)
        }
        parameters = [
            parameter.replace(default=...) if parameter.name in hidden else parameter
            for parameter in filled.parameters.values()
        ]
        return self._made(parameters, filled.return_annotation)

    def _without_first(self, found: inspect.Signature) -> inspect.Signature:
        parameters = list(found.parameters.values())
        if not parameters or parameters[0].kind in (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD):
            message = "invalid method signature"
            raise ValueError(message)
        if parameters[0].kind is not inspect.Parameter.VAR_POSITIONAL:
            parameters = parameters[1:]
        return self._made(parameters, found.return_annotation)


def _bare(function: types.FunctionType) -> Callable[..., object]:
    """Return a function with the parameters and defaults of another, and nothing that says more."""
    made = types.FunctionType(function.__code__, {}, "f", function.__defaults__, function.__closure__)
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def _without_defaults(parameters: _Parameters) -> _Parameters:
    """Return the parameters of a host's function: names, kinds, and defaults that are constants."""
    return [
        parameter.replace(
            annotation=inspect.Parameter.empty,
            default=parameter.default
            if parameter.default is inspect.Parameter.empty or type(parameter.default) in _CONSTANTS
            else ...,
        )
        for parameter in parameters
    ]


def _found(kind: type, name: str) -> object:
    """Return what the first class of an MRO has under a name, as it stands there."""
    return next((CLASS_DICT(base)[name] for base in MRO(kind) if name in CLASS_DICT(base)), None)


def _twin_of_signature(find: Callable[..., inspect.Signature]) -> type[inspect.Signature]:
    names = dict(vars(inspect))
    namespace: dict[str, object] = {}
    for name, value in vars(inspect.Signature).items():
        if name in ("__dict__", "__weakref__", "from_callable", "__reduce__", "__setstate__") or (
            type(value) is types.MemberDescriptorType
        ):
            continue
        if type(value) is types.FunctionType:
            namespace[name] = _rebound(value, names)
        elif type(value) is property and type(value.fget) is types.FunctionType:
            namespace[name] = property(_rebound(value.fget, names))
        else:
            namespace[name] = value

    def from_callable(_cls: type, obj: object, *, follow_wrapped: bool = True) -> inspect.Signature:
        """Return the signature of a callable."""
        return find(obj, follow_wrapped=follow_wrapped)

    def parameters(self: inspect.Signature) -> dict[str, inspect.Parameter]:
        """Return the parameters in order; a copy."""
        return dict(self._parameters)  # type: ignore[attr-defined]  # a slot of the twin

    namespace["from_callable"] = classmethod(from_callable)
    namespace["parameters"] = property(parameters)
    made = type("Signature", (), namespace)
    names["Signature"] = made
    return cast("type[inspect.Signature]", made)


def _rebound(function: types.FunctionType, names: dict[str, object]) -> types.FunctionType:
    made = types.FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    made.__kwdefaults__, made.__doc__ = function.__kwdefaults__, function.__doc__
    return made


def _signature_functions(signatures: _Signatures) -> dict[str, object]:  # noqa: C901  # a list of small functions
    def signature(
        obj: object,
        *,
        follow_wrapped: bool = True,
        globals: object = None,  # noqa: A002  # the name it stands for
        locals: object = None,  # noqa: A002
        eval_str: bool = False,
    ) -> inspect.Signature:
        """Return the signature of a callable; annotations that are strings stay strings."""
        _no_evaluation(eval_str or globals is not None or locals is not None)
        return signatures.of(obj, follow_wrapped=bool(follow_wrapped))

    def getfullargspec(func: object) -> inspect.FullArgSpec:
        """Return the names and defaults of the parameters."""
        found = signatures.of(func, follow_wrapped=False)
        kinds = inspect.Parameter
        by_kind: dict[object, _Parameters] = {}
        for parameter in found.parameters.values():
            by_kind.setdefault(parameter.kind, []).append(parameter)
        positional = by_kind.get(kinds.POSITIONAL_ONLY, []) + by_kind.get(kinds.POSITIONAL_OR_KEYWORD, [])
        named = by_kind.get(kinds.KEYWORD_ONLY, [])
        rest, options = by_kind.get(kinds.VAR_POSITIONAL), by_kind.get(kinds.VAR_KEYWORD)
        notes = {one.name: one.annotation for one in found.parameters.values() if one.annotation is not kinds.empty}
        if found.return_annotation is not inspect.Signature.empty:
            notes["return"] = found.return_annotation
        return inspect.FullArgSpec(
            [one.name for one in positional],
            rest[0].name if rest else None,
            options[0].name if options else None,
            tuple(one.default for one in positional if one.default is not kinds.empty) or None,
            [one.name for one in named],
            {one.name: one.default for one in named if one.default is not kinds.empty} or None,
            notes,
        )

    def get_annotations(
        obj: object,
        *,
        globals: object = None,  # noqa: A002  # the name it stands for
        locals: object = None,  # noqa: A002
        eval_str: bool = False,
    ) -> dict[str, object]:
        """Return a copy of the annotations."""
        _no_evaluation(eval_str or globals is not None or locals is not None)
        if issubclass(type(obj), type):
            found = CLASS_DICT(obj).get("__annotations__")
        else:
            found = signatures.attribute(obj, "__annotations__")
        return dict(found) if type(found) is dict else {}

    def unwrap(func: object, *, stop: Callable[[object], object] | None = None) -> object:
        """Return what a chain of wrappers leads to."""
        for _ in range(_LONGEST_CHAIN):
            if stop is not None and stop(func):
                return func
            wrapped = signatures.attribute(func, "__wrapped__")
            if wrapped is None or issubclass(type(func), type):
                return func
            func = wrapped
        message = "wrapper loop when unwrapping"
        raise ValueError(message)

    return {
        "Signature": signatures.kind,
        "signature": signature,
        "getfullargspec": getfullargspec,
        "get_annotations": get_annotations,
        "unwrap": unwrap,
    }


def _no_evaluation(asked: object) -> None:
    if asked:
        message = "access denied: annotations are not evaluated in a sandbox"
        raise AccessDenied(message)


# ---- Members ---------------------------------------------------------------------------------------------------------


def _members(tools: Tools) -> dict[str, object]:  # noqa: C901  # a list of small functions
    read = tools.read

    def every(obj: object) -> Iterator[tuple[str, object]]:
        for name in sorted(name for name in dir(obj) if type(name) is str and classify(name) != NEVER):
            try:
                yield name, (None if read is None else read(obj, name))
            except (AttributeError, AccessDenied):
                continue

    def getmembers(obj: object, predicate: Callable[[object], object] | None = None) -> list[tuple[str, object]]:
        """Return the attributes that the sandbox may read, with their names."""
        return [(name, value) for name, value in every(obj) if predicate is None or predicate(value)]

    def getattr_static(obj: object, attr: str, default: object = inspect) -> object:
        """Return an attribute without running any code for it; of the host's objects, public ones only."""
        missing = object()
        found = missing
        if type(attr) is str and classify(attr) == PLAIN:
            found = inspect.getattr_static(obj, attr, missing)
            # A class of the host holds its methods as they are; the sandbox gets them as reading gives them.
            if type(found) is types.FunctionType and not tools.owns(found):
                found = missing if read is None else read(obj, attr)
        if found is not missing:
            return found
        if default is inspect:
            raise AttributeError(attr)
        return default

    def getdoc(obj: object) -> str | None:
        """Return the documentation string, cleaned up."""
        try:
            text = None if read is None else read(obj, "__doc__")
        except (AttributeError, AccessDenied):
            return None
        return inspect.cleandoc(text) if type(text) is str else None

    def getmro(cls: object) -> object:
        """Return ``cls.__mro__`` as the sandbox sees it."""
        found = NotImplemented if tools.stand_ins is None else tools.stand_ins.read(cls, "__mro__")
        if found is NotImplemented:
            message = "a class is needed"
            raise TypeError(message)
        return found

    def getmodule(obj: object, _filename: str | None = None) -> object:
        """Return the sandbox's own module that an object says it is from."""
        if issubclass(type(obj), types.ModuleType):
            return obj
        try:
            name = None if read is None else read(obj, "__module__")
        except (AttributeError, AccessDenied):
            return None
        return tools.modules(name) if type(name) is str else None

    return {
        "getmembers": getmembers,
        "getattr_static": getattr_static,
        "getdoc": getdoc,
        "getmro": getmro,
        "getmodule": getmodule,
    }


# ---- Frames and source -----------------------------------------------------------------------------------------------


def _frame_functions(tools: Tools) -> dict[str, object]:
    def currentframe() -> object:
        """Return a stand-in for the caller's frame."""
        return None if tools.stand_ins is None else tools.stand_ins.frame(0, sys._getframe(1))

    def stack(_context: int = 1) -> list[inspect.FrameInfo]:
        """Return the sandbox's own frames, the caller's first; without source."""
        if tools.stand_ins is None:
            return []
        return [
            inspect.FrameInfo(
                cast("types.FrameType", Frame._of(frame)),
                frame.f_code.co_filename,
                frame.f_lineno,
                frame.f_code.co_name,
                None,
                None,
            )
            for frame in tools.stand_ins.frames(sys._getframe(1))
        ]

    def getinnerframes(_tb: object, _context: int = 1) -> list[inspect.FrameInfo]:
        """Return nothing: a traceback has no frames for a sandbox."""
        return []

    return {"currentframe": currentframe, "stack": stack, "getinnerframes": getinnerframes, "trace": lambda _n=1: []}


def _source_functions() -> dict[str, object]:
    def refuse(_obj: object) -> NoReturn:
        """Raise OSError, as where a program has no source."""
        message = "source code not available"
        raise OSError(message)

    return dict.fromkeys(("getsource", "getsourcelines", "getsourcefile", "getfile", "getcomments"), refuse)
