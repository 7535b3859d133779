"""What code needs is taken down as it was asked, and computed to the smallest set that answers it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycage import (
    AccessDenied,
    EnvPermission,
    FilePermission,
    MappingResolver,
    Permissions,
    PolicyError,
    RuntimePermission,
    Sandbox,
    SocketPermission,
    check_permission,
    get_policy,
)
from pycage.needs import smallest
from pycage.policy_files import generalised, learn, read_policy
from strategies import permissions as any_permission

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)  # sandboxed programs leave files to be closed by themselves

NEEDS = st.lists(
    st.lists(st.lists(any_permission(), min_size=1, max_size=2).map(tuple), min_size=1, max_size=2).map(tuple),
    max_size=5,
)


def answers(permissions, needs) -> bool:
    held = Permissions(permissions)
    return all(any(all(held.implies(atom) for atom in one.split()) for one in part) for need in needs for part in need)


@settings(max_examples=40)
@given(NEEDS)
def test_the_smallest_set_answers_everything_and_nothing_of_it_can_go(needs) -> None:
    found = smallest(needs)

    assert answers(found, needs)
    atoms = [atom for permission in found for atom in permission.split()]
    for atom in atoms:
        assert not answers([other for other in atoms if other != atom], needs), atom


def test_of_several_spellings_the_one_is_chosen_that_is_needed_anyway() -> None:
    a, b, c = (FilePermission(f"/{name}", "read") for name in "abc")

    assert smallest([((a, b),), ((b,),)]) == (b,)
    assert smallest([((a, b),), ((b, c),), ((c,), (a,))]) in ((c, a), (a, c))
    assert smallest([((a, b),), ((b, c),)]) == (b,)


def test_many_files_are_computed_quickly() -> None:
    needs = [((FilePermission(f"/srv/{n % 3000}", "read" if n % 2 else "write"),),) for n in range(20_000)]

    assert len(smallest(needs)) == 3000


# ---- Sandbox.learn ---------------------------------------------------------------------------------------------------


def test_a_sandbox_tells_what_its_code_needs_and_may_do_it_while_it_is_learnt_from(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PYCAGE_X", "y")
    path = tmp_path / "x.txt"
    source = f"import os\nopen({str(path)!r}, 'w').write('1')\nopen({str(path)!r}).read(), os.environ['PYCAGE_X']"
    with Sandbox("learner") as sandbox:
        with sandbox.learn() as needs:
            assert sandbox.run(source).value == ("1", "y")

        assert set(needs.permissions) == {FilePermission(str(path), "read,write"), EnvPermission("PYCAGE_X", "read")}
        assert needs.function(EnvPermission("PYCAGE_X", "read")) == "<module> line 3"
        assert set(sandbox.permissions) == set()
        with pytest.raises(AccessDenied):
            sandbox.run(source)


def test_what_is_granted_already_is_taken_down_too() -> None:
    permission = EnvPermission("PYCAGE_X", "read")
    with Sandbox(
        "learner", permissions=[permission], resolver=MappingResolver({"m": "def call(f, x): return f(x)"})
    ) as sandbox:
        call = sandbox.load("m").call
        call(check_permission, permission)
        call(check_permission, permission)
        with sandbox.learn() as needs:
            call(check_permission, permission)

        assert needs.permissions == (permission,)


def test_what_the_code_only_tried_is_learnt_as_well() -> None:
    """The documentation says to look through the lines: only who takes one out sees whether the code can do without."""
    tried = "import os\ntry:\n  text = open('/srv/only/tried').read()\nexcept OSError:\n  text = os.environ.get('TZ', '')\ntext"
    learned = learn(lambda sandbox: sandbox.run(tried).value)

    assert learned.permissions == (FilePermission("/srv/only/tried", "read"), EnvPermission("TZ", "read"))
    with Sandbox("learnt_without", permissions=learned.permissions[1:]) as sandbox:
        assert type(sandbox.run(tried).value) is str


def test_both_sides_of_a_link_are_needed(tmp_path) -> None:
    (tmp_path / "real").write_text("x")
    (tmp_path / "link").symlink_to("real")

    learned = learn(lambda sandbox: sandbox.run(f"open({str(tmp_path / 'link')!r}).read()").value)

    assert learned.value == "x"
    assert learned.permissions == tuple(FilePermission(str(tmp_path / name), "read") for name in ("link", "real"))


def test_a_relative_path_is_learnt_as_an_absolute_one(tmp_path, monkeypatch) -> None:
    (tmp_path / "a").write_text("x")
    monkeypatch.chdir(tmp_path)

    learned = learn(lambda sandbox: sandbox.run("open('a').read()").value)

    assert learned.permissions == (FilePermission(str(tmp_path / "a"), "read"),)


def test_threads_of_the_sandbox_are_learnt_from_too() -> None:
    source = (
        "import os, threading\nt = threading.Thread(target=lambda: os.environ.get('PYCAGE_X'))\nt.start(); t.join()"
    )

    learned = learn(lambda sandbox: sandbox.run(source))

    assert learned.error is None
    assert EnvPermission("PYCAGE_X", "read") in learned.permissions
    with read_policy(learned.profile()).sandbox("learned") as sandbox:
        sandbox.run(source)


def test_denials_hold_while_everything_is_allowed() -> None:
    source = "import os\ntry:\n    open('/etc/passwd')\nexcept PermissionError as error:\n    seen = str(error)\nseen"

    learned = learn(lambda sandbox: sandbox.run(source).value, deny=[FilePermission("/etc/-", "read")])

    assert learned.value == 'access denied ("FilePermission" "/etc/passwd" "read")'
    assert learned.permissions == ()
    assert learned.refused == (FilePermission("/etc/passwd", "read"),)


def test_nobody_learns_to_administer_pycage() -> None:
    """The attack: code that is being looked at, while everything is allowed, gives itself everything for ever."""
    attack = """
