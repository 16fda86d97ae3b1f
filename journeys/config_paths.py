"""Fields of a node's config by their path, ``reentry/rule`` for what lies deeper. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from journeys.node_kinds import Config


def value_at(config: Config, path: str) -> Any:
    """What the config holds under a path, None for nothing."""
    found: Any = config
    for part in path.split("/"):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def with_values(config: Config, values: Mapping[str, Any]) -> dict[str, Any]:
    """The config with these values by path; None takes a field out."""
    changed: dict[str, Any] = dict(config)
    for path, value in values.items():
        head, _, rest = path.partition("/")
        if rest:
            inner = changed.get(head)
            value = with_values(inner if isinstance(inner, Mapping) else {}, {rest: value}) or None
        if value is None:
            changed.pop(head, None)
        else:
            changed[head] = value
    return changed
