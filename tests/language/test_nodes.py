"""Every syntax node of the running Python is considered."""

from __future__ import annotations

import ast
import inspect
import textwrap
import traceback

import pytest

from pycage.errors import RestrictedSyntaxError
from pycage.language import transform
from pycage.language.nodes import NODES, Treatment
from pycage.language.transformer import EXCEPT_STAR, GUARDS, Transformer

# Base classes and names that the parser no longer produces.
_NEVER_PRODUCED = {
    *("AST", "mod", "stmt", "expr", "expr_context", "boolop", "operator", "unaryop", "cmpop", "excepthandler"),
    *("pattern", "type_ignore", "type_param", "slice", "Index", "ExtSlice", "Suite", "AugLoad", "AugStore", "Param"),
    *("Num", "Str", "Bytes", "NameConstant", "Ellipsis"),
}


def _concrete() -> set[str]:
    classes = [value for value in vars(ast).values() if isinstance(value, type) and issubclass(value, ast.AST)]
    return {cls.__name__ for cls in classes} - _NEVER_PRODUCED


def test_every_node_type_of_this_python_has_a_row() -> None:
    assert _concrete() - set(NODES) == set()


def test_every_judged_node_type_has_a_method_and_no_other_has() -> None:
    judged = {name for name, row in NODES.items() if row.treatment is Treatment.JUDGED}
    methods = {name.removeprefix("judge_") for name in dir(Transformer) if name.startswith("judge_")}

    assert judged - methods == {"alias"}  # visited by the import statements only
    assert methods - judged == set()


def _guards_asked_for(method: str, seen: set[str]) -> set[str]:
    """Names of the guards that a method of the transformer, or one that it calls, puts into the code."""
    if method in seen or method in ("visit", "_visit_expr", "_visit_fields", "_visit_scope"):
        return set()
    seen.add(method)
    tree = ast.parse(textwrap.dedent(inspect.getsource(getattr(Transformer, method))))
    found: set[str] = set()
    for call in ast.walk(tree):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            continue
        if call.func.attr in ("_guarded", "_placeholder"):
            texts = {part.value for part in ast.walk(call.args[0]) if isinstance(part, ast.Constant)}
            found |= {text for text in texts if isinstance(text, str)}
        elif (
            isinstance(call.func.value, ast.Name)
            and call.func.value.id == "self"
            and hasattr(Transformer, call.func.attr)
        ):
            found |= _guards_asked_for(call.func.attr, seen)
    return found


@pytest.mark.parametrize("name", [name for name, row in NODES.items() if row.treatment is Treatment.JUDGED])
def test_every_row_names_the_guards_that_its_node_is_rewritten_with(name: str) -> None:
    if name == "alias":
        assert NODES[name].guards == ()
    else:
        assert set(NODES[name].guards) == _guards_asked_for(f"judge_{name}", set())


def test_every_guard_is_asked_for_by_some_node() -> None:
    assert {guard for row in NODES.values() for guard in row.guards} == set(GUARDS)


def test_only_judged_nodes_have_guards() -> None:
    assert all(row.treatment is Treatment.JUDGED for row in NODES.values() if row.guards)


def test_every_row_says_why() -> None:
    assert all(row.why for row in NODES.values())


def test_a_node_without_a_row_is_refused() -> None:
    class Novelty(ast.expr):
        pass

    transformer = Transformer({}, "secret")
    transformer.visit(Novelty())

    assert "Novelty syntax is not available" in transformer.problems[0].message


def test_all_problems_of_a_source_are_reported_at_once_with_their_places() -> None:
    with pytest.raises(RestrictedSyntaxError) as caught:
        transform("x.__globals__\ny = 1\nz = f.__code__\n__builtins__ = {}\n", "plugin.py")

    assert [(problem.line, problem.column) for problem in caught.value.problems] == [(1, 1), (3, 5), (4, 1)]
    assert caught.value.filename == "plugin.py"


def test_a_problem_says_what_to_write_instead() -> None:
    with pytest.raises(RestrictedSyntaxError, match=r"__globals__.*write globals\(\)"):
        transform("f.__globals__", "plugin.py")


@pytest.mark.skipif(EXCEPT_STAR, reason="this Python is not affected by CVE-2025-22153")
def test_except_star_is_refused_on_an_affected_python() -> None:
    with pytest.raises(RestrictedSyntaxError, match="CVE-2025-22153"):
        transform("try:\n    pass\nexcept* ValueError:\n    pass\n", "plugin.py")


def test_the_text_of_the_error_shows_all_problems() -> None:
    with pytest.raises(RestrictedSyntaxError) as caught:
        transform("x = f.__code__\ny = 1\nx.__class__ = y\ndef g(__builtins__): pass\n", "plugin.py")

    assert str(caught.value).splitlines() == [
        'plugin.py, line 1, column 5: attribute "__code__" is not available to sandboxed code; '
        "pass the function itself on",
        'plugin.py, line 3, column 1: attribute "__class__" may not be assigned or deleted; '
        "make an object of the other class",
        'plugin.py, line 4, column 7: variable "__builtins__" may not be bound or deleted; choose another name',
    ]


def test_a_traceback_shows_all_problems_once() -> None:
    with pytest.raises(RestrictedSyntaxError) as caught:
        transform("x = f.__code__\ny = f.__closure__\n", "plugin.py")

    text = "".join(traceback.format_exception(caught.value))
    assert [text.count(name) for name in ('"__code__"', '"__closure__"')] == [1, 1]
    assert "    x = f.__code__\n" in text


def test_the_text_of_the_error_stays_of_a_readable_length() -> None:
    with pytest.raises(RestrictedSyntaxError) as caught:
        transform("x.__code__\n" * 1000, "plugin.py")

    assert len(caught.value.problems) == 1000
    assert len(str(caught.value).splitlines()) == 101
    assert str(caught.value).endswith("and 900 more")
