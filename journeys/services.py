"""Writes of journeys by people and set-up: install, publish, pause, resume, take an account out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from hub.accounts.models import AccountState
from hub.outbox.rendering import check
from hub.outbox.services import messages_recall, messages_release, messages_withdraw
from hub.people.audit import Actor, audit
from hub.people.models import User
from hub.registry.facts import known_facts
from hub.tenancy.remembering import current_tenant
from hub.tenancy.wake import wake
from hub.work.services import playbooks_ensure
from journeys.awaiting import wishes_of
from journeys.engine import JOURNEYS, after_leaving, leave, place
from journeys.enrolling import segment_enroll
from journeys.experiments.arms import arm_sources, with_arm
from journeys.experiments.phases import phases_renew
from journeys.graph import Graph, GraphError, Problem, load, validate
from journeys.graph_changes import Change, Fate, changes
from journeys.library import SHIPPED
from journeys.models import Cause, Enrollment, EnrollmentStatus, Journey, JourneyStatus, JourneyVersion
from journeys.storing import store_positions
from journeys.waits import date_of
from journeys.wordings import sources
from journeys.words import SAMPLE
from journeys.world import World, published_graph
from signals.models import Trigger
from signals.segments.models import Segment


@transaction.atomic
def journeys_install(*, actor: Actor) -> int:
    """Give the tenant in context the ready journeys that it lacks, published and running; returns how many."""
    known = set(Journey.objects.values_list("key", flat=True))
    missing = [shipped for shipped in SHIPPED if shipped.key not in known]
    playbooks_ensure(specs=[spec for shipped in SHIPPED for spec in shipped.playbooks], actor=actor)
    for shipped in missing:
        journey = Journey.objects.create(
            key=shipped.key,
            name=shipped.name,
            description=shipped.description,
            purpose=shipped.purpose,
            owner=shipped.owner,
            hypothesis=shipped.hypothesis,
        )
        journey_publish(journey=journey, graph=shipped.graph, actor=actor, note="Ready journey")
    return len(missing)


def graph_problems(raw: Any) -> tuple[Problem, ...]:
    """Everything that keeps a graph from being published: structure, rules, waits, trigger, templates."""
    triggers = set(Trigger.objects.values_list("key", flat=True))
    segments = set(Segment.objects.filter(is_active=True).values_list("key", flat=True))
    problems = validate(raw, known_facts(), triggers, segments)
    return problems or tuple(_template_problems(load(raw, known_facts())))


def _template_problems(graph: Graph) -> list[Problem]:
    return [
        Problem(node.id, pointer, str(error))
        for node in graph.nodes.values()
        for pointer, source in (
            *sources(node.config, node.kind.templates),
            *arm_sources(node.config, node.kind.templates),
        )
        for error in check(source, SAMPLE, part=pointer.rpartition("/")[2])
    ]


@dataclass(frozen=True, slots=True)
class Place:
    """Accounts on a node of a version that was published before, and what a new version means for them."""

    version: int
    node_id: str
    accounts: int
    change: Change


@dataclass(frozen=True, slots=True)
class Impact:
    """What a new version means for those inside: how many accounts per fate, and node by node."""

    fates: Mapping[Fate, int]
    inside: int
    places: Sequence[Place] = ()


class PublishConflict(Exception):
    """Somebody else has published meanwhile; `live` is the version that runs now."""

    def __init__(self, live: int) -> None:
        self.live = live
        super().__init__(f"version {live} was published meanwhile")


def publish_impact(*, journey: Journey, graph: Any, redirects: Mapping[str, str] | None = None) -> Impact:
    """Count the fates of the accounts inside before anything is published; raises GraphError."""
    _checked(graph)
    new, fates = load(graph, known_facts()), Counter[Fate]()
    inside = Enrollment.objects.filter(journey=journey, status=EnrollmentStatus.ACTIVE).order_by()
    counted = inside.values_list("version", "node_id").annotate(n=Count("pk"))
    per_version = {version: changes(published_graph(journey.pk, version), new, redirects) for version, _, _ in counted}
    places = [Place(version, node, number, per_version[version][node]) for version, node, number in counted]
    for found in places:
        fates[found.change.fate] += found.accounts
    return Impact(fates, sum(fates.values()), sorted(places, key=lambda p: (-p.accounts, p.version, p.node_id)))


@transaction.atomic
def journey_publish(
    *,
    journey: Journey,
    graph: Any,
    actor: Actor,
    user: User | None = None,
    note: str = "",
    withdraw: bool = False,
    redirects: Mapping[str, str] | None = None,
    expected_live: int | None = None,
) -> JourneyVersion:
    """Publish a graph as the next version and move everybody inside onto it; raises GraphError with every problem.

    Kept and edited nodes keep their accounts, edited waits are timed anew, accounts on deleted nodes go to the first
    surviving successor (or where `redirects` says) or leave with `journey_changed`. Rendered messages go out unless
    `withdraw`. Raises PublishConflict when another version than `expected_live` runs by now.
    """
    _checked(graph)
    accounts = _lock_inside(journey)
    locked: Journey = Journey.objects.select_for_update().get(pk=journey.pk)
    if expected_live is not None and locked.live != expected_live:
        raise PublishConflict(locked.live)
    number = locked.live + 1
    version = JourneyVersion.objects.create(
        journey=locked, number=number, graph=graph, note=note[:300], published_by=user
    )
    # Not through the cache of published versions: this one may yet be rolled back.
    fates = _move_all(locked, load(graph, known_facts()), number, accounts, redirects)
    if withdraw:
        inside = Enrollment.objects.filter(journey=locked, status=EnrollmentStatus.ACTIVE)
        messages_withdraw(cause_ids=inside.values_list("pk", flat=True), reason="journey_changed")
    locked.live = number
    if locked.status == JourneyStatus.DRAFT:
        locked.status = JourneyStatus.ACTIVE
    locked.save(update_fields=["live", "status"])
    phases_renew(locked, load(graph, known_facts()))
    _take_in_existing(locked, graph, number, actor)
    journey.live, journey.status = locked.live, locked.status
    audit(actor, "journey.publish", locked, version=number, fates={str(k): n for k, n in fates.items()})
    wake(JOURNEYS)
    published: JourneyVersion = version
    return published


def _take_in_existing(journey: Journey, graph: Any, number: int, actor: Actor) -> None:
    """Who is in the segment already comes too, if the entry says so; once for every entry, not for every version."""
    entry = graph["entry"]
    if not entry.get("existing") or not entry.get("segment"):
        return
    before = JourneyVersion.objects.filter(journey=journey, number=number - 1).first()
    if before is None or before.graph["entry"] != entry:
        segment_enroll(journey=journey, segment_key=entry["segment"], actor=actor, cause=Cause.EXISTING)


def _checked(graph: Any) -> None:
    problems = graph_problems(graph)
    if problems:
        raise GraphError(problems)


def _lock_inside(journey: Journey) -> list[UUID]:
    inside = Enrollment.objects.filter(journey=journey, status=EnrollmentStatus.ACTIVE).values("account_id")
    states = AccountState.objects.select_for_update().filter(account_id__in=inside).order_by("account_id")
    return [state.account_id for state in states]


def _move_all(
    journey: Journey, new: Graph, number: int, account_ids: Sequence[UUID], redirects: Mapping[str, str] | None
) -> Counter[Fate]:
    now = timezone.now()
    world = World(current_tenant(), account_ids, now)
    inside = list(Enrollment.objects.select_related("journey").filter(journey=journey, status=EnrollmentStatus.ACTIVE))
    fates: Counter[Fate] = Counter()
    versions = {enrollment.version for enrollment in inside}
    per_version = {version: changes(published_graph(journey.pk, version), new, redirects) for version in versions}
    seen = [(enrollment, enrollment.visit) for enrollment in inside]
    for enrollment in inside:
        change = per_version[enrollment.version][enrollment.node_id]
        fates[change.fate] += 1
        _move(world, enrollment, change, new, number)
    moved = store_positions(seen)
    after_leaving([enrollment for enrollment in inside if enrollment.pk in moved])
    return fates


def _move(world: World, enrollment: Enrollment, change: Change, new: Graph, number: int) -> None:
    enrollment.version = number
    if change.target is None:
        leave(enrollment, Fate.EXIT, world.now)
    elif change.fate is Fate.REDIRECTED:
        place(enrollment, change.target)
        enrollment.due_at = world.now
    elif change.fate is Fate.TIMING and enrollment.rests_since and not enrollment.port:
        _retime(world, enrollment, new)


def _retime(world: World, enrollment: Enrollment, new: Graph) -> None:
    config = new.nodes[enrollment.node_id].config
    if "arm" in enrollment.wait:
        config = with_arm(config, enrollment.wait["arm"])
    rule, since = config.get("rule") or config.get("timeout"), enrollment.wait.get("since")
    start = datetime.fromisoformat(since) if since else enrollment.rests_since or world.now
    until = world.until(enrollment.account_id, rule, start)
    wait = {**enrollment.wait, "rule": rule, "zone": world.zone(enrollment.account_id).key}
    if fact := date_of(rule):
        wait["day"] = str(world.day_of(enrollment.account_id, fact) or "")
    if enrollment.awaits:
        wishes = wishes_of(config)
        enrollment.awaits, wait["arms"] = wishes[0].key[:64], [wish.as_json() for wish in wishes]
    enrollment.due_at, enrollment.wait = until, {**wait, "until": until and until.isoformat()}


@transaction.atomic
def journey_pause(*, journey: Journey, actor: Actor) -> bool:
    """Stop entries, steps and messages of a running journey; False when it does not run. Goals go on counting."""
    paused = Journey.objects.filter(pk=journey.pk, status=JourneyStatus.ACTIVE).update(
        status=JourneyStatus.PAUSED, paused_at=timezone.now()
    )
    if paused:
        messages_recall(group_id=journey.pk)
        audit(actor, "journey.pause", journey)
    return bool(paused)


@transaction.atomic
def journey_resume(*, journey: Journey, actor: Actor, exit_all: bool = False) -> bool:
    """Let a paused journey run again: everybody goes on (late steps by their policy), or `exit_all` takes them out."""
    accounts = _lock_inside(journey)
    resumed = Journey.objects.filter(pk=journey.pk, status=JourneyStatus.PAUSED).update(
        status=JourneyStatus.ACTIVE, paused_at=None
    )
    if not resumed:
        return False
    inside = Enrollment.objects.filter(journey=journey)
    if exit_all:
        _remove(inside.filter(status=EnrollmentStatus.ACTIVE, account_id__in=accounts), "removed")
    messages_release(cause_ids=inside.values_list("pk", flat=True), reason="paused")
    audit(actor, "journey.resume", journey, exit_all=exit_all)
    wake(JOURNEYS)
    return True


@transaction.atomic
def journey_take_out(*, journey: Journey) -> int:
    """Let everybody inside leave; returns how many. The caller audits what it was for."""
    accounts = _lock_inside(journey)
    inside = Enrollment.objects.filter(journey=journey, status=EnrollmentStatus.ACTIVE, account_id__in=accounts)
    return _remove(inside, "removed")


@transaction.atomic
def enrollment_remove(*, enrollment: Enrollment, actor: Actor) -> bool:
    """Take an account out of a journey: due time cleared, waiting messages withdrawn, in one transaction."""
    AccountState.objects.select_for_update().get(account_id=enrollment.account_id)
    removed = _remove(Enrollment.objects.filter(pk=enrollment.pk, status=EnrollmentStatus.ACTIVE), "removed")
    if removed:
        audit(actor, "enrollment.remove", enrollment, journey=str(enrollment.journey_id))
    return bool(removed)


def _remove(enrollments: Any, reason: str) -> int:
    leaving = list(enrollments.select_related("journey").order_by("account_id", "id"))
    for enrollment in leaving:
        leave(enrollment, reason, timezone.now())
    moved = store_positions([(enrollment, enrollment.visit) for enrollment in leaving])
    after_leaving([enrollment for enrollment in leaving if enrollment.pk in moved])
    return len(moved)
