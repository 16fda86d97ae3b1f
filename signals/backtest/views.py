"""Health › Back-tests: the runs, one run with its result, the accounts that left, and publishing what was tested."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.rules.language import RuleError
from hub.shell.paging import cursor_values, page_of
from signals.backtest.models import BacktestRun
from signals.backtest.page import BAND_WORDS, TONES, backtest_context, sample_words
from signals.backtest.selectors import backtests, losses_of
from signals.backtest.services import BacktestError, backtest_cancel, backtest_start, draft_of
from signals.health import services
from signals.health.cards import CardError
from signals.health.models import Scorecard
from signals.health.selectors import current_version

PAGE_SIZE, LOSSES_SHOWN = 50, 10


@staff_page("signals.view")
@require_safe
def backtest_list(request: StaffRequest) -> HttpResponse:
    """Every run, newest first."""
    rows = backtests().defer("tally", "measures")
    if start := cursor_values(request.GET.get("cursor", ""), UUID):
        rows = rows.filter(pk__lt=start[0])
    page = page_of(list(rows[: PAGE_SIZE + 1]), PAGE_SIZE, lambda row: (row.pk,))
    lines = [(row, TONES.get(row.verdict, "muted")) for row in page.rows]
    context = {
        "lines": lines,
        "next_cursor": page.next_cursor,
        "cards": Scorecard.objects.filter(is_active=True).order_by("position", "key"),
    }
    return render(request, "signals/backtest/list.html", context)


@staff_page("signals.view")
@require_safe
def backtest(request: StaffRequest, backtest_id: UUID) -> HttpResponse:
    """How far a run is, and what came of it."""
    return _page(request, get_object_or_404(backtests(), pk=backtest_id))


def _page(request: StaffRequest, run: BacktestRun, problems: list[str] | None = None) -> HttpResponse:
    context = backtest_context(run, request.GET.get("horizon", "")) | {"problems": problems or []}
    if run.result:
        context["sample"] = sample_words(run.result)
        context["losses"] = list(losses_of(run.pk, "green")[:LOSSES_SHOWN])
    published = run.scorecard and run.scorecard.versions.filter(backtest=run).first()
    context["published"] = published
    context["is_current"] = _is_current(run)
    name = "signals/backtest/run.html" + ("#state" if request.htmx and run.is_unfinished else "")
    response = render(request, name, context, status=422 if problems else 200)
    if request.htmx and not run.is_unfinished:
        # The result has other parts than the progress: the page is read anew.
        response["HX-Refresh"] = "true"
    return response


def _is_current(run: BacktestRun) -> bool:
    """Whether what was tested is what is published."""
    if run.scorecard is None:
        return False
    return run.content_hash == draft_of(current_version(run.scorecard)).hash


@staff_page("signals.view")
@require_safe
def losses(request: StaffRequest, backtest_id: UUID) -> HttpResponse:
    """The accounts that left, by the band in which they were; the greatest MRR first."""
    run = get_object_or_404(backtests(), pk=backtest_id)
    band = request.GET.get("band", "green")
    band = band if band in BAND_WORDS else ""
    rows = losses_of(run.pk, band)
    if start := cursor_values(request.GET.get("cursor", ""), int, UUID):
        mrr, pk = start
        rows = rows.filter(mrr_minor__lte=mrr).exclude(mrr_minor=mrr, id__lte=pk)
    page = page_of(list(rows[: PAGE_SIZE + 1]), PAGE_SIZE, lambda row: (row.mrr_minor, row.pk))
    context = {
        "run": run,
        "band": band,
        "bands": [("", "Any"), *BAND_WORDS.items()],
        "rows": page.rows,
        "next_cursor": page.next_cursor,
    }
    return render(request, "signals/backtest/losses.html", context)


@staff_page("health.edit")
@require_POST
def start(request: StaffRequest) -> HttpResponse:
    """Hold a scorecard's published version against the past."""
    try:
        card = get_object_or_404(Scorecard, pk=UUID(request.POST.get("scorecard", "")), is_active=True)
    except ValueError:
        messages.error(request, "Nothing was started: choose a scorecard.")
        return redirect("backtest:list", tenant=request.tenant.slug)
    try:
        run = backtest_start(
            draft=draft_of(current_version(card)), name=card.name, position=card.position, scorecard=card,
            user=request.user, actor=actor_of(request),
        )  # fmt: skip
    except BacktestError as error:
        messages.error(request, f"Nothing was started: {error}.")
        return redirect("backtest:list", tenant=request.tenant.slug)
    return _go(request, run)


@staff_page("health.edit")
@require_POST
def cancel(request: StaffRequest, backtest_id: UUID) -> HttpResponse:
    run = get_object_or_404(backtests(), pk=backtest_id)
    if backtest_cancel(run=run, actor=actor_of(request)):
        messages.success(request, "Cancelled. What had been counted is dropped.")
    else:
        messages.info(request, "It had ended already; nothing was changed.")
    return _go(request, run)


@staff_page("health.edit")
@require_POST
def publish(request: StaffRequest, backtest_id: UUID) -> HttpResponse:
    """Publish exactly what was tested, with a note."""
    run = get_object_or_404(backtests(), pk=backtest_id)
    kept = {
        "measures": run.measures, "bands": (run.yellow_from, run.green_from), "note": request.POST.get("note", ""),
        "user": request.user, "actor": actor_of(request),
    }  # fmt: skip
    try:
        if run.scorecard is None:
            card = services.scorecard_create(name=run.name, rule=run.rule, **kept)
        else:
            card = run.scorecard
            services.scorecard_publish(scorecard=card, **kept)
    except (CardError, services.HealthError, RuleError) as error:
        return _page(request, run, error.problems if isinstance(error, CardError) else [str(error)])
    messages.success(request, "It is published. Scores follow in the background.")
    return redirect("health:card", tenant=request.tenant.slug, scorecard_id=card.pk)


def _go(request: StaffRequest, run: BacktestRun) -> HttpResponseRedirect:
    return redirect("backtest:run", tenant=request.tenant.slug, backtest_id=run.pk)
