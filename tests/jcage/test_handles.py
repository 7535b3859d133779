"""jcage's J1: a sandbox that holds a handle, its own or another's, or what leads to one, and tries everything."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from jcage_stage import CHECK, HOST, OP, WRITE, denied, run

from pycage import (
    AccessDenied,
    AllPermission,
    PolicyError,
    Sandbox,
    SandboxAdminPermission,
    Sandboxes,
)

# Each is tried with the handle itself, and again inside the sandbox's own do_privileged.
ATTEMPTS = [
    "box.grant(everything)",
    "box.grant(everything, principals=())",
    "type(box).grant(box, everything)",
    "box.granted(everything).__enter__()",
    "with box.granted(everything): pass",
    "box.deny(everything)",
    "box.revoke(everything)",
    "box.expose('x', exposed)",
    "box.unexpose('thing')",
    "box.close()",
    "with box: pass",
    "box.permissions.add(everything)",
    "box.permissions._permissions",
    "box._domain",
    "box._cage",
    "box._closed",
    "getattr(box, '_' + 'domain')",
    "box.name = 'other'",
    "setattr(box, 'url', 'pycage://host')",
    "delattr(box, '_domain')",
    "box.__init__('other', permissions=[everything])",
    "type(box)('other', permissions=[everything])",
    "list(map(box.grant, [everything]))",
    "sorted([everything], key=box.grant)",
    "max([everything, everything], key=box.grant)",
    "{**dict.fromkeys('a', everything)}; [*filter(box.grant, [everything])]",
    "registry.set_default_permissions([everything])",
    "registry.create('other', permissions=[everything])",
    "registry.find('box').grant(everything)",
    "[found.grant(everything) for found in registry]",
    "other.grant(everything)",
    "other.expose('x', exposed)",
    "other.close()",
]


@pytest.mark.parametrize("lend", ["{}", "import pycage\ndef attempt():\n    {}\npycage.do_privileged(attempt)"])
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_a_sandbox_that_holds_a_handle_cannot_raise_its_permissions(box, attempt: str, lend: str):
    """jcage M5, J1: getSandboxPermissions().add(AllPermission) was ESCALATED."""
    box.expose("thing", lambda: "exposed")
    before = Sandboxes.get().default_permissions
    open_before = set(Sandboxes.get())
    with Sandbox("other_box") as other:
        variables = {
            "box": box,
            "other": other,
            "registry": Sandboxes.get(),
            "everything": AllPermission(),
            "exposed": HOST.op,
        }

        with pytest.raises((AccessDenied, PolicyError)):
            box.run(lend.format(attempt), variables=variables)

        assert not box.closed
        assert not other.closed
        assert list(box.permissions) == list(other.permissions) == []
        assert box.query(OP) == other.query(OP) == "prompt"
        assert box.run("from host import thing\nthing()").value == "exposed"
        assert set(Sandboxes.get()) == open_before | {other}
        assert Sandboxes.get().default_permissions is before


def test_the_host_can_do_with_a_handle_what_the_sandbox_cannot(box):
    """The attempts above fail because of who makes them."""
    with box.granted(AllPermission()):
        assert box.query(OP) == "granted"
    box.grant(OP)
    box.deny(WRITE)
    box.expose("x", HOST.op)
    box.unexpose("x")

    assert box.query(OP) == "granted"
    assert box.query(WRITE) == "denied"
    assert Sandboxes.get().find("box") is box


def test_a_handle_of_another_sandbox_lends_nothing_to_who_uses_it(box):
    """The code it runs is judged together with the code that calls."""
    with Sandbox("strong", permissions=[OP]) as strong:
        source = CHECK + "check_permission(OP)\n'allowed'"

        assert strong.run(source).value == "allowed"
        variables = {"strong": strong, "source": source}
        with denied(SandboxAdminPermission("strong", "runCode")):
            box.run("strong.run(source).value", variables=variables)
        box.grant(SandboxAdminPermission("strong", "runCode"))
        with denied(OP):
            box.run("strong.run(source).value", variables=variables)


def test_a_handle_in_a_pool_of_the_host_still_knows_who_sent_it(box):
    """jcage M5 and M11b together."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        sent = box.run(
            "pool.submit(box.grant, everything)", variables={"pool": pool, "box": box, "everything": AllPermission()}
        ).value

        with denied(SandboxAdminPermission("box", "setSandboxPermissions")):
            sent.result()
    assert box.query(OP) == "prompt"


def test_a_handle_in_a_lazy_result_still_knows_who_made_it(box):
    """jcage M5: the host merely looks at what it was given."""
    result = run(box, "map(box.grant, [everything])", box=box, everything=AllPermission())

    with contextlib.suppress(AccessDenied):
        list(result)

    assert box.query(OP) == "prompt"


# A class of the sandbox's own may override what checks, and its private attributes are the sandbox's own.
DERIVED = """
class Mine(type(box)):
    def _administer(self):
        pass

class Source:
    url = None

    def implies(self, other):
        return True

class Domain:
    code_source = Source()

mine = object.__new__(Mine)
mine._domain = Domain()
mine.grant(everything)
"""
REGISTRY = """
from pycage import Sandboxes

class Mine(Sandboxes):
    pass

box = next(iter(Mine._the_one()))
"""
LOCK = """
from pycage import Sandboxes

class Mine(Sandboxes):
    pass

taken = Mine._instance_lock.acquire(blocking=False)
Mine._instance_lock.release()
taken
"""


@pytest.mark.parametrize("source", [DERIVED, REGISTRY, LOCK, REGISTRY + DERIVED], ids=range(4))
def test_a_sandbox_cannot_derive_from_what_administers(source: str):
    """jcage M5, J1: the class of the handle is as good as it, and so is the class of the registry."""
    # In a process of its own: what it grants, it grants to everybody.
    program = (
        "import pycage\n"
        "with pycage.Sandbox('box') as box:\n"
        "    given = {'everything': pycage.AllPermission()}\n"
        f"    if {source.startswith(DERIVED)}: given['box'] = box\n"
        f"    try: box.run({source!r}, variables=given)\n"
        "    except (pycage.PycageError, TypeError, AttributeError): print('refused')\n"
        "    print(box.query(pycage.RuntimePermission('x')))\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout == "refused\nprompt\n"
