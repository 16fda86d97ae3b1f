"""Texts of customers: what an app keeps in their own words and wants read for language, sentiment and themes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hub.registry.base import Registry


@dataclass(frozen=True, slots=True)
class Text:
    """What somebody wrote: about which account, when, in which words; ``url`` is where it can be seen."""

    object_id: UUID
    account_id: UUID
    at: datetime
    text: str
    author: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class TextSource:
    """A kind of text. Both are asked inside the tenant's context.

    ``of(ids)`` gives those of these objects that are there and say something, ``after(id, limit)`` the ids that follow
    one, in order, None at the beginning.
    """

    key: str
    title: str
    of: Callable[[Sequence[UUID]], Sequence[Text]]
    after: Callable[[UUID | None, int], Sequence[UUID]]
    order: int = 100


text_sources: Registry[TextSource] = Registry("text source")
