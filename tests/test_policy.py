"""The policy: grants, denials, revoking, defaults."""

from __future__ import annotations

import threading

import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st
from pycage.codesource import CodeSource
from pycage.domains import Principal, ProtectionDomain
from pycage.errors import PolicyError
from pycage.permissions import (
    AllPermission,
    FilePermission,
    RuntimePermission,
    SandboxAdminPermission,
    SocketPermission,
)
from pycage.policy import Policy

A = CodeSource("pycage://test/a")
B = CodeSource("pycage://test/b")
READ = FilePermission("/srv/-", "read")
ADMIN = SandboxAdminPermission("*", "*")


@pytest.fixture
def policy() -> Policy:
    return Policy()


def test_nothing_is_granted_at_first(policy: Policy) -> None:
    assert not policy.implies(A, READ)
    assert len(policy.permissions(A)) == 0


def test_a_grant_holds_for_its_code_source_only(policy: Policy) -> None:
    policy.grant(A, READ)

    assert policy.implies(A, FilePermission("/srv/x", "read"))
    assert not policy.implies(B, FilePermission("/srv/x", "read"))


def test_a_grant_to_a_pattern_holds_for_what_it_covers(policy: Policy) -> None:
    policy.grant(CodeSource("pycage://test/-"), READ)

    assert policy.implies(A, READ)
    assert policy.implies(B, READ)
    assert not policy.implies(CodeSource("pycage://other/a"), READ)


def test_a_denial_beats_grants_made_before_and_after(policy: Policy) -> None:
    private = FilePermission("/srv/private/-", "read")
    policy.grant(A, READ)
    denials = policy.deny(A, private)
    policy.grant(A, private)

    assert not policy.implies(A, FilePermission("/srv/private/x", "read"))
    assert policy.implies(A, FilePermission("/srv/public", "read"))

    policy.withdraw(denials)
    assert policy.implies(A, FilePermission("/srv/private/x", "read"))


def test_a_denial_beats_all_permission(policy: Policy) -> None:
    policy.grant(A, AllPermission())
    policy.deny(A, RuntimePermission("x.*"))

    assert not policy.implies(A, RuntimePermission("x.y"))
    assert policy.implies(A, RuntimePermission("y"))


@pytest.mark.parametrize(
    ("denied", "asked"),
    [
        (FilePermission("/srv/x", "read"), FilePermission("/srv/x", "read,write")),
        (FilePermission("/srv/private/-", "read"), FilePermission("/srv/-", "read")),
        (SocketPermission("*.example.com:80-90", "connect"), SocketPermission("a.example.com:85-100", "connect")),
    ],
)
def test_a_request_that_a_denial_touches_in_part_is_refused(policy: Policy, denied, asked) -> None:
    """Otherwise a sandbox would ask for two things at once, or for the directory above."""
    policy.grant(A, asked)
    policy.deny(A, denied)

    assert not policy.implies(A, asked)


def test_a_revoke_takes_away_what_was_granted_within_it(policy: Policy) -> None:
    policy.grant(A, FilePermission("/srv/x", "read,write"))

    assert policy.revoke(A, FilePermission("/srv/-", "write"))

    assert policy.implies(A, FilePermission("/srv/x", "read"))
    assert not policy.implies(A, FilePermission("/srv/x", "write"))


def test_a_revoke_that_would_not_take_effect_is_an_error_and_changes_nothing(policy: Policy) -> None:
    policy.grant(A, READ, FilePermission("/srv/x", "read"))

    with pytest.raises(PolicyError, match=r"/srv/-.* still implies"):
        policy.revoke(A, FilePermission("/srv/x", "read"))

    assert len(policy.grants) == 2


def test_a_revoke_under_all_permission_is_an_error(policy: Policy) -> None:
    policy.grant(A, AllPermission())

    with pytest.raises(PolicyError, match="still implies"):
        policy.revoke(A, READ)
    assert policy.revoke(A, AllPermission())
    assert not policy.implies(A, READ)


def test_revoking_what_was_never_granted_says_so(policy: Policy) -> None:
    policy.grant(A, READ)

    assert not policy.revoke(A, RuntimePermission("x"))
    assert not policy.revoke(B, READ)
    assert policy.implies(A, READ)


