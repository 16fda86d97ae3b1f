"""Resources: the staff's list, and what an account finds in its hub."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from advocacy.resources.models import Resource, ResourceUnlock
from advocacy.resources.services import ResourceError, resource_archive, resource_create, unlock_opened
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.people.permissions import allowed
from hub.portal.guards import HubRequest, hub_page
from hub.portal.services import contact_actor


@staff_page("advocacy.view")
@require_safe
def resources(request: StaffRequest) -> HttpResponse:
    """What is kept for customers, and how many have it and opened it."""
    rows = Resource.objects.defer("body").filter(archived_at__isnull=True)
    rows = rows.annotate(unlocked=Count("unlocks"), opened=Count("unlocks", filter=Q(unlocks__opened_at__isnull=False)))
    may_edit = allowed(request.membership.role, "advocacy.edit")
    context = {"resources": rows.order_by("title", "id"), "may_edit": may_edit}
    return render(request, "advocacy/resources.html", context)


@staff_page("advocacy.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def resource_new(request: StaffRequest) -> HttpResponse:
    """Keep a link or a file."""
    if request.method != "POST":
        return render(request, "advocacy/resource_new.html", {"given": {}})
    file = request.FILES.get("file")
    try:
        made = resource_create(
            title=request.POST.get("title", ""),
            description=request.POST.get("description", ""),
            url=request.POST.get("url", ""),
            file_name=(file.name or "") if file else "",
            body=file.read() if file else None,
            actor=actor_of(request),
        )
    except ResourceError as error:
        context = {"problem": str(error), "given": request.POST}
        return render(request, "advocacy/resource_new.html", context, status=422)
    messages.success(request, f"“{made.title}” is kept. Journeys unlock it by the name {made.key}.")
    return redirect("advocacy:resources", tenant=request.tenant.slug)


@staff_page("advocacy.edit")
@require_POST
def archive(request: StaffRequest, resource_id: UUID) -> HttpResponse:
    """Put a resource away."""
    resource = get_object_or_404(Resource.objects.defer("body"), pk=resource_id)
    if resource_archive(resource=resource, actor=actor_of(request)):
        messages.success(request, f"“{resource.title}” is put away; no account sees it any more.")
    return redirect("advocacy:resources", tenant=request.tenant.slug)


# --- In the hub ---------------------------------------------------------------------------------------------------


@hub_page
@require_safe
def hub_resources(request: HubRequest) -> HttpResponse:
    """What the account may have, newest first."""
    return render(request, "advocacy/hub_resources.html", {"unlocks": unlocks_of(request.account)})


@hub_page
@require_safe
def hub_resource(request: HubRequest, resource_id: UUID) -> HttpResponse:
    """Open a resource: its link, or its file as a download."""
    rows = ResourceUnlock.objects.select_related("resource").filter(account=request.account)
    unlock = get_object_or_404(rows, resource_id=resource_id, resource__archived_at__isnull=True)
    if request.hub_session.viewer_id is None:
        unlock_opened(unlock=unlock, actor=contact_actor(request.contact))
    resource = unlock.resource
    if resource.url:
        return redirect(resource.url)
    return HttpResponse(
        bytes(resource.body or b""),
        content_type="application/octet-stream",
        headers={"Content-Disposition": content_disposition(resource.file_name), "X-Content-Type-Options": "nosniff"},
    )


def content_disposition(name: str) -> str:
    """Download under this name, whatever it holds."""
    return content_disposition_header(True, name or "file") or "attachment"


def unlocks_of(account: object) -> list[ResourceUnlock]:
    """What an account may have, newest first, without the files themselves."""
    rows = ResourceUnlock.objects.select_related("resource").defer("resource__body")
    found = rows.filter(account=account, resource__archived_at__isnull=True)
    return list(found.order_by("-unlocked_at", "-id"))
