"""Run-time control of sandboxes: for a time, for some uses, by tag; revoking under load; children and delegation."""

from __future__ import annotations

import contextlib
import doctest
import inspect
import itertools
import os
import threading
from collections.abc import Callable, Iterator

import pycage
import pytest
from pycage import (
    AccessDenied,
    AllPermission,
    FilePermission,
    GrantPermission,
    LimitExceeded,
    MappingResolver,
    PolicyChange,
    PolicyError,
    RuntimePermission,
    Sandbox,
    SandboxAdminPermission,
    Sandboxes,
    SecurityPermission,
    access,
    control,
    get_policy,
    manager,
    rules,
)
from plugged import PLUGIN, X, Y

GET = SandboxAdminPermission("*", "getSandboxes")
CREATE = SandboxAdminPermission("*", "createSandbox")


@pytest.fixture
def sandbox(make: Callable[..., Sandbox]) -> Sandbox:
    return make()


def allows(sandbox: Sandbox, permission: pycage.Permission) -> bool:
    return sandbox.load("m").allows(permission)


# ---- For a time, for some uses, by tag ------------------------------------------------------------------------------


def test_a_grant_for_a_time_ends_and_no_answer_outlives_it(sandbox: Sandbox, monkeypatch) -> None:
    now = 1000.0
    monkeypatch.setattr(manager.POLICY, "_clock", lambda: now)
    sandbox.grant(X, ttl=5)

    assert allows(sandbox, X)
    assert allows(sandbox, X)
    now += 5
    assert not allows(sandbox, X)
    assert sandbox.query(X) == "prompt"


def test_one_use_is_good_for_one_operation(sandbox: Sandbox, tmp_path) -> None:
    path = tmp_path / "file"
    path.write_text("text")
    sandbox.grant(FilePermission(str(path), "read"), uses=1)
    reading = f"with open({str(path)!r}) as file:\n    text = file.read()\ntext"

    assert sandbox.query(FilePermission(str(path), "read")) == "granted"
    assert sandbox.run(reading).value == "text"
    with pytest.raises(AccessDenied):
        sandbox.run(reading)


def test_no_use_is_taken_when_another_sandbox_on_the_stack_refuses(make: Callable[..., Sandbox]) -> None:
    outer, inner = make(), make()
    inner.grant(X, uses=1)

    with pytest.raises(AccessDenied):
        outer.load("m").call(inner.load("m").ask, X)
    assert [allows(inner, X), allows(inner, X)] == [True, False]


def test_each_sandbox_on_the_stack_pays_with_a_use_of_its_own(make: Callable[..., Sandbox]) -> None:
    outer, inner = make(), make()
    outer.grant(X, uses=2)
    inner.grant(X, uses=1)

    assert outer.load("m").call(inner.load("m").allows, X)
    assert not outer.load("m").call(inner.load("m").allows, X)
    assert [allows(outer, X), allows(outer, X)] == [True, False]


def test_threads_never_share_a_use(sandbox: Sandbox) -> None:
    sandbox.grant(X, uses=100)
    ask = sandbox.load("m").allows
    taken: list[bool] = []

    def work() -> None:
        taken.extend(ask(X) for _ in range(40))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert taken.count(True) == 100


def test_grants_for_ever_are_remembered_beside_others(sandbox: Sandbox) -> None:
    """A grant for a time does not make the rest of the sandbox slow."""
    sandbox.grant(Y, ttl=3600, uses=1000)
    sandbox.grant(X)
    counted = manager.decisions()
    sandbox.load("m").ask(X)
    sandbox.load("m").ask(Y)

    assert counted is manager.decisions()
    assert sandbox._domain.allows_outright(((X,),))
    assert not sandbox._domain.allows_outright(((Y,),))


def test_what_has_a_tag_goes_by_it(sandbox: Sandbox) -> None:
    sandbox.grant(X, tag="session")
    sandbox.grant(Y)
    sandbox.deny(RuntimePermission("z"), tag="session")

    assert sandbox.revoke(tag="session")
    assert [sandbox.query(permission) for permission in (X, Y, RuntimePermission("z"))] == [
        "prompt",
        "granted",
        "denied",
    ]
    assert sandbox.undeny(tag="session")
    assert sandbox.query(RuntimePermission("z")) == "prompt"
    assert sandbox.revoke_all()
    assert sandbox.query(Y) == "prompt"


