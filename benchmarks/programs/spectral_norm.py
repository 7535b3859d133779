"""The greatest singular value of an endless matrix, from its corner: calls, generators and floats."""

from __future__ import annotations

import math
from operator import mul


class Matrix:
    """A matrix whose cells are computed when they are asked for."""

    def __init__(self, size: int) -> None:
        self.size = size

    def cell(self, row: int, column: int) -> float:
        """Return one number."""
        return 1.0 / ((row + column) * (row + column + 1) // 2 + row + 1)

    def times(self, vector: list[float]) -> list[float]:
        """Multiply from the right."""
        cell = self.cell
        return [sum(cell(row, column) * value for column, value in enumerate(vector)) for row in range(self.size)]


class Transposed(Matrix):
    """The same, rows and columns exchanged."""

    def __init__(self, matrix: Matrix) -> None:
        super().__init__(matrix.size)
        self.matrix = matrix

    def cell(self, row: int, column: int) -> float:
        """Return one number."""
        return self.matrix.cell(column, row)


def run() -> str:
    """Return the norm."""
    matrix = Matrix(140)
    transposed = Transposed(matrix)
    u = [1.0] * matrix.size
    v = u
    for _ in range(6):
        v = transposed.times(matrix.times(u))
        u = transposed.times(matrix.times(v))
    return f"{math.sqrt(sum(map(mul, u, v)) / sum(map(mul, v, v))):.9f}"
