"""A narrow privileged API: the host lends a sandbox one operation, and the sandbox cannot lend itself any."""

from pathlib import Path

import pycage
from pycage import FilePermission

WRITE_Z = FilePermission("/tmp/z", "write")


class Listener:
    """The host's API: the sandbox may call it, and it does one privileged thing on the caller's behalf."""

    def on_message_received(self, message):
        """Print a message, then do what the sandbox itself may not."""
        print(f"Listener: received: {message}")
        print("Listener: Attempting to perform privileged operation")
        self.perform()
        print("Listener: Performed privileged operation")

    @pycage.privileged(limit=[WRITE_Z])
    def perform(self):
        """Ask for the permission; the sandbox that called does not count, because this function is privileged."""
        pycage.check_permission(WRITE_Z)


sandbox = pycage.Sandbox("example", resolver=pycage.PathResolver(Path(__file__).parent / "guest"))

with sandbox:
    module = sandbox.load("sandboxed")
    sandboxed = module.Sandboxed(Listener())

    print("Running sandboxed code...")
    sandboxed.run()
    print("Finished running sandboxed code.")
