"""Tasks in calendars: a file of one task, a person's address to subscribe to, and what that address answers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.people.models import Membership
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.work.calendar import MOST, calendar_of_tasks, feed_url, is_signed, moment_of
from hub.work.models import CalendarFeed
from hub.work.selectors import open_tasks
from hub.work.services import feed_make, feed_revoke
from hub.work.views.shared import task_of

KIND = "text/calendar; charset=utf-8"
READ_EVERY = timedelta(hours=1)


@staff_page("today.view")
@require_safe
def task_file(request: StaffRequest, task_id: UUID) -> HttpResponse:
    """One task as a calendar file; 404 for a task without any time."""
    task = task_of(task_id)
    if moment_of(task) is None:
        raise Http404
    written = calendar_of_tasks([task], tenant=request.tenant, name=task.title, now=timezone.now())
    return HttpResponse(
        written, content_type=KIND, headers={"Content-Disposition": f'attachment; filename="task-{task.pk}.ics"'}
    )


@staff_page("today.view")
@require_safe
def subscription(request: StaffRequest) -> HttpResponse:
    """The address under which a person's own calendar shows their tasks."""
    feed = CalendarFeed.objects.filter(user=request.user).first()
    context: dict[str, Any] = {"feed": feed, "url": feed_url(request.tenant, feed) if feed else ""}
    return render(request, "work/calendar.html", context)


@staff_page("today.view")
@require_POST
def subscription_change(request: StaffRequest) -> HttpResponse:
    """A new address, or none; the one before answers no longer."""
    if request.POST.get("action") == "make":
        feed_make(user=request.user, actor=actor_of(request))
        messages.success(request, "The address is new. Whoever has an older one gets nothing any more.")
    elif feed_revoke(user=request.user, actor=actor_of(request)):
        messages.success(request, "The address is taken back; it answers no longer.")
    return redirect("work:subscription", tenant=request.tenant.slug)


@require_safe
def feed(request: HttpRequest, tenant: str, feed_id: UUID, signature: str) -> HttpResponse:
    """The open tasks of a person for their calendar: no session, the signed address is the key."""
    known = get_object_or_404(Tenant, slug=tenant, is_active=True)
    if not is_signed(known.pk, feed_id, signature):
        raise Http404
    with tenant_context(known):
        return _answer(known, get_object_or_404(CalendarFeed, pk=feed_id))


def _answer(tenant: Tenant, feed: CalendarFeed) -> HttpResponse:
    works = Membership.objects.filter(tenant=tenant, user_id=feed.user_id, is_active=True, user__is_active=True)
    if not works.exists():
        raise Http404
    now = timezone.now()
    lately = Q(last_read_at__isnull=True) | Q(last_read_at__lt=now - READ_EVERY)
    CalendarFeed.objects.filter(lately, pk=feed.pk).update(last_read_at=now)
    tasks = open_tasks(assignee_id=feed.user_id, awake=True)[:MOST]
    written = calendar_of_tasks(tasks, tenant=tenant, name=f"Tasks at {tenant.name}", now=now)
    headers = {"Cache-Control": "private, no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
    return HttpResponse(written, content_type=KIND, headers=headers)


feed.surface = "public"  # type: ignore[attr-defined]  # read by the isolation matrix test
