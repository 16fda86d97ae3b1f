"""Pages of provenance: which source wins, the conflict log, and fields set by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.accounts import services
from hub.accounts.conflicts import PAGE, Asked, conflicts_page, names_of, pairs
from hub.accounts.forms import AccountFieldsForm, SourceRuleForm
from hub.accounts.models import (
    Account,
    AttributeEntity,
    ConflictState,
    DecisionDue,
    FieldConflict,
    SourceRule,
)
from hub.accounts.services.provenance import in_words
from hub.accounts.services.winning import fields_known, rule_checked, sources_known
from hub.accounts.titles import field_title
from hub.accounts.words import HAND
from hub.people.answers import go_back
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.registry.lists import with_views

RUNS_SHOWN = 5


def _act(request: StaffRequest, back: str, act: Callable[[], str]) -> HttpResponse:
    """Do it and say what it did; a refusal changed nothing."""
    try:
        messages.success(request, act())
    except ValueError as error:
        messages.error(request, f"Nothing was changed: {error}.")
    return go_back(request, back)


# --- Which source wins --------------------------------------------------------------------------------------------


@staff_page("record.view")
@require_safe
def winning(request: StaffRequest) -> HttpResponse:
    """The rules, and what a rule that is being written would change."""
    form = SourceRuleForm(request.GET) if "kind" in request.GET else SourceRuleForm()
    return _winning(request, form)


def _winning(request: StaffRequest, form: SourceRuleForm, status: int = 200) -> HttpResponse:
    preview = None
    if form.is_bound and form.is_valid() and status == 200:
        try:
            rule = rule_checked(**form.rule_values())
            preview = services.source_rule_preview(
                entity=form.cleaned_data["entity"], field=form.cleaned_data["field"], rule=rule
            )
        except services.WinningError as error:
            form.add_error(None, f"This rule cannot be: {error}.")
    rules = [(rule, in_words(rule.rule)) for rule in SourceRule.objects.order_by("entity", "field")]
    context = {
        "form": form,
        "preview": preview,
        "rules": rules,
        "runs": list(DecisionDue.objects.order_by("-asked_at")[:RUNS_SHOWN]),
        "fields": [(title, _fields(entity)) for entity, title in AttributeEntity.choices],
        "sources": [*sources_known(), HAND],
    }
    return render(request, "accounts/winning.html", context, status=422 if form.errors else status)


def _fields(entity: str) -> list[tuple[str, str]]:
    return [(name, field_title(name)) for name in fields_known(entity)]


@staff_page("record.edit")
@require_POST
def winning_set(request: StaffRequest) -> HttpResponse:
    """Make a rule, or change it."""
    form = SourceRuleForm(request.POST)
    if form.is_valid():
        try:
            services.source_rule_set(**form.rule_values(), actor=actor_of(request))
        except services.WinningError as error:
            form.add_error(None, f"Nothing was changed: {error}.")
        else:
            messages.success(request, "The rule is kept. What is stored follows within seconds.")
            return go_back(request, _winning_url(request))
    return _winning(request, form, 422)


@staff_page("record.edit")
@require_POST
def winning_remove(request: StaffRequest, source_rule_id: UUID) -> HttpResponse:
    rule = get_object_or_404(SourceRule, pk=source_rule_id)

    def act() -> str:
        services.source_rule_remove(rule=rule, actor=actor_of(request))
        return "The rule is gone. What is stored follows within seconds."

    return _act(request, _winning_url(request), act)


@staff_page("record.edit")
@require_POST
def withdraw(request: StaffRequest) -> HttpResponse:
    """Forget what a source said."""
    source = request.POST.get("source", "")[:80]

    def act() -> str:
        services.source_withdraw(source=source, actor=actor_of(request))
        return f"What {source} said is being taken out, in the background."

    return _act(request, _winning_url(request), act)


def _winning_url(request: StaffRequest) -> str:
    return reverse("record:winning", kwargs={"tenant": request.tenant.slug})


# --- Conflicts ----------------------------------------------------------------------------------------------------


@staff_page("accounts.view")
@require_safe
@with_views("conflicts")
def conflicts(request: StaffRequest) -> HttpResponse:
    """Where two sources say different things."""
    asked = Asked.read(request.GET)
    rows = conflicts_page(asked, after=request.GET.get("cursor", ""))
    names = names_of(rows[:PAGE])
    context = {
        "asked": asked,
        "rows": [
            (row, *(_named(names, value) for value in (row.winner_value, row.other_value))) for row in rows[:PAGE]
        ],
        "next_cursor": str(rows[PAGE - 1].pk) if len(rows) > PAGE else None,
        "pairs": pairs(),
        "states": ConflictState.choices,
    }
    return render(request, "accounts/conflicts.html", context)


def _named(names: Mapping[str, str], value: Any) -> Any:
    return names.get(value, value) if isinstance(value, str) else value


@staff_page("accounts.edit")
@require_POST
def conflict_keep(request: StaffRequest, conflict_id: UUID) -> HttpResponse:
    """Keep one of the two values, as a person's word."""
    conflict = get_object_or_404(FieldConflict.objects.select_related("account", "contact"), pk=conflict_id)

    def act() -> str:
        lost = services.conflict_keep(conflict=conflict, source=request.POST.get("source", ""), actor=actor_of(request))
        return "Your choice is noted, but a rule gives this field to a source." if lost else "It is kept as you say."

    return _act(request, _conflicts_url(request), act)


@staff_page("record.edit")
@require_POST
def conflict_let_win(request: StaffRequest, conflict_id: UUID) -> HttpResponse:
    """Make the rule that one of the two sources wins for the field."""
    conflict = get_object_or_404(FieldConflict, pk=conflict_id)
    source = request.POST.get("source", "")

    def act() -> str:
        services.conflict_let_win(conflict=conflict, source=source, actor=actor_of(request))
        return f"{source} comes first for {field_title(conflict.field).lower()} from now on."

    return _act(request, _conflicts_url(request), act)


def _conflicts_url(request: StaffRequest) -> str:
    return reverse("record:conflicts", kwargs={"tenant": request.tenant.slug})


# --- By hand ------------------------------------------------------------------------------------------------------


@staff_page("accounts.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def account_fields(request: StaffRequest, account_id: UUID) -> HttpResponse:
    """The fields of an account, to be set by hand; only those that were changed become a person's word."""
    account = get_object_or_404(Account, pk=account_id)
    initial = {name: getattr(account, name) for name in AccountFieldsForm.base_fields}
    form = AccountFieldsForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        values: dict[str, Any] = {name: form.cleaned_data[name] for name in form.changed_data}
        back = reverse("accounts:page", kwargs={"tenant": request.tenant.slug, "account_id": account.pk})
        if not values:
            messages.info(request, "Nothing was different.")
            return go_back(request, back)
        try:
            lost = services.fields_set_by_hand(row=account, values=values, actor=actor_of(request))
        except services.WinningError as error:
            form.add_error(None, f"Nothing was changed: {error}.")
        else:
            named = ", ".join(field_title(name).lower() for name in lost)
            messages.success(request, f"Stored. A rule gives {named} to a source." if lost else "Stored, as your word.")
            return go_back(request, back)
    context = {"account": account, "form": form}
    return render(request, "accounts/fields.html", context, status=422 if form.errors else 200)
