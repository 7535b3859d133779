"""``inspect`` in a sandbox: questions about its own things."""

from __future__ import annotations

import functools
import inspect
import textwrap

import pytest

from pycage import AccessDenied, MappingResolver, Sandbox


class Secret:
    pass


SECRET = Secret()


def host_function(a, b=SECRET, *, c=1, d: "print('evaluated')" = ()):
    pass


@pytest.fixture
def load():
    sandboxes = []

    def load_(source):
        sandbox = Sandbox("inspecting", resolver=MappingResolver({"guest": textwrap.dedent(source)}))
        sandboxes.append(sandbox)
        return sandbox.load("guest")

    yield load_
    for sandbox in sandboxes:
        sandbox.close()


GUEST = """
import functools
import inspect

def f(a, /, b: int, *args, c=5, **kw) -> str: pass
def g(x, y=2): pass
@functools.wraps(g)
def wrapper(*args): return g(*args)

class C:
    def __init__(self, p, q=1): pass
    def m(self, z): pass
    @classmethod
    def cm(cls, z): pass
    @staticmethod
    def sm(z): pass
    def __call__(self, w): pass

class D(C):
    def __new__(cls, only): return object.__new__(cls)

class E: pass

class F:
    __signature__ = inspect.Signature([inspect.Parameter("s", inspect.Parameter.POSITIONAL_ONLY)])
    def __call__(self, *args): pass

things = [f, g, wrapper, C, C.m, C(1).m, C.cm, C.sm, C(1), D, E, F(), functools.partial(f, 1, b=2),
          functools.partial(g, y=3), lambda t=None: t]
signatures = [str(inspect.signature(thing)) for thing in things]
unwrapped = str(inspect.signature(wrapper, follow_wrapped=False)), inspect.unwrap(wrapper) is g
spec = inspect.getfullargspec(f)
async def co(): pass
def gen(): yield
flags = [inspect.iscoroutinefunction(co), inspect.isgeneratorfunction(gen), inspect.isfunction(f), inspect.isclass(C),
         inspect.ismethod(C(1).m), inspect.isbuiltin(len), inspect.isroutine(len), inspect.isawaitable(1),
         inspect.ismodule(functools)]
doc = inspect.getdoc(C), inspect.cleandoc("  a")
"""


def test_it_answers_as_the_real_one(load):
    plain = {"__name__": "guest"}
    exec(compile(GUEST, "<guest>", "exec", dont_inherit=True), plain)
    module = load(GUEST)

    assert module.signatures == plain["signatures"]
    assert module.unwrapped == plain["unwrapped"]
    assert module.spec == plain["spec"]
    assert module.flags == plain["flags"]
    assert module.doc == plain["doc"]


def test_arguments_can_be_bound(load):
    module = load("""
        import inspect
        def f(a, b=2, *rest, **kw): pass
        bound = inspect.signature(f).bind(1, b=3, x=4)
        bound.apply_defaults()
        result = bound.args, bound.kwargs, list(inspect.signature(f).parameters)
        same = inspect.signature(f) == inspect.signature(f), len({inspect.signature(f), inspect.signature(f)})
        replaced = str(inspect.signature(f).replace(parameters=[]))
        try:
            inspect.signature(f).bind()
        except TypeError as error:
            missing = str(error)
    """)

    assert module.result == ((1, 3), {"x": 4}, ["a", "b", "rest", "kw"])
    assert module.same == (True, 1)
    assert module.replaced == "()"
    assert "missing" in module.missing


def test_builtins_have_their_signatures(load):
    module = load("""
        import inspect
        found = str(inspect.signature(len)), str(inspect.signature(sorted))
        try:
            inspect.signature(dict)
        except ValueError:
            none = True
    """)

    assert module.found == (str(inspect.signature(len)), str(inspect.signature(sorted)))
    assert module.none


def test_of_a_function_of_the_host_only_constants_are_told(load):
    module = load("""
        import inspect
        def look(f):
            signature = inspect.signature(f)
            return [(p.name, p.default, p.annotation) for p in signature.parameters.values()]
    """)
    empty = inspect.Parameter.empty

    assert module.look(host_function) == [("a", empty, empty), ("b", ..., empty), ("c", 1, empty), ("d", ..., empty)]
    bound = functools.partial(module.look, f=SECRET)
    assert module.look(bound) == [("f", ..., empty)]


