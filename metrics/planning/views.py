"""Metrics → Planning: what both teams work on in a quarter."""

from __future__ import annotations

from datetime import date
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from hub.accounts.facts import today_of
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.people.selectors import members
from metrics.planning import services
from metrics.planning.models import Commitment, Focus, Priority, Side
from metrics.planning.quarters import Quarter
from metrics.planning.selectors import plan_of, quarters_known
from signals.models import Segment


@staff_page("metrics.view")
@require_safe
def plan(request: StaffRequest) -> HttpResponse:
    """The plan of a quarter, and those before it."""
    today = today_of(request.tenant)
    quarter = Quarter.read(request.GET.get("quarter", "")) or Quarter.of(today)
    found = plan_of(quarter, today)
    planned = {line.focus.segment_id for line in found.lines}
    address = reverse("accounts:list", kwargs={"tenant": request.tenant.slug})
    context = {
        "plan": found,
        "rows": [(line, f"{address}?{urlencode({'rule': line.rule})}") for line in found.lines],
        "quarters": quarters_known(today),
        "is_past": quarter < Quarter.of(today),
        "may_close": not found.closed_at and quarter <= Quarter.of(today) and bool(found.lines),
        "segments": [s for s in Segment.objects.filter(is_active=True).order_by("name") if s.pk not in planned],
        "priorities": Priority.choices,
        "sides": Side.choices,
        "people": members(request.tenant),
    }
    return render(request, "metrics/planning/plan.html", context)


@staff_page("planning.edit")
@require_POST
def add(request: StaffRequest) -> HttpResponse:
    """Plan a segment for a quarter."""
    quarter, given = _quarter(request), request.POST
    try:
        segment = Segment.objects.filter(pk=_uuid(given.get("segment", ""))).first()
        if segment is None:
            raise services.PlanError("choose a segment")
        services.focus_add(
            quarter=quarter,
            segment=segment,
            priority=given.get("priority", ""),
            cs_owner=_uuid(given.get("cs_owner", "")),
            marketing_owner=_uuid(given.get("marketing_owner", "")),
            target=given.get("target", ""),
            note=given.get("note", ""),
            actor=actor_of(request),
        )
    except services.PlanError as error:
        return _answer(request, quarter, problem=str(error))
    return _answer(request, quarter, f"“{segment.name}” is planned for {quarter.words}.")


@staff_page("planning.edit")
@require_POST
def change(request: StaffRequest, focus_id: UUID) -> HttpResponse:
    """Change a focus, or take it out of the plan."""
    focus, given = get_object_or_404(Focus, pk=focus_id), request.POST
    quarter = _of(focus)
    try:
        if given.get("do") == "drop":
            services.focus_drop(focus=focus, actor=actor_of(request))
            return _answer(request, quarter, "The segment is out of the plan.")
        services.focus_change(
            focus=focus,
            priority=given.get("priority", ""),
            cs_owner=_uuid(given.get("cs_owner", "")),
            marketing_owner=_uuid(given.get("marketing_owner", "")),
            target=given.get("target", ""),
            note=given.get("note", ""),
            actor=actor_of(request),
        )
    except services.PlanError as error:
        return _answer(request, quarter, problem=str(error))
    return _answer(request, quarter, "The plan is changed.")


@staff_page("planning.work")
@require_POST
def commit(request: StaffRequest, focus_id: UUID) -> HttpResponse:
    """Promise something for a focus."""
    focus, given = get_object_or_404(Focus, pk=focus_id), request.POST
    try:
        services.commitment_add(
            focus=focus,
            side=given.get("side", ""),
            text=given.get("text", ""),
            due_on=_day(given.get("due_on", "")),
            actor=actor_of(request),
        )
    except services.PlanError as error:
        return _answer(request, _of(focus), problem=str(error))
    return _answer(request, _of(focus), "It is promised.")


@staff_page("planning.work")
@require_POST
def tick(request: StaffRequest, commitment_id: UUID) -> HttpResponse:
    """Say that a commitment is done, or not after all."""
    commitment = get_object_or_404(Commitment.objects.select_related("focus"), pk=commitment_id)
    done = request.POST.get("done") == "1"
    try:
        services.commitment_tick(commitment=commitment, done=done, user=request.user, actor=actor_of(request))
    except services.PlanError as error:
        return _answer(request, _of(commitment.focus), problem=str(error))
    return _answer(request, _of(commitment.focus), "It is done." if done else "It is open again.")


@staff_page("planning.edit")
@require_POST
def close(request: StaffRequest) -> HttpResponse:
    """Close a quarter and carry over what is not done."""
    quarter = _quarter(request)
    try:
        carried = services.quarter_close(quarter=quarter, user=request.user, actor=actor_of(request))
    except services.PlanError as error:
        return _answer(request, quarter, problem=str(error))
    words = f"{quarter.words} is closed; {carried} commitment{'' if carried == 1 else 's'} carried over."
    return _answer(request, quarter.after(), words)


def _quarter(request: StaffRequest) -> Quarter:
    return Quarter.read(request.POST.get("quarter", "")) or Quarter.of(today_of(request.tenant))


def _of(focus: Focus) -> Quarter:
    quarter = Quarter.read(focus.quarter)
    assert quarter is not None, "stored by services alone"
    return quarter


def _answer(request: StaffRequest, quarter: Quarter, say: str = "", problem: str = "") -> HttpResponse:
    if problem:
        messages.error(request, f"Nothing was changed: {problem}.")
    else:
        messages.success(request, say)
    address = reverse("metrics:planning", kwargs={"tenant": request.tenant.slug})
    return HttpResponseRedirect(f"{address}?quarter={quarter}")


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise services.PlanError("the day is written as 2026-11-30") from None
    if not 2000 <= day.year <= 2199:
        raise services.PlanError("the day lies beyond any plan")
    return day
