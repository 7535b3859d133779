"""The report about an audit log, as text and as a browser shows it."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess

import pycage
import pycage.report
import pytest
from pycage import EnvPermission, FilePermission
from pycage.policy_files import read_policy

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NASTY = "</script><script>document.title='owned'</script>\"'><img src=x onerror=\"document.title='owned'\">"


def line(**changes):
    """Return one line of a log."""
    decision = {
        "time": 1_700_000_000.0,
        "sandbox": "plugin",
        "permission": {"type": "FilePermission", "name": "/etc/passwd", "actions": "read"},
        "outcome": "denied",
        "rule": "no grant",
        "domain": 'sandbox "plugin"',
        "chain": [
            {"domain": 'sandbox "plugin"', "function": "peek", "file": "plugin.py", "line": 7, "privileged": False},
            {"domain": "host", "function": "main", "file": "app.py", "line": 40, "privileged": True},
        ],
        "reason": "",
        "count": 1,
    }
    return json.dumps(decision | changes)


def asked(kind, name, actions=""):
    return {"type": kind, "name": name, "actions": actions}


@pytest.fixture
def written(tmp_path):
    def write(lines, **options):
        path = tmp_path / "report.html"
        pycage.report.write(lines, path, **options)
        return path.read_text("utf-8")

    return write


def policies(text):
    """Return the suggested policies of a page."""
    return [html.unescape(found) for found in re.findall(r'<pre class="policy">(.*?)</pre>', text, re.DOTALL)]


def test_a_real_run_is_shown_with_its_denials_and_their_stack(written):
    log = pycage.decisions()
    with pycage.Sandbox("curious", permissions=[FilePermission("/etc/hosts", "read")]) as sandbox:
        sandbox.run(
            "def peek():\n"
            "    try:\n"
            "        open('/etc/shadow')\n"
            "    except PermissionError:\n"
            "        pass\n"
            "open('/etc/hosts').close()\n"
            "peek()\n"
        )

    text = written([decision.to_json() for decision in log])

    assert "Sandbox <code>curious</code>" in text
    for shown in ('("FilePermission" "/etc/hosts" "read")', '("FilePermission" "/etc/shadow" "read")'):
        assert f"<code>{html.escape(shown)}</code>" in text
    assert "<code>peek</code>" in text


def test_equal_refusals_are_one_with_their_number(written):
    text = written([line(count=2), line(time=1_700_000_009.0), line(reason="another")])

    assert text.count("<details") == 2
    assert "denied 3 times" in text


def test_a_suggested_policy_reads_back_and_has_no_line_too_many(written):
    text = written(
        [
            line(permission=asked("FilePermission", "/srv/-", "read,write")),
            line(permission=asked("FilePermission", "/srv/a/b", "read"), outcome="granted"),
            line(permission=asked("EnvPermission", "HOME", "read"), outcome="would deny"),
        ]
    )

    (policy,) = policies(text)
    assert set(read_policy(policy).permissions("plugin")) == {
        FilePermission("/srv/-", "read,write"),
        EnvPermission("HOME", "read"),
    }


def test_what_was_recorded_in_part_or_is_unknown_is_not_suggested_but_counted(written):
    text = written(
        [
            line(permission=asked("FilePermission", "/a" * 300 + "\u2026", "read")),
            line(permission=asked("NoSuchPermission", "x")),
        ]
    )

    assert policies(text) == [] or "/a/a" not in policies(text)[0]
    assert "Not in it: 1" in text or "Not in it: 2" in text


def test_lines_that_are_no_decisions_are_counted_and_said(written):
    lines = [line(), "{", "", "[1]", line(outcome="perhaps"), '{"time": 1}', "[" * 100_000]

    text = written(lines)

    assert "5 lines of the log are no decisions" in text


def test_an_empty_log_is_a_page_that_says_so(written):
    assert "Nothing was asked for" in written([])


@pytest.mark.parametrize("field", ["sandbox", "rule", "domain", "reason"])
def test_text_that_a_sandbox_chose_stays_text(written, field):
    text = written([line(**{field: NASTY})], title=NASTY)

    assert text.count("<script>") == 1
    assert "<img" not in text


def test_names_and_stacks_stay_text(written):
    frame = {"domain": NASTY, "function": NASTY, "file": NASTY, "line": 1, "privileged": False}
    text = written([line(permission=asked("FilePermission", NASTY, "read"), chain=[frame])])

    assert text.count("<script>") == 1
    assert "<img" not in text


@pytest.mark.parametrize("seconds", [-1e300, 1e300, 0, 253402300800.0])
def test_a_time_that_is_none_does_not_stop_the_report(written, seconds):
    assert "denied once" in written([line(), line(time=seconds, reason="odd")])


def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path):
    path = tmp_path / "report.html"
    pycage.report.write([line()], path)
    before = path.read_text()

    def broken():
        yield line()
        raise OSError("the log went away")

    with pytest.raises(OSError, match="went away"):
        pycage.report.write(broken(), path)

    assert path.read_text() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


# ---- In a browser -----------------------------------------------------------------------------------------------------


@pytest.fixture
def shown(tmp_path):
    """Return the document as a browser has it after the page's own script ran."""
    if BROWSER is None:
        pytest.skip("there is no Chromium on this machine")

    def show(lines, words=""):
        path = tmp_path / "report.html"
        pycage.report.write(lines, path)
        options = (
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={tmp_path / 'browser'}", "--dump-dom", f"{path.as_uri()}#{words}",
        )  # fmt: skip
        environment = {**os.environ, "HOME": str(tmp_path)}
        return subprocess.run(
            [BROWSER, *options], check=True, capture_output=True, text=True, timeout=100, env=environment
        ).stdout

    return show


def test_a_browser_filters_the_page_and_runs_nothing_of_a_sandbox(shown):
    other = asked("EnvPermission", "HOME", "read")
    nasty = asked("FilePermission", NASTY, "read")
    lines = [line(), line(permission=other, outcome="granted"), line(permission=nasty, reason=NASTY, domain=NASTY)]

    document = shown(lines, "passwd")

    assert "1 of 3 permissions" in document
    rows = re.findall(r"<tr class=\"[a-z-]+\"( hidden=\"\")?><td><code>(.*?)</code>", document)
    assert sorted(bool(hidden) for hidden, _ in rows) == [False, True, True]
    assert [name for hidden, name in rows if not hidden] == ['("FilePermission" "/etc/passwd" "read")']
    assert "<title>Audit log</title>" in document
