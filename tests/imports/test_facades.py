"""Facades: honest use works as with the real functions, and the ways around the guards are shut.

Every attack first runs with the real function and must succeed there.
"""

import collections
import copy
import dataclasses
import decimal
import functools
import importlib
import random
import sys
import types
import typing

import pytest
from pycage.errors import AccessDenied
from pycage.imports import Tools, rules, view_of
from pycage.language.names import PLAIN, classify


class HostObject:
    """Something of the host that a guest holds and must not change."""

    def __init__(self):
        self.mode = "plain"


def bases_of(own):
    return vars(type)["__bases__"].__get__(own) if isinstance(own, type) else None


class Guard:
    """The write guard of a sandbox whose own things are listed."""

    def __init__(self):
        self.own = []

    def owns(self, thing):
        kind = thing if isinstance(thing, type) else type(thing)
        # A class that is made of another with its bases is as own as that, as for the real guards.
        return any(
            own is thing or own is kind or vars(type)["__bases__"].__get__(kind) is bases_of(own) for own in self.own
        )

    def read(self, thing, name):
        if name.startswith("_") and classify(name) != PLAIN and not self.owns(thing):
            raise AccessDenied(name)
        return getattr(thing, name)

    def __call__(self, thing):
        self.own.append(thing)
        return thing


def views(guard=None, modules=None):
    tools = Tools() if guard is None else Tools(owns=guard.owns, read=guard.read, modules=(modules or {}).get)

    def view(name):
        return view_of(importlib.import_module(name), rules().allows_module, lambda function: function, tools)

    return view


# ---- copy ----------------------------------------------------------------------------------------------------------------


def test_copying_works_as_usual():
    view = views()("copy")

    class Point:
        def __init__(self, x):
            self.x = x

    class Slotted:
        __slots__ = ("x",)

    slotted = Slotted()
    slotted.x = [1]
    point = Point([1])
    shallow, deep = view.copy(point), view.deepcopy(point)

    assert (shallow.x is point.x, deep.x is point.x, deep.x) == (True, False, [1])
    assert view.copy(slotted).x is slotted.x
    assert view.deepcopy(slotted).x == [1]
    assert view.deepcopy({"a": [1, (2, {3})]}) == {"a": [1, (2, {3})]}
    assert view.copy(decimal.Decimal("1.5")) == decimal.Decimal("1.5")
    assert str(view.copy(ValueError("x"))) == "x"
    assert view.deepcopy(collections.OrderedDict(a=[1])) == {"a": [1]}
    assert view.Error is copy.Error
    if sys.version_info >= (3, 13):
        assert view.replace(collections.namedtuple("N", "a b")(1, 2), a=3) == (3, 2)


@pytest.mark.parametrize("operation", ["copy", "deepcopy"])
@pytest.mark.parametrize("attack", ["new", "reduce", "slots"])
def test_copying_does_not_write_to_what_new_returned(operation, attack):
    """copy's _reconstruct() updates the __dict__ of whatever the class's __new__ or __reduce__ came up with."""

    def attempt(function):
        host = HostObject()
        HostObject.__deepcopy__ = lambda self, memo: self
        armed = []
        if attack == "new":

            class Thief:
                def __new__(cls):
                    return host if armed else object.__new__(cls)

                def __getstate__(self):
                    return {"mode": "evil"}

        else:
            state = {"mode": "evil"} if attack == "reduce" else (None, {"mode": "evil"})

            class Thief:
                def __reduce_ex__(self, protocol):
                    return (lambda: host), (), state

        thief = Thief()
        armed.append(1)
        try:
            function(thief)
        except AccessDenied:
            pass
        finally:
            del HostObject.__deepcopy__
        return host.mode

    assert attempt(getattr(copy, operation)) == "evil"
    assert attempt(getattr(views()("copy"), operation)) == "plain"


