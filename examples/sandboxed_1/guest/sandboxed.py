"""Code for the sandbox: it uses the host's narrow API, and tries to do the same for itself."""

from pycage import AccessDenied, FilePermission, check_permission, do_privileged


class Sandboxed:
    """What the host runs, with a listener of the host's."""

    def __init__(self, listener):
        """Keep the listener."""
        self.listener = listener

    def run(self):
        """Call the listener, then try what the listener may do."""
        print("Sandboxed: running sandboxed")
        print("Sandboxed: calling listener")
        self.listener.on_message_received("Hello")
        print("Sandboxed: called listener")
        print("Sandboxed: Attempting to perform privileged operation")
        try:
            do_privileged(self.operation)
        except AccessDenied as error:
            print(f"Sandboxed: Correctly failed to perform privileged operation: {error}")
        print("Sandboxed: finished")

    def operation(self):
        """Ask for what only the host may do."""
        check_permission(FilePermission("/tmp/z", "write"))
