"""Access control: privileged calls, contexts, guarded objects, principals, permission types of the host's own."""

from __future__ import annotations

import asyncio
import copy

import attrs
import pytest
from cast import Role
from pycage import _core, access, manager
from pycage.access import (
    AccessControlContext,
    GuardedObject,
    check_permission,
    do_privileged,
    get_context,
    privileged,
    register_permission_type,
    run_as,
)
from pycage.decisions import DecisionLog
from pycage.domains import Principal
from pycage.errors import AccessDenied
from pycage.permissions import AllPermission, BasicPermission, FilePermission, RuntimePermission, ThreadPermission

ASKED = RuntimePermission("x.y")
OTHER = RuntimePermission("other")
HOST = Role(None)


@pytest.fixture
def box() -> Role:
    return Role("box")


def ask(permission=ASKED) -> str:
    check_permission(permission)
    return "allowed"


# ---- check_permission -----------------------------------------------------------------------------------------------


def test_the_host_may_do_everything() -> None:
    ask(AllPermission())


@pytest.mark.parametrize("wrong", [None, "read", 1, RuntimePermission, object()])
def test_only_registered_permissions_can_be_asked_for(wrong: object) -> None:
    with pytest.raises(TypeError, match="registered permission type"):
        check_permission(wrong)


def test_a_permission_type_that_a_sandbox_defines_is_never_asked(box: Role) -> None:
    """Its implies() and __eq__ would decide."""

    @attrs.frozen(eq=False)
    class Forged(BasicPermission):
        def implies(self, other: object) -> bool:
            return True

    with pytest.raises(TypeError, match="registered"):
        box.call(check_permission, Forged("x"))


def test_a_denial_tells_what_who_and_how_to_allow_it(box: Role) -> None:
    with pytest.raises(AccessDenied) as denied:
        box.call(HOST.call, check_permission, FilePermission("/etc/passwd", "read"))

    error = denied.value
    assert str(error) == 'access denied ("FilePermission" "/etc/passwd" "read")'
    assert error.permission == FilePermission("/etc/passwd", "read")
    assert error.domain == "box"
    assert error.chain[:2] == (("host", "call line 3"), ("box", "call line 3"))
    assert ("box", "call line 3") in error.chain
    assert error.__notes__[0] == "refused by box: call line 3"
    assert error.__notes__[1:] == [
        'to allow it: sandbox.grant(FilePermission("/etc/passwd", "read")), '
        "or do_privileged in host function call, which does it for box"
    ]


def test_a_denial_holds_text_and_values_only(box: Role) -> None:
    with pytest.raises(AccessDenied) as denied:
        box.call(ask)

    held = [denied.value.permission, denied.value.domain, *(part for entry in denied.value.chain for part in entry)]
    assert {type(value) for value in held} <= {RuntimePermission, str}


def test_remembered_answers_are_those_of_each_permission(box: Role) -> None:
    manager.POLICY.grant(box.source, ASKED)
    for _ in range(3):
        assert box.call(ask) == "allowed"
        with pytest.raises(AccessDenied):
            box.call(ask, OTHER)


# ---- do_privileged --------------------------------------------------------------------------------------------------


def test_do_privileged_passes_arguments_and_returns_the_result() -> None:
    assert do_privileged(divmod, 7, 2) == (3, 1)


def test_do_privileged_does_not_wrap_exceptions() -> None:
    with pytest.raises(ZeroDivisionError):
        do_privileged(divmod, 1, 0)


