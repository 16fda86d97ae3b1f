"""A scorecard as it would be published: what a back-test tests, and the hash by which publishing finds it. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Draft:
    """Measures as they are stored (signals/health/cards.py), where the bands begin, and for which accounts."""

    measures: Sequence[Mapping[str, Any]]
    yellow_from: int
    green_from: int
    rule: Any

    @property
    def hash(self) -> str:
        """The same for the same measures in the same order, bands and accounts, and for nothing else."""
        content = [list(self.measures), self.yellow_from, self.green_from, self.rule]
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
