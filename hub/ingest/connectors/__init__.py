"""Connectors, a folder for each source; every folder registers its connector when it is imported."""

from importlib import import_module
from pkgutil import iter_modules


def load() -> None:
    """Import every source's folder."""
    for module in iter_modules(__path__):
        if module.ispkg:
            import_module(f"{__name__}.{module.name}")
