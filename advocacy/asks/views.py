"""Asks: the staff's list, and where a contact answers."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from advocacy.asks.models import Ask, AskStatus
from advocacy.asks.services import ask_answer
from hub.people.guards import StaffRequest, staff_page
from hub.portal.guards import HubRequest, hub_page
from hub.portal.services import contact_actor

PAGE = 50


@staff_page("advocacy.view")
@require_safe
def asks(request: StaffRequest) -> HttpResponse:
    """Who was asked for what, and what they answered."""
    status = request.GET.get("status", "")
    rows = Ask.objects.select_related("account", "contact").order_by("-asked_at", "-id")
    if status in AskStatus.values:
        rows = rows.filter(status=status)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "status": status, "statuses": AskStatus.choices}
    return render(request, "advocacy/asks.html", context)


@hub_page
@require_safe
def hub_asks(request: HubRequest) -> HttpResponse:
    """What this contact is asked for."""
    mine = Ask.objects.filter(account=request.account, contact=request.contact).order_by("-asked_at", "-id")
    return render(request, "advocacy/hub_asks.html", {"asks": list(mine)})


@hub_page
@require_POST
def answer(request: HubRequest, ask_id: UUID) -> HttpResponse:
    """Say yes, or not now."""
    ask = get_object_or_404(Ask, pk=ask_id, account=request.account, contact=request.contact)
    actor = contact_actor(request.contact)
    try:
        said = ask_answer(
            ask=ask, status=request.POST.get("status", ""), answer=request.POST.get("answer", ""), actor=actor
        )
    except ValueError as error:
        messages.error(request, f"Not saved: {error}.")
    else:
        messages.success(request, "Thank you." if said else "You had answered already.")
    return redirect("advocacy_hub:asks", tenant=request.tenant.slug)
