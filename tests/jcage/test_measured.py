"""What was measured of jcage on JDK 17 (the M rows): each experiment on a real sandbox, with what pycage does.

``jcage Mn`` in a docstring says what jcage did, where that differs.  Plain stacks are in ``test_scenarios.py`` as well.
"""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor

import pytest
from jcage_stage import HOST, OP, READ, WRITE, denied, run

import pycage
from pycage import (
    AccessDenied,
    AllPermission,
    CallableResolver,
    FilePermission,
    MappingResolver,
    ModuleMissingError,
    PolicyError,
    RuntimePermission,
    Sandbox,
    ThreadPermission,
    UnrestrictedPolicy,
    WrongLoaderError,
    check_permission,
    do_privileged,
    get_context,
    rules,
)

# ---- Grants ---------------------------------------------------------------------------------------------------------


def test_code_of_a_sandbox_that_asks_itself_is_refused(box):
    """jcage M1."""
    with denied(OP):
        run(box, "check_permission(OP)")


def test_a_grant_and_its_revoke_hold_from_the_next_check_on(box):
    """jcage M2: granting was adding to a live set; J2: there was no way to revoke."""
    ask = run(box, "def ask():\n    check_permission(OP)\n    return 'allowed'\nask")

    with denied(OP):
        ask()
    box.grant(OP)
    assert ask() == "allowed"
    assert box.revoke(OP)
    with denied(OP):
        ask()


def test_a_grant_and_a_revoke_hold_for_a_loop_that_is_already_running(box):
    """jcage M2."""
    asked = run(
        box,
        "def loop():\n    while True:\n        try:\n            check_permission(OP)\n            yield True\n"
        "        except PermissionError:\n            yield False\nloop()",
    )

    answers = [next(asked)]
    box.grant(OP)
    answers.append(next(asked))
    box.revoke(OP)
    answers.append(next(asked))

    assert answers == [False, True, False]


def test_the_list_that_a_sandbox_was_created_with_is_no_handle_on_it():
    """jcage M2, M3: the set was kept by reference, and handed out again."""
    wanted = [RuntimePermission("x")]
    collection = pycage.Permissions()
    collection.add(RuntimePermission("y"))

    with Sandbox("alias1", permissions=wanted) as first, Sandbox("alias2", permissions=collection) as second:
        wanted.append(OP)
        collection.add(OP)

        assert first.query(OP) == second.query(OP) == "prompt"
        assert first.query(RuntimePermission("x")) == second.query(RuntimePermission("y")) == "granted"


def test_what_a_sandbox_shows_of_its_permissions_is_read_only_and_current(box):
    """jcage M4: read-only only if somebody remembered to say so."""
    box.grant(OP)
    before = box.permissions

    with pytest.raises(PolicyError, match="readonly"):
        before.add(AllPermission())
    box.grant(READ)

    assert list(before) == [OP]
    assert set(box.permissions) == {OP, READ}
    assert box.query(WRITE) == "prompt"


# ---- Modules --------------------------------------------------------------------------------------------------------


def test_the_same_module_in_two_sandboxes_is_two_modules(resolver):
    """jcage M6."""
    with Sandbox("twin1", resolver=resolver) as first, Sandbox("twin2", resolver=resolver) as second:
        one, two = first.load("thing"), second.load("thing")

        assert one is not two
        assert one.Thing is not two.Thing
        assert not isinstance(one.Thing(), two.Thing)
        assert isinstance(one.Thing(), first.load("thing").Thing)


def test_what_one_sandbox_changes_in_its_module_the_other_does_not_see():
    """jcage M6."""
    own = MappingResolver({"state": "items = []\ndef add(item):\n    items.append(item)\n    return items\n"})
    with Sandbox("twin3", resolver=own) as first, Sandbox("twin4", resolver=own) as second:
        first.load("state").add(1)

        assert second.load("state").add(2) == [2]
        assert first.load("state").add(3) == [1, 3]


def test_a_class_that_is_shared_is_one_class_on_both_sides():
    """The other side of M6: sharing is what the host loader policy is for."""
    own = MappingResolver({"made": "from jcage_shared.thing_with_private import thing\nGOT = thing()\n"})
    from jcage_shared.thing_with_private import ThingWithPrivate

    with Sandbox("shares", resolver=own, host_policy=rules("allow jcage_shared.*")) as sandbox:
        assert type(sandbox.load("made").GOT) is ThingWithPrivate


