"""Policy files: what sandboxes may do, written down.

* ``findings``, ``positions``: what is wrong, and on which line; ``notation``: how one permission is written.
* ``variables``, ``document``, ``reader``: TOML to profiles and plugins, and how they are merged.
* ``pinned_code``, ``import_rules``, ``policy_file``: files in use; reloading.
"""

from pycage.policy_files.findings import Finding
from pycage.policy_files.pinned_code import digest_of
from pycage.policy_files.policy_file import PolicyFile, load_policy, read_policy

__all__ = ["Finding", "PolicyFile", "digest_of", "load_policy", "read_policy"]
