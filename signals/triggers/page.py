"""What the pages of a trigger's rule show."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from hub.people.models import AuditEvent
from hub.registry.facts import known_facts
from hub.rules.explain import sentence
from hub.rules.language import Node, RuleError, parse
from hub.shell.rule_form import Draft, Read, draft_of, read_draft
from hub.tenancy.models import Tenant
from signals.models import Trigger, TriggerVersion
from signals.trigger_page import trigger_sentence
from signals.triggers.trying import Tried, rule_try


@dataclass(frozen=True, slots=True)
class VersionLine:
    """A version of a trigger's rule in words, when and by whom it came to be."""

    number: int
    sentence: str
    at: datetime
    by: str
    is_current: bool


def version_lines(trigger: Trigger) -> list[VersionLine]:
    """Newest first. Two queries."""
    rows = AuditEvent.objects.filter(
        object_kind="trigger", object_id=str(trigger.pk), action__in=("trigger.create", "trigger.edit", "trigger.on")
    )
    by = {changes.get("version"): label for changes, label in rows.values_list("changes", "actor_label")}
    return [
        VersionLine(
            version.version,
            trigger_sentence(trigger, version.sentence),
            version.created_at,
            by.get(version.version, ""),
            version.version == trigger.version,
        )
        for version in TriggerVersion.objects.filter(trigger=trigger).order_by("-version")
    ]


@dataclass(frozen=True, slots=True)
class Standing:
    """The rule as it stands: its form, and its sentence where the rows cannot show it; ``tree`` is what the unchanged
    form comes back as."""

    draft: Draft
    sentence: str
    tree: Mapping[str, Any] | None


def standing(trigger: Trigger, tenant: Tenant, *, as_text: bool = False) -> Standing:
    """The form of a trigger's rule as it stands; JSON where the rows cannot show it, or when asked for."""
    written = json.dumps(trigger.rule, indent=2, ensure_ascii=False)
    try:
        node: Node = parse(trigger.rule, known_facts())
    except RuleError as error:
        return Standing(Draft(text=written, problem=str(error)), "", None)
    draft = draft_of(node, tenant)
    if draft is None or as_text:
        return Standing(Draft(text=written), sentence(node), trigger.rule)
    return Standing(draft, "", read_draft(draft, tenant).tree or trigger.rule)


def tried_context(read: Read, tenant: Tenant, *, cooldown_days: int, fires: bool) -> dict[str, Any]:
    """What the panel beside the form shows of a rule as typed: its sentence and its counts, or what is missing."""
    if read.node is None:
        return {"tried": None}
    tried: Tried = rule_try(read.node, tenant, cooldown_days=cooldown_days, fires=fires)
    address = reverse("accounts:list", kwargs={"tenant": tenant.slug})
    return {
        "tried": tried,
        "tried_sentence": sentence(read.node),
        # A longer address than this some servers on the way would cut.
        "tried_url": f"{address}?{urlencode({'rule': read.text})}" if len(read.text) < 4_000 else "",
    }
