from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect

from hub.ingest.imports.runs import RunProblem
from hub.ingest.models import ImportRun
from hub.people.guards import StaffRequest


def run_or_404(run_id: UUID) -> ImportRun:
    run: ImportRun = get_object_or_404(ImportRun, pk=run_id)
    return run


def to_run(request: StaffRequest, run: ImportRun) -> HttpResponse:
    return redirect("imports:run", tenant=request.tenant.slug, run_id=run.pk)


def say(request: StaffRequest, problem: RunProblem) -> None:
    """Tell the person what keeps a step from being taken; nothing was changed."""
    messages.error(request, " · ".join(problem.problems[:5]))


def storable(text: Any) -> str:
    """Text of a form as PostgreSQL can hold it."""
    return str(text).replace("\0", "").encode(errors="replace").decode()
