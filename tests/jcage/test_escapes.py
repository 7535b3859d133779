"""jcage's JCSandboxEscapesTest: a sandboxed breaker tries to get out.

Every denial is raised through the breaker to the test.  Where Java's own classes would do the deed, the breaker calls a
careless function of the host instead (``host/jcage_shared/platform.py``): a sandbox has no module that could.
"""

from __future__ import annotations

import contextlib
import threading

import pytest
from jcage_shared.breaker_type import SandboxBreakerType
from jcage_shared.thing_with_private import THING

from pycage import (
    AccessDenied,
    ImportDenied,
    Conclusion,
    FilePermission,
    NativePermission,
    Permission,
    PropertyPermission,
    RuntimePermission,
    SandboxAdminPermission,
    Sandboxes,
    SecurityPermission,
    SequentialPolicy,
    ThreadPermission,
    get_policy,
    rules,
)

SEGMENT = "[A-Za-z0-9_]+"


def host_policy() -> SequentialPolicy:
    """Allow one further segment below each package: the platform's (no prefix) and that of the tests."""
    builder = SequentialPolicy.builder()  # whose default is to deny
    for package in ("", r"jcage_shared\."):
        builder.add_module_rule(f"{package}({SEGMENT})", Conclusion.ALLOW, quick=True)
    return builder.build()


@pytest.fixture
def breaker(request, resolver):
    """Create the breaker of a sandbox that is named after the test and has the given permissions."""
    with contextlib.ExitStack() as stack:

        def create(*permissions: Permission) -> SandboxBreakerType:
            sandbox = Sandboxes.get().create(
                request.node.name.partition("[")[0],
                resolver=resolver,
                sandbox_policy=rules("allow sandbox_breaker.*"),
                host_policy=host_policy(),
                permissions=permissions,
            )
            stack.enter_context(sandbox)
            made = sandbox.load("sandbox_breaker.breaker").SandboxBreaker()
            assert isinstance(made, SandboxBreakerType)  # one class on both sides
            return made

        yield create


@contextlib.contextmanager
def denied(message: str):
    """Expect a denial of pycage's, exactly of one of its two classes and with exactly this message."""
    with pytest.raises(AccessDenied) as caught:
        yield
    assert type(caught.value) is (ImportDenied if message.startswith("module ") else AccessDenied)
    assert str(caught.value) == message


