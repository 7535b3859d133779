"""Pancakes: how many flips bring each permutation's first number to the front; lists of small numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Permutations:
    """All orders of a few numbers, each made from the one before by turning its front."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.current = list(range(size))
        self.turns = list(range(1, size + 1))

    def _next(self) -> bool:
        for level in range(1, self.size):
            self.current.insert(level, self.current.pop(0))
            self.turns[level] -= 1
            if self.turns[level] > 0:
                return True
            self.turns[level] = level + 1
        return False

    def __iter__(self) -> Iterator[list[int]]:
        yield self.current
        while self._next():
            yield self.current


def flips_of(order: list[int]) -> int:
    """Turn the front, as long as the first number says, until that is zero."""
    count = 0
    pile = order[:]
    first = pile[0]
    while first:
        pile[: first + 1] = pile[first::-1]
        first = pile[0]
        count += 1
    return count


def run() -> tuple[int, int]:
    """Return the checksum and the most flips."""
    checksum = most = 0
    for index, order in enumerate(Permutations(8)):
        if order[0]:
            flips = flips_of(order)
            most = max(most, flips)
            checksum += -flips if index % 2 else flips
    return checksum, most
