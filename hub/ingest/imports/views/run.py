"""One import, from its set-up to its summary, and the steps that people take with it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from hub.ingest.imports import drafts
from hub.ingest.imports.kept import left_rows, left_table
from hub.ingest.imports.matching import joins_of
from hub.ingest.imports.runs import RunProblem, run_cancel, run_check, run_mapping_keep, run_start, run_undo
from hub.ingest.imports.selectors import progress_of, quarantine_reasons, titles
from hub.ingest.imports.tables import csv_answer
from hub.ingest.imports.views.common import run_or_404, say, storable, to_run
from hub.ingest.imports.work import draft_kept_for
from hub.ingest.models import ImportRun, ImportUpload
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page

KEPT_SHOWN = 50
# How a file was read, in the words of the programs that write them.
FORMS = {
    "spreadsheet": "Excel",
    "utf-8-sig": "CSV, UTF-8",
    "utf-16": "CSV, UTF-16",
    "utf-16-le": "CSV, UTF-16",
    "utf-16-be": "CSV, UTF-16",
    "cp1252": "CSV, Western European (Windows)",
}
Status = ImportRun.Status


@staff_page("imports.view")
@require_safe
def run_page(request: StaffRequest, run_id: UUID) -> HttpResponse:
    """Where an import stands; it keeps itself up to date while somebody works on it."""
    run = run_or_404(run_id)
    if run.status in (Status.DRAFT, Status.CHECKING):
        context = _draft_context(run)
        context["live"] = not context["read"] or run.status == Status.CHECKING
        return render(request, f"imports/draft.html{'#draft' if request.htmx else ''}", context)
    context = _progress_context(run)
    return render(request, f"imports/run.html{'#run' if request.htmx else ''}", context)


def _draft_context(run: ImportRun) -> dict[str, Any]:
    entries = {entry.get("file"): entry for entry in run.tree.get("files") or []}
    names = titles()
    files: list[dict[str, Any]] = []
    uses = {join["file"]: name for name, entry in entries.items() for join in joins_of(entry).values()}
    uploads = list(run.uploads.order_by("position"))
    for upload in uploads:
        entry = entries.get(upload.name)
        columns = drafts.columns_in(upload)
        files.append(
            {
                "upload": upload,
                "entry": entry,
                "entity": names.get(entry["entity"], entry["entity"]) if entry else "",
                "used": len(entry.get("fields") or {}) if entry else 0,
                "columns": len(columns),
                "used_by": uses.get(upload.name, ""),
                "questions": drafts.questions_of(entry, columns) if entry else [],
                "form": FORMS.get(upload.profile.get("encoding", ""), "text"),
            }
        )
    read = bool(uploads) and all(upload.status != ImportUpload.Status.STORED for upload in uploads)
    problems = drafts.problems_of(run) if read and entries else []
    checked = run.checked or {}
    return {
        "run": run,
        "files": files,
        "read": read,
        "ready": read and bool(entries) and not problems,
        "problems": problems,
        "checked": checked.get("files"),
        "check_problems": checked.get("problems"),
        "partly": any(file["read"] < file["rows"] for file in checked.get("files", [])),
        "tree": run.tree,
        "forgotten_on": run.started_at + draft_kept_for(),
    }


def _progress_context(run: ImportRun) -> dict[str, Any]:
    kept = left_rows(run, limit=KEPT_SHOWN + 1)
    return {
        "run": run,
        "progress": progress_of(run),
        "entities": titles(),
        "reasons": quarantine_reasons(run),
        "mended_by": list(run.mended_by.order_by("started_at")),
        "kept": kept[:KEPT_SHOWN],
        "kept_count": run.kept.count() if len(kept) > KEPT_SHOWN else len(kept),
        "left_to_undo": run.batches.count() if run.status == Status.UNDOING else 0,
        "undoable": run.status in (Status.DONE, Status.CANCELLED, Status.FAILED) and run.batches.exists(),
        "live": run.is_working,
    }


@staff_page("imports.view")
@require_safe
def kept_download(request: StaffRequest, run_id: UUID) -> HttpResponse:
    """What undoing left as it is, account by account, with the reasons."""
    run = run_or_404(run_id)
    return csv_answer(left_table(run), name=f"{run.source}-left-as-it-is.csv")


@staff_page("imports.run")
@require_POST
def check(request: StaffRequest, run_id: UUID) -> HttpResponse:
    """Count what would happen, without keeping anything."""
    run = run_or_404(run_id)
    try:
        run_check(run=run, actor=actor_of(request))
    except RunProblem as problem:
        say(request, problem)
    return to_run(request, run)


@staff_page("imports.run")
@require_POST
def start(request: StaffRequest, run_id: UUID) -> HttpResponse:
    """Import."""
    run = run_or_404(run_id)
    try:
        run_start(run=run, actor=actor_of(request), historical=request.POST.get("historical") == "on")
    except RunProblem as problem:
        say(request, problem)
    return to_run(request, run)


@staff_page("imports.run")
@require_POST
def cancel(request: StaffRequest, run_id: UUID) -> HttpResponse:
    """Stop, or forget what was never started."""
    run = run_or_404(run_id)
    try:
        run_cancel(run=run, actor=actor_of(request))
    except RunProblem as problem:
        say(request, problem)
        return to_run(request, run)
    now = ImportRun.objects.filter(pk=run.pk).first()
    if now is not None and now.status == Status.DRAFT:
        messages.info(request, "The check has stopped; nothing had been written.")
        return to_run(request, run)
    if now is not None:
        messages.info(request, "The import has stopped. What it had written is there, and can be undone.")
        return to_run(request, run)
    messages.info(request, "The import is forgotten; nothing had been written.")
    return redirect("imports:list", tenant=request.tenant.slug)


@staff_page("imports.run")
@require_POST
def undo(request: StaffRequest, run_id: UUID) -> HttpResponse:
    """Take an import back."""
    run = run_or_404(run_id)
    try:
        run_undo(run=run, actor=actor_of(request))
    except RunProblem as problem:
        say(request, problem)
    return to_run(request, run)


@staff_page("imports.run")
@require_POST
def keep(request: StaffRequest, run_id: UUID) -> HttpResponse:
    """Keep the mapping of a run under a name."""
    run = run_or_404(run_id)
    try:
        kept = run_mapping_keep(run=run, name=storable(request.POST.get("name", "")), actor=actor_of(request))
        messages.success(request, f"Kept as “{kept.name}”: files like these will be recognised.")
    except RunProblem as problem:
        say(request, problem)
    return to_run(request, run)
