"""Staff pages of the guards: sending rules, stops and what waits for a person, the pressure ledger."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages as flash
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.accounts.models import Account
from hub.outbox.models import Stop
from hub.outbox.policy import DAYS, PolicyError, sending_rules
from hub.outbox.pressure import ledger_of, most_pressed
from hub.outbox.selectors import groups_waiting, stops_open, stops_past
from hub.outbox.services import LIFTED, WITHDRAWN, sending_rules_set, sending_stop, stop_end
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.people.permissions import allowed

DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _count(label: str, most: int, help_text: str = "") -> forms.IntegerField:
    return forms.IntegerField(min_value=0, max_value=most, label=label, help_text=help_text)


class RulesForm(forms.Form):
    """The limits that every programme message meets."""

    contact_cap = _count("To a contact, at most", 1000, "messages within the days below; 0: none")
    account_cap = _count("To an account, at most", 1000, "all its people together")
    cap_days = forms.IntegerField(min_value=1, max_value=365, label="Within so many days")
    quiet_from = forms.TimeField(label="Quiet from", widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    quiet_until = forms.TimeField(label="Quiet until", widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    quiet_days = forms.MultipleChoiceField(
        choices=list(zip(DAYS, DAY_NAMES, strict=True)), required=False, widget=forms.CheckboxSelectMultiple
    )
    held_hours = forms.IntegerField(
        min_value=1, max_value=720, label="Held for, at most", help_text="hours; then a message expires, and says so"
    )
    holdout_percent = forms.FloatField(
        min_value=0, max_value=50, label="Global holdout, percent", help_text="of accounts that have no place yet"
    )
    blast_percent = forms.FloatField(
        min_value=1,
        max_value=100,
        label="Blast radius, percent",
        help_text="of all contacts within a day; 100: no limit",
    )
    blast_least = forms.IntegerField(
        min_value=1, max_value=1_000_000, label="and never held below", help_text="contacts"
    )
    assume_consent = forms.BooleanField(required=False, label="We may write until somebody objects")

    def rules(self) -> dict[str, Any]:
        given = dict(self.cleaned_data)
        for name in ("quiet_from", "quiet_until"):
            given[name] = given[name].strftime("%H:%M")
        return given


@staff_page("outbox.view")
@require_safe
def rules(request: StaffRequest) -> HttpResponse:
    """The sending rules, and what they mean."""
    return _rules(request, RulesForm(initial=_stored(request)))


def _stored(request: StaffRequest) -> dict[str, Any]:
    known = sending_rules(request.tenant.settings)
    policy = known.policy
    return {
        "contact_cap": policy.contact_cap,
        "account_cap": policy.account_cap,
        "cap_days": policy.cap_window.days,
        "quiet_from": policy.quiet_from,
        "quiet_until": policy.quiet_until,
        "quiet_days": [DAYS[day] for day in sorted(policy.quiet_days)],
        "held_hours": int(policy.longest_hold.total_seconds() // 3600),
        "holdout_percent": known.holdout_percent,
        "blast_percent": known.blast_percent,
        "blast_least": known.blast_least,
        "assume_consent": known.assume_consent,
    }


def _rules(request: StaffRequest, form: RulesForm) -> HttpResponse:
    return render(request, "outbox/rules.html", {"form": form}, status=422 if form.errors else 200)


@staff_page("sending.edit")
@require_POST
def rules_set(request: StaffRequest) -> HttpResponse:
    """Change them."""
    form = RulesForm(request.POST)
    if form.is_valid():
        try:
            sending_rules_set(tenant=request.tenant, rules=form.rules(), actor=actor_of(request))
        except PolicyError as error:
            form.add_error(None, f"Nothing was changed: {error}.")
        else:
            flash.success(request, "The rules are kept. Messages that are held are asked again.")
            return redirect("outbox:rules", tenant=request.tenant.slug)
    return _rules(request, form)


# --- Stops --------------------------------------------------------------------------------------------------------


@staff_page("outbox.view")
@require_safe
def guards(request: StaffRequest) -> HttpResponse:
    """What is stopped, what waits for a person's word, and the switch that stops everything."""
    stops = stops_open()
    context = {
        "stops": [(stop, held, _may_end(request, stop)) for stop, held in stops],
        "everything": any(stop.kind == "person" and stop.group_id is None for stop, _ in stops),
        "groups": groups_waiting(),
        "past": stops_past(),
    }
    return render(request, "outbox/guards.html", context)


def _may_end(request: StaffRequest, stop: Stop) -> bool:
    return allowed(request.membership.role, "sending.lift" if stop.is_automatic else "sending.edit")


@staff_page("sending.edit")
@require_POST
def stop(request: StaffRequest) -> HttpResponse:
    """Stop everything, or one group."""
    raw, group_id, label = request.POST.get("group", ""), None, ""
    if raw:
        group_id, label = next(((pk, name) for pk, name, _ in groups_waiting() if str(pk) == raw), (None, ""))
        if group_id is None:
            raise Http404
    why = " ".join(request.POST.get("why", "").split())
    sending_stop(actor=actor_of(request), why=why, group_id=group_id, label=label)
    flash.success(request, f"{label or 'Everything'} is stopped. Messages wait; what was being handed over goes on.")
    return redirect("outbox:guards", tenant=request.tenant.slug)


@staff_page("sending.edit")
@require_POST
def stop_decide(request: StaffRequest, stop_id: UUID) -> HttpResponse:
    """Let go on, or take back what is held."""
    found = get_object_or_404(Stop, pk=stop_id)
    outcome = request.POST.get("outcome", "")
    if not _may_end(request, found):
        raise PermissionDenied("Sending that stopped by itself goes on by an admin's word alone.")
    if outcome not in (LIFTED, WITHDRAWN):
        flash.error(request, "Nothing was changed: say whether it goes on or is taken back.")
    elif stop_end(stop=found, outcome=outcome, actor=actor_of(request)):
        flash.success(request, "It goes on." if outcome == LIFTED else "It is taken back.")
    else:
        flash.info(request, "Somebody was faster: this is decided already.")
    return redirect("outbox:guards", tenant=request.tenant.slug)


# --- The ledger ---------------------------------------------------------------------------------------------------


@staff_page("outbox.view")
@require_safe
def pressure(request: StaffRequest) -> HttpResponse:
    """Accounts by how much of their budget is used."""
    policy = sending_rules(request.tenant.settings).policy
    return render(request, "outbox/pressure.html", {"rows": most_pressed(policy), "policy": policy})


@staff_page("outbox.view")
@require_http_methods(["GET", "HEAD"])
def account_pressure(request: StaffRequest, account_id: UUID) -> HttpResponse:
    """One account's budget: who used it, what for, when it frees."""
    account = get_object_or_404(Account, pk=account_id)
    ledger = ledger_of(account.pk, sending_rules(request.tenant.settings).policy)
    return render(request, "outbox/account_pressure.html", {"account": account, "ledger": ledger})
