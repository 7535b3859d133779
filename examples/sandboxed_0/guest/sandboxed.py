"""Code for the sandbox: it tries to write a file, is refused, and carries on."""


class Sandboxed:
    """What the host runs."""

    def run(self):
        """Try to write; a denial is an ordinary exception."""
        print("Sandboxed: running sandboxed")
        print("Sandboxed: attempting to open file.txt (should fail)")
        try:
            with open("file.txt", "w") as file:
                file.write("FAILURE")
        except PermissionError as error:
            print(f"Sandboxed: failed to open file.txt as expected: {error}")
        print("Sandboxed: finished")
