"""Writes of themes: those of the tenant's own, and its words for those that ship."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from hub.feedback.models import TextTheme
from hub.feedback.reading import QUEUE
from hub.feedback.text.lexicon import SHIPPED
from hub.feedback.text.themes import phrases_of
from hub.people.audit import Actor, audit
from hub.tenancy.wake import wake

MOST: Final = 50
MOST_KEY: Final = 40


class ThemeError(ValueError):
    """A theme that cannot be kept; nothing was written."""


@transaction.atomic
def theme_save(*, key: str = "", title: str, phrases: Iterable[str], is_off: bool = False, actor: Actor) -> TextTheme:
    """Change a theme, or without a `key` add one; all texts are then read again in the background.

    Raises ThemeError for a title that is taken or says nothing, and PhraseError for phrases that tell nothing.
    """
    told = list(phrases_of(phrases))
    title = " ".join(title.replace("\0", "").split())[:80]
    taken = {row.title.lower() for row in TextTheme.objects.exclude(key=key)}
    taken |= {theme.title.lower() for theme in SHIPPED if theme.key != key}
    if title.lower() in taken:
        raise ThemeError(f"there is a theme “{title}” already")
    adds, key = not key, key or _key(title)
    if adds and TextTheme.objects.count() >= MOST:
        raise ThemeError(f"there are {MOST} themes already")
    values = {"title": title, "phrases": told, "is_off": is_off, "changed_at": timezone.now()}
    if adds:
        row = _added(key, values)
    else:
        row, _ = TextTheme.objects.update_or_create(key=key, defaults=values)
    audit(actor, "theme.add" if adds else "theme.change", row, key=key, title=title, phrases=told, is_off=is_off)
    wake(QUEUE)
    return row


def _key(title: str) -> str:
    key = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:MOST_KEY].strip("_")
    if not key:
        raise ThemeError("give a name with letters or digits from a to z: rules and the API need it")
    if key in {theme.key for theme in SHIPPED} | {"new"}:
        raise ThemeError(f"the name {key} is taken")
    return key


def _added(key: str, values: dict[str, object]) -> TextTheme:
    try:
        with transaction.atomic():
            row: TextTheme = TextTheme.objects.create(key=key, **values)
    except IntegrityError:
        raise ThemeError(f"there is a theme {key} already") from None
    return row


@transaction.atomic
def theme_reset(*, key: str, actor: Actor) -> None:
    """Give a shipped theme its own phrases back. Raises ThemeError for a theme that does not ship."""
    if key not in {theme.key for theme in SHIPPED}:
        raise ThemeError("only a theme that ships can be put back")
    if row := TextTheme.objects.filter(key=key).first():
        audit(actor, "theme.reset", row, key=key, phrases=row.phrases)
        row.delete()
        wake(QUEUE)