@pytest.mark.parametrize("shadow", ["pycage", "pycage.access", "pycage_native", "host"])
def test_a_sandbox_never_gets_a_copy_of_pycage_itself(shadow: str):
    """jcage: unrestricted policies and a class-path resolver re-defined jcage's own classes in the sandbox."""
    asked = []
    own = CallableResolver(lambda name: asked.append(name) or "x = 1")
    with Sandbox("copies", resolver=own, host_policy=UnrestrictedPolicy.get()) as sandbox:
        with pytest.raises((WrongLoaderError, AccessDenied)):
            sandbox.load(shadow)

        assert sandbox.load("anything") is not None
        assert asked == ["anything"]


def test_a_module_of_the_host_is_reported_in_three_lines(box):
    """jcage M25: the same three lines."""
    with pytest.raises(WrongLoaderError) as caught:
        box.load("string")

    assert str(caught.value).splitlines() == [
        "Expected a module loaded by the sandbox loader.",
        "  Module:   string",
        "  Expected: [SandboxLoader pycage://sandbox/box]",
        "  Got:      the host's",
    ]


@pytest.mark.parametrize(
    "name", ["[Lbox.Box;", "box/Box", "../box", "/box", "box..Box", ".box", "box.", "", "a b", "é!"]
)
def test_what_cannot_name_a_module_is_missing_and_no_resolver_is_asked(name: str):
    """jcage M26: class missing; M27, J12: NoClassDefFoundError escaped, and "/../" reached the resolver."""
    asked = []
    own = CallableResolver(lambda name: asked.append(name))
    with Sandbox("names", resolver=own, host_policy=UnrestrictedPolicy.get()) as sandbox:
        with pytest.raises(ModuleMissingError):
            sandbox.load(name)
        with pytest.raises((ImportError, ValueError)):
            sandbox.run("__import__(name)", variables={"name": name})

        assert asked == []
        with pytest.raises(ModuleMissingError):
            sandbox.load("box")
        assert asked == ["box"]


# ---- Who is on the stack --------------------------------------------------------------------------------------------


def test_a_host_object_that_a_sandbox_calls_does_not_lend_by_itself(box):
    """jcage M11a, M22c."""
    assert HOST.op() == "done"
    with denied(OP):
        run(box, "host.op()")


def test_a_host_object_that_uses_do_privileged_lends(box):
    """jcage M22d."""
    assert run(box, "host.lent()") == "done"


def test_a_callback_of_the_sandbox_inside_a_privileged_call_of_the_host_is_refused(box):
    """jcage M22."""
    with denied(OP):
        run(box, "host.call_privileged(lambda: check_permission(OP))")
    with denied(OP):
        run(box, "host.call_privileged(lambda: host.op())")

    box.grant(OP)

    assert run(box, "host.call_privileged(lambda: host.op())") == "done"


def test_a_host_function_as_the_callback_of_a_privileged_call_is_done(box):
    """A confused deputy that pycage cannot see: the sandbox's own frame is below the privileged one, as in Java."""
    assert run(box, "host.call_privileged(host.op)") == "done"


def test_a_sandbox_cannot_lend_to_the_host_code_that_it_calls(box):
    """jcage M22b."""
    for action in ("host.op", "lambda: host.op()", "lambda: host.call(host.op)"):
        with denied(OP):
            run(box, f"do_privileged({action})")

    box.grant(OP)

    assert run(box, "do_privileged(host.op)") == "done"


def test_an_exception_leaves_a_privileged_call_as_it_is(box):
    """jcage M18 unchanged, and M19 was wrapped; here neither is."""
    wrong = LookupError("wrong")

    def fail():
        raise wrong

    with pytest.raises(LookupError) as caught:
        do_privileged(fail)
    assert caught.value is wrong
    with pytest.raises(LookupError) as caught:
        run(box, "do_privileged(fail)", fail=fail)
    assert caught.value is wrong
    with denied(OP):
        run(box, "try:\n    do_privileged(fail)\nexcept LookupError:\n    host.op()", fail=fail)


def test_an_empty_limit_takes_nothing_from_host_code_and_lends_nothing_to_a_sandbox(box):
    """jcage M20, M21e."""
    empty = functools.partial(do_privileged, HOST.op, limit=[])

    assert empty() == "done"
    with denied(OP):
        run(box, "empty()", empty=empty)


def test_a_limit_lends_what_it_names(box):
    """jcage M21a, M21b, M21c, M21d."""

    def lend(*limit):
        return lambda asked: do_privileged(lambda: check_permission(asked), limit=limit)

    one, other = FilePermission("/tmp/a", "read"), FilePermission("/tmp/a", "write")
    both = FilePermission("/tmp/a", "read,write")

    run(box, "lend(asked)", lend=lend(READ), asked=one)
    with denied(other):
        run(box, "lend(asked)", lend=lend(READ), asked=other)
    run(box, "lend(asked)", lend=lend(AllPermission()), asked=other)
    with denied(both):
        run(box, "lend(asked)", lend=lend(READ, WRITE), asked=both)


