"""What one forked child does: trusted code that builds a sandbox, runs one file in it, and looks what came of it.

The file becomes the sandbox's own module ``sandbox_mod``.  The names that README.md injects are put into it as a host
would hand in objects; where the README says that the way of handing out is the layer under test, `host` is exposed.
"""

from __future__ import annotations

import copy
import importlib
import os
import signal
import sys
import types
from typing import TYPE_CHECKING, Any

import control
import hostlib
import pycage
from pycage import access

if TYPE_CHECKING:
    from collections.abc import Callable

WARM = (
    "abc argparse array ast asyncio base64 bisect calendar cmath codecs collections concurrent.futures configparser "
    "contextlib contextvars copy csv dataclasses datetime decimal difflib enum fnmatch fractions functools glob "
    "graphlib hashlib heapq hmac html inspect io itertools json logging logging.handlers math numbers operator pathlib "
    "pickle pprint queue random re secrets shlex shutil signal socket sqlite3 statistics string struct subprocess "
    "tempfile textwrap threading time tomllib traceback types typing unicodedata urllib.parse uuid warnings weakref "
    "zlib"
)


def warm_up() -> None:
    """Import what nearly every run needs, and make one sandbox's parts so that their modules are loaded."""
    for name in WARM.split():
        importlib.import_module(name)


def main(request: dict[str, Any], work: str, port: int, report_fd: int) -> None:
    """Run one file and report.  Returns for the interpreter to end in its own way."""
    os.chdir(work)
    os.environ.update(HOME=work, TMPDIR=os.path.join(work, "tmp"))
    report = control.make_reporter(report_fd)
    path, policy = request["path"], request["policy"]
    if os.path.basename(os.path.dirname(path)) == "allow":
        run_allow(request, report)
        return
    if policy == "plain":
        control.run_deny(path, work, port, report)
        return
    run_deny(request, work, port, report)


# ---- Ordinary programs ----------------------------------------------------------------------------------------------


def run_allow(request: dict[str, Any], report: Callable[..., None]) -> None:
    """Run an ordinary program with nothing granted but its imports."""
    control.set_limits(control.ALLOW_CPU_SECONDS)
    with open(request["path"], encoding="utf-8") as file:
        source = file.read()
    sandbox = make_sandbox(source, request["imports"])
    try:
        report("value", repr(sandbox.load(control.MODULE_NAME).main()))
    except BaseException as error:  # noqa: BLE001  whatever it is goes into the report
        report("load-error", control.describe(error) + "".join(f" | {note}" for note in error.__notes__[:2]))
    report("end")


# ---- Attacks --------------------------------------------------------------------------------------------------------


def make_sandbox(source: str, imports: list[str], *permissions: pycage.Permission) -> pycage.Sandbox:
    """Return a sandbox whose own module is ``source``, with exactly these modules of the host."""
    return pycage.Sandbox(
        "corpus",
        resolver=pycage.MappingResolver({control.MODULE_NAME: source}),
        host_policy=pycage.rules(*(f"allow {name}" for name in imports)),
        permissions=permissions,
    )