def test_taking_nothing_away_is_a_mistake(sandbox: Sandbox) -> None:
    with pytest.raises(TypeError, match="revoke_all"):
        sandbox.revoke()
    with pytest.raises(TypeError, match="permissions or a tag"):
        sandbox.undeny()


def test_relative_paths_are_made_absolute_in_all_of_it(sandbox: Sandbox, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    sandbox.deny(FilePermission("x", "read"), tag="t")
    monkeypatch.chdir("/")

    assert sandbox.query(FilePermission(str(tmp_path / "x"), "read")) == "denied"


@pytest.mark.parametrize("method", ["grant", "deny"])
def test_a_change_that_races_with_closing_reaches_no_namesake(monkeypatch, method: str) -> None:
    first = Sandbox("control_race")
    monkeypatch.setattr(control, "require_administrator", lambda *_: first._close())
    getattr(first, method)(X)
    monkeypatch.undo()

    with Sandbox("control_race") as second:
        assert second.query(X) == "prompt"


# ---- Change events --------------------------------------------------------------------------------------------------


def test_a_sandbox_tells_of_its_own_changes_until_it_is_closed(make: Callable[..., Sandbox]) -> None:
    told: list[PolicyChange] = []
    with Sandbox("control_watched") as sandbox:
        sandbox.subscribe(told.append)
        sandbox.grant(X, uses=1, tag="t")
        make().grant(Y)
        assert sandbox.run("import pycage; pycage.check_permission(pycage.RuntimePermission('x'))")
        sandbox.grant(Y)
    with Sandbox("control_watched") as sandbox:
        sandbox.grant(X)

    assert [(change.kind, change.permissions, change.tag) for change in told] == [
        ("granted", (X,), "t"),
        ("used up", (X,), "t"),
        ("granted", (Y,), None),
        ("revoked", (Y,), None),
    ]


def test_a_subscriber_is_told_as_the_host(sandbox: Sandbox, tmp_path, caplog) -> None:
    """What a check used up is told on the sandbox's own stack."""
    told: list[str] = []

    def fail(_change: PolicyChange) -> None:
        raise SystemExit

    def write(change: PolicyChange) -> None:
        (tmp_path / "log").write_text(change.kind)
        told.append(change.kind)

    sandbox.grant(X, uses=1)
    with get_policy().subscribe(fail), get_policy().subscribe(write):
        assert sandbox.load("m").ask(X) == "done"

    assert told == ["used up"]
    assert "SystemExit" in caplog.text


# ---- Revoking under load --------------------------------------------------------------------------------------------

# 10,000 rounds take half a minute; `PYCAGE_REVOKE_ROUNDS=10000 pytest -k under_load` does them all.
ROUNDS = int(os.environ.get("PYCAGE_REVOKE_ROUNDS", "300"))


def test_under_load_no_check_that_starts_after_a_revoke_is_allowed(sandbox: Sandbox) -> None:
    """Four threads ask; whoever begins while the permission is certainly revoked must be refused."""
    ask = sandbox.load("m").allows
    generation = 0  # even: granted, or on the way there or back; odd: revoke has returned, grant has not been called
    stop = threading.Event()
    wrong: list[int] = []
    refused = allowed = 0

    def hammer() -> None:
        nonlocal refused, allowed
        while not stop.is_set():
            before = generation
            answer = ask(X)
            if before % 2 and generation == before:
                refused += 1
                if answer:
                    wrong.append(before)
            elif answer:
                allowed += 1

    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(ROUNDS):
            sandbox.grant(X)
            ask(X)
            sandbox.revoke(X)
            generation += 1
            if ask(X):
                wrong.append(-1)
            generation += 1
        # Until every kind of answer was seen: a machine with one processor may let a thread wait.
        while not (refused and allowed) and threads[0].is_alive():
            sandbox.grant(X)
            stop.wait(0.002)
            sandbox.revoke(X)
            generation += 1
            stop.wait(0.002)
            generation += 1
    finally:
        stop.set()
        for thread in threads:
            thread.join()

    assert wrong == []
    assert refused
    assert allowed


# ---- Children -------------------------------------------------------------------------------------------------------


def test_a_child_has_at_most_what_its_parent_has_at_any_time(make: Callable[..., Sandbox]) -> None:
    parent = make(X)
    with parent.create_child(
        "control_child", resolver=MappingResolver({"m": PLUGIN}), permissions=[AllPermission()]
    ) as child:
        assert child.parent is parent
        assert allows(child, X)
        assert not allows(child, Y)
        assert (child.query(X), child.query(Y)) == ("granted", "prompt")

        parent.revoke(X)
        assert not allows(child, X)
        assert child.query(X) == "prompt"

        parent.grant(RuntimePermission("*"))
        assert allows(child, X)
        parent.deny(X)
        assert not allows(child, X)
        assert child.query(X) == "denied"


def test_a_child_lacks_what_only_its_parent_has(make: Callable[..., Sandbox]) -> None:
    parent = make(X)
    with parent.create_child("control_child", resolver=MappingResolver({"m": PLUGIN})) as child:
        with pytest.raises(AccessDenied, match="x") as caught:
            child.load("m").ask(X)
        assert caught.value.domain == 'sandbox "control_child"'


def test_a_grandchild_has_at_most_what_all_above_it_have(make: Callable[..., Sandbox]) -> None:
    top = make(X, Y)
    middle = top.create_child("control_middle", permissions=[X])
    low = middle.create_child("control_low", resolver=MappingResolver({"m": PLUGIN}), permissions=[X, Y])

    assert [allows(low, X), allows(low, Y)] == [True, False]
    top.revoke(X)
    assert not allows(low, X)


def test_a_parents_uses_are_used_by_its_child(make: Callable[..., Sandbox]) -> None:
    parent = make()
    parent.grant(X, uses=1)
    with parent.create_child("control_child", resolver=MappingResolver({"m": PLUGIN}), permissions=[X]) as child:
        assert [allows(child, X), allows(child, X)] == [True, False]
    assert not allows(parent, X)


def test_children_are_closed_with_their_parent(make: Callable[..., Sandbox]) -> None:
    parent = make(X)
    child = parent.create_child("control_child", resolver=MappingResolver({"m": PLUGIN}), permissions=[X])
    grandchild = child.create_child("control_grandchild")
    ask = child.load("m").allows
    parent.close()

    assert child.closed
    assert grandchild.closed
    assert not ask(X)
    assert Sandboxes.get().find("control_child") is None
    with pytest.raises(PolicyError, match="is closed"):
        parent.create_child("control_late")
    assert Sandboxes.get().find("control_late") is None


def test_a_child_that_is_closed_first_is_forgotten(make: Callable[..., Sandbox]) -> None:
    parent = make(X)
    parent.create_child("control_child").close()

    with parent.create_child("control_child") as again:
        assert not again.closed


def test_the_parent_is_a_sandbox(make: Callable[..., Sandbox]) -> None:
    with pytest.raises(TypeError, match="parent"):
        Sandbox("control_orphan", parent="somebody")
    assert Sandboxes.get().find("control_orphan") is None


def test_what_the_decider_of_a_parent_refuses_its_child_does_not_get(make: Callable[..., Sandbox]) -> None:
    parent = make()
    parent.on_request(lambda question: question.permission == X)
    with parent.create_child("control_child", resolver=MappingResolver({"m": PLUGIN}), permissions=[X, Y]) as child:
        assert allows(child, X)
        assert not allows(child, Y)


# ---- Delegation -----------------------------------------------------------------------------------------------------

MAY_GRANT_X = GrantPermission.of(X)


def child_of(sandbox: Sandbox, name: str, **arguments: object) -> Sandbox:
    """Let the code of a sandbox create a child."""
    return sandbox.load("m").make_child(sandbox.name, name, **arguments)


def test_sandboxed_code_can_make_a_child_with_a_part_of_what_it_has(make: Callable[..., Sandbox]) -> None:
    parent = make(GET, CREATE, MAY_GRANT_X, X)
    child = child_of(parent, "control_child", permissions=[X], resolver=MappingResolver({"m": PLUGIN}))

    assert child.parent is parent
    assert allows(child, X)
    assert parent.load("m").call(child.run, "6 * 7").value == 42
    parent.load("m").call(child.close)
    assert child.closed


@pytest.mark.parametrize(
    ("held", "granted"),
    [
        ([MAY_GRANT_X], X),  # what it does not have itself
        ([X], X),  # what it may not hand on
        ([MAY_GRANT_X, X, Y], Y),
        ([MAY_GRANT_X, X], AllPermission()),
        ([MAY_GRANT_X, X], RuntimePermission("*")),
        ([GrantPermission("*"), X], Y),
        ([MAY_GRANT_X, X], MAY_GRANT_X),  # to hand on is not to let hand on
    ],
)
def test_sandboxed_code_cannot_hand_on_more_than_it_has_and_may(make: Callable[..., Sandbox], held, granted) -> None:
    parent = make(GET, CREATE, *held)

    with pytest.raises(AccessDenied):
        child_of(parent, "control_child", permissions=[granted])
    assert Sandboxes.get().find("control_child") is None

    child = child_of(parent, "control_child")
    with pytest.raises(AccessDenied):
        parent.load("m").call(child.grant, granted)
    with pytest.raises(AccessDenied):
        parent.load("m").call(lambda: child.granted(granted))
    assert len(child.permissions) == 0


def test_what_is_handed_on_goes_with_what_it_was_taken_from(make: Callable[..., Sandbox]) -> None:
    """Nothing that was granted for a time becomes a permission for ever."""
    parent = make(GET, CREATE, MAY_GRANT_X)
    with parent.granted(X):
        child = child_of(parent, "control_child", permissions=[X], resolver=MappingResolver({"m": PLUGIN}))
        assert allows(child, X)

    assert not allows(child, X)


def test_sandboxed_code_grants_to_nobody_but_those_below_it(make: Callable[..., Sandbox]) -> None:
    """Else it could grant to itself, or to a friend, what it has for a moment."""
    parent = make(GET, CREATE, GrantPermission("*"), X)
    friend = make()
    child = child_of(
        parent, "control_child", permissions=[X, GrantPermission("*")], resolver=MappingResolver({"m": PLUGIN})
    )

    for who, whom in [(parent, parent), (parent, friend), (child, parent), (child, child), (child, friend)]:
        with pytest.raises(AccessDenied, match="setSandboxPermissions"):
            who.load("m").call(whom.grant, X)
    assert parent.load("m").call(child.grant, X) is None


def test_everybody_on_the_stack_must_be_above_whom_it_grants_to(make: Callable[..., Sandbox]) -> None:
    parent, friend = make(GET, CREATE, MAY_GRANT_X, X), make(GET, CREATE, MAY_GRANT_X, X)
    child = child_of(parent, "control_child")

    with pytest.raises(AccessDenied, match="setSandboxPermissions"):
        friend.load("m").call(parent.load("m").call, child.grant, X)
    with pytest.raises(AccessDenied, match="setSandboxPermissions"):
        friend.load("m").make_child(parent.name, "control_foreign")


def test_sandboxed_code_may_take_away_from_those_below_it_and_the_hosts_denials_stay(
    make: Callable[..., Sandbox],
) -> None:
    parent = make(GET, CREATE, MAY_GRANT_X, X, Y)
    child = child_of(parent, "control_child", resolver=MappingResolver({"m": PLUGIN}))
    child.grant(X, Y)
    child.deny(X)
    call = parent.load("m").call

    assert call(child.revoke, Y)
    call(child.deny, Y)
    with pytest.raises(AccessDenied, match="setSandboxPermissions"):
        call(child.undeny, X)
    assert call(child.revoke_all)
    assert (child.query(X), child.query(Y)) == ("denied", "denied")


@pytest.mark.parametrize("method", ["on_request", "subscribe"])
def test_deciders_and_subscribers_are_the_administrators_business(make: Callable[..., Sandbox], method: str) -> None:
    parent = make(GET, CREATE, MAY_GRANT_X, X)
    child = child_of(parent, "control_child")

    with pytest.raises(AccessDenied, match="setSandboxPermissions"):
        parent.load("m").call(lambda: getattr(child, method)(print))


def test_a_child_shares_no_modules_that_its_maker_does_not_share(make: Callable[..., Sandbox]) -> None:
    parent = make(GET, CREATE, host_policy=rules("allow pycage", "allow json", default="deny"))

    child = child_of(parent, "control_child")
    assert parent.load("m").call(child.run, "import json; json.dumps(1)").value == "1"
    with pytest.raises(AccessDenied, match="math"):
        child.run("import math")


@pytest.mark.parametrize(
    "arguments",
    [
        {"host_policy": rules("allow math")},
        {"sandbox_policy": rules("allow math")},
        {"mode": "audit"},
        {"audit_policy": [X]},
        {"resolver": pycage.PathResolver("/")},
        {"resolver": object()},
    ],
    ids=lambda arguments: next(iter(arguments)),
)
def test_sandboxed_code_cannot_choose_what_a_child_reaches_without_permissions(
    make: Callable[..., Sandbox], arguments: dict[str, object]
) -> None:
    parent = make(GET, CREATE, GrantPermission("*"))

    with pytest.raises(AccessDenied, match="setSandboxPermissions"):
        parent.load("m").call(Sandboxes.get().create, "control_child", parent=parent, **arguments)
    assert Sandboxes.get().find("control_child") is None


def test_what_the_host_put_below_a_sandbox_stays_the_hosts(make: Callable[..., Sandbox]) -> None:
    """It may share modules and objects that its parent lacks."""
    parent = make(GET, CREATE, MAY_GRANT_X, X, Y)
    child = parent.create_child("control_child", permissions=[Y])
    call = parent.load("m").call

    for use, missing in [
        (lambda: call(child.run, "1"), "runCode"),
        (lambda: call(child.revoke, Y), "setSandboxPermissions"),
        (lambda: call(child.deny, Y), "setSandboxPermissions"),
        (lambda: call(child.close), "closeSandbox"),
        (lambda: call(child.create_child, "control_low"), "setSandboxPermissions"),
    ]:
        with pytest.raises(AccessDenied, match=missing):
            use()
    assert call(child.grant, X) is None
    assert child.query(X) == "granted"


def test_a_child_of_a_parent_that_is_closed_meanwhile_leaves_nothing_behind(
    make: Callable[..., Sandbox], monkeypatch
) -> None:
    parent = make(X)
    adopt = Sandbox._adopt

    def adopt_late(self: Sandbox, child: Sandbox) -> None:
        self._close()
        adopt(self, child)

    monkeypatch.setattr(Sandbox, "_adopt", adopt_late)
    with pytest.raises(PolicyError, match="is closed"):
        parent.create_child("control_child", permissions=[X])
    monkeypatch.undo()
    with Sandbox("control_child") as namesake:
        assert namesake.query(X) == "prompt"


@pytest.mark.parametrize(
    "add",
    [
        lambda child, tag: child.grant(X, tag=tag),
        lambda child, tag: child.deny(Y, tag=tag),
        lambda child, _tag: child.granted(X).__enter__(),
    ],
    ids=["grant", "deny", "granted"],
)
def test_sandboxed_code_adds_no_more_lines_about_a_child_than_the_limit(
    make: Callable[..., Sandbox], add: Callable[[Sandbox, str], object]
) -> None:
    """Each of them makes every change of the policy slower, for the host, too."""
    parent = make(GET, CREATE, MAY_GRANT_X, X)
    child = child_of(parent, "control_child")
    child.grant(*[Y] * 1022)  # the host is not limited; what it grants counts
    call = parent.load("m").call

    call(add, child, "a")
    call(add, child, "b")
    with pytest.raises(LimitExceeded, match="'control_child' has 1024 grants and denials"):
        call(add, child, "c")
    child.grant(Y)
    assert child.revoke(Y)
    assert call(add, child, "d") is None


def test_sandboxed_code_grants_not_too_much_at_once(make: Callable[..., Sandbox]) -> None:
    parent = make(GET, CREATE, MAY_GRANT_X, X)
    with pytest.raises(LimitExceeded, match="1025 permissions"):
        child_of(parent, "control_child", permissions=[X] * 1025)
    child = child_of(parent, "control_child", permissions=[X])
    with pytest.raises(LimitExceeded):
        parent.load("m").call(child.grant, *[X] * 1024)

    assert len(child.permissions) == 1
    parent.load("m").call(child.grant, *[X] * 1023)


def test_sandboxed_code_has_so_many_sandboxes_below_it(make: Callable[..., Sandbox], monkeypatch) -> None:
    monkeypatch.setattr("pycage.sandboxes.MOST_BELOW", 3)
    parent = make(GET, CREATE, GrantPermission("*"))
    parent.create_child("control_hosts")  # the host's own do not count
    child = child_of(parent, "control_child_1", resolver=MappingResolver({"m": PLUGIN}), permissions=[])
    for number in (2, 3):
        child_of(parent, f"control_child_{number}")

    for above, name in [(parent, "control_child_4"), (child, "control_grandchild")]:
        with pytest.raises(LimitExceeded, match="3 sandboxes that sandboxed code made are open below sandbox"):
            parent.load("m").call(above.create_child, name)
        assert Sandboxes.get().find(name) is None
    other = make(GET, CREATE)
    assert child_of(other, "control_child_4").parent is other
    parent.load("m").call(Sandboxes.get().find("control_child_2").close)
    assert parent.load("m").call(child.create_child, "control_grandchild").parent is child
    assert parent.create_child("control_another").parent is parent


def test_without_a_parent_an_administrator_is_asked_for(make: Callable[..., Sandbox]) -> None:
    sandbox = make(GET, CREATE, GrantPermission("*"), X)

    with pytest.raises(AccessDenied, match="setSandboxPermissions"):
        sandbox.load("m").make_sandbox("control_other", permissions=[X])


@pytest.mark.parametrize(
    "ask",
    [
        lambda sandbox: sandbox.query(X),
        lambda sandbox: list(sandbox.permissions),
        lambda sandbox: sandbox.mode,
    ],
    ids=["query", "permissions", "mode"],
)
def test_what_a_sandbox_may_do_is_told_to_itself_and_to_those_above_it(
    make: Callable[..., Sandbox], ask: Callable[[Sandbox], object]
) -> None:
    """Else a handle that is handed over shows to anybody what would be worth an attack."""
    parent, friend = make(X), make()
    child = parent.create_child("control_child", resolver=MappingResolver({"m": PLUGIN}), permissions=[X])

    told = ask(child)
    assert parent.load("m").call(ask, child) == child.load("m").call(ask, child) == told
    for who, whom in [(friend, child), (child, parent)]:
        with pytest.raises(AccessDenied, match="getPolicy"):
            who.load("m").call(ask, whom)
    friend.grant(SecurityPermission("getPolicy"))
    assert friend.load("m").call(ask, child) == told


# ---- Examples -------------------------------------------------------------------------------------------------------

PUBLIC = [
    *(getattr(Sandbox, name) for name in ("create_child", *vars(control.Controlled)) if not name.startswith("_")),
    pycage.Answer,
    pycage.Grant,
    pycage.GrantPermission,
    pycage.Policy,
    PolicyChange,
    pycage.Question,
    pycage.Subscription,
]


@pytest.mark.parametrize(
    "documented", [one for one in PUBLIC if not isinstance(one, property)], ids=lambda one: one.__name__
)
def test_the_example_of_a_docstring_works(documented: object) -> None:
    text = inspect.getdoc(documented)
    test = doctest.DocTestParser().get_doctest(text, {"pycage": pycage}, documented.__qualname__, None, None)

    assert test.examples
    assert doctest.DocTestRunner().run(test).failed == 0
