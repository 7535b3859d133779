"""Reading attributes."""

from __future__ import annotations

import functools
import types
import weakref
from typing import TYPE_CHECKING

import pytest

from pycage.errors import AccessDenied, RestrictedSyntaxError
from pycage.language import transform

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Cage, Host


def test_private_attributes_of_own_objects_are_ordinary(honest: Callable[..., None]) -> None:
    honest("""
class Base:
    _shared = [1]
    def __init__(self): self._x = 1; self.__y = 2
    def get(self): return self._x, self.__y, self._shared
class Derived(Base):
    def get(self): return super().get(), super()._shared, self._Base__y
def function(): pass
function._note = 3
result = Derived().get(), Derived._shared, function._note
""")


@pytest.mark.parametrize(
    "expression",
    [
        "host._secret",
        "getattr(host, '_secret')",
        "object.__getattribute__(host, '_secret')",
        "type(host).__getattribute__(host, '_secret')",
        "host.__getattribute__('_secret')",
        "host.__dict__['_secret']",
        "vars(host)['_secret']",
        "host.call(getattr, host, '_secret')",
        "list(map(getattr, [host], ['_secret']))",
        "weakref.proxy(host)._secret",
        "GenericAlias(host, (int,))._secret",
        "host.__getstate__()",
        "host.__reduce_ex__(2)",
        "Host.__init__.__globals__",
        "getattr(Host.__init__, '__globals__')",
        "getattr(getattr(host.call, '__func__'), '__code__')",
        "host.call.__func__",
        "host.call.__self__",
        "Host.name.fget",
        "Host.name.__class__.fget.__get__(Host.name)",
        "partial(host.call).func",
        "partial.func.__get__(partial(host.call))",
        "MethodType(partial(host.call), 1).func",
        "partial(host.call, 1).args",
        "host.__class__",
        "Host.__subclasses__",
        "getattr(type, '__subclasses__')(object)",
        "type.mro(Host)",
        "Host.__annotations__.__class__",
        "len.__self__",
        "(x for x in ()).gi_frame",
        "getattr((x for x in ()), 'gi_code')",
    ],
)
def test_what_leads_into_the_host_is_refused(attack: Callable[..., None], expression: str) -> None:
    attack(
        f"escaped = ({expression}, True)",
        weakref=weakref,
        GenericAlias=types.GenericAlias,
        partial=functools.partial,
        MethodType=types.MethodType,
    )


def test_a_subclass_of_a_partial_does_not_show_the_function_it_unwrapped(attack: Callable[..., None]) -> None:
    """partial(partial(f)) takes the inner function over."""
    attack("class P(partial): pass\nescaped = P(hidden).func", partial=functools.partial, hidden=functools.partial(len))


def test_a_class_derived_from_a_stand_in_is_not_own(attack: Callable[..., None]) -> None:
    attack(
        "class Alias(GenericAlias): pass\nescaped = Alias(host, (int,))._secret",
        GenericAlias=types.GenericAlias,
    )


def test_a_super_object_of_a_host_object_does_not_show_private_attributes(attack: Callable[..., None]) -> None:
    attack(
        "class D(Host): pass\nescaped = super(D, D())._secret if False else super(Host, host)._hidden",
        Host=_Sub,
        host=_Sub(),
    )


def test_a_subclass_of_super_cannot_lie_about_its_object(attack: Callable[..., None]) -> None:
    attack(
        """
class Own: pass
class S(super):
    __self__ = property(lambda self: Own())
escaped = S(Host, host)._hidden
""",
        Host=_Sub,
        host=_Sub(),
    )


class _Parent:
    _hidden = "hidden"


class _Sub(_Parent):
    pass


def test_a_variable_named_super_is_not_taken_for_the_built_in(attack: Callable[..., None]) -> None:
    attack("""
def super(): return host
class C:
    def f(self): return super()._secret
escaped = C().f()
""")


def test_a_variable_named_class_cannot_redirect_super(attack: Callable[..., None]) -> None:
    attack(
        """
def outer():
    __class__ = Host
    def f(self): return super()._hidden
    return f
escaped = outer()(host)
""",
        Host=_Sub,
        host=_Sub(),
    )


def test_a_parameter_that_is_guarded_at_the_entry_is_refused_as_it_would_be_later(attack: Callable[..., None]) -> None:
    attack("def f(x):\n    a = x._secret\n    return x._secret + a\nescaped = f(host)")


def test_a_parameter_that_is_rebound_is_guarded_at_each_use(attack: Callable[..., None]) -> None:
    attack("""
class Own: _secret = ''
def f(x):
    a = x._secret
    x = host
    return a + x._secret
escaped = f(Own())
""")


