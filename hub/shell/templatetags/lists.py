"""Lists that sort, filter and page on the server, with all of it in the URL. Load with ``{% load lists %}``."""

from __future__ import annotations

from typing import Any

from django import template
from django.http import HttpRequest, QueryDict
from django.template.context import Context
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from hub.people.permissions import allowed
from hub.shell.templatetags.ui import icon

register = template.Library()


def _query(context: Context) -> QueryDict:
    request: HttpRequest = context["request"]
    return request.GET.copy()


@register.simple_tag(takes_context=True)
def query_url(context: Context, **changes: Any) -> str:
    """This page's query string with some values changed; an empty value leaves its key out. Filters live in the URL."""
    query = _query(context)
    for key, value in changes.items():
        if value in ("", None):
            query.pop(key, None)
        else:
            query[key] = str(value)
    return f"?{query.urlencode()}" if query else "?"


@register.simple_tag(takes_context=True)
def sort_head(context: Context, key: str, title: str, default: str = "", num: bool = False) -> SafeString:
    """A ``<th>`` that sorts the list on the server: first ascending, then descending; ``default`` is the list's own."""
    query = _query(context)
    current = query.get("sort", default)
    upward = current == key
    query["sort"] = f"-{key}" if upward else key
    query.pop("cursor", None)
    state = {key: "ascending", f"-{key}": "descending"}.get(current, "")
    mark = {"ascending": "chevron-up", "descending": "chevron-down"}.get(state, "selector")
    return format_html(
        '<th scope="col" class="{}"{}><a href="?{}">{}{}</a></th>',
        "num" if num else "",
        format_html(' aria-sort="{}"', state) if state else "",
        query.urlencode(),
        title,
        icon(mark, 14),
    )


@register.simple_tag(takes_context=True)
def export_link(context: Context, key: str, **narrowed: str) -> SafeString | str:
    """A link to where the list ``key`` can be taken out, narrowed as this page's address says, and as given."""
    if not allowed(context["membership"].role, "exports.take"):
        return ""
    query = _query(context)
    query.pop("cursor", None)
    for name, value in {**narrowed, "list": key}.items():
        query[name] = value
    url = reverse("outbound:exports", kwargs={"tenant": context["tenant"].slug})
    return format_html(
        '<a class="btn btn-quiet btn-sm" href="{}?{}">{}Export</a>', url, query.urlencode(), icon("download", 16)
    )


@register.inclusion_tag("ui/pager.html", takes_context=True)
def pager(context: Context, next_cursor: str | None, summary: str = "") -> dict[str, Any]:
    """Cursor paging: back to the start, and on. ``summary`` says what is shown."""
    query = _query(context)
    started = bool(query.pop("cursor", None))
    first = f"?{query.urlencode()}"
    if next_cursor:
        query["cursor"] = next_cursor
    return {
        "first_url": first if started else "",
        "next_url": f"?{query.urlencode()}" if next_cursor else "",
        "summary": summary,
    }
