"""The evaluation stage: from changed accounts to signals, one batch of accounts per transaction.

Order for one account: facts → goals and exits → open waits (`facts_changed`) → new signals → entries
(`signal_recorded`). All of it happens under the account's lock, so nobody converts and still gets the mail.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from string import Formatter
from typing import Any
from uuid import UUID

from django.utils import timezone

from hub.accounts.facts import facts_refresh, today_of
from hub.accounts.models import Change
from hub.plans.usage import milestones_complete_from_usage
from hub.registry.handlers import accounts_evaluated, facts_changed, figures_changed, segments_moved, signal_recorded
from hub.rules.compile import Clock
from hub.rules.explain import Finding, findings, sentence
from hub.rules.language import Node, comparisons
from hub.rules.reading import Reading, RuleReader, read_rule, read_rules
from hub.tenancy.live import announce
from hub.tenancy.models import Tenant
from hub.tenancy.prepared import Places, Prepared
from hub.tenancy.remembering import remembering
from hub.tenancy.statements import ask, ask_all
from hub.tenancy.wake import wake
from signals import outgoing
from signals.asked import Computed, computed_triggers, shipped_of, told_triggers
from signals.health.refresh import health_refresh
from signals.inbox.returning import QUEUE as INBOX
from signals.inbox.trails import drawn_fact
from signals.models import UNTOLD, Signal, Trigger, TriggerState
from signals.readiness.refresh import readiness_refresh
from signals.segments.refresh import segments_refresh
from signals.stages.flags import flags_refresh
from signals.stages.refresh import stages_refresh
from signals.states import Looks, has_moved, looked_at, standing, standing_of, states_of, states_save, step
from signals.storms.holding import hold_storms
from signals.telling import timeline_tell

BATCH = 200
# For so many accounts a statement takes less than the way to the database.
FEW = 50
# Changes caused by journeys carry their depth; beyond this a chain of causes is cut.
MAX_DEPTH = 3
CLAIM = """
SELECT account_id FROM accounts_accountstate
WHERE tenant_id = %(tenant)s AND dirty_at IS NOT NULL AND dirty_at <= %(since)s
    AND (%(only)s::uuid IS NULL OR account_id = %(only)s::uuid)
ORDER BY account_id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""
EVALUATED = """
UPDATE accounts_accountstate SET evaluated_version = fact_version, dirty_at = NULL
WHERE tenant_id = %s AND account_id = ANY(%s)
"""


def evaluate_batch(
    tenant: Tenant, *, limit: int = BATCH, now: datetime | None = None, since: datetime | None = None,
    only: UUID | None = None,
) -> int:  # fmt: skip
    """Claim up to `limit` accounts (`only` one), dirty since `since`, and evaluate them as of `now`; says how many."""
    values = {"tenant": tenant.pk, "since": since or timezone.now(), "only": only, "limit": limit}
    ids = [pk for (pk,) in ask(CLAIM, values)]
    if ids:
        evaluate_accounts(tenant, ids, now=now)
        ask(EVALUATED, [tenant.pk, ids])
    return len(ids)


@remembering()
def evaluate_accounts(tenant: Tenant, account_ids: Sequence[UUID], *, now: datetime | None = None) -> list[UUID]:
    """Evaluate accounts whose states the caller has locked; returns the ids of the new signals."""
    now = now or timezone.now()
    milestones_complete_from_usage(account_ids)
    facts_refresh(account_ids, today=today_of(tenant, now), now=now)
    clock = Clock(now, today_of(tenant, now))
    moved = stages_refresh(account_ids, clock)
    outgoing.stages_changed(moved, now)
    figures_changed(tenant.id, moved)
    health_refresh(account_ids, clock)
    facts_changed(tenant.id, account_ids)
    stored = _store(_told(account_ids, clock))
    # They read what was told, and the triggers read them.
    readiness_refresh(account_ids, clock)
    flags_refresh(account_ids, clock)
    members = segments_refresh(account_ids, clock)
    stored += triggers_evaluate(account_ids, clock)
    signal_recorded(tenant.id, stored)
    segments_moved(tenant.id, members)
    accounts_evaluated(tenant.id, account_ids)
    return stored


