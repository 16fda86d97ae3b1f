"""What journeys show on pages of the shell."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone

from hub.outbox.reasons import reason_words
from hub.people.permissions import allowed
from hub.registry.lists import AccountsAct, accounts_acts
from hub.registry.panels import (
    AccountPanel,
    NavItem,
    NextStep,
    NextStepProvider,
    TodayPanel,
    account_panels,
    nav_items,
    next_steps,
    today_panels,
)
from hub.tenancy.models import Tenant
from journeys.models import Journey, JourneyStatus, SurveyInvite
from journeys.selectors import account_enrollments, recent_decisions
from journeys.surveys.services import OPEN_FOR, survey_url


def account_panel(request: Any, account: Any) -> str | None:
    enrollments = [(e, reason_words(e.reason) if e.reason else "") for e in account_enrollments(account.pk)]
    may_run = allowed(request.membership.role, "journeys.run")
    running = Journey.objects.filter(status=JourneyStatus.ACTIVE, live__gt=0).order_by("name", "id")
    context = {
        "account": account,
        "enrollments": enrollments,
        "may_run": may_run,
        "startable": list(running) if may_run else [],
    }
    return render_to_string("journeys/_account_panel.html", context, request=request)


def today_panel(request: Any) -> str | None:
    """What the hub decided lately; people review it here."""
    decisions = [(decision, reason_words(decision.outcome)) for decision in recent_decisions()]
    if not decisions:
        return None
    return render_to_string("journeys/_today_panel.html", {"decisions": decisions}, request=request)


def open_question(account: Any, contact: Any) -> NextStep | None:
    """The latest survey that this contact has not answered."""
    since = timezone.now() - OPEN_FOR
    waiting = SurveyInvite.objects.filter(contact=contact, answered_at__isnull=True, asked_at__gt=since)
    invited = waiting.order_by("-asked_at").first()
    if invited is None:
        return None
    tenant = Tenant.objects.get(pk=account.tenant_id)
    return NextStep(50, invited.question, survey_url(tenant, invited))


def register() -> None:
    next_steps.register(NextStepProvider("survey", open_question, order=50))
    nav_items.register(
        NavItem(
            "journeys",
            "Journeys",
            40,
            "journeys.view",
            "journeys:list",
            icon="route",
            covers=("decisions/",),
            what="What happens by itself after a signal: messages, tasks, waits, experiments, decisions.",
        )
    )
    accounts_acts.register(
        AccountsAct("journey", "Into a journey …", "route", "journeys.run", "journeys:choose", order=50)
    )
    account_panels.register(AccountPanel("journeys", "Journeys", 50, "journeys.view", account_panel))
    today_panels.register(TodayPanel("decisions", "Decided lately", 50, "journeys.view", today_panel))