def run_deny(request: dict[str, Any], work: str, port: int, report: Callable[..., None]) -> None:
    """Load one attack, do what the host does then, and report what happened."""
    path, layered = request["path"], request["policy"] == "layer"
    header = control.read_header(path)
    number = header["id"]
    with open(path, encoding="utf-8") as file:
        source = file.read()
    if request["source"] is not None:
        source = request["source"]
    control.set_limits(control.CPU_SECONDS, control.exhausts_something(header))
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # the host sends it to itself in one action
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started the tests may ignore it
    allowed, secret = os.path.join(work, "granted"), os.path.join(work, "secret", "secret.txt")
    leaked = open(secret, "rb")  # a descriptor that the host leaks
    bind_host(allowed)
    host = hostlib.Host(allowed, secret)
    reading = pycage.FilePermission(f"{allowed}/-", "read")
    sandbox = make_sandbox(source, request["imports"] if layered else [], *([reading] if layered else []))
    names = {
        "SECRET_PATH": secret,
        "WRITE_PATH": os.path.join(work, "out", "target"),
        "ALLOWED_DIR": allowed,
        "PY_PATH": os.path.join(work, "py", "pmod.py"),
        "PORT": port,
        "host": exposed(sandbox, host, number) if number in EXPOSED else host,
        "ESCAPED": None,
        "__annotations__": {},
    }
    module = inject(sandbox, names)
    look = FROM_THE_HOST.get(number)
    before = None if look is None else look(host)
    access.LOG.clear()

    error: BaseException | None = None
    try:
        sandbox.load(control.MODULE_NAME)
    except Exception as caught:  # noqa: BLE001  an ordinary error is what a host expects
        error = caught
        report("load-error", control.describe(caught))
    except BaseException as caught:  # noqa: BLE001
        report("base-exception", type(caught).__name__)
    namespace: dict[str, Any] = module.pop().__dict__ if module else names
    try:
        if "GIFT" in namespace:
            if header["evidence"] == "result":  # what is judged is what the host takes over
                pycage.plain(namespace["GIFT"])
            report("gift")
        control.HOST_ACTIONS[header["host-action"]](namespace, host)
    except Exception as caught:  # noqa: BLE001
        error = error or caught
        report("host-error", control.describe(caught))
    value = namespace.get("ESCAPED")
    if truth(value) if look is None else look(host) != before:
        report("escaped", repr(value) if number in HARMLESS else "")
    report("stopped-by", stopper(error, look is not None, number in EXPOSED))
    report("end")
    if header["host-action"] != "shutdown":
        os._exit(0)
    leaked.close()


def truth(value: object) -> bool:
    """Say whether a value came out; one whose truth cannot be told did."""
    try:
        return bool(value)
    except Exception:  # noqa: BLE001
        return True


def bind_host(allowed: str) -> None:
    """Bind the privileged calls of `Host`: unlimited in ``priv_call``, limited to the granted files in ``read_data``."""
    original = hostlib.Host.read_data
    reading = pycage.FilePermission(f"{allowed}/-", "read")

    def do_privileged(self: object, function: Callable[..., object], *args: object) -> object:
        return pycage.do_privileged(function, *args)

    def read_data(self: Any, name: str) -> object:
        limited = types.SimpleNamespace(
            allowed_dir=self.allowed_dir,
            do_privileged=lambda function: pycage.do_privileged(function, limit=[reading]),
        )
        return original(limited, name)

    hostlib.Host.do_privileged = do_privileged  # type: ignore[method-assign]
    hostlib.Host.read_data = read_data  # type: ignore[method-assign]


def inject(sandbox: pycage.Sandbox, names: dict[str, Any]) -> list[types.ModuleType]:
    """Put names into the sandbox's module before its body runs; return where the module will be found.

    The loader tells the guards about each own module; this listens, because a module whose body raises is forgotten.
    """
    modules = sandbox._cage._loader.own
    tell, seen = modules.announce, []

    def told(module: types.ModuleType) -> None:
        tell(module)
        vars(module).update(names)
        seen.append(module)

    modules.announce = told
    return seen


# ---- The host's interface, as pycage recommends ---------------------------------------------------------------------


class Copies:
    """The host's state as it should be handed out: copies of it."""

    def __init__(self, host: hostlib.Host) -> None:
        self._host = host

    @property
    def policy(self) -> object:
        return copy.deepcopy(self._host.policy)

    @property
    def buffer(self) -> bytes:
        return bytes(self._host.buffer)


# Files of which README.md says that the layer under test is how the host hands things out.
EXPOSED: dict[str, tuple[str, ...]] = {
    "D068": ("fail_with_object",),
    "D263": ("read_data",),
    "D264": ("read_data",),
    "D266": ("read_validated",),
    "D270": (),
    "D381": (),
}