import pycage
done = []
for act in (lambda: list(pycage.Sandboxes.get())[0].grant(pycage.AllPermission()), lambda: pycage.check_permission(pycage.SecurityPermission("setPolicy"))):
    try:
        act()
        done.append(act)
    except (PermissionError, AttributeError) as error:
        pass
len(done)
"""
    with Sandbox("learner") as sandbox, sandbox.learn() as needs:
        assert sandbox.run(attack).value == 0
        assert needs.refused != ()
        assert needs.permissions == ()


def test_two_do_not_learn_from_one_sandbox_at_a_time() -> None:
    with Sandbox("learner") as sandbox, sandbox.learn():
        with pytest.raises(PolicyError, match="one at a time"), sandbox.learn():
            pass


def test_a_sandbox_cannot_start_to_learn_from_itself() -> None:
    with Sandbox("learner", resolver=MappingResolver({"m": "def call(f): return f()"})) as sandbox:
        call = sandbox.load("m").call
        with pytest.raises(AccessDenied):
            call(sandbox.learn)
        with pytest.raises(AccessDenied):
            call(lambda: sandbox.learn().__enter__())


def test_another_sandbox_on_the_stack_lacks_what_it_lacks() -> None:
    resolver = MappingResolver({"m": "def call(f, *x): return f(*x)"})
    with Sandbox("learner", resolver=resolver) as learner, Sandbox("other", resolver=resolver) as other:
        outer, inner = other.load("m").call, learner.load("m").call
        with learner.learn(), pytest.raises(AccessDenied, match="FilePermission"):
            outer(inner, check_permission, FilePermission("/x", "read"))


def test_what_is_asked_is_bounded(monkeypatch) -> None:
    monkeypatch.setattr("pycage.needs.MOST", 2)
    resolver = MappingResolver({"m": "def call(f, *x): return f(*x)"})
    with Sandbox("learner", resolver=resolver) as sandbox, sandbox.learn() as needs:
        call = sandbox.load("m").call
        for n in range(2):
            call(check_permission, RuntimePermission(f"x{n}"))
        with pytest.raises(AccessDenied):
            call(check_permission, RuntimePermission("x3"))
        assert len(needs) == 2


# ---- learn -----------------------------------------------------------------------------------------------------------


def test_a_script_is_run_as_main_with_what_is_beside_it(tmp_path) -> None:
    (tmp_path / "beside.py").write_text("NAME = 'PYCAGE_X'")
    (tmp_path / "script.py").write_text("import beside, os\nif __name__ == '__main__': os.environ.get(beside.NAME)")

    learned = learn(tmp_path / "script.py")

    assert learned.error is None
    assert learned.permissions == (EnvPermission("PYCAGE_X", "read"),)


def test_a_script_that_cannot_be_read_is_a_policy_error(tmp_path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        learn(tmp_path / "none.py")


def test_what_was_learnt_until_an_error_is_kept() -> None:
    learned = learn(lambda sandbox: sandbox.run("import os\nos.environ.get('A')\n1/0"))

    assert type(learned.error) is ZeroDivisionError
    assert learned.permissions == (EnvPermission("A", "read"),)


def test_modules_are_learnt_and_can_be_pinned() -> None:
    source = "import json, math\ntry:\n    import gc\nexcept ImportError:\n    pass\njson.dumps(math.floor(1.5))"
    learned = learn(lambda sandbox: sandbox.run(source).value)

    assert {"json", "math"} <= set(learned.modules)
    assert "'" not in learned.profile(imports=True)
    assert [line.strip() for line in learned.profile(imports=True).splitlines()[3:-1]] == [
        '"allow json.*",',
        '"allow math",',
    ]
    assert learned.refused_modules == ("gc",)
    with read_policy(learned.profile(imports=True)).sandbox("learned") as sandbox:
        assert sandbox.run(source).value == "1"
        with pytest.raises(AccessDenied):
            sandbox.run("import string")


def test_comments_say_who_asked_first() -> None:
    learned = learn(lambda sandbox: sandbox.run("import os\ndef f(): return os.environ.get('A')\nf()"))

    assert (
        learned.profile(comments=True)
        == '[profiles.learned]\nallow = [\n    \'EnvPermission "A" "read"\',  # f line 2\n]\n'
    )


def test_nothing_is_generalised_unless_one_says_so(tmp_path) -> None:
    for name in "abc":
        (tmp_path / name).write_text("")
    learned = learn(lambda sandbox: sandbox.run(f"for name in 'abc': open({str(tmp_path)!r} + '/' + name).read()"))

    assert len(learned.permissions) == 3
    assert learned.generalised().permissions == (FilePermission(f"{tmp_path}/*", "read"),)
    assert learned.generalised(4).permissions == learned.permissions


def test_only_files_of_one_directory_with_the_same_actions_are_generalised() -> None:
    listed = [
        FilePermission("/a/1", "read"),
        FilePermission("/a/2", "read"),
        FilePermission("/a/3", "read,write"),
        FilePermission("/b/1", "read"),
        FilePermission("/a/-", "read"),
        EnvPermission("A", "read"),
    ]

    assert generalised(listed, 2) == [*listed[2:], FilePermission("/a/*", "read")]
    assert generalised(listed, 3) == listed
    with pytest.raises(PolicyError):
        generalised(listed, 1)


def test_learning_leaves_nothing_behind() -> None:
    before = get_policy().grants

    learn(lambda sandbox: sandbox.run("1"))

    assert get_policy().grants == before


def test_what_reaches_around_every_check_is_learnt_only_if_it_is_granted() -> None:
    permission = RuntimePermission("defineCode")
    resolver = MappingResolver({"m": "def call(f, *x): return f(*x)"})
    with Sandbox("learner", resolver=resolver) as sandbox, sandbox.learn() as needs:
        call = sandbox.load("m").call
        with pytest.raises(AccessDenied):
            call(check_permission, permission)
        before = needs.permissions
        sandbox.grant(permission)

        call(check_permission, permission)

        assert (before, needs.permissions, needs.refused) == ((), (permission,), (permission,))


def test_uses_are_counted_while_one_learns() -> None:
    permission = EnvPermission("PYCAGE_X", "read")
    resolver = MappingResolver({"m": "def call(f, *x): return f(*x)"})
    with Sandbox("learner", resolver=resolver) as sandbox:
        get_policy().grant(sandbox._domain.code_source, permission, uses=1)
        with sandbox.learn():
            sandbox.load("m").call(check_permission, permission)

        assert sandbox.query(permission) == "prompt"
