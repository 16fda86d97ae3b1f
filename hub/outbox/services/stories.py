"""Writes of stories that customers agreed to have told."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from urllib.parse import urlsplit
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from hub.accounts.models import Account
from hub.outbox.models import Story
from hub.people.audit import Actor, audit

LONGEST = {"title": 120, "customer": 120, "text": 600, "url": 1000, "industry": 100}
MOST_SEATS = 10_000_000


@dataclass(frozen=True, slots=True)
class StoryWords:
    """What is told of a customer, to whom (``industry`` "" and seats None: to everybody), and since when they agree."""

    title: str
    customer: str
    text: str
    url: str = ""
    account_id: UUID | None = None
    industry: str = ""
    least_seats: int | None = None
    most_seats: int | None = None
    agreed_on: date | None = None


@transaction.atomic
def story_save(*, words: StoryWords, actor: Actor, story: Story | None = None) -> Story:
    """Make or change a story; messages rendered from now on have it. Raises ValidationError by field."""
    kept = {name: value.strip() if isinstance(value, str) else value for name, value in asdict(words).items()}
    _check(kept)
    row = story or Story()
    for name, value in kept.items():
        setattr(row, name, value)
    row.changed_at, row.changed_by = timezone.now(), actor.label[:200]
    row.save()
    audit(actor, "story.change" if story else "story.add", row, title=row.title, agreed=bool(row.agreed_on))
    return row


@transaction.atomic
def story_remove(*, story: Story, actor: Actor) -> bool:
    """Tell a story no more; messages that were rendered keep it. False when it was away already."""
    gone = Story.objects.filter(pk=story.pk, is_off=False).update(is_off=True, changed_at=timezone.now())
    if gone:
        audit(actor, "story.remove", story, title=story.title)
    return bool(gone)


def _check(kept: dict[str, object]) -> None:
    problems = {name: [f"say it in at most {LONGEST[name]} characters"] for name in LONGEST if _is_wrong(name, kept)}
    least, most = kept["least_seats"], kept["most_seats"]
    for name, seats in (("least_seats", least), ("most_seats", most)):
        if isinstance(seats, int) and not 0 <= seats <= MOST_SEATS:
            problems[name] = [f"from 0 to {MOST_SEATS:,}"]
    if isinstance(least, int) and isinstance(most, int) and least > most:
        problems["most_seats"] = ["at least as many as the fewest"]
    if kept["url"] and not _is_web(str(kept["url"])):
        problems["url"] = ["an address that begins with https://"]
    if kept["account_id"] is not None and not Account.objects.filter(pk=kept["account_id"]).exists():
        problems["account_id"] = ["there is no such account"]
    if problems:
        raise ValidationError(problems)


def _is_wrong(name: str, kept: dict[str, object]) -> bool:
    words = str(kept[name])
    return len(words) > LONGEST[name] or "\0" in words or (not words and name in ("title", "customer", "text"))


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and url.isprintable() and " " not in url
