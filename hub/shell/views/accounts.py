from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from hub.accounts.models import Account, LifecycleStage
from hub.accounts.selectors import account_facts
from hub.people.guards import StaffRequest, staff_page
from hub.people.permissions import allowed
from hub.people.selectors import members
from hub.registry.lists import accounts_acts, with_views
from hub.rules.language import RuleError
from hub.shell.account_list import UNOWNED, AccountQuery, AccountTotals, Asked, accounts_page, accounts_totals, asked
from hub.shell.account_list.columns import NAME
from hub.shell.account_page import TimelineQuery, timeline_choices, timeline_page
from hub.shell.paging import Page
from hub.shell.selectors import panels_of_account, stats_of_account
from hub.usage.trends import weekly_trends


@staff_page("accounts.view")
@require_safe
@with_views("accounts")
def account_list(request: StaffRequest) -> HttpResponse:
    """Every account of the tenant: columns, filters, order and page stand in the URL."""
    query = AccountQuery.read(request.GET)
    context = {
        "query": query,
        "owners": members(request.tenant),
        "unowned": UNOWNED,
        "stages": LifecycleStage.choices,
        "name_column": NAME,
        "acts": [act for act in accounts_acts if allowed(request.membership.role, act.permission)],
    }
    try:
        context |= _found(asked(query))
    except RuleError as error:
        # Without its rule the list would show more than was asked for.
        context |= {"problems": error.problems, "page": Page([], None), "totals": AccountTotals(0, 0, False)}
    template = f"shell/accounts.html{'#list' if request.htmx else ''}"
    return render(request, template, context, status=422 if "problems" in context else 200)


def _found(wanted: Asked) -> dict[str, object]:
    page = accounts_page(wanted)
    shows_trend = any(column.kind == "trend" for column in wanted.columns)
    ids = [row.id for row in page.rows]
    trends = weekly_trends(ids, today=timezone.localdate()) if shows_trend else {}
    return {
        "asked": wanted,
        "page": page,
        "rows": [(row, list(zip(wanted.columns, row.values, strict=True)), trends.get(row.id)) for row in page.rows],
        "totals": accounts_totals(wanted),
        "sentence": wanted.sentence,
    }


@staff_page("accounts.view")
@require_safe
def account_page(request: StaffRequest, account_id: UUID) -> HttpResponse:
    """An account: who and what it is, a panel of every app, and one timeline."""
    account = get_object_or_404(Account.objects.select_related("owner"), pk=account_id)
    query = TimelineQuery.read(request.GET)
    context = {
        "account": account,
        "timeline": timeline_page(account.pk, query, request.tenant.zone),
        "choices": timeline_choices(account.pk),
        "asked": query,
    }
    if request.htmx:
        return render(request, "shell/account.html#timeline", context)
    context |= {
        "facts": account_facts(account),
        "stats": stats_of_account(request, account),
        "panels": panels_of_account(request, account),
    }
    return render(request, "shell/account.html", context)
