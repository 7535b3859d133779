"""Real packages, with work that touches files and the environment: what is learnt is what they need, and no more.

For each program: under the learned policy it gives the same value, and without any line of it, it is refused.
"""

from __future__ import annotations

import gc
import struct
import sysconfig
from pathlib import Path
from typing import NamedTuple

import pytest
from pycage import AccessDenied, ChainResolver, MappingResolver, PathResolver
from pycage.policy_files import learn, load_policy

SITE = PathResolver(sysconfig.get_paths()["purelib"])


class Work(NamedTuple):
    """A program, and how many lines its policy has."""

    package: str
    lines: int
    program: str


WORK = [
    Work(
        "Jinja2",
        3,
        """
import os
from jinja2 import Environment, FileSystemLoader

def main(directory):
    environment = Environment(loader=FileSystemLoader(directory), auto_reload=False)
    return environment.get_template("page.html").render(who=os.environ["PYCAGE_WHO"])
""",
    ),
    Work(
        "PyYAML",
        3,
        """
import os, yaml

def main(directory):
    with open(os.path.join(directory, "in.yaml")) as file:
        data = yaml.safe_load(file)
    data["who"] = os.environ["PYCAGE_WHO"]
    with open(os.path.join(directory, "out.yaml"), "w") as file:
        yaml.safe_dump(data, file)
    return sorted(data)
""",
    ),
    Work(
        "python-dateutil",
        2,
        """
import datetime, os
from dateutil import parser, tz

def main(directory):
    zone = tz.tzfile(os.path.join(directory, os.environ["TZ"]))
    return parser.parse("2024-05-06 07:08").replace(tzinfo=zone).isoformat()
""",
    ),
    Work(
        "tabulate",
        3,
        """
import csv, os, tabulate

def main(directory):
    rows = []
    for name in ("a.csv", "b.csv"):
        with open(f"{directory}/{name}", newline="") as file:
            rows += csv.reader(file)
    return tabulate.tabulate(rows, tablefmt=os.environ["PYCAGE_FORMAT"])
""",
    ),
    Work(
        "toolz",
        3,
        """
import os, toolz

def main(directory):
    words = []
    for name in sorted(os.listdir(directory + "/values")):
        with open(f"{directory}/values/{name}") as file:
            words += file.read().split()
    return toolz.frequencies(words)
""",
    ),
]


@pytest.fixture
def directory(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("PYCAGE_WHO", "ann")
    monkeypatch.setenv("PYCAGE_FORMAT", "github")
    monkeypatch.setenv("TZ", "zone.tz")
    files = {
        "base.html": "<p>{% block body %}{% endblock %}</p>",
        "page.html": "{% extends 'base.html' %}{% block body %}Hello {{ who }}{% endblock %}",
        "in.yaml": "a: [1, 2]\nb: {c: d}\n",
        "a.csv": "1,2\n",
        "b.csv": "3,4\n",
        "values/x": "a b",
        "values/y": "b c",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    counts = struct.pack(">6l", 0, 0, 0, 0, 1, 4)
    (tmp_path / "zone.tz").write_bytes(b"TZif" + bytes(16) + counts + struct.pack(">lbb", 7200, 0, 0) + b"ABC\0")
    return tmp_path


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("work", WORK, ids=lambda work: work.package)
def test_a_learned_policy_is_enough_and_no_line_of_it_can_go(work: Work, directory: Path) -> None:
    def resolver():
        return ChainResolver(MappingResolver({"program": work.program}), SITE)

    learned = learn(lambda sandbox: sandbox.load("program").main(str(directory)), resolver=resolver())
    text = learned.profile()
    lines = text.splitlines()
    rules = [number for number, line in enumerate(lines) if line.startswith("    '")]
    path = directory / "policy.toml"
    path.write_text(text)
    policy = load_policy(path)

    assert learned.error is None
    assert len(rules) == work.lines, text
    with policy.sandbox("learned", resolver=resolver()) as sandbox:
        main = sandbox.load("program").main
        assert main(str(directory)) == learned.value
        for number in rules:
            path.write_text("\n".join(lines[:number] + lines[number + 1 :]))
            policy.reload()
            with pytest.raises((AccessDenied, KeyError)) as refused:
                main(str(directory))
            assert type(refused.value) is AccessDenied or "this sandbox may not read it" in refused.value.__notes__[0]
        path.write_text(text)
        policy.reload()
        assert main(str(directory)) == learned.value
        del main
        gc.collect()  # a __del__ that runs after the sandbox was closed is refused
