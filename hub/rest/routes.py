"""Addresses of the REST interface: each answers with and without the final slash."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, re_path
from django.views.decorators.csrf import csrf_exempt

from hub.rest.problems import problem

ID = r"(?P<pk>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
# An external id is whatever a source uses; it may hold slashes.
BY = r"by/(?P<source>[^/]{1,50})/(?P<external_id>.{1,200}?)"


def route(pattern: str, view: Any, name: str) -> URLPattern:
    address: URLPattern = re_path(rf"^{pattern}/?$", view.as_view(), name=name)
    return address


@csrf_exempt  # keys travel in a header, which no other site can make a browser send
def nothing_here(request: HttpRequest) -> HttpResponse:
    return problem(404, f"there is nothing at {request.path}")