def test_do_privileged_restores_after_an_exception(box: Role) -> None:
    def failing() -> None:
        with pytest.raises(ZeroDivisionError):
            do_privileged(divmod, 1, 0)
        check_permission(ASKED)

    with pytest.raises(AccessDenied):
        box.call(failing)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: do_privileged(), "needs the action"),
        (lambda: do_privileged(int, other=1), "functools.partial"),
        (lambda: do_privileged(int, context="x"), "get_context"),
        (lambda: do_privileged(int, limit=[None]), "registered permission type"),
        (lambda: do_privileged(int, limit=["read"]), "registered permission type"),
        (lambda: do_privileged(int, limit=5), "not iterable"),
    ],
)
def test_a_wrong_call_of_do_privileged_says_what_is_wrong(call, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()


def test_limits_are_judged_one_by_one_and_never_united(box: Role) -> None:
    """jcage's M21d; a collection would unite them."""
    limit = [FilePermission("/tmp/-", "read"), FilePermission("/tmp/-", "write")]
    both = FilePermission("/tmp/z", "read,write")

    assert box.call(lambda: HOST.privileged(lambda: ask(FilePermission("/tmp/z", "read")), limit=limit)) == "allowed"
    with pytest.raises(AccessDenied):
        box.call(lambda: HOST.privileged(lambda: ask(both), limit=limit))


def test_a_permission_remembered_beyond_a_limit_is_not_lent_by_it(box: Role) -> None:
    """The fast path must not take 'the host implies it' for 'the chain implies it'."""
    manager.POLICY.grant(box.source, OTHER)
    stack = lambda: box.call(lambda: HOST.privileged(ask, limit=[OTHER]))  # noqa: E731

    for _ in range(2):
        with pytest.raises(AccessDenied):
            stack()
    manager.POLICY.grant(box.source, ASKED)
    assert [stack(), stack()] == ["allowed", "allowed"]
    manager.POLICY.revoke(box.source, ASKED)
    with pytest.raises(AccessDenied):
        stack()


def test_a_privileged_frame_ends_with_its_call(box: Role) -> None:
    def lends_then_asks() -> None:
        do_privileged(ask)
        ask()

    with pytest.raises(AccessDenied):
        box.call(lends_then_asks)


# ---- privileged -----------------------------------------------------------------------------------------------------


def test_a_privileged_function_lends_what_its_limit_names(box: Role) -> None:
    @privileged(limit=[ASKED])
    def api(permission) -> str:
        """Its docstring."""
        return ask(permission)

    assert box.call(api, ASKED) == "allowed"
    with pytest.raises(AccessDenied):
        box.call(api, OTHER)
    assert (api.__name__, api.__doc__) == ("api", "Its docstring.")


def test_a_privileged_function_takes_any_argument_names(box: Role) -> None:
    @privileged
    def api(*, context, limit):
        return context, limit

    assert box.call(lambda: api(context=1, limit=2)) == (1, 2)


def test_a_privileged_coroutine_function_is_one(box: Role) -> None:
    @privileged(limit=[ASKED])
    async def api() -> str:
        await asyncio.sleep(0)
        return ask()

    async def guest_main() -> str:
        return await box.call(api)

    assert asyncio.iscoroutinefunction(api)
    assert asyncio.run(guest_main()) == "allowed"


def test_a_privileged_coroutine_passes_exceptions_both_ways() -> None:
    seen = []

    @privileged
    async def api() -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def main() -> None:
        task = asyncio.create_task(api())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())

    assert seen == ["cancelled"]


def test_a_generator_function_cannot_be_privileged() -> None:
    def generator():
        yield

    async def asynchronous():
        yield

    for function in (generator, asynchronous):
        with pytest.raises(TypeError, match="runs later"):
            privileged(function)


# ---- Contexts -------------------------------------------------------------------------------------------------------


def test_a_context_is_judged_by_its_own_stack_only(box: Role) -> None:
    """java.security.AccessControlContext.checkPermission does not look at the running stack."""
    of_host = get_context()

    box.call(of_host.check_permission, ASKED)
    with pytest.raises(AccessDenied):
        box.call(get_context).check_permission(ASKED)


def test_a_bound_callable_adds_its_context_wherever_it_runs(box: Role) -> None:
    bound = box.call(get_context).bind(ask)

    with pytest.raises(AccessDenied):
        bound()
    with pytest.raises(AccessDenied):
        do_privileged(bound)
    assert get_context().bind(ask)() == "allowed"
    assert do_privileged(ask) == "allowed"


def test_a_privileged_call_inside_a_bound_callable_does_not_consult_its_context(box: Role) -> None:
    bound = box.call(get_context).bind(lambda: do_privileged(ask))

    assert bound() == "allowed"


def test_a_bound_callable_shows_neither_context_nor_callable(box: Role) -> None:
    bound = box.call(get_context).bind(ask)

    assert [name for name in dir(bound) if not name.startswith("__")] == []
    with pytest.raises(TypeError):
        type(bound)()
    with pytest.raises(TypeError):
        copy.copy(bound)


def test_contexts_cannot_be_made_up() -> None:
    with pytest.raises(TypeError, match="get_context"):
        AccessControlContext()


