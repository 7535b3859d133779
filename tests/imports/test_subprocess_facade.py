"""subprocess in a sandbox: the program that was judged, with the sandbox's environment and descriptors."""

from __future__ import annotations

import itertools
import os
import shutil
import signal

import pytest
from pycage import AccessDenied, EnvPermission, FilePermission, ProcessPermission, Sandbox

_numbers = itertools.count()
TRUE, CAT, ENV, SLEEP, SH = (shutil.which(name) for name in ("true", "cat", "env", "sleep", "sh"))
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def execute(*programs):
    return [ProcessPermission(name, "execute") for path in programs for name in {path, os.path.realpath(path)}]


@pytest.fixture
def sandbox():
    with Sandbox(f"process_{next(_numbers)}", permissions=execute(TRUE, CAT, ENV, SLEEP)) as made:
        yield made


def run(sandbox, source, **variables):
    names = {"TRUE": TRUE, "CAT": CAT, "ENV": ENV, "SLEEP": SLEEP, "SH": SH, **variables}
    return sandbox.run(f"import subprocess\n{source}", variables=names).value


HONEST = {
    "subprocess.run([TRUE]).returncode": 0,
    "subprocess.call([TRUE])": 0,
    "subprocess.check_call(['true'])": 0,
    "subprocess.run([CAT], input=b'abc', capture_output=True).stdout": b"abc",
    "subprocess.run([CAT], input='abc', stdout=subprocess.PIPE, text=True, check=True).stdout": "abc",
    "subprocess.check_output([CAT], input='é', encoding='utf-8')": "é",
    "subprocess.run(['cat'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout": b"",
    "subprocess.run([CAT], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL).stdout": None,
    "subprocess.run([ENV], env={}, capture_output=True).stdout": b"",
    "isinstance(subprocess.run([TRUE]), subprocess.CompletedProcess)": True,
}


@pytest.mark.parametrize("expression", HONEST)
def test_a_program_that_was_granted_runs(sandbox, expression):
    assert run(sandbox, expression) == HONEST[expression]


def test_a_child_is_talked_to_and_ended(sandbox):
    source = """
with subprocess.Popen([CAT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as p:
    r = [p.communicate('xyz')[0], p.returncode, p.args == [CAT], p.pid > 0]
late = subprocess.Popen([SLEEP, '100'])
r.append(late.poll())
late.terminate()
r.append(late.wait(timeout=10))
other = subprocess.Popen([SLEEP, '100'])
other.kill()
r.append(other.wait())
r
"""
    assert run(sandbox, source) == ["xyz", 0, True, True, None, -signal.SIGTERM, -signal.SIGKILL]


def test_a_timeout_ends_the_child(sandbox):
    source = "try: subprocess.run([SLEEP, '100'], timeout=0.01)\nexcept subprocess.TimeoutExpired as e: r = e.cmd\nr"
    assert run(sandbox, source) == [SLEEP, "100"]


def test_children_are_connected_by_pipes(sandbox):
    source = """
first = subprocess.Popen([CAT], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
second = subprocess.Popen([CAT], stdin=first.stdout, stdout=subprocess.PIPE)
first.stdin.write(b'through')
first.stdin.close()
r = second.communicate()[0]
first.wait()
r
"""
    assert run(sandbox, source) == b"through"


def test_files_of_the_sandbox_are_streams_of_a_child(sandbox, tmp_path):
    path = tmp_path / "out"
    sandbox.grant(FilePermission(str(path), "read,write"))
    source = "with open(path, 'w') as f: subprocess.run([CAT], input=b'x', stdout=f)\nopen(path).read()"
    assert run(sandbox, source, path=str(path)) == "x"


def test_unbuffered_ends_are_of_a_type_that_opens_nothing(sandbox):
    """The type of a bare file opens any descriptor by an opener (D257)."""
    source = """
p = subprocess.Popen([CAT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
p.stdin.write(b'now')
r = p.stdout.read(3)
kinds = type(p.stdin), type(p.stdout)
p.communicate()
r, kinds
"""
    data, kinds = run(sandbox, source)

    assert data == b"now"
    for kind in kinds:
        with pytest.raises(AccessDenied):
            sandbox.run("kind('x', opener=lambda *_: 0)", variables={"kind": kind})


CALLS = [
    "subprocess.run({})",
    "subprocess.call({})",
    "subprocess.check_call({})",
    "subprocess.check_output({})",
    "subprocess.Popen({})",
    "subprocess.run({}, capture_output=True)",
    "subprocess.run({}, stdin=subprocess.PIPE, cwd='/')",
    "subprocess.run('x', executable={}[0])",
    "subprocess.run([TRUE], executable={}[0])",
]


@pytest.mark.parametrize("call", CALLS)
def test_another_program_is_denied(sandbox, call):
    with pytest.raises(AccessDenied, match='ProcessPermission" "/bin/no'):
        run(sandbox, call.format("['/bin/no']"))


@pytest.mark.parametrize("call", ["subprocess.run('true', shell=True)", "subprocess.getoutput('true')", "subprocess.getstatusoutput('true')"])  # fmt: skip
def test_a_shell_is_a_program_of_its_own(sandbox, call):
    with pytest.raises(AccessDenied, match='ProcessPermission" "/bin/sh'):
        run(sandbox, call)

    sandbox.grant(*execute("/bin/sh"))

    run(sandbox, call)


