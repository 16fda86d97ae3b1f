from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from hub.accounts.models import Account
from hub.people.answers import changed
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.plans import services
from hub.plans.models import Milestone
from hub.plans.selectors import plan_progress


@staff_page("plans.edit")
@require_POST
def milestone_complete(request: StaffRequest, milestone_id: UUID) -> HttpResponse:
    """Staff complete a milestone for the customer; twice changes nothing."""
    milestone = get_object_or_404(Milestone.objects.select_related("account"), pk=milestone_id)
    services.milestone_complete(milestone_id=milestone.pk, via="staff", actor=actor_of(request))
    return _answer(request, milestone.account, f"“{milestone.title}” is done.")


@staff_page("plans.edit")
@require_POST
def plan_start(request: StaffRequest, account_id: UUID) -> HttpResponse:
    """Give the account the standard onboarding plan, from today."""
    account = get_object_or_404(Account, pk=account_id)
    services.plan_create(account=account, started_on=timezone.localdate(), actor=actor_of(request))
    return _answer(request, account, "The onboarding plan has started.")


def _answer(request: StaffRequest, account: Account, say: str) -> HttpResponse:
    return changed(
        request,
        template="plans/_account_panel.html",
        context={"account": account, "progress": plan_progress(account.pk, timezone.localdate())},
        back=reverse("accounts:page", kwargs={"tenant": request.tenant.slug, "account_id": account.pk}),
        say=say,
    )
