"""The outbox viewer for staff, and the page behind an unsubscribe link."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from csp.decorators import csp_replace
from django.contrib import messages as flash
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.outbox.models import Message, MessageStatus
from hub.outbox.reasons import reason_words
from hub.outbox.selectors import PAGE, messages_page, status_counts
from hub.outbox.services import RESOLUTIONS, message_resolve, unsubscribe, unsubscribe_read
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.registry.lists import with_views
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant

REASONS = ("no_consent", "quiet_hours", "capped", "arbitration", "holdout", "goal_met", "paused", "bounced", "expired")
# A mail brings its own styles and pictures; scripts, forms and everything else stay out, and so does the rest of us.
LETTER_POLICY = {
    "default-src": ["'none'"],
    "style-src": ["'unsafe-inline'"],
    "img-src": ["https:", "data:"],
    "script-src": ["'none'"],
    "frame-ancestors": ["'self'"],
    "sandbox": ["allow-popups"],
}


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


def letter_html(subject: str, html: str) -> str:
    """A message in the frame that a mail has."""
    return render_to_string("outbox/email.html", {"message": {"subject": subject, "html": html}})


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


def _by_token(view: Callable[[HttpRequest, Message], HttpResponse]) -> Callable[[HttpRequest, str], HttpResponse]:
    """Open the context of the tenant that a signed token names; a token that is not ours is a page that is not."""

    def opened(request: HttpRequest, token: str) -> HttpResponse:
        try:
            tenant_id, message_id = unsubscribe_read(token)
        except (signing.BadSignature, ValueError):
            raise Http404 from None
        tenant = get_object_or_404(Tenant, pk=tenant_id, is_active=True)
        with tenant_context(tenant):
            message = get_object_or_404(Message.objects.select_related("contact"), pk=message_id)
            return view(request, message)

    opened.surface = "public"  # type: ignore[attr-defined]  # read by the isolation matrix test
    return opened


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@_by_token
def unsubscribe_page(request: HttpRequest, message: Message) -> HttpResponse:
    """RFC 8058: a POST unsubscribes, from a mail program or from the button; a GET (a link scanner's too) never does.

    Without a CSRF token: whoever holds the signed link may unsubscribe its reader, that is what it is for.
    """
    done = request.method == "POST"
    if done:
        unsubscribe(message_id=message.pk, source="unsubscribe link")
    context = {"message": message, "sender": message.tenant.name, "done": done}
    return render(request, "outbox/unsubscribe.html", context)


unsubscribe_page.surface = "public"  # type: ignore[attr-defined]  # read by the isolation matrix test
