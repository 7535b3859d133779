"""Stand-ins: what a sandbox gets of its own functions, frames and classes, and what it cannot make of it."""

from __future__ import annotations

import collections
import textwrap

import pytest

from pycage import AccessDenied, MappingResolver, Sandbox


class Secret:
    """A class of the host that is never handed to the sandbox."""


class Shared(Secret):
    """A class of the host that is."""


@pytest.fixture
def load():
    sandboxes = []

    def load_(source: str):
        sandbox = Sandbox("standins", resolver=MappingResolver({"guest": textwrap.dedent(source)}))
        sandboxes.append(sandbox)
        return sandbox.load("guest")

    yield load_
    for sandbox in sandboxes:
        sandbox.close()


# ---- Classes ---------------------------------------------------------------------------------------------------------


def test_an_own_class_knows_its_bases(load) -> None:
    module = load("""
        import collections, enum

        class A: pass
        class B(A, dict): pass
        class C(collections.OrderedDict): pass

        names = [c.__name__ for c in B.__mro__]
        bases = B.__bases__
        base = B.__base__
        builtin = [c.__name__ for c in bool.__mro__], bool.__bases__
        mine = [c.__name__ for c in C.__mro__]
        subclasses = [c.__name__ for c in A.__subclasses__()]
    """)

    assert module.names == ["B", "A", "dict", "object"]
    assert module.bases == (module.A, dict)
    assert module.base is dict
    assert module.builtin == (["bool", "int", "object"], (int,))
    assert module.mine == ["C", "OrderedDict", "dict", "object"]
    assert module.subclasses == ["B"]


def test_classes_of_the_host_that_were_not_handed_over_are_left_out(load) -> None:
    module = load("""
        def look(shared):
            class Mine(shared): pass
            return Mine.__mro__, Mine.__bases__, Mine.__base__, shared.__mro__, shared.__bases__, shared.__base__
    """)

    mro, bases, base, host_mro, host_bases, host_base = module.look(Shared)

    assert mro[1:] == (Shared, object)
    assert bases == (Shared,)
    assert base is Shared
    assert host_mro == (Shared, object)
    assert host_bases == ()
    assert host_base is object


def test_the_tuples_are_copies(load) -> None:
    """Nobody gets what the guards compare by identity."""
    module = load("""
        class A: pass
        class B(A): pass
        bases, mro = B.__bases__, B.__mro__
    """)

    assert module.bases is not module.B.__bases__
    assert module.mro is not module.B.__mro__


def test_a_class_made_again_is_the_sandboxes_own(load) -> None:
    module = load("""
        import abc
        class A(abc.ABC):
            x = 1
        B = type(A)(A.__name__, A.__bases__, dict(A.__dict__))
        B.x = 2
        b = B()
        b.y = 3
        result = B.x, b.y
    """)

    assert module.result == (2, 3)


@pytest.mark.parametrize("kind", ["object", "int", "type", "collections.OrderedDict", "enum.Enum"])
def test_subclasses_of_a_class_of_the_host_are_refused(load, kind: str) -> None:
    module = load(f"""
        import collections, enum
        def attack(): return {kind}.__subclasses__()
    """)

    with pytest.raises(AccessDenied, match="__subclasses__|accessDeclaredMembers"):
        module.attack()


def test_subclasses_that_the_host_derived_are_left_out(load) -> None:
    module = load("""
        class A: pass
        def look(): return A.__subclasses__()
    """)
    derived = type("Derived", (module.A,), {})

    assert module.look() == []
    assert derived.__base__ is module.A


# ---- Functions -------------------------------------------------------------------------------------------------------


def test_the_code_of_an_own_function_is_text_and_numbers(load) -> None:
    module = load("""
        def f(a, /, b, *, c=1):
            d = a.x = b
            return lambda: d

        def g(): pass

        class C:
            def method(self): pass

        code = f.__code__
        shown = code.co_name, code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_varnames
        same = code == f.__code__, code == g.__code__, len({code, f.__code__, g.__code__})
        method = C().method.__code__ == C.method.__code__
        file = code.co_filename, code.co_firstlineno
    """)

    assert module.shown == ("f", 3 - 1, 1, 1, ("a", "b", "c"))
    assert module.same == (True, False, 2)
    assert module.method is True
    assert module.file[1] == 2


def test_the_globals_of_an_own_function_are_the_variables_of_its_module(load) -> None:
    module = load("""
        x = 1
        def f(): return x, added

        names = f.__globals__
        names["x"] = 2
        names.update({"added": 3, "__builtins__": {}})
        seen = names["x"], "__builtins__" in names, "f" in names, names.get("__loader__")
        result = f()
        keys = [name for name in names if name.startswith((".", "__b", "__l", "__s"))]
    """)

    assert module.seen == (2, False, True, None)
    assert module.result == (2, 3)
    assert module.keys == []


