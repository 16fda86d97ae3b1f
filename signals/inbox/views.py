"""Pages of the inbox: the list, a signal, acts on one and on many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from hub.accounts.facts import today_of
from hub.people.answers import changed, go_back, refused
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.people.scope import MINE, owner_wanted, whose
from hub.people.selectors import members
from hub.registry.effects import effects_of
from hub.registry.lists import with_views
from hub.shell.paging import Page
from signals.forms import act_read, problem_of, snooze_days
from signals.inbox.acting import Act, Action, signals_act
from signals.inbox.bulk import MOST_CHOSEN, bulk_cancel, bulk_start
from signals.inbox.mailing import assignment_mail_wanted, assignment_mail_wish
from signals.inbox.query import (
    ANY_STATUS,
    BY_ACCOUNT,
    ME,
    MOST_COUNTED,
    NOBODY,
    TABS,
    InboxQuery,
    grouped_page,
    inbox_page,
    matching,
    open_counts,
    selection,
)
from signals.inbox.seen import seen
from signals.models import DismissReason, Severity, Signal, SignalBulk, SignalStatus, Trigger
from signals.selectors import ROW
from signals.storms.selectors import storms_holding

SAID = {
    Action.ASSIGN: "assigned",
    Action.SNOOZE: "snoozed",
    Action.RETURN: "back in the inbox",
    Action.ACKNOWLEDGE: "acknowledged",
    Action.RESOLVE: "resolved",
    Action.DISMISS: "dismissed",
    Action.REOPEN: "open again",
}


@staff_page("signals.view")
@require_safe
@with_views("signals")
def signal_list(request: StaffRequest) -> HttpResponse:
    """The inbox: what happened or became true, with filters in the URL."""
    query, scope = InboxQuery.read(request.GET), _scope(request)
    storms = storms_holding()
    held = {SignalStatus.HELD.value: sum(storm.held - storm.released - storm.dropped for storm in storms)}
    counts = open_counts(scope["owner_id"]) | held
    read: Callable[..., Page[Any]] = grouped_page if query.group == BY_ACCOUNT else inbox_page
    page = read(query, **scope)
    shown = _signals_of(page.rows)
    triggers = list(Trigger.objects.order_by("name").values_list("key", "name", "family"))
    context = {
        "query": query,
        "page": page,
        "tabs": [(value, title, counts.get(value)) for value, title in TABS.items() if _shows(value, counts, query)],
        "any_status": ANY_STATUS,
        "severities": Severity.choices,
        "families": sorted({family for _, _, family in triggers}),
        "triggers": [(key, name) for key, name, family in triggers if query.family in ("", family)],
        "people": members(request.tenant),
        "me": ME,
        "nobody": NOBODY,
        "matching": matching(query, **scope) if page.next_cursor or query.cursor else len(shown),
        "most_counted": MOST_COUNTED,
        "effects": effects_of([signal.pk for signal in shown]),
        "storms": storms,
        "mail_wanted": assignment_mail_wanted(request.user.pk) if query.assignee == ME else None,
        "nothing_ever": not page.rows and not any(counts.values()) and not Signal.objects.exists(),
    }
    return render(request, f"signals/list.html{'#inbox' if request.htmx else ''}", context)


def _shows(tab: str, counts: dict[str, int], query: InboxQuery) -> bool:
    """A tab that is nearly always empty stays away until there is something in it."""
    return tab != SignalStatus.HELD or bool(counts[tab]) or query.status == tab


def _signals_of(rows: Any) -> list[Signal]:
    found = []
    for row in rows:
        if isinstance(row, Signal):
            found.append(row)
        else:
            found += [signal for family in row.families for signal in (family.newest, *family.others)]
    return found


def _scope(request: StaffRequest) -> dict[str, UUID | None]:
    return {"owner_id": owner_wanted(request), "user_id": request.user.pk}


# --- One signal ---------------------------------------------------------------------------------------------------


@staff_page("signals.view")
@require_safe
def signal_page(request: StaffRequest, signal_id: UUID) -> HttpResponse:
    """A signal: its sentence, what it saw, the past of it, what it started, and what can be done with it."""
    signal = _signal(signal_id)
    context = {
        **_row(request, signal),
        **acts_context(request, request.GET.get("do", "")),
        "effects": effects_of([signal.pk]),
        "values": seen(signal, request.tenant.currency),
    }
    return render(request, f"signals/signal.html{'#drawer' if request.htmx else ''}", context)


def acts_context(request: StaffRequest, wanted: str) -> dict[str, Any]:
    """What the forms of the acts offer; ``wanted`` is the one that somebody came for."""
    return {
        "wanted": wanted if wanted in list(Action) else "",
        "people": members(request.tenant),
        "reasons": DismissReason.choices,
        "days": snooze_days(today_of(request.tenant)),
        "back": request.GET.get("next", ""),
    }


@staff_page("signals.resolve")
@require_POST
def signal_do(request: StaffRequest, signal_id: UUID) -> HttpResponse:
    """Do something with a signal; when somebody was faster, show what they made of it."""
    signal = _signal(signal_id)
    try:
        act = act_read(request.POST, request.tenant)
        done = signals_act(ids=[signal.pk], act=act, actor=actor_of(request), user=request.user)
    except ValidationError as error:
        context = {**_row(request, signal), "effects": {}}
        return refused(
            request, template="signals/_row.html", context=context, back=_page_url(request), problem=problem_of(error)
        )
    context = {**_row(request, _signal(signal_id)), "effects": effects_of([signal.pk])}
    said = f"The signal is {SAID[act.action]}." if done else "Somebody was faster: nothing was changed."
    return changed(request, template="signals/_row.html", context=context, back=_page_url(request), say=said)


def _signal(signal_id: UUID) -> Signal:
    named = Signal.objects.select_related(*ROW)
    signal: Signal = get_object_or_404(named, pk=signal_id)
    return signal


def _row(request: StaffRequest, signal: Signal) -> dict[str, object]:
    given = request.POST
    return {
        "signal": signal,
        "show_account": bool(given.get("show_account")),
        "choosable": bool(given.get("choosable")),
    }


def _page_url(request: StaffRequest) -> str:
    return reverse("signals:list", kwargs={"tenant": request.tenant.slug})


# --- Many signals -------------------------------------------------------------------------------------------------


@staff_page("signals.resolve")
@require_safe
def act_choose(request: StaffRequest) -> HttpResponse:
    """What to do with the signals that are chosen, or with all that the inbox's address leaves."""
    everything = request.GET.get("all") == "1"
    query, ids = InboxQuery.read(request.GET), _ids(request.GET)
    if not everything and not ids:
        messages.info(request, "Choose the signals first: tick them in the list.")
        return redirect("signals:list", tenant=request.tenant.slug)
    chosen = selection(query, **_scope(request)) if everything else Signal.objects.filter(pk__in=ids)
    named = chosen.select_related("account").order_by("-recorded_at", "-id")
    context = {
        **acts_context(request, request.GET.get("do", "")),
        "ids": ids,
        "hidden": {**query.params(), "whose": whose(request), "all": "1"} if everything else {},
        "count": chosen.order_by().count(),
        "sample": named[:5],
        "query": query,
    }
    return render(request, "signals/act.html", context)


