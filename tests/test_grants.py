"""Grants for a time, for a number of uses and with a tag; what a policy tells of its changes."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycage.changes import MOST_PENDING, PolicyChange
from pycage.codesource import CodeSource
from pycage.domains import Principal
from pycage.errors import PolicyError
from pycage.grants import Uses
from pycage.permissions import AllPermission, FilePermission, Permission, RuntimePermission, SocketPermission
from pycage.policy import Policy

A = CodeSource("pycage://test/a")
B = CodeSource("pycage://test/b")
X = RuntimePermission("x")
READ = FilePermission("/srv/x", "read")
WRITE = FilePermission("/srv/x", "write")
BOTH = FilePermission("/srv/x", "read,write")
NOBODY: frozenset[Principal] = frozenset()


class Clock:
    """A clock that stands still until a test moves it."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def policy(clock: Clock) -> Policy:
    return Policy(clock=clock)


def use(policy: Policy, *parts: Permission) -> bool:
    """Do what a check does that nobody else refuses."""
    weight = policy.weigh(A, tuple((part,) for part in parts), NOBODY)
    return weight.allowed and policy.take(weight.uses)


# ---- For a time -----------------------------------------------------------------------------------------------------


def test_a_grant_for_a_time_ends_with_it(policy: Policy, clock: Clock) -> None:
    policy.grant(A, X, ttl=5)

    clock.now += 4.999
    assert policy.implies(A, X)
    assert list(policy.permissions(A)) == [X]
    assert policy.status(A, X) == "granted"

    clock.now += 0.001
    assert not policy.implies(A, X)
    assert list(policy.permissions(A)) == []
    assert policy.status(A, X) == "prompt"
    assert policy.grants == ()


def test_a_longer_grant_outlives_a_shorter_one(policy: Policy, clock: Clock) -> None:
    policy.grant(A, X, ttl=9)
    policy.grant(A, X, ttl=1)
    clock.now += 5

    assert policy.implies(A, X)


def test_grants_for_a_time_add_up_with_others(policy: Policy, clock: Clock) -> None:
    policy.grant(A, READ)
    policy.grant(A, WRITE, ttl=5)

    assert policy.implies(A, BOTH)
    clock.now += 5
    assert not policy.implies(A, BOTH)
    assert policy.implies(A, READ)


def test_an_answer_that_rests_on_time_or_uses_is_not_outright(policy: Policy, clock: Clock) -> None:
    policy.grant(A, X, ttl=5)
    policy.grant(A, READ, uses=1)

    assert policy.is_conditional(A)
    assert not policy.allows_outright(A, X)
    assert not policy.allows_outright(A, READ)
    policy.grant(A, X, READ)
    assert policy.allows_outright(A, X)


@pytest.mark.parametrize("ttl", [0, -1, float("nan"), float("inf"), "5", True])
def test_a_time_that_is_no_positive_number_is_refused(policy: Policy, ttl) -> None:
    with pytest.raises(PolicyError, match="positive number of seconds"):
        policy.grant(A, X, ttl=ttl)
    assert policy.grants == ()


def test_a_policy_without_a_clock_says_so() -> None:
    with pytest.raises(PolicyError, match="no clock"):
        Policy().grant(A, X, ttl=5)


# ---- For a number of uses -------------------------------------------------------------------------------------------


def test_a_grant_for_two_uses_is_good_for_two(policy: Policy) -> None:
    policy.grant(A, X, uses=2)

    assert [use(policy, X) for _ in range(4)] == [True, True, False, False]
    assert policy.grants == ()
    assert policy.status(A, X) == "prompt"


def test_asking_uses_nothing_up(policy: Policy) -> None:
    policy.grant(A, X, uses=1)

    for _ in range(5):
        assert policy.implies(A, X)
        assert policy.status(A, X) == "granted"
        assert list(policy.permissions(A)) == [X]
    assert use(policy, X)


def test_what_is_granted_anyway_takes_no_use(policy: Policy) -> None:
    policy.grant(A, READ, uses=1)
    plain = policy.grant(A, FilePermission("/srv/-", "read"))

    assert all(use(policy, READ) for _ in range(5))
    policy.withdraw(plain)
    assert [use(policy, READ), use(policy, READ)] == [True, False]


def test_what_is_granted_for_a_time_takes_no_use(policy: Policy, clock: Clock) -> None:
    policy.grant(A, X, uses=1)
    policy.grant(A, X, ttl=5)

    assert all(use(policy, X) for _ in range(5))
    clock.now += 5
    assert [use(policy, X), use(policy, X)] == [True, False]


