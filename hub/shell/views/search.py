from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hub.people.guards import StaffRequest, staff_page
from hub.shell.search import search as find


@staff_page("search.view")
@require_safe
def search(request: StaffRequest) -> HttpResponse:
    """What the search box finds, by kind."""
    text = request.GET.get("q", "").strip()[:100]
    return render(request, "shell/search.html", {"search_query": text, "found": find(request, text)})
