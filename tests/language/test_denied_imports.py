"""A denied import is an ImportError to the except clauses of sandboxed code, and to nothing else."""

from __future__ import annotations

import itertools

import pytest
from pycage import AccessDenied, ImportDenied, Sandbox, access
from pycage.language import bindings

_numbers = itertools.count()


@pytest.fixture
def run():
    with Sandbox(f"denied_imports_{next(_numbers)}") as made:
        yield lambda source: made.run(source).value


@pytest.mark.parametrize(
    "clause",
    [
        "ImportError",
        "ModuleNotFoundError",
        "(ImportError, AttributeError)",
        "(ValueError, ModuleNotFoundError)",
        "(ImportError)",
        "(KeyError, (ImportError))",
    ],
)
@pytest.mark.parametrize("statement", ["import sqlite3", "from sqlite3 import connect", "import sqlite3.dbapi2 as u"])
def test_an_except_clause_for_import_errors_catches_a_denied_import(run, statement, clause):
    source = f"try:\n    {statement}\nexcept {clause}:\n    x = 'fallback'\nx"

    assert run(source) == "fallback"


def test_the_caught_denial_has_the_attributes_of_an_import_error(run):
    source = "try:\n    import sqlite3\nexcept ImportError as e:\n    x = e.name, e.path, e.msg, str(e)\nx"

    message = "module access denied: sqlite3"
    assert run(source) == ("sqlite3", None, message, message)


def test_a_denial_that_is_caught_is_recorded_all_the_same(run):
    run("try:\n    import sqlite3\nexcept ImportError:\n    pass")

    assert ['("ImportPermission" "sqlite3")'] == [decision.permission for decision in access.LOG.denials()]


def test_a_real_import_error_is_caught_as_ever(run):
    source = (
        "try:\n    from json import no_such_name\nexcept ModuleNotFoundError:\n    x = 'no'\n"
        "except ImportError as e:\n    x = type(e).__name__\nx"
    )

    assert run(source) == "ImportError"


def test_import_module_and_the_import_function_are_caught_too(run):
    source = """
import importlib
found = []
for load in (lambda: importlib.import_module("sqlite3"), lambda: __import__("sqlite3")):
    try:
        load()
    except ImportError as e:
        found.append(e.name)
found
"""
    assert run(source) == ["sqlite3", "sqlite3"]


def test_a_handler_before_the_one_for_import_errors_comes_first(run):
    source = "try:\n    import sqlite3\nexcept PermissionError:\n    x = 'permission'\nexcept ImportError:\n    x = 'import'\nx"

    assert run(source) == "permission"


def test_else_finally_and_nesting_work_around_a_caught_denial(run):
    source = """
steps = []
def load(name):
    try:
        try:
            __import__(name)
        except ImportError:
            steps.append("caught")
            raise
        else:
            steps.append("else")
        finally:
            steps.append("finally")
    except (ImportError, ValueError) as again:
        steps.append(type(again).__name__)
load("sqlite3")
load("json")
steps
"""
    assert run(source) == ["caught", "finally", "ImportDenied", "else", "finally"]


def test_suppress_takes_a_denied_import_for_an_import_error(run):
    source = """
import contextlib
x = []
with contextlib.suppress(ImportError):
    import sqlite3
    x.append("loaded")
with contextlib.suppress(ModuleNotFoundError, KeyError):
    import sqlite3
    x.append("loaded")
try:
    with contextlib.suppress(ValueError):
        import sqlite3
except PermissionError:
    x.append("passed")
x.append(isinstance(contextlib.suppress(), contextlib.AbstractContextManager))
x
"""
    assert run(source) == ["passed", True]


def test_except_star_catches_a_denied_import(run, monkeypatch):
    """Also where sandboxes may not use it, to see that it will work where they may."""
    monkeypatch.setattr(bindings, "EXCEPT_STAR", True)
    source = "try:\n    import sqlite3\nexcept* ImportError as g:\n    x = [e.name for e in g.exceptions]\nx"

    assert run(source) == ["sqlite3"]


# ---- Everything else is as without the rewriting ----


@pytest.mark.parametrize("clause", ["ValueError", "(ValueError, KeyError)", "errors", "e.ImportError"])
def test_a_clause_that_does_not_name_import_errors_lets_the_denial_pass(run, clause):
    source = f"""
class e:
    ImportError = ValueError
errors = (ValueError,)
try:
    import sqlite3
except {clause}:
    pass
"""
    with pytest.raises(ImportDenied):
        run(source)


def test_a_shadowed_name_means_what_it_is_bound_to(run):
    source = """
def attempt(ImportError):
    try:
        import sqlite3
    except ImportError:
        return "caught"
attempt(ValueError)
"""
    with pytest.raises(AccessDenied):
        run(source)


def test_other_permission_errors_are_no_import_errors(run):
    source = "try:\n    open('/etc/passwd')\nexcept ImportError:\n    pass"

    with pytest.raises(AccessDenied) as caught:
        run(source)
    assert not isinstance(caught.value, ImportDenied)


def test_the_expression_is_evaluated_only_when_something_is_matched(run):
    source = """
try:
    x = 1
except (ImportError, undefined):
    x = 2
x
"""
    assert run(source) == 1


def test_an_error_in_the_expression_is_raised_with_the_first_one_as_its_context(run):
    source = "try:\n    raise KeyError('first')\nexcept (ImportError, undefined):\n    pass"

    with pytest.raises(NameError, match="name 'undefined' is not defined") as caught:
        run(source)
    assert repr(caught.value.__context__) == "KeyError('first')"


@pytest.mark.parametrize(
    "value", ["1", "None", "'ImportError'", "(ImportError, 1)", "[ImportError]", "(ImportError, (ImportError,))"]
)
def test_odd_values_are_the_same_type_error_as_outside(run, value):
    source = f"""
def f(ImportError, real):
    try:
        raise KeyError(1)
    except ImportError:
        return "caught"
try:
    x = f({value}, ImportError)
except Exception as e:
    x = type(e).__name__, str(e)
x
"""
    plain = {}
    exec(compile(source.removesuffix("x\n"), "<plain>", "exec", dont_inherit=True), plain)

    assert run(source) == plain["x"]


def test_a_class_that_pretends_to_be_an_import_error_is_not_asked(run):
    source = """
asked = []
class Meta(type):
    def __instancecheck__(cls, other): asked.append(1); return True
    def __subclasscheck__(cls, other): asked.append(2); return True
class Fake(Exception, metaclass=Meta):
    pass
class Pair(tuple):
    def __iter__(self): asked.append(3); return iter((ImportError,))
def f(ImportError):
    try:
        import sqlite3
    except ImportError:
        return "caught"
x = []
for one in (Fake, Pair((KeyError,))):
    try:
        f(one)
    except PermissionError:
        x.append("passed")
x, asked
"""
    assert run(source) == (["passed", "passed"], [])


def test_what_was_raised_out_of_the_handler_says_where_it_came_from(run):
    source = """
try:
    try:
        import sqlite3
    except ImportError as e:
        raise RuntimeError("needs sqlite3") from e
except RuntimeError as outer:
    x = str(outer)
x
"""
    assert run(source) == "needs sqlite3"
