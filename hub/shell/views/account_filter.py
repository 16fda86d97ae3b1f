"""Making the list of accounts one's own: the filter's form and the choice of columns. Both end in an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import zip_longest
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from hub.people.guards import StaffRequest, staff_page
from hub.registry.facts import Fact, known_facts
from hub.rules.language import Node, RuleError
from hub.shell.account_list import AccountQuery
from hub.shell.account_list.builder import MOST_ROWS, Row, field_of, read_rows, rows_of
from hub.shell.account_list.columns import DEFAULT, MOST, list_columns
from hub.shell.account_list.query import read_rule

MATCHES = (("all", "all of these are true"), ("any", "any of these is true"))


@staff_page("accounts.view")
@require_safe
def account_filter(request: StaffRequest) -> HttpResponse:
    """The filter as a form; sent with `apply`, it goes to the list with the rule in its address."""
    query = AccountQuery.read(request.GET)
    if "apply" in request.GET:
        match = request.GET.get("match", "")
        rule, rows = read_rows(match, _typed(request.GET), request.tenant)
        if not any(row.problem for row in rows):
            return _to_list(request, replace(query, rule=rule))
        return _form(request, query, match, rows, status=422)
    node, problem = _node(query)
    shown = rows_of(node, request.tenant)
    match, rows = shown or ("all", [])
    return _form(request, query, match, rows, too_much=shown is None, problem=problem)


def _node(query: AccountQuery) -> tuple[Node | None, str]:
    try:
        return (read_rule(query.rule) if query.rule else None), ""
    except RuleError as error:
        return None, str(error)


def _typed(given: QueryDict) -> list[Row]:
    columns = [given.getlist(name)[:MOST_ROWS] for name in ("fact", "op", "value", "second")]
    return [Row(*cells) for cells in zip_longest(*columns, fillvalue="")]


def _form(
    request: StaffRequest, query: AccountQuery, match: str, rows: list[Row], *, status: int = 200, **extra: object
) -> HttpResponse:
    known = known_facts()
    context = {
        "query": query,
        "kept": {name: value for name, value in query.params().items() if name != "rule"},
        "match": match,
        "matches": MATCHES,
        "fields": [field_of(row, known, request.tenant.currency) for row in rows or [Row()]],
        "facts": fact_choices(known),
        "list_url": _address(request, query),
        **extra,
    }
    template = f"shell/account_filter.html{'#drawer' if request.htmx else ''}"
    return render(request, template, context, status=status)


def fact_choices(known: Mapping[str, Fact]) -> list[tuple[str, list[Fact]]]:
    """The facts by where they come from, as the form offers them."""
    groups: dict[str, list[Fact]] = {}
    for fact in known.values():
        groups.setdefault(fact.source, []).append(fact)
    return [(source.capitalize(), facts) for source, facts in groups.items()]


@staff_page("accounts.view")
@require_safe
def filter_row(request: StaffRequest) -> HttpResponse:
    """One row of the filter's form: its operators and kind of value follow the fact."""
    known = known_facts()
    row = next(iter(_typed(request.GET)), Row())
    context = {"field": field_of(row, known, request.tenant.currency), "facts": fact_choices(known)}
    return render(request, "shell/_filter_row.html", context)


@staff_page("accounts.view")
@require_safe
def account_columns(request: StaffRequest) -> HttpResponse:
    """Which columns the list has, and in which order."""
    query = AccountQuery.read(request.GET)
    if "apply" in request.GET:
        keys = tuple(dict.fromkeys(request.GET.getlist("column")))[:MOST]
        return _to_list(request, replace(query, columns=keys or DEFAULT))
    known = list_columns()
    chosen = [known[key] for key in query.columns if key in known]
    context = {
        "query": query,
        "kept": {name: value for name, value in query.params().items() if name != "columns"},
        "chosen": chosen,
        "others": [column for column in known.values() if column not in chosen],
        "most": MOST,
        "list_url": _address(request, query),
    }
    return render(request, f"shell/account_columns.html{'#drawer' if request.htmx else ''}", context)


def _to_list(request: StaffRequest, query: AccountQuery) -> HttpResponse:
    return HttpResponseRedirect(_address(request, query))


def _address(request: StaffRequest, query: AccountQuery) -> str:
    """The list's address for a query; the saved view that it came from stays named."""
    params = query.params()
    if view := request.GET.get("view", ""):
        params["view"] = view[:36]
    base = reverse("accounts:list", kwargs={"tenant": request.tenant.slug})
    return f"{base}?{urlencode(params)}" if params else base
