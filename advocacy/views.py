from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from advocacy.models import Candidate, CandidateStatus
from advocacy.selectors import roster as roster_of
from advocacy.services import candidate_decide
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.people.permissions import allowed

PAGE = 50


@staff_page("advocacy.view")
def roster(request: StaffRequest) -> HttpResponse:
    """Who could speak for us, and why."""
    status, search = request.GET.get("status", ""), request.GET.get("q", "").strip()
    status = status if status in CandidateStatus.values else ""
    page = Paginator(roster_of(status=status, search=search), PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "status": status,
        "search": search,
        "statuses": CandidateStatus.choices,
        "may_edit": allowed(request.membership.role, "advocacy.edit"),
    }
    return render(request, "advocacy/roster.html", context)


@staff_page("advocacy.edit")
@require_POST
def decide(request: StaffRequest, candidate_id: UUID) -> HttpResponse:
    candidate = get_object_or_404(Candidate.objects.select_related("contact"), pk=candidate_id)
    try:
        decided = candidate_decide(
            candidate_id=candidate_id,
            status=request.POST.get("status", ""),
            note=request.POST.get("note", ""),
            user=request.user,
            actor=actor_of(request),
        )
    except ValueError as error:
        messages.error(request, f"Not saved: {error}.")
    else:
        said = f"Saved for {candidate.contact}." if decided else "Somebody else decided a moment ago."
        messages.success(request, said)
    return redirect("advocacy:roster", tenant=request.tenant.slug)
