"""Chunks, windows, peeking, buckets, combinatorics, time series."""

import more_itertools as mi


def main():
    peeking = mi.peekable(iter("abc"))
    first = peeking.peek()
    peeking.prepend("z")
    numbers = mi.seekable(x * x for x in range(6))
    consumed = mi.take(4, numbers)
    numbers.seek(1)
    buckets = mi.bucket(["a1", "b1", "a2", "c1"], key=lambda x: x[0])
    assert (first, list(peeking)) == ("a", ["z", "a", "b", "c"])
    assert (consumed, next(numbers)) == ([0, 1, 4, 9], 1)
    assert list(buckets["a"]) == ["a1", "a2"]
    assert list(mi.chunked("ABCDEFG", 3)) == [["A", "B", "C"], ["D", "E", "F"], ["G"]]
    assert mi.one([7]) == 7
    assert mi.first([], default="none") == "none"
    assert list(mi.windowed([1, 2, 3, 4], 3)) == [(1, 2, 3), (2, 3, 4)]
    assert list(mi.collapse([1, [2, [3, [4]]]])) == [1, 2, 3, 4]
    assert mi.partition(lambda x: x > 2, [1, 2, 3])[1].__next__() == 3
    assert mi.unique_to_each("ab", "bc") == [["a"], ["c"]]
    try:
        mi.one([1, 2])
    except ValueError as error:
        too_many = "more" in str(error)
    spied, rest = mi.spy(iter(range(5)), 2)
    return {
        "too_many": too_many,
        "spy": (spied, list(rest)),
        "split": list(mi.split_at("a,b;c", lambda c: c in ",;")),
        "set_partitions": [list(map("".join, part)) for part in mi.set_partitions("abc", 2)],
        "run_length": list(mi.run_length.encode("aaabb")),
        "interleave": list(mi.interleave_longest([1, 2], "a")),
        "consecutive": [list(group) for group in mi.consecutive_groups([1, 2, 4, 5, 7])],
        "numeric": list(mi.numeric_range(1, 3, 0.5)),
        "circular": list(mi.circular_shifts([1, 2, 3])),
        "distinct": sorted(mi.distinct_permutations("aab")),
        "ilen": mi.ilen(mi.locate([0, 1, 1, 0], bool)),
        "sieve": list(mi.sieve(20)),
        "divide": [list(part) for part in mi.divide(3, range(7))],
    }
