"""The upkeep of stages: part of the evaluation, under the account's lock, after the facts and before health.

One statement asks all rules of all accounts and answers with those that moved; nothing else is read or written of the
others. What the rules say at first sight, after an import of history, or under other rules is taken as it is: it is
kept and shown, and makes no signal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from django.db import connection

from hub.accounts.models import Change, LifecycleStage, TimelineEntry
from hub.accounts.services import timeline_record_many
from hub.people.audit import SYSTEM, audit
from hub.rules.columns import TABLES
from hub.rules.compile import Clock
from hub.rules.explain import findings, sentence, why_false
from hub.rules.reading import read_facts
from hub.tenancy.context import current_tenant_id
from hub.tenancy.statements import ask
from signals.stages.models import StageCause, StageChange, StageOverride, StageState
from signals.stages.rules import Stages, current_stages

CHANGED: Final = "stage.changed"
FORGOTTEN: Final = -1
# The places are counted once, however often they are compared.
MOVED: Final = f"""
WITH said AS MATERIALIZED (
    SELECT a.id, a.stage, {{case}} AS place, k.version, k.place AS known_place, k.stage AS known_stage,
        k.shown, o.id AS override_id, o.stage AS override, o.until
    FROM {TABLES}
    LEFT JOIN signals_stagestate k ON k.tenant_id = a.tenant_id AND k.account_id = a.id
    LEFT JOIN signals_stageoverride o ON o.tenant_id = a.tenant_id AND o.account_id = a.id AND o.ended_at IS NULL
    WHERE a.tenant_id = %s AND a.id = ANY(%s)
)
SELECT id, stage, place, version, known_place, known_stage, shown, override_id, override, until FROM said
WHERE version IS DISTINCT FROM %s OR known_place <> place OR until < %s
    OR stage <> coalesce(override, (%s::text[])[place + 1]) OR shown <> stage
