"""The outbox viewer for staff."""

from __future__ import annotations

from uuid import UUID

from csp.decorators import csp_replace
from django.contrib import messages as flash
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from hub.outbox.models import Message, MessageStatus
from hub.outbox.reasons import reason_words
from hub.outbox.selectors import PAGE, clicks_of, messages_page, status_counts
from hub.outbox.services import RESOLUTIONS, message_resolve
from hub.outbox.topics import topics_known
from hub.outbox.views import LETTER_POLICY, letter_html
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.registry.lists import with_views

REASONS = ("no_consent", "quiet_hours", "capped", "arbitration", "holdout", "goal_met", "paused", "bounced", "expired")


@staff_page("outbox.view")
@require_safe
@with_views("messages")
def message_list(request: StaffRequest) -> HttpResponse:
    """Every message, with what became of it and why."""
    status, reason = request.GET.get("status", ""), request.GET.get("reason", "")
    rows = messages_page(status=status, reason=reason, after=request.GET.get("cursor", ""))
    counts = status_counts()
    context = {
        "rows": [(row, reason_words(row.reason) if row.reason else "") for row in rows[:PAGE]],
        "next_cursor": str(rows[PAGE - 1].pk) if len(rows) > PAGE else None,
        "status": status,
        "reason": reason,
        "statuses": [(value, label, counts[value]) for value, label in MessageStatus.choices if counts[value]],
        "total": sum(counts.values()),
        "reasons": [(code, reason_words(code)) for code in REASONS],
    }
    return render(request, f"outbox/list.html{'#messages' if request.htmx else ''}", context)


@staff_page("outbox.view")
@require_safe
def message_page(request: StaffRequest, message_id: UUID) -> HttpResponse:
    """One message: what the contact sees, every attempt, and the chain back to its cause."""
    message = get_object_or_404(Message.objects.select_related("account", "contact"), pk=message_id)
    context = {
        "message": message,
        "why": reason_words(message.reason) if message.reason else "",
        "topic": next((topic.name for topic in topics_known() if topic.key == message.topic), message.topic),
        "clicks": clicks_of(message),
        "deliveries": list(message.deliveries.order_by("started_at")),
    }
    return render(request, "outbox/message.html", context)


@staff_page("outbox.view")
@require_safe
@xframe_options_sameorigin
@csp_replace(LETTER_POLICY)  # type: ignore[arg-type]  # typed for views of a request alone
def message_body(request: StaffRequest, message_id: UUID) -> HttpResponse:
    """The letter alone, for a sandboxed frame."""
    message = get_object_or_404(Message, pk=message_id)
    return HttpResponse(letter_html(message.subject, message.body_html))


@staff_page("outbox.resolve")
@require_POST
def message_settle(request: StaffRequest, message_id: UUID) -> HttpResponse:
    """A person's word on a message of unknown fate."""
    outcome = request.POST.get("outcome", "")
    if outcome not in RESOLUTIONS:
        raise Http404
    get_object_or_404(Message, pk=message_id)
    if message_resolve(message_id=message_id, outcome=outcome, actor=actor_of(request)):
        flash.success(request, "Noted: it arrived." if outcome == "arrived" else "It is on its way again.")
    else:
        flash.info(request, "Somebody was faster: this message is settled already.")
    return redirect("outbox:message", tenant=request.tenant.slug, message_id=message_id)
