"""A planted confused deputy: jcage's DangerousGetClassLoader.

It hands out what decides about modules, and does so with the host's privilege.  Holding it must not be enough.
"""

from pathlib import Path

import pycage


def _loader():
    # Both ask for permissions that the caller lacks: the list of a directory, and a loader for all that is in it.
    directory = Path(__file__).parent
    assert [path.name for path in directory.iterdir()]
    return pycage.PathResolver(directory), pycage.UnrestrictedPolicy.get()


def get_loader():
    """Return a resolver of the host's own modules, and the policy that allows everything."""
    return pycage.do_privileged(_loader)
