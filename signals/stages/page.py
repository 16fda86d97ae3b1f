"""What the pages of the stages show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import Count, Q
from django.utils import timezone

from hub.accounts.facts import today_of
from hub.accounts.models import Account, AccountFacts, LifecycleStage
from hub.registry.facts import known_facts
from hub.rules.compile import Clock
from hub.rules.explain import stored_sentence
from hub.rules.reading import read_facts
from hub.tenancy.models import Tenant
from signals.stages.flags import TITLES, flags_of
from signals.stages.models import StageChange, StageOverride, StageState, StageVersion
from signals.stages.preview import Preview, counts_by_place, preview
from signals.stages.refresh import reason_of
from signals.stages.rules import StageRule, Stages, current_stages

RECENT = 5
VERSIONS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule of the list: its stage, its sentence, and how many accounts it says the stage of."""

    place: int
    rule: StageRule
    sentence: str
    accounts: int
    is_last: bool


def rule_lines(stages: Stages) -> list[RuleLine]:
    """In the order in which they are asked. One query."""
    counts, last, known = counts_by_place(stages), len(stages.rules) - 1, known_facts()
    return [
        RuleLine(place, rule, stored_sentence(rule.tree, known), counts.get(place, 0), place == last)
        for place, rule in enumerate(stages.rules)
    ]


@dataclass(frozen=True, slots=True)
class VersionLine:
    """A version with its rules in words."""

    version: StageVersion
    words: Sequence[str]


def version_lines() -> list[VersionLine]:
    """Newest first. One query."""
    known = known_facts()
    versions = StageVersion.objects.select_related("published_by").order_by("-number")[:VERSIONS_SHOWN]
    return [VersionLine(version, [_words(row, known) for row in version.rules]) for version in versions]


def _words(row: Any, known: Any) -> str:
    return f"{LifecycleStage(row['stage']).label}: {stored_sentence(row['rule'], known)}"


@dataclass(frozen=True, slots=True)
class FlagLine:
    """A flag beside the stage: its rule in words, and how many accounts have it."""

    key: str
    title: str
    sentence: str
    accounts: int


def flag_lines(stages: Stages) -> list[FlagLine]:
    """The flags. One query."""
    known, rules = known_facts(), flags_of(stages.flags)
    counts = AccountFacts.objects.aggregate(**{key: Count("pk", filter=Q(**{f"flag_{key}": True})) for key in rules})
    return [FlagLine(key, title, stored_sentence(rules[key], known), counts[key]) for key, title in TITLES.items()]


def list_context(tenant: Tenant) -> dict[str, Any]:
    stages = current_stages()
    return {
        "stages": stages,
        "lines": rule_lines(stages),
        "flags": flag_lines(stages),
        "figures": any(rule.figure is not None for rule in stages.rules),
        "versions": version_lines(),
    }


# --- Of an account ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AccountStage:
    """Why an account is where it is: what the rules say now with what they see, and what somebody set."""

    stage: str
    by_rules: str
    since: Any
    reason: str
    version: int
    override: StageOverride | None
    changes: Sequence[StageChange]
    today: date


def account_stage(account: Account, tenant: Tenant) -> AccountStage:
    """Five queries; of an account that was never evaluated, four."""
    now = timezone.now()
    clock = Clock(now, today_of(tenant, now))
    stages = current_stages()
    state = StageState.objects.filter(account=account).first()
    changes = list(StageChange.objects.filter(account=account).order_by("-at", "-id")[:RECENT])
    reason = ""
    if state and state.version == stages.number and state.place < len(stages.rules):
        values = read_facts(stages.facts(), [account.pk], clock).get(account.pk, {})
        reason = reason_of(stages, state.place, values, clock)
    return AccountStage(
        stage=account.stage,
        by_rules=state.stage if state else "",
        since=next((change.at for change in changes if change.stage == account.stage), None),
        reason=reason or (changes[0].reason if changes else ""),
        version=stages.number,
        override=standing_override(account.pk),
        changes=changes,
        today=clock.today,
    )


def standing_override(account_id: UUID) -> StageOverride | None:
    found: StageOverride | None = (
        StageOverride.objects.select_related("set_by").filter(account_id=account_id, ended_at__isnull=True).first()
    )
    return found


def preview_context(stages: Stages, tenant: Tenant) -> dict[str, Any]:
    """What the panel beside a form shows of rules that are not published."""
    found: Preview | None = preview(stages, tenant)
    return {"previewed": True, "preview": found, "moves": found.moves[:8] if found else []}
