"""Objects to JSON text and back: dataclasses, dictionaries, and a little C."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field


@dataclass
class Item:
    """One line of an order."""

    sku: str
    count: int
    price: float
    tags: list[str] = field(default_factory=list)

    @property
    def total(self) -> float:
        """Return what it costs."""
        return self.count * self.price


@dataclass
class Order:
    """What somebody wants."""

    number: int
    customer: str
    items: list[Item]
    note: str | None = None

    @classmethod
    def from_dict(cls, data: dict[str, object]) -> Order:
        """Make one from what JSON gave."""
        items = [Item(**item) for item in data["items"]]
        return cls(number=data["number"], customer=data["customer"], items=items, note=data["note"])

    def total(self) -> float:
        """Return what all of it costs."""
        return round(sum(item.total for item in self.items), 2)


class Encoder(json.JSONEncoder):
    """Knows orders."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self.seen = 0

    def default(self, o: object) -> object:
        """Turn an order into a dictionary."""
        if isinstance(o, Order):
            self.seen += 1
            return asdict(o)
        return super().default(o)


def orders(count: int) -> list[Order]:
    """Make some."""
    return [
        Order(
            number,
            f"customer-{number % 17}",
            [Item(f"sku-{i}", i + 1, 1.25 * (number + i), [f"tag-{i}", "été", '"quoted"']) for i in range(4)],
            None if number % 3 else "leave at the door\n",
        )
        for number in range(count)
    ]


def run() -> tuple[int, float, int]:
    """Return the length of the text, the total, and how many orders were encoded."""
    made = orders(400)
    length, total, seen = 0, 0.0, 0
    for indent in (None, None, None, None, 2):
        encoder = Encoder(indent=indent, sort_keys=True)
        text = encoder.encode(made)
        again = [Order.from_dict(data) for data in json.loads(text)]
        if again != made:
            raise ValueError("what came back is something else")
        length += len(text)
        total += sum(order.total() for order in again)
        seen += encoder.seen
    return length, round(total, 2), seen
