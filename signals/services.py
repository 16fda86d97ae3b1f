"""Writes of triggers and signals by people and set-up; what the machine does is in signals/engine.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from hub.accounts.services import change_record
from hub.people.audit import SYSTEM, Actor, audit, audit_many
from hub.registry.facts import known_facts
from hub.rules.explain import sentence
from hub.rules.language import Node, Problem, RuleError, parse, parse_stored
from signals.catalogue import SHIPPED, SIGNAL_REPORTED, Shipped
from signals.health.services import scorecards_install
from signals.measures import circle, read_by
from signals.models import Trigger, TriggerVersion
from signals.reopening import day_reopen

AHEAD: Final = timedelta(minutes=5)


@transaction.atomic
def triggers_install(*, actor: Actor) -> int:
    """Give the tenant in context the shipped triggers that it lacks; returns how many were made."""
    known = set(Trigger.objects.values_list("key", flat=True))
    made = [_shipped_trigger(shipped) for shipped in SHIPPED if shipped.key not in known]
    # A handful of statements: a new tenant waits for this.
    Trigger.objects.bulk_create(made)
    TriggerVersion.objects.bulk_create(map(version_of, made))
    audit_many(actor, "trigger.install", made)
    return len(made)


def _shipped_trigger(shipped: Shipped) -> Trigger:
    return Trigger(
        key=shipped.key,
        name=shipped.name,
        family=shipped.family,
        kind=shipped.kind,
        severity=shipped.severity,
        change_kind=shipped.change_kind,
        match=shipped.match,
        rule=shipped.rule,
        cooldown_days=shipped.cooldown_days,
    )


def on_tenant_made(tenant_id: UUID, ids: Sequence[UUID]) -> None:
    """A new tenant begins with the shipped triggers and the shipped scorecard."""
    triggers_install(actor=SYSTEM)
    scorecards_install(actor=SYSTEM)


@transaction.atomic
def trigger_edit(*, trigger: Trigger, rule: Any, actor: Actor) -> Trigger:
    """Give a trigger another rule under the next version; raises RuleError with every problem found.

    Accounts for which the new rule is true already are taken as baseline: an edit fires nothing.
    """
    node = parse(rule, known_facts())
    check_composition(trigger, node)
    # Evaluations refer to the trigger meanwhile; they wait for nobody.
    locked: Trigger = Trigger.objects.select_for_update(no_key=True).get(pk=trigger.pk)
    before = locked.rule
    if before == rule:
        return locked
    locked.rule = rule
    locked.version += 1
    locked.save(update_fields=["rule", "version"])
    keep_version(locked)
    audit(actor, "trigger.edit", locked, before=before, after=rule, version=locked.version)
    day_reopen()
    return locked


def check_composition(trigger: Trigger, node: Node) -> None:
    """Raise RuleError for triggers that do not exist and for circles: such a rule could never be decided."""
    known = known_facts()
    rules = Trigger.objects.filter(kind=Trigger.Kind.COMPUTED).values_list("key", "rule")
    # What cannot be read any more reads nothing.
    nodes = {key: parse_stored(rule, known) for key, rule in rules if key != trigger.key}
    reads = {key: read_by(found) if found is not None else set() for key, found in nodes.items()}
    reads[trigger.key] = read_by(node)
    unknown = sorted(reads[trigger.key] - set(Trigger.objects.values_list("key", flat=True)))
    if unknown:
        raise RuleError(tuple(Problem("", f"there is no trigger {key}") for key in unknown))
    if way := circle(trigger.key, reads):
        raise RuleError((Problem("", f"the triggers wait for one another: {' → '.join(way)}"),))


def keep_version(trigger: Trigger) -> None:
    """Write down the rule as it is now, under the trigger's version."""
    version_of(trigger).save()


def version_of(trigger: Trigger) -> TriggerVersion:
    """The trigger's version as it is now, unsaved."""
    node = parse(trigger.rule, known_facts())
    return TriggerVersion(
        trigger=trigger, version=trigger.version, match=trigger.match, rule=trigger.rule, sentence=sentence(node)
    )


def signal_report(
    *, account_id: UUID, source: str, external_id: str, text: str, occurred_at: datetime, data: Mapping[str, Any]
) -> bool:
    """Take what another system noticed about an account; the signal follows within seconds. False when it was known.

    Older than a day it is history: stored, but no signal follows. No clock runs ahead of ours by over five minutes.
    """
    return change_record(
        account_id=account_id,
        kind=SIGNAL_REPORTED,
        key=f"{source}:{external_id}"[:200],
        occurred_at=min(occurred_at, timezone.now() + AHEAD),
        data={**data, "source": source, "text": text},
    )