def test_an_operation_of_several_parts_takes_one_use(policy: Policy) -> None:
    policy.grant(A, FilePermission("/srv/-", "read"), uses=1)

    assert use(policy, FilePermission("/srv/link", "read"), FilePermission("/srv/target", "read"))
    assert not use(policy, FilePermission("/srv/link", "read"))


def test_only_the_uses_that_are_needed_are_taken(policy: Policy) -> None:
    (read,) = policy.grant(A, READ, uses=1)
    (write,) = policy.grant(A, WRITE, uses=1)
    policy.grant(A, X, uses=1)

    assert policy.weigh(A, ((BOTH,),), NOBODY).uses == (read, write)
    assert policy.weigh(A, ((READ,),), NOBODY).uses == (read,)
    assert use(policy, BOTH)
    assert use(policy, X)


def test_the_oldest_is_used_up_first(policy: Policy) -> None:
    (old,) = policy.grant(A, X, uses=1)
    (new,) = policy.grant(A, RuntimePermission("*"), uses=1)

    assert use(policy, X)
    assert old.uses.left == 0
    assert new.uses.left == 1


def test_a_check_that_a_denial_refuses_takes_no_use(policy: Policy) -> None:
    (grant,) = policy.grant(A, X, uses=1)
    denials = policy.deny(A, X)

    assert not use(policy, X)
    assert policy.weigh(A, ((X,),), NOBODY).denied
    assert grant.uses.left == 1
    policy.withdraw(denials)
    assert use(policy, X)


def test_if_one_use_is_gone_none_is_taken(policy: Policy) -> None:
    (read,) = policy.grant(A, READ, uses=1)
    (write,) = policy.grant(A, WRITE, uses=1)
    weight = policy.weigh(A, ((BOTH,),), NOBODY)
    assert use(policy, WRITE)

    assert not policy.take(weight.uses)
    assert (read.uses.left, write.uses.left) == (1, 0)


def test_uses_are_left_when_an_action_is_revoked(policy: Policy) -> None:
    policy.grant(A, BOTH, uses=2)
    assert use(policy, READ)

    assert policy.revoke(A, WRITE)

    assert [use(policy, READ), use(policy, READ)] == [True, False]


@pytest.mark.parametrize("uses", [0, -1, 1.0, True, "1", 10**10])
def test_a_number_of_uses_that_is_none_is_refused(policy: Policy, uses) -> None:
    with pytest.raises(PolicyError, match="positive whole number"):
        policy.grant(A, X, uses=uses)
    assert policy.grants == ()


def test_two_threads_never_take_the_same_use(policy: Policy) -> None:
    policy.grant(A, X, uses=500)
    taken: list[bool] = []

    def work() -> None:
        taken.extend(use(policy, X) for _ in range(200))

    in_threads(4, work)

    assert taken.count(True) == 500


def test_uses_that_are_given_back_can_be_taken_again() -> None:
    uses = Uses(1)
    assert uses.take()
    uses.give_back()

    assert uses.left == 1
    assert [uses.take(), uses.take()] == [True, False]


def in_threads(number: int, work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# ---- Against a model ------------------------------------------------------------------------------------------------

MODEL_PERMISSIONS = [X, READ, WRITE, BOTH, FilePermission("/srv/-", "read")]
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("grant"),
            st.sampled_from(MODEL_PERMISSIONS),
            st.none() | st.integers(1, 4),
            st.none() | st.integers(1, 2),
        ),
        st.tuples(st.just("check"), st.sampled_from(MODEL_PERMISSIONS)),
        st.tuples(st.just("query"), st.sampled_from(MODEL_PERMISSIONS)),
        st.tuples(st.just("wait"), st.integers(1, 3)),
    ),
    max_size=14,
)


def model_allows(lines: list[list], asked: Permission, now: float, whom: list[list]) -> bool:
    """Whether the lines that hold, of which those that count must be in ``whom``, cover each action of ``asked``."""
    holding = [line for line in lines if line[1] > now and (line[2] is None or (line[2] > 0 and line in whom))]
    return all(any(line[0].implies(part) for line in holding) for part in asked.split())


