"""Writes of drafts: begin, change, undo, redo, and the journeys that they belong to."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from hub.outbox.gates import Purpose
from hub.people.audit import Actor, audit
from hub.people.models import User
from hub.tenancy.context import current_tenant_id
from hub.tenancy.ids import uuid7
from hub.tenancy.models import Tenant
from hub.work.playbooks import Spec
from hub.work.services import playbooks_ensure
from journeys.drafts.hypothesis import HYPOTHESIS
from journeys.drafts.models import DraftRevision, JourneyDraft, PublishRequest
from journeys.drafts.operations import empty_graph
from journeys.drafts.selectors import Current, current_draft
from journeys.drafts.shape import flaws
from journeys.graph import GraphError
from journeys.library import BY_KEY
from journeys.models import Journey, JourneyStatus
from journeys.services import journey_take_out

KEPT_REVISIONS = 200
SETTINGS = ("name", "description", "purpose", "owner")
OWNERS = ("cs", "marketing")
WRITTEN = "written through the interface"


class StaleDraft(Exception):
    """Somebody has changed the draft since it was read; `current` is what it is now."""

    def __init__(self, current: Current) -> None:
        self.current = current
        super().__init__(f"the draft is at revision {current.revision} by now")


class SettingsError(ValueError):
    """Settings of a journey that cannot be; `field` names the one."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


@transaction.atomic
def draft_change(
    *,
    journey: Journey,
    seen: int,
    change: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    words: str,
    actor: Actor,
    user: User | None = None,
) -> Current:
    """The draft with a further revision, made by `change` from the one that was `seen`.

    Raises StaleDraft when it is another by now, whatever `change` raises, and GraphError for a graph that is no draft.
    """
    draft, current = _locked(journey)
    if current.revision != seen:
        raise StaleDraft(current)
    graph = change(current.graph)
    if graph == current.graph:
        return current
    if problems := flaws(graph):
        raise GraphError(problems)
    draft = draft or _begin(journey, current, user)
    _revise(draft, graph, words, user)
    audit(actor, "journey.draft", journey, revision=draft.revision, words=words[:200])
    return current_draft(journey)


@transaction.atomic
def draft_undo(*, journey: Journey, seen: int, actor: Actor, user: User | None = None) -> Current:
    """Back to the revision that the one shown was made from; raises StaleDraft. Nothing happens at the first one."""
    return _turn(journey, seen, lambda current: current.undo, "journey.draft_undo", actor, user)


@transaction.atomic
def draft_redo(*, journey: Journey, seen: int, actor: Actor, user: User | None = None) -> Current:
    """On to the latest revision that was made from the one shown; raises StaleDraft."""
    return _turn(journey, seen, lambda current: current.redo, "journey.draft_redo", actor, user)


def _turn(
    journey: Journey, seen: int, to: Callable[[Current], int], action: str, actor: Actor, user: User | None
) -> Current:
    draft, current = _locked(journey)
    if current.revision != seen:
        raise StaleDraft(current)
    if draft is not None and to(current):
        draft.revision, draft.changed_at, draft.changed_by = to(current), timezone.now(), user
        draft.save(update_fields=["revision", "changed_at", "changed_by"])
        audit(actor, action, journey, revision=draft.revision)
    return current_draft(journey)


def _locked(journey: Journey) -> tuple[JourneyDraft | None, Current]:
    """The draft under its lock. The journey's row is locked too, since the first change makes the draft."""
    Journey.objects.select_for_update().get(pk=journey.pk)
    draft = JourneyDraft.objects.select_for_update().filter(journey=journey).first()
    return draft, current_draft(journey)


def _begin(journey: Journey, current: Current, user: User | None) -> JourneyDraft:
    """The draft with what it begins with as its first revision, so that undo leads back there."""
    draft: JourneyDraft = JourneyDraft.objects.create(journey=journey, base=current.base, changed_by=user)
    _revise(draft, current.graph, current.words, user)
    return draft


def _revise(draft: JourneyDraft, graph: Mapping[str, Any], words: str, user: User | None) -> None:
    draft.latest += 1
    DraftRevision.objects.create(
        draft=draft, number=draft.latest, parent=draft.revision, graph=graph, words=words[:300], made_by=user
    )
    draft.revision, draft.changed_at, draft.changed_by = draft.latest, timezone.now(), user
    draft.save(update_fields=["revision", "latest", "base", "changed_at", "changed_by"])
    DraftRevision.objects.filter(draft=draft, number__lte=draft.latest - KEPT_REVISIONS).delete()


@transaction.atomic
def draft_restore(*, journey: Journey, number: int, seen: int, actor: Actor, user: User | None = None) -> Current:
    """An older published version's graph as the next revision of the draft; raises JourneyVersion.DoesNotExist."""
    graph = journey.versions.get(number=number).graph
    words = f"took version {number} back"
    return draft_change(journey=journey, seen=seen, change=lambda _: graph, words=words, actor=actor, user=user)


# --- Journeys -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a new journey begins with: its graph and, from the library or another journey, its hypothesis."""

    graph: Mapping[str, Any]
    words: str
    hypothesis: Mapping[str, str]
    playbooks: Sequence[Spec] = ()


