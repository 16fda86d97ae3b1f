"""Set-up › Prediction: the models, a model's card, and training, publishing and taking back."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.shell.paging import cursor_values, page_of
from signals.prediction.models import Kind, PredictionModel, Target
from signals.prediction.page import TONES, WORDS, card_context
from signals.prediction.services import PredictionError, model_cancel, model_publish, model_retire, model_train

PAGE_SIZE = 50


@staff_page("signals.view")
@require_safe
def model_list(request: StaffRequest) -> HttpResponse:
    """Every model, newest first, and what is published."""
    rows = PredictionModel.objects.defer("parameters", "validation", "features", "seen").order_by("-pk")
    if start := cursor_values(request.GET.get("cursor", ""), UUID):
        rows = rows.filter(pk__lt=start[0])
    page = page_of(list(rows[: PAGE_SIZE + 1]), PAGE_SIZE, lambda row: (row.pk,))
    standing = {row.kind: row for row in PredictionModel.objects.filter(is_published=True).only("kind", "target")}
    context = {
        "lines": [(row, WORDS[Target(row.target)], TONES.get(row.status, "info")) for row in page.rows],
        "next_cursor": page.next_cursor,
        "targets": [(target.value, words) for target, words in WORDS.items()],
        "kinds": [(kind.label, standing.get(kind)) for kind in Kind],
    }
    return render(request, "signals/prediction/models.html", context)


@staff_page("signals.view")
@require_safe
def model_card(request: StaffRequest, model_id: UUID) -> HttpResponse:
    """What a model reads, how it was tested, and what came of it."""
    model = get_object_or_404(PredictionModel.objects.defer("parameters", "seen"), pk=model_id)
    name = "signals/prediction/model.html" + ("#state" if request.htmx and model.is_unfinished else "")
    response = render(request, name, card_context(model))
    if request.htmx and not model.is_unfinished:
        response["HX-Refresh"] = "true"
    return response


@staff_page("health.edit")
@require_POST
def start(request: StaffRequest) -> HttpResponse:
    try:
        model = model_train(target=request.POST.get("target", ""), actor=actor_of(request))
    except PredictionError as error:
        messages.error(request, f"Nothing was started: {error}.")
        return redirect("prediction:models", tenant=request.tenant.slug)
    return redirect("prediction:model", tenant=request.tenant.slug, model_id=model.pk)


@staff_page("health.edit")
@require_POST
def cancel(request: StaffRequest, model_id: UUID) -> HttpResponse:
    model = get_object_or_404(PredictionModel, pk=model_id)
    if model_cancel(model=model, actor=actor_of(request)):
        messages.success(request, "Cancelled. Nothing of it is kept.")
    else:
        messages.info(request, "It had ended already; nothing was changed.")
    return _card(request, model)


@staff_page("health.edit")
@require_POST
def publish(request: StaffRequest, model_id: UUID) -> HttpResponse:
    model = get_object_or_404(PredictionModel, pk=model_id)
    try:
        model_publish(model=model, user=request.user, actor=actor_of(request))
        messages.success(request, "It is published. Accounts are predicted in the background, and every day anew.")
    except PredictionError as error:
        messages.error(request, f"Nothing was published: {error}.")
    return _card(request, model)


@staff_page("health.edit")
@require_POST
def retire(request: StaffRequest, model_id: UUID) -> HttpResponse:
    model = get_object_or_404(PredictionModel, pk=model_id)
    if model_retire(model=model, actor=actor_of(request)):
        messages.success(request, "Taken back. No account shows its predictions any more.")
    else:
        messages.info(request, "It was not published; nothing was changed.")
    return _card(request, model)


def _card(request: StaffRequest, model: PredictionModel) -> HttpResponse:
    return redirect("prediction:model", tenant=request.tenant.slug, model_id=model.pk)