@settings(max_examples=150)
@given(STEPS)
def test_grants_behave_as_a_simple_model_says(steps) -> None:
    """The model: a list of lines; a check that needs uses takes from a set of lines of which none can be left out."""
    clock = Clock()
    policy = Policy(clock=clock)
    lines: list[list] = []  # permission, end, uses left
    live = []
    for step in steps:
        if step[0] == "grant":
            _, permission, ttl, uses = step
            (made,) = policy.grant(A, permission, ttl=ttl, uses=uses)
            lines.append([permission, clock.now + ttl if ttl else float("inf"), uses])
            live.append(made)
        elif step[0] == "wait":
            clock.now += step[1]
        elif step[0] == "query":
            assert policy.implies(A, step[1]) == model_allows(lines, step[1], clock.now, lines)
        else:
            before = [made.uses.left if made.uses else None for made in live]
            allowed = use(policy, step[1])
            after = [made.uses.left if made.uses else None for made in live]
            spent = [line for line, old, new in zip(lines, before, after, strict=True) if old != new]
            assert all(old == new or new == old - 1 for old, new in zip(before, after, strict=True))
            assert allowed == model_allows(lines, step[1], clock.now, lines)
            if allowed:
                assert model_allows(lines, step[1], clock.now, spent)
                for one in spent:
                    assert not model_allows(lines, step[1], clock.now, [line for line in spent if line is not one])
            else:
                assert spent == []
            for line, left in zip(lines, after, strict=True):
                line[2] = left


# ---- Tags, denials, taking back -------------------------------------------------------------------------------------


def test_what_has_a_tag_is_revoked_by_it(policy: Policy) -> None:
    policy.grant(A, X, READ, tag="session")
    policy.grant(A, X)
    policy.grant(B, X, tag="session")

    assert policy.revoke(A, tag="session")

    assert policy.implies(A, X)
    assert not policy.implies(A, READ)
    assert policy.implies(B, X)
    assert not policy.revoke(A, tag="session")


def test_a_tag_and_a_permission_revoke_what_has_both(policy: Policy) -> None:
    policy.grant(A, BOTH, tag="session")
    policy.grant(A, WRITE)

    assert policy.revoke(A, BOTH, tag="other") is False
    assert policy.revoke(A, WRITE, tag="session")

    assert policy.implies(A, BOTH)
    assert [str(grant.permission.actions) for grant in policy.grants] == ["read", "write"]


def test_all_grants_can_be_revoked_and_denials_stay(policy: Policy) -> None:
    policy.grant(A, AllPermission())
    policy.grant(A, X, ttl=5, uses=1, principals=[Principal("ann")])
    policy.grant(B, X)
    policy.deny(A, READ)

    assert policy.revoke_all(A)

    assert list(policy.permissions(A)) == []
    assert policy.denials(A) == (READ,)
    assert policy.implies(B, X)
    assert not policy.revoke_all(A)


def test_a_denial_is_taken_back_by_its_tag_or_its_permission(policy: Policy) -> None:
    policy.grant(A, AllPermission())
    policy.deny(A, X, tag="night")
    policy.deny(A, BOTH)

    assert policy.undeny(A, tag="night")
    assert policy.implies(A, X)

    assert policy.undeny(A, WRITE)
    assert policy.implies(A, WRITE)
    assert not policy.implies(A, READ)
    assert not policy.undeny(A, WRITE)


def test_a_denial_that_stays_forbidding_is_an_error_and_changes_nothing(policy: Policy) -> None:
    policy.deny(A, FilePermission("/srv/-", "read"))
    policy.deny(A, READ)

    with pytest.raises(PolicyError, match=r"still be denied.*/srv/-"):
        policy.undeny(A, READ)
    assert len(policy.denials(A)) == 2


def test_what_is_left_of_a_grant_can_still_be_withdrawn(policy: Policy) -> None:
    grants = policy.grant(A, BOTH)
    policy.revoke(A, WRITE)

    policy.withdraw(grants)

    assert policy.grants == ()


@pytest.mark.parametrize("tag", [1, b"x", object()])
def test_a_tag_is_text(policy: Policy, tag) -> None:
    for method in (policy.grant, policy.deny, policy.revoke, policy.undeny):
        with pytest.raises(TypeError, match="tag"):
            method(A, X, tag=tag)


