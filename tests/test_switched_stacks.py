"""Code that switches stacks within a thread (greenlet, gevent, SQLAlchemy's asyncio): calls end in another order than
they began, and the stack that a call began on is copied away meanwhile.

What waits lends nothing to what runs, and whatever is restricted stays restricted; at times more is than need be.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap

START = """
    import greenlet, os, pycage

    ASKED = pycage.RuntimePermission("x")
    main = greenlet.getcurrent()
    pause = main.switch

    def allowed():
        try:
            pycage.check_permission(ASKED)
        except pycage.AccessDenied:
            return False
        return True

    def use_the_stack(depth=40):
        return depth and sorted([2, 1], key=lambda value: use_the_stack(depth - 8) or value)
"""


def run_python(program: str) -> list[str]:
    """Run a program after START in a fresh interpreter, which may crash; return the lines that it prints."""
    source = textwrap.dedent(START) + textwrap.dedent(program)
    done = subprocess.run([sys.executable, "-P", "-c", source], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr)
    return done.stdout.splitlines()


def test_a_privileged_call_that_waits_lends_nothing_and_goes_on_as_it_was() -> None:
    program = """
        def privileged():
            before = allowed()
            pause()
            return before, allowed()

        with pycage.Sandbox("plugin") as sandbox:
            call = lambda: sandbox.run("f()", variables={"f": lambda: pycage.do_privileged(privileged)}).value
            waiting = greenlet.greenlet(call)
            waiting.switch()
            for _ in range(20):
                use_the_stack()
                assert not sandbox.run("f()", variables={"f": allowed}).value
            print(allowed(), waiting.switch(), allowed())
            print(sandbox.run("f()", variables={"f": allowed}).value)
    """

    assert run_python(program) == ["True (True, True) True", "False"]


def test_calls_may_end_in_another_order_than_they_began() -> None:
    program = """
        def privileged():
            pause()
            return allowed()

        with pycage.Sandbox("plugin") as sandbox:
            source, names = "f()", {"f": lambda: pycage.do_privileged(privileged)}
            waiting = [greenlet.greenlet(lambda: sandbox.run(source, variables=names).value) for _ in range(6)]
            for one in waiting:
                one.switch()
                use_the_stack()
            answers = []
            for number in (0, 3, 1, 5, 4, 2):
                answers.append(waiting[number].switch())
                use_the_stack()
                answers.append(sandbox.run("f()", variables={"f": allowed}).value)
            # While newer calls wait, those of an older one are not found: it is judged with its whole stack.
            print(answers[-2:], True in answers[1::2])
            print(sandbox.run("f()", variables={"f": lambda: pycage.do_privileged(allowed)}).value, allowed())
    """

    assert run_python(program) == ["[True, False] False", "True True"]


def test_a_context_binds_although_calls_of_other_stacks_are_newer() -> None:
    program = """
        with pycage.Sandbox("plugin") as sandbox:
            context = sandbox.run("f()", variables={"f": pycage.get_context}).value

            def work():
                pause()
                return allowed()

            ways = (lambda: pycage.do_privileged(work, context=context), lambda: context.bind(work)())
            for way in ways:
                older, newer = greenlet.greenlet(way), greenlet.greenlet(lambda: pycage.do_privileged(work))
                older.switch()
                newer.switch()
                use_the_stack()
                print(older.switch(), newer.switch(), allowed())
    """

    assert run_python(program) == ["False True True"] * 2


def test_an_abandoned_stack_leaves_nothing_behind() -> None:
    program = """
        with pycage.Sandbox("plugin") as sandbox:
            context = sandbox.run("f()", variables={"f": pycage.get_context}).value
            waiting = greenlet.greenlet(lambda: context.bind(pause)())
            waiting.switch()
            during = allowed()
            del waiting  # unwinds it
            print(during, allowed())
    """

    assert run_python(program) == ["False True"]


def test_a_stack_that_host_code_starts_for_a_sandbox_is_bound_by_hand() -> None:
    """The frames of who started it are not on it."""
    program = """
        def bare():
            return greenlet.greenlet(allowed).switch()

        def bound():
            return greenlet.greenlet(pycage.get_context().bind(allowed)).switch()

        with pycage.Sandbox("plugin") as sandbox:
            print(*(sandbox.run("f()", variables={"f": f}).value for f in (allowed, bare, bound)))
    """

    assert run_python(program) == ["False True False"]
