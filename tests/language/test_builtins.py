"""The sandbox's built-ins."""

from __future__ import annotations

import builtins
import functools
import gc
import types
import typing
from typing import TYPE_CHECKING

import pytest

from pycage.errors import AccessDenied, RestrictedSyntaxError
from pycage.language.builtins import ABSENT, RAW

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Cage, Host


def test_every_built_in_of_this_python_is_considered(cage: Cage) -> None:
    exceptions = {n for n, v in vars(builtins).items() if isinstance(v, type) and issubclass(v, BaseException)}
    names = set(vars(builtins)) - {
        "__doc__",
        "_",
        "__builtins__",
    }  # the last two are what an interactive session leaves

    assert names - set(cage.builtins) - ABSENT == set()
    assert exceptions <= set(cage.builtins)
    assert not RAW & {
        "getattr",
        "setattr",
        "vars",
        "dir",
        "globals",
        "locals",
        "eval",
        "exec",
        "compile",
        "open",
        "__import__",
    }


def test_type_is_the_real_one(honest: Callable[..., None]) -> None:
    honest("""
class M(type):
    def __call__(cls, *args): return ('made', super().__call__(*args).x)
class C(metaclass=M):
    x = 1
result = type(1), isinstance(int, type), issubclass(M, type), C(), type(C).__name__, isinstance(C, M)
""")


def test_eval_and_exec_run_restricted_source(honest: Callable[..., None]) -> None:
    honest("""
x = 1
exec('y = x + 1')
d = {'a': 2}
exec('b = a * 2\\ndel a', d)
d.pop('__builtins__', None)
code = compile('x + 40', 'f', 'eval')
def f():
    z = 5
    return eval('z + x'), sorted(locals())
class C:
    exec('inside = 1')
result = y, d, eval(code), f(), C.inside, eval('q', {'q': 3}), eval('q', {}, {'q': 4}), eval(' 7')
""")


@pytest.mark.parametrize(
    ("source", "otherwise"),
    [
        (source, ())
        for source in [
            "escaped = eval('f.__globals__', {'f': host.call})",
            "exec('escaped = host._secret')",
            "escaped = eval(compile('host._secret', 'f', 'eval'))",
            "exec(compile('escaped = host._secret', 'f', 'exec'))",
            "exec(b'escaped = host._secret')",
            "escaped = compile('1', 'f', 'eval').co_code",
            "escaped = __import__('sys')._getframe",
        ]
    ]
    + [
        ("class Text(str): pass\nescaped = eval(Text('host._secret'))", (TypeError,)),
        ("escaped = compile('1', 'f', 'eval').replace(co_consts=(2,))", (TypeError,)),
        ("escaped = compile('1', 'f', 'exec', 0x400)", (ValueError,)),
        ("escaped = host.call(eval, '1 + 1')", (RuntimeError,)),
        ("escaped = host.call(globals)", (RuntimeError,)),
    ],
)
def test_code_made_at_run_time_is_judged(
    attack: Callable[..., None], source: str, otherwise: tuple[type[Exception], ...]
) -> None:
    attack(source, otherwise=otherwise)


def test_the_object_that_compile_gives_cannot_be_made_or_changed(cage: Cage) -> None:
    """What it holds is loaded as code."""
    for statement in (
        "type(code)(evil)",
        "type(code)()",
        "code._unbound = evil",
        "object.__setattr__(code, '_unbound', evil)",
        "exec(object.__new__(type(code)))",
    ):
        with pytest.raises((AccessDenied, TypeError, AttributeError)):
            cage.run(f"code = compile('1', 'f', 'eval')\nclass evil: mode = 'exec'; _data = b'N'\n{statement}")


def test_what_another_function_put_into_compiled_code_is_not_loaded(cage: Cage) -> None:
    namespace = cage.run("code = compile('1', 'f', 'eval')\nclass evil: mode = 'exec'; _data = b'N'")
    object.__setattr__(namespace["code"], "_unbound", namespace["evil"])

    with pytest.raises(TypeError):
        cage.builtins["exec"](namespace["code"], {})  # type: ignore[operator]  # the sandbox's exec


def test_a_file_name_given_to_compile_is_not_a_path(cage: Cage) -> None:
    with pytest.raises(RestrictedSyntaxError) as caught:
        cage.run("compile('x.__globals__', '/etc/passwd', 'exec')")

    assert caught.value.filename == "</etc/passwd>"


@pytest.mark.parametrize(
    "expression",
    ["vars(me)", "me.__dict__", "(lambda: locals())()"],
)
def test_no_namespace_that_functions_use_is_handed_out(cage: Cage, expression: str) -> None:
    module = cage.module("me", "def f(x: 'str'): pass")
    namespace = cage.run(f"import me\ndef f(): pass\nd = {expression}\nd['planted'] = 1", me=module)

    assert "planted" not in namespace
    assert "planted" not in vars(module)
    assert "__builtins__" not in namespace["d"]  # type: ignore[operator]  # a dict


