"""The host's modules that jcage's tests share with their sandboxes; jcage's test package."""