class TestJCSandboxEscapesTest:
    """The 15 tests of jcage's JCSandboxEscapesTest, by name."""

    def test_CheckPermission(self, breaker):
        """jcage: testCheckPermission"""
        assert breaker(FilePermission("/tmp/z", "read")).check_permission() is None

    def test_CheckPermissionCreateSandbox(self, breaker):
        """jcage: testCheckPermissionCreateSandbox"""
        assert breaker(SandboxAdminPermission("*", "createSandbox")).check_permission_create_sandbox() is None

    def test_LoadNative(self, breaker):
        """jcage: testLoadNative. The permission keeps the library's name; it is of a type of its own."""
        with denied('access denied ("NativePermission" "libc.so.6" "load")'):
            breaker().load_native()

    def test_ReflectionGetDeclared(self, breaker):
        """jcage: testReflectionGetDeclared"""
        with denied('access denied ("RuntimePermission" "accessDeclaredMembers")'):
            breaker().reflection_get_declared()

        assert THING.unchanged()

    def test_ClassLoaderCreate(self, breaker):
        """jcage: testClassLoaderCreate. What a class loader of one's own is for: code that nobody judged."""
        with denied('access denied ("RuntimePermission" "createClassLoader")'):
            breaker().class_loader_create()

    def test_ClassLoaderGet(self, breaker):
        """jcage: testClassLoaderGet. A loader is an attribute in Python, so asking for it is reflection."""
        with denied('access denied ("RuntimePermission" "accessDeclaredMembers")'):
            breaker().class_loader_get()

    def test_ClassLoaderGetSystem(self, breaker, capsys):
        """jcage: testClassLoaderGetSystem. ``pkgutil`` would list the loaders; no loader policy can allow it."""
        with denied("module access denied: pkgutil"):
            breaker().class_loader_get_system()

        assert capsys.readouterr().out == ""

    def test_FileWrite(self, breaker, tmp_path, monkeypatch):
        """jcage: testFileWrite. The name as given, and no file appears."""
        monkeypatch.chdir(tmp_path)

        with denied('access denied ("FilePermission" "test.txt" "write")'):
            breaker().file_write()

        assert list(tmp_path.iterdir()) == []

    def test_GetPolicy(self, breaker):
        """jcage: testGetPolicy"""
        with denied('access denied ("SecurityPermission" "getPolicy")'):
            breaker().get_policy()

    def test_SetPolicy(self, breaker):
        """jcage: testSetPolicy. The policy cannot be replaced; letting sub-interpreters free comes nearest to it."""
        with denied('access denied ("SecurityPermission" "setPolicy")'):
            breaker().set_policy()

    def test_DisallowedClass(self, breaker):
        """jcage: testDisallowedClass. Two segments, where the rules allow one."""
        with denied("module access denied: json.decoder"):
            breaker().disallowed_class()

    def test_SandboxesGet(self, breaker):
        """jcage: testSandboxesGet"""
        with denied('access denied ("SandboxAdminPermission" "*" "getSandboxes")'):
            breaker().sandboxes_get()

    def test_SandboxesCreate(self, breaker):
        """jcage: testSandboxesCreate. Holding a loader of the host's is not enough."""
        made = breaker(
            SandboxAdminPermission("*", "getSandboxes"),
            SecurityPermission("getPolicy"),
            PropertyPermission("java.class.path", "read"),
            PropertyPermission("path.separator", "read"),
        )

        with denied('access denied ("SandboxAdminPermission" "a" "createSandbox")'):
            made.sandboxes_create()

        assert Sandboxes.get().find("a") is None

    def test_ThreadCreate(self, breaker):
        """jcage: testThreadCreate. The permission is pycage's own type: ThreadPermission "start"."""
        with denied('access denied ("ThreadPermission" "start")'):
            breaker().thread_create()

    def test_ThreadGroupCreate(self, breaker):
        """jcage: testThreadGroupCreate. No thread can be stopped; changing one of the host's means writing to it."""
        name = threading.current_thread().name

        with denied('access denied ("RuntimePermission" "accessDeclaredMembers")'):
            breaker().thread_group_create()

        assert threading.current_thread().name == name


# ---- What passes above, for a breaker that was granted something else ------------------------------------------------


def test_a_check_of_another_permission_than_the_granted_one_is_refused(breaker):
    with denied('access denied ("FilePermission" "/tmp/z" "read")'):
        breaker(FilePermission("/tmp/z", "write"), FilePermission("/tmp/y", "read")).check_permission()


def test_a_check_of_another_administration_than_the_granted_one_is_refused(breaker):
    with denied('access denied ("SandboxAdminPermission" "*" "createSandbox")'):
        breaker(
            SandboxAdminPermission("*", "getSandboxes"), SandboxAdminPermission("a", "createSandbox")
        ).check_permission_create_sandbox()


# ---- The same methods, for a breaker that was granted what they need: what is refused above is not simply broken -----


def test_a_granted_breaker_loads_the_library(breaker):
    breaker(NativePermission("libc.so.6", "load")).load_native()


def test_a_granted_breaker_defines_code(breaker):
    breaker(RuntimePermission("createClassLoader")).class_loader_create()


def test_a_granted_breaker_writes_the_file(breaker, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    breaker(FilePermission("test.txt", "write")).file_write()

    assert (tmp_path / "test.txt").read_text() == "FAILURE"


def test_a_granted_breaker_gets_the_policy(breaker):
    assert breaker(SecurityPermission("getPolicy")).get_policy() is get_policy()


def test_a_granted_breaker_gets_and_creates_sandboxes(breaker):
    made = breaker(SandboxAdminPermission("*", "getSandboxes"), SandboxAdminPermission("a", "*"))

    assert made.sandboxes_get() is Sandboxes.get()

    made.sandboxes_create()

    with Sandboxes.get().find("a") as created:
        assert list(created.permissions) == []


def test_a_granted_breaker_starts_a_thread(breaker):
    assert breaker(ThreadPermission("start")).thread_create() == [1]