# ---- Status ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("granted", "denied", "asked", "status"),
    [
        ([], [], READ, "prompt"),
        ([BOTH], [], READ, "granted"),
        ([READ], [], BOTH, "partial"),
        ([READ], [WRITE], BOTH, "partial"),
        ([BOTH], [WRITE], BOTH, "partial"),
        ([BOTH], [READ], READ, "denied"),
        ([], [READ], BOTH, "denied"),
        (
            [FilePermission("/srv/-", "read")],
            [FilePermission("/srv/p/-", "read")],
            FilePermission("/srv/-", "read"),
            "partial",
        ),
        (
            [FilePermission("/srv/-", "read")],
            [FilePermission("/srv/p/-", "read")],
            FilePermission("/srv/p/a", "read"),
            "denied",
        ),
        ([FilePermission("/srv/a", "read")], [], FilePermission("/srv/-", "read"), "partial"),
        ([AllPermission()], [], SocketPermission("h:1", "connect"), "granted"),
        ([AllPermission()], [X], X, "denied"),
        ([AllPermission()], [X], RuntimePermission("*"), "partial"),
    ],
)
def test_the_status_of_a_permission(policy: Policy, granted, denied, asked, status: str) -> None:
    policy.grant(A, *granted)
    policy.deny(A, *denied)

    assert policy.status(A, asked) == status


# ---- Changes --------------------------------------------------------------------------------------------------------


@pytest.fixture
def told(policy: Policy) -> list[PolicyChange]:
    told: list[PolicyChange] = []
    policy.subscribe(told.append)
    return told


def test_every_kind_of_change_is_told(policy: Policy, clock: Clock, told: list[PolicyChange]) -> None:
    policy.grant(A, X, READ, tag="t")
    policy.revoke(A, READ)
    policy.deny(A, WRITE)
    policy.undeny(A, WRITE)
    policy.grant(A, READ, uses=1)
    use(policy, READ)
    policy.deliver()
    policy.grant(A, WRITE, ttl=5)
    clock.now += 5
    assert not policy.implies(A, WRITE)
    policy.deliver()
    policy.clear(A)
    policy.set_default([AllPermission()])

    assert told == [
        PolicyChange("granted", A, (X, READ), "t"),
        PolicyChange("revoked", A, (READ,), "t"),
        PolicyChange("denied", A, (WRITE,)),
        PolicyChange("undenied", A, (WRITE,)),
        PolicyChange("granted", A, (READ,)),
        PolicyChange("used up", A, (READ,)),
        PolicyChange("granted", A, (WRITE,)),
        PolicyChange("expired", A, (WRITE,)),
        PolicyChange("revoked", A, (X,), "t"),
        PolicyChange("default", None, (AllPermission(),)),
    ]


def test_of_a_grant_that_is_partly_revoked_the_part_is_told(policy: Policy, told: list[PolicyChange]) -> None:
    policy.grant(A, BOTH)
    policy.revoke(A, FilePermission("/srv/-", "write,delete"))

    assert told[1:] == [PolicyChange("revoked", A, (WRITE,))]


def test_a_change_holds_when_it_is_told_and_no_lock_is_held(policy: Policy) -> None:
    seen: list[bool] = []

    def look(change: PolicyChange) -> None:
        other = threading.Thread(target=lambda: seen.append(policy.implies(A, change.permissions[0])))
        other.start()
        other.join()
        if change.kind == "granted":
            policy.revoke(A, *change.permissions)

    policy.subscribe(look)
    policy.grant(A, X)

    assert seen == [True, False]


def test_a_subscriber_that_fails_stops_neither_the_change_nor_the_others(policy: Policy) -> None:
    told: list[str] = []

    def fail(_change: PolicyChange) -> None:
        raise ValueError

    policy.subscribe(fail)
    policy.subscribe(lambda change: told.append(change.kind))
    policy.grant(A, X)

    assert told == ["granted"]
    assert policy.implies(A, X)


def test_who_unsubscribed_is_told_nothing(policy: Policy) -> None:
    told: list[PolicyChange] = []
    with policy.subscribe(told.append) as subscription:
        policy.grant(A, X)
    policy.grant(A, READ)
    subscription.unsubscribe()

    assert [change.permissions for change in told] == [(X,)]


def test_changes_of_several_threads_are_all_told_in_the_order_in_which_they_happened(policy: Policy) -> None:
    told: list[str] = []
    policy.subscribe(lambda change: told.extend(permission.name for permission in change.permissions))
    numbers = iter(range(4))

    def work() -> None:
        number = next(numbers)
        for i in range(50):
            policy.grant(A, RuntimePermission(f"{number}.{i}"))

    in_threads(4, work)
    policy.deliver()

    assert told == [grant.permission.name for grant in policy.grants]
    assert len(told) == 200 < MOST_PENDING


def test_only_something_that_can_be_called_can_subscribe(policy: Policy) -> None:
    with pytest.raises(TypeError, match="callable"):
        policy.subscribe("print")
