"""Pages of experiments: the list, the mode of a journey, plan and arms, the result, and the sample-size page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages as flash
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.people.permissions import allowed
from hub.registry.facts import known_facts
from journeys.drafts import operations as ops
from journeys.drafts.diff import words
from journeys.drafts.selectors import current_draft
from journeys.drafts.services import StaleDraft, draft_change
from journeys.drafts.shape import Shape
from journeys.drafts.step_views import UNITS
from journeys.drafts.views import address, journey_of, number_of
from journeys.experiments.arms import FIELDS, arms_of, aspects, check_arms
from journeys.experiments.forms import plan_of, plan_values, read_arms, shown_arms
from journeys.experiments.holdout import MOST_PERCENT
from journeys.experiments.measures import measures
from journeys.experiments.models import Experiment, Reading
from journeys.experiments.needs import need_of
from journeys.experiments.selectors import Standing, experiments_list, running_by_node, standing
from journeys.experiments.services import (
    ExperimentError,
    experiment_change,
    experiment_create,
    experiment_end,
    experiment_launch,
    experiment_remove,
    holdout_set,
    launch_flaws,
)
from journeys.graph import GraphError
from journeys.models import Journey
from journeys.tree import ICONS, spoken
from journeys.waits import WEEKDAYS
from signals.segments.selectors import segment_names

LISTED = 200


@staff_page("journeys.view")
@require_safe
def experiment_list(request: StaffRequest) -> HttpResponse:
    """Every experiment of the tenant, the latest first."""
    return render(request, "journeys/experiments/list.html", {"experiments": experiments_list()[:LISTED]})


@staff_page("journeys.view")
@require_safe
def journey_experiments(request: StaffRequest, journey_id: UUID) -> HttpResponse:
    """The mode of the builder in which experiments are set up: steps that can be tested, the journey's holdout."""
    journey = journey_of(journey_id)
    context = {
        "journey": journey,
        "experiments": experiments_list(journey),
        "steps": _steps(journey),
        "whole": running_by_node(journey).get(""),
        "most": MOST_PERCENT,
        **_may(request),
    }
    return render(request, "journeys/experiments/journey.html", context)


def _may(request: StaffRequest) -> dict[str, bool]:
    role = request.membership.role
    return {"may_edit": allowed(role, "journeys.edit"), "may_run": allowed(role, "journeys.run")}


def _steps(journey: Journey) -> list[dict[str, Any]]:
    """Steps of the draft that may have arms, in words, with what their arms test."""
    shape, facts, running = Shape(current_draft(journey).graph), known_facts(), running_by_node(journey)
    return [
        {
            "id": node_id,
            "words": spoken(words(node, facts), {}),
            "icon": ICONS.get(shape.kind(node_id), "circle"),
            "arms": len(arms_of(node)),
            "aspects": aspects(node) if arms_of(node) else "",
            "running": running.get(node_id),
        }
        for node_id, node in shape.nodes.items()
        if shape.kind(node_id) in FIELDS
    ]


# --- Setting up ---------------------------------------------------------------------------------------------------


