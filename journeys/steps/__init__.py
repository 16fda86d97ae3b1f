"""Steps, a folder each; every folder registers its step (and, if it is new, its node kind) when it is imported."""

from importlib import import_module
from pkgutil import iter_modules


def load() -> None:
    """Import every step's folder."""
    for module in iter_modules(__path__):
        if module.ispkg:
            import_module(f"{__name__}.{module.name}")
