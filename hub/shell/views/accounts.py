from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from hub.accounts.models import Account, LifecycleStage
from hub.people.guards import StaffRequest, staff_page
from hub.people.selectors import members
from hub.shell.account_list import UNOWNED, AccountQuery, accounts_page, accounts_totals
from hub.shell.account_page import TimelineQuery, facts_of_account, timeline_choices, timeline_page
from hub.shell.selectors import panels_of_account
from hub.usage.trends import weekly_trends


@staff_page("accounts.view")
@require_safe
def account_list(request: StaffRequest) -> HttpResponse:
    """Every account of the tenant: search, filters, order and page stand in the URL."""
    query = AccountQuery.read(request.GET)
    page = accounts_page(query)
    trends = weekly_trends([row.id for row in page.rows], today=timezone.localdate())
    context = {
        "query": query,
        "page": page,
        "rows": [(row, trends.get(row.id, [])) for row in page.rows],
        "totals": accounts_totals(query),
        "owners": members(request.tenant),
        "unowned": UNOWNED,
        "stages": LifecycleStage.choices,
    }
    return render(request, f"shell/accounts.html{'#list' if request.htmx else ''}", context)


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
    context |= {"facts": facts_of_account(account.pk), "panels": panels_of_account(request, account)}
    return render(request, "shell/account.html", context)