ORDER BY id
"""
SET: Final = """
UPDATE accounts_account a SET stage = x.stage FROM unnest(%s::uuid[], %s::text[]) AS x (id, stage)
WHERE a.tenant_id = %s AND a.id = x.id AND a.stage <> x.stage
"""


@dataclass(frozen=True, slots=True)
class Said:
    """What the rules say of an account, beside what they said before and what a person set."""

    account_id: UUID
    at_account: str
    place: int
    version: int | None
    known_place: int | None
    known_stage: str | None
    known_shown: str | None
    override_id: UUID | None
    override: str | None
    until: date | None

    @property
    def shown(self) -> str:
        """The stage as it was told last."""
        return self.known_shown or self.at_account

    def ends(self, today: date) -> bool:
        return self.until is not None and self.until < today

    def stage(self, stages: Stages, today: date) -> str:
        """What it is now: what a person set, else what the rules say."""
        own = None if self.ends(today) else self.override
        return own or stages.rules[self.place].stage.value

    def cause(self, stages: Stages, today: date) -> StageCause:
        if self.version is None or self.version == FORGOTTEN:
            return StageCause.FIRST
        if self.override and not self.ends(today):
            return StageCause.HAND
        if self.version != stages.number:
            return StageCause.MODEL
        return StageCause.RULES if self.known_place != self.place else StageCause.HAND


def stages_refresh(account_ids: Sequence[UUID], clock: Clock) -> list[UUID]:
    """Bring the stages of these accounts up to date; returns those whose stage is another now. Two queries of accounts
    that stand still."""
    if not account_ids:
        return []
    stages = current_stages()
    said = _said(stages, account_ids, clock)
    _expire([row for row in said if row.ends(clock.today)], clock)
    _keep(stages, said, clock)
    moved = [row for row in said if row.stage(stages, clock.today) != row.shown]
    # The past of the stage begins with the first look, also where nothing moves.
    first = [row for row in said if row.version is None and row not in moved]
    if moved or first:
        _write(stages, moved, first, clock)
    return [row.account_id for row in moved]


def forget_stages(tenant_id: UUID, account_ids: Sequence[UUID]) -> None:
    """Historical rows came in: what the rules say next of these accounts is a first sight again."""
    StageState.objects.filter(account_id__in=account_ids).update(version=FORGOTTEN)


def _said(stages: Stages, account_ids: Sequence[UUID], clock: Clock) -> list[Said]:
    case, params = stages.case_sql(clock)
    names = [rule.stage.value for rule in stages.rules]
    values = [*params, current_tenant_id(), list(account_ids), stages.number, clock.today, names]
    return [Said(*row) for row in ask(MOVED.format(case=case), values)]


def _expire(rows: Sequence[Said], clock: Clock) -> None:
    for override in StageOverride.objects.filter(pk__in=[row.override_id for row in rows]) if rows else ():
        StageOverride.objects.filter(pk=override.pk).update(ended_at=clock.now)
        audit(SYSTEM, "stage.override_end", override, account=str(override.account_id))


def _keep(stages: Stages, said: Sequence[Said], clock: Clock) -> None:
    """Write what the rules say and what is shown, where either is another; a stage that was written past the rules is
    put right, and nobody is told."""
    if not said:
        return
    states = [
        StageState(
            account_id=row.account_id, version=stages.number, place=row.place,
            stage=stages.rules[row.place].stage, shown=row.stage(stages, clock.today),
        )
        for row in said
    ]  # fmt: skip
    StageState.objects.bulk_create(
        states,
        update_conflicts=True,
        unique_fields=["tenant", "account"],
        update_fields=["version", "place", "stage", "shown"],
    )
    wrong = {row.account_id for row, state in zip(said, states, strict=True) if row.at_account != state.shown}
    if wrong:
        names = [state.shown for state in states if state.account_id in wrong]
        with connection.cursor() as cursor:
            cursor.execute(SET, [sorted(wrong), names, current_tenant_id()])


# --- What is told -------------------------------------------------------------------------------------------------


def _write(stages: Stages, moved: Sequence[Said], first: Sequence[Said], clock: Clock) -> None:
    ids = [row.account_id for row in (*moved, *first)]
    values = read_facts(stages.facts(), ids, clock)
    overrides = {row.pk: row for row in StageOverride.objects.filter(pk__in=[r.override_id for r in moved])}
    changes = [_change(stages, row, values.get(row.account_id, {}), overrides, clock) for row in (*moved, *first)]
    StageChange.objects.bulk_create(changes, batch_size=500)
    told = [change for change in changes[: len(moved)] if change.cause != StageCause.FIRST]
    if not told:
        return
    timeline_record_many([_entry(change) for change in told])
    Change.objects.bulk_create(
        [_happening(change) for change in told if change.cause != StageCause.MODEL], ignore_conflicts=True
    )


def _change(
    stages: Stages, row: Said, values: Mapping[str, Any], overrides: Mapping[UUID, StageOverride], clock: Clock
) -> StageChange:
    cause = row.cause(stages, clock.today)
    override = overrides.get(row.override_id) if row.override_id and not row.ends(clock.today) else None
    reason = reason_of(stages, row.place, values, clock, before=row.known_place)
    if override:
        reason = f"set by hand until {override.until.isoformat()}: {override.reason}"
    elif cause is StageCause.HAND:
        reason = f"what was set by hand counts no more; {reason}"
    return StageChange(
        account_id=row.account_id,
        at=clock.now,
        day=clock.today,
        before="" if cause is StageCause.FIRST else row.shown,
        stage=row.stage(stages, clock.today),
        cause=cause,
        version=stages.number,
        reason=reason,
        evidence={
            "rule": sentence(stages.rules[row.place].node),
            "values": {name: _plain(values.get(name)) for name in stages.facts()},
        },
    )


def reason_of(stages: Stages, place: int, values: Mapping[str, Any], clock: Clock, *, before: int | None = None) -> str:
    """Why the rule at this place says the stage: what it saw; of the last rule, what the one before lacks."""
    if seen := findings(stages.rules[place].node, values, clock):
        return "; ".join(finding.text for finding in seen)
    left = before is not None and before < place
    asked = before if before is not None and left else place - 1
    if asked < 0:
        return "there is no other rule"
    lacking = "; ".join(finding.text for finding in why_false(stages.rules[asked].node, values, clock))
    label = stages.rules[asked].stage.label
    return f"{label} holds no longer: {lacking}" if left else f"no rule before it holds; not {label}: {lacking}"


def _label(stage: str) -> str:
    return str(LifecycleStage(stage).label) if stage else ""


def _entry(change: StageChange) -> TimelineEntry:
    title = f"Stage: {_label(change.before)} → {_label(change.stage)}"
    if change.cause == StageCause.MODEL:
        title += f", by version {change.version} of the rules"
    return TimelineEntry(
        account_id=change.account_id, kind="stage", key=str(change.pk), title=title, body=change.reason,
        source="Tandem", occurred_at=change.at,
    )  # fmt: skip


def _happening(change: StageChange) -> Change:
    data = {
        "stage": change.stage,
        "before": change.before,
        "stage_label": _label(change.stage),
        "before_label": _label(change.before),
        "reason": change.reason,
        "by_hand": change.cause == StageCause.HAND,
    }
    return Change(
        account_id=change.account_id, kind=CHANGED, key=str(change.pk), object_id=change.pk, occurred_at=change.at,
        data=data,
    )  # fmt: skip


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else str(value)
