"""Deciders: asking the host about what is neither granted nor denied."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pycage
import pytest
from pycage import (
    AccessDenied,
    Answer,
    FilePermission,
    MappingResolver,
    PolicyError,
    Question,
    RuntimePermission,
    Sandbox,
    access,
    get_policy,
)
from plugged import X, Y


class Box:
    """A sandbox, and a function of it that asks for a permission."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        module = sandbox.load("m")
        self.ask: Callable[[pycage.Permission], str] = module.ask
        self.call = module.call


@pytest.fixture
def boxes(make: Callable[..., Sandbox]) -> Callable[..., Box]:
    return lambda *permissions, **more: Box(make(*permissions, **more))


@pytest.fixture
def box(boxes: Callable[..., Box]) -> Box:
    return boxes()


def refused(ask: Callable[[], object], reason: str = "") -> None:
    with pytest.raises(AccessDenied) as caught:
        ask()
    assert any(reason in note for note in caught.value.__notes__), caught.value.__notes__


def answering(*answers: object) -> tuple[Callable[[Question], object], list[Question]]:
    """A decider that gives these answers one after the other, and what it was asked."""
    asked: list[Question] = []
    left = iter(answers)

    def decide(question: Question) -> object:
        asked.append(question)
        return next(left)

    return decide, asked


# ---- Answers --------------------------------------------------------------------------------------------------------


def test_once_is_for_one_check(box: Box) -> None:
    decide, asked = answering(Answer.once(), True, Answer.deny("enough"), False, None)
    box.sandbox.on_request(decide)

    assert box.ask(X) == box.ask(X) == "done"
    refused(lambda: box.ask(X), "enough")
    refused(lambda: box.ask(X), "the decider said no")
    refused(lambda: box.ask(X))
    assert [question.permissions for question in asked] == [(X,)] * 5
    assert len(box.sandbox.permissions) == 0


def test_always_is_a_grant_with_a_tag(box: Box) -> None:
    decide, asked = answering(Answer.always())
    box.sandbox.on_request(decide)

    assert box.ask(X) == box.ask(X) == "done"
    assert len(asked) == 1
    assert list(box.sandbox.permissions) == [X]
    assert box.sandbox.revoke(tag="request")
    assert box.sandbox.query(X) == "prompt"


def test_for_a_time_is_a_grant_that_ends(box: Box) -> None:
    decide, asked = answering(Answer.for_seconds(3600), Answer.deny())
    box.sandbox.on_request(decide)

    assert box.ask(X) == box.ask(X) == "done"
    (grant,) = [grant for grant in get_policy().grants if grant.source.url == box.sandbox.url]
    assert 3590 < grant.expires - time.monotonic() <= 3600
    assert len(asked) == 1


def test_a_time_that_is_over_asks_again(box: Box) -> None:
    decide, asked = answering(Answer.for_seconds(1e-9), Answer.deny("again"))
    box.sandbox.on_request(decide)

    assert box.ask(X) == "done"
    refused(lambda: box.ask(X), "again")
    assert len(asked) == 2


def test_never_is_a_denial_and_nobody_is_asked_again(box: Box) -> None:
    decide, asked = answering(Answer.never("not this one"))
    box.sandbox.on_request(decide)

    refused(lambda: box.ask(X), "not this one")
    refused(lambda: box.ask(X))
    assert len(asked) == 1
    assert box.sandbox.query(X) == "denied"
    assert box.sandbox.undeny(tag="request")


@pytest.mark.parametrize("said", ["yes", 1, object(), Answer, (True,)])
def test_anything_else_is_no(box: Box, said: object) -> None:
    box.sandbox.on_request(lambda _question: said)

    refused(lambda: box.ask(X), "instead of an Answer")


