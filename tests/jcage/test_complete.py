"""All 49 tests of jcage are here, each exactly once, under its own name and in the class of its own name."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent

ORIGINALS = {
    "JCClassLoaderPolicyUnrestrictedTest": "testClass testResource",
    "JCClassNameResolverClasspathTest": "testInaccessible_0 testInvalidURL testNonexistent testOK_0",
    "JCSandboxAdminPermissionTest": (
        "testEqualsHashCode testImpliesFalse_0 testImpliesFalse_1 testImpliesFalse_2 testImpliesFalse_3 "
        "testImpliesFalse_4 testImpliesFalse_5 testImpliesFalse_6 testImpliesTrue_0 testImpliesTrue_1 "
        "testImpliesTrue_2 testImpliesTrue_3 testImpliesTrue_4 testImpliesTrue_5"
    ),
    "JCSandboxEscapesTest": (
        "testCheckPermission testCheckPermissionCreateSandbox testClassLoaderCreate testClassLoaderGet "
        "testClassLoaderGetSystem testDisallowedClass testFileWrite testGetPolicy testLoadNative "
        "testReflectionGetDeclared testSandboxesCreate testSandboxesGet testSetPolicy testThreadCreate "
        "testThreadGroupCreate"
    ),
    "JCSandboxesTest": (
        "testCreateSandbox testCreateSandboxBadName testCreateSandboxDuplicate testEmpty0 testEmpty1 "
        "testSandboxClassDenied_0 testSandboxClassMissing_0 testSandboxClassWrong_0 testSandboxClass_0 "
        "testSandboxClass_1"
    ),
    "JCSequentialPolicyTest": "testPolicyEmpty_0 testPolicy_0 testPolicy_1 testPolicy_2",
}


def expected() -> Counter[tuple[str, str]]:
    """Return every test of jcage once: its class and its name."""
    return Counter((group, name) for group, names in ORIGINALS.items() for name in names.split())


def claimed(source: str) -> list[tuple[str, str, ast.FunctionDef]]:
    """Return what the docstrings of a file claim to re-express: class, name, and the function that does."""
    found = []
    for outer in ast.parse(source).body:
        inside = outer.body if isinstance(outer, ast.ClassDef) else [outer]
        for node in inside:
            if isinstance(node, ast.FunctionDef):
                claim = re.search(r"\bjcage: (test\w+)", ast.get_docstring(node) or "")
                if claim is not None:
                    group = outer.name.removeprefix("Test") if isinstance(outer, ast.ClassDef) else ""
                    found.append((group, claim[1], node))
    return found


def all_claims() -> list[tuple[str, str, ast.FunctionDef]]:
    files = sorted(path for path in TESTS.rglob("test_*.py") if "corpus" not in path.relative_to(TESTS).parts)
    return [claim for path in files for claim in claimed(path.read_text(encoding="utf-8"))]


def test_there_are_49_originals() -> None:
    assert expected().total() == 49
    assert len({name for _, name in expected()}) == 49


def test_each_test_of_jcage_is_re_expressed_exactly_once() -> None:
    assert Counter((group, name) for group, name, _ in all_claims()) == expected()


def test_what_re_expresses_a_test_runs_and_asserts() -> None:
    """pytest collects it under the original's name, nothing skips it, and it has something that can fail."""
    for _, name, function in all_claims():
        checks = [node for node in ast.walk(function) if isinstance(node, (ast.Assert, ast.With))]

        assert function.name == "test_" + name.removeprefix("test")
        assert function.decorator_list == []
        assert checks


def test_a_test_that_is_missing_or_there_twice_would_be_noticed() -> None:
    once = 'class TestG:\n    def test_A(self):\n        """jcage: testA. More."""\n'
    twice = once + '    def test_B(self):\n        """jcage: testA"""\n'

    assert [(group, name) for group, name, _ in claimed(once)] == [("G", "testA")]
    assert len(claimed(twice)) == 2
    assert claimed(once.replace("jcage: ", "")) == []