@staff_page("journeys.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def arms(request: StaffRequest, journey_id: UUID, node_id: str) -> HttpResponse:
    """The arms of a step, in the draft: what each says differently, and its share."""
    journey = journey_of(journey_id)
    draft = current_draft(journey)
    config = Shape(draft.graph).nodes.get(node_id)
    if config is None or config.get("kind") not in FIELDS or config["kind"] == "split":
        raise Http404
    given = request.POST if request.method == "POST" else request.GET
    count = max(number_of(given, "count"), len(arms_of(config)), 2)
    context = {
        "journey": journey, "node": config, "words": spoken(words(config, known_facts()), {}), "count": count,
        "more": count + 1, "seen": draft.revision, "units": UNITS, "weekdays": WEEKDAYS,
    }  # fmt: skip
    if request.method != "POST":
        return render(request, "journeys/experiments/arms.html", {**context, "arms": shown_arms(config, count)})
    inputs = {name: [str(value) for value in request.POST.getlist(name)] for name in request.POST}
    said, problems = read_arms(config, count, inputs)
    with_arms = {name: value for name, value in config.items() if name != "arms"} | ({"arms": said} if said else {})
    problems = [*problems, *(f"{message}" for _, message in check_arms(with_arms))]
    if not problems:
        try:
            _write_arms(request, journey, node_id, with_arms)
            return HttpResponseRedirect(_of_journey(request, journey))
        except (StaleDraft, ops.OperationError, GraphError) as error:
            problems = [str(error)]
    again = {**context, "arms": shown_arms(config, count, inputs), "problems": problems}
    return render(request, "journeys/experiments/arms.html", again, status=422)


def _write_arms(request: StaffRequest, journey: Journey, node_id: str, config: dict[str, Any]) -> None:
    draft_change(
        journey=journey,
        seen=number_of(request.POST, "seen"),
        change=lambda graph: ops.edit(graph, node_id, config),
        words="edited: the arms of a step",
        actor=actor_of(request),
        user=request.user,
    )


@staff_page("journeys.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: StaffRequest, journey_id: UUID) -> HttpResponse:
    """Plan an experiment: on the step in `?node=`, or on the whole journey."""
    journey = journey_of(journey_id)
    given = request.POST if request.method == "POST" else request.GET
    node_id = given.get("node", "")[:40]
    if node_id and node_id not in Shape(current_draft(journey).graph).nodes:
        raise Http404
    context = _plan_context(journey, None) | {"node_id": node_id}
    if request.method != "POST":
        return render(
            request,
            "journeys/experiments/plan.html",
            context | {"given": plan_values(None, journey.name, currency=request.tenant.currency)},
        )
    try:
        made = experiment_create(
            journey=journey,
            node_id=node_id,
            plan=plan_of(_plain(request), currency=request.tenant.currency),
            actor=actor_of(request),
        )
    except ExperimentError as error:
        return render(
            request, "journeys/experiments/plan.html", context | {"given": given, "problem": error}, status=422
        )
    return HttpResponseRedirect(_of_experiment(request, made))


@staff_page("journeys.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: StaffRequest, journey_id: UUID, experiment_id: UUID) -> HttpResponse:
    """Change a plan that was not launched yet."""
    experiment = _experiment(journey_id, experiment_id)
    context = _plan_context(experiment.journey, experiment)
    if request.method != "POST":
        return render(
            request,
            "journeys/experiments/plan.html",
            context | {"given": plan_values(experiment, currency=request.tenant.currency)},
        )
    try:
        experiment_change(
            experiment=experiment,
            plan=plan_of(_plain(request), currency=request.tenant.currency),
            actor=actor_of(request),
        )
    except ExperimentError as error:
        again = context | {"given": request.POST, "problem": error}
        return render(request, "journeys/experiments/plan.html", again, status=422)
    return HttpResponseRedirect(_of_experiment(request, experiment))


def _plain(request: StaffRequest) -> dict[str, str]:
    return {name: str(request.POST.get(name, ""))[:500] for name in request.POST}


def _plan_context(journey: Journey, experiment: Experiment | None) -> dict[str, Any]:
    segments = [(f"segment:{key}", f"in “{name}” or not") for key, name in segment_names().items()]
    return {
        "journey": journey,
        "experiment": experiment,
        "measures": list(measures),
        "readings": Reading.choices,
        "strata": [("", "by hash alone"), ("tier", "plan tier"), ("mrr", "MRR, in four bands"), *segments],
    }


@staff_page("journeys.run")
@require_POST
def holdout(request: StaffRequest, journey_id: UUID) -> HttpResponse:
    """Set the share of accounts that a journey holds out."""
    journey = journey_of(journey_id)
    try:
        holdout_set(journey=journey, percent=number_of(request.POST, "percent"), actor=actor_of(request))
        flash.success(request, f"From the next entry on, {journey.holdout_percent}% of the accounts are held out.")
    except ExperimentError as error:
        flash.error(request, f"Nothing was changed: {error}.")
    return HttpResponseRedirect(_of_journey(request, journey))


@staff_page("journeys.run")
@require_POST
def act(request: StaffRequest, journey_id: UUID, experiment_id: UUID) -> HttpResponse:
    """Launch, end with a choice, or throw away a plan."""
    experiment = _experiment(journey_id, experiment_id)
    name, actor, back = request.POST.get("act", ""), actor_of(request), _of_experiment(request, experiment)
    try:
        if name == "launch":
            need = need_of(experiment)
            experiment_launch(experiment=experiment, planned=need.total if need else 0, actor=actor)
            flash.success(request, "It runs: accounts are assigned from now on.")
        elif name == "end":
            chosen = number_of(request.POST, "chosen")
            why = request.POST.get("why", "")
            experiment_end(experiment=experiment, chosen=chosen if chosen >= 0 else None, why=why, actor=actor)
        elif name == "remove" and experiment_remove(experiment=experiment, actor=actor):
            back = _of_journey(request, experiment.journey)
    except ExperimentError as error:
        flash.error(request, f"Nothing was done: {error}.")
    return HttpResponseRedirect(back)


# --- Reading out --------------------------------------------------------------------------------------------------


@staff_page("journeys.view")
@require_safe
def experiment_page(request: StaffRequest, journey_id: UUID, experiment_id: UUID) -> HttpResponse:
    """An experiment: its plan before the launch, then the check of the deal, and after it what may be said."""
    experiment = _experiment(journey_id, experiment_id)
    asked = request.GET.get("by", "")
    found = standing(experiment, measure=asked if asked in measures else "")
    context: dict[str, Any] = {
        "journey": experiment.journey,
        "experiment": experiment,
        "standing": found,
        "phases": list(experiment.phases.order_by("-number")),
        "others": [measure for measure in measures if not measure.argument or measure.optional],
        **_may(request),
    }
    if found.result is None:
        context |= {"need": need_of(experiment), "flaws": launch_flaws(experiment)}
    else:
        context |= _shown(found, request.tenant.currency)
    return render(request, "journeys/experiments/page.html", context)


def _shown(found: Standing, currency: str) -> dict[str, Any]:
    from journeys.experiments.words import shown_result, state_words

    assert found.result is not None
    assert found.phase is not None
    labels = [str(arm["label"]) for arm in found.phase.arms]
    title, text, tone = state_words(found.result, found.day)
    deal = zip(found.phase.arms, found.counts, found.mature, found.reached, strict=True)
    return {
        "labels": labels,
        "deal": [{**arm, "count": n, "mature": over, "reached": got} for arm, n, over, got in deal],
        "title": title,
        "text": text,
        "tone": tone,
        **shown_result(
            found.result,
            labels,
            found.measure.kind,
            found.experiment.power,
            currency if found.measure.money else "",
        ),
    }


def _experiment(journey_id: UUID, experiment_id: UUID) -> Experiment:
    rows = Experiment.objects.select_related("journey")
    found: Experiment = get_object_or_404(rows, pk=experiment_id, journey_id=journey_id)
    return found


def _of_journey(request: StaffRequest, journey: Journey) -> str:
    return address(request, "journey_experiments", journey)


def _of_experiment(request: StaffRequest, experiment: Experiment) -> str:
    told = {"tenant": request.tenant.slug, "journey_id": experiment.journey_id, "experiment_id": experiment.pk}
    return reverse("journeys:experiment", kwargs=told)
