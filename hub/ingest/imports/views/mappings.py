"""Mappings kept under a name."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.ingest.imports.drafts import tree_of
from hub.ingest.imports.runs import RunProblem, mapping_forget, mapping_keep
from hub.ingest.imports.selectors import titles
from hub.ingest.imports.shipped import shipped_mappings
from hub.ingest.imports.views.common import storable
from hub.ingest.models import ImportMapping
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page


@staff_page("imports.run")
@require_http_methods(["GET", "HEAD", "POST"])
def mapping_list(request: StaffRequest) -> HttpResponse:
    """Saved mappings, and those that ship; POST keeps one from YAML."""
    problems: list[str] = []
    if request.method == "POST":
        try:
            kept = mapping_keep(
                name=storable(request.POST.get("name", "")), content=_content(request), actor=actor_of(request)
            )
            messages.success(request, f"“{kept.name}” is kept.")
            return redirect("imports:mappings", tenant=request.tenant.slug)
        except RunProblem as problem:
            problems = problem.problems
    saved = ImportMapping.objects.order_by("name")[:200]
    context = {
        "mappings": [(each, _files(each.content)) for each in saved],
        "shipped": shipped_mappings(),
        "problems": problems,
        "typed": storable(request.POST.get("content", ""))[:100_000],
    }
    return render(request, "imports/mappings.html", context, status=422 if problems else 200)


def _content(request: StaffRequest) -> str:
    sent = request.FILES.get("file")
    if sent is not None:
        return storable(sent.read(1_000_001).decode("utf-8-sig", errors="replace"))
    return storable(request.POST.get("content", ""))


def _files(content: str) -> list[str]:
    """What the entries of a mapping read, in words."""
    names = titles()
    entries = tree_of(content).get("files") or []
    return [
        f"{names.get(each.get('entity', ''), '?')} from {each.get('match') or each.get('file')}" for each in entries
    ]


@staff_page("imports.run")
@require_http_methods(["GET", "HEAD", "POST"])
def mapping_page(request: StaffRequest, mapping_id: UUID) -> HttpResponse:
    """One mapping as YAML, to read and to edit."""
    mapping: ImportMapping = get_object_or_404(ImportMapping, pk=mapping_id)
    content, problems = mapping.content, []
    if request.method == "POST":
        content = storable(request.POST.get("content", ""))
        try:
            mapping_keep(name=mapping.name, content=content, actor=actor_of(request))
            messages.success(request, "The mapping is kept.")
            return redirect("imports:mapping", tenant=request.tenant.slug, mapping_id=mapping.pk)
        except RunProblem as problem:
            problems = problem.problems
    context = {"mapping": mapping, "content": content, "problems": problems}
    return render(request, "imports/mapping.html", context, status=422 if problems else 200)


@staff_page("imports.run")
@require_safe
def mapping_download(request: StaffRequest, mapping_id: UUID) -> HttpResponse:
    """The YAML file, as the command reads it."""
    mapping: ImportMapping = get_object_or_404(ImportMapping, pk=mapping_id)
    response = HttpResponse(mapping.content, content_type="application/yaml; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{slugify(mapping.name) or "mapping"}.yaml"'
    return response


@staff_page("imports.run")
@require_POST
def mapping_remove(request: StaffRequest, mapping_id: UUID) -> HttpResponse:
    """Forget a mapping, when the person has said so twice."""
    mapping: ImportMapping = get_object_or_404(ImportMapping, pk=mapping_id)
    if request.POST.get("sure") != "yes":
        return redirect("imports:mapping", tenant=request.tenant.slug, mapping_id=mapping.pk)
    mapping_forget(mapping=mapping, actor=actor_of(request))
    messages.info(request, "The mapping is forgotten.")
    return redirect("imports:mappings", tenant=request.tenant.slug)
