"""Sorted lists, dictionaries and sets that stay sorted while they change."""

import copy

from sortedcontainers import SortedDict, SortedKeyList, SortedList, SortedSet


def main():
    numbers = SortedList([5, 1, 4])
    numbers.update([3, 2])
    numbers.add(0)
    numbers.discard(4)
    by_length = SortedKeyList(["ccc", "a", "bb"], key=len)
    by_length.add("dddd")
    ages = SortedDict({"bob": 3, "ann": 7})
    ages["cid"] = 1
    ages.setdefault("dan", 9)
    letters = SortedSet("hello") | SortedSet("world")
    copied = copy.copy(ages)
    copied["zoe"] = 0
    deep = copy.deepcopy(numbers)
    deep.add(100)
    assert list(numbers) == [0, 1, 2, 3, 5]
    assert (numbers.bisect_left(3), numbers[1:3], numbers.index(5)) == (3, [1, 2], 4)
    assert list(numbers.irange(1, 3)) == [1, 2, 3]
    assert list(by_length) == ["a", "bb", "ccc", "dddd"]
    assert list(ages) == ["ann", "bob", "cid", "dan"]
    assert ages.peekitem(0) == ("ann", 7)
    assert ages.keys()[1] == "bob"
    assert "".join(letters) == "dehlorw"
    assert list(copied) == [*ages, "zoe"]
    assert 100 not in numbers
    big = SortedList(range(5000))
    for value in range(0, 5000, 2):
        big.remove(value)
    big._check()
    return {
        "repr": repr(numbers),
        "big": (len(big), big[0], big[-1], big[1000]),
        "sum": numbers + [9],
        "set": repr(letters & set("low")),
        "popped": ages.popitem(),
        "items": list(ages.items()),
    }
