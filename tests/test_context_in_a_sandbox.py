"""A context in the hands of a sandbox: it can be asked and bound to, and leads to no domain and no policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pycage
import pytest
from pycage.domains import ProtectionDomain
from pycage.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Iterator

PERMISSION = pycage.RuntimePermission("x")

# Everything that its public names give, and what comes of calling them.
CRAWL = """
import pycage
def inside(value, depth=0):
    found = [value]
    try:
        parts = [] if depth > 3 or isinstance(value, (str, bytes)) else list(value)
    except Exception:
        parts = []
    for part in parts:
        found += inside(part, depth + 1)
    return found
found = []
for name in dir(context):
    if name.startswith("_"):
        continue
    value = getattr(context, name)
    found += inside(value)
    for arguments in ((), ((),), (context,), (pycage.RuntimePermission("x"),), (((pycage.RuntimePermission("x"),),),)):
        try:
            found += inside(value(*arguments))
        except Exception:
            pass
found
"""


@pytest.fixture
def sandbox() -> Iterator[pycage.Sandbox]:
    with pycage.Sandbox("holds_a_context") as made:
        yield made


def test_its_public_names_lead_to_no_domain_and_no_policy(sandbox: pycage.Sandbox) -> None:
    sandbox.expose("limited", lambda: pycage.do_privileged(pycage.get_context, limit=[PERMISSION]))
    for source in ("context = pycage.get_context()", "from host import limited\ncontext = limited()"):
        found = sandbox.run(f"import pycage\n{source}\n{CRAWL}").value

        assert isinstance(found, list)
        assert len(found) > 5
        assert [one for one in found if isinstance(one, (ProtectionDomain, Policy))] == []


@pytest.mark.parametrize(
    "name", ["_sandboxes", "_nearest", "_asked", "_refusing", "_nearest_sandbox", "_domains", "_limits"]
)
@pytest.mark.parametrize("how", ["context.{}", "getattr(context, '{}')", "getattr(type(context), '{}')(context)"])
def test_what_leads_to_domains_is_refused(sandbox: pycage.Sandbox, name: str, how: str) -> None:
    with pytest.raises(pycage.AccessDenied):
        sandbox.run(f"import pycage\ncontext = pycage.get_context()\n{how.format(name)}")


def test_no_mode_is_changed_by_way_of_a_context(sandbox: pycage.Sandbox) -> None:
    with pytest.raises((AttributeError, pycage.AccessDenied)):
        sandbox.run("import pycage\npycage.get_context().nearest().set_mode('audit')")
    assert sandbox.mode == "enforce"


def test_a_context_can_be_asked_and_bound_to(sandbox: pycage.Sandbox) -> None:
    sandbox.grant(PERMISSION)
    ask = """
import pycage
context = pycage.get_context()
context.check_permission(pycage.RuntimePermission("x"))
try:
    context.check_permission(pycage.RuntimePermission("y"))
    answer = "may"
except pycage.AccessDenied:
    answer = "may not"
answer, context.bind(len)("abc")
"""
    assert sandbox.run(ask).value == ("may not", 3)


@pytest.mark.parametrize(
    "change",
    [
        *("domain._set_mode('audit')", "domain.set_mode('audit')", "type(domain)._set_mode(domain, 'audit')"),
        *("domain._close()", "domain.policy.set_default([pycage.AllPermission()])", "domain._policy", "domain._asker"),
        *("setattr(domain, '_mode', 'audit')", "setattr(domain, 'mode', 'audit')", "domain.__init__(1, 'a', None)"),
        "getattr(domain, '_recorder')",
    ],
)
def test_a_domain_in_the_hands_of_a_sandbox_is_not_changed_by_it(sandbox: pycage.Sandbox, change: str) -> None:
    """Nothing hands one out; if something ever does, all that it tells is whose it is."""
    domain = sandbox._domain

    with pytest.raises((AttributeError, pycage.AccessDenied)):
        sandbox.run(f"import pycage\n{change}", variables={"domain": domain})
    assert (domain.mode, domain.closed) == ("enforce", False)
    with pytest.raises(pycage.AccessDenied):
        sandbox.run("import pycage\npycage.check_permission(pycage.RuntimePermission('x'))")

    assert sandbox.run("domain.label", variables={"domain": domain}).value == 'sandbox "holds_a_context"'
