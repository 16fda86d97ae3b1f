"""The stepping stage: accounts that are due walk on through their journeys, a batch of them per transaction.

A batch takes the accounts' locks (in order of id, skipping those that somebody else holds), brings their facts up to
date, checks goals and exits, and lets each account take every step up to its next rest. Step runs, messages and
positions are written in that one transaction; every position is fenced by the visit it was read with.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from hub.accounts.models import AccountState, TimelineEntry
from hub.accounts.services import timeline_record_many
from hub.outbox.services import messages_store, messages_withdraw
from hub.tenancy.context import current_tenant_id, tenant_context
from hub.tenancy.models import Tenant
from hub.tenancy.prepared import Places, Prepared
from hub.tenancy.remembering import current_tenant, remembering
from hub.tenancy.statements import ask
from journeys import outgoing
from journeys.experiments.phases import assignments_store
from journeys.graph import Graph, Node
from journeys.models import Cause, Enrollment, EnrollmentStatus, JourneyStatus
from journeys.settle import settle
from journeys.steps.base import Answer, Effects, End, Go, Rest, Stand, Step, steps
from journeys.storing import Run, store_positions, store_runs
from journeys.world import World

log = logging.getLogger(__name__)

JOURNEYS = "journeys"
BATCH = 500
MAX_ATTEMPTS = 5
BACK_OFF = timedelta(minutes=1)
# A step that comes up later than this after its time falls under its late policy.
LATE_AFTER = timedelta(hours=12)
# Asked far more often than something is due; planned once, it costs a fraction of the claim.
ANY_DUE = "SELECT 1 FROM journeys_enrollment WHERE tenant_id = %s AND due_at <= %s ORDER BY due_at LIMIT 1"
# One go cannot be longer than the graph; cycles without a rest are refused when a version is published.
MAX_STEPS = 500


def due(now: datetime) -> QuerySet[Enrollment]:
    """Enrollments whose time has come, in journeys that are not paused."""
    found: QuerySet[Enrollment] = Enrollment.objects.filter(
        due_at__lte=now, status=EnrollmentStatus.ACTIVE, journey__status=JourneyStatus.ACTIVE
    )
    return found


def backlog() -> datetime | None:
    """When the next account of a running journey is due; None when none waits."""
    return next(iter(_earliest()), None)


@Prepared[datetime | None]
def _earliest(the: Places) -> Any:
    running = Enrollment.objects.filter(due_at__isnull=False, journey__status=JourneyStatus.ACTIVE)
    return running.order_by("due_at").values_list("due_at", flat=True)[:1]


def step_batch(tenant_id: UUID) -> int:
    """Let up to `BATCH` accounts walk on; returns how many. An account that cannot is tried alone, then set aside."""
    account_ids: list[UUID] = []
    try:
        with tenant_context(tenant_id), remembering():
            account_ids = claim()
            if account_ids:
                walk_all(current_tenant(), account_ids)
    except Exception:
        if not account_ids:
            raise
        log.exception("tenant %s: a batch of %d accounts failed; trying them alone", tenant_id, len(account_ids))
        for account_id in account_ids:
            _walk_alone(tenant_id, account_id)
    return len(account_ids)


def claim() -> list[UUID]:
    """Lock up to `BATCH` accounts that have something due, in the order that everybody locks accounts in."""
    now = timezone.now()
    if not ask(ANY_DUE, [current_tenant_id(), now]):
        return []
    return _free(now=now)


@Prepared[UUID]
def _free(the: Places) -> Any:
    mine = due(the.moment("now")).filter(account_id=OuterRef("account_id"))
    states = AccountState.objects.select_for_update(skip_locked=True, of=("self",)).filter(Exists(mine))
    return states.order_by("account_id").values_list("account_id", flat=True)[:BATCH]


@Prepared[Enrollment]
def _mine(the: Places) -> Any:
    mine = due(the.moment("now")).filter(account_id__in=the.uuids("accounts"))
    return mine.order_by("account_id", "id")


def _walk_alone(tenant_id: UUID, account_id: UUID) -> None:
    try:
        with tenant_context(tenant_id), remembering():
            if AccountState.objects.select_for_update(skip_locked=True).filter(account_id=account_id).first():
                walk_all(current_tenant(), [account_id])
    except Exception as error:
        log.exception("tenant %s: account %s cannot walk on", tenant_id, account_id)
        with tenant_context(tenant_id):
            _count_failure(account_id, f"{type(error).__name__}: {error}"[:300])


def _count_failure(account_id: UUID, error: str) -> None:
    """Try again later, up to five times; then the enrollment is failed, with the error, and others go on."""
    now = timezone.now()
    for enrollment in due(now).filter(account_id=account_id):
        failed = enrollment.attempts + 1 >= MAX_ATTEMPTS
        Enrollment.objects.filter(pk=enrollment.pk, visit=enrollment.visit).update(
            attempts=enrollment.attempts + 1,
            error=error,
            status=EnrollmentStatus.FAILED if failed else enrollment.status,
            reason="error" if failed else "",
            ended_at=now if failed else None,
            due_at=None if failed else now + BACK_OFF * 2**enrollment.attempts,
        )


# --- One batch ----------------------------------------------------------------------------------------------------


def walk_all(tenant: Tenant, account_ids: Sequence[UUID]) -> None:
    """Let the due enrollments of these accounts, whose locks the caller holds, walk on; write everything."""
    settle(tenant, account_ids)
    now = timezone.now()
    enrollments = _mine(now=now, accounts=list(account_ids))
    world = World(tenant, sorted({enrollment.account_id for enrollment in enrollments}), now)
    for enrollment in enrollments:
        # A journey is the same object for all of its accounts.
        enrollment.journey = world.journeys[enrollment.journey_id]
    effects = Effects()
    for enrollment in enrollments:
        if enrollment.pk in effects.stopped:
            # What it would still do in the world, a task for one, no fence could take back.
            continue
        effects.moved.append((enrollment, enrollment.visit))
        if not leave_if_over(world, enrollment):
            walk(world, enrollment, effects)
    store(effects)


def walk(world: World, enrollment: Enrollment, effects: Effects) -> None:
    """Take step after step until the account rests or leaves."""
    graph = world.graph(enrollment.journey_id, enrollment.version)
    moment = _moment(world, enrollment)
    for _ in range(MAX_STEPS):
        node = graph.nodes[enrollment.node_id]
        stand = Stand(world, enrollment, graph, node, effects, _run_of(world, enrollment, node), moment)
        answer = _answer(stand)
        match answer:
            case Rest(until=until) if until is not None and until <= world.now and not answer.awaits:
                # It would have been over long ago: the account catches up.
                moment = until
                _pass(stand, Go())
            case Rest():
                _rest(enrollment, answer, world.now)
                return
            case Go():
                moment = world.now if answer.outcome != "skipped" and steps.get(node.kind.key).acts else moment
                _pass(stand, answer)
                if answer.settle:
                    enrollment.due_at = world.now
                    return
            case End():
                _record(stand, "done", "", answer.reason, answer.evidence)
                leave(enrollment, answer.reason, world.now)
                return
    raise RuntimeError(f"enrollment {enrollment.pk} takes more than {MAX_STEPS} steps in one go")


def _moment(world: World, enrollment: Enrollment) -> datetime:
    """When the step was due: now, unless the account comes so late that late policies decide."""
    late = enrollment.rests_since and enrollment.due_at and world.now - enrollment.due_at > LATE_AFTER
    return enrollment.due_at if late and enrollment.due_at else world.now


def _answer(stand: Stand) -> Answer:
    step: Step = steps.get(stand.node.kind.key)
    if stand.enrollment.rests_since is not None and step.resume is not None:
        return step.resume(stand)
    if step.acts and stand.world.now - stand.moment > LATE_AFTER and _skipped_as_late(stand):
        return Go(outcome="skipped", reason="late")
    if step.holds_out and stand.enrollment.held_out:
        return Go(outcome="skipped", reason="holdout")
    return step.run(stand)


def _skipped_as_late(stand: Stand) -> bool:
    if stand.node.late == "skip":
        return True
    return stand.node.late == "run_latest" and _next_rest_is_over(stand)


def _next_rest_is_over(stand: Stand) -> bool:
    """Whether the wait behind this step would be over by now too: then a later step is the latest one."""
    node_id = stand.node.id
    for _ in range(MAX_STEPS):
        following = stand.graph.successors(node_id)
        if len(following) != 1:
            return False
        node = stand.graph.nodes[node_id := following[0]]
        if node.kind.key == "wait":
            over = stand.world.until(stand.enrollment.account_id, node.config["rule"], stand.moment)
            return over is not None and over <= stand.world.now
    return False


def _run_of(world: World, enrollment: Enrollment, node: Node) -> Run:
    return Run(
        account_id=enrollment.account_id,
        enrollment_id=enrollment.pk,
        journey_id=enrollment.journey_id,
        version=enrollment.version,
        node_id=node.id,
        visit=enrollment.visit,
        kind=node.kind.key,
        started_at=enrollment.rests_since or world.now,
        finished_at=world.now,
    )


def _record(stand: Stand, outcome: str, port: str, reason: str, evidence: Mapping[str, Any]) -> None:
    run = stand.run
    run.outcome, run.port, run.reason, run.evidence = outcome, port, reason[:200], evidence
    stand.effects.runs.append(run)


def _pass(stand: Stand, answer: Go) -> None:
    _record(stand, answer.outcome, answer.port, answer.reason, dict(answer.evidence))
    place(stand.enrollment, stand.graph.follow(stand.node.id, answer.port))


def place(enrollment: Enrollment, node_id: str) -> None:
    """Put an account onto a node, as a new visit that has not begun."""
    enrollment.node_id = node_id
    enrollment.visit += 1
    enrollment.rests_since = enrollment.due_at = None
    enrollment.wait, enrollment.awaits, enrollment.port = {}, "", ""
    enrollment.attempts, enrollment.error = 0, ""


def _rest(enrollment: Enrollment, answer: Rest, now: datetime) -> None:
    enrollment.rests_since = now
    enrollment.due_at, enrollment.wait, enrollment.awaits = answer.until, dict(answer.wait), answer.awaits
    enrollment.attempts, enrollment.error = 0, ""


# --- Leaving ------------------------------------------------------------------------------------------------------


def leave(enrollment: Enrollment, reason: str, now: datetime) -> None:
    """End an enrollment; "running" slots are given back, those that say *never again* stay."""
    finished = reason in ("completed", "goal_met")
    enrollment.status = EnrollmentStatus.FINISHED if finished else EnrollmentStatus.EXITED
    enrollment.reason, enrollment.ended_at = reason[:200], now
    enrollment.due_at, enrollment.awaits, enrollment.port = None, "", ""
    if enrollment.slot == "running":
        enrollment.slot = ""


def leave_if_over(world: World, enrollment: Enrollment) -> bool:
    """End an enrollment whose goal is met or whose exit rule is true; True when it was."""
    graph = world.graph(enrollment.journey_id, enrollment.version)
    account_id = enrollment.account_id
    if not enrollment.goal_before and goal_of(world, graph, enrollment) is not None:
        leave(enrollment, "goal_met", world.now)
    elif graph.exit_when is not None and world.holds(graph.exit_when, account_id):
        leave(enrollment, "exit_rule", world.now)
    elif reason := segment_left(world, graph, enrollment):
        leave(enrollment, reason, world.now)
    return enrollment.status != EnrollmentStatus.ACTIVE


def segment_left(world: World, graph: Graph, enrollment: Enrollment) -> str:
    """Why an account that came by a segment is no longer of it, "" while it is or where that does not matter."""
    if not graph.entry.get("leave") or enrollment.cause not in (Cause.SEGMENT, Cause.EXISTING):
        return ""
    segment = str(graph.entry.get("segment", ""))
    if segment not in world.segments:
        return "segment_gone"
    # Who came by leaving it leaves by coming back.
    wanted = graph.entry.get("on", "joined") == "joined"
    is_member = (enrollment.account_id, segment) in world.memberships
    return "" if is_member is wanted else "left_segment"


def goal_of(world: World, graph: Graph, enrollment: Enrollment) -> Node | None:
    """The first goal of the graph that the account has met since it entered."""
    return goal_since(world, graph, enrollment.account_id, enrollment.entered_at)


def goal_since(world: World, graph: Graph, account_id: UUID, since: datetime) -> Node | None:
    return next((n for n in graph.goals if world.holds_since(n.config["when"], account_id, since)), None)


# --- Storing ------------------------------------------------------------------------------------------------------


def store(effects: Effects) -> None:
    """Write positions (fenced), step runs, messages, and the withdrawal of what ended enrollments still had waiting."""
    moved = store_positions(effects.moved)
    store_runs([run for run in effects.runs if run.enrollment_id in moved])
    assignments_store([assigned for assigned in effects.assignments if assigned.enrollment_id in moved])
    messages_store([message for message in effects.messages if message.cause_id in moved])
    after_leaving([enrollment for enrollment, _ in effects.moved if enrollment.pk in moved])


def after_leaving(enrollments: Sequence[Enrollment]) -> None:
    """What follows from an end: messages that are no longer wanted are withdrawn, conversions told in the timeline."""
    ended = [e for e in enrollments if e.status in (EnrollmentStatus.FINISHED, EnrollmentStatus.EXITED)]
    outgoing.ended([e.pk for e in ended])
    for reason in {e.reason for e in ended if e.reason != "completed"}:
        messages_withdraw(cause_ids=[e.pk for e in ended if e.reason == reason], reason=reason)
    timeline_record_many(
        [
            TimelineEntry(
                account_id=e.account_id,
                kind="journey",
                key=f"goal:{e.pk}",
                title=f"Goal of the journey “{e.journey.name}” reached",
                source="journeys",
                occurred_at=e.ended_at or timezone.now(),
            )
            for e in ended
            if e.reason == "goal_met"
        ]
    )
