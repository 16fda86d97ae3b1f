from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from django.core.exceptions import ValidationError

from hub.tenancy.models import Tenant
from signals.inbox.acting import Act, Action

# Snoozed signals come back when the day's work begins.
MORNING: Final = time(8)


def act_read(given: Mapping[str, str], tenant: Tenant) -> Act:
    """The act that a form asks for; raises ValidationError for what cannot be read. A snooze is until a day, by one of
    the days on offer (``until``) or another (``day``)."""
    try:
        action = Action(given.get("action", ""))
    except ValueError:
        raise ValidationError({"action": ["Choose what to do with the signals."]}) from None
    assignee = given.get("assignee", "") if action == Action.ASSIGN else ""
    until = given.get("until") or given.get("day") or ""
    return Act(
        action,
        assignee=_person(assignee),
        until=_morning(until, tenant) if action == Action.SNOOZE else None,
        reason=given.get("reason", "") if action == Action.DISMISS else "",
        note=given.get("note", "").replace("\x00", ""),
    )


def _person(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise ValidationError({"assignee": ["Choose somebody of the list."]}) from None


def _morning(text: str, tenant: Tenant) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), MORNING, tenant.zone)
    except (ValueError, OverflowError):
        raise ValidationError({"until": ["Choose the day on which it comes back."]}) from None


def snooze_days(today: date) -> list[tuple[date, str]]:
    """The days on offer: tomorrow, next Monday, in two weeks, in a month; none twice."""
    monday = today + timedelta(days=7 - today.weekday())
    offered = {
        today + timedelta(days=1): "Tomorrow",
        monday: "Next Monday",
        today + timedelta(days=14): "In two weeks",
        today + timedelta(days=30): "In a month",
    }
    return sorted(offered.items())


def problem_of(error: ValidationError) -> str:
    """The messages of an error as one line."""
    return " ".join(error.messages)