def test_an_answer_of_no_kind_is_no(box: Box) -> None:
    with pytest.raises(ValueError, match="kind"):
        Answer("please")


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), True])
def test_a_time_is_a_positive_number(seconds: float) -> None:
    with pytest.raises(PolicyError, match="positive number"):
        Answer.for_seconds(seconds)


@pytest.mark.parametrize("error", [ValueError("host secret"), KeyboardInterrupt(), SystemExit(), RecursionError()])
def test_a_decider_that_raises_says_no_and_it_is_recorded(box: Box, error: BaseException, caplog) -> None:
    def decide(_question: Question) -> bool:
        raise error

    box.sandbox.on_request(decide)
    with pytest.raises(AccessDenied) as caught:
        box.ask(X)

    assert type(error).__name__ in caught.value.__notes__[0]
    assert "secret" not in "".join(caught.value.__notes__)
    assert "the decider failed" in access.LOG.denials()[-1].reason
    assert type(error).__name__ in caplog.text


def test_a_decider_can_be_taken_away(box: Box) -> None:
    decide, asked = answering(True)
    box.sandbox.on_request(decide)
    box.sandbox.on_request(None)

    refused(lambda: box.ask(X))
    assert asked == []


def test_only_something_that_can_be_called_decides(box: Box) -> None:
    with pytest.raises(TypeError, match="decider"):
        box.sandbox.on_request("yes")
    for timeout in (0, -1, "5", True):
        with pytest.raises(PolicyError, match="timeout"):
            box.sandbox.on_request(lambda _question: True, timeout=timeout)


# ---- Whom and when --------------------------------------------------------------------------------------------------


def test_what_is_granted_or_denied_is_not_asked_about(boxes: Callable[..., Box]) -> None:
    box = boxes(X)
    decide, asked = answering()
    box.sandbox.on_request(decide)
    box.sandbox.deny(Y)

    assert box.ask(X) == "done"
    refused(lambda: box.ask(Y))
    refused(lambda: box.ask(RuntimePermission("*")))  # which has a part that is denied
    assert asked == []


def test_asking_and_querying_are_two_things(box: Box) -> None:
    decide, asked = answering()
    box.sandbox.on_request(decide)

    assert box.sandbox.query(X) == "prompt"
    assert asked == []


def test_nobody_is_asked_about_what_another_sandbox_on_the_stack_refuses(boxes: Callable[..., Box]) -> None:
    outer, inner = boxes(), boxes()
    decide, asked = answering(True, True)
    inner.sandbox.on_request(decide)

    refused(lambda: outer.call(inner.ask, X), outer.sandbox.name)
    assert asked == []

    outer.sandbox.grant(X)
    assert outer.call(inner.ask, X) == "done"
    assert len(asked) == 1


def test_every_sandbox_on_the_stack_asks_its_own_decider(boxes: Callable[..., Box]) -> None:
    outer, inner = boxes(), boxes()
    for box in (outer, inner):
        box.sandbox.on_request(lambda question: question.sandbox == inner.sandbox.name)

    refused(lambda: outer.call(inner.ask, X), outer.sandbox.name)
    assert inner.ask(X) == "done"


def test_what_is_taken_away_while_the_decider_thinks_is_gone(boxes: Callable[..., Box]) -> None:
    outer, inner = boxes(X), boxes()

    def decide(_question: Question) -> bool:
        outer.sandbox.revoke(X)
        return True

    inner.sandbox.on_request(decide)
    refused(lambda: outer.call(inner.ask, X), outer.sandbox.name)


def test_what_is_denied_while_the_decider_thinks_is_denied(box: Box) -> None:
    def decide(_question: Question) -> bool:
        box.sandbox.deny(X)
        return True

    box.sandbox.on_request(decide)
    refused(lambda: box.ask(X))


