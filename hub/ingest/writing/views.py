"""A connection's writing: which values go where, the switch, a trial on one account, and the log."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from hub.ingest.connectors.base import connectors
from hub.ingest.connectors.matching import MatchError, account_named
from hub.ingest.models import HookEndpoint, WriteBack, WriteCall
from hub.ingest.writing import selectors, services
from hub.ingest.writing.base import Writer, writers
from hub.ingest.writing.forms import WritingForm
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.registry.moments import read_moment

SECTION = {"section": "connections"}


@staff_page("sources.view")
@require_safe
def writing_page(request: StaffRequest, hook_endpoint_id: UUID) -> HttpResponse:
    """What is written, how it goes, and the log; with `?account=` what a trial would send."""
    endpoint, writer = _endpoint(hook_endpoint_id)
    return _page(request, endpoint, _form(endpoint, writer))


def _page(request: StaffRequest, endpoint: HookEndpoint, form: WritingForm, status: int = 200) -> HttpResponse:
    writing = WriteBack.objects.filter(endpoint=endpoint).first()
    rows = selectors.calls_page(writing, before=_place(request.GET.get("cursor", ""))) if writing else []
    last = rows[selectors.PAGE - 1] if len(rows) > selectors.PAGE else None
    context = {
        **SECTION,
        **_trial(writing, request.GET.get("account", "").strip()),
        "endpoint": endpoint,
        "connector": connectors.get(endpoint.source),
        "writing": selectors.writing_of(endpoint),
        "has_key": services.has_key(endpoint),
        "form": form,
        "rows": rows[: selectors.PAGE],
        "refused": selectors.refused_rows(writing) if writing else [],
        "next_cursor": f"{last.asked_at.isoformat()},{last.pk}" if last else None,
    }
    return render(request, "sources/writing.html", context, status=status)


def _trial(writing: WriteBack | None, wanted: str) -> dict[str, Any]:
    """What a trial on this account would send, or why there can be none."""
    if writing is None or not wanted:
        return {"wanted": wanted}
    try:
        account = account_named(wanted)
        entries = services.trial_entries(writing, account)
        return {"wanted": wanted, "trial_account": account, "trial_request": services.request_of(writing, entries)}
    except (MatchError, ValidationError) as error:
        return {"wanted": wanted, "trial_problem": _words(error)}


def _words(error: MatchError | ValidationError) -> str:
    return "; ".join(error.messages) if isinstance(error, ValidationError) else str(error)


def _form(endpoint: HookEndpoint, writer: Writer, *args: Any) -> WritingForm:
    writing = WriteBack.objects.filter(endpoint=endpoint).first()
    choices = selectors.choices(writer, writing)
    form = WritingForm(writer, choices, selectors.other_facts(choices), *args)
    form.initial["on"] = writing is not None and writing.is_on
    return form


@staff_page("sources.edit")
@require_POST
def writing_set(request: StaffRequest, hook_endpoint_id: UUID) -> HttpResponse:
    """Keep which values go where, and switch writing on or off."""
    endpoint, writer = _endpoint(hook_endpoint_id)
    form = _form(endpoint, writer, request.POST)
    if form.is_valid():
        try:
            on = form.cleaned_data["on"]
            services.writing_set(endpoint=endpoint, fields=form.chosen, on=on, actor=actor_of(request))
            messages.success(request, "Saved. Writing has begun." if on else "Saved. Nothing is written.")
            return _back(request, endpoint)
        except ValidationError as error:
            for problem in error.messages:
                form.add_error(None, problem)
    return _page(request, endpoint, form, status=422)


@staff_page("sources.edit")
@require_POST
def writing_now(request: StaffRequest, hook_endpoint_id: UUID) -> HttpResponse:
    """Look at once for what differs."""
    writing = get_object_or_404(WriteBack, endpoint=hook_endpoint_id)
    services.writing_now(writing=writing, actor=actor_of(request))
    messages.success(request, "What differs is written now; load the page in a moment.")
    return _back(request, writing.endpoint)


@staff_page("sources.edit")
@require_POST
def trial_ask(request: StaffRequest, hook_endpoint_id: UUID) -> HttpResponse:
    """Write one account, to see whether it works."""
    writing = get_object_or_404(WriteBack, endpoint=hook_endpoint_id)
    try:
        account = account_named(request.POST.get("account", ""))
        call = services.trial_ask(writing=writing, account=account, actor=actor_of(request))
    except (MatchError, ValidationError) as error:
        messages.error(request, f"Nothing was sent: {_words(error)}.")
        return _back(request, writing.endpoint)
    return redirect("sources:write", tenant=request.tenant.slug, write_call_id=call.pk)


@staff_page("sources.view")
@require_safe
def call_page(request: StaffRequest, write_call_id: UUID) -> HttpResponse:
    """A request that wrote: to whom, what, and what was answered."""
    calls = WriteCall.objects.select_related("writing__endpoint")
    call: WriteCall = get_object_or_404(calls, pk=write_call_id)
    context = {**SECTION, "call": call, "endpoint": call.writing.endpoint}
    return render(request, "sources/write.html", context)


def _endpoint(pk: UUID) -> tuple[HookEndpoint, Writer]:
    endpoint: HookEndpoint = get_object_or_404(HookEndpoint.objects.all(), pk=pk)
    if endpoint.source not in writers:
        raise Http404
    return endpoint, writers.get(endpoint.source)


def _back(request: StaffRequest, endpoint: HookEndpoint) -> HttpResponse:
    return redirect("sources:writing", tenant=request.tenant.slug, hook_endpoint_id=endpoint.pk)


def _place(cursor: str) -> tuple[datetime, UUID] | None:
    """Where a page of the log starts; an address that makes no sense starts at the beginning."""
    at, _, pk = cursor.partition(",")
    try:
        return read_moment(at), UUID(pk)
    except ValueError:
        return None
