"""A sandbox without permissions: what its code may not do raises an ordinary exception."""

from pathlib import Path

import pycage

sandbox = pycage.Sandbox("example", resolver=pycage.PathResolver(Path(__file__).parent / "guest"))

with sandbox:
    module = sandbox.load("sandboxed")
    sandboxed = module.Sandboxed()

    print("Running sandboxed code...")
    sandboxed.run()
    print("Finished running sandboxed code.")
