"""Making the list of accounts one's own: the filter's form and the choice of columns. Both end in an address."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from hub.people.guards import StaffRequest, staff_page
from hub.rules.explain import sentence
from hub.rules.language import RuleError
from hub.shell.account_list import AccountQuery
from hub.shell.account_list.columns import DEFAULT, MOST, list_columns
from hub.shell.account_list.query import read_rule
from hub.shell.rule_form import (
    Draft,
    Row,
    acted,
    builder_context,
    draft_of,
    group_context,
    read_draft,
    row_context,
    typed,
)

BUTTONS = ("add", "remove", "remove_group", "look")


@staff_page("accounts.view")
@require_safe
def account_filter(request: StaffRequest) -> HttpResponse:
    """The filter as a form; sent with `apply`, it goes to the list with the rule in its address."""
    query = AccountQuery.read(request.GET)
    if any(name in request.GET for name in BUTTONS):
        return _form(request, query, acted(typed(request.GET), request.GET))
    if "apply" in request.GET:
        read = read_draft(typed(request.GET), request.tenant)
        if not read.draft.wrong:
            return _to_list(request, replace(query, rule=read.text))
        return _form(request, query, read.draft, status=422)
    try:
        node = read_rule(query.rule) if query.rule else None
    except RuleError as error:
        return _form(request, query, Draft(), problem=str(error))
    draft = draft_of(node, request.tenant)
    if node is not None and draft is None:
        return _form(request, query, Draft(text=query.rule), sentence=sentence(node))
    return _form(request, query, draft or Draft())


def _form(
    request: StaffRequest, query: AccountQuery, draft: Draft, *, status: int = 200, **extra: object
) -> HttpResponse:
    context = {
        "query": query,
        "kept": {name: value for name, value in query.params().items() if name != "rule"},
        "list_url": _address(request, query),
        **builder_context(draft, request.tenant),
        **extra,
    }
    template = f"shell/account_filter.html{'#drawer' if request.htmx else ''}"
    return render(request, template, context, status=status)


@staff_page("accounts.view")
@require_safe
def filter_row(request: StaffRequest) -> HttpResponse:
    """One row of a rule's form: its operators, arguments and kind of value follow the fact."""
    row = next(iter(typed(request.GET).rows), Row())
    return render(request, "shell/rule_form/row.html", row_context(row, request.tenant))


@staff_page("accounts.view")
@require_safe
def filter_group(request: StaffRequest) -> HttpResponse:
    """A further group of a rule's form, with an empty row; its id is one that the form's groups do not have."""
    return render(request, "shell/rule_form/group.html", group_context(typed(request.GET).groups, request.tenant))


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
