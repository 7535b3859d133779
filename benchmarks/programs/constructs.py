"""Single constructs of the language, 50,000 times each."""

from __future__ import annotations

TIMES = 50_000


class Point:
    """Two attributes and a private one."""

    __match_args__ = ("x", "y")

    def __init__(self, x: int = 1, y: int = 2) -> None:
        self.x = x
        self.y = y
        self._z = 3

    def store_in_loop(self) -> None:
        """Store again and again."""
        for i in range(TIMES):
            self.x = i

    def store_once(self, value: int) -> None:
        """Store one attribute."""
        self.x = value

    def read(self) -> int:
        """Read in a loop."""
        total = 0
        for _ in range(TIMES):
            total += self._z
        return total

    def _helper(self) -> int:
        return 1

    def call(self) -> int:
        """Call a private method."""
        total = 0
        for _ in range(TIMES):
            total += self._helper()
        return total

    def area(self) -> int:
        """Return a product."""
        return self.x * self.y


class Deep(Point):
    """One level down."""

    def __init__(self, x: int, y: int) -> None:
        super().__init__(x, y)

    def area(self) -> int:
        """Return more."""
        return super().area() + 1


class Deeper(Deep):
    """Two levels down."""

    def __init__(self, x: int) -> None:
        super().__init__(x, 1)


class Line:
    """Two points."""

    __match_args__ = ("start", "end")

    def __init__(self, start: Point, end: Point) -> None:
        self.start = start
        self.end = end


def store_self() -> int:
    """``self.x = i`` in a loop."""
    point = Point()
    point.store_in_loop()
    return point.x


def store_self_once() -> int:
    """A method with a single ``self.x = value``."""
    point = Point()
    for i in range(TIMES):
        point.store_once(i)
    return point.x


def _store(point: Point, value: int) -> None:
    point.x = value
    point.y = value


def store_parameter() -> int:
    """Two stores to a parameter that is not called self."""
    point = Point()
    for i in range(TIMES):
        _store(point, i)
    return point.x


def store_local() -> int:
    """A store to an object in a local variable."""
    point = Point()
    for i in range(TIMES):
        point.x = i
    return point.x


def store_loop() -> int:
    """Two stores to the variable of a for statement."""
    points = [Point() for _ in range(100)]
    for i in range(TIMES // 100):
        for point in points:
            point.x = i
            point.y = i
    return points[0].y


def store_chain() -> int:
    """``a.b.c = v``."""
    line = Line(Point(), Point())
    for i in range(TIMES):
        line.start.x = i
    return line.start.x


def add_local() -> int:
    """``a.b += v``."""
    point = Point()
    for i in range(TIMES):
        point.x += i
    return point.x


def private_read() -> int:
    """``self._z``."""
    return Point().read()


def private_call() -> int:
    """``self._helper()``."""
    return Point().call()


def super_init() -> int:
    """``super().__init__(x, y)``."""
    for i in range(TIMES):
        deep = Deep(i, 2)
    return deep.x


def super_init_deep() -> int:
    """Two of them."""
    for i in range(TIMES):
        deeper = Deeper(i)
    return deeper.x


def super_method() -> int:
    """``super().area()``."""
    deep = Deep(1, 2)
    total = 0
    for _ in range(TIMES):
        total += deep.area()
    return total


def match_class_positional() -> int:
    """``case Point(x, y)``."""
    point, total = Point(), 0
    for _ in range(TIMES):
        match point:
            case Point(x, y):
                total += x + y
    return total


def match_class_keyword() -> int:
    """``case Point(x=x, y=y)``."""
    point, total = Point(), 0
    for _ in range(TIMES):
        match point:
            case Point(x=x, y=y):
                total += x + y
    return total


def match_class_deep() -> int:
    """``case Line(Point(a, b), Point(c, 2))``, third of three cases."""
    line, total = Line(Point(), Point()), 0
    for _ in range(TIMES):
        match line:
            case Point(x, y):
                total += x + y
            case Line(Point(x, 0), _):
                total += x
            case Line(Point(a, b), Point(c, 2)):
                total += a + b + c
    return total


def match_builtin() -> int:
    """``case int(n)``."""
    total = 0
    for i in range(TIMES):
        match i:
            case str(s):
                total += len(s)
            case int(n):
                total += n
    return total


def call_method() -> int:
    """``point.area()``."""
    point, total = Point(), 0
    for _ in range(TIMES):
        total += point.area()
    return total


def getattr_call() -> int:
    """``getattr(point, "x")``."""
    point, total = Point(), 0
    for _ in range(TIMES):
        total += getattr(point, "x")  # noqa: B009  it is measured
    return total


def format_call() -> int:
    """``"{}".format(i)``."""
    total = 0
    for i in range(TIMES):
        total += len("{}-{}".format(i, "x"))
    return total


def make_object() -> int:
    """``Point(i, 2)``, which stores three attributes."""
    for i in range(TIMES):
        point = Point(i, 2)
    return point.x
