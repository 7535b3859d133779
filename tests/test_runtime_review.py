"""Attacks on what changes permissions while a program runs, and on what is written down about it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import json
import logging
from typing import TYPE_CHECKING

import pytest

import pycage
from pycage import (
    AccessDenied,
    EnvPermission,
    FilePermission,
    GrantPermission,
    MappingResolver,
    PolicyError,
    Principal,
    RuntimePermission,
    Sandbox,
    SandboxAdminPermission,
    SecurityPermission,
    SocketPermission,
)
from pycage.needs import smallest
from pycage.policy_files import digest_of, policy_file, read_java_policy
from pycage.report.reading import read
from pycage.report.summary import summarize
from pycage.rulings import granting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_numbers = itertools.count()
X = RuntimePermission("x")
SECRET = FilePermission("/srv/secret", "read")
PLUGIN = """
import pycage
def call(function, *args, **kwargs):
    return function(*args, **kwargs)
def child(mine, name, **arguments):
    return mine.create_child(name, **arguments)
def ask(permission):
    pycage.check_permission(permission)
class Somebody:
    def __init__(self, name):
        self._name = name
    def __hash__(self):
        return 1
    @property
    def name(self):
        raise ValueError("nobody reads the log any more")
"""
DELEGATE = (SandboxAdminPermission("*", "getSandboxes"), SandboxAdminPermission("*", "createSandbox"))


@pytest.fixture
def make() -> Iterator[Callable[..., Sandbox]]:
    with contextlib.ExitStack() as stack:

        def one(*permissions: pycage.Permission, **more: object) -> Sandbox:
            name = f"runtime_review_{next(_numbers)}"
            return stack.enter_context(
                Sandbox(name, resolver=MappingResolver({"m": PLUGIN}), permissions=permissions, **more)
            )

        yield one


# ---- Functions that are called as the host ---------------------------------------------------------------------------


def test_a_function_of_the_host_that_a_sandbox_hands_over_as_subscriber_works_for_the_sandbox(make) -> None:
    administrator, other = make(SandboxAdminPermission("*", "*")), make()
    reached = []

    def of_the_host(_change: object) -> None:
        with contextlib.suppress(AccessDenied):
            pycage.check_permission(SECRET)
            reached.append("secret")

    administrator.load("m").call(other.subscribe, of_the_host)
    other.grant(X)
    assert reached == []

    other.subscribe(of_the_host)
    other.grant(X)
    assert reached == ["secret"]


def test_a_function_of_the_host_that_a_sandbox_hands_over_as_decider_works_for_the_sandbox(make) -> None:
    administrator, other = make(SandboxAdminPermission("*", "*")), make()

    def of_the_host(_question: object) -> bool:
        pycage.check_permission(SECRET)
        return True

    administrator.load("m").call(other.on_request, of_the_host)
    with pytest.raises(AccessDenied):
        other.load("m").ask(X)

    other.on_request(of_the_host)
    other.load("m").ask(X)


def test_an_async_decider_that_a_sandbox_hands_over_is_refused_at_once_and_says_why(make) -> None:
    administrator, other = make(SandboxAdminPermission("*", "*")), make()

    class Deciding:
        async def __call__(self, _question: object) -> bool:
            return True

    async def register() -> None:
        for decider in (Deciding().__call__, Deciding()):
            with pytest.raises(PolicyError, match="hand over a plain function"):
                administrator.load("m").call(other.on_request, decider)
        other.on_request(Deciding())  # the host may

    asyncio.run(register())
    administrator.load("m").call(other.on_request, lambda _question: Deciding()(_question))
    with pytest.raises(AccessDenied) as caught:
        other.load("m").ask(X)
    assert any("hand over the async function itself" in note for note in caught.value.__notes__)
    administrator.load("m").call(other.on_request, lambda _question: True)
    other.load("m").ask(X)


def test_a_function_of_the_host_that_a_sandbox_hands_over_as_sink_works_for_the_sandbox(make) -> None:
    administrator, other = make(SecurityPermission("setDecisions")), make()
    reached, heard = [], []

    def of_the_host(_decision: object) -> None:
        pycage.check_permission(SECRET)
        reached.append("secret")

    log = pycage.decisions()
    with administrator.load("m").call(log.add_sink, of_the_host) as delivery, log.add_sink(heard.append):
        with pytest.raises(AccessDenied):
            other.load("m").ask(X)
        log.flush()
        assert delivery.failures
    assert reached == []
    assert any(decision.name == "x" for decision in heard)


@pytest.mark.parametrize("character", "\u034f\u115f\u3164\ufe0f\uffa0\U000e0100\u2800")
def test_a_question_shows_characters_that_are_not_seen(make, character: str) -> None:
    sandbox, questions = make(), []
    sandbox.on_request(questions.append)
    with pytest.raises(AccessDenied):
        sandbox.load("m").ask(FilePermission(f"/srv/\u00e9{character}", "read"))

    assert questions[0].text == f'("FilePermission" "/srv/\u00e9\\u{ord(character):04x}" "read")'
    assert questions[0].permission.name == f"/srv/\u00e9{character}"


# ---- What reaches the log --------------------------------------------------------------------------------------------


def test_a_sandbox_cannot_stop_the_log_with_somebody_of_its_own(make) -> None:
    parent = make(*DELEGATE, GrantPermission.of(X), X)
    plugin = parent.load("m")
    child = plugin.child(parent, "runtime_review_child", permissions=[X])

    with pytest.raises(TypeError, match="Principal"):
        plugin.call(child.grant, X, principals=[plugin.Somebody("a")])
    with pytest.raises(TypeError, match="Principal"):
        pycage.get_policy().grant(pycage.CodeSource(child.url), X, principals=["ann"])
    child.grant(X, principals=[Principal("ann")])


def test_the_name_of_a_principal_is_exactly_text() -> None:
    class Text(str):
        __slots__ = ()

    with pytest.raises(TypeError):
        Principal(Text("ann"))
    assert Principal("ann") == Principal("ann")


def test_a_tag_that_a_sandbox_chose_writes_no_line_of_its_own_into_a_log(make, caplog) -> None:
    parent = make(*DELEGATE, GrantPermission.of(X), X)
    plugin = parent.load("m")
    child = plugin.child(parent, "runtime_review_child", resolver=MappingResolver({"m": PLUGIN}))
    plugin.call(child.grant, X, tag="a)\nWARNING all is well \x1b[2J\u202e" + "x" * 5000)

    with caplog.at_level(logging.DEBUG, "pycage.audit"), pycage.decisions().to_logging():
        child.load("m").ask(X)
    said = [record.getMessage() for record in caplog.records if record.name == "pycage.audit"]

    assert said
    assert all(text.isprintable() and len(text) < 3000 for text in said)


def test_a_relative_name_does_not_stop_the_report(make) -> None:
    with pytest.raises(AccessDenied):
        make().load("m").ask(FilePermission("relative", "read"))
    line = pycage.decisions().denials()[-1].to_json()

    (sandbox,) = summarize(read([line]).decisions).sandboxes
    assert (sandbox.suggestion, sandbox.incomplete) == ("", 1)


def test_a_suggestion_is_made_once_and_not_for_each_pair_of_names(make, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(EnvPermission, "implies", lambda *pair: asked.append(pair) or False)
    smallest(((EnvPermission(f"V{number}", "read"),),) for number in range(2000))
    assert len(asked) <= 2000


@pytest.mark.parametrize(
    ("time", "count"), [("NaN", 1), ("Infinity", 1), ("9" * 400, 1), (1, 0), (1, -1), (1, "9" * 400)]
)
def test_a_line_of_a_log_that_no_sink_wrote_does_not_stop_the_report(make, time, count) -> None:
    with pytest.raises(AccessDenied):
        make().load("m").ask(X)
    record = json.loads(pycage.decisions().denials()[-1].to_json())
    forged = json.dumps(record | {"time": "T", "count": "C"}).replace('"T"', str(time)).replace('"C"', str(count))

    log = read([forged, json.dumps(record)])
    assert (len(log.decisions), log.unread) == (1, 1)


# ---- Policy files ----------------------------------------------------------------------------------------------------


def test_a_sandbox_that_is_closed_in_a_reload_keeps_no_other_from_following(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "policy.toml"
    text = "[profiles.review_a]\nallow = ['RuntimePermission \"x\"']\n[profiles.review_b]\nallow = ['RuntimePermission \"x\"']"
    path.write_text(text)
    policy = pycage.load_policy(path)
    with policy.sandbox("review_a") as first, policy.sandbox("review_b") as second:
        following = policy_file._following

        def closing(document: object, use: object, sandbox: Sandbox) -> object:
            first.close()
            return following(document, use, sandbox)

        monkeypatch.setattr(policy_file, "_following", closing)
        path.write_text(text.replace('"x"', '"y"'))
        policy.reload()
        assert second.query(X) == "prompt"
        with pytest.raises(PolicyError, match="closed"):
            policy.apply(first, "review_a")


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ('SocketPermission "${v}:443" "connect"', "0.0.0.0/0"),
        ('SocketPermission "host:1${v}" "connect"', "-65535"),
        ('SocketPermission "${v}" "connect"', "host:1-65535"),
        ('ProcessPermission "${v}" "signal"', "-1"),
        ('ProcessPermission "${v}" "signal"', "0"),
        ('FilePermission "<${v}" "read"', "<ALL FILES>>"),
    ],
)
def test_a_value_makes_no_name_wider(entry: str, value: str) -> None:
    with pytest.raises(PolicyError, match="filled in"):
        pycage.read_policy(f"profiles.a.allow = ['{entry}']", variables={"v": value})


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ('SocketPermission "${v}:443" "connect"', "host-a.example"),
        ('SocketPermission "10.0.0.0/${v}" "connect"', "8"),
        ('SocketPermission "host:${v}-${v}" "connect"', "80"),
        ('ProcessPermission "${v}" "signal"', "4711"),
        ('ProcessPermission "${v}/x" "execute"', "/usr/bin"),
        ('FilePermission "/srv/${v}/-" "read"', "a-b"),
    ],
)
def test_a_value_is_a_piece_of_a_name(entry: str, value: str) -> None:
    assert len(pycage.read_policy(f"profiles.a.allow = ['{entry}']", variables={"v": value}).permissions("a")) == 1


# ---- Policies of Java ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "entry",
    [
        "com.example.AllPermission",
        'com.example.FilePermission "/-", "read"',
        'com.example.SecurityPermission "*"',
        'java.lang.RuntimePermission "getenv.A*"',
        'java.net.SocketPermission "0.0.0.0/0:443", "connect"',
        'java.lang.RuntimePermission "loadLibrary./-"',
        'java.lang.RuntimePermission "loadLibrary./usr/*"',
    ],
)
def test_what_means_one_thing_or_nothing_in_java_is_not_more_here(entry: str) -> None:
    policy = read_java_policy(f"grant {{ permission {entry}; }};")

    assert policy.grants[0].permissions == ()
    assert len(policy.report) == 1


@pytest.mark.parametrize(
    "entry", ["AllPermission", 'EnvPermission "A*", "read"', 'java.lang.RuntimePermission "getenv.*"']
)
def test_types_of_pycage_are_still_named_plainly(entry: str) -> None:
    assert len(read_java_policy(f"grant {{ permission {entry}; }};").grants[0].permissions) == 1


# ---- Memory ----------------------------------------------------------------------------------------------------------


def test_subscriptions_that_ended_are_not_kept(make) -> None:
    sandbox = make()
    for _ in range(10):
        with sandbox.subscribe(print):
            pass
    assert len(sandbox._watched) == 1


def test_what_records_say_of_rules_is_bounded() -> None:
    policy, source = pycage.Policy(), pycage.CodeSource("pycage://sandbox/a")
    policy.grant(source, FilePermission("/" + "a" * 100_000, "read"))
    policy.grant(source, *(SocketPermission(f"10.0.0.0/8:{port}", "connect") for port in range(1, 500)))
    wanted = FilePermission("/" + "a" * 100_000, "read"), SocketPermission("10.0.0.1:1-400", "connect")

    assert policy.implies(source, wanted[0])
    assert len(granting(policy.rules, source, [wanted[0]]) or "") < 1000
    assert "more" in (granting(policy.rules, source, [wanted[1]]) or "")[-20:]


# ---- Pinned code -----------------------------------------------------------------------------------------------------


def test_one_file_whose_name_reads_as_two_has_no_hash(tmp_path: Path) -> None:
    first, second = b"import guard\n", b"forbid = True\n"
    plain, forged = tmp_path / "plain", tmp_path / "forged"
    plain.mkdir()
    (plain / "__init__.py").write_bytes(first)
    (plain / "guard.py").write_bytes(second)
    directory = forged / f"__init__.py\n{hashlib.sha256(second).hexdigest()}  ."
    directory.mkdir(parents=True)
    (directory / "guard.py").write_bytes(first)

    assert len(digest_of(plain)) == 64
    with pytest.raises(PolicyError, match="line break"):
        digest_of(forged)