def test_copying_does_not_turn_an_object_into_one_of_another_class():
    def attempt(function):
        class Other:
            pass

        class Thief:
            def __reduce_ex__(self, protocol):
                return (lambda: object.__new__(Thief)), (), (None, {"__class__": Other})

        try:
            return type(function(Thief())) is Other
        except AccessDenied:
            return False

    assert attempt(copy.copy) is True
    assert attempt(views()("copy").copy) is False


# ---- dataclasses -----------------------------------------------------------------------------------------------------------


def make_class(guard, **annotations):
    return guard(type("Guest", (), {"__annotations__": annotations, "__module__": "guest"}))


def test_dataclasses_work_as_usual():
    guard = Guard()
    view = views(guard)("dataclasses")

    @view.dataclass(order=True)
    @guard
    class Item:
        price: float
        name: str = "x"
        tags: list = view.field(default_factory=list, compare=False)
        extra: view.InitVar[int] = 0

        def __post_init__(self, extra):
            self.total = self.price + extra

    item = Item(3.5, "b", extra=1)

    assert (item.price, item.name, item.tags, item.total) == (3.5, "b", [], 4.5)
    assert repr(item).endswith("Item(price=3.5, name='b', tags=[])")
    assert Item(1.0) < Item(2.0)
    assert view.asdict(item) == {"price": 3.5, "name": "b", "tags": []}
    assert view.astuple(item) == (3.5, "b", [])
    assert view.replace(Item(1.0), name="z", extra=0).name == "z"
    assert Item.__match_args__ == ("price", "name", "tags", "extra")
    assert Item.__doc__ == "Item"


def test_the_host_sees_a_guests_dataclass_as_one():
    guard = Guard()
    made = views(guard)("dataclasses").dataclass(make_class(guard, x=int))

    assert dataclasses.is_dataclass(made)
    assert dataclasses.asdict(made(3)) == {"x": 3}
    assert [field.name for field in dataclasses.fields(made)] == ["x"]


def test_frozen_and_slotted_dataclasses_work():
    guard = Guard()
    view = views(guard)("dataclasses")
    frozen = view.dataclass(frozen=True)(make_class(guard, x=int))
    slotted = view.dataclass(slots=True, frozen=True)(make_class(guard, x=int))

    with pytest.raises(dataclasses.FrozenInstanceError):
        frozen(1).x = 2
    assert (slotted(3).x, hasattr(slotted(3), "__dict__")) == (3, False)
    assert guard.owns(slotted)
    assert copy.copy(slotted(4)).x == 4


def test_string_annotations_mean_what_they_say_in_the_sandboxs_module():
    guard = Guard()
    own = types.ModuleType("guest")
    view = views(guard, {"guest": own})("dataclasses")
    vars(own).update(dataclasses=view, typing=views(guard)("typing"), InitVar=view.InitVar)
    made = view.dataclass(
        make_class(guard, a="int", b="dataclasses.InitVar[int]", c="typing.ClassVar[int]", d="InitVar[int]")
    )

    assert [field.name for field in view.fields(made)] == ["a"]


def test_the_decorator_does_not_write_to_a_class_of_the_host():
    def attempt(decorate):
        host = type("Host", (), {"__annotations__": {"x": int}})
        try:
            decorate(host)
        except AccessDenied:
            pass
        return "__init__" in vars(host)

    assert attempt(dataclasses.dataclass) is True
    assert attempt(views(Guard())("dataclasses").dataclass) is False


def test_a_generated_init_does_not_write_to_an_object_of_the_host():
    def attempt(decorate, guard):
        made = decorate(make_class(guard, mode=str))
        host = HostObject()
        try:
            made.__init__(host, "evil")
        except AccessDenied:
            pass
        return host.mode

    guard = Guard()
    assert attempt(dataclasses.dataclass, guard) == "evil"
    assert attempt(views(guard)("dataclasses").dataclass, guard) == "plain"


