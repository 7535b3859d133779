"""A host class with a private field: jcage's ThingWithPrivate."""


class ThingWithPrivate:
    """Its value is nobody's business."""

    def __init__(self):
        self._value = 0

    def unchanged(self):
        """Whether nobody has got at the value."""
        return self._value == 0


THING = ThingWithPrivate()


def thing():
    """Hand out the one instance that there is."""
    return THING
