"""Queens that do not attack each other: recursion, sets, and permutations from a generator."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Board:
    """A board that is filled column by column."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.placed: list[int] = []
        self.tried = 0
        self._rows: set[int] = set()
        self._rising: set[int] = set()
        self._falling: set[int] = set()

    def _is_free(self, row: int) -> bool:
        column = len(self.placed)
        return row not in self._rows and row + column not in self._rising and row - column not in self._falling

    def _put(self, row: int) -> None:
        column = len(self.placed)
        self._rows.add(row)
        self._rising.add(row + column)
        self._falling.add(row - column)
        self.placed.append(row)
        self.tried += 1

    def _take_back(self) -> None:
        row = self.placed.pop()
        column = len(self.placed)
        self._rows.remove(row)
        self._rising.remove(row + column)
        self._falling.remove(row - column)

    def solutions(self) -> Iterator[tuple[int, ...]]:
        """Find every way to put a queen in each column."""
        if len(self.placed) == self.size:
            yield tuple(self.placed)
            return
        for row in range(self.size):
            if self._is_free(row):
                self._put(row)
                yield from self.solutions()
                self._take_back()


def run() -> tuple[int, int, tuple[int, ...]]:
    """Return how many there are, how many queens were put, and the last solution."""
    board = Board(10)
    found = list(board.solutions())
    return len(found), board.tried, found[-1]