@pytest.mark.parametrize(
    "attack",
    [
        "f.__globals__['__builtins__']",
        "f.__globals__['__builtins__'] = {}",
        "f.__globals__['__loader__']",
        "f.__globals__['.import']",
        "f.__globals__['.x'] = 1",
        "del f.__globals__['__builtins__']",
        "f.__globals__.pop('__builtins__')",
        "f.__globals__.setdefault('__builtins__', {})",
        "f.__globals__[Text('__builtins__')]",
        "f.__globals__[Text('__builtins__')] = {}",
        "f.__globals__._names",
        "f.__globals__.__dict__",
        "getattr(f.__globals__, '_names')",
        "f.__code__._code",
        "f.__code__._function",
        "f.__code__.replace(co_name='x')",
        "sys._getframe()._frame",
        "copy.copy(f.__globals__)",
        "copy.deepcopy(f.__globals__, Memo())",
        "copy.copy(f.__code__)",
        "copy.copy(sys._getframe())",
        "class_of(f.__globals__)({'a': 1}).x",
        "class_of(f.__globals__).__init__(f.__globals__, {})",
        "class_of(f.__code__)(1).co_name",
        "class_of(f.__code__)(f, open)",
        "class_of(f.__code__)._of(f, open)",
        "class_of(sys._getframe())(f).f_code",
        "object.__new__(class_of(f.__code__)).co_name",
        "object.__new__(class_of(f.__globals__))['x']",
        "class_of(f.__code__)._code",
        "type('X', (class_of(f.__globals__),), {})",
        "f.__globals__._MutableMapping__marker",
        "class_of(f.__code__).__mro__[1].__subclasses__()",
    ],
)
def test_nothing_leads_from_a_stand_in_to_what_it_stands_for(load, attack: str) -> None:
    module = load(f"""
        import copy, sys

        class Text(str): pass
        class Memo(dict):
            def __setitem__(self, key, value):
                leaked.append(value)
        leaked = []
        class_of = type

        def f(): pass

        def attack():
            {attack if " = " in attack or attack.startswith("del ") else "return " + attack}
    """)

    with pytest.raises((AccessDenied, KeyError, AttributeError, TypeError)):
        module.attack()

    assert not any("__builtins__" in value for value in module.leaked if isinstance(value, dict))
    assert module.f() is None


def test_a_function_can_take_the_code_of_another(load) -> None:
    """As networkx does it: a lazily compiled function replaces its own code."""
    module = load("""
        def lazy(*args):
            space = {}
            exec("def real(a, b): return a * b + extra", space)
            lazy.__globals__.update(space["real"].__globals__, extra=1)
            lazy.__code__ = space["real"].__code__
            return lazy(*args)

        results = lazy(3, 4), lazy(5, 6)
    """)

    assert module.results == (13, 31)


@pytest.mark.parametrize(
    "attack",
    [
        "host.__code__ = f.__code__",  # a function of the host
        "open.__code__ = f.__code__",  # a shim
        "f.__code__ = frame_of_class_body",  # binds names wherever it runs
        "f.__code__ = C.method.__code__",  # with a free variable: __class__ in the place of another
        "C.method.__code__ = f.__code__",
        "setattr(host, '__code__', f.__code__)",
        "f.__closure__[0].cell_contents = 1",
        "with_cell(C).__closure__[0].cell_contents = host_class",
        "with_cell(host_class).__closure__[0].cell_contents = C",
        "with_cell(1).__closure__[0].cell_contents = 2",
    ],
)
def test_a_function_takes_no_other_code_and_no_other_cells(load, attack: str) -> None:
    module = load(f"""
        import sys

        def f(): return 0

        class C:
            frame_of_class_body = sys._getframe().f_code
            def method(self): return super().__init__

        frame_of_class_body = C.frame_of_class_body

        def with_cell(x):
            return lambda: x

        def attack(host, host_class):
            {attack}
    """)

    def host() -> str:
        return "host"

    with pytest.raises((AccessDenied, ValueError, TypeError)):
        module.attack(host, Shared)

    assert host() == "host"
    assert module.f() == 0


def test_the_cell_of_a_class_follows_a_class_that_was_made_again(load) -> None:
    """As attrs does it for slots."""
    module = load("""
        class Base:
            def name(self): return "base"

        class C(Base):
            def name(self): return super().name() + "+"

        new = type(C)(C.__name__, C.__bases__, {k: v for k, v in C.__dict__.items() if not k.startswith("__")})
        for cell in new.name.__closure__:
            if cell.cell_contents is C:
                cell.cell_contents = new
        result = new().name()
    """)

    assert module.result == "base+"


def test_a_shim_shows_nothing_of_what_it_calls(load) -> None:
    module = load("""
        import importlib
        tried = [(f, name) for f in (open, importlib.import_module) for name in
                 ("__code__", "__globals__", "__closure__", "__wrapped__", "__self__")]
        found = [name for f, name in tried if hasattr(f, name)]
    """)

    assert module.found == []


