"""What a process loads when it starts: nothing that only a few pages need and that takes a second or many megabytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAVY = ("scipy", "pandas", "sklearn", "statsmodels", "matplotlib")
START = f"""
import django, sys
django.setup()
import config.urls
print([name for name in {HEAVY!r} if name in sys.modules])
"""


def test_heavy_libraries_are_loaded_when_somebody_needs_them() -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-c", START]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