@pytest.mark.parametrize("expression", ["globals()", "locals()", "vars()", "eval('globals()')", "eval('locals()')"])
def test_what_is_stored_in_the_globals_is_bound(honest, expression: str) -> None:
    honest(f"""
g = {expression}
g['a'] = 1
g.update(b=2)
g |= {{'c': 3}}
exec('d = a + 1', g)
del g['b']
def f(): return later
globals().setdefault('later', 5)
result = a, c, d, 'b' in g, f(), sorted((g | {{'z': 1}}).keys() - {{'g', 'f', '__builtins__'}}), g.copy()['a']
""")


@pytest.mark.parametrize(
    "line",
    [
        "globals()['__builtins__']['escaped'] = 1",
        "globals()['__builtins__'] = {}",
        "globals()['.result'] = 1",
        "globals()['__import__'] = 1",
        "del globals()['__builtins__']",
        "globals().pop('__builtins__')",
        "globals().setdefault('__builtins__', {})",
        "dict.__setitem__(globals(), '__builtins__', {})",
        "globals()._names['__builtins__'] = {}",
        "globals().__init__({})",
        "getattr(globals(), '_' + 'names')['x'] = 1",
        "type(globals())({'x': 1}); exec('x = 1', type('G', (dict,), {})())",
    ],
)
def test_the_built_ins_are_out_of_reach_of_the_globals(cage: Cage, line: str) -> None:
    with pytest.raises((AccessDenied, KeyError, TypeError)):
        cage.run(line)

    assert cage.namespace["__builtins__"] is cage.builtins
    assert "escaped" not in cage.builtins


def test_clearing_the_globals_leaves_the_built_ins(cage: Cage) -> None:
    namespace = cage.run("x = 1\ng = globals()\ng.update(__builtins__={})\ng.clear()\nprint(len([]))")

    assert namespace["__builtins__"] is cage.builtins
    assert "x" not in namespace


def test_the_globals_of_another_sandbox_run_no_code(cage: Cage) -> None:
    other = type(cage)()
    given = other.run("g = globals()")["g"]

    with pytest.raises(TypeError, match="exactly a dict"):
        cage.run("exec('x = 1', given)", given=given)


def test_annotations_evaluated_by_the_host_find_the_sandboxes_builtins(cage: Cage) -> None:
    """D234: whoever removes __builtins__ from the globals of a function gets the host's from get_type_hints."""
    namespace = cage.run("""
d = {}
exec("def f(x: 'made.append(open)'): pass\\nmade = []", d)
d.pop('__builtins__', None)
d.clear()
""")
    functions = [
        f for f in gc.get_objects() if type(f) is types.FunctionType and f.__name__ == "f" and f.__module__ is None
    ]
    assert namespace["d"] == {}

    for function in functions:
        assert function.__globals__["__builtins__"] is cage.builtins


def test_the_globals_of_an_exec_survive_what_the_guest_does_to_its_dictionary(cage: Cage) -> None:
    namespace = cage.run("d = {}\nexec(\"def f(x: 'open'): pass\", d)\nf = d['f']\nd.clear()")

    hints = typing.get_type_hints(typing.cast("typing.Any", namespace["f"]))

    assert hints["x"] is cage.builtins["open"]


@pytest.mark.parametrize(
    "statement",
    [
        "me.__builtins__ = {}",
        "setattr(me, '__builtins__', {})",
        "delattr(me, '__builtins__')",
        "object.__delattr__(me, '__builtins__')",
        "me.__delattr__('__builtins__')",
        "me.__dict__.pop('__builtins__')",
        "exec('del __builtins__', vars(me))",
    ],
)
def test_the_builtins_of_an_own_module_stay(cage: Cage, statement: str) -> None:
    module = cage.module("me", "x = 1")

    with pytest.raises((AccessDenied, KeyError, RestrictedSyntaxError)):
        cage.run(statement, me=module)

    assert vars(module)["__builtins__"] is cage.builtins


def test_namespace_functions_refuse_callers_that_are_not_the_sandbox(cage: Cage, host: Host) -> None:
    for name in ("globals", "locals", "vars", "dir", "exec", "eval"):
        with pytest.raises(RuntimeError):
            host.call(
                typing.cast("Callable[..., object]", cage.builtins[name]), *(["1"] if name in ("exec", "eval") else [])
            )


def test_guards_do_not_lead_to_what_they_are_made_of(attack: Callable[..., None]) -> None:
    attack("escaped = getattr.__self__")
    attack("escaped = exec.__self__", exec=functools.partial(print).__call__)


def test_dir_and_vars_show_what_may_be_read(honest: Callable[..., None]) -> None:
    honest("""
class C:
    def __init__(self): self.x = 1
    def method(self): pass
c = C()
def f(a, b=2): c = 3; return sorted(locals().items()), sorted(vars().items()), dir()
result = vars(c), [n for n in dir(c) if not n.startswith('__')], f(1), 'x' in dir(c)
""")


def test_input_and_breakpoint_are_refused_and_exit_is_an_exception(cage: Cage) -> None:
    with pytest.raises(AccessDenied):
        cage.run("input()")
    with pytest.raises(AccessDenied):
        cage.run("breakpoint()")
    with pytest.raises(SystemExit):
        cage.run("exit(3)")