def test_a_foreign_parameter_may_be_passed_as_long_as_its_private_attributes_are_not_used(
    honest: Callable[..., None],
) -> None:
    honest("def f(x, own):\n    return (x._a, x._b) if own else x\nresult = f(5, False)")


def test_the_host_function_behind_an_own_method_is_not_shown_in_place(attack: Callable[..., None]) -> None:
    """``C.__setattr__ += x`` reads as well, and hands what it read to ``x.__radd__``."""
    attack("""
class Catch:
    def __radd__(self, other):
        other(host, 'mode', 'owned')
        return other
class C: pass
C.__setattr__ += Catch()
escaped = host.mode == 'owned'
""")


def test_the_function_of_a_partial_is_not_shown_in_place(attack: Callable[..., None]) -> None:
    attack(
        """
class Catch:
    def __radd__(self, other):
        seen.append(other)
class P(partial): pass
seen = []
try:
    p = P(hidden)
    p.func += Catch()
except AttributeError:
    pass
escaped = seen
""",
        partial=functools.partial,
        hidden=functools.partial(len),
    )


def test_arguments_of_own_exceptions_can_be_changed_in_place(honest: Callable[..., None]) -> None:
    honest("class E(Exception): pass\ne = E(1)\ne.args += (2,)\nresult = e.args")


def test_the_object_of_an_attribute_error_is_not_handed_out(attack: Callable[..., None]) -> None:
    """CVE-2024-47532."""
    attack("""
try:
    host.missing
except AttributeError as error:
    escaped = error.obj
""")


def test_the_cause_of_an_own_exception_is_readable_and_that_of_another_is_not(
    cage: Cage, attack: Callable[..., None], honest: Callable[..., None]
) -> None:
    honest("""
class E(Exception): pass
try:
    raise E from KeyError(1)
except E as error:
    result = error.__cause__.args
""")
    attack("""
try:
    raise ValueError from KeyError(host)
except ValueError as error:
    escaped = error.__cause__
""")


def test_the_context_of_an_own_exception_is_not_handed_out(attack: Callable[..., None]) -> None:
    """The host may have been handling something when it called the guest."""
    attack(
        """
class E(Exception): pass
def callback(): raise E
try:
    failing(callback)
except E as error:
    escaped = error.__context__
""",
        failing=_failing,
    )


def _failing(callback: Callable[[], None]) -> None:
    try:
        raise ValueError("the host's")
    except ValueError:
        callback()


def test_a_traceback_is_not_handed_out(attack: Callable[..., None]) -> None:
    attack("""
try:
    1 / 0
except ZeroDivisionError as error:
    escaped = error.__traceback__
""")


def test_the_class_of_anything_can_be_compared_and_named(honest: Callable[..., None]) -> None:
    honest("""
class A:
    def __eq__(self, other): return other.__class__ is self.__class__
try:
    1 / 0
except ZeroDivisionError as error:
    name = error.__class__.__name__
result = A() == A(), A() == 1, (1).__class__.__name__, A().__class__.__qualname__, name, type(1)
""")


def test_dictionaries_of_own_instances_are_live_and_those_of_classes_are_copies(cage: Cage) -> None:
    namespace = cage.run("""
class C:
    x = 1
c = C()
c.__dict__['y'] = 2
vars(c)['z'] = 3
C.__dict__['x'] = 4
result = c.y, c.z, C.x, '__dict__' in vars(C)
""")

    assert (2, 3, 1, True) == namespace["result"]


def test_class_dictionaries_cannot_be_caught_behind_the_proxy(attack: Callable[..., None]) -> None:
    """``mappingproxy == x`` shows ``x`` the real dictionary."""
    attack(
        """
class Catch:
    def __eq__(self, other):
        other['x'] = 'caught'
class C: x = 1
vars(C) == Catch()
C.__dict__ == Catch()
escaped = C.x == 'caught'
""",
        silent=True,
    )


@pytest.mark.parametrize("name", ["__dataclass_fields__", "__annotations__", "__members__", "_field_defaults"])
def test_a_dictionary_inherited_from_a_host_class_is_a_copy(cage: Cage, name: str) -> None:
    inherited: dict[str, object] = {}
    base = type("Base", (), {name: inherited})
    plain: dict[str, object] = {"Base": type("Base", (), {name: {}})}
    source = f"class D(Base): pass\nD().{name}['evil'] = 1"
    exec(source, plain)
    assert getattr(plain["Base"], name) == {"evil": 1}

    cage.run(source, Base=base)

    assert inherited == {}


def test_special_methods_can_be_called_by_name(honest: Callable[..., None]) -> None:
    honest("result = [].__len__(), (1).__add__(2), 'a'.__contains__('a'), [1].__iter__().__next__(), int.__name__")


