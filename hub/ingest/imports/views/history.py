from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hub.ingest.imports.selectors import PAGE, runs_page
from hub.people.guards import StaffRequest, staff_page
from hub.registry.moments import read_moment


@staff_page("imports.view")
@require_safe
def run_list(request: StaffRequest) -> HttpResponse:
    """Every import: who, when, what became of it."""
    runs = runs_page(_after(request.GET.get("cursor", "")))
    last = runs[PAGE - 1] if len(runs) > PAGE else None
    context = {
        "runs": runs[:PAGE],
        "next_cursor": f"{last.started_at.isoformat()},{last.pk}" if last else None,
        "working": any(run.is_working for run in runs[:PAGE]),
    }
    return render(request, f"imports/list.html{'#runs' if request.htmx else ''}", context)


def _after(cursor: str) -> tuple[datetime, UUID] | None:
    """Where a page starts; an address that makes no sense starts at the beginning."""
    at, _, pk = cursor.partition(",")
    try:
        return read_moment(at), UUID(pk)
    except ValueError:
        return None
