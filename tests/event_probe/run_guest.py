"""Runs a program as a sandbox would, by a reference in Python: hook, tags, and no permissions at all.

Usage: run_guest.py program.  The program runs twice: as host code, so that everything is imported, and as a guest.
Prints as JSON what was refused, whether the guest came to its end, and its `results` both times.
"""

import json
import sys
from pathlib import Path

from pycage import _core
from pycage.events import EVENTS, EventRefused, Kind, requests_for

PROGRAM = str(Path(__file__).with_name(sys.argv[1]))
busy = False
refused: list[str] = []
owner = _core.Domain()


def hook(event: str, arguments: tuple[object, ...]) -> None:
    global busy
    if busy:  # what the hook itself raises
        return
    busy = True
    try:
        rule = EVENTS.get(event)
        top = sys._getframe(1)
        frame: object = top
        while frame is not None and frame.f_code.co_filename != PROGRAM:  # type: ignore[attr-defined]
            frame = frame.f_back  # type: ignore[attr-defined]
        if frame is None or rule is None or rule.kind is Kind.DROP:
            return
        if rule.kind is Kind.EXEC:
            if _core.code_domain(arguments[0]) is None:  # type: ignore[arg-type]
                _core.tag(arguments[0], owner)  # type: ignore[arg-type]
            return
        if rule.when_top_is_guest and top.f_code.co_filename != PROGRAM:
            return
        try:
            asked = [str(request.permission) for request in requests_for(event, arguments)]
        except EventRefused as problem:
            asked = [f"{problem.permission} {problem.reason}"]
        if asked:
            refused.extend(asked)
            raise PermissionError(asked[0])
    finally:
        busy = False


code = compile(Path(PROGRAM).read_text(), PROGRAM, "exec")
as_host = {"__name__": "warmed_up", "__file__": PROGRAM, "SOME_CODE": hook.__code__}
exec(code, as_host)
_core.tag(code, owner)
variables = {"__name__": "guest", "__file__": PROGRAM, "SOME_CODE": hook.__code__}
sys.modules["guest"] = type(sys)("guest")
sys.addaudithook(hook)
exec(code, variables)
busy = True
json.dump(
    {
        "refused": refused,
        "done": "done" in variables,
        "as host": as_host.get("results"),
        "as guest": variables.get("results"),
    },
    sys.stdout,
)
