"""Which story of another customer fits an account: of its industry and size first, then the newest. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

NO_STORY: Final = {"title": "", "customer": "", "text": "", "url": ""}
"""What a message says of a story where none fits: nothing."""


class Told(Protocol):
    """What choosing needs of a story."""

    @property
    def pk(self) -> UUID: ...
    @property
    def title(self) -> str: ...
    @property
    def customer(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def account_id(self) -> UUID | None: ...
    @property
    def industry(self) -> str: ...
    @property
    def least_seats(self) -> int | None: ...
    @property
    def most_seats(self) -> int | None: ...
    @property
    def created_at(self) -> datetime: ...


def story_for(stories: Iterable[Told], *, account_id: UUID, industry: str, seats: int | None) -> dict[str, str]:
    """The words of the best story of somebody else that fits, `NO_STORY` where none does.

    A story of another industry or size never fits; what is not said of a story or an account speaks against neither.
    """
    fitting = [each for each in stories if each.account_id != account_id and _fits(each, industry, seats)]
    if not fitting:
        return dict(NO_STORY)
    best = max(fitting, key=lambda each: (bool(each.industry), _has_size(each), each.created_at, each.pk))
    return {name: str(getattr(best, name)) for name in NO_STORY}


def _fits(story: Told, industry: str, seats: int | None) -> bool:
    if story.industry and story.industry.strip().casefold() != industry.strip().casefold():
        return False
    if not _has_size(story):
        return True
    most = seats if story.most_seats is None else story.most_seats
    return seats is not None and most is not None and (story.least_seats or 0) <= seats <= most


def _has_size(story: Told) -> bool:
    return story.least_seats is not None or story.most_seats is not None