@pytest.mark.parametrize("answer", [Answer.once(), Answer.always(), Answer.never()])
def test_an_answer_for_a_sandbox_that_was_closed_goes_to_no_namesake(boxes: Callable[..., Box], answer: Answer) -> None:
    first = boxes()
    second: list[Sandbox] = []

    def decide(_question: Question) -> Answer:
        first.sandbox.close()
        second.append(Sandbox(first.sandbox.name))
        return answer

    first.sandbox.on_request(decide)
    refused(lambda: first.ask(X))
    with second[0]:
        assert second[0].query(X) == "prompt"


def test_a_use_that_a_part_of_the_operation_needs_is_taken_when_another_part_is_answered(
    boxes: Callable[..., Box],
) -> None:
    box = boxes()
    box.sandbox.grant(X, uses=1)
    box.sandbox.on_request(lambda question: question.permissions == (Y,))
    context = access.context_of_domain(box.sandbox._domain)

    access.judge(X, ((X,), (Y,)), context)
    refused(lambda: access.judge(X, ((X,), (Y,)), context))


# ---- As the host ----------------------------------------------------------------------------------------------------


def test_a_decider_works_as_the_host(box: Box, tmp_path) -> None:
    (tmp_path / "answers").write_text("yes")
    box.sandbox.on_request(lambda _question: (tmp_path / "answers").read_text() == "yes")

    assert box.ask(X) == "done"


def test_a_decider_runs_in_the_context_in_which_it_was_handed_over(box: Box) -> None:
    user: contextvars.ContextVar[str] = contextvars.ContextVar("user")
    user.set("ann")
    seen: list[str] = []
    box.sandbox.on_request(lambda _question: seen.append(user.get()) or True)
    user.set("bob")

    box.ask(X)

    assert seen == ["ann"]
    assert user.get() == "bob"


def test_what_a_decider_does_does_not_count_as_asked_for_by_the_run(box: Box, make: Callable[..., Sandbox]) -> None:
    other = make(Y)

    def decide(_question: Question) -> bool:
        other.run("import pycage; pycage.check_permission(pycage.RuntimePermission('y'))")
        return True

    box.sandbox.on_request(decide)
    result = box.sandbox.run("import pycage; pycage.check_permission(pycage.RuntimePermission('x'))")

    assert [(request.permission, request.granted) for request in result.requests] == [(X, True)]


def test_a_request_during_the_deciders_own_work_is_refused(box: Box) -> None:
    notes: list[str] = []

    def decide(_question: Question) -> bool:
        with pytest.raises(AccessDenied) as caught:
            box.ask(Y)
        notes.extend(caught.value.__notes__)
        return True

    box.sandbox.on_request(decide)

    assert box.ask(X) == "done"
    assert "decider was at work" in notes[0]
    assert box.ask(X) == "done"


def test_a_decider_that_is_code_of_a_sandbox_lends_only_what_that_sandbox_has(boxes: Callable[..., Box]) -> None:
    box, other = boxes(), boxes()
    box.sandbox.on_request(lambda _question: other.ask(Y) == "done")

    refused(lambda: box.ask(X), "AccessDenied")
    other.sandbox.grant(Y)
    assert box.ask(X) == "done"


# ---- Time limits and threads ----------------------------------------------------------------------------------------


def test_no_answer_in_time_is_no(box: Box) -> None:
    go = threading.Event()
    box.sandbox.on_request(lambda _question: go.wait(10), timeout=0.01)

    refused(lambda: box.ask(X), "no answer came within 0.01 seconds")
    refused(lambda: box.ask(X), "no answer came")  # the decider is still at it
    go.set()


def test_an_answer_that_comes_too_late_changes_nothing(box: Box) -> None:
    go, gone = threading.Event(), threading.Event()

    def decide(_question: Question) -> Answer:
        go.wait(10)
        gone.set()
        return Answer.always()

    box.sandbox.on_request(decide, timeout=0.01)
    refused(lambda: box.ask(X))
    go.set()
    assert gone.wait(10)

    assert len(box.sandbox.permissions) == 0


