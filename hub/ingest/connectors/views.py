"""Connections: where other systems send their calls, what came and what it became, and who is not known."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.ingest.connectors import endpoints, matching, selectors
from hub.ingest.connectors.base import connectors
from hub.ingest.connectors.forms import EndpointForm, SecretForm
from hub.ingest.models import DeliveryState, HookDelivery, HookEndpoint, SourceObject
from hub.ingest.pulling.views import reading_of
from hub.ingest.writing.selectors import writing_of
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.registry.moments import read_moment

SECTION = {"section": "connections"}
# A payload is shown up to here; the whole is what the source has.
SHOWN = 100_000


@staff_page("sources.view")
@require_safe
def endpoint_list(request: StaffRequest) -> HttpResponse:
    """Every connection, and how it goes."""
    context = {
        **SECTION,
        "connections": selectors.connections(timezone.now()),
        "strangers": matching.strangers_query().count(),
    }
    return render(request, "sources/connections.html", context)


@staff_page("sources.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def endpoint_new(request: StaffRequest) -> HttpResponse:
    """Choose a source, then say what it needs; the answer shows the address to paste."""
    source = request.POST.get("connector", "") or request.GET.get("connector", "")
    if source not in connectors:
        return render(request, "sources/connection_choose.html", {**SECTION, "connectors": list(connectors)})
    connector = connectors.get(source)
    form = EndpointForm(connector, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            endpoint = endpoints.endpoint_make(
                source=source,
                label=form.cleaned_data["label"],
                secret=form.cleaned_data.get("secret", ""),
                makes_accounts=form.cleaned_data.get("makes_accounts", False),
                options=form.options,
                actor=actor_of(request),
            )
            return _shown_once(request, endpoint, made=not form.cleaned_data.get("secret"))
        except ValidationError as error:
            _add(form, error)
    context = {**SECTION, "form": form, "connector": connector}
    return render(request, "sources/connection_form.html", context, status=422 if form.errors else 200)


def _add(form: Form, error: ValidationError) -> None:
    fields = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    for name, problems in fields.items():
        for problem in problems:
            form.add_error(name if name in form.fields else None, problem)


def _shown_once(request: StaffRequest, endpoint: HookEndpoint, *, made: bool) -> HttpResponse:
    connector = connectors.get(endpoint.source)
    signs = not connector.secret_in_path or connector.signs(endpoint.options)
    context = {
        **SECTION,
        "endpoint": endpoint,
        "connector": connector,
        "address": selectors.address_of(request.tenant, endpoint, secret=True),
        "in_address": not signs,
        "show_secret": made and signs,
    }
    return render(request, "sources/connection_made.html", context)


@staff_page("sources.view")
@require_safe
def endpoint_page(request: StaffRequest, hook_endpoint_id: UUID) -> HttpResponse:
    """A connection: its address, and the log of its calls."""
    endpoint = _endpoint(hook_endpoint_id)
    state = request.GET.get("state", "")
    state = state if state in DeliveryState.values else ""
    rows = selectors.calls_page(endpoint, state=state, before=_place(request.GET.get("cursor", "")))
    last = rows[selectors.PAGE - 1] if len(rows) > selectors.PAGE else None
    connector = connectors.get(endpoint.source)
    context = {
        **SECTION,
        "endpoint": endpoint,
        "connector": connector,
        "reading": reading_of(endpoint),
        "writing": writing_of(endpoint),
        "address": selectors.address_of(request.tenant, endpoint),
        "rows": rows[: selectors.PAGE],
        "next_cursor": f"{last.received_at.isoformat()},{last.pk}" if last else None,
        "state": state,
        "states": DeliveryState.choices,
        "secret_form": SecretForm(connector),
        "needs_secret": not connector.secret_in_path or connector.signs(endpoint.options),
    }
    return render(request, "sources/connection.html", context)


@staff_page("sources.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def endpoint_change(request: StaffRequest, hook_endpoint_id: UUID) -> HttpResponse:
    """Change what a connection is called and does with customers that nobody knows."""
    endpoint = _endpoint(hook_endpoint_id)
    connector = connectors.get(endpoint.source)
    known = {"label": endpoint.label, "makes_accounts": endpoint.makes_accounts, **endpoint.options}
    form = EndpointForm(connector, request.POST or None, initial=known, new=False)
    if request.method == "POST" and form.is_valid():
        try:
            endpoints.endpoint_change(
                endpoint=endpoint,
                label=form.cleaned_data["label"],
                makes_accounts=form.cleaned_data.get("makes_accounts", False),
                options=form.options,
                actor=actor_of(request),
            )
            messages.success(request, "Saved.")
            return _to_page(request, endpoint)
        except ValidationError as error:
            _add(form, error)
    context = {**SECTION, "form": form, "connector": connector, "endpoint": endpoint}
    return render(request, "sources/connection_form.html", context, status=422 if form.errors else 200)


@staff_page("sources.edit")
@require_POST
def endpoint_renew(request: StaffRequest, hook_endpoint_id: UUID) -> HttpResponse:
    """A new secret; the old one is good for another day."""
    endpoint, given = _endpoint(hook_endpoint_id), request.POST.get("secret", "").strip()
    try:
        endpoint = endpoints.endpoint_renew(endpoint=endpoint, secret=given, actor=actor_of(request))
    except ValidationError as error:
        messages.error(request, f"Nothing was changed: {'; '.join(error.messages)}.")
        return _to_page(request, endpoint)
    return _shown_once(request, endpoint, made=not given)


@staff_page("sources.edit")
@require_POST
def endpoint_revoke(request: StaffRequest, hook_endpoint_id: UUID) -> HttpResponse:
    """Close a connection."""
    endpoint = _endpoint(hook_endpoint_id)
    endpoints.endpoint_revoke(endpoint=endpoint, actor=actor_of(request))
    messages.success(request, f"{endpoint.label} is closed: its calls are answered 404 from now on. What came stays.")
    return redirect("sources:connections", tenant=request.tenant.slug)


@staff_page("sources.view")
@require_safe
def call_page(request: StaffRequest, hook_delivery_id: UUID) -> HttpResponse:
    """A call: what was sent and what it became."""
    delivery = _delivery(hook_delivery_id)
    context = {
        **SECTION,
        "delivery": delivery,
        "connector": connectors.get(delivery.endpoint.source),
        "became": selectors.became_of(delivery),
        "payload": _payload(delivery),
    }
    return render(request, "sources/call.html", context)


def _payload(delivery: HookDelivery) -> str:
    text = bytes(delivery.body).decode("utf-8", "replace")
    with suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    # Half a character, which JSON can name, cannot be part of a page: it is shown as JSON names it.
    return text[:SHOWN].encode("utf-8", "backslashreplace").decode()


@staff_page("sources.edit")
@require_POST
def call_again(request: StaffRequest, hook_delivery_id: UUID) -> HttpResponse:
    """Apply a call anew."""
    delivery = _delivery(hook_delivery_id)
    endpoints.delivery_again(delivery=delivery, actor=actor_of(request))
    messages.success(request, "It is looked at again; load the page in a moment.")
    return redirect("sources:call", tenant=request.tenant.slug, hook_delivery_id=delivery.pk)


@staff_page("sources.view")
@require_safe
def strangers(request: StaffRequest) -> HttpResponse:
    """Customers and people of sources whose account nobody knows, with who they might be."""
    found = matching.strangers_page(after=_place(request.GET.get("cursor", "")))
    last = found[matching.PAGE - 1].thing if len(found) > matching.PAGE else None
    cursor = f"{last.created_at.isoformat()},{last.pk}" if last else None
    context = {"section": "unmatched", "strangers": found[: matching.PAGE], "next_cursor": cursor}
    return render(request, "sources/unmatched.html", context)


@staff_page("sources.match")
@require_POST
def stranger_match(request: StaffRequest, source_object_id: UUID) -> HttpResponse:
    """Say whose a customer is: an account by id or name, or a new one."""
    thing: SourceObject = get_object_or_404(SourceObject.objects.all(), pk=source_object_id)
    try:
        if request.POST.get("make"):
            outcome = matching.account_make(thing=thing, actor=actor_of(request))
        else:
            account = matching.account_named(request.POST.get("account", ""))
            outcome = matching.thing_match(thing=thing, account=account, actor=actor_of(request))
        rows = [row for row in outcome.rows if row["noun"] != "problem"]
        problems = [row["outcome"] for row in outcome.rows if row["noun"] == "problem"] + [*outcome.refused.values()]
        messages.success(request, f"{thing} is matched; {_written(len(rows))}.")
        if problems:
            messages.warning(request, f"Some of what waited cannot be stored yet: {problems[0]}.")
    except ValueError as error:
        messages.error(request, f"Nothing was changed: {error}.")
    return redirect("sources:unmatched", tenant=request.tenant.slug)


def _written(rows: int) -> str:
    return "nothing had waited" if not rows else "one row was written" if rows == 1 else f"{rows} rows were written"


def _endpoint(pk: UUID) -> HookEndpoint:
    found: HookEndpoint = get_object_or_404(HookEndpoint.objects.all(), pk=pk)
    if found.source not in connectors:
        raise Http404
    return found


def _delivery(pk: UUID) -> HookDelivery:
    found: HookDelivery = get_object_or_404(HookDelivery.objects.select_related("endpoint"), pk=pk)
    return found


def _to_page(request: StaffRequest, endpoint: HookEndpoint) -> HttpResponse:
    return redirect("sources:connection", tenant=request.tenant.slug, hook_endpoint_id=endpoint.pk)


def _place(cursor: str) -> tuple[datetime, UUID] | None:
    """Where a page starts; an address that makes no sense starts at the beginning."""
    at, _, pk = cursor.partition(",")
    try:
        return read_moment(at), UUID(pk)
    except ValueError:
        return None
