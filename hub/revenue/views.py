"""Set-up of what is sold: products with the order of their tiers and what these allow, and other currencies."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from hub.people.answers import go_back
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.revenue import services
from hub.revenue.forms import EntitlementForm, RankForm, RateForm
from hub.revenue.models import ContractLine, Entitlement, FxRate, Tier
from hub.revenue.selectors import tiers_by_product

RATES_SHOWN = 200


@staff_page("record.view")
@require_safe
def products(request: StaffRequest) -> HttpResponse:
    """Products and tiers, as contract lines name them."""
    return _products(request, EntitlementForm())


def _products(request: StaffRequest, form: EntitlementForm, status: int = 200) -> HttpResponse:
    found = tiers_by_product()
    tiers = [
        (tier.tier.pk, f"{product or 'No product'}: {tier.name}")
        for product in found
        for tier in found[product]
        if tier.tier
    ]
    form.fields["tier"].widget.choices = tiers
    context = {"products": list(found.items()), "form": form, "tiers": tiers}
    return render(request, "revenue/products.html", context, status=status)


@staff_page("record.edit")
@require_POST
def ranks(request: StaffRequest) -> HttpResponse:
    """Set the order of a product's tiers."""
    form = RankForm(request.POST)
    try:
        problem = "" if form.is_valid() else str(form.non_field_errors()[0] if form.non_field_errors() else form.errors)
        if not problem:
            given = form.cleaned_data
            services.ranks_set(product=given["product"], ranks=given["ranks"], actor=actor_of(request))
    except services.CatalogueError as error:
        problem = f"Nothing was changed: {error}."
    if problem:
        messages.error(request, problem)
    else:
        messages.success(request, "The order is stored. Movements are counted anew in the background.")
    return go_back(request, _url(request, "products"))


@staff_page("record.edit")
@require_POST
def entitlement(request: StaffRequest) -> HttpResponse:
    """Add or replace what a tier allows of a measure."""
    form = EntitlementForm(request.POST)
    if not form.is_valid():
        return _products(request, form, 422)
    given = dict(form.cleaned_data)
    tier = get_object_or_404(Tier, pk=given.pop("tier"))
    try:
        services.entitlement_put(tier=tier, allowance=services.Allowance(**given), actor=actor_of(request))
    except services.CatalogueError as error:
        form.add_error(None, f"Nothing was changed: {error}.")
        return _products(request, form, 422)
    messages.success(request, f"{tier} now says what it allows of {given['measure']}.")
    return go_back(request, _url(request, "products"))


@staff_page("record.edit")
@require_POST
def entitlement_remove(request: StaffRequest, entitlement_id: UUID) -> HttpResponse:
    row = get_object_or_404(Entitlement, pk=entitlement_id)
    services.entitlement_remove(entitlement_id=row.pk, actor=actor_of(request))
    messages.success(request, f"The entitlement for {row.measure} is gone.")
    return go_back(request, _url(request, "products"))


@staff_page("record.view")
@require_safe
def currencies(request: StaffRequest) -> HttpResponse:
    """Dated rates of other currencies."""
    return _currencies(request, RateForm(initial={"on": timezone.localdate()}))


def _currencies(request: StaffRequest, form: RateForm, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "rates": FxRate.objects.order_by("currency", "-on")[:RATES_SHOWN],
        "foreign": ContractLine.objects.exclude(billed_currency="").count(),
        "home": request.tenant.currency,
    }
    return render(request, "revenue/currencies.html", context, status=status)


@staff_page("record.edit")
@require_POST
def rate(request: StaffRequest) -> HttpResponse:
    """Store a rate from a day on."""
    form = RateForm(request.POST)
    if not form.is_valid():
        return _currencies(request, form, 422)
    try:
        services.fx_rate_put(**form.cleaned_data, actor=actor_of(request))
    except services.CurrencyError as error:
        form.add_error(None, f"Nothing was stored: {error}.")
        return _currencies(request, form, 422)
    messages.success(request, "The rate is stored. Lines in that currency are counted anew in the background.")
    return go_back(request, _url(request, "currencies"))


@staff_page("record.edit")
@require_POST
def rate_remove(request: StaffRequest, fx_rate_id: UUID) -> HttpResponse:
    row = get_object_or_404(FxRate, pk=fx_rate_id)
    services.fx_rate_remove(fx_rate_id=row.pk, actor=actor_of(request))
    messages.success(request, f"The rate of {row.currency} from {row.on} is gone.")
    return go_back(request, _url(request, "currencies"))


def _url(request: StaffRequest, page: str) -> str:
    return reverse(f"revenue:{page}", kwargs={"tenant": request.tenant.slug})