def test_only_callables_can_be_bound(box: Role) -> None:
    with pytest.raises(TypeError, match="something to call"):
        get_context().bind(5)


# ---- GuardedObject --------------------------------------------------------------------------------------------------


def test_a_guarded_object_is_handed_out_to_who_has_the_guard(box: Role) -> None:
    guarded = GuardedObject("secret", ASKED)

    assert guarded.get() == "secret"
    with pytest.raises(AccessDenied):
        box.call(guarded.get)
    manager.POLICY.grant(box.source, ASKED)
    assert box.call(guarded.get) == "secret"


def test_an_object_without_a_guard_is_free(box: Role) -> None:
    assert box.call(GuardedObject("open", None).get) == "open"


def test_a_guard_is_a_permission() -> None:
    with pytest.raises(TypeError, match="must be a permission"):
        GuardedObject("x", "read")


# ---- run_as ---------------------------------------------------------------------------------------------------------


def test_a_grant_for_a_principal_holds_inside_run_as(box: Role) -> None:
    ann = Principal("ann")
    manager.POLICY.grant(box.source, ASKED, principals=[ann])

    for _ in range(2):
        with pytest.raises(AccessDenied):
            box.call(ask)
        with run_as(ann):
            assert box.call(ask) == "allowed"
        with run_as(Principal("bob")), pytest.raises(AccessDenied):
            box.call(ask)


def test_a_sandbox_cannot_run_as_somebody(box: Role) -> None:
    ann = Principal("ann")
    manager.POLICY.grant(box.source, ASKED, principals=[ann])

    def attack() -> None:
        with run_as(ann):
            ask()

    with pytest.raises(AccessDenied, match="runAs.ann"):
        box.call(attack)


def test_run_as_is_no_privilege(box: Role) -> None:
    def host_function() -> None:
        with run_as(Principal("ann")):
            ask()

    with pytest.raises(AccessDenied):
        box.call(lambda: do_privileged(box.call, host_function))


# ---- Types of the host's own ----------------------------------------------------------------------------------------


@attrs.frozen(eq=False)
class MailPermission(BasicPermission):
    """A permission type that only this test knows."""


def test_a_host_can_register_a_type_of_its_own_and_a_sandbox_cannot(box: Role) -> None:
    with pytest.raises(AccessDenied, match="registerPermissionType"):
        box.call(register_permission_type, MailPermission)

    register_permission_type(MailPermission)
    manager.POLICY.grant(box.source, MailPermission("send.*"))

    assert box.call(ask, MailPermission("send.now")) == "allowed"
    with pytest.raises(AccessDenied) as denied:
        box.call(ask, MailPermission("read"))
    assert str(denied.value) == 'access denied ("MailPermission" "read")'


# ---- Default permissions --------------------------------------------------------------------------------------------


def test_host_code_can_be_restricted_and_set_free_again(box: Role) -> None:
    """jcage's setGlobalPermissions; M28 to M30 without the lock-out."""
    from pycage.permissions import SandboxAdminPermission

    keep = SandboxAdminPermission("*", "setDefaultPermissions")
    manager.set_default_permissions([keep, SandboxAdminPermission("*", "getSandboxes"), ThreadPermission("start")])
    try:
        with pytest.raises(AccessDenied) as denied:
            ask()
        assert denied.value.domain == "host"
        with pytest.raises(AccessDenied):
            do_privileged(ask)
        check_permission(keep)
    finally:
        manager.set_default_permissions([AllPermission()])

    ask()


def test_the_log_is_bounded(box: Role) -> None:
    log = DecisionLog(3)
    for number in range(5):
        log.denied(RuntimePermission(str(number)), "x")

    assert [decision.name for decision in log] == ["2", "3", "4"]
    assert len(log.denials()) == 3
    assert log.forgotten == 2
    log.clear()
    assert len(log) == 0


def test_the_core_refuses_to_be_configured_twice() -> None:
    with pytest.raises(TypeError):
        _core.configure()
    with pytest.raises(RuntimeError, match="one manager per process"):
        _core.configure(
            events={},
            decide=ask,
            decide_event=ask,
            host=manager.HOST,
            nobody=manager.NOBODY,
            permission_types={},
            all_permission=AllPermission,
            context_type=AccessControlContext,
            find_and_load=ask.__code__,
        )
