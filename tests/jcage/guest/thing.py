"""jcage's Thing: a module that both the host and a sandbox could load."""


class Thing:
    """Nothing in particular."""

    def method(self):
        return self
