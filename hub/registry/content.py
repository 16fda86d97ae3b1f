"""Content providers: what an app can show inside another's page or message."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from hub.registry.base import Registry


@dataclass(frozen=True, slots=True)
class ContentItem:
    """One thing to show. ``body`` is plain text; ``source`` and ``as_of`` are its provenance."""

    title: str
    body: str = ""
    url: str = ""
    source: str = ""
    as_of: datetime | None = None
    data: Mapping[str, object] = field(default_factory=dict)


Provide: TypeAlias = Callable[[UUID, Mapping[str, object]], Sequence[ContentItem]]


@dataclass(frozen=True, slots=True)
class ContentProvider:
    """Gives content for an account id and options; an empty sequence when it has none."""

    key: str
    title: str
    provide: Provide
    order: int = 100


content_providers: Registry[ContentProvider] = Registry("content provider")