def test_withdrawing_a_grant_leaves_an_equal_one(policy: Policy) -> None:
    policy.grant(A, READ)
    second = policy.grant(A, READ)

    policy.withdraw(second)

    assert policy.implies(A, READ)


def test_a_grant_for_a_principal_holds_for_that_principal_only(policy: Policy) -> None:
    ann, bob = Principal("ann"), Principal("bob")
    policy.grant(A, READ, principals=[ann])

    assert policy.is_conditional(A)
    assert policy.implies(A, READ, frozenset([ann]))
    assert policy.implies(A, READ, frozenset([ann, bob]))
    assert not policy.implies(A, READ, frozenset([bob]))
    assert not policy.implies(A, READ)

    policy.revoke(A, READ)
    assert not policy.implies(A, READ, frozenset([ann]))


def test_default_permissions_that_lock_the_host_out_are_refused(policy: Policy) -> None:
    """jcage's J14: setGlobalPermissions(empty) could never be undone."""
    with pytest.raises(PolicyError, match="lock the host out"):
        policy.set_default([])

    assert policy.default.implies(READ)
    policy.set_default([ADMIN])
    assert not policy.default.implies(READ)
    policy.set_default([AllPermission()])
    assert policy.default.implies(READ)


def test_what_a_policy_shows_cannot_change_it(policy: Policy) -> None:
    policy.grant(A, READ)

    for shown in (policy.permissions(A), policy.default):
        with pytest.raises(Exception, match="read-only|read only|readonly"):
            shown.add(AllPermission())


def test_every_change_is_announced_after_it_took_effect() -> None:
    seen: list[bool] = []
    policy = Policy(on_change=lambda: seen.append(policy.implies(A, READ)))

    policy.grant(A, READ)
    policy.revoke(A, READ)

    assert seen == [True, False]
    assert policy.epoch == 2


@pytest.mark.parametrize("wrong", [None, "read", 1, RuntimePermission])
def test_what_is_no_permission_is_refused_with_an_example(policy: Policy, wrong: object) -> None:
    for method in (policy.grant, policy.deny, policy.revoke):
        with pytest.raises(TypeError, match="expected permissions such as"):
            method(A, wrong)

    assert policy.grants == ()


def test_a_closed_domain_has_nothing_whatever_is_granted_to_its_code_source(policy: Policy) -> None:
    domain = ProtectionDomain(A, "a", policy)
    policy.grant(A, AllPermission())
    assert domain.implies(READ)

    domain._close()

    assert not domain.implies(READ)


def test_grants_of_many_threads_are_all_there(policy: Policy) -> None:
    def grant(number: int) -> None:
        for i in range(50):
            policy.grant(A, RuntimePermission(f"t{number}.{i}"))

    threads = [threading.Thread(target=grant, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(policy.grants) == 200
    assert policy.epoch == 200


PERMISSIONS = strategies.permissions()


@given(st.lists(PERMISSIONS, max_size=5), PERMISSIONS, PERMISSIONS)
def test_a_grant_only_adds(before, granted, asked) -> None:
    policy = Policy()
    policy.grant(A, *before)
    could = policy.implies(A, asked)

    policy.grant(A, granted)

    assert policy.implies(A, asked) or not could
    assert policy.implies(A, granted)


@given(st.lists(PERMISSIONS, max_size=5), PERMISSIONS)
def test_after_a_revoke_that_succeeds_nothing_of_it_is_left(granted, revoked) -> None:
    policy = Policy()
    policy.grant(A, *granted)

    try:
        policy.revoke(A, revoked)
    except PolicyError:
        assert any(policy.implies(A, part) for part in revoked.split())
    else:
        assert not any(policy.implies(A, part) for part in revoked.split())


@given(st.lists(PERMISSIONS, max_size=5), PERMISSIONS)
def test_a_denial_beats_every_grant(granted, denied) -> None:
    policy = Policy()
    policy.grant(A, *granted, denied)

    policy.deny(A, denied)

    assert not policy.implies(A, denied)
