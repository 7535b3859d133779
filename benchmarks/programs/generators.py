"""Pipelines of generators: trees walked with yield from, coroutines that are sent to, itertools."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator


class Node:
    """A node of a search tree."""

    def __init__(self, key: int) -> None:
        self.key = key
        self.left: Node | None = None
        self.right: Node | None = None

    def __iter__(self) -> Iterator[int]:
        if self.left is not None:
            yield from self.left
        yield self.key
        if self.right is not None:
            yield from self.right


class Tree:
    """A search tree without balance."""

    def __init__(self, keys: Iterable[int] = ()) -> None:
        self.root: Node | None = None
        self.size = 0
        for key in keys:
            self.insert(key)

    def insert(self, key: int) -> None:
        """Put a key where it belongs; the same key only once."""
        if self.root is None:
            self.root = Node(key)
            self.size = 1
            return
        node = self.root
        while node.key != key:
            child = node.left if key < node.key else node.right
            if child is None:
                self.size += 1
                if key < node.key:
                    node.left = Node(key)
                else:
                    node.right = Node(key)
                return
            node = child

    def __iter__(self) -> Iterator[int]:
        return iter(() if self.root is None else self.root)


def running_mean() -> Generator[float, int, None]:
    """Say the mean of what was sent so far."""
    total = count = 0
    mean = 0.0
    while True:
        total += yield mean
        count += 1
        mean = total / count


def primes() -> Iterator[int]:
    """Sieve without an end."""
    multiples: dict[int, int] = {}
    for candidate in itertools.count(2):
        prime = multiples.pop(candidate, None)
        if prime is None:
            yield candidate
            multiples[candidate * candidate] = candidate
        else:
            free = candidate + prime
            while free in multiples:
                free += prime
            multiples[free] = prime


def run() -> tuple[int, int, int, str, int]:
    """Return what the pipelines gave."""
    chance = random.Random(5)
    tree = Tree(chance.randrange(100_000) for _ in range(20_000))
    keys = [key for _ in range(4) for key in tree]
    steps = sum(after - before for before, after in itertools.pairwise(sorted(keys)))
    mean = running_mean()
    next(mean)
    means = [mean.send(key) for key in keys if key % 3]
    last = max(itertools.takewhile(lambda prime: prime < 90_000, primes()))
    return tree.size, len(keys), steps, f"{means[-1]:.6f}", last