@remembering()
def triggers_evaluate(account_ids: Sequence[UUID], clock: Clock) -> list[UUID]:
    """Ask every computed trigger of accounts whose fact rows stand; returns the ids of the new signals."""
    stored: list[UUID] = []
    asked = computed_triggers()
    known = [looked_at(account_ids), standing_of(asked.triggers, account_ids)]
    # Of few accounts all waves are asked in one round trip: mostly nothing has moved that a later one reads.
    ahead = [wave.rules.questions(account_ids, clock) for wave in asked.waves[: None if len(account_ids) <= FEW else 1]]
    looked, stood, *said = ask_all([*known, *(question for some in ahead for question in some)])
    looks, stands = Looks(asked.editions, account_ids, looked), standing(stood)
    answers = [RuleReader.answered([said.pop(0) for _ in some]) for some in ahead]
    moved = False
    for place, wave in enumerate(asked.waves):
        # What a later wave reads of an earlier one must be written, and is asked again then.
        says = wave.rules.true_of(account_ids, clock) if moved or place >= len(answers) else answers[place]
        steps = _evaluated(wave.computed, says, looks, stands, clock)
        stored += _store(steps.signals)
        moved = moved or bool(steps.changed)
    looks.keep()
    return stored


# --- Conditions that become true ----------------------------------------------------------------------------------


def _evaluated(
    wave: Sequence[Computed],
    says: Mapping[UUID, str],
    looks: Looks,
    stands: Mapping[UUID, frozenset[UUID]],
    clock: Clock,
) -> Steps:
    """What comes of triggers that do not read one another; facts are read and states written once for all."""
    steps = Steps()
    if not (ids := _stirred(wave, says, looks, stands)):
        return steps
    states = states_of([computed.trigger for computed in wave], ids)
    if not (moved := _moved(wave, says, states, ids)):
        return steps
    readings = read_rules([(computed.node, computed.tells) for computed in moved], ids, clock)
    for computed, own in zip(moved, readings, strict=True):
        _steps_of(computed, own, states, looks, clock, steps)
    states_save(steps.changed)
    for trigger, cleared in steps.cleared:
        _clear(trigger, cleared, clock)
    return steps


def _stirred(
    wave: Sequence[Computed], says: Mapping[UUID, str], looks: Looks, stands: Mapping[UUID, frozenset[UUID]]
) -> list[UUID]:
    """The accounts of which some trigger says something else than its state does, or looks for the first time.

    Of most nothing has moved: two statements bring a line an account, whatever the number of triggers.
    """
    nothing = "0" * len(wave)

    def stood(pk: UUID) -> str:
        true = stands.get(pk)
        return "".join("1" if computed.trigger.pk in true else "0" for computed in wave) if true else nothing

    return [pk for pk, said in says.items() if looks.is_new(pk) or stood(pk) != said]


def _moved(
    wave: Sequence[Computed],
    says: Mapping[UUID, str],
    states: Mapping[tuple[UUID, UUID], TriggerState],
    account_ids: Sequence[UUID],
) -> list[Computed]:
    """The triggers that have something to write down for some of these accounts; the facts of no other are read."""

    def moves(place: int, trigger: Trigger) -> bool:
        return any(has_moved(trigger, states.get((trigger.pk, pk)), says[pk][place] == "1") for pk in account_ids)

    return [computed for place, computed in enumerate(wave) if moves(place, computed.trigger)]


@dataclass
class Steps:
    """What an evaluation comes to: new signals, states to write, and accounts of which a trigger is true no more."""

    signals: list[Signal] = field(default_factory=list)
    changed: list[TriggerState] = field(default_factory=list)
    cleared: list[tuple[Trigger, list[UUID]]] = field(default_factory=list)


def _steps_of(
    computed: Computed,
    readings: Sequence[Reading],
    states: Mapping[tuple[UUID, UUID], TriggerState],
    looks: Looks,
    clock: Clock,
    steps: Steps,
) -> None:
    trigger = computed.trigger
    cleared: list[UUID] = []
    for reading in readings:
        pk, first = reading.account_id, looks.is_first(trigger, reading.account_id)
        before = states.get((trigger.pk, pk))
        if not has_moved(trigger, before, reading.holds):
            continue
        was = before is not None and before.is_true
        state, fires = step(trigger, before, pk, reading.holds, clock.now, first=first)
        steps.changed.append(state)
        if fires:
            steps.signals.append(_computed_signal(computed, state, reading, clock))
        elif was and not reading.holds:
            # Also at first sight: an edit, or history, ends what was said before.
            cleared.append(pk)
    if cleared:
        steps.cleared.append((trigger, cleared))


def _clear(trigger: Trigger, account_ids: Sequence[UUID], clock: Clock) -> None:
    """Note on the signals of these accounts that what they said is true no more."""
    standing = Signal.objects.filter(trigger=trigger, account_id__in=account_ids, cleared_at__isnull=True)
    found = dict(standing.values_list("pk", "status"))
    Signal.objects.filter(pk__in=found).update(cleared_at=clock.now)
    outgoing.cleared([pk for pk, status in found.items() if status not in UNTOLD], clock.now)


