"""Setting an import up: files, then a mapping for each of them, seen against the rows that it reads."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_POST

from hub.ingest.imports import drafts
from hub.ingest.imports.detect import ColumnProfile
from hub.ingest.imports.entities import load
from hub.ingest.imports.mapping import as_yaml
from hub.ingest.imports.preflight import ImportProblem, mapping_read
from hub.ingest.imports.runs import RunProblem, mapping_edit, run_create
from hub.ingest.imports.selectors import entry_of, titles, upload_at
from hub.ingest.imports.storage import MAX_BYTES, MAX_FILES
from hub.ingest.imports.views.common import run_or_404, say, storable, to_run
from hub.ingest.models import ImportMapping, ImportRun, ImportUpload
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page


@staff_page("imports.run")
@require_http_methods(["GET", "HEAD", "POST"])
def run_new(request: StaffRequest) -> HttpResponse:
    """Choose files, and, if they came before, the mapping that knows them."""
    mappings = list(ImportMapping.objects.order_by("name")[:200])
    problems: list[str] = []
    if request.method == "POST":
        chosen = next((each for each in mappings if str(each.pk) == request.POST.get("mapping")), None)
        try:
            run = run_create(files=request.FILES.getlist("files"), actor=actor_of(request), saved=chosen)
            return to_run(request, run)
        except RunProblem as problem:
            problems = problem.problems
    context = {
        "mappings": mappings,
        "problems": problems,
        "limit_mb": MAX_BYTES // 1024 // 1024,
        "limit_files": MAX_FILES,
    }
    return render(request, "imports/new.html", context, status=422 if problems else 200)


@staff_page("imports.run")
@require_http_methods(["GET", "HEAD", "POST"])
def file_page(request: StaffRequest, run_id: UUID, position: int) -> HttpResponse:
    """The mapping of one file, column by column, and its first rows as they would land."""
    run = run_or_404(run_id)
    upload = upload_at(run, position)
    if upload is None or upload.status != ImportUpload.Status.READ:
        raise Http404
    entry = entry_of(run, upload.name) or drafts.entry_as(upload, load().get("account").key)
    if request.method == "POST":
        return _save_file(request, run, upload, entry)
    return render(request, "imports/file.html", _file_context(request, run, upload, entry))


def _save_file(request: StaffRequest, run: ImportRun, upload: ImportUpload, entry: drafts.Tree) -> HttpResponse:
    others = [each for each in run.tree.get("files") or [] if each.get("file") != upload.name]
    if request.POST.get("entity") != "skip":
        others.append(drafts.entry_from_form(entry, upload, {k: storable(v) for k, v in request.POST.items()}))
    try:
        mapping_edit(run=run, tree={**run.tree, "files": others}, actor=actor_of(request))
    except RunProblem as problem:
        say(request, problem)
        return to_run(request, run)
    if request.POST.get("entity") != "skip" and "stay" in request.POST:
        return redirect("imports:file", tenant=request.tenant.slug, run_id=run.pk, position=upload.position)
    return to_run(request, run)


def _file_context(request: StaffRequest, run: ImportRun, upload: ImportUpload, entry: drafts.Tree) -> dict[str, Any]:
    columns = drafts.columns_in(upload)
    entity = load().get(entry["entity"]) if entry.get("entity") in load() else load().get("account")
    fields, rows = drafts.preview(run, entry, upload, request.tenant)
    used = _used(entry)
    account = entry.get("account")
    return {
        "run": run,
        "upload": upload,
        "entry": entry,
        "entity": entity,
        "entities": titles(),
        "editable": run.status == ImportRun.Status.DRAFT,
        "names": [column.name for column in columns],
        "account": account.get("column", "") if isinstance(account, dict) else account or "",
        "through": account.get("through", "") if isinstance(account, dict) else "",
        "columns": [_column_row(n, column, used) for n, column in enumerate(columns)],
        "field_choices": [
            (name, f"{name.replace('_', ' ')}{' *' if spec.required else ''}")
            for name, spec in entity.fields.items()
            if name != "attributes"
        ],
        "has_attributes": "attributes" in entity.fields,
        "constants": [
            (name, spec, _constant(entry, name)) for name, spec in entity.fields.items() if _wants(entry, name, spec)
        ],
        "questions": drafts.questions_of(entry, columns),
        "preview_fields": fields,
        "preview": rows,
        "broken": sum(1 for row in rows if row["outcome"] == "quarantined"),
        "problems": [said for said in drafts.problems_of(run) if said.startswith(f"{upload.name}: ")]
        if not rows
        else [],
    }


def _used(entry: drafts.Tree) -> dict[str, tuple[str, str]]:
    """Column → the field that it fills, and the order of its dates."""
    found = {}
    for name, value in (entry.get("fields") or {}).items():
        if isinstance(value, dict) and value.get("column"):
            found[str(value["column"])] = (name, str(value.get("date") or ""))
        elif isinstance(value, str):
            found[value] = (name, "")
    return found


def _column_row(n: int, column: ColumnProfile, used: dict[str, tuple[str, str]]) -> dict[str, Any]:
    field, order = used.get(column.name, ("", ""))
    is_attribute = field.startswith("attributes.")
    return {
        "n": n,
        "profile": column,
        "filled": round(column.filled * 100),
        "field": "attributes" if is_attribute else field,
        "attribute": field.partition(".")[2] if is_attribute else "",
        "order": order,
        "asks": column.kind in ("date", "datetime") and column.order != "",
    }


def _wants(entry: drafts.Tree, name: str, spec: Any) -> bool:
    """Whether a field is offered a value of its own: needed and without a column, or given one already."""
    value = (entry.get("fields") or {}).get(name)
    return (spec.required and value is None) or (isinstance(value, dict) and "constant" in value)


def _constant(entry: drafts.Tree, name: str) -> str:
    value = (entry.get("fields") or {}).get(name)
    return str(value.get("constant", "")) if isinstance(value, dict) else ""


@staff_page("imports.run")
@require_POST
def run_settings(request: StaffRequest, run_id: UUID) -> HttpResponse:
    """The name of the source, the currency and the time zone of all files of a run."""
    run = run_or_404(run_id)
    tree = {**run.tree, "source": storable(request.POST.get("source", "")).strip()[:50] or "files"}
    for name in ("currency", "timezone"):
        value = storable(request.POST.get(name, "")).strip()
        tree.pop(name, None)
        if value:
            tree[name] = value
    try:
        mapping_edit(run=run, tree=tree, actor=actor_of(request))
    except RunProblem as problem:
        say(request, problem)
    return to_run(request, run)


@staff_page("imports.run")
@require_http_methods(["GET", "HEAD", "POST"])
def run_yaml(request: StaffRequest, run_id: UUID) -> HttpResponse:
    """The mapping as YAML: to read, to edit, to take along to the command."""
    run = run_or_404(run_id)
    content, problems = as_yaml(run.tree), []
    if request.method == "POST":
        content = storable(request.POST.get("content", ""))
        try:
            mapping_read(content, name="line")
            mapping_edit(run=run, tree=drafts.tree_of(content), actor=actor_of(request))
            messages.success(request, "The mapping is taken over.")
            return to_run(request, run)
        except ImportProblem as problem:
            problems = problem.problems
        except RunProblem as problem:
            problems = problem.problems
    elif "download" in request.GET:
        response = HttpResponse(content, content_type="application/yaml; charset=utf-8")
        response["Content-Disposition"] = (
            f'attachment; filename="{slugify(run.mapping or run.source) or "import"}.yaml"'
        )
        return response
    context = {"run": run, "content": content, "problems": problems, "editable": run.status == ImportRun.Status.DRAFT}
    return render(request, "imports/yaml.html", context, status=422 if problems else 200)