@staff_page("signals.resolve")
@require_POST
def act_many(request: StaffRequest) -> HttpResponse:
    """Do something with many signals: with those chosen at once, with all of a filter at once or by a worker."""
    back = _page_url(request)
    try:
        act = act_read(request.POST, request.tenant)
        if request.POST.get("all") == "1":
            return _all(request, act)
        done = signals_act(ids=_ids(request.POST), act=act, actor=actor_of(request), user=request.user)
    except ValidationError as error:
        messages.error(request, f"Nothing was changed. {problem_of(error)}")
        return go_back(request, back)
    messages.success(request, _said(act, len(done)))
    return go_back(request, back)


def _all(request: StaffRequest, act: Act) -> HttpResponse:
    query = InboxQuery.read({name: request.POST.get(name, "") for name in request.POST})
    # The page before has said whose, so that it counts what was shown there.
    owner = request.user.pk if request.POST.get("whose") == MINE else None
    bulk = bulk_start(query=query, act=act, owner_id=owner, user=request.user, actor=actor_of(request))
    return redirect("signals:bulk", tenant=request.tenant.slug, signal_bulk_id=bulk.pk)


def _said(act: Act, count: int) -> str:
    if not count:
        return "Nothing was changed: somebody was faster, or it was so already."
    said = f"{count} signal{'' if count == 1 else 's'} {SAID[act.action]}."
    undo = act.action in (Action.DISMISS, Action.RESOLVE)
    return f"{said} To undo it, choose them under “{act.action.capitalize()}ed” and reopen them." if undo else said


def _ids(given: QueryDict) -> list[UUID]:
    found = []
    for text in given.getlist("signal")[:MOST_CHOSEN]:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found


@staff_page("signals.view")
@require_safe
def bulk_page(request: StaffRequest, signal_bulk_id: UUID) -> HttpResponse:
    """How far an act on many signals is, and what came of it."""
    bulk = get_object_or_404(SignalBulk, pk=signal_bulk_id)
    context = {"bulk": bulk, "said": SAID[Action(bulk.action)], "gone_through": bulk.changed + bulk.left}
    return render(request, f"signals/bulk.html{'#state' if request.htmx else ''}", context)


@staff_page("signals.resolve")
@require_POST
def bulk_stop(request: StaffRequest, signal_bulk_id: UUID) -> HttpResponse:
    """Stop it; what is done stays."""
    bulk = get_object_or_404(SignalBulk, pk=signal_bulk_id)
    if bulk_cancel(bulk=bulk, actor=actor_of(request)):
        messages.success(request, "Stopped. What is done by now stays.")
    else:
        messages.info(request, "It had ended already; nothing was stopped.")
    return redirect("signals:bulk", tenant=request.tenant.slug, signal_bulk_id=bulk.pk)


@staff_page("signals.view")
@require_POST
def mail_set(request: StaffRequest) -> HttpResponse:
    """Whether this person is told by mail of signals that somebody assigns to them."""
    wanted = request.POST.get("mail") == "1"
    assignment_mail_wish(user=request.user, wanted=wanted, actor=actor_of(request))
    messages.success(request, "You are told by mail." if wanted else "You get no mail about signals any more.")
    return go_back(request, _page_url(request))
