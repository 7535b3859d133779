"""Source that is judged late: what is never available is no problem of the source, it is refused when the line runs."""

from __future__ import annotations

import textwrap

import pytest

from pycage import AccessDenied, MappingResolver, RestrictedSyntaxError, Sandbox, access


@pytest.fixture
def load():
    sandboxes = []

    def load_(source: str):
        sandbox = Sandbox("late", resolver=MappingResolver({"guest": textwrap.dedent(source)}))
        sandboxes.append(sandbox)
        return sandbox.load("guest")

    yield load_
    for sandbox in sandboxes:
        sandbox.close()


def test_a_module_may_mention_what_it_never_uses(load) -> None:
    module = load("""
        import sys

        def never_called(frame, f):
            while frame.f_back.f_back is not None:
                frame = frame.f_back
            frame.f_builtins.x = f.__builtins__
            f.__globals__["x"] = __builtins__
            f.__code__ += 1
            del f.__code__
            return __spec__, f.__subclasses__()

        def used():
            return 42
    """)

    assert module.used() == 42


def test_code_given_to_run_is_still_refused_before_it_runs() -> None:
    with Sandbox("early") as sandbox, pytest.raises(RestrictedSyntaxError, match="__globals__"):
        sandbox.run("def never_called(f): return f.__globals__")


@pytest.mark.parametrize(
    "line",
    [
        "len.__globals__",
        "(x for x in ()).gi_frame",
        "int.__subclasses__()",
        "f.__builtins__",
        "f.__code__.co_consts",
        "f.__code__.co_code",
        "open.__code__",
        "open.__closure__",
        "open.__globals__",
        "__spec__",
        "__loader__",
        "__build_class__",
        "sys._getframe().f_builtins",
        "sys._getframe().f_trace",
    ],
)
def test_what_is_never_available_is_refused_and_recorded_when_the_line_runs(load, line: str) -> None:
    module = load(f"""
        import sys

        class guest:
            pass

        def f(): pass

        def attack():
            return {line}
    """)
    access.LOG.clear()

    with pytest.raises((AccessDenied, AttributeError)) as caught:
        module.attack()

    if type(caught.value) is not AttributeError:
        assert any(not record.granted for record in access.LOG)


@pytest.mark.parametrize(
    "line",
    [
        "int.__bases__ = ()",
        "f.__globals__ = {}",
        "f.__closure__ = ()",
        "f.__code__ = None",
        "f.__code__ = len",
        "del f.__code__",
        "f.__code__ += 1",
        "open.__code__ = f.__code__",
        "guest().__class__ = guest",
        "guest.__bases__ = (dict,)",
        "len.__dict__ = {}",
        "for f.__code__ in [1]: pass",
        "with guest() as f.__code__: pass",
        "(f.__code__, x) = 1, 2",
        "setattr(f, '__code__', 1)",
        "object.__setattr__(f, '__code__', f.__code__)",
        "error.__traceback__ = 1",
        "error.__context__.__traceback__ = error",
    ],
)
def test_what_may_not_be_stored_is_refused_when_the_line_runs(load, line: str) -> None:
    module = load(f"""
        class guest:
            def __enter__(self): return 1
            def __exit__(self, *error): pass

        def f(): pass
        class Mine(Exception): pass
        error = Mine()
        error.__context__ = ValueError()

        def attack():
            {line}
    """)

    with pytest.raises((AccessDenied, TypeError, AttributeError)):
        module.attack()


def test_a_guarded_parameter_does_not_let_a_late_store_through(load) -> None:
    """The object of a parameter is guarded once, at the entry of the function; not for such names."""
    module = load("""
        class guest:
            def attack(self, other):
                self.a = 1
                self.b = 2
                self.__class__ = other
                self.c = 3
    """)

    with pytest.raises(AccessDenied):
        module.guest().attack(type("Other", (), {}))


def test_the_variable_of_the_built_ins_is_a_view(load) -> None:
    module = load("""
        names = sorted(dir(__builtins__))
        has_help = hasattr(__builtins__, "help")
        same = __builtins__.len is len

        def attack():
            __builtins__.len = None
    """)

    assert "len" in module.names
    assert not any(name.startswith(".") for name in module.names)
    assert not module.has_help
    assert module.same
    with pytest.raises((AccessDenied, AttributeError)):
        module.attack()


@pytest.mark.parametrize(
    "source",
    ["__builtins__ = {}", "def f(__builtins__): pass", "import sys as __builtins__", "class C:\n    __builtins__ = 1"],
)
def test_binding_names_of_the_machinery_stays_a_problem_of_the_source(load, source: str) -> None:
    with pytest.raises(RestrictedSyntaxError, match="__builtins__"):
        load(source)
