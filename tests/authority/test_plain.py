"""Plain data: a bounded copy of what a sandbox handed out; nothing of the value is ever called."""

from __future__ import annotations

import datetime as dt
import decimal
import fractions
import importlib
import math
import sys
import threading
import types
import uuid
from typing import TYPE_CHECKING, Any

import pycage
import pytest
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator

ZONES = st.builds(dt.timezone, st.timedeltas(dt.timedelta(hours=-23), dt.timedelta(hours=23)))
HASHABLE_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.complex_numbers(allow_nan=False),
    st.text(),
    st.binary(),
    st.dates(),
    st.timedeltas(),
    st.uuids(),
    st.decimals(allow_nan=False),
    st.fractions(),
    st.times(),
    st.datetimes(timezones=st.none() | ZONES),
    ZONES,
)
HASHABLE = st.recursive(
    HASHABLE_LEAVES, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=4), max_leaves=6
)
VALUES = st.recursive(
    HASHABLE | st.binary().map(bytearray),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(HASHABLE, inner, max_size=4)
        | st.tuples(inner)
        | st.sets(HASHABLE, max_size=4)
    ),
    max_leaves=12,
)


def items_in(value: Any) -> int:
    if type(value) is dict:
        return sum(2 + items_in(key) + items_in(item) for key, item in value.items())
    if type(value) in (list, tuple, set, frozenset):
        return sum(1 + items_in(item) for item in value)
    return 0


def depth_of(value: Any) -> int:
    inside = [*value, *value.values()] if type(value) is dict else value
    if type(value) in (dict, list, tuple, set, frozenset):
        return 1 + max(map(depth_of, inside), default=0)
    return 0


def containers_in(value: Any) -> Iterator[int]:
    if type(value) in (list, dict, set, bytearray):
        yield id(value)
    if type(value) is dict:
        value = value.values()
    if type(value) in (list, tuple, type({}.values())):
        for item in value:
            yield from containers_in(item)


# ---- Data comes out as it is ---------------------------------------------------------------------------------------


@given(VALUES)
def test_plain_data_is_copied_to_an_equal_value_that_shares_nothing_that_changes(value: Any) -> None:
    copied = pycage.plain(value)

    assert (copied, type(copied)) == (value, type(value))
    assert not set(containers_in(value)) & set(containers_in(copied))


@given(VALUES)
def test_the_limits_are_exact(value: Any) -> None:
    items, depth = items_in(value), depth_of(value)

    assert pycage.plain(value, max_items=items, max_depth=depth) == value
    if items:
        with pytest.raises(pycage.LimitExceeded, match=f"max_items={items - 1}"):
            pycage.plain(value, max_items=items - 1)
    if depth:
        with pytest.raises(pycage.LimitExceeded, match=f"max_depth={depth - 1}"):
            pycage.plain(value, max_depth=depth - 1)


def test_a_result_gives_its_value_as_plain_data(sandbox: pycage.Sandbox) -> None:
    result = sandbox.run("{'a': [1, 2.5, {'b': None}], 'c': (b'x', {1, 2})}")

    assert result.plain() == {"a": [1, 2.5, {"b": None}], "c": (b"x", {1, 2})}
    assert result.plain() is not result.value


def test_nan_and_what_is_there_twice_are_data() -> None:
    shared: list[object] = [math.nan]

    copied = pycage.plain([shared, shared])

    assert math.isnan(copied[0][0])
    assert copied[0] is not copied[1]


# ---- Limits ----------------------------------------------------------------------------------------------------------


def test_a_value_that_grows_by_sharing_is_counted_as_often_as_it_is_there() -> None:
    value: list[object] = []
    for _ in range(30):
        value = [value] * 10

    with pytest.raises(pycage.LimitExceeded, match="max_items=100000"):
        pycage.plain(value)


@pytest.mark.parametrize("value", ["x" * 2000, [b"x" * 500] * 5, {1: bytearray(2000)}, [0] * 300])
def test_bytes_are_counted(value: object) -> None:
    with pytest.raises(pycage.LimitExceeded, match="max_bytes=2000"):
        pycage.plain(value, max_bytes=2000)


MODULE = importlib.import_module("pycage.plain")  # `pycage.plain` is the function
SAME_HASH = 2**61 - 1  # of every multiple


