"""Plain data: a bounded copy of what a sandbox handed out, of exact built-in types only."""

# Problem.  What a sandbox returns is a program: a `str` whose `__eq__` answers by the clock, a dictionary with a key
# that deletes files when it is compared, a list that another thread of the sandbox fills while the host looks at it.
#
# Things that do not work:
#
# - isinstance(): it believes `__class__`, and is true for derived classes, whose methods are the sandbox's.
# - copy.deepcopy, json.dumps, list(value): they call the value's own methods.
# - Check first, use later: the list is changed in between.
# - dict.copy() and set(value): they compare keys, and copy before anybody has counted.
#
# Idea.  One pass that copies while it looks.  `type(x)` is the only question that an object cannot answer itself.  Of
# an exact list, dict or set the items are taken one by one in C, which calls nothing of theirs; every item is made
# plain before it is hashed or compared.  Everything is counted before it is copied.  What is there twice is copied
# twice: the result is a tree, and what it costs is known.
#
# Hashes of numbers are known to everybody: a set of multiples of 2**61-1 has one hash for all, and takes the square of
# its length to make, once more for every copy.  So items that share a hash are counted before they are put together.
#
# What still fails.  A container that is changed during the copy may come out as it never was, half old, half new; if
# the interpreter notices, it is refused.  Numbers of different hashes can be chosen so that each has to pass many
# others on its way to a place of its own; that is quick for each, but not counted.

from __future__ import annotations

import datetime as dt
import decimal
import fractions
import sys
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, final

from pycage.errors import LimitExceeded, NotPlainError, type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_ITEMS", "plain"]

MAX_DEPTH: Final = 32
MAX_ITEMS: Final = 100_000
MAX_BYTES: Final = 16 * 1024 * 1024

_DEEPEST: Final = 200  # what may be asked for: each level is a call
_MOST_BITS: Final = 14_284  # 4,300 digits, as many as int() and str() take: what is longer takes quadratic time
_LONGEST_KEY: Final = 40
_FEW: Final = 64  # so many items may share a hash uncounted
_MOST_PAIRS: Final = 500_000  # of items with the same hash, which are compared: at most half a second

_NUMERATOR: Final = vars(fractions.Fraction)["_numerator"].__get__
_DENOMINATOR: Final = vars(fractions.Fraction)["_denominator"].__get__
_UUID_NUMBER: Final = vars(uuid.UUID)["int"].__get__
_UUID_BITS: Final = 128


def plain(value: object, *, max_depth: int = MAX_DEPTH, max_items: int = MAX_ITEMS, max_bytes: int = MAX_BYTES) -> Any:
    """Return a copy of ``value`` in plain data, or refuse.  Nothing of the value is ever called.

    Plain data is None, and exactly bool, int (up to 4,300 digits), float, complex, str, bytes, bytearray, list, tuple,
    dict, set, frozenset, date, datetime, time, timedelta, timezone, Decimal, Fraction and UUID.  Objects of derived
    classes are none, whatever they say they are; nor are paths: hand out ``str(path)``.

    Args:
        value: What somebody else made.
        max_depth: So many containers may be inside each other, at most 200.
        max_items: So many items may be in all containers together; a dictionary has two for each key.
        max_bytes: So much memory may the copy take, counted as `sys.getsizeof` does.

    Raises:
        NotPlainError: Something in it is no plain data, or contains itself, or was changed meanwhile.  The message
            begins with the way to it, such as ``value["a"][3]``.
        LimitExceeded: It is deeper or larger than that, or too many items of sets or keys of dictionaries share a hash.

    Example:
        >>> with pycage.Sandbox("hostile") as sandbox:
        ...     result = sandbox.run("{'names': ['Ann', 'Bob']}")
        >>> pycage.plain(result.value)
        {'names': ['Ann', 'Bob']}
    """
    return _copy_of(value, "value", max_depth, max_items, max_bytes)


def plain_argument(value: object, name: str) -> object:
    """Return a copy in plain data of an argument that a sandbox passes; a message calls it ``name``."""
    return _copy_of(value, name, MAX_DEPTH, MAX_ITEMS, MAX_BYTES)


