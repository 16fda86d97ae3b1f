"""Reading from APIs: a `pull.py` in a connector's folder says what is asked for, and how an answer is read."""

from importlib import import_module

# Sources that have an API worth asking; the others only call.
SOURCES = ("stripe", "zendesk", "intercom", "hubspot", "salesforce")


def load() -> None:
    """Import every source's puller."""
    for source in SOURCES:
        import_module(f"hub.ingest.connectors.{source}.pull")