def test_copied_standard_modules_show_nothing_of_their_inside(load) -> None:
    """Their globals hold what no guest may have; their code is the sandbox's all the same."""
    module = load("""
        import logging, string, sys

        functions = [logging.getLogger, logging.Logger.debug, string.Formatter.format, logging.Logger("x").info]
        names = ("__globals__", "__closure__")
        found = [(f.__name__, name) for f in functions for name in names if hasattr(f, name)]

        class Handler(logging.Handler):
            def emit(self, record):
                frame = sys._getframe()
                while frame is not None:
                    frames.append((frame.f_code.co_filename, frame.f_globals["__name__"]))
                    frame = frame.f_back
        frames = []
        logger = logging.Logger("mine")
        logger.addHandler(Handler())
        logger.warning("x")

        def attack(f):
            logging.getLogger.__code__ = f.__code__
    """)

    assert module.found == []
    assert {name for _, name in module.frames} == {"guest"}
    assert not any("standard" in file for file, _ in module.frames)
    with pytest.raises(AccessDenied):
        module.attack(lambda: 0)


# ---- Frames ----------------------------------------------------------------------------------------------------------


def test_frames_are_those_of_the_sandbox_only(load) -> None:
    module = load("""
        import sys

        def inner():
            frame = sys._getframe()
            names = []
            while frame is not None:
                names.append(frame.f_code.co_name)
                frame = frame.f_back
            return names

        def outer(call=None):
            visible = 1
            return inner() if call is None else call(inner)

        def caller_variables():
            mine = 5
            return helper()

        def helper():
            frame = sys._getframe(1)
            return sorted(frame.f_locals), frame.f_globals["__name__"], frame.f_lineno

        at_load = outer()
    """)

    assert module.at_load == ["inner", "outer", "<module>"]
    assert module.outer() == ["inner", "outer"]
    assert module.outer(lambda function: function()) == ["inner", "outer"]  # the host in between is not there
    names, module_name, line = module.caller_variables()
    assert (names, module_name) == (["mine"], "guest")
    assert line == 18


def test_a_stack_that_is_not_deep_enough_is_a_value_error(load) -> None:
    module = load("""
        import sys
        def f(depth): return sys._getframe(depth)
    """)

    with pytest.raises(ValueError, match="deep"):
        module.f(1)
    with pytest.raises((TypeError, ValueError)):
        module.f("1")


def test_locals_of_a_frame_are_a_copy_without_hidden_variables(load) -> None:
    module = load("""
        import sys
        class C:
            def f(self):
                x = 1
                self.a = 1
                self.b = 2
                sys._getframe().f_locals["x"] = 2
                return x, sorted(sys._getframe().f_locals)
        result = C().f()
        sys._getframe().f_locals["__builtins__"] = {}
        sys._getframe().f_locals["planted"] = 1
        planted = globals().get("planted")
    """)

    assert module.result == (1, ["self", "x"])
    assert module.planted is None


def test_a_traceback_leads_nowhere(load) -> None:
    module = load("""
        def fail(): raise ValueError("x")

        def look(call):
            try:
                call(fail)
            except ValueError as error:
                tb = error.__traceback__
                seen = tb is None, tb.tb_next, hasattr(tb, "tb_frame")
                error.__traceback__ = None
                return seen, error.__traceback__

        def attack(error): return error.__traceback__.tb_frame
        def store(error): error.__traceback__.tb_next = error.__traceback__
    """)

    assert module.look(lambda function: function()) == ((False, None, False), None)
    try:
        module.fail()
    except ValueError as error:
        for attack in (module.attack, module.store):
            with pytest.raises(AccessDenied):
                attack(error)


# ---- Modules, and what is stored -------------------------------------------------------------------------------------


def test_a_module_can_have_a_class_of_its_own(load) -> None:
    module = load("""
        import sys, types
        class Mine(types.ModuleType):
            @property
            def answer(self): return 42
        sys.modules[__name__].__class__ = Mine
    """)

    assert module.answer == 42


@pytest.mark.parametrize("target", ["sys", "collections.abc", "host_module"])
def test_a_module_of_the_host_cannot(load, target: str) -> None:
    module = load(f"""
        import sys, types, collections.abc
        class Mine(types.ModuleType): pass
        def attack(host_module): {target}.__class__ = Mine
    """)

    with pytest.raises((AccessDenied, AttributeError, TypeError)):
        module.attack(collections)

    assert type(collections) is type(pytest)


def test_reading_the_copying_hooks_gives_the_sandboxes_own_or_one_that_refuses(load) -> None:
    module = load("""
        class C:
            def __reduce__(self): return "mine"
        class D:
            __reduce__ = object.__reduce__

        mine = C().__reduce__()
        def attack(thing): return thing.__reduce_ex__(2)
    """)

    assert module.mine == "mine"
    for thing in (1, module.D(), Shared(), module.attack):
        with pytest.raises(AccessDenied, match="pickling"):
            module.attack(thing)


def test_a_sandbox_has_no_stand_ins_of_another(load) -> None:
    first = load("def f(): return 1")
    with Sandbox("other", resolver=MappingResolver({"guest": "def look(f): return f.__code__"})) as other:
        module = other.load("guest")
        with pytest.raises(AccessDenied):
            module.look(first.f)
