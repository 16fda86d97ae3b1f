"""Set-up of the stages, and what people set of an account's stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.accounts.facts import today_of
from hub.accounts.models import Account, LifecycleStage
from hub.people.answers import go_back
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.registry.facts import known_facts
from hub.rules.explain import sentence
from hub.rules.language import RuleError, parse_stored
from hub.shell.rule_form import Draft, Read, acted, builder_context, draft_of, read_draft, typed
from signals.stages import services
from signals.stages.flags import TITLES, flags_of
from signals.stages.page import list_context, preview_context
from signals.stages.rules import StageRule, Stages, checked, current_stages

BUTTONS: Final = ("add", "remove", "remove_group", "look", "count")
STALE: Final = "Somebody else has published rules since you opened the page. Nothing was changed; look at them first."


@staff_page("signals.view")
@require_safe
def rules(request: StaffRequest) -> HttpResponse:
    """The rules of the stages in their order, with how many accounts each of them holds for."""
    return render(request, "signals/stages/list.html", list_context(request.tenant))


# --- One rule in the form of rules --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Form:
    """The page of one rule; ``place`` is None for a new one, which comes first."""

    request: StaffRequest
    stages: Stages
    place: int | None

    @property
    def rule(self) -> StageRule | None:
        return None if self.place is None else self.stages.rules[self.place]

    def rows(self, stage: str, tree: Any) -> list[dict[str, Any]]:
        """Every rule as stored, with this one as it is in the form."""
        stored, mine = self.stages.stored(), {"stage": stage, "rule": tree}
        if self.place is None:
            return [mine, *stored]
        return [*stored[: self.place], mine, *stored[self.place + 1 :]]

    def page(self, draft: Draft, *, status: int = 200, **extra: Any) -> HttpResponse:
        given = self.request.POST
        context = {
            "place": self.place,
            "rule": self.rule,
            "stage": given.get("stage") or (self.rule.stage.value if self.rule else LifecycleStage.ADOPTION.value),
            "note": given.get("note", ""),
            "choices": LifecycleStage.choices,
            "seen": given.get("seen") or self.stages.number,
            **builder_context(draft, self.request.tenant),
            **extra,
        }
        return render(self.request, "signals/stages/rule.html", context, status=status)


@staff_page("stages.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def rule_new(request: StaffRequest) -> HttpResponse:
    """A further rule, asked before all others."""
    form = _Form(request, current_stages(), None)
    return _sent(form) if request.method == "POST" else form.page(Draft())


@staff_page("stages.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def rule_edit(request: StaffRequest, position: int) -> HttpResponse:
    """A rule of a stage in a form; the last one, for all accounts that are left, has no condition to edit."""
    stages = current_stages()
    if position >= len(stages.rules) - 1:
        raise Http404
    form = _Form(request, stages, position)
    if request.method == "POST":
        return _sent(form)
    node = stages.rules[position].node
    draft = draft_of(node, request.tenant)
    if draft is None or request.GET.get("as") == "json":
        return form.page(Draft(text=_as_text(stages.rules[position].tree)), sentence=sentence(node))
    return form.page(draft)


def _as_text(tree: Any) -> str:
    return Read(Draft(), dict(tree)).text


def _sent(form: _Form) -> HttpResponse:
    request = form.request
    draft = acted(typed(request.POST), request.POST)
    if any(name in request.POST for name in BUTTONS):
        extra = _previewed(form, read_draft(draft, request.tenant)) if "count" in request.POST else {}
        return form.page(draft, **extra)
    read = read_draft(draft, request.tenant)
    if read.tree is None:
        unsaid = replace(read.draft, problem=read.draft.problem or "choose at least one condition")
        return form.page(read.draft if read.draft.wrong else unsaid, status=422)
    stored = form.rows(request.POST.get("stage", ""), read.tree)
    try:
        _publish(request, stored, form.stages, confirmed=request.POST.get("confirm") == read.text)
    except RuleError as error:
        told = "; ".join(problem.message for problem in error.problems)
        return form.page(replace(read.draft, problem=told), status=422)
    except services.StageError as error:
        return form.page(read.draft, status=422, problem=str(error))
    except services.StaleError:
        return form.page(read.draft, status=409, stale=True)
    except services.WideError as error:
        return form.page(read.draft, status=409, wide=error.preview, confirm=read.text, is_wide=True)
    return _done(request)


def _publish(request: StaffRequest, stored: Sequence[Any], stages: Stages, *, confirmed: bool, note: str = "") -> None:
    services.stages_publish(
        rules=list(stored),
        note=note or request.POST.get("note", ""),
        seen=_number(request.POST.get("seen", ""), -1),
        user=request.user,
        actor=actor_of(request),
        confirmed=confirmed,
    )


def _done(request: StaffRequest) -> HttpResponse:
    messages.success(request, "The rules are published. Stages follow in the background; nothing fires for that.")
    return HttpResponseRedirect(_url(request))


@staff_page("stages.edit")
@require_POST
def rule_try(request: StaffRequest) -> HttpResponse:
    """Whom the rule in the form would move; changes nothing."""
    stages = current_stages()
    place = _number(request.POST.get("place", ""), -1)
    form = _Form(request, stages, place if 0 <= place < len(stages.rules) - 1 else None)
    read = read_draft(typed(request.POST), request.tenant)
    return render(request, "signals/stages/_preview.html", _previewed(form, read))


def _previewed(form: _Form, read: Read) -> dict[str, Any]:
    if read.tree is None:
        return {"wrong": read.draft.wrong}
    try:
        found = checked(form.rows(form.request.POST.get("stage", ""), read.tree))
    except RuleError as error:
        return {"refused": "; ".join(problem.message for problem in error.problems)}
    place = form.place or 0
    context = preview_context(replace(form.stages, rules=found), form.request.tenant)
    counted = context["preview"]
    label = found[place].stage.label
    return context | {"stage_label": label, "own": counted.places.get(place, 0) if counted else 0}


# --- The flags beside the stage -----------------------------------------------------------------------------------


@staff_page("stages.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def flag(request: StaffRequest, key: str) -> HttpResponse:
    """The rule of a flag in a form; another one is part of the next version."""
    stages = current_stages()
    tree = flags_of(stages.flags)[key]
    if request.method == "POST":
        return _flag_sent(request, stages, key)
    node = parse_stored(tree, known_facts())
    draft = draft_of(node, request.tenant) if node is not None else None
    if draft is None or request.GET.get("as") == "json":
        return _flag_page(request, stages, key, Draft(text=_as_text(tree)))
    return _flag_page(request, stages, key, draft)


def _flag_sent(request: StaffRequest, stages: Stages, key: str) -> HttpResponse:
    draft = acted(typed(request.POST), request.POST)
    if any(name in request.POST for name in BUTTONS):
        return _flag_page(request, stages, key, draft)
    read = read_draft(draft, request.tenant)
    if read.tree is None:
        unsaid = replace(read.draft, problem=read.draft.problem or "choose at least one condition")
        return _flag_page(request, stages, key, read.draft if read.draft.wrong else unsaid, status=422)
    try:
        services.stages_publish(
            rules=stages.stored(),
            flags={**flags_of(stages.flags), key: read.tree},
            note=request.POST.get("note", ""),
            seen=_number(request.POST.get("seen", ""), -1),
            user=request.user,
            actor=actor_of(request),
        )
    except RuleError as error:
        told = "; ".join(problem.message for problem in error.problems)
        return _flag_page(request, stages, key, replace(read.draft, problem=told), status=422)
    except services.StageError as error:
        return _flag_page(request, stages, key, read.draft, status=422, problem=str(error))
    except (services.StaleError, services.WideError):
        return _flag_page(request, stages, key, read.draft, status=409, stale=True)
    return _done(request)


def _flag_page(
    request: StaffRequest, stages: Stages, key: str, draft: Draft, *, status: int = 200, **extra: Any
) -> HttpResponse:
    context = {
        "title": TITLES[key],
        "note": request.POST.get("note", ""),
        "seen": request.POST.get("seen") or stages.number,
        **builder_context(draft, request.tenant),
        **extra,
    }
    return render(request, "signals/stages/flag.html", context, status=status)


# --- Their order, their figures, their versions -------------------------------------------------------------------


@staff_page("stages.edit")
@require_POST
def change(request: StaffRequest) -> HttpResponse:
    """Move a rule, take it away, give rules other figures, or take a version back, as the next version."""
    stages = current_stages()
    do, _, given = request.POST.get("do", "").partition(":")
    act = _CHANGES.get(do)
    if act is None:
        messages.error(request, "Nothing was changed: say what to do.")
        return HttpResponseRedirect(_url(request))
    try:
        act(request, stages, _number(given, -1))
    except (services.StageError, RuleError) as error:
        messages.error(request, f"Nothing was changed: {error}.")
    except services.StaleError:
        messages.error(request, STALE)
    except services.WideError as error:
        context = {"wide": error.preview, "fields": request.POST.items(), "action": request.path}
        return render(request, "signals/stages/confirm.html", context, status=409)
    else:
        return _done(request)
    return HttpResponseRedirect(_url(request))


def _moved(request: StaffRequest, stages: Stages, place: int, step: int) -> None:
    rows, other = stages.stored(), place + step
    last = len(rows) - 1
    if not (0 <= place < last and 0 <= other < last):
        raise services.StageError("there is no such rule to move; the last one stays last")
    rows[place], rows[other] = rows[other], rows[place]
    label = stages.rules[place].stage.label
    _kept(request, rows, stages, f"{label} is asked {'earlier' if step < 0 else 'later'}")


def _removed(request: StaffRequest, stages: Stages, place: int) -> None:
    rows = stages.stored()
    if not 0 <= place < len(rows) - 1:
        raise services.StageError("there is no such rule to take away; the last one stays")
    _kept(request, [row for at, row in enumerate(rows) if at != place], stages,
          f"The rule for {stages.rules[place].stage.label} is taken away")  # fmt: skip


def _figures(request: StaffRequest, stages: Stages, place: int) -> None:
    rows, told = stages.stored(), []
    for at, rule in enumerate(stages.rules):
        text = request.POST.get(f"figure-{at}", "").strip()
        if rule.figure is None or not text or text == str(rule.figure):
            continue
        figure = _number(text, -1)
        if figure < 0:
            raise services.StageError(f"the figure of {rule.stage.label} is a whole number")
        rows[at] = rule.with_figure(figure)
        told.append(f"{rule.stage.label}: {rule.figure} → {figure}")
    if not told:
        raise services.StageError("every figure is as it was")
    _kept(request, rows, stages, "; ".join(told))


def _kept(request: StaffRequest, rows: Sequence[Any], stages: Stages, note: str) -> None:
    _publish(request, rows, stages, confirmed="confirm" in request.POST, note=note)


def _restored(request: StaffRequest, stages: Stages, number: int) -> None:
    services.stages_restore(
        number=number,
        seen=_number(request.POST.get("seen", ""), -1),
        user=request.user,
        actor=actor_of(request),
        confirmed="confirm" in request.POST,
    )


_CHANGES: Final[dict[str, Callable[[StaffRequest, Stages, int], None]]] = {
    "up": lambda request, stages, place: _moved(request, stages, place, -1),
    "down": lambda request, stages, place: _moved(request, stages, place, 1),
    "remove": _removed,
    "figures": _figures,
    "restore": _restored,
}


# --- By hand ------------------------------------------------------------------------------------------------------


@staff_page("stages.set")
@require_POST
def override(request: StaffRequest, account_id: UUID) -> HttpResponse:
    """Set the stage against the rules, for a reason and some days."""
    account = get_object_or_404(Account, pk=account_id)
    given, today = request.POST, today_of(request.tenant)
    try:
        days = _number(given.get("days", ""), -1)
        if days < 0:
            raise services.StageError("how many days it counts is a whole number")
        row = services.stage_override_set(
            account=account,
            stage=given.get("stage", ""),
            reason=given.get("reason", ""),
            until=today + timedelta(days=days),
            today=today,
            user=request.user,
            actor=actor_of(request),
        )
    except services.StageError as error:
        messages.error(request, f"Nothing was changed: {error}.")
    else:
        messages.success(request, f"The stage is {row.get_stage_display()} until {row.until.isoformat()}.")
    return _to_account(request, account)


@staff_page("stages.set")
@require_POST
def override_end(request: StaffRequest, account_id: UUID) -> HttpResponse:
    """Let the rules say the stage again."""
    account = get_object_or_404(Account, pk=account_id)
    if services.stage_override_end(account=account, actor=actor_of(request)):
        messages.success(request, "The rules say the stage again, within seconds.")
    return _to_account(request, account)


def _number(text: str, otherwise: int) -> int:
    words = text.strip()
    return int(words) if words.isascii() and words.isdecimal() and len(words) < 7 else otherwise


def _url(request: StaffRequest) -> str:
    return reverse("stages:list", kwargs={"tenant": request.tenant.slug})


def _to_account(request: StaffRequest, account: Account) -> HttpResponse:
    page = reverse("accounts:page", kwargs={"tenant": request.tenant.slug, "account_id": account.pk})
    return go_back(request, f"{page}#stage")
