"""Writing to other systems: a `write.py` in a connector's folder says how its customers are written."""

from importlib import import_module

# Sources whose customers are accounts that other teams look at.
SOURCES = ("hubspot", "salesforce")


def load() -> None:
    """Import every source's writer."""
    for source in SOURCES:
        import_module(f"hub.ingest.connectors.{source}.write")
