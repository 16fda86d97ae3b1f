"""Lists that sort, filter and page on the server, with all of it in the URL. Load with ``{% load lists %}``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django import template
from django.http import HttpRequest, QueryDict
from django.template.context import Context
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from hub.people.permissions import allowed
from hub.registry.facts import FactKind
from hub.registry.lists import viewed_lists
from hub.shell.account_list import AccountRow, Column
from hub.shell.account_list.said import sources_of
from hub.shell.saved_views import tabs_of
from hub.shell.templatetags.ui import badge, day, icon, money, number, relative_time, usage_trend

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


STAGE_TONES = {"churned": "error", "renewal": "warning", "value": "success", "onboarding": "info"}
BAND_TONES = {"red": "error", "yellow": "warning", "green": "success"}
NOTHING = mark_safe('<span class="text-muted">\N{EM DASH}</span>')


@register.simple_tag(takes_context=True)
def account_cell(
    context: Context, row: AccountRow, column: Column, value: Any, trend: list[int] | None
) -> SafeString | str:
    """A cell of the list of accounts, by the kind of its column."""
    if column.kind == "trend":
        return _trend_cell(context, value, trend)
    if value in (None, "", []):
        return mark_safe('<span class="text-muted">Nobody</span>') if column.kind == "owner" else NOTHING
    match column.kind:
        case "stage":
            return badge(row.stage_label, STAGE_TONES.get(row.stage, "primary"))
        case "band":
            return badge(str(value).capitalize(), BAND_TONES.get(value, "muted"))
        case FactKind.MONEY:
            return money(context, value)
        case FactKind.NUMBER:
            text = number(context, round(value, 1) if isinstance(value, float) else value)
            return f"{text}%" if column.unit == "%" else text
        case FactKind.DATE:
            return day(context, value)
        case FactKind.DATETIME:
            return relative_time(context, value)
        case FactKind.BOOLEAN:
            return "Yes" if value else "No"
        case FactKind.SET:
            return ", ".join(sorted(value))
        case _:
            return str(value)


@register.simple_tag(takes_context=True)
def row_sources(context: Context, row: AccountRow, cells: Sequence[tuple[Column, Any]]) -> SafeString | str:
    """A small mark that says who gave what the line shows, as of when. Reads what the row holds; no query."""
    shown: list[tuple[str, str, Any]] = [("name", "Name", row.name), ("domain", "Domain", row.domain)]
    shown += [
        (column.key, column.title, row.owner_id if column.key == "owner" else value)
        for column, value in cells
        if column.key != "domain"
    ]
    found = sources_of(row.words, shown)
    if not found.said and not found.disputed:
        return ""
    lines = [
        format_html(
            "<div>{}{}, {}: {}</div>",
            said.source,
            f", {said.by}" if said.by else "",
            day(context, said.day),
            ", ".join(title.lower() for title in said.titles),
        )
        for said in found.said
    ]
    if found.disputed:
        titles = ", ".join(title.lower() for title in found.disputed)
        lines.append(format_html('<div class="text-warning">Sources disagree about {}</div>', titles))
    return format_html(
        '<details class="source source-row" data-sources><summary tabindex="-1" aria-label="Where the values of {} come'
        ' from">{}</summary><div class="source-card">{}</div></details>',
        row.name,
        icon("info-circle", 14),
        format_html_join("", "{}", ((line,) for line in lines)),
    )


def _trend_cell(context: Context, uses: int | None, weeks: list[int] | None) -> SafeString:
    if not weeks:
        return mark_safe('<span class="text-muted">No use seen</span>')
    return format_html(
        '<span class="flex items-center gap-2">{}<span class="tabular text-xs text-muted" title="Uses in 30 days">{}'
        "</span></span>",
        usage_trend(weeks),
        number(context, uses, compact=True),
    )


@register.simple_tag(takes_context=True)
def column_head(context: Context, column: Column) -> SafeString:
    """The head of a column: it sorts where an index can, and says so where none can."""
    if column.sort:
        return sort_head(context, column.key, column.title, "name", num=column.is_number)
    return format_html(
        '<th scope="col" class="{}" title="This column cannot be sorted by">{}</th>',
        "num" if column.is_number else "",
        column.title,
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


@register.inclusion_tag("shell/_view_tabs.html", takes_context=True)
def view_tabs(context: Context, list_key: str) -> dict[str, Any]:
    """The saved views of a list as tabs, and what to do with the one that is shown."""
    request, slug = context["request"], context["tenant"].slug
    kept = viewed_lists.get(list_key).known(request.GET.dict())
    new_url = reverse("shell:view_new", kwargs={"tenant": slug})
    return {
        "views": tabs_of(request, list_key),
        "kept": kept,
        "new_url": f"{new_url}?{urlencode({'list': list_key, **kept})}",
        "tenant": context["tenant"],
        "csrf_token": context.get("csrf_token"),
    }


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