# ---- Contexts -------------------------------------------------------------------------------------------------------


def test_a_context_of_the_sandbox_takes_away_from_a_privileged_call_of_the_host(box):
    """jcage M23."""
    context = run(box, "get_context()")

    assert do_privileged(HOST.op) == "done"
    assert do_privileged(HOST.op, context=get_context()) == "done"
    with denied(OP):
        do_privileged(HOST.op, context=context)


def test_a_context_of_the_host_gives_a_sandbox_nothing(box):
    """jcage M24: a forged, all-powerful context."""
    powerful = get_context()

    powerful.check_permission(OP)
    with denied(OP):
        run(box, "do_privileged(host.op, context=powerful)", powerful=powerful)
    with denied(OP):
        run(box, "do_privileged(lambda: check_permission(OP), context=powerful)", powerful=powerful)


@pytest.mark.parametrize(
    "forged",
    [
        "type('C', (), {'check_permission': lambda self, asked: None})()",
        "type(get_context())()",
        "type('C', (type(get_context()),), {})()",
        "setattr(get_context(), '_domains', ())",
        "object.__new__(type(get_context()))",
    ],
)
def test_a_sandbox_cannot_forge_a_context(box, forged: str):
    """jcage M24."""
    with pytest.raises((TypeError, AttributeError, AccessDenied)):
        run(box, f"do_privileged(host.op, context={forged})")


def test_a_captured_context_is_asked_anew_each_time(box):
    """jcage M34, J20: domains and no snapshot of permissions, so that a revoke reaches it as well."""
    context = run(box, "get_context()")

    with denied(OP):
        context.check_permission(OP)
    box.grant(OP)
    context.check_permission(OP)
    box.revoke(OP)
    with denied(OP):
        context.check_permission(OP)


# ---- Threads and pools ----------------------------------------------------------------------------------------------


@pytest.fixture
def pool():
    """A pool of the host's, with its one thread running."""
    with ThreadPoolExecutor(1) as made:
        made.submit(int).result()
        yield made


def test_a_host_task_that_a_sandbox_queues_is_judged_with_the_sandbox(box, pool):
    """jcage M11b: done; the queue erased the sandbox from the stack."""
    with denied(OP):
        run(box, "pool.submit(host.op)", pool=pool).result()

    assert pool.submit(HOST.op).result() == "done"
    assert run(box, "pool.submit(host.lent)", pool=pool).result() == "done"


def test_a_task_of_the_sandboxs_own_is_judged_with_the_sandbox(box, pool):
    """jcage M11c."""
    with denied(OP):
        run(box, "pool.submit(lambda: host.op())", pool=pool).result()

    assert run(box, "pool.submit(lambda: 1)", pool=pool).result() == 1


def test_a_thread_that_a_sandbox_starts_carries_the_sandbox(box):
    """jcage M12, M31, M32."""
    box.grant(ThreadPermission("start"))
    outcomes = []

    def attempt(action):
        try:
            outcomes.append(action())
        except AccessDenied as error:
            outcomes.append(str(error))

    source = (
        "from threading import Thread\n"
        "for action in (host.op, lambda: host.op(), host.lent):\n"
        "    thread = Thread(target=attempt, args=(action,))\n    thread.start()\n    thread.join()"
    )
    run(box, source, attempt=attempt)

    assert outcomes == [f"access denied {OP}", f"access denied {OP}", "done"]


def test_a_thread_is_not_started_without_the_permission(box):
    """jcage section 4: a sandbox without the permission has no threads at all."""
    ran = []
    source = "from threading import Thread\nThread(target=ran.append, args=(1,)).start()"

    with denied(ThreadPermission("start")):
        run(box, source, ran=ran)

    assert ran == []


def test_a_worker_that_was_born_in_a_call_of_a_sandbox_serves_the_host_afterwards(box):
    """jcage M12b: the worker was poisoned for ever."""
    with ThreadPoolExecutor(1) as lazy:
        assert run(box, "pool.submit(lambda: 'first')", pool=lazy).result() == "first"

        assert lazy.submit(HOST.op).result() == "done"
        with denied(OP):
            run(box, "pool.submit(host.op)", pool=lazy).result()


def test_a_sandbox_cannot_shut_down_a_pool_of_the_host_that_it_may_use(box, pool):
    """jcage's testThreadGroupCreate and M30: RuntimePermission "modifyThread" or "modifyThreadGroup"."""
    with pytest.raises(AccessDenied, match='"ThreadPermission" "modify"'):
        run(box, "pool.shutdown(wait=False)", pool=pool)
