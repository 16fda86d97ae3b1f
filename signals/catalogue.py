"""The triggers that ship with Tandem, one per kind to begin with, and their documented defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hub.plans.services import MILESTONE_COMPLETED
from signals.decline import DeclineRule
from signals.models import Severity, Trigger

DECLINE = DeclineRule()
QBR_LINE_TAGGED = "qbr.line_tagged"
SIGNAL_REPORTED = "signal.reported"
ANY_ACCOUNT: dict[str, Any] = {"all": []}


@dataclass(frozen=True)
class Shipped:
    """A trigger's defaults.

    `sentence` is what its signals say: over the change's data for events and persons, over the values of facts for
    computed ones, where `tells` names facts to read beside those of the rule.
    """

    key: str
    name: str
    family: str
    kind: str
    severity: str
    change_kind: str = ""
    match: dict[str, Any] = field(default_factory=dict)
    rule: dict[str, Any] = field(default_factory=lambda: dict(ANY_ACCOUNT))
    sentence: str = ""
    tells: tuple[str, ...] = ()
    cooldown_days: int = 0


SHIPPED: tuple[Shipped, ...] = (
    Shipped(
        key="milestone-reached",
        name="Onboarding milestone reached",
        family="onboarding",
        kind=Trigger.Kind.EVENT,
        severity=Severity.INFO,
        change_kind=MILESTONE_COMPLETED,
        sentence="Reached the milestone “{title}”",
    ),
    Shipped(
        key="qbr-expansion",
        name="QBR line tagged expansion",
        family="qbr",
        kind=Trigger.Kind.PERSON,
        severity=Severity.OPPORTUNITY,
        change_kind=QBR_LINE_TAGGED,
        match={"tag": "expansion"},
        sentence="Expansion noted in the QBR: “{text}”",
    ),
    Shipped(
        key="reported",
        name="Reported by another system",
        family="external",
        kind=Trigger.Kind.EVENT,
        severity=Severity.INFO,
        change_kind=SIGNAL_REPORTED,
        sentence="{source}: {text}",
    ),
    Shipped(
        key="usage-decline",
        name="Usage decline",
        family="usage",
        kind=Trigger.Kind.COMPUTED,
        severity=Severity.WARNING,
        rule={
            "all": [
                {"fact": "usage_baseline_weeks", "op": "gte", "value": DECLINE.least_baseline_weeks},
                {"fact": "usage_drop_pct", "op": "gt", "value": DECLINE.drop_percent},
            ]
        },
        sentence=(
            "Use is {usage_drop_pct:.0f}% under the mean of the weeks before, two weeks running"
            " ({usage_last_week:,} uses last week)"
        ),
        tells=("usage_last_week",),
        cooldown_days=30,
    ),
)
BY_KEY = {shipped.key: shipped for shipped in SHIPPED}