@pytest.mark.parametrize(
    "attack",
    [
        "inspect.signature(host, eval_str=True)",
        "inspect.signature(f, globals={}, eval_str=True)",
        "inspect.get_annotations(f, eval_str=True)",
        "inspect.Signature.from_callable(f, eval_str=True)",
        "inspect.Signature.from_callable(f, globals={})",
        "super(inspect.Signature, inspect.signature(f)).from_callable(f, eval_str=True)",
        "inspect.Signature.__base__.from_callable",
        "inspect.signature(f)._parameters",
        "inspect.signature(f).__setstate__({})",
        "inspect.getattr_static(host, '__globals__')",
        "inspect.getattr_static(host, '__code__')",
        "inspect.getattr_static(f, '__globals__')",
        "inspect.getattr_static(secret, '_hidden')",
        "inspect.getsource(f)",
        "inspect.getsource(inspect.signature)",
        "inspect.getfile(host)",
        "inspect.currentframe().f_builtins",
        "inspect.stack()[0].frame._frame",
        "inspect.stack()[0].frame.f_builtins",
        "inspect.markcoroutinefunction(host)",
        "inspect.sys",
        "inspect.types",
        "inspect.getframeinfo",
        "inspect.getclosurevars",
        "inspect.Parameter.kind.fget(1)",
        "inspect.Parameter.empty.x = 1",
    ],
)
def test_what_it_does_not_answer(load, attack):
    if "markcoroutine" in attack and not hasattr(inspect, "markcoroutinefunction"):
        pytest.skip("not in this Python")
    module = load(f"""
        import inspect
        def f(a: "print('evaluated')"): pass
        def attack(host, secret):
            {attack}
    """)
    secret = Secret()
    secret._hidden = 1

    with pytest.raises((AccessDenied, AttributeError, OSError, TypeError)):
        module.attack(host_function, secret)


def test_a_guest_cannot_have_text_evaluated(load, capsys):
    module = load("""
        import inspect
        class C:
            __text_signature__ = "($self, x=print('evaluated'))"
        class M(type):
            __text_signature__ = "($self, x=print('evaluated'))"
            def __call__(cls, y): pass
        class D(metaclass=M): pass
        def f(a: "print('evaluated')"): pass
        f.__text_signature__ = "(x=print('evaluated'))"
        f.__signature__ = "(x=print('evaluated'))"
        found = [str(inspect.signature(thing)) for thing in (C, D, f)]
    """)

    assert module.found == ["()", "()", "(a: \"print('evaluated')\")"]
    assert "evaluated" not in capsys.readouterr().out


def test_loops_of_wrappers_end(load):
    module = load("""
        import inspect
        def f(): pass
        def g(): pass
        f.__wrapped__, g.__wrapped__ = g, f
        class C: pass
        C.__call__ = C()
        def look(): return inspect.signature(f)
        def unwrap(): return inspect.unwrap(f)
        def call(): return inspect.signature(C())
    """)

    for ask in (module.look, module.unwrap, module.call):
        with pytest.raises(ValueError, match=r"loop|signature"):
            ask()


def test_members_are_those_that_may_be_read(load):
    module = load("""
        import inspect
        class C:
            x = 1
            def m(self): pass
        names = [name for name, _ in inspect.getmembers(C) if not name.startswith("__")]
        functions = [name for name, _ in inspect.getmembers(C, inspect.isfunction)]
        static = inspect.getattr_static(C(), "x"), inspect.getattr_static(C(), "y", None)
        def look(thing): return dict(inspect.getmembers(thing))
    """)
    secret = Secret()
    secret._hidden = secret.shown = 1

    assert (module.names, module.functions, module.static) == (["m", "x"], ["m"], (1, None))
    found = module.look(secret)
    assert "shown" in found
    assert not {"_hidden", "__dict__"} & set(found)
    assert not {"__globals__", "__code__"} & set(module.look(host_function))


def test_the_stack_is_the_sandboxes(load):
    module = load("""
        import inspect
        def f(): return [info.function for info in inspect.stack()]
        def g(): return f(), inspect.currentframe().f_code.co_name, inspect.getmodule(f).__name__
    """)

    assert module.g() == (["f", "g"], "g", "guest")