def _computed_signal(computed: Computed, state: TriggerState, reading: Reading, clock: Clock) -> Signal:
    trigger, node = computed.trigger, computed.node
    seen = findings(node, reading.values, clock)
    return Signal(
        account_id=reading.account_id,
        trigger=trigger,
        trigger_version=trigger.version,
        dedupe_key=f"{trigger.key}:{reading.account_id}:{trigger.version}.{state.sequence}",
        severity=trigger.severity,
        sentence=_sentence(computed, reading, seen),
        evidence={
            "rule": sentence(node),
            "values": {name: _plain(value) for name, value in reading.values.items()},
            "sequence": state.sequence,
        },
        occurred_at=clock.now,
        recorded_at=clock.now,
        trail_wanted=drawn_fact(node, shipped_of(trigger).sentence) is not None,
    )


def _sentence(computed: Computed, reading: Reading, seen: Sequence[Finding]) -> str:
    """The shipped words while the shipped rule stands; an edited rule speaks for itself, by what is so."""
    trigger, shipped = computed.trigger, shipped_of(computed.trigger)
    # A measure goes by its name; what it was given is part of the words.
    values = {name.partition("(")[0]: value for name, value in reading.values.items()}
    if shipped.sentence and trigger.rule == shipped.rule:
        told = {name for _, name, _, _ in Formatter().parse(shipped.sentence) if name}
        if all(values.get(name) is not None for name in told):
            return shipped.sentence.format_map(values)
    return f"{trigger.name}: " + "; ".join(finding.text for finding in _telling(computed.node, seen))


def _telling(node: Node, seen: Sequence[Finding]) -> list[Finding]:
    """What is so, without what is only a condition beside the cause: that an account pays, that nothing is wrong."""
    if len(seen) == 1:
        return list(seen)
    met = [(leaf, finding) for leaf, finding in zip(comparisons(node), seen, strict=True) if finding.met]
    causes = [finding for leaf, finding in met if leaf.value != 0]
    return causes or [finding for _, finding in met]


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else str(value)


# --- Changes that are told ----------------------------------------------------------------------------------------


@Prepared[Change]
def _new_changes(the: Places) -> Any:
    return Change.objects.filter(account_id__in=the.uuids("accounts"), handled_at__isnull=True).order_by("pk")


def _told(account_ids: Sequence[UUID], clock: Clock) -> list[Signal]:
    """Signals of the changes that nobody has handled yet; every one is marked handled, whatever came of it."""
    changes = _new_changes(accounts=list(account_ids))
    if not changes:
        return []
    signals: list[Signal] = []
    for told in told_triggers():
        if matching := [change for change in changes if _matches(told.trigger, change, clock)]:
            readings = read_rule(told.node, [c.account_id for c in matching], clock)
            allowed = {r.account_id for r in readings if r.holds}
            signals += [_told_signal(told.trigger, c, clock) for c in matching if c.account_id in allowed]
    Change.objects.filter(pk__in=[change.pk for change in changes]).update(handled_at=clock.now)
    return signals


def _matches(trigger: Trigger, change: Change, clock: Clock) -> bool:
    return (
        trigger.change_kind == change.kind
        and change.depth <= MAX_DEPTH
        and change.occurred_at >= clock.now - timedelta(hours=trigger.max_age_hours)
        and all(_tells(change.data.get(name), wanted) for name, wanted in trigger.match.items())
    )


def _tells(told: Any, wanted: Any) -> bool:
    """Whether a value of the change is what a trigger wants; one of several is enough."""
    return wanted in told if isinstance(told, list) else bool(told == wanted)


def _told_signal(trigger: Trigger, change: Change, clock: Clock) -> Signal:
    template = shipped_of(trigger).sentence or trigger.name
    return Signal(
        account_id=change.account_id,
        trigger=trigger,
        trigger_version=trigger.version,
        change=change,
        dedupe_key=f"{trigger.key}:{change.account_id}:{change.key}"[:300],
        severity=trigger.severity,
        sentence=template.format_map(defaultdict(lambda: "…", change.data)),
        evidence={"change": change.kind, "data": change.data},
        occurred_at=change.occurred_at,
        recorded_at=clock.now,
        origin=change.origin,
        depth=change.depth,
    )


# --- Storing ------------------------------------------------------------------------------------------------------


def _store(signals: Sequence[Signal]) -> list[UUID]:
    """Insert signals that are new by their key, with their timeline entries; returns the ids that may start something.

    What comes in a storm is stored and held back.
    """
    if not signals:
        return []
    new = Signal.objects.insert_new(signals)
    if not new:
        return []
    announce("signals")
    held = hold_storms(new)
    out = [signal for signal in new if signal.pk not in held]
    timeline_tell(out)
    if any(signal.trail_wanted for signal in new):
        wake(INBOX)
    return [signal.pk for signal in out]