def test_a_generated_setstate_does_not_write_to_a_dataclass_of_the_host():
    @dataclasses.dataclass
    class Host:
        mode: str = "plain"

    def attempt(decorate, guard):
        made = decorate(frozen=True, slots=True)(make_class(guard, x=str))
        host = Host()
        try:
            made.__setstate__(host, ["evil"])
        except AccessDenied:
            pass
        return host.mode

    guard = Guard()
    assert attempt(dataclasses.dataclass, guard) == "evil"
    assert attempt(views(guard)("dataclasses").dataclass, guard) == "plain"


@pytest.mark.parametrize("field", ["gi_frame", "f_globals", "__globals__"])
def test_a_field_name_does_not_become_a_pattern_that_reads_what_is_guarded(field):
    """`case C(x)` reads the attribute named in __match_args__ of anything that C's metaclass calls an instance."""
    guard = Guard()
    view = views(guard)

    assert dataclasses.dataclass(make_class(guard, **{field: int})).__match_args__ == (field,)
    with pytest.raises(AccessDenied, match="cannot have a field"):
        view("dataclasses").dataclass(make_class(guard, **{field: int}))


def test_a_field_of_a_named_tuple_does_not_become_such_a_pattern():
    assert collections.namedtuple("P", "gi_frame").__match_args__ == ("gi_frame",)
    with pytest.raises(AccessDenied):
        views()("collections").namedtuple("P", "gi_frame")


def test_a_signature_text_is_not_evaluated_in_a_module_of_the_host():
    """The doc string of a class without one is its signature, which inspect finds by evaluating names."""
    host = types.ModuleType("box_secret_module")
    host.SECRET = "TOP-SECRET"
    sys.modules["box_secret_module"] = host

    def attempt(decorate, guard):
        made = guard(
            type("Guest", (), {"__module__": "box_secret_module", "__doc__": "Guest($self, a=SECRET)\n--\n\n"})
        )
        made.__doc__ = None  # what the signature is parsed from stays
        return decorate(init=False)(made).__doc__

    guard = Guard()
    try:
        assert "TOP-SECRET" in attempt(dataclasses.dataclass, guard)  # control
        assert "TOP-SECRET" not in attempt(views(guard)("dataclasses").dataclass, guard)
    finally:
        del sys.modules["box_secret_module"]


def test_asdict_copies_as_carefully_as_copy():
    guard = Guard()
    host = HostObject()
    HostObject.__deepcopy__ = lambda self, memo: self

    class Thief:
        def __reduce_ex__(self, protocol):
            return (lambda: host), (), {"mode": "evil"}

    try:
        made = views(guard)("dataclasses").dataclass(make_class(guard, x=object))
        dataclasses.asdict(made(Thief()))
        assert host.mode == "evil"
        host.mode = "plain"
        with pytest.raises(AccessDenied):
            views(guard)("dataclasses").asdict(made(Thief()))
    finally:
        del HostObject.__deepcopy__

    assert host.mode == "plain"


# ---- functools -------------------------------------------------------------------------------------------------------------


def test_wraps_works_as_usual():
    guard = Guard()
    view = views(guard)("functools")

    @guard
    def f(x: int) -> int:
        """doc"""
        return x

    f.mark = 1

    @view.wraps(f)
    @guard
    def g(*args):
        return f(*args)

    assert (g.__name__, g.__doc__, g.__wrapped__ is f, g.mark, g(3)) == ("f", "doc", True, 1, 3)


def test_update_wrapper_does_not_read_what_is_guarded():
    def attempt(update, guard):
        taken = {}

        @guard
        class Taker:
            def __setattr__(self, name, value):
                taken[name] = value

        try:
            update(Taker(), json_loads, assigned=("__globals__",), updated=())
        except AccessDenied:
            pass
        return "__globals__" in taken

    from json import loads as json_loads

    assert attempt(functools.update_wrapper, Guard()) is True
    guard = Guard()
    assert attempt(views(guard)("functools").update_wrapper, guard) is False


def test_update_wrapper_takes_no_names_that_change():
    guard = Guard()

    class Name(str):
        __slots__ = ()

    with pytest.raises(AccessDenied):
        views(guard)("functools").update_wrapper(guard(lambda: 1), len, assigned=(Name("__doc__"),), updated=())


