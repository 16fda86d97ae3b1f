"""The mappings that ship with the product: for exports whose columns are known."""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "mappings"


@cache
def shipped_mappings() -> tuple[tuple[str, str], ...]:
    """(name, YAML) of each, by name."""
    return tuple((path.stem, path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.yaml")))