@pytest.mark.parametrize(
    "make",
    [
        set,
        frozenset,
        dict.fromkeys,
        lambda numbers: {(number, "x") for number in numbers},
        lambda numbers: {fractions.Fraction(number) for number in numbers},
        lambda numbers: {"a": [set(numbers)]},
    ],
)
def test_items_that_were_chosen_to_collide_are_refused(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "_MOST_PAIRS", 70 * 69 // 2)
    value = make([number * SAME_HASH for number in range(70)])
    too_many = make([number * SAME_HASH for number in range(71)])

    assert pycage.plain(value) == value
    with pytest.raises(pycage.LimitExceeded, match="too many items with the same hash"):
        pycage.plain(too_many)


def test_items_that_collide_are_counted_in_all_containers_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "_MOST_PAIRS", 70 * 69)
    value = {number * SAME_HASH for number in range(70)}

    assert pycage.plain([value] * 2) == [value] * 2
    with pytest.raises(pycage.LimitExceeded, match=r"value\[2\]: too many items with the same hash"):
        pycage.plain([value] * 3)


@pytest.mark.parametrize(
    "value",
    [
        set(range(-20_000, 20_000)),
        dict.fromkeys(number / 7 for number in range(20_000)),
        {2**power for power in range(7000)},
        {str(number) for number in range(20_000)},
        {complex(real, imag) for real in range(-70, 70) for imag in range(-70, 70)},
        {(left, right) for left in range(100) for right in range(100)},
    ],
)
def test_data_of_ordinary_programs_does_not_collide_too_often(value: object) -> None:
    assert pycage.plain(value) == value


def test_a_number_that_cannot_be_shown_is_refused() -> None:
    assert pycage.plain(10**4299) == 10**4299
    with pytest.raises(pycage.NotPlainError, match=r"value\[0\]: an int of more than 4300 digits"):
        pycage.plain([10**4300])


@pytest.mark.parametrize("limits", [{"max_depth": 201}, {"max_depth": True}, {"max_items": -1}, {"max_bytes": 1.5}])
def test_limits_that_make_no_sense_are_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(limits))):
        pycage.plain(1, **limits)


# ---- What is no data -------------------------------------------------------------------------------------------------


def cyclic(kind: str) -> object:
    inner: list[object] = []
    if kind == "list":
        inner.append(inner)
        return inner
    outer: object = {"a": inner} if kind == "dict" else (inner,)
    inner.append(outer)
    return outer


def test_bytes_that_grow_after_they_were_counted_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    value = bytearray(b"ab")
    assert pycage.plain(value, max_bytes=200) == b"ab"

    def growing(counted: object) -> int:
        value.extend(bytes(1000))
        return sys.getsizeof(b"")

    monkeypatch.setattr(MODULE, "sys", types.SimpleNamespace(getsizeof=growing, maxsize=sys.maxsize))
    with pytest.raises(pycage.LimitExceeded, match="max_bytes"):
        pycage.plain(value, max_bytes=200)


@pytest.mark.parametrize(
    ("value", "path"),
    [(cyclic("list"), "value[0]"), (cyclic("dict"), "value['a'][0]"), (cyclic("tuple"), "value[0][0]")],
)
def test_what_contains_itself_is_refused(value: object, path: str) -> None:
    with pytest.raises(pycage.NotPlainError, match="it contains itself") as caught:
        pycage.plain(value)

    assert caught.value.path == path


CALLED = "raise RuntimeError('called')"
HOSTILE = f"""
def called(*args, **kwargs):
    {CALLED}

METHODS = {{name: called for name in ('__eq__ __hash__ __repr__ __str__ __iter__ __len__ __getitem__ __bool__ __index__ '
    '__float__ __fspath__ __format__ __bytes__ __sizeof__ __contains__ __copy__ __deepcopy__ keys items '
    'bit_length utcoffset tzname __ge__ __lt__ __mod__ __call__').split()}}

class Liar:
    __class__ = property(lambda self: dict)

def derived(base, *args, **more):
    return type('Derived', (base,), {{**METHODS, **more}})(*args)
"""


