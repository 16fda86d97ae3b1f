"""Reads of drafts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max

from hub.people.models import User
from journeys.drafts.models import DraftRevision, JourneyDraft
from journeys.drafts.operations import empty_graph
from journeys.models import Journey


@dataclass(frozen=True)
class Current:
    """A draft as it stands. ``revision`` 0: nothing was changed yet, and ``graph`` is the live one.

    ``base``: the live version that it was made from. ``undo`` and ``redo``: the revisions they lead to, 0 for none.
    """

    revision: int
    graph: Mapping[str, Any]
    base: int
    words: str
    undo: int = 0
    redo: int = 0
    changed_at: datetime | None = None
    changed_by: User | None = None


def current_draft(journey: Journey) -> Current:
    """The draft of a journey; where nobody has changed anything yet, its live version. At most four queries."""
    draft = JourneyDraft.objects.select_related("changed_by").filter(journey_id=journey.pk).first()
    if draft is None:
        live = live_graph(journey)
        words = f"version {journey.live}" if journey.live else "empty"
        return Current(0, live if live is not None else empty_graph(lambda kind: "end"), journey.live, words)
    revision = DraftRevision.objects.get(draft=draft, number=draft.revision)
    redo = DraftRevision.objects.filter(draft=draft, parent=draft.revision).aggregate(latest=Max("number"))["latest"]
    undo = revision.parent if _exists(draft, revision.parent) else 0
    return Current(
        draft.revision,
        revision.graph,
        draft.base,
        revision.words,
        undo,
        redo or 0,
        draft.changed_at,
        draft.changed_by,
    )


def _exists(draft: JourneyDraft, number: int) -> bool:
    return bool(number) and DraftRevision.objects.filter(draft=draft, number=number).exists()


def live_graph(journey: Journey) -> Mapping[str, Any] | None:
    """The graph that runs, None before the first publishing."""
    found: Mapping[str, Any] | None = (
        journey.versions.filter(number=journey.live).values_list("graph", flat=True).first() if journey.live else None
    )
    return found


def recent_revisions(journey: Journey, *, limit: int = 12) -> list[DraftRevision]:
    """The latest revisions, newest first."""
    found = DraftRevision.objects.filter(draft__journey=journey).select_related("made_by").defer("graph")
    return list(found.order_by("-number")[:limit])