def _copy_of(value: object, name: str, max_depth: int, max_items: int, max_bytes: int) -> object:
    for limit, given, most in (
        ("max_depth", max_depth, _DEEPEST),
        ("max_items", max_items, sys.maxsize),
        ("max_bytes", max_bytes, sys.maxsize),
    ):
        if type(given) is not int or not 0 <= given <= most:
            message = f"{limit} must be a number from 0 to {most}"
            raise ValueError(message)
    return _Copy(name, max_depth, max_items, max_bytes).of(value)


@final
class _Copy:
    """One copy on its way: what is left of the limits, and the way from the value to where it is now."""

    __slots__ = ("_above", "_bytes", "_bytes_limit", "_depth_limit", "_items", "_items_limit", "_pairs", "_way")

    def __init__(self, name: str, max_depth: int, max_items: int, max_bytes: int) -> None:
        self._depth_limit, self._items_limit, self._bytes_limit = max_depth, max_items, max_bytes
        self._items = self._bytes = self._pairs = 0
        self._way: list[tuple[str | None, object]] = [("", name)]  # the form, and what fills it
        self._above: set[int] = set()  # the containers that this one is in

    def of(self, value: object) -> object:
        kind = type(value)
        # With a metaclass of its own, a class would answer the look-up itself.
        make = _KINDS.get(kind) if type(kind) is type or kind is fractions.Fraction else None
        if make is None:
            return self.refuse(f"a {ascii(type_name(value))[1:-1]} object is no plain data")
        if value is not None and kind is not bool:
            self._bytes += sys.getsizeof(value)  # of an exact type: C code, which calls nothing
            if self._bytes > self._bytes_limit:
                self._exceeded("max_bytes", self._bytes_limit)
        return make(self, value)

    def refuse(self, reason: str) -> Any:  # NoReturn in the table of kinds
        raise NotPlainError(self._here(), reason)

    def _exceeded(self, name: str, limit: int) -> None:
        message = f"{self._here()}: more than {name}={limit}"
        raise LimitExceeded(message)

    def _here(self) -> str:
        """Return the way in words.  Keys that it shows are plain: they were copied before their values."""
        return "".join(
            f"[{ascii(at)[:_LONGEST_KEY]}]" if form is None else form % at if form else str(at)
            for form, at in self._way
        )

    def into(self, container: object, items: Callable[[], Iterator[object]]) -> list[object]:
        """Return copies of the items of a container; ``items`` yields them with the way set to each."""
        if id(container) in self._above:
            self.refuse("it contains itself")
        if len(self._above) >= self._depth_limit:
            self._exceeded("max_depth", self._depth_limit)
        self._above.add(id(container))
        try:
            return [self.of(item) for item in self._counted(items())]
        except RuntimeError as error:
            # "dictionary changed size during iteration"
            if type(error) is not RuntimeError:
                raise
            self._way.pop()
            return self.refuse("it was changed while it was copied")  # type: ignore[no-any-return]  # never
        finally:
            self._above.discard(id(container))

    def bytes_of(self, value: bytearray) -> bytearray:
        """Return a copy that is within the limit, however large the value has become since it was counted."""
        made = value[: self._bytes_limit + 1]
        if len(made) > self._bytes_limit:
            self._exceeded("max_bytes", self._bytes_limit)
        return made

    def _counted(self, items: Iterator[object]) -> Iterator[object]:
        for item in items:
            self._items += 1
            if self._items > self._items_limit:
                self._exceeded("max_items", self._items_limit)
            yield item

    def hashed(self, items: list[object]) -> list[object]:
        """Return ``items``, plain as they are, if a set or a dictionary can be made of them in reasonable time."""
        if len(items) > _FEW:
            self._pairs += sum(same * (same - 1) // 2 for same in Counter(map(hash, items)).values())
            if self._pairs > _MOST_PAIRS:
                message = f"{self._here()}: too many items with the same hash; a list of them can be copied"
                raise LimitExceeded(message)
        return items

    def numbered(self, items: Iterable[object], form: str) -> Iterator[object]:
        """Yield the items, with the way set to each."""
        self._way.append(("", ""))
        for number, item in enumerate(items):
            self._way[-1] = form, number
            yield item
        self._way.pop()

    def pairs(self, items: Iterable[tuple[object, object]]) -> Iterator[object]:
        """Yield keys and values in turn."""
        self._way.append(("", ""))
        for number, (key, item) in enumerate(items):
            self._way[-1] = "<key %d>", number
            yield key
            self._way[-1] = (None, key) if type(key) in _SHOWN else ("<value %d>", number)
            yield item
        self._way.pop()


# ---- One function for each kind ------------------------------------------------------------------------------------


def _same(_copy: _Copy, value: Any) -> object:  # each knows the type that it is for
    return value


def _int(copy: _Copy, value: int) -> object:
    if value.bit_length() > _MOST_BITS:
        copy.refuse("an int of more than 4300 digits")
    return value


def _bytearray(copy: _Copy, value: bytearray) -> object:
    return copy.bytes_of(value)


def _list(copy: _Copy, value: list[object]) -> object:
    return copy.into(value, lambda: copy.numbered(value, "[%d]"))


def _tuple(copy: _Copy, value: tuple[object, ...]) -> object:
    return tuple(copy.into(value, lambda: copy.numbered(value, "[%d]")))


def _set(copy: _Copy, value: set[object]) -> object:
    return _hashed(copy, set, copy.into(value, lambda: copy.numbered(value, "<item %d>")))


def _frozenset(copy: _Copy, value: frozenset[object]) -> object:
    return _hashed(copy, frozenset, copy.into(value, lambda: copy.numbered(value, "<item %d>")))


def _hashed(copy: _Copy, kind: Callable[[list[object]], Any], items: list[object]) -> object:
    made = kind(copy.hashed(items))
    if len(made) != len(items):
        copy.refuse("it was changed while it was copied")
    return made


def _dict(copy: _Copy, value: dict[object, object]) -> object:
    flat = copy.into(value, lambda: copy.pairs(value.items()))
    made = dict(zip(copy.hashed(flat[::2]), flat[1::2], strict=True))
    if len(made) * 2 != len(flat):
        copy.refuse("it was changed while it was copied")
    return made


def _zone_is_plain(zone: object) -> bool:
    if zone is None:
        return True
    # A timezone keeps the timedelta and the name that it is given, of derived classes too.
    return type(zone) is dt.timezone and type(zone.utcoffset(None)) is dt.timedelta and type(zone.tzname(None)) is str


def _zone(copy: _Copy, value: dt.timezone) -> object:
    return value if _zone_is_plain(value) else copy.refuse("a timezone made of derived classes is no plain data")


def _zoned(copy: _Copy, value: dt.datetime | dt.time) -> object:
    if _zone_is_plain(value.tzinfo):
        return value
    return copy.refuse("its tzinfo is no datetime.timezone; hand out value.astimezone(timezone.utc)")


def _parts(copy: _Copy, *slots: Callable[[], object]) -> list[int]:
    """Return the numbers that an object of a class in Python is made of."""
    try:
        numbers = [slot() for slot in slots]
    except AttributeError:
        numbers = [None]
    exact = [number for number in numbers if type(number) is int and number.bit_length() <= _MOST_BITS]
    return exact if len(exact) == len(numbers) else copy.refuse("it was put together by hand")


def _fraction(copy: _Copy, value: fractions.Fraction) -> object:
    numerator, denominator = _parts(copy, lambda: _NUMERATOR(value), lambda: _DENOMINATOR(value))
    return fractions.Fraction(numerator, denominator) if denominator else copy.refuse("it was put together by hand")


def _uuid(copy: _Copy, value: uuid.UUID) -> object:
    (number,) = _parts(copy, lambda: _UUID_NUMBER(value))
    return uuid.UUID(int=number) if 0 <= number < 1 << _UUID_BITS else copy.refuse("it was put together by hand")


_KINDS: Final[dict[type, Callable[[_Copy, Any], object]]] = {
    **dict.fromkeys((type(None), bool, float, complex, str, bytes), _same),
    **dict.fromkeys((dt.date, dt.timedelta, decimal.Decimal), _same),
    int: _int,
    bytearray: _bytearray,
    list: _list,
    tuple: _tuple,
    dict: _dict,
    set: _set,
    frozenset: _frozenset,
    dt.datetime: _zoned,
    dt.time: _zoned,
    dt.timezone: _zone,
    fractions.Fraction: _fraction,
    uuid.UUID: _uuid,
}
# Keys that a message shows.
_SHOWN: Final = frozenset({type(None), bool, int, float, str, bytes})
