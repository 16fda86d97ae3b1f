"""Rows that could not be taken: to read, to download, to mend and to send again."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from hub.ingest.imports.runs import RunProblem, run_create
from hub.ingest.imports.selectors import PAGE, quarantine_files, quarantine_page, quarantine_table
from hub.ingest.imports.tables import csv_answer
from hub.ingest.imports.views.common import run_or_404, say, to_run
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page


@staff_page("imports.view")
@require_safe
def quarantine(request: StaffRequest, run_id: UUID) -> HttpResponse:
    """File, line, column, value and reason of every refused row."""
    run = run_or_404(run_id)
    file = request.GET.get("file", "")
    rows = quarantine_page(run, file=file, after=_after(request.GET.get("cursor", "")))
    last = rows[PAGE - 1] if len(rows) > PAGE else None
    context = {
        "run": run,
        "files": quarantine_files(run),
        "file": file,
        "rows": rows[:PAGE],
        "next_cursor": f"{last.line},{last.file}" if last else None,
    }
    return render(request, f"imports/quarantine.html{'#rows' if request.htmx else ''}", context)


def _after(cursor: str) -> tuple[str, int] | None:
    line, comma, file = cursor.partition(",")
    return (file, int(line)) if comma and line.isascii() and line.isdigit() and len(line) < 10 else None


@staff_page("imports.view")
@require_safe
def quarantine_download(request: StaffRequest, run_id: UUID) -> HttpResponse:
    """The refused rows of one file with its own columns, ready to be mended in a spreadsheet and sent again."""
    run = run_or_404(run_id)
    files = [name for name, _ in quarantine_files(run)]
    file = request.GET.get("file") or (files[0] if files else "")
    if file not in files:
        raise Http404
    stem = file.rpartition(".")[0] or file or "rows"
    return csv_answer(quarantine_table(run, file), name=f"{stem}-to-mend.csv")


@staff_page("imports.run")
@require_POST
def mend(request: StaffRequest, run_id: UUID) -> HttpResponse:
    """Take the mended file: a new import with the same mapping, ready to be started."""
    run = run_or_404(run_id)
    try:
        return to_run(request, run_create(files=request.FILES.getlist("files"), actor=actor_of(request), mends=run))
    except RunProblem as problem:
        say(request, problem)
        return to_run(request, run)
