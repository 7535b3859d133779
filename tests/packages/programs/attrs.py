"""Classes: slots, validators, converters, frozen ones, inheritance, super(), evolve, make_class."""

import attr
import attrs
from attrs import Factory, asdict, astuple, define, evolve, field, fields, frozen, validators


@define
class Point:
    x: int = field(converter=int)
    y: int = field(default=0, validator=[validators.instance_of(int), validators.ge(-1000)])
    tags: list = Factory(list)

    def norm(self):
        return (self.x**2 + self.y**2) ** 0.5

    @y.validator
    def _small(self, attribute, value):
        if value > 1000:
            raise ValueError(f"{attribute.name} is too big")


@define
class Named(Point):
    name: str = field(default="none", kw_only=True)

    def norm(self):
        return round(super().norm(), 3)


@frozen(order=True)
class Version:
    major: int
    minor: int = 0
    _hidden: str = field(default="h", repr=False, eq=False, order=False)


@attr.s(auto_attribs=True, slots=False)
class Old:
    a: int
    b: str = attr.ib(default="b", metadata={"unit": "m"})
    _cache: dict = attr.ib(factory=dict, init=False)

    def __attrs_post_init__(self):
        self._cache["made"] = True


def failing(function, *arguments, **names):
    try:
        function(*arguments, **names)
    except (TypeError, ValueError, attrs.exceptions.FrozenInstanceError, AttributeError) as error:
        return type(error).__name__
    return None


def main():
    point = Point("3", 4)
    named = Named(5, 12, name="n")
    point.tags.append("a")
    assert (point.x, point.norm()) == (3, 5.0)
    assert named.norm() == 13.0
    assert Point(1) == Point(1)
    assert Version(1, 2) < Version(1, 10) < Version(2)
    assert len({Version(1), Version(1), Version(2)}) == 2
    assert evolve(point, y=0).norm() == 3.0
    assert Old(1)._cache == {"made": True}
    made = attrs.make_class("Made", {"p": field(), "q": field(default=2)}, frozen=True)
    point.y = 7

    def change():
        Version(1).major = 2

    def unknown():
        point.z = 1

    return {
        "repr": [repr(point), repr(named), repr(Version(1)), repr(Old(1)), repr(made(3))],
        "asdict": asdict(named),
        "astuple": astuple(Version(1, 2)),
        "fields": [a.name for a in fields(Named)],
        "metadata": dict(attr.fields(Old).b.metadata),
        "failing": [
            failing(Point, "x"),
            failing(Point, 1, -5000),
            failing(Point, 1, 5000),
            failing(change),
            failing(unknown),
            failing(Point),
            failing(setattr, point, "y", 10000),
        ],
        "slots": hasattr(point, "__dict__"),
        "made": made.__name__,
        "has": attrs.has(Point),
        "filtered": asdict(point, filter=attrs.filters.exclude(list)),
        "match": named_parts(point),
        "validators": failing(validators.in_([1, 2]), None, attr.fields(Old).a, 3),
    }


def named_parts(thing):
    match thing:
        case Point(x, y):
            return x, y
