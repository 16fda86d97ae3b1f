"""What people type about choices and plays, read into what the services take."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import QueryDict

from hub.tenancy.models import Tenant
from journeys.decisions.terms import ANYBODY, PlayError

MORNING: Final = time(9)
LONGEST_RULE: Final = 20_000


def ids_of(given: QueryDict, most: int) -> list[UUID]:
    """The choices that are ticked; what is no id is left out."""
    found = []
    for text in given.getlist("choice")[:most]:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found


def edits_of(given: Mapping[str, str], tenant: Tenant) -> dict[str, Any]:
    """Who is to do it, and from when on; raises ValidationError."""
    who, on = given.get("assignee", ""), given.get("begins_on", "")
    found: dict[str, Any] = {"assignee": None, "begins_at": None}
    try:
        found["assignee"] = UUID(who) if who else None
    except ValueError:
        raise ValidationError({"assignee": ["Choose somebody of the list."]}) from None
    try:
        found["begins_at"] = datetime.combine(date.fromisoformat(on), MORNING, tenant.zone) if on else None
    except (ValueError, OverflowError):
        raise ValidationError({"begins_at": ["Choose the day on which it begins."]}) from None
    return found


def problem_of(error: ValidationError) -> str:
    return " ".join(error.messages)


def terms_typed(given: QueryDict, tree: Any) -> dict[str, Any]:
    """The terms of a play as the form has them; ``tree`` is its rule, None for everybody. Raises PlayError."""
    action = given.get("action", "")
    return {
        "action": action,
        "config": _config(action, given),
        "triggers": given.getlist("trigger"),
        "stages": given.getlist("stage"),
        "rule": tree if tree is not None else dict(ANYBODY),
        "purpose": given.get("purpose", ""),
        "worth": given.get("worth", ""),
        "worth_percent": _whole(given, "worth_percent") if given.get("worth_percent", "").strip() else None,
        "prior": [_number(given, "prior_a"), _number(given, "prior_b")],
        "prior_source": given.get("prior_source", ""),
        "autonomy": given.get("autonomy", ""),
        "cooldown_days": _whole(given, "cooldown_days"),
        "window_days": _whole(given, "window_days"),
        "holdout_percent": _whole(given, "holdout_percent"),
        "success": _success(given.get("success", "")),
    }


def _config(action: str, given: QueryDict) -> dict[str, Any]:
    if action == "journey.start":
        return {"journey": given.get("journey", "")}
    if action == "task.open":
        days = _whole(given, "due_business_days")
        title, playbook = given.get("title", "").strip(), given.get("playbook", "").strip()
        told = {"title": title, "playbook": playbook, "due_business_days": days}
        return told | ({"playbook_key": key} if (key := given.get("playbook_key", "")) else {})
    return {"ask": given.get("ask", ""), "role": given.get("role", "").strip(), "text": given.get("text", "").strip()}


def _whole(given: QueryDict, name: str) -> int:
    text = given.get(name, "").strip()
    if not (text.isascii() and text.isdecimal()) or len(text) > 6:
        raise PlayError(name, "expected a whole number")
    return int(text)


def _number(given: QueryDict, name: str) -> float:
    try:
        return float(given.get(name, "").strip().replace(",", "."))
    except ValueError:
        raise PlayError("prior", "expected two numbers: successes and failures that are supposed") from None


def _success(text: str) -> Any:
    if not text.strip():
        return None
    try:
        found = json.loads(text[:LONGEST_RULE])
    except (ValueError, RecursionError):
        raise PlayError("success", "this is not JSON") from None
    if not isinstance(found, dict):
        raise PlayError("success", "expected a rule as an object")
    return found