def test_own_classes_may_override_attribute_access(honest: Callable[..., None]) -> None:
    honest("""
class C:
    def __init__(self): self.log = []; self._p = 1
    def __getattribute__(self, name):
        if name == 'magic': return 42
        return object.__getattribute__(self, name)
    def __getattr__(self, name): return name.upper()
class D(C):
    def __getattribute__(self, name): return super().__getattribute__(name)
result = C().magic, C().other, C()._p, D().magic, D()._p, D().__class__.__name__, sorted(D().__dict__)
""")


def test_getattr_with_a_default_treats_what_is_refused_as_missing(cage: Cage, host: Host) -> None:
    namespace = cage.run(
        "result = getattr(host, '_secret', None), hasattr(host, '_secret'), hasattr(host, 'mode')", host=host
    )

    assert (None, False, True) == namespace["result"]


def test_a_denial_names_the_attribute_and_the_type_and_holds_no_object(cage: Cage, host: Host) -> None:
    with pytest.raises(AccessDenied, match=r'access denied: attribute "__dict__" of a "Host" object') as caught:
        cage.run("host.__dict__", host=host)

    assert all(isinstance(argument, str) for argument in caught.value.args)


def test_a_type_name_that_a_guest_chose_is_escaped_and_cut(cage: Cage) -> None:
    with pytest.raises(AccessDenied) as caught:
        cage.run(r"C = (lambda t: t)(type)('\x1b[2J' + 'x' * 9999, (), {}); C()._x")

    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("name", ["__globals__", "__subclasses__", "f_back", "gi_frame", "tb_frame", "cell_contents"])
def test_a_forbidden_literal_name_is_refused_before_anything_runs(name: str) -> None:
    with pytest.raises(RestrictedSyntaxError):
        transform(f"def never_called(x): return x.{name}", "plugin.py")


@pytest.mark.parametrize(
    "statement",
    [
        "class C(metaclass=K):\n    escaped = super()._secret",
        "class C(metaclass=K):\n    def f(self, x=super()._secret): return x\n    escaped = f(1)",
        "class C(metaclass=K):\n    @(lambda x: lambda f: x)(super()._secret)\n    def escaped(self): pass",
        "class C(metaclass=K):\n    escaped = (lambda x=super()._secret: x)()",
        "class C(metaclass=K):\n    class D(taking(super()._secret)): pass\n    escaped = D.taken",
    ],
)
def test_a_namespace_that_answers_differently_each_time_does_not_fake_super(
    attack: Callable[..., None], statement: str
) -> None:
    attack(
        f"""
class Namespace(dict):
    asked = 0
    def __getitem__(self, name):
        if name == 'super':
            Namespace.asked += 1
            return super if Namespace.asked == switch else lambda: host
        return dict.__getitem__(self, name)
class K(type):
    @classmethod
    def __prepare__(m, *a): return Namespace()
def taking(value): return type('T', (), {{'taken': value}})
for switch in (0, 1):
    Namespace.asked = 0
    try:
{chr(10).join("        " + line for line in statement.splitlines())}
        escaped = C.escaped
    except (RuntimeError, PermissionError):
        pass
""",
        silent=True,
    )


@pytest.mark.parametrize(
    "definition",
    [
        "class C:\n    fs = [lambda self: super()._hidden for __class__ in [Host]]\nf = C.fs[0]",
        "class C:\n    f = (lambda __class__: lambda self: super()._hidden)(Host)\nf = C.f",
        "def outer():\n    for __class__ in [Host]: pass\n    def f(self): return super()._hidden\n    return f\nf = outer()",
        "class C:\n    def f(self):\n        nonlocal __class__\n        __class__ = Host\n        return super()._hidden\nf = C.f",
        "def outer(__class__=Host):\n    return lambda self: super()._hidden\nf = outer()",
    ],
)
def test_no_form_of_binding_redirects_super(attack: Callable[..., None], definition: str) -> None:
    attack(f"{definition}\nescaped = f(host)", Host=_Sub, host=_Sub())


def test_a_class_may_define_its_own_class_attribute(honest: Callable[..., None]) -> None:
    honest(
        "class C:\n    @property\n    def __class__(self): return int\nclass D:\n    __class__ = str\n"
        "result = isinstance(C(), int), isinstance(D(), str)"
    )


def test_an_own_attribute_called_metadata_is_an_ordinary_one(honest: Callable[..., None]) -> None:
    """The name is that of a read-only view on fields; what is no such view is given as it is."""
    honest("""
class Thing:
    pass
thing = Thing()
thing.metadata, thing.groupindex = {}, "x"
thing.metadata["a"] = 1
result = thing.metadata, getattr(thing, "groupindex", None)
""")
