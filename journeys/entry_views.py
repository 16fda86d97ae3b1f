"""Accounts put into journeys and taken out by hand: from the account's page, those ticked in a list, and a segment."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages as flash
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from hub.accounts.models import Account
from hub.outbox.reasons import reason_words
from hub.people.answers import form_of
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.registry.lists import ticked
from journeys.enrolling import (
    MOST_CHOSEN,
    IntakeError,
    account_enroll,
    accounts_enroll,
    entries_foreseen,
    existing_count,
    segment_enroll,
)
from journeys.models import Enrollment, Journey, JourneyStatus
from journeys.services import enrollment_remove


@staff_page("journeys.run")
@require_POST
def enter(request: StaffRequest, account_id: UUID) -> HttpResponse:
    """Put an account into a journey; what speaks against it is said."""
    account = get_object_or_404(Account, pk=account_id)
    wanted = request.POST.get("journey", "")
    journey = next((j for j in Journey.objects.filter(live__gt=0) if str(j.pk) == wanted), None)
    if journey is None:
        flash.error(request, "Nothing was changed: choose a journey that is published.")
    else:
        _enter(request, account, journey)
    return redirect("accounts:page", tenant=request.tenant.slug, account_id=account.pk)


def _enter(request: StaffRequest, account: Account, journey: Journey) -> None:
    decision, _ = account_enroll(journey=journey, account=account, actor=actor_of(request))
    if decision.outcome == "entered":
        flash.success(request, f"{account.name} is in “{journey.name}”.")
    else:
        why = decision.why or reason_words(decision.outcome)
        flash.error(request, f"{account.name} was not put into “{journey.name}”: {why}.")


@staff_page("journeys.run")
@require_safe
def choose(request: StaffRequest) -> HttpResponse:
    """The accounts that are ticked in their list, the journey for them, and what would come of it."""
    ids = ticked(request.GET.getlist("account"), MOST_CHOSEN)
    if not ids:
        flash.info(request, "Choose the accounts first: tick them in the list.")
        return redirect("accounts:list", tenant=request.tenant.slug)
    offered = list(Journey.objects.filter(live__gt=0, status=JourneyStatus.ACTIVE).order_by("name", "id"))
    journey = next((each for each in offered if str(each.pk) == request.GET.get("journey", "")), None)
    entries = entries_foreseen(journey=journey, account_ids=ids) if journey else []
    context = {
        "ids": ids,
        "accounts": Account.objects.filter(pk__in=ids).order_by("name", "pk"),
        "journeys": offered,
        "journey": journey,
        "coming": [entry for entry in entries if not entry.reason],
        "staying": [(entry, entry.text or reason_words(entry.reason)) for entry in entries if entry.reason],
    }
    return render(request, "journeys/choose.html", context)


@staff_page("journeys.run")
@require_POST
def enter_many(request: StaffRequest) -> HttpResponse:
    """Put the accounts that were ticked into a journey; sent twice, it is done once."""
    wanted, form = request.POST.get("journey", ""), form_of(request)
    journey = next((j for j in Journey.objects.filter(live__gt=0) if str(j.pk) == wanted), None)
    if journey is None or form is None:
        flash.error(request, "Nothing was changed: choose a journey that is published.")
        return redirect("accounts:list", tenant=request.tenant.slug)
    made = accounts_enroll(
        journey=journey,
        account_ids=ticked(request.POST.getlist("account"), MOST_CHOSEN),
        actor=actor_of(request),
        key=f"form:{form}",
    )
    entered = sum(decision.outcome == "entered" for decision in made)
    if not made:
        flash.info(request, "Nothing was changed: it was done before, or the accounts are gone.")
    elif entered:
        flash.success(request, f"{entered} account{'' if entered == 1 else 's'} came into “{journey.name}”.")
    if refused := len(made) - entered:
        flash.info(request, f"{refused} stayed out; each account's Why says what spoke against it.")
    return redirect("journeys:page", tenant=request.tenant.slug, journey_id=journey.pk)


@staff_page("journeys.run")
@require_POST
def remove(request: StaffRequest, enrollment_id: UUID) -> HttpResponse:
    """Take an account out; messages that wait are withdrawn."""
    enrollment = get_object_or_404(Enrollment.objects.select_related("journey", "account"), pk=enrollment_id)
    if enrollment_remove(enrollment=enrollment, actor=actor_of(request)):
        flash.success(request, f"{enrollment.account.name} is out of “{enrollment.journey.name}”.")
    else:
        flash.error(request, "Nothing was changed: the account is not inside any more.")
    return redirect("accounts:page", tenant=request.tenant.slug, account_id=enrollment.account_id)


@staff_page("journeys.run")
@require_POST
def intake(request: StaffRequest, journey_id: UUID) -> HttpResponse:
    """Have the accounts of a segment put in, in the background."""
    journey = get_object_or_404(Journey, pk=journey_id)
    key = request.POST.get("segment", "")
    try:
        segment_enroll(journey=journey, segment_key=key, actor=actor_of(request))
    except IntakeError as error:
        flash.error(request, f"Nobody was put in: {error}.")
    else:
        flash.success(request, f"{existing_count(key)} accounts are being put into “{journey.name}”.")
    return redirect("journeys:page", tenant=request.tenant.slug, journey_id=journey.pk)
