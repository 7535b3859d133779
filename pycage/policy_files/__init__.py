"""Policy files: what sandboxes may do, written down.

* ``findings``, ``positions``: what is wrong, and on which line; ``notation``: how one permission is written.
* ``variables``, ``document``, ``reader``: TOML to profiles and plugins, and how they are merged.
* ``opening``, ``pinned_code``, ``import_rules``, ``policy_file``, ``watching``: files in use; reloading.
* ``writer``: the canonical text of a profile.
* ``dangers``, ``lint``: what a file gives away, and what it says for nothing.
* ``learning``: what code needs.
* ``words``, ``differences``: what changes, in words.
* ``java_syntax``, ``java_types``, ``java_policy``: the files of Java's security manager.
"""

from pycage.policy_files.differences import Change, diff
from pycage.policy_files.findings import Finding
from pycage.policy_files.java_policy import JavaPolicy, load_java_policy, read_java_policy
from pycage.policy_files.learning import Learned, generalised, learn
from pycage.policy_files.lint import check
from pycage.policy_files.pinned_code import digest_of
from pycage.policy_files.policy_file import PolicyFile, load_policy, read_policy
from pycage.policy_files.writer import write_profile

__all__ = [
    "Change",
    "Finding",
    "JavaPolicy",
    "Learned",
    "PolicyFile",
    "check",
    "diff",
    "digest_of",
    "generalised",
    "learn",
    "load_java_policy",
    "load_policy",
    "read_java_policy",
    "read_policy",
    "write_profile",
]
