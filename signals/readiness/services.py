"""Writes of readiness: other figures for the criteria."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from django.db import IntegrityError, transaction

from hub.people.audit import Actor, audit
from hub.people.models import User
from signals.readiness.criteria import FigureError, Figures, figures_checked, figures_of
from signals.readiness.models import ReadinessVersion
from signals.reopening import day_reopen


class StaleError(Exception):
    """Somebody else has published figures since these were read."""


def current_figures() -> tuple[int, Figures]:
    """The number of the version that counts (0: what ships) and its figures. One query."""
    version = ReadinessVersion.objects.order_by("-number").first()
    return (version.number, figures_of(version.figures)) if version else (0, Figures())


@transaction.atomic
def figures_publish(
    *, given: Mapping[str, object], note: str, seen: int, user: User | None, actor: Actor
) -> ReadinessVersion:
    """Publish the next version of the figures; what is left out is as shipped. Accounts follow in the background.

    Raises FigureError, and StaleError when the current version is not the one ``seen``.
    """
    number, before = current_figures()
    figures, words = figures_checked(given), note.replace("\x00", "").strip()[:500]
    if number != seen:
        raise StaleError
    if figures == before:
        raise FigureError("every figure is as it was")
    if not words:
        raise FigureError("say what is changed and why")
    try:
        with transaction.atomic():
            version: ReadinessVersion = ReadinessVersion.objects.create(
                number=number + 1, figures=asdict(figures), note=words, published_by=user
            )
    except IntegrityError:
        raise StaleError from None
    audit(actor, "readiness.publish", version, before=asdict(before), after=asdict(figures), version=version.number)
    day_reopen()
    return version