def exposed(sandbox: pycage.Sandbox, host: hostlib.Host, number: str) -> object:
    """Expose the host to the sandbox and return what it then has as ``host.host``."""
    if EXPOSED[number]:
        sandbox.expose("host", host, methods=EXPOSED[number])
    else:
        sandbox.expose("host", Copies(host), attributes=["policy", "buffer"])
    return sandbox.run("from host import host\nhost").value


# ---- Judging from the host ------------------------------------------------------------------------------------------
# "If the sandbox has a private copy of a module or of its state, judge from the host": what must not have changed.


def _logging(_host: hostlib.Host) -> object:
    import logging

    host = logging.getLogger("host")
    return len(host.handlers), len(host.filters), logging.root.manager.disable


def _linecache(_host: hostlib.Host) -> object:
    import linecache

    return linecache.cache.get("host.py")


def _locale(_host: hostlib.Host) -> object:
    import locale

    return locale.setlocale(locale.LC_ALL)


def _random(_host: hostlib.Host) -> object:
    import random

    return random.getstate()


def _decimal(_host: hostlib.Host) -> object:
    import decimal

    return decimal.DefaultContext.prec, decimal.getcontext().prec


def _json(_host: hostlib.Host) -> object:
    import json

    return json.dumps({}), sys.modules["json"] is json


FROM_THE_HOST: dict[str, Callable[[hostlib.Host], object]] = {
    "D110": _json,
    "D113": _json,
    "D123": _logging,
    "D125": _random,
    "D129": _locale,
    "D130": _linecache,
    "D240": _logging,
    "D126": _decimal,
}


# Files whose value shows nothing in a sandbox: see EXCEPTIONS.md.
HARMLESS = {"D095", "D097", "D162", "D371", "D372", "D497"}


# ---- Who stopped it -------------------------------------------------------------------------------------------------

_GUARDS = {
    "assignment to attributes": "write guard",
    "attribute": "attribute guard",
    "private attribute": "attribute guard",
    "format string": "attribute guard",
    "a class derived from": "class guard",
    "a metaclass": "class guard",
}


# Layers that do not refuse, but have nothing to give.
_ERRORS = (
    (AttributeError, "module '", "view"),
    (ImportError, "cannot import name", "view"),
    (AttributeError, "'str' object has no attribute 'private_token'", "exposure"),
    (TypeError, "cannot modify read-only memory", "exposure"),
    (TypeError, "__import__() needs", "import gate: exact types"),
    (TypeError, "is not a package of the sandbox", "import gate: resources"),
    (ModuleNotFoundError, "", "import gate: not found"),
    (pycage.SandboxExited, "", "run boundary"),
    (pycage.NotPlainError, "", "plain data"),
)


def stopper(error: BaseException | None, judged_from_host: bool, is_exposed: bool) -> str:
    """Name the layer that said no first: what the log of decisions holds, else what the error tells."""
    if type(error) is pycage.RestrictedSyntaxError:
        return "compile"
    denials = access.LOG.denials()
    if denials:
        return denial_kind(denials[0].permission, denials[0].reason)
    if isinstance(error, pycage.AccessDenied):
        return denial_kind(str(error), str(error))
    for kind, text, layer in _ERRORS:
        if type(error) is kind and text in str(error):
            return layer
    if error is not None:
        return f"{type(error).__name__}: {str(error)[:80]}"
    return "private copy" if judged_from_host else "exposure" if is_exposed else "nothing"


def denial_kind(permission: str, reason: str) -> str:
    """Name the layer of one denial."""
    if permission.startswith("module access denied: "):
        return f"import gate: {permission.removeprefix('module access denied: ')}"
    for start, layer in _GUARDS.items():
        if reason.removeprefix("access denied: ").startswith(start):
            return layer
    if permission.startswith('("'):
        return f"permission: {permission[2:].partition(chr(34))[0]}"
    return f"refused: {permission[:60]}"
