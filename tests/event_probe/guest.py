"""What an ordinary program does with the standard library; run by `run_guest.py` without any permission."""

import asyncio
import collections
import copy
import dataclasses
import enum
import functools
import inspect
import logging
import pprint
import traceback
import typing
import warnings


@dataclasses.dataclass(frozen=True, slots=True)
class Point:
    """A point."""

    x: int
    y: int = 0


class Colour(enum.Enum):
    RED = 1


class Pair(typing.NamedTuple):
    first: int
    second: int = 2


Three = collections.namedtuple("Three", "a b c", defaults=(3,))
Made = dataclasses.make_dataclass("Made", ["x"])


@functools.wraps(len)
def wrapped(value):
    """Replaced."""
    return len(value)


@functools.singledispatch
def dispatched(value):
    return "any"


@dispatched.register
def _(value: int):
    return "int"


def failing():
    raise ValueError("on purpose")


async def waiting():
    await asyncio.sleep(0)
    return 5


Point.__doc__ = "Changed."
Point.__name__ = "Other"
assert Point(1) == Point(1, 0)
assert Pair(1) == (1, 2)
assert Three(1, 2) == (1, 2, 3)
assert Made(1).x == 1
assert Colour["RED"] is Colour.RED
assert enum.Enum("Size", "small large").large.value == 2
assert copy.deepcopy([{"a": [Point(1, 2)]}]) == [{"a": [Point(1, 2)]}]
assert dispatched(1) == "int"
assert str(inspect.signature(failing)) == "()"
assert typing.get_type_hints(Point) == {"x": int, "y": int}
assert pprint.pformat([1]) == "[1]"
assert asyncio.run(waiting()) == 5
logging.getLogger("guest").warning("logged")
with warnings.catch_warnings(record=True):
    warnings.simplefilter("always")
    warnings.warn("warned")
try:
    failing()
except ValueError:
    assert "on purpose" in traceback.format_exc()
done = True
