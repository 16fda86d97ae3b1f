"""Small words of tasks. Load with ``{% load work_words %}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template

register = template.Library()


@register.filter
def count_of(counts: Mapping[Any, int] | str, key: Any) -> int:
    """The number under a key, 0 where nothing was counted."""
    return counts.get(key, 0) if isinstance(counts, Mapping) else 0