def beginning(source: str) -> Beginning:
    """``""`` for empty, ``library:<key>``, or ``journey:<id>``; raises SettingsError."""
    kind, _, key = source.partition(":")
    if kind == "library" and (ready := BY_KEY.get(key)):
        return Beginning(ready.graph, f"taken from the library: {ready.name}", ready.hypothesis, ready.playbooks)
    if kind == "journey" and (found := _journey(key)):
        return Beginning(current_draft(found).graph, f"copied from “{found.name}”"[:300], found.hypothesis)
    if source:
        raise SettingsError("source", "there is nothing to begin with under this name")
    return Beginning(empty_graph(), "empty", {})


def _journey(text: str) -> Journey | None:
    try:
        found: Journey | None = Journey.objects.filter(pk=UUID(text)).first()
    except ValueError:
        return None
    return found


@transaction.atomic
def journey_create(
    *,
    name: str,
    description: str = "",
    purpose: str = Purpose.ADOPTION.value,
    owner: str = "marketing",
    source: str = "",
    hypothesis: Mapping[str, str] | None = None,
    graph: Mapping[str, Any] | None = None,
    actor: Actor,
    user: User | None = None,
) -> Journey:
    """A journey that is not published yet, with a draft; raises SettingsError, and GraphError for no draft.

    ``graph`` and ``hypothesis`` take the place of what the source begins with.
    """
    begun = beginning(source)
    if graph is not None and (problems := flaws(graph)):
        raise GraphError(problems)
    settings = _checked_settings({"name": name, "description": description, "purpose": purpose, "owner": owner})
    said = begun.hypothesis if hypothesis is None else kept_hypothesis(hypothesis)
    journey: Journey = Journey.objects.create(key=_key_of(settings["name"]), hypothesis=said, **settings)
    draft: JourneyDraft = JourneyDraft.objects.create(journey=journey, changed_by=user)
    _revise(draft, begun.graph if graph is None else graph, begun.words if graph is None else WRITTEN, user)
    playbooks_ensure(specs=begun.playbooks, actor=actor)
    audit(actor, "journey.create", journey, source=source[:64])
    return journey


def _key_of(name: str) -> str:
    """A key that no other journey of the tenant has; signals and reports name journeys by it."""
    key = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:48] or "journey"
    # Of two who make one of the same name at once the second waits, and gets a key of its own.
    Tenant.objects.select_for_update(no_key=True).get(pk=current_tenant_id())
    return key if not Journey.objects.filter(key=key).exists() else f"{key}-{uuid7().hex[-8:]}"


@transaction.atomic
def journey_settings(
    *, journey: Journey, settings: Mapping[str, str], hypothesis: Mapping[str, str], actor: Actor
) -> None:
    """Name, purpose, owner and NRR hypothesis; raises SettingsError."""
    found = _checked_settings(settings)
    kept = kept_hypothesis(hypothesis)
    before = {name: getattr(journey, name) for name in SETTINGS if getattr(journey, name) != found[name]}
    changed = {name: [before[name], found[name]] for name in before}
    if kept != journey.hypothesis:
        changed["hypothesis"] = [journey.hypothesis, kept]
    if changed:
        Journey.objects.filter(pk=journey.pk).update(**found, hypothesis=kept)
        journey.refresh_from_db()
        audit(actor, "journey.settings", journey, **changed)


def kept_hypothesis(given: Mapping[str, str]) -> dict[str, str]:
    """The parts of an NRR hypothesis that are said."""
    return {name: given.get(name, "").strip()[:500] for name in HYPOTHESIS if given.get(name, "").strip()}


def _checked_settings(given: Mapping[str, str]) -> dict[str, str]:
    found = {name: str(given.get(name, "")).strip() for name in SETTINGS}
    if not 1 <= len(found["name"]) <= 200:
        raise SettingsError("name", "give the journey a name of at most 200 characters")
    if found["purpose"] not in set(Purpose):
        raise SettingsError("purpose", f"purpose must be one of {', '.join(Purpose)}")
    if found["owner"] not in OWNERS:
        raise SettingsError("owner", f"owner must be one of {', '.join(OWNERS)}")
    return found | {"description": found["description"][:1000]}


@transaction.atomic
def journey_archive(*, journey: Journey, actor: Actor) -> int:
    """Put a journey away: those inside leave, nothing begins any more, its history stays; returns how many left."""
    left = journey_take_out(journey=journey)
    Journey.objects.filter(pk=journey.pk).update(status=JourneyStatus.ARCHIVED, paused_at=None)
    PublishRequest.objects.filter(journey=journey, state=PublishRequest.State.OPEN).update(
        state=PublishRequest.State.STALE
    )
    journey.status = JourneyStatus.ARCHIVED
    audit(actor, "journey.archive", journey, left=left)
    return left


@transaction.atomic
def journey_unarchive(*, journey: Journey, actor: Actor) -> bool:
    """Back from the archive: paused where it was published, so that somebody decides when it runs; else a draft."""
    status = JourneyStatus.PAUSED if journey.live else JourneyStatus.DRAFT
    back = Journey.objects.filter(pk=journey.pk, status=JourneyStatus.ARCHIVED).update(
        status=status, paused_at=timezone.now() if journey.live else None
    )
    if back:
        journey.status = status
        audit(actor, "journey.unarchive", journey)
    return bool(back)