@pytest.mark.parametrize("attack", ["assigned", "updated"])
def test_update_wrapper_does_not_write_to_the_host(attack):
    def attempt(update):
        host = HostObject()
        source = types.SimpleNamespace(mode="evil")
        try:
            update(host, source, assigned=("mode",) if attack == "assigned" else (), updated=("__dict__",))
        except AccessDenied:
            pass
        return host.mode

    assert attempt(functools.update_wrapper) == "evil"
    assert attempt(views(Guard())("functools").update_wrapper) == "plain"


def test_total_ordering_works_on_own_classes_only():
    guard = Guard()
    view = views(guard)("functools")

    def make():
        return type("V", (), {"__lt__": lambda s, o: True, "__eq__": lambda s, o: False})

    host = make()
    with pytest.raises(AccessDenied):
        view.total_ordering(host)
    assert "__ge__" not in vars(host)
    own = view.total_ordering(guard(make()))
    assert (own() <= own()) is True


def test_cached_property_works_as_usual():
    view = views()("functools")

    class C:
        calls = 0

        @view.cached_property
        def value(self):
            """doc"""
            C.calls += 1
            return 42

    class D(C):
        pass

    c = C()

    assert (c.value, c.value, C.calls, D().value) == (42, 42, 1, 42)
    assert C.value.__doc__ == "doc"
    with pytest.raises((TypeError, RuntimeError)):  # 3.11 wraps what __set_name__ raises
        type("E", (), {"a": C.__dict__["value"]})


def test_cached_property_does_not_write_to_an_object_of_the_host():
    def attempt(cached_property):
        made = cached_property(lambda self: "evil")
        made.__set_name__(None, "other")
        host = HostObject()
        try:
            made.__get__(host, HostObject)
        except AccessDenied:
            pass
        return vars(host).get("other")

    assert attempt(functools.cached_property) == "evil"
    assert attempt(views()("functools").cached_property) is None


def test_the_real_cached_property_is_not_a_base_of_the_facade():
    assert functools.cached_property not in views()("functools").cached_property.__mro__


def test_singledispatch_works_as_usual():
    view = views()("functools")

    @view.singledispatch
    def kind(o):
        return "obj"

    @kind.register(int)
    def _(o):
        return "int"

    @kind.register
    def _(o: str):
        return "str"

    kind.register(list, lambda o: "list")

    @kind.register(float | complex)
    def _(o):
        return "number"

    assert [kind(x) for x in (1, "a", [], None, 1.5)] == ["int", "str", "list", "obj", "number"]


def test_singledispatch_does_not_evaluate_annotations():
    """D234."""

    def attempt(singledispatch):
        ran = []

        def g(o):
            return None

        g.__annotations__ = {"o": "ran.append(1) or int"}
        g = types.FunctionType(g.__code__, {"ran": ran, "int": int}, "g")
        g.__annotations__ = {"o": "ran.append(1) or int"}
        try:
            singledispatch(lambda o: None).register(g)
        except TypeError:
            pass
        return ran

    assert attempt(functools.singledispatch) == [1]
    assert attempt(views()("functools").singledispatch) == []


# ---- random, decimal, contextvars, operator, typing, and those that write to their argument ---------------------------------


def test_each_sandbox_has_its_own_random_numbers():
    """D125."""
    one, two = views()("random"), views()("random")
    random.seed(7)
    expected = random.random()
    random.seed(7)
    one.seed(1)
    first = one.random()
    two.seed(1)

    assert random.random() == expected
    assert (two.random(), one.random() == first) == (first, False)
    assert 1 <= one.randint(1, 6) <= 6
    assert one.choice([5]) == 5