def test_a_child_has_the_environment_that_the_sandbox_may_read(sandbox, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "x1")
    monkeypatch.setenv("OPEN_NAME", "x2")
    sandbox.grant(EnvPermission("OPEN_NAME", "read"))

    assert run(sandbox, "subprocess.check_output([ENV])") == b"OPEN_NAME=x2\n"


@pytest.mark.parametrize("env", ["{'LD_PRELOAD': '/tmp/x.so'}", "{b'LD_PRELOAD': b'/tmp/x.so'}", "{'OPEN_NAME': 'other'}"])  # fmt: skip
def test_variables_that_the_sandbox_makes_up_ask(sandbox, monkeypatch, env):
    """What the linker and many programs read there makes them another program."""
    monkeypatch.setenv("OPEN_NAME", "x2")
    sandbox.grant(EnvPermission("OPEN_NAME", "read"))

    with pytest.raises(AccessDenied, match="EnvPermission"):
        run(sandbox, f"subprocess.run([TRUE], env={env})")

    sandbox.grant(EnvPermission("*", "write"))
    assert run(sandbox, "subprocess.check_output([ENV], env={'A': 'b'})") == b"A=b\n"


REFUSED = {
    "preexec_fn=print": ValueError,
    "pass_fds=(0,)": ValueError,
    "close_fds=False": ValueError,
    "user=0": None,
    "user='nobody'": ValueError,
    "group=1": ValueError,
    "extra_groups=[1]": ValueError,
    "process_group=1": ValueError,
    "stdout=1": TypeError,
    "stdin=5": TypeError,
    "stdout=Lying()": TypeError,
    "stdout=io.TextIOWrapper(Raw())": TypeError,
    "nonsense=1": TypeError,
    "bufsize='1'": TypeError,
    "encoding=5": TypeError,
}


@pytest.mark.parametrize("option", [option for option, error in REFUSED.items() if error])
def test_what_would_give_a_child_more_is_refused(sandbox, option):
    source = """
import io
class Lying:
    def fileno(self): return 1
class Raw(io.RawIOBase):
    def writable(self): return True
    def readable(self): return False
    def fileno(self): return 1
"""
    with pytest.raises(REFUSED[option]):
        run(sandbox, f"{source}\nsubprocess.run([TRUE], {option})")


LIES = {
    "a list that changes": "class L(list):\n    n = 0\n    def __iter__(self):\n        L.n += 1\n        return iter([TRUE] if L.n == 1 else ['/bin/no'])\n    def __getitem__(self, i): return '/bin/no'\nsubprocess.run(L(['/bin/no'])).returncode",
    "a path that is asked twice": "class P:\n    n = 0\n    def __fspath__(self):\n        P.n += 1\n        return TRUE if P.n == 1 else '/bin/no'\nsubprocess.run([P()]).returncode",
    "a str that says something else": "class S(str):\n    def __str__(self): return '/bin/no'\n    def __fspath__(self): return '/bin/no'\n    def encode(self, *a): return b'/bin/no'\nsubprocess.run([S(TRUE)]).returncode",
    "an executable that is asked twice": "class P:\n    n = 0\n    def __fspath__(self):\n        P.n += 1\n        return TRUE if P.n == 1 else '/bin/no'\nsubprocess.run(['x'], executable=P()).returncode",
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_the_program_that_is_judged_is_the_program_that_runs(sandbox, lie):
    assert run(sandbox, LIES[lie]) == 0


@pytest.mark.parametrize("where", ["cwd=P()", "env=P()", "executable=P()"])
def test_code_of_the_sandbox_never_runs_with_what_is_lent(sandbox, where):
    """A path object is asked before anything is lent, and finds itself without permissions."""
    source = f"""
import pycage
seen = []
class P:
    def ask(self):
        try: pycage.check_permission(pycage.RuntimePermission('readFileDescriptor'))
        except PermissionError: seen.append('denied')
        else: seen.append('allowed')
    def __fspath__(self):
        self.ask()
        return TRUE
    def items(self):
        self.ask()
        return ()
try: subprocess.run([TRUE], {where})
except OSError: pass
seen
"""
    assert run(sandbox, source) == ["denied"]


def test_methods_take_children_of_their_own_sandbox_only(sandbox):
    child = run(sandbox, "subprocess.Popen([SLEEP, '100'])")
    with Sandbox(f"process_{next(_numbers)}", permissions=execute(TRUE)) as other:
        for call in ("subprocess.Popen.kill(child)", "subprocess.Popen.__init__(child, [TRUE])", "child._real"):
            with pytest.raises((AccessDenied, TypeError)):
                run(other, call, child=child)
        assert child.poll() is None
    child.kill()

    assert child.wait() == -signal.SIGKILL


def test_nothing_of_the_module_leads_further(sandbox):
    for name in ("os", "_posixsubprocess", "_fork_exec", "list2cmdline", "signal"):
        with pytest.raises((AttributeError, AccessDenied)):
            run(sandbox, f"subprocess.{name}")
    for expression in ("subprocess.run.__globals__", "subprocess.Popen._real", "subprocess.Popen([TRUE])._real"):
        with pytest.raises((AttributeError, AccessDenied, SyntaxError)):
            run(sandbox, expression)


def test_starting_later_is_still_the_sandboxs_doing():
    with Sandbox(f"process_{next(_numbers)}") as bare:
        late = run(bare, "map(subprocess.run, [[TRUE]])")

        with pytest.raises(AccessDenied):
            list(late)
