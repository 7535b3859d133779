"""jcage's HelloThing: it runs, and tells who loaded it."""


class HelloThing:
    """Runnable."""

    def run(self):
        print(f"Hello from class {__name__}.{type(self).__name__}")
