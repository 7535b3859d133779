"""``super().__init__()``, the call that every derived class makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

_LONG = ", ".join(f"x{i}=x + {i}" for i in range(40))


@pytest.mark.parametrize(
    "call",
    [
        "super().__init__()",
        "super().__init__(x, y=say(2))",
        "super().__init__(*[say(x)], **{'k': say('v')})",
        "super().__init__(say(say(x)), say(1) + 2, -x, x if say(0) else 'no', x < 1, [x][0], (x,))",
        "super().__init__([i for i in range(say(3))], lambda: x, (z := say(4)), f'{x}')",
        f"super().__init__({_LONG})",
        "f = super().__init__; f(x)",
        "(super().__init__)(say(1))",
        "super().__init__(super().__init__(say(1)), super().__init__(say(2)))",
        "super().__init__(type(self)._made.append(x), self._made, self.__hidden)",
    ],
)
def test_it_is_called_once_with_the_arguments_in_order(honest: Callable[..., None], call: str) -> None:
    honest(f"""
said = []
def say(x): said.append(x); return x
class Base:
    def __init__(self, *args, **kwargs): said.append((len(args), [a for a in args if not callable(a)], kwargs))
class C(Base):
    _made = []
    __hidden = 'hidden'
    def __init__(self, x):
        {call}
C(1)
result = said
""")


def test_bases_of_all_kinds_are_initialised(honest: Callable[..., None]) -> None:
    honest("""
class E(Exception):
    def __init__(self, text, code): super().__init__(text); self.code = code
class L(list):
    def __init__(self, *items): super().__init__(items)
class A:
    def __init__(self, **rest): super().__init__(**rest); self.a = 1
class B:
    def __init__(self, b, **rest): super().__init__(**rest); self.b = b
class Mixed(A, B):
    def __init__(self, b): super().__init__(b=b); self.c = 3
class M(type):
    def __init__(cls, name, bases, namespace, **kw): super().__init__(name, bases, namespace, **kw); cls.kw = name
class K(metaclass=M): pass
try: Mixed()
except TypeError as error: missing = 'b' in str(error)
result = E('t', 5).args, E('t', 5).code, L(1, 2), vars(Mixed(2)), K.kw, missing
""")


def test_a_function_of_the_guest_called_super_is_called(honest: Callable[..., None]) -> None:
    honest("""
class Base:
    def __init__(self, x): self.x = x
def super():
    calls.append(1)
    return base
calls = []
class C(Base):
    def __init__(self, x): super().__init__(x)
    def again(self, x): super().__init__([x for x in x])
base = Base(0)
C(5); first = base.x
C(5).again('ab')
result = first, base.x, len(calls)
""")


@pytest.mark.parametrize(
    "call",
    ["super().__init__('owned')", "super().__init__([x for x in ['owned']][0])", "super().__init__(*('owned',))"],
)
@pytest.mark.parametrize(
    "definition",
    [
        "def super(): return host",
        "class super:\n    def __new__(cls): return host",
        "super = lambda: host",
    ],
)
def test_a_variable_named_super_does_not_reach_the_initialiser_of_a_host_object(
    attack: Callable[..., None], definition: str, call: str
) -> None:
    attack(f"{definition}\nclass C:\n    def f(self): {call}\nC().f()\nescaped = host.mode == 'owned'")


@pytest.mark.parametrize(
    "function",
    [
        "def f(super): super().__init__('owned')\nf(lambda: host)",
        "def f():\n    super = lambda: host\n    super().__init__('owned')\nf()",
        "def f():\n    def g(): super().__init__('owned')\n    super = lambda: host\n    g()\nf()",
        "(lambda super: super().__init__('owned'))(lambda: host)",
        "def f(x=[(lambda super: super().__init__('owned')) for _ in 'x'][0](lambda: host)): pass",
        "exec(\"class C:\\n    def f(self): super().__init__('owned')\\nC().f()\", {'super': lambda: host})",
    ],
)
def test_nor_does_a_local_one(attack: Callable[..., None], function: str) -> None:
    attack(f"{function}\nescaped = host.mode == 'owned'")


def test_it_does_not_initialise_a_host_object_that_stands_in_for_self(attack: Callable[..., None]) -> None:
    attack(
        "class C(Host):\n    def f(self):\n        self = host\n        super().__init__('owned')\n"
        "try: C().f()\nexcept TypeError: Host.__init__(host, 'owned')\nescaped = host.mode == 'owned'"
    )
