"""pycage."""
