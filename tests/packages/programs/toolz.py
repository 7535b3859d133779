"""Pipelines of functions, currying, grouping, nested dictionaries."""

import toolz
from toolz import compose, curry, curried, memoize, pipe
from toolz.curried import operator as op


@curry
def power(base, exponent):
    return base**exponent


class Counter:
    def __init__(self):
        self.calls = 0

    @curry
    def add(self, a, b):
        return a + b


def main():
    counter = Counter()

    @memoize
    def slow(x):
        counter.calls += 1
        return x * x

    words = "the quick brown fox jumps over the lazy dog the end".split()
    squares = power(exponent=2)
    orders = [{"who": "ann", "sum": 5}, {"who": "bob", "sum": 7}, {"who": "ann", "sum": 1}]
    assert [slow(3), slow(3), counter.calls] == [9, 9, 1]
    assert compose(str, squares)(4) == "16"
    assert pipe(range(10), curried.filter(lambda x: x % 2), curried.map(op.mul(3)), sum) == 75
    assert toolz.frequencies(words)["the"] == 3
    assert toolz.reduceby("who", lambda total, order: total + order["sum"], orders, 0) == {"ann": 6, "bob": 7}
    assert list(toolz.sliding_window(2, [1, 2, 3])) == [(1, 2), (2, 3)]
    assert sorted(toolz.groupby(len, words)) == [3, 4, 5]
    assert toolz.update_in({"a": {"b": 1}}, ["a", "b"], lambda x: x + 1) == {"a": {"b": 2}}
    assert toolz.merge_with(sum, {"a": 1}, {"a": 2, "b": 3}) == {"a": 3, "b": 3}
    assert counter.add(1)(2) == 3
    assert toolz.functoolz.num_required_args(lambda x, y, z=1: 0) == 2
    assert toolz.functoolz.is_valid_args(sorted, ([2, 1],), {"reverse": True}) is True
    assert toolz.functoolz.is_partial_args(lambda a, b: 0, (1,), {}) is True
    with_error = toolz.excepts(ZeroDivisionError, lambda x: 1 / x, lambda _: "none")
    return {
        "partition": list(toolz.partition_all(3, range(8))),
        "topk": toolz.topk(2, [4, 1, 9]),
        "errors": [with_error(0), with_error(2)],
        "interleave": list(toolz.interleave([[1, 2], "ab"])),
        "thread": toolz.thread_last([1, 2, 3], (map, lambda x: x + 1), list),
        "doc": power.__name__,
    }