@pytest.mark.parametrize(
    ("expression", "path"),
    [
        ("derived(str, 'x')", "value"),
        ("[1, derived(int, 3)]", "value[1]"),
        ("{'a': [0, 1, 2, derived(list, [3])]}", "value['a'][3]"),
        ("{'a': {b'b': (derived(dict),)}}", "value['a'][b'b'][0]"),
        ("{'a': derived(set)}", "value['a']"),
        ("{(1, 2): derived(float)}", "value<value 0>"),
        ("[Liar()]", "value[0]"),
        ("{1: 2, derived(str, 'k', __hash__=lambda self: 0): 3}", "value<key 1>"),
        ("{derived(bytes, b'k', __hash__=lambda self: 0)}", "value<item 0>"),
        ("frozenset([derived(tuple, (1,), __hash__=lambda self: 0)])", "value<item 0>"),
        ("[map(str, [1])]", "value[0]"),
        ("(x for x in [1])", "value"),
        ("[len]", "value[0]"),
        ("[int]", "value[0]"),
        ("[Liar]", "value[0]"),
        ("[ValueError()]", "value[0]"),
        ("[range(3)]", "value[0]"),
        ("__import__('datetime').datetime(2026, 1, 1, tzinfo=derived(__import__('datetime').tzinfo))", "value"),
        (
            "__import__('datetime').timezone(derived(__import__('datetime').timedelta, 0, 1, __bool__=lambda s: True))",
            None,
        ),
        ("__import__('pathlib').PurePath('a')", "value"),
        ("__import__('collections').OrderedDict()", "value"),
        ("__import__('enum').IntEnum('E', 'A').A", "value"),
        ("type('M', (type,), {})('C', (), {})()", "value"),
    ],
)
def test_nothing_of_a_hostile_object_is_called(sandbox: pycage.Sandbox, expression: str, path: str | None) -> None:
    try:
        result = sandbox.run(f"{HOSTILE}\n{expression}")
    except RuntimeError:
        assert path is None  # the object cannot even be made
        return
    with pytest.raises(pycage.NotPlainError) as caught:
        result.plain()

    assert path is None or caught.value.path == path
    assert isinstance(caught.value, (TypeError, ValueError))


def test_a_name_of_a_type_is_shown_in_one_short_line(sandbox: pycage.Sandbox) -> None:
    result = sandbox.run("type('A\\nB' + 'x' * 1000, (), {})()")

    with pytest.raises(pycage.NotPlainError) as caught:
        result.plain()
    assert str(caught.value).startswith("value: a A\\nBx")
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("slot", ["_numerator", "_denominator"])
@pytest.mark.parametrize("value", [0, 1.5, "x", None, True])
def test_a_fraction_that_was_put_together_by_hand_is_refused(slot: str, value: object) -> None:
    made = fractions.Fraction(1, 2)
    setattr(made, slot, value)

    if (slot, value) == ("_numerator", 0) and type(value) is int:
        assert pycage.plain(made) == 0
    else:
        with pytest.raises(pycage.NotPlainError, match="put together by hand"):
            pycage.plain(made)


@pytest.mark.parametrize("number", [-1, 1 << 128, "x", 1.0])
def test_a_uuid_that_was_put_together_by_hand_is_refused(number: object) -> None:
    made = uuid.UUID(int=1)
    object.__setattr__(made, "int", number)

    with pytest.raises(pycage.NotPlainError, match="put together by hand"):
        pycage.plain(made)


def test_objects_that_were_never_initialised_are_refused() -> None:
    for kind in (fractions.Fraction, uuid.UUID):
        with pytest.raises(pycage.NotPlainError):
            pycage.plain(object.__new__(kind))


def test_numbers_with_an_exact_type_come_out_exact() -> None:
    value = [decimal.Decimal("1.10"), fractions.Fraction(2, 4), dt.timezone.utc, dt.datetime(2026, 1, 1, tzinfo=dt.UTC)]

    assert list(map(repr, pycage.plain(value))) == list(map(repr, value))


# ---- What changes meanwhile ------------------------------------------------------------------------------------------


def test_what_another_thread_changes_is_copied_within_the_limits_or_refused() -> None:
    changing: dict[object, object] = {number: [number] for number in range(50)}
    stop = threading.Event()

    def change() -> None:
        number = 50
        while not stop.is_set():
            number += 1
            changing[number] = [number]
            changing.pop(number - 50, None)
            changing[number - 1] = {number}

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(300):
            try:
                copied = pycage.plain(changing, max_items=1000)
            except pycage.NotPlainError as refused:
                assert "changed while it was copied" in str(refused)
            else:
                assert {type(item) for item in copied.values()} <= {list, set}
    finally:
        stop.set()
        thread.join()