def test_the_decimal_context_is_a_copy():
    """D126."""
    view = views()("decimal")
    before = decimal.getcontext().prec
    view.getcontext().prec = 2
    view.getcontext().traps[decimal.Inexact] = True

    assert decimal.getcontext().prec == before == view.getcontext().prec
    assert decimal.getcontext().traps[decimal.Inexact] is False
    with view.localcontext() as context:
        context.prec = 4
        assert str(view.Decimal(1) / 3) == "0.3333"
    for name in ("DefaultContext", "BasicContext", "ExtendedContext", "setcontext"):
        assert not hasattr(view, name)


def test_a_copied_context_runs_but_cannot_be_listed():
    import contextvars

    secret = contextvars.ContextVar("secret")
    token = secret.set("TOP-SECRET")
    view = views()("contextvars")
    try:
        assert "TOP-SECRET" in contextvars.copy_context().values()
        mine = view.ContextVar("mine", default=1)
        context = view.copy_context()
        assert context.run(lambda: (mine.set(2), mine.get())[1]) == 2
        assert (mine.get(), context[mine], context.get(mine), mine in context) == (1, 2, 2, True)
        assert context.copy()[mine] == 2
        for attempt in (list, len, dict):
            with pytest.raises(TypeError):
                attempt(context)
        with pytest.raises(TypeError):
            type("C", (type(context),), {})
        for name in ("items", "values", "keys"):
            assert not hasattr(context, name)
    finally:
        secret.reset(token)


def test_attrgetter_and_methodcaller_read_through_the_guard():
    view = views(Guard())("operator")
    thing = types.SimpleNamespace(a=types.SimpleNamespace(b=1), c=2)

    assert view.attrgetter("a.b")(thing) == 1
    assert view.attrgetter("a.b", "c")(thing) == (1, 2)
    assert view.methodcaller("split", ",")("a,b") == ["a", "b"]
    for name in ("__class__", "a.__dict__", "_x"):
        with pytest.raises(AccessDenied):
            view.attrgetter(name)(thing)
    with pytest.raises(AccessDenied):
        view.methodcaller("__reduce_ex__", 4)(thing)
    with pytest.raises(TypeError):
        view.attrgetter(type("S", (str,), {})("c"))


def test_without_a_guard_there_is_no_attrgetter():
    assert not hasattr(views()("operator"), "attrgetter")


def test_a_forward_reference_is_handed_out_as_text():
    view = views()("typing")

    assert isinstance(typing.get_args(typing.List["int"])[0], typing.ForwardRef)  # control
    assert view.get_args(typing.List["int"]) == ("int",)
    assert view.get_args(typing.Callable[["int"], str]) == (["int"], str)
    assert view.get_args(dict[str, int]) == (str, int)
    for name in ("ForwardRef", "get_type_hints"):
        assert not hasattr(view, name)


@pytest.mark.parametrize(
    ("module", "name", "mark"),
    [
        ("typing", "final", "__final__"),
        ("typing", "runtime_checkable", "_is_runtime_protocol"),
        ("typing", "override", "__override__"),
    ],
)
def test_decorators_that_mark_classes_mark_own_ones_only(module, name, mark):
    if not hasattr(typing, name):
        pytest.skip("not in this Python")
    guard = Guard()
    decorate = getattr(views(guard)(module), name)

    class Host(typing.Protocol):
        pass

    class Own(typing.Protocol):
        pass

    with pytest.raises(AccessDenied):
        decorate(Host)
    assert getattr(Host, mark, False) is False
    assert getattr(decorate(guard(Own)), mark) is True


def test_without_tools_everything_that_writes_refuses():
    """Fail closed: who forgets to give the guards gets a sandbox without dataclasses, not one without guards."""

    class C:
        x: int

    for attempt in (
        lambda: views()("dataclasses").dataclass(C),
        lambda: views()("functools").wraps(len)(lambda: 1),
        lambda: views()("functools").total_ordering(C),
    ):
        with pytest.raises(AccessDenied):
            attempt()


def test_a_lying_class_attribute_does_not_make_an_object_own():
    class Liar:
        @property
        def __class__(self):
            return type

    with pytest.raises(AccessDenied):
        views(Guard())("dataclasses").dataclass(Liar())
