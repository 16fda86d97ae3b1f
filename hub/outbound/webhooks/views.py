"""Webhooks: endpoints, their secrets, and the log of what was sent."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Max, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.outbound.models import DeliveryStatus, WebhookDelivery, WebhookEndpoint
from hub.outbound.webhooks import services
from hub.outbound.webhooks.forms import EndpointForm
from hub.outbound.webhooks.sending import deliveries_of, last_answers
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page

PAGE = 50


@staff_page("webhooks.manage")
@require_safe
def endpoint_list(request: StaffRequest) -> HttpResponse:
    """The endpoints, and how it goes with each."""
    waiting = Count("deliveries", filter=Q(deliveries__status=DeliveryStatus.WAITING))
    endpoints = WebhookEndpoint.objects.annotate(
        waiting=waiting,
        given_up=Count("deliveries", filter=Q(deliveries__status=DeliveryStatus.FAILED)),
        delivered_at=Max("deliveries__finished_at", filter=Q(deliveries__status=DeliveryStatus.DELIVERED)),
    ).order_by("pk")
    return render(request, "outbound/webhooks.html", {"endpoints": endpoints})


@staff_page("webhooks.manage")
@require_http_methods(["GET", "HEAD", "POST"])
def endpoint_new(request: StaffRequest) -> HttpResponse:
    """Add an endpoint; the answer shows its secret, once."""
    form = EndpointForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            endpoint = services.endpoint_create(**form.cleaned_data, actor=actor_of(request), user=request.user)
            return _secret(request, endpoint)
        except ValidationError as error:
            _add(form, error)
    return render(request, "outbound/webhook_form.html", {"form": form}, status=422 if form.errors else 200)


@staff_page("webhooks.manage")
@require_http_methods(["GET", "HEAD", "POST"])
def endpoint_edit(request: StaffRequest, endpoint_id: UUID) -> HttpResponse:
    """Change where an endpoint is and what it is told."""
    endpoint = _endpoint(endpoint_id)
    known = {name: getattr(endpoint, name) for name in ("url", "description", "kinds", "dialect")}
    form = EndpointForm(request.POST or None, initial=known)
    if request.method == "POST" and form.is_valid():
        try:
            services.endpoint_change(endpoint=endpoint, **form.cleaned_data, actor=actor_of(request))
            messages.success(request, "Saved.")
            return redirect("outbound:webhook", tenant=request.tenant.slug, endpoint_id=endpoint.pk)
        except ValidationError as error:
            _add(form, error)
    context = {"form": form, "endpoint": endpoint}
    return render(request, "outbound/webhook_form.html", context, status=422 if form.errors else 200)


def _add(form: EndpointForm, error: ValidationError) -> None:
    fields = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    for name, problems in fields.items():
        for problem in problems:
            form.add_error(name or None, problem)


def _secret(request: StaffRequest, endpoint: WebhookEndpoint) -> HttpResponse:
    return render(request, "outbound/webhook_secret.html", {"endpoint": endpoint})


@staff_page("webhooks.manage")
@require_safe
def endpoint_page(request: StaffRequest, endpoint_id: UUID) -> HttpResponse:
    """An endpoint and its log."""
    endpoint = _endpoint(endpoint_id)
    status = request.GET.get("status", "")
    status = status if status in DeliveryStatus.values else ""
    rows = list(deliveries_of(endpoint, status=status)[:PAGE])
    answers = last_answers(rows)
    context: dict[str, Any] = {
        "endpoint": endpoint,
        "rows": [(row, answers.get(row.pk)) for row in rows],
        "status": status,
        "statuses": DeliveryStatus.choices,
    }
    return render(request, "outbound/webhook.html", context)


@staff_page("webhooks.manage")
@require_POST
def endpoint_rotate(request: StaffRequest, endpoint_id: UUID) -> HttpResponse:
    return _secret(request, services.endpoint_rotate(endpoint=_endpoint(endpoint_id), actor=actor_of(request)))


@staff_page("webhooks.manage")
@require_POST
def endpoint_test(request: StaffRequest, endpoint_id: UUID) -> HttpResponse:
    endpoint = _endpoint(endpoint_id)
    if endpoint.is_active:
        services.endpoint_test(endpoint=endpoint, actor=actor_of(request))
        messages.success(request, "A test is on its way; it appears in the log.")
    else:
        messages.error(request, "Nothing was sent: the endpoint is off. Switch it on first.")
    return redirect("outbound:webhook", tenant=request.tenant.slug, endpoint_id=endpoint_id)


@staff_page("webhooks.manage")
@require_POST
def endpoint_switch(request: StaffRequest, endpoint_id: UUID) -> HttpResponse:
    on = request.POST.get("on") == "1"
    services.endpoint_switch(endpoint=_endpoint(endpoint_id), on=on, actor=actor_of(request))
    messages.success(request, "On: what waited is sent now." if on else "Off: what happens from now on is not sent.")
    return redirect("outbound:webhook", tenant=request.tenant.slug, endpoint_id=endpoint_id)


@staff_page("webhooks.manage")
@require_POST
def endpoint_remove(request: StaffRequest, endpoint_id: UUID) -> HttpResponse:
    services.endpoint_remove(endpoint=_endpoint(endpoint_id), actor=actor_of(request))
    messages.success(request, "Removed, with its log.")
    return redirect("outbound:webhooks", tenant=request.tenant.slug)


@staff_page("webhooks.manage")
@require_safe
def delivery_page(request: StaffRequest, delivery_id: UUID) -> HttpResponse:
    """One delivery: what was sent, and what every try came to."""
    delivery = _delivery(delivery_id)
    return render(request, "outbound/delivery.html", {"delivery": delivery, "tries": delivery.tries.order_by("number")})


@staff_page("webhooks.manage")
@require_POST
def delivery_resend(request: StaffRequest, delivery_id: UUID) -> HttpResponse:
    if services.delivery_resend(delivery=_delivery(delivery_id), actor=actor_of(request)):
        messages.success(request, "It is sent again, under the same id.")
    else:
        messages.error(request, "Nothing was changed: it waits already, or the endpoint is off.")
    return redirect("outbound:delivery", tenant=request.tenant.slug, delivery_id=delivery_id)


def _endpoint(endpoint_id: UUID) -> WebhookEndpoint:
    found: WebhookEndpoint = get_object_or_404(WebhookEndpoint.objects.all(), pk=endpoint_id)
    return found


def _delivery(delivery_id: UUID) -> WebhookDelivery:
    deliveries = WebhookDelivery.objects.select_related("endpoint", "event")
    found: WebhookDelivery = get_object_or_404(deliveries, pk=delivery_id)
    return found
