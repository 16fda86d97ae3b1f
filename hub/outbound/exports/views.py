"""Exports: what is being written, what is ready to be taken, and asking for another file."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from hub.outbound.exports.services import export_cancel, export_start, export_take
from hub.outbound.models import Export, ExportFormat, ExportStatus
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.people.permissions import allowed
from hub.registry.exports import ExportList, export_lists

SHOWN = 100
MEDIA = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def lists_for(role: str) -> list[ExportList]:
    """The lists that a role may take out."""
    return [item for item in export_lists if allowed(role, item.permission)]


def exports_for(role: str) -> QuerySet[Export]:
    """Exports of lists that a role may see, newest first."""
    keys = [item.key for item in lists_for(role)]
    found: QuerySet[Export] = Export.objects.filter(list_key__in=keys).select_related("asked_by").order_by("-pk")
    return found


@staff_page("exports.take")
@require_safe
def export_list(request: StaffRequest) -> HttpResponse:
    """History, progress, and the form; `?list=` chooses a list, other values of the address narrow it."""
    offered = lists_for(request.membership.role)
    chosen = next((item for item in offered if item.key == request.GET.get("list")), None)
    exports = list(exports_for(request.membership.role)[:SHOWN])
    context = {
        "lists": offered,
        "chosen": chosen,
        "narrowed": chosen.known(request.GET.dict()) if chosen else {},
        "formats": ExportFormat.choices,
        "exports": exports,
        "waiting": any(export.is_unfinished for export in exports),
    }
    return render(request, f"outbound/exports.html{'#exports' if request.htmx else ''}", context)


@staff_page("exports.take")
@require_POST
def start(request: StaffRequest) -> HttpResponse:
    """Ask for a file of a list."""
    key = request.POST.get("list", "")
    if key not in {item.key for item in lists_for(request.membership.role)}:
        return _not_started(request, "choose a list that you may see")
    try:
        export_start(
            list_key=key,
            format=request.POST.get("format", ""),
            filters=request.POST.dict(),
            actor=actor_of(request),
            user=request.user,
        )
    except ValidationError as error:
        return _not_started(request, "; ".join(error.messages))
    messages.success(request, "The file is being written. It appears below and stays for a week.")
    return redirect("outbound:exports", tenant=request.tenant.slug)


def _not_started(request: StaffRequest, problem: str) -> HttpResponse:
    messages.error(request, f"Nothing was exported: {problem}.")
    return redirect("outbound:exports", tenant=request.tenant.slug)


@staff_page("exports.take")
@require_POST
def cancel(request: StaffRequest, export_id: UUID) -> HttpResponse:
    if export_cancel(export=_export(request, export_id), actor=actor_of(request)):
        messages.success(request, "Cancelled. What was written is deleted.")
    else:
        messages.info(request, "It had ended already; nothing was changed.")
    return redirect("outbound:exports", tenant=request.tenant.slug)


@staff_page("exports.take")
@require_safe
def take(request: StaffRequest, export_id: UUID) -> HttpResponseBase:
    """The file itself, as a download."""
    export = _export(request, export_id)
    if export.status != ExportStatus.DONE:
        messages.info(request, "This file is not there (any more): ask for it again.")
        return redirect("outbound:exports", tenant=request.tenant.slug)
    return file_response(export, export_take(export=export, actor=actor_of(request)))


def file_response(export: Export, pieces: Any) -> StreamingHttpResponse:
    """A download that no browser shows, or takes for something else."""
    response = StreamingHttpResponse(pieces, content_type=MEDIA[ExportFormat(export.format)])
    response["Content-Disposition"] = f'attachment; filename="{export.file_name}"'
    response["Content-Length"] = str(export.size)
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "no-store"
    return response


def _export(request: StaffRequest, export_id: UUID) -> Export:
    export = exports_for(request.membership.role).filter(pk=export_id).first()
    if export is None:
        raise Http404
    return export
