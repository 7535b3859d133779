"""The pytest plugin and the functions for tests of others."""

from __future__ import annotations

import pycage.testing
import pytest
from pycage import EnvPermission, FilePermission

pytest_plugins = ["pytester"]

HOME = "import os\nos.environ.get('HOME')"


@pytest.fixture
def inner(pytester):
    """Run pytest in this process, on a file of tests, with the plugin."""

    def run(text):
        pytester.makepyfile(text)
        # Where the package is installed the plugin is there by itself; twice is an error.
        return pytester.inline_run("-p", "no:cacheprovider", "-p", "no:pycage", "-p", "pycage.pytest_plugin")

    return run


def reports(result):
    return {
        report.nodeid.rpartition("::")[2]: report
        for report in result.getreports()
        if getattr(report, "when", "") == "call"
    }


def test_a_mark_says_what_the_sandbox_of_a_test_may_do(inner):
    result = inner(
        """
        import pycage, pytest

        @pytest.mark.pycage(allow=['EnvPermission "HOME" "read"', pycage.EnvPermission("PATH", "read")])
        def test_allowed(sandbox):
            sandbox.run("import os; os.environ['PATH']; os.environ.get('HOME')")
            pycage.testing.assert_permissions(
                sandbox, minimal=['EnvPermission "HOME" "read"', 'EnvPermission "PATH" "read"']
            )

        KEPT = []

        def test_nothing_is_allowed_without_one(sandbox):
            assert len(list(sandbox.permissions)) == 0
            KEPT.append(sandbox)

        def test_the_sandbox_of_a_test_is_closed_after_it():
            assert KEPT[0].closed

        @pytest.mark.pycage(allow=["AllPermission"])
        class TestMany:
            @pytest.mark.pycage(deny=['EnvPermission "HOME" "read"'])
            def test_marks_add_up(self, sandbox):
                assert sandbox.query(pycage.EnvPermission("PATH", "read")) == "granted"
                assert sandbox.query(pycage.EnvPermission("HOME", "read")) == "denied"

        @pytest.mark.pycage(resolver=pycage.MappingResolver({"plugin": "VALUE = 7"}))
        def test_options_are_those_of_sandboxes(sandbox):
            assert sandbox.load("plugin").VALUE == 7
        """
    )

    result.assertoutcome(passed=5)


def test_a_failed_test_shows_what_was_denied_and_a_passed_one_does_not(inner):
    result = inner(
        f"""
        def test_failing(sandbox):
            assert sandbox.run({HOME!r}).value

        def test_passing(sandbox):
            assert sandbox.run({HOME!r}).value is None
        """
    )

    result.assertoutcome(passed=1, failed=1)
    found = reports(result)
    assert [text for name, text in found["test_failing"].sections if name == "denied to the sandbox"] != []
    assert '("EnvPermission" "HOME" "read")' in dict(found["test_failing"].sections)["denied to the sandbox"]
    assert "denied to the sandbox" not in dict(found["test_passing"].sections)


def test_a_mark_that_is_wrong_is_an_error_and_not_a_sandbox(inner):
    marks = ("allowed=[]", "'FilePermission'", "allow='FilePermission'", "allow=['Fil \"x\"']")
    tests = "".join(f"@pytest.mark.pycage({mark})\ndef test_{at}(sandbox): pass\n" for at, mark in enumerate(marks))

    result = inner(f"import pytest\n{tests}")

    assert not reports(result)
    assert len(result.getfailures()) == len(marks)


# ---- Functions -----------------------------------------------------------------------------------------------------------


def run(name, *permissions, source=HOME):
    with pycage.Sandbox(name, permissions=permissions) as sandbox:
        sandbox.run(source)
    return sandbox


def test_minimal_permissions_are_those_that_were_asked_for():
    sandbox = run("minimal", EnvPermission("*", "read"))

    pycage.testing.assert_permissions(sandbox, minimal=[EnvPermission("HOME", "read")])
    pycage.testing.assert_permissions(sandbox, minimal=[EnvPermission("*", "read")])


@pytest.mark.parametrize(
    ("minimal", "said"),
    [
        ([], "asked for, and not among them: EnvPermission"),
        (
            ['EnvPermission "HOME" "read"', 'FilePermission "/x" "read"'],
            "among them, and not needed:    FilePermission",
        ),
        (['EnvPermission "HOME" "read"', 'EnvPermission "*" "read"'], "not needed"),
    ],
)
def test_what_is_too_little_and_what_too_much_is_named(minimal, said):
    with pytest.raises(AssertionError, match="differ") as failed:
        pycage.testing.assert_permissions(run("differing"), minimal=minimal)

    assert said in str(failed.value)


def test_what_was_refused_counts_as_asked_for():
    pycage.testing.assert_permissions(run("refused"), minimal=[EnvPermission("HOME", "read")])


def test_a_denial_can_be_expected():
    permission = FilePermission("/etc/passwd", "read")
    with pycage.Sandbox("expected") as sandbox:
        with pycage.testing.denied():
            sandbox.run("open('/etc/passwd')")
        with pycage.testing.denied(permission):
            sandbox.run("open('/etc/passwd')")
        with pytest.raises(AssertionError, match="denied was"), pycage.testing.denied(permission):
            sandbox.run("open('/etc/group')")
        with pytest.raises(AssertionError, match="nothing was denied"), pycage.testing.denied(permission):
            sandbox.run("1")


def test_one_text_is_no_list_of_permissions():
    with pytest.raises(TypeError, match="brackets"):
        pycage.testing.permissions_of('FilePermission "/x" "read"')
    with pytest.raises(ValueError, match="say which"):
        pycage.testing.permissions_of(["FilePermission"])