def test_with_a_time_limit_the_decider_has_a_thread_of_its_own_and_is_still_the_host(box: Box, tmp_path) -> None:
    (tmp_path / "answers").write_text("yes")
    threads: list[object] = []

    def decide(_question: Question) -> bool:
        threads.append(threading.current_thread())
        return (tmp_path / "answers").read_text() == "yes"

    box.sandbox.on_request(decide, timeout=10)

    assert box.ask(X) == "done"
    assert threads[0] is not threading.current_thread()


def test_deciders_that_never_come_back_are_not_asked_for_ever(box: Box) -> None:
    go = threading.Event()
    box.sandbox.on_request(lambda _question: go.wait(10), timeout=0.001)

    for number in range(8):
        refused(lambda number=number: box.ask(RuntimePermission(f"n{number}")), "no answer")
    refused(lambda: box.ask(X), "8 other requests wait")
    go.set()


def test_the_same_question_of_several_threads_is_asked_once(box: Box) -> None:
    asked: list[Question] = []

    def decide(question: Question) -> bool:
        asked.append(question)
        (pending,) = box.sandbox._domain._asker._open.values()
        while len(pending.done._cond._waiters) < 4:  # all of them wait for this answer
            time.sleep(0.001)
        return True

    box.sandbox.on_request(decide, timeout=30)
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(box.ask, X) for _ in range(4)]
        results = [answer.result() for answer in answers]

    assert results == ["done"] * 4
    assert len(asked) == 1


# ---- Async ----------------------------------------------------------------------------------------------------------


def test_an_async_decider_runs_on_the_loop_that_ran_when_it_was_registered(box: Box, tmp_path) -> None:
    (tmp_path / "answers").write_text("yes")

    async def main() -> tuple[str, bool]:
        mine = asyncio.get_running_loop()
        seen: list[bool] = []

        async def decide(question: Question) -> Answer:
            await asyncio.sleep(0)
            seen.append(asyncio.get_running_loop() is mine)
            assert (tmp_path / "answers").read_text() == "yes"
            return Answer.for_seconds(60) if question.permission == X else Answer.deny("only x")

        box.sandbox.on_request(decide)
        answer = await asyncio.to_thread(box.ask, X)
        with pytest.raises(AccessDenied) as caught:
            await asyncio.to_thread(box.ask, Y)
        assert "only x" in caught.value.__notes__[0]
        return answer, all(seen)

    assert asyncio.run(main()) == ("done", True)


def test_a_request_on_the_loops_own_thread_is_refused_and_says_why(box: Box) -> None:
    async def main() -> None:
        async def decide(_question: Question) -> bool:
            return True

        box.sandbox.on_request(decide)
        refused(lambda: box.ask(X), "thread of the event loop")

    asyncio.run(main())


def test_an_async_decider_needs_a_loop_that_runs(box: Box) -> None:
    async def decide(_question: Question) -> bool:
        return True

    with pytest.raises(PolicyError, match="none runs here"):
        box.sandbox.on_request(decide)

    async def register() -> None:
        box.sandbox.on_request(decide)

    asyncio.run(register())
    refused(lambda: box.ask(X), "does not run")


def test_an_async_decider_that_fails_or_takes_too_long_says_no(box: Box) -> None:
    cancelled: list[bool] = []

    async def main() -> None:
        async def fail(_question: Question) -> bool:
            raise ValueError

        async def hang(_question: Question) -> bool:
            try:
                return await asyncio.Event().wait()
            finally:
                cancelled.append(True)

        box.sandbox.on_request(fail)
        await asyncio.to_thread(refused, lambda: box.ask(X), "the decider failed: ValueError")
        box.sandbox.on_request(hang, timeout=0.01)
        await asyncio.to_thread(refused, lambda: box.ask(X), "no answer came")
        await asyncio.sleep(0.01)

    asyncio.run(main())
    assert cancelled == [True]


