"""What the search box finds: each app offers its own kind of thing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from hub.registry.base import Registry

Request: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class SearchHit:
    """One thing found: its name, where it is, and a line that tells it from others of the same name."""

    title: str
    url: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class SearchSource:
    """A kind of thing that can be found. ``find(request, text, limit)`` answers best first, ``text`` is never empty."""

    key: str
    title: str
    order: int
    permission: str
    find: Callable[[Request, str, int], Sequence[SearchHit]]
    icon: str = "search"


search_sources: Registry[SearchSource] = Registry("search source")
