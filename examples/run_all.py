"""Runs every example, each in a process of its own, and prints what it prints."""

import subprocess
import sys
from pathlib import Path

for example in sorted(path.parent for path in Path(__file__).parent.glob("*/main.py")):
    print(f"--- {example.name}", flush=True)
    subprocess.run([sys.executable, example / "main.py"], check=True)