def test_a_loop_that_stops_answers_nothing(box: Box) -> None:
    """Whoever waits is let go with a refusal."""

    async def main() -> ThreadPoolExecutor:
        asked = asyncio.Event()

        async def hang(_question: Question) -> bool:
            asked.set()
            return await asyncio.Event().wait()

        box.sandbox.on_request(hang)
        pool = ThreadPoolExecutor(1)
        outcomes.append(pool.submit(refused, lambda: box.ask(X), "was cancelled"))
        await asked.wait()
        return pool

    outcomes: list = []
    with asyncio.run(main()):
        outcomes[0].result(10)


def test_a_function_that_returns_a_coroutine_is_no_decider(box: Box) -> None:
    async def decide(_question: Question) -> bool:
        return True

    box.sandbox.on_request(lambda question: decide(question))
    refused(lambda: box.ask(X), "returned a coroutine, which nobody runs")


# ---- What is shown --------------------------------------------------------------------------------------------------


def test_a_question_says_who_wants_what_and_from_where(box: Box) -> None:
    decide, asked = answering(False)
    box.sandbox.on_request(decide)
    refused(lambda: box.ask(X))

    (question,) = asked
    assert (question.sandbox, question.permission, question.text) == (box.sandbox.name, X, '("RuntimePermission" "x")')
    assert question.chain[1].function.startswith("ask line")  # below the shim of check_permission
    assert question.reason == "it is neither granted nor denied"
    with pytest.raises(AttributeError):
        question.text = "something harmless"


@pytest.mark.parametrize("name", ["a\x1b[2Jb", "a\u202eb", "a\nb", "a\u200bb", "a\u2028b", 'a" "b', "a\x9bb"])
def test_what_could_deceive_a_terminal_is_shown_as_an_escape(box: Box, name: str) -> None:
    decide, asked = answering(False)
    box.sandbox.on_request(decide)
    refused(lambda: box.ask(FilePermission("/" + name, "read")))

    assert asked[0].text.isprintable()
    assert all(entry.function.isprintable() and entry.domain.isprintable() for entry in asked[0].chain)
    assert asked[0].permission.name == "/" + name


def test_what_is_too_long_to_be_shown_whole_is_not_asked_about(box: Box) -> None:
    decide, asked = answering(True)
    box.sandbox.on_request(decide)

    refused(lambda: box.ask(RuntimePermission("x" * 2000)), "too long")
    assert asked == []


def test_the_chain_is_bounded(box: Box) -> None:
    decide, asked = answering(False)
    box.sandbox.on_request(decide)

    refused(
        lambda: box.sandbox.run(
            "import m\ndef f(n):\n    return f(n - 1) if n else m.ask(p)\nf(40)", variables={"p": X}
        )
    )
    assert len(asked[0].chain) == 16


def test_all_parts_of_an_operation_are_shown_and_granted(box: Box, tmp_path, monkeypatch) -> None:
    """A relative path through a link: what is asked about is what an answer grants."""
    (tmp_path / "target").write_text("text")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    monkeypatch.chdir(tmp_path)
    decide, asked = answering(Answer.always())
    box.sandbox.on_request(decide)

    reading = "with open('link') as file:\n    text = file.read()\ntext"
    assert box.sandbox.run(reading).value == "text"
    (question,) = asked
    assert question.permissions == (
        FilePermission(str(tmp_path / "link"), "read"),
        FilePermission(str(tmp_path / "target"), "read"),
    )
    assert " and " in question.text
    assert box.sandbox.run(reading).value == "text"


def test_a_reason_is_bounded_and_printable(box: Box) -> None:
    box.sandbox.on_request(lambda _question: Answer.deny("no\x1b[2J" + "!" * 500))

    with pytest.raises(AccessDenied) as caught:
        box.ask(X)
    assert caught.value.__notes__[0].isprintable()
    assert len(caught.value.__notes__[0]) < 350
