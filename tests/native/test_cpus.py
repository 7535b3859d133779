"""How many processors there are to spin on."""

from __future__ import annotations

import math

import pytest
from pycage_native import cpus


def group(root, path, **files):
    place = root / path
    place.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (place / name.replace("__", ".")).write_text(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("max 100000", math.inf), ("100000 100000", 1.0), ("150000 100000", 1.5), ("rubbish", math.inf)],
)
def test_a_quota_of_version_2_counts(tmp_path, text, expected):
    own = tmp_path / "own"
    own.write_text("0::/a/b\n")
    group(tmp_path / "root", "a/b", cpu__max=text)

    assert cpus.quota(own, tmp_path / "root") == expected


def test_the_tightest_group_above_counts(tmp_path):
    own = tmp_path / "own"
    own.write_text("0::/a/b\n")
    group(tmp_path / "root", "a/b", cpu__max="400000 100000")
    group(tmp_path / "root", "a", cpu__max="50000 100000")

    assert cpus.quota(own, tmp_path / "root") == 0.5


def test_a_quota_of_version_1_counts(tmp_path):
    own = tmp_path / "own"
    own.write_text("4:memory:/x\n3:cpu,cpuacct:/x\n")
    group(tmp_path / "root" / "cpu", "x", cpu__cfs_quota_us="200000", cpu__cfs_period_us="100000")

    assert cpus.quota(own, tmp_path / "root") == 2.0


def test_without_groups_there_is_no_quota(tmp_path):
    assert cpus.quota(tmp_path / "nothing", tmp_path) == math.inf


def test_with_one_processor_nobody_spins(monkeypatch):
    monkeypatch.setattr(cpus, "usable", lambda: 1)
    assert cpus.spin_nanoseconds() == 0
    monkeypatch.setattr(cpus, "usable", lambda: 2)
    assert cpus.spin_nanoseconds() == cpus.SPIN_NANOSECONDS
