"""What other permission systems got wrong, once each."""

from __future__ import annotations

import _thread
import contextlib
import functools
import gc
import os
import subprocess
import sys
import textwrap
import threading
import time
import weakref

import pytest
from cast import Role
from pycage import _core, access, manager
from pycage.access import check_permission, do_privileged, get_context, privileged
from pycage.errors import AccessDenied
from pycage.permissions import FilePermission, RuntimePermission, SecurityPermission

ASKED = RuntimePermission("x.y")
HOST = Role(None)


@pytest.fixture
def box() -> Role:
    return Role("box")


def run_python(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a fresh interpreter: it changes what cannot be changed back."""
    return subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60, check=False
    )


# ---- Any frame, fixed depth -----------------------------------------------------------------------------------------


def test_a_trusted_frame_between_does_not_make_the_stack_trusted(box: Role) -> None:
    """Matching any frame makes every trusted library a way out."""
    with pytest.raises(AccessDenied):
        HOST.call(lambda: box.call(lambda: HOST.call(check_permission, ASKED)))


@pytest.mark.parametrize("depth", [1, 2, 3, 10, 200])
def test_trusted_frames_in_front_do_not_hide_the_sandbox(box: Role, depth: int) -> None:
    """A check of the caller at a fixed depth is moved by a callback."""

    def deeper(left: int) -> None:
        if left:
            HOST.call(deeper, left - 1)
        else:
            check_permission(ASKED)

    with pytest.raises(AccessDenied):
        box.call(deeper, depth)

    deeper(depth)


def test_more_domains_than_fit_inline_all_count() -> None:
    able = [Role(f"able{i}", ASKED) for i in range(40)]
    unable = Role("unable")

    def through(roles: list[Role]) -> None:
        if roles:
            roles[0].call(through, roles[1:])
        else:
            check_permission(ASKED)

    through(able)
    with pytest.raises(AccessDenied) as denied:
        through([unable, *able])

    assert denied.value.domain == "unable"


# ---- Privilege that stays behind ------------------------------------------------------------------------------------


def test_privilege_does_not_stay_behind_in_a_suspended_generator(box: Role) -> None:
    """A flag or `with` block around a yield leaks to whoever resumed the generator."""
    steps = []

    def host_generator():
        do_privileged(check_permission, ASKED)
        steps.append("lent")
        yield
        steps.append("resumed")

    generator = host_generator()

    def sandboxed() -> None:
        next(generator)
        check_permission(ASKED)

    with pytest.raises(AccessDenied):
        box.call(sandboxed)

    assert steps == ["lent"]


async def _ask() -> None:
    check_permission(ASKED)


class _Pause:
    def __await__(self):
        yield


def test_each_step_of_a_privileged_coroutine_is_privileged_and_nothing_between(box: Role) -> None:
    @privileged
    async def host_api() -> str:
        await _ask()
        await _Pause()
        await _ask()
        return "done"

    coroutine = host_api()
    assert box.call(coroutine.send, None) is None
    with pytest.raises(AccessDenied):  # suspended: the caller has nothing of it
        box.call(check_permission, ASKED)
    with pytest.raises(StopIteration) as stop:
        box.call(coroutine.send, None)

    assert stop.value.value == "done"


def test_a_finalizer_of_a_sandbox_above_a_privileged_frame_stays_unprivileged(box: Role) -> None:
    outcome = []

    class Guest:
        def __del__(self) -> None:
            box.call(ask)

    def ask() -> None:
        try:
            check_permission(ASKED)
            outcome.append("allowed")
        except AccessDenied:
            outcome.append("denied")

    def host_action() -> None:
        guests.clear()
        gc.collect()

    guests = [Guest()]
    do_privileged(host_action)

    assert outcome == ["denied"]


def test_a_sandbox_that_decorates_a_host_function_gains_nothing(box: Role) -> None:
    lent = box.call(privileged, check_permission_of_host)

    with pytest.raises(AccessDenied):
        box.call(lent)
    with pytest.raises(AccessDenied):
        lent()

    privileged(check_permission_of_host)()
    box.call(privileged(check_permission_of_host))


def check_permission_of_host() -> None:
    check_permission(ASKED)


def test_a_thread_cannot_begin_privileged(tmp_path) -> None:
    """An empty stack has nothing to lend, and nothing of its own once sandboxes exist: who started it was not seen."""
    program = """
        import _thread, os, threading, time
        start = _thread.start_new_thread
        from pycage import _core, manager
        manager.install()
        from pycage.codesource import CodeSource
        from pycage.domains import ProtectionDomain
        _core.tag(compile("0", "s", "eval"), ProtectionDomain(CodeSource("pycage://test/s"), "s", manager.POLICY))
        for action in ((os.mkdir, ("made",)), (_core.do_privileged, (os.mkdir, "made"))):
            errors = []
            import sys
            sys.unraisablehook = lambda unraisable: errors.append(type(unraisable.exc_value).__name__)
            start(*action)
            while not errors and not os.path.exists("made"):
                time.sleep(0.01)
            print(errors, os.path.exists("made"))
    """
    done = subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )

    assert done.stdout.splitlines() == ["['AccessDenied'] False"] * 2, done.stderr


def test_what_ends_with_the_last_frame_of_a_thread_has_an_empty_stack(box: Role) -> None:
    """The interpreter clears the locals of a frame that is no longer on the stack; a frame of C's own may still be."""
    refused: list[str] = []
    ended = threading.Event()

    class Watched:
        pass

    def body() -> None:
        watched = Watched()
        # partial(): a callback without a frame of its own.
        references.append(weakref.ref(watched, functools.partial(sys.audit, "test.last_frame")))

    references: list[object] = []
    own_hook = sys.unraisablehook
    sys.unraisablehook = lambda unraisable: (refused.append(type(unraisable.exc_value).__name__), ended.set())[0]
    try:
        _thread.start_new_thread(body, ())
        assert ended.wait(10)
    finally:
        sys.unraisablehook = own_hook

    assert refused == ["AccessDenied"]
    HOST.call(functools.partial(sys.audit, "test.last_frame"), None)  # on the host's stack it is nobody's business


# ---- The hook -------------------------------------------------------------------------------------------------------


def test_assigning_the_code_of_pycages_functions_is_refused_to_a_sandbox(box: Role) -> None:
    def attack() -> None:
        access.decide.__code__ = (lambda permission, raw: True).__code__

    before = access.decide.__code__
    with pytest.raises(AccessDenied):
        box.call(attack)

    assert access.decide.__code__ is before


def test_an_audit_hook_cannot_be_added_by_a_sandbox(box: Role) -> None:
    """CPython swallows the refusal (an Exception); what counts is that the hook is not called."""
    program = """
        import sys
        sys.path[:0] = {path!r}
        from cast import Role
        from pycage import manager, access
        manager.install()
        box = Role("box")
        heard = []
        box.call(sys.addaudithook, lambda event, args: heard.append(event))
        sys.audit("test.event")
        print(len(heard), [d.granted for d in access.LOG])
    """

    done = run_python(program.format(path=[p for p in sys.path if p]))

    assert done.stdout.split("\n")[0] == "0 [False]", done.stderr


@pytest.mark.slow
def test_a_sub_interpreter_made_before_the_manager_is_refused_what_would_be_checked(tmp_path) -> None:
    """Sub-interpreters do not inherit Python hooks; a C hook sees them."""
    program = f"""
        import sys, os
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        sys.path[:0] = {[p for p in sys.path if p]!r}
        code = '''if 1:
            import os
            try:
                os.mkdir({str(tmp_path / "made")!r})
            except PermissionError as error:
                open
        '''
        one = interpreters.create()
        interpreters.run_string(one, "import os")
        from pycage import manager
        manager.install()
        try:
            interpreters.run_string(one, code)
        except RuntimeError:
            pass  # 3.11 and 3.12: compiling the text is refused already
        print(os.path.exists({str(tmp_path / "made")!r}))
        try:
            interpreters.create()
        except Exception as error:
            print("not created")
    """

    done = run_python(program)

    assert done.stdout.split() == ["False", "not", "created"], done.stderr


@pytest.mark.slow
def test_a_host_that_allows_sub_interpreters_can_use_them(tmp_path) -> None:
    program = f"""
        import sys, os
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        sys.path[:0] = {[p for p in sys.path if p]!r}
        from pycage import manager
        manager.install(allow_subinterpreters=True)
        interpreters.run_string(interpreters.create(), "import os; os.mkdir({str(tmp_path / "made")!r})")
        print(os.path.exists({str(tmp_path / "made")!r}))
    """

    assert run_python(program).stdout.split() == ["True"]


# ---- Denials --------------------------------------------------------------------------------------------------------


def test_a_denial_that_the_sandbox_swallows_is_recorded_all_the_same(box: Role) -> None:
    def guest() -> None:
        try:
            check_permission(ASKED)
        except AccessDenied:
            pass

    box.call(guest)

    (denial,) = access.LOG.denials()
    assert (denial.permission, denial.domain) == ('("RuntimePermission" "x.y")', "box")
    assert any(entry.domain == "box" and entry.function == "call" for entry in denial.chain)


def test_running_out_of_stack_during_a_check_is_a_denial(box: Role, tmp_path) -> None:
    """The sandbox recurses as deep as it can, so that the decision itself runs out of stack."""
    target = tmp_path / "made"
    reached = []

    def attack(depth: int) -> None:
        try:
            box.call(attack, depth + 1)
        except RecursionError:
            pass
        try:
            os.mkdir(target)
            reached.append(depth)
        except (RecursionError, AccessDenied):
            pass

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(400)
    try:
        box.call(attack, 0)
    finally:
        sys.setrecursionlimit(limit)

    assert reached == []
    assert not target.exists()


def test_running_out_of_memory_during_a_walk_is_a_denial(box: Role, tmp_path) -> None:
    """No memory for a frame must not look like the bottom of the stack."""
    testcapi = pytest.importorskip("_testcapi")
    if not hasattr(testcapi, "set_nomemory"):
        pytest.skip("this build cannot simulate a lack of memory")
    made = []
    refusals = MemoryError, AccessDenied  # made beforehand, as is all that the attack looks up

    def attack(n: int) -> None:
        target = str(tmp_path / f"made{n}")
        mkdir, set_nomemory, remove_mem_hooks = os.mkdir, testcapi.set_nomemory, testcapi.remove_mem_hooks
        last = n + 3
        try:
            set_nomemory(n, last)
            try:
                mkdir(target)
            finally:
                remove_mem_hooks()
            made.append(n)
        except refusals:
            pass

    for n in range(80):
        with contextlib.suppress(MemoryError):  # there may be none left for the attack to catch it
            box.call(attack, n)

    assert made == []
    assert os.listdir(tmp_path) == []


def test_an_interrupt_during_a_check_is_a_denial(box: Role, monkeypatch, tmp_path) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(access, "_conclude", interrupted)

    with pytest.raises(KeyboardInterrupt):
        box.call(os.mkdir, tmp_path / "made")

    assert not (tmp_path / "made").exists()


# ---- Revoking -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_no_check_that_begins_after_a_revoke_is_allowed_while_other_threads_check() -> None:
    """A remembered answer must not be stored over a revoke that came in between (JGDMS)."""
    box = Role("box")
    # What the checks of a moment must say; a new object each time, so that a check knows whether it saw a change.
    phase: list[object] = [object()]
    revoked: set[int] = set()
    done = {"allowed": 0, "denied": 0}
    wrong: list[object] = []
    stop = threading.Event()

    def guest() -> None:
        while not stop.is_set():
            before = phase[0]
            try:
                check_permission(ASKED)
            except AccessDenied:
                done["denied"] += 1
                continue
            done["allowed"] += 1
            if id(before) in revoked and before is phase[0]:
                wrong.append(before)

    def until_more(outcome: str) -> None:
        seen, deadline = done[outcome], time.monotonic() + 30
        while done[outcome] == seen and not wrong and time.monotonic() < deadline:
            time.sleep(0)

    kept = []  # so that no id is used twice
    threads = [threading.Thread(target=box.call, args=(guest,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    try:
        for _ in range(300):
            manager.POLICY.grant(box.source, ASKED)
            until_more("allowed")
            manager.POLICY.revoke(box.source, ASKED)
            now = object()
            kept.append(now)
            revoked.add(id(now))
            phase[0] = now
            until_more("denied")
            phase[0] = object()
    finally:
        sys.setswitchinterval(interval)
        stop.set()
        for thread in threads:
            thread.join()

    assert wrong == []
    assert done["allowed"] >= 300
    assert done["denied"] >= 300


def test_a_revoke_reaches_captured_contexts_and_so_does_a_grant(box: Role) -> None:
    """Contexts hold domains, not permissions (jcage's J20), tested both ways."""
    captured = box.call(get_context)
    with pytest.raises(AccessDenied):
        captured.check_permission(ASKED)

    manager.POLICY.grant(box.source, ASKED)
    captured.check_permission(ASKED)

    manager.POLICY.revoke(box.source, ASKED)
    with pytest.raises(AccessDenied):
        captured.check_permission(ASKED)


# ---- Identity -------------------------------------------------------------------------------------------------------


def test_an_equal_code_object_does_not_inherit_the_tag() -> None:
    """Code objects compiled from the same text are equal; a sandbox can write the host's text."""
    text = "def f(step):\n    return step()\n"
    one = compile(text, "<same>", "exec")
    two = compile(text, "<same>", "exec")
    assert one == two

    _core.tag(one, Role("box").domain)

    assert _core.code_domain(one) is not None
    assert _core.code_domain(two) is None


def test_code_never_changes_its_domain(box: Role) -> None:
    code = compile("0", "<s>", "eval")
    _core.tag(code, box.domain)

    with pytest.raises(ValueError, match="another domain"):
        _core.tag(code, Role("other").domain)


def test_code_that_a_sandbox_makes_with_exec_is_the_sandboxes(box: Role) -> None:
    namespace: dict[str, object] = {}
    code = compile("def made(check, permission):\n    check(permission)\n", "<made>", "exec")
    box.call(exec, code, namespace)

    with pytest.raises(AccessDenied):
        namespace["made"](check_permission, ASKED)


def test_a_host_module_imported_on_behalf_of_a_sandbox_stays_host_code(box: Role, tmp_path, monkeypatch) -> None:
    """An import statement of host code is the host's act; its module is not tagged as the sandbox's."""
    (tmp_path / "lazy_host_module.py").write_text("def f(check, permission):\n    check(permission)\n")
    monkeypatch.syspath_prepend(tmp_path)

    def host_function() -> object:
        import lazy_host_module

        return lazy_host_module

    module = box.call(host_function)

    module.f(check_permission, ASKED)
    assert _core.code_domain(module.f.__code__) is None


def test_an_import_by_name_is_the_act_of_the_host_function_that_makes_it(box: Role, tmp_path, monkeypatch) -> None:
    """A refusal inside the import system would be remembered there: FileFinder takes it for an empty directory."""
    import importlib

    (tmp_path / "lazily_by_name.py").write_text("def f(check, permission):\n    check(permission)\n")
    monkeypatch.syspath_prepend(tmp_path)

    module = box.call(lambda: importlib.import_module("lazily_by_name"))

    module.f(check_permission, ASKED)


def test_the_decision_of_a_check_is_not_judged_with_the_stack_that_asked(box: Role, tmp_path) -> None:
    """Resolving the path of a permission looks at the file system, which a sandbox may not."""
    manager.POLICY.grant(box.source, FilePermission(f"{tmp_path}/-", "read"))
    (tmp_path / "f").write_text("text")

    assert box.call((tmp_path / "f").read_text) == "text"
    assert [d.permission for d in access.LOG.denials()] == []


def test_a_sandbox_cannot_allow_sub_interpreters(box: Role) -> None:
    with pytest.raises(AccessDenied) as denied:
        box.call(lambda: manager.install(allow_subinterpreters=True))

    assert denied.value.permission == SecurityPermission("setPolicy")
