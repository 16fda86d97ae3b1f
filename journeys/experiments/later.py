"""Modules that are loaded when they are first asked for something.

scipy takes over a second and some sixty megabytes, in every process and at every start; only the figures of experiments
need it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final


class Later:
    """A module by its name; each attribute is that of the module."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self._name), name)


stats: Final = Later("scipy.stats")
optimize: Final = Later("scipy.optimize")
