"""Not allowed: two segments below the allowed package, as java.util.concurrent.Future is."""


class Future:
    """What no sandbox of these tests should get."""
