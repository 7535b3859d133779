"""Every attribute of the objects that lead everywhere is considered."""

from __future__ import annotations

import functools
import sys
import types
from typing import TYPE_CHECKING

import pytest

from pycage.language import names
from pycage.language.names import CLASS, COPY, NEVER, PLAIN, classify, storable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


def _generator() -> Iterator[None]:
    yield


async def _coroutine() -> None: ...


async def _async_generator() -> AsyncIterator[None]:
    yield


def _traceback() -> types.TracebackType:
    try:
        raise ValueError
    except ValueError as error:
        assert error.__traceback__ is not None
        return error.__traceback__


# Text, numbers and flags, and what the language itself does with these objects.
_HARMLESS = {
    *(
        "tb_lasti",
        "tb_lineno",
        "gi_running",
        "gi_suspended",
        "cr_running",
        "cr_suspended",
        "ag_running",
        "ag_suspended",
    ),
    *("send", "throw", "close", "asend", "athrow", "aclose"),
    "clear",  # frame.clear(), of list, dict and set too; frames are out of reach
    "replace",  # code.replace(), of str too; code objects are out of reach
}


@pytest.mark.parametrize(
    "leading",
    [sys._getframe(), _generator.__code__, _generator(), _async_generator(), _traceback()],
    ids=lambda value: type(value).__name__,
)
def test_every_public_attribute_of_frames_and_their_kin_is_refused_or_harmless(leading: object) -> None:
    names = {name for name in dir(leading) if not name.startswith("__")}

    assert {name for name in names if classify(name) != NEVER} - _HARMLESS == set()


def test_every_public_attribute_of_coroutines_is_refused_or_harmless() -> None:
    coroutine = _coroutine()
    names = {name for name in dir(coroutine) if not name.startswith("__")}
    coroutine.close()

    assert {name for name in names if classify(name) != NEVER} - _HARMLESS == set()


def test_every_public_attribute_of_a_cell_is_refused() -> None:
    assert classify("cell_contents") == NEVER
    assert {name for name in dir(types.CellType) if not name.startswith("__")} == {"cell_contents"}


@pytest.mark.parametrize("kind", [types.FunctionType, types.MethodType, types.BuiltinFunctionType, type, property])
def test_no_special_attribute_that_leads_to_authority_is_plain(kind: type) -> None:
    leading = {
        *(
            "__globals__",
            "__code__",
            "__closure__",
            "__builtins__",
            "__self__",
            "__func__",
            "__subclasses__",
            "__mro__",
        ),
        *("__bases__", "__base__", "__dict__", "__reduce__", "__reduce_ex__", "__getattribute__", "__setattr__"),
        *("__defaults__", "__kwdefaults__", "__annotations__", "__class__", "__init__", "__delattr__", "__getstate__"),
        *("__subclasshook__", "__init_subclass__", "__set__", "__delete__", "__wrapped__", "__objclass__"),
    }

    assert {name for name in leading & set(dir(kind)) if classify(name) == PLAIN} == set()


def test_a_special_name_that_nobody_considered_is_not_plain() -> None:
    assert classify("__brand_new__") != PLAIN


def test_name_mangling_cannot_make_a_name_that_has_a_row() -> None:
    """``self.__x`` in class C is written to ``_C__x`` after it was judged as ``__x``."""
    mangled = ["_C__x", "_X__globals", "_format__map"]

    assert {classify(name) for name in mangled} == {classify("__x")}


@pytest.mark.parametrize("name", ["x", "_x", "__x", "__doc__", "__len__", "__wrapped__"])
def test_ordinary_and_special_method_names_can_be_stored(name: str) -> None:
    assert storable(name)


@pytest.mark.parametrize("name", ["__class__", "__code__", "__bases__", "__builtins__", "__match_args__"])
def test_names_that_change_what_an_object_is_cannot_be_stored(name: str) -> None:
    assert not storable(name)


def test_a_name_that_is_not_exactly_text_is_refused() -> None:
    class Text(str):
        __slots__ = ()

    with pytest.raises(TypeError):
        classify(Text("x"))


def test_the_kinds_used_by_the_transformer_are_those_of_the_guards() -> None:
    assert classify("__class__") == CLASS
    assert classify("__annotations__") == COPY
    assert callable(functools.partial)


@pytest.mark.parametrize("name", sorted(names._NEVER))
def test_what_is_never_available_has_an_advice(name: str) -> None:
    assert names.advice(name).startswith("; ")
