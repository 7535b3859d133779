"""jcage's JCSandboxesTest: creating sandboxes and loading modules that are their own."""

from __future__ import annotations

import sys

import pytest

from pycage import (
    AccessDenied,
    DuplicateSandboxError,
    ModuleMissingError,
    PolicyError,
    Sandboxes,
    UnrestrictedPolicy,
    WrongLoaderError,
    _core,
    rules,
)


def unrestricted(name: str, resolver):
    """Create a sandbox in jcage's unrestricted set-up: both loader policies allow everything, and no permissions."""
    everything = UnrestrictedPolicy.get()
    return Sandboxes.get().create(
        name, resolver=resolver, sandbox_policy=everything, host_policy=everything, permissions=()
    )


class TestJCSandboxesTest:
    """The 10 tests of jcage's JCSandboxesTest, by name.  Each has a sandbox of its own name."""

    def test_CreateSandbox(self, resolver):
        """jcage: testCreateSandbox"""
        with unrestricted("testCreateSandbox", resolver) as sandbox:
            assert sandbox.url == "pycage://sandbox/testCreateSandbox"
            assert sandbox.name == "testCreateSandbox"

    def test_CreateSandboxBadName(self, resolver):
        """jcage: testCreateSandboxBadName"""
        with pytest.raises(PolicyError):
            unrestricted("", resolver)

    def test_CreateSandboxDuplicate(self, resolver):
        """jcage: testCreateSandboxDuplicate. The message is the name."""
        with unrestricted("testCreateSandboxDuplicate", resolver) as sandbox:
            with pytest.raises(DuplicateSandboxError) as caught:
                unrestricted("testCreateSandboxDuplicate", resolver)

            assert str(caught.value) == "testCreateSandboxDuplicate"
            assert Sandboxes.get().find("testCreateSandboxDuplicate") is sandbox

    def test_Empty0(self):
        """jcage: testEmpty0"""
        assert isinstance(Sandboxes.get(), Sandboxes)

    def test_Empty1(self):
        """jcage: testEmpty1"""
        assert Sandboxes.get() is Sandboxes.get()

    def test_SandboxClass_0(self, resolver):
        """jcage: testSandboxClass_0. The loader shows in the domain that it stamps on all code it defines."""
        with unrestricted("testSandboxClass_0", resolver) as sandbox:
            first = sandbox.load("thing")

            assert _core.code_domain(first.Thing.method.__code__).code_source.url == sandbox.url
            assert first.Thing.__module__ == "thing"
            assert "thing" not in sys.modules
            assert sandbox.load("thing") is first
            assert sandbox.load("thing").Thing is first.Thing

    def test_SandboxClass_1(self, resolver, capsys):
        """jcage: testSandboxClass_1. A sandbox may not read its own loader, so the host tells whose code ran."""
        with unrestricted("testSandboxClass_1", resolver) as sandbox:
            hello = sandbox.load("hello_thing").HelloThing()

            hello.run()

            assert capsys.readouterr().out == "Hello from class hello_thing.HelloThing\n"
            assert (
                repr(_core.code_domain(type(hello).run.__code__)) == '<ProtectionDomain sandbox "testSandboxClass_1">'
            )

    def test_SandboxClassMissing_0(self, resolver):
        """jcage: testSandboxClassMissing_0. The cause is the loader's own error."""
        with (
            unrestricted("testSandboxClassMissing_0", resolver) as sandbox,
            pytest.raises(ModuleMissingError) as caught,
        ):
            sandbox.load("absolutely.does.not.exist.Thing")

        assert isinstance(caught.value.__cause__, ModuleNotFoundError)

    def test_SandboxClassWrong_0(self, resolver):
        """jcage: testSandboxClassWrong_0. Modules that only the host can load: one built in, one ordinary."""
        with unrestricted("testSandboxClassWrong_0", resolver) as sandbox:
            for name in ("sys", "json"):
                with pytest.raises(WrongLoaderError):
                    sandbox.load(name)

    def test_SandboxClassDenied_0(self, resolver):
        """jcage: testSandboxClassDenied_0"""
        nothing = rules()
        sandbox = Sandboxes.get().create(
            "testSandboxClassDenied_0", resolver=resolver, sandbox_policy=nothing, host_policy=nothing
        )

        with sandbox, pytest.raises(AccessDenied) as caught:
            sandbox.load("thing")

        assert str(caught.value) == "module access denied: thing"
