"""What people set of an account's health."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST

from hub.accounts.facts import today_of
from hub.accounts.models import Account
from hub.people.answers import go_back
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from signals.health import services


@staff_page("health.set")
@require_POST
def override(request: StaffRequest, account_id: UUID) -> HttpResponse:
    """Set the band against the score, for a reason and some days."""
    account = get_object_or_404(Account, pk=account_id)
    given, today = request.POST, today_of(request.tenant)
    try:
        row = services.override_set(
            account=account,
            band=given.get("band", ""),
            reason=given.get("reason", ""),
            until=today + timedelta(days=_whole(given.get("days", ""), "how many days it counts")),
            today=today,
            user=request.user,
            actor=actor_of(request),
        )
    except services.HealthError as error:
        messages.error(request, f"Nothing was changed: {error}.")
    else:
        messages.success(request, f"Health is {row.get_band_display().lower()} until {row.until.isoformat()}.")
    return _to_account(request, account)


@staff_page("health.set")
@require_POST
def override_end(request: StaffRequest, account_id: UUID) -> HttpResponse:
    """Let the score count again."""
    account = get_object_or_404(Account, pk=account_id)
    if services.override_end(account=account, actor=actor_of(request)):
        messages.success(request, "The score counts again, within seconds.")
    return _to_account(request, account)


@staff_page("health.set")
@require_POST
def hand(request: StaffRequest, account_id: UUID) -> HttpResponse:
    """Set a measure that people set."""
    account = get_object_or_404(Account, pk=account_id)
    given = request.POST
    try:
        services.hand_set(
            account=account,
            measure=given.get("measure", ""),
            value=_whole(given.get("value", ""), "the value"),
            note=given.get("note", ""),
            user=request.user,
            actor=actor_of(request),
        )
    except services.HealthError as error:
        messages.error(request, f"Nothing was changed: {error}.")
    else:
        messages.success(request, "The value is set; the score follows within seconds.")
    return _to_account(request, account)


def _whole(text: str, name: str) -> int:
    if not text.strip().isascii() or not text.strip().isdecimal():
        raise services.HealthError(f"{name} is a whole number")
    return int(text.strip()[:6])


def _to_account(request: StaffRequest, account: Account) -> HttpResponse:
    page = reverse("accounts:page", kwargs={"tenant": request.tenant.slug, "account_id": account.pk})
    return go_back(request, f"{page}#health")
