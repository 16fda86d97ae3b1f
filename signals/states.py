"""What computed triggers last said about accounts, and the step from that to what they say now.

A state is kept from the first time on that a trigger is true of an account; which triggers have looked at an account at
all is one reference an account. Of a hundred thousand accounts and fifty triggers nearly nothing is true, and nothing
needs to be kept of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hub.tenancy.context import current_tenant_id
from hub.tenancy.prepared import Places, Prepared
from hub.tenancy.statements import Question, Row
from signals.editions import Edition
from signals.models import Trigger, TriggerLook, TriggerSet, TriggerState

STANDING = """
SELECT s.account_id, array_agg(s.trigger_id)
FROM unnest(%s::uuid[], %s::int[]) AS w (trigger_id, version)
JOIN signals_triggerstate s ON s.tenant_id = %s AND s.trigger_id = w.trigger_id AND s.version = w.version
WHERE s.account_id = ANY(%s) AND s.is_true
GROUP BY s.account_id
"""
LOOKED = """
SELECT t.id, t.digest, array_agg(l.account_id)
FROM signals_triggerlook l JOIN signals_triggerset t ON t.tenant_id = l.tenant_id AND t.id = l.seen_id
WHERE l.tenant_id = %s AND l.account_id = ANY(%s) GROUP BY t.tenant_id, t.id
"""


def looked_at(account_ids: Sequence[UUID]) -> Question:
    """What `Looks` asks."""
    return LOOKED, [current_tenant_id(), list(account_ids)]


class Looks:
    """Which of the triggers of an evaluation have looked at its accounts before. One query where not all of them have
    in these editions.

    The triggers come by id with the edition that they are asked in (`signals.editions`), beside the rows that answer
    `looked_at`.
    """

    def __init__(self, found: Mapping[str, Edition], account_ids: Sequence[UUID], looked: Sequence[Row]) -> None:
        self._versions = dict(found)
        self._digest = hashlib.sha256(json.dumps(self._versions, sort_keys=True).encode()).hexdigest()
        self._account_ids = account_ids
        self._seen: dict[UUID, UUID] = {pk: seen for seen, _, ids in looked for pk in ids}
        self._sets: dict[UUID, Mapping[str, Edition]] = {
            seen: self._versions for seen, digest, _ in looked if digest == self._digest
        }
        if others := [seen for seen, _, _ in looked if seen not in self._sets]:
            self._sets |= dict(TriggerSet.objects.filter(pk__in=others).values_list("pk", "versions"))
        self._same = {seen for seen, versions in self._sets.items() if versions == self._versions}

    def is_first(self, trigger: Trigger, account_id: UUID) -> bool:
        """Whether a trigger, in its edition, looks at an account for the first time."""
        seen = self._sets.get(self._seen[account_id], {}) if account_id in self._seen else {}
        return seen.get(str(trigger.pk)) != self._versions[str(trigger.pk)]

    def is_new(self, account_id: UUID) -> bool:
        """Whether some trigger looks at an account for the first time, or one has gone."""
        return self._seen.get(account_id) not in self._same

    def keep(self) -> None:
        """Write down that all of them have looked now."""
        new = [pk for pk in self._account_ids if self.is_new(pk)]
        if not new:
            return
        seen = self._set()
        TriggerLook.objects.bulk_create(
            [TriggerLook(account_id=pk, seen_id=seen) for pk in new],
            update_conflicts=True,
            unique_fields=["tenant", "account"],
            update_fields=["seen"],
            batch_size=1_000,
        )

    def _set(self) -> UUID:
        made = TriggerSet(digest=self._digest, versions=self._versions)
        TriggerSet.objects.bulk_create([made], ignore_conflicts=True)
        found: UUID = TriggerSet.objects.values_list("pk", flat=True).get(digest=self._digest)
        return found


def looks_forget(tenant_id: UUID, account_ids: Sequence[UUID]) -> None:
    """Historical rows came in: the next evaluation of these accounts is a first sight again, and fires nothing."""
    TriggerLook.objects.filter(account_id__in=account_ids).delete()


def standing_of(triggers: Sequence[Trigger], account_ids: Sequence[UUID]) -> Question:
    """What `standing` asks."""
    versions = [trigger.version for trigger in triggers]
    return STANDING, [[trigger.pk for trigger in triggers], versions, current_tenant_id(), list(account_ids)]


def standing(rows: Sequence[Row]) -> dict[UUID, frozenset[UUID]]:
    """Which triggers are true of each account by their states. Accounts of which none is are left out."""
    return {pk: frozenset(found) for pk, found in rows}


def states_of(triggers: Iterable[Trigger], account_ids: Iterable[UUID]) -> dict[tuple[UUID, UUID], TriggerState]:
    """The states there are, by trigger and account. One query."""
    found = _states(triggers=[trigger.pk for trigger in triggers], accounts=list(account_ids))
    return {(state.trigger_id, state.account_id): state for state in found}


@Prepared[TriggerState]
def _states(the: Places) -> Any:
    return TriggerState.objects.filter(trigger_id__in=the.uuids("triggers"), account_id__in=the.uuids("accounts"))


def has_moved(trigger: Trigger, state: TriggerState | None, holds: bool) -> bool:
    """Whether what a trigger says of an account now is worth writing down."""
    if state is None:
        return holds
    return state.version != trigger.version or state.is_true != holds


def step(
    trigger: Trigger, state: TriggerState | None, account_id: UUID, holds: bool, now: datetime, *, first: bool
) -> tuple[TriggerState, bool]:
    """The state after this look, and whether it is a transition to a signal.

    False → true is one unless the trigger cools down; true at first sight only where the trigger says so.
    """
    state = state or TriggerState(trigger=trigger, account_id=account_id, sequence=0)
    state.version, state.is_true, state.since = trigger.version, holds, now
    fires = holds and (trigger.fire_on_first_sight if first else not _cools(trigger, state, now))
    state.baseline = holds and first and not fires
    # A transition that cools down has its number, too.
    state.sequence += holds and (fires or not first)
    if fires:
        state.last_fired_at = now
    return state, fires


def _cools(trigger: Trigger, state: TriggerState, now: datetime) -> bool:
    return state.last_fired_at is not None and now < state.last_fired_at + timedelta(days=trigger.cooldown_days)


def states_save(states: Sequence[TriggerState]) -> None:
    """Write states that have moved."""
    TriggerState.objects.bulk_create(
        states,
        update_conflicts=True,
        unique_fields=["tenant", "trigger", "account"],
        update_fields=["version", "is_true", "baseline", "sequence", "since", "last_fired_at"],
        batch_size=500,
    )
