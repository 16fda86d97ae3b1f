"""Pages of bulk edit: what to change, what will become of it, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from hub.accounts.attribute_values import AttributeValueError, plain, read
from hub.accounts.models import Account, AttributeDefinition, AttributeEntity
from hub.accounts.selectors import definitions
from hub.accounts.services import values_of
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.people.models import User
from hub.people.selectors import members
from hub.registry.lists import ticked
from hub.rules.language import RuleError
from hub.shell.account_list import AccountQuery, accounts_count, accounts_page, asked
from hub.shell.models import BulkEdit, BulkEditItem, ItemStatus
from hub.shell.services.bulk import MOST_CHOSEN, BulkError, bulk_cancel, bulk_start, bulk_undo

OWNER: Final = "owner"
SEGMENT: Final = "segment"
LONGEST_SEGMENT: Final = 100
SHOWN: Final = 20
EDITS_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class Choice:
    """A field of the form: whether it is to be changed, the value given, and what is wrong with it."""

    key: str
    title: str
    kind: str
    options: list[tuple[str, str]]
    chosen: bool
    given: str
    problem: str = ""
    value: Any = None


@dataclass(frozen=True, slots=True)
class Selection:
    """The accounts that are meant: some by id, or all that the list's address leaves."""

    ids: tuple[UUID, ...]
    query: dict[str, str] | None
    count: int
    sample: list[Account]


@staff_page("accounts.edit")
@require_safe
def bulk_new(request: StaffRequest) -> HttpResponse:
    """Choose what to change, and see what will become of it."""
    try:
        selection = _selection(request.GET)
    except RuleError as error:
        messages.error(request, f"The filter cannot be read, so nothing can be changed: {error}.")
        return redirect("accounts:list", tenant=request.tenant.slug)
    people = members(request.tenant)
    choices = _choices(request.GET, people)
    changes = {choice.key: choice.value for choice in choices if choice.chosen and not choice.problem}
    wrong = any(choice.problem for choice in choices)
    context = {
        "selection": selection,
        "choices": choices,
        "changes": changes if not wrong else {},
        "preview": _preview(selection, changes, choices, people) if changes and not wrong else [],
        "asked_for": "preview" in request.GET,
        "most": MOST_CHOSEN,
    }
    return render(request, "shell/bulk_new.html", context, status=422 if wrong else 200)


@staff_page("accounts.edit")
@require_POST
def bulk_begin(request: StaffRequest) -> HttpResponse:
    """Change them: a few at once, many by a worker."""
    choices = _choices(request.POST, members(request.tenant))
    try:
        if any(choice.problem for choice in choices):
            raise BulkError("a value cannot be read")
        everything = request.POST.get("all") == "1"
        edit = bulk_start(
            changes={choice.key: choice.value for choice in choices if choice.chosen},
            account_ids=() if everything else tuple(ticked(request.POST.getlist("account"), MOST_CHOSEN)),
            query=AccountQuery.read(_one_each(request.POST)).params() if everything else None,
            actor=actor_of(request),
            user=request.user,
        )
    except (BulkError, RuleError) as error:
        messages.error(request, f"Nothing was changed: {error}.")
        return redirect("accounts:list", tenant=request.tenant.slug)
    return redirect("accounts:bulk", tenant=request.tenant.slug, bulk_id=edit.pk)


@staff_page("accounts.view")
@require_safe
def bulk_list(request: StaffRequest) -> HttpResponse:
    """The latest changes of many accounts."""
    edits = BulkEdit.objects.select_related("asked_by").order_by("-pk")[:EDITS_SHOWN]
    titles = _titles()
    lines = [(edit, _in_words(edit.changes, titles)) for edit in edits]
    return render(request, "shell/bulk_list.html", {"lines": lines})


@staff_page("accounts.view")
@require_safe
def bulk_page(request: StaffRequest, bulk_id: UUID) -> HttpResponse:
    """How far a change is, what came of it, and taking it back."""
    edit = get_object_or_404(BulkEdit.objects.select_related("asked_by"), pk=bulk_id)
    items = BulkEditItem.objects.filter(edit=edit).exclude(status=ItemStatus.WAITING).select_related("account")
    people = {str(person.pk): str(person) for person in members(request.tenant)}
    titles = _titles()
    shown = items.order_by("status", "account_id")[: SHOWN + 1]
    context = {
        "edit": edit,
        "words": _in_words(edit.changes, titles, people),
        "items": [(item, _differences(item.before, item.after, titles, people)) for item in shown[:SHOWN]],
        "more": len(shown) > SHOWN,
    }
    return render(request, f"shell/bulk.html{'#state' if request.htmx else ''}", context)


@staff_page("accounts.edit")
@require_POST
def bulk_stop(request: StaffRequest, bulk_id: UUID) -> HttpResponse:
    edit = get_object_or_404(BulkEdit, pk=bulk_id)
    if bulk_cancel(edit=edit, actor=actor_of(request)):
        messages.success(request, "Stopped. What is changed by now stays, and can be undone.")
    else:
        messages.info(request, "It had ended already; nothing was stopped.")
    return redirect("accounts:bulk", tenant=request.tenant.slug, bulk_id=edit.pk)


@staff_page("accounts.edit")
@require_POST
def bulk_back(request: StaffRequest, bulk_id: UUID) -> HttpResponse:
    edit = get_object_or_404(BulkEdit, pk=bulk_id)
    if not bulk_undo(edit=edit, actor=actor_of(request)):
        messages.info(request, "There is nothing to undo.")
    return redirect("accounts:bulk", tenant=request.tenant.slug, bulk_id=edit.pk)


# --- Reading the form ---------------------------------------------------------------------------------------------


def _one_each(given: QueryDict) -> dict[str, str]:
    # The owner's own field of the form has another name.
    return {name: str(given.get(name, "")) for name in given}


def _selection(given: QueryDict) -> Selection:
    if given.get("all") == "1":
        query = AccountQuery.read(_one_each(given))
        wanted = asked(query)
        ids = [row.id for row in accounts_page(wanted, size=SHOWN).rows]
        return Selection((), query.params(), accounts_count(wanted), _accounts(ids))
    there = _accounts(tuple(ticked(given.getlist("account"), MOST_CHOSEN)))
    return Selection(tuple(row.pk for row in there), None, len(there), there[:SHOWN])


def _accounts(ids: Any) -> list[Account]:
    return list(Account.objects.filter(pk__in=list(ids)).order_by("name", "pk"))


def _choices(given: QueryDict, people: list[User]) -> list[Choice]:
    """The fields that can be changed, as they were filled in: ``set`` names those chosen, ``to.<key>`` their values."""
    chosen = set(given.getlist("set"))
    found = [_owner_choice(given.get(f"to.{OWNER}", ""), OWNER in chosen, people)]
    found.append(_segment_choice(given.get(f"to.{SEGMENT}", "").strip()[:500], SEGMENT in chosen))
    for row in definitions(AttributeEntity.ACCOUNT):
        key = f"attribute.{row.key}"
        found.append(_attribute_choice(row, key, given.get(f"to.{key}", "")[:500], key in chosen))
    return found


def _owner_choice(given: str, chosen: bool, people: list[User]) -> Choice:
    options = [("", "Nobody"), *((str(person.pk), str(person)) for person in people)]
    problem = "" if given in dict(options) else "this is nobody who works here"
    return Choice(OWNER, "Owner", "choice", options, chosen, given, problem if chosen else "", given or None)


def _segment_choice(given: str, chosen: bool) -> Choice:
    problem = ""
    if len(given) > LONGEST_SEGMENT:
        problem = f"a segment's name has {LONGEST_SEGMENT} characters at most"
    elif "\x00" in given:
        problem = "this is no text"
    return Choice(SEGMENT, "Segment", "text", [], chosen, given, problem if chosen else "", given or None)


def _attribute_choice(row: AttributeDefinition, key: str, given: str, chosen: bool) -> Choice:
    options = [("", "Take it away")]
    if row.kind == "boolean":
        options += [("yes", "Yes"), ("no", "No")]
    elif row.kind == "choice":
        options += [(choice, choice) for choice in row.choices]
    else:
        options = []
    kind = "choice" if options else row.kind
    try:
        value, problem = plain(read(row.kind, given, row.choices)), ""
    except AttributeValueError as error:
        value, problem = None, str(error)
    return Choice(key, row.label, kind, options, chosen, given, problem if chosen else "", value)


# --- Words --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Difference:
    """A field of an account before and after, for people."""

    title: str
    before: str
    after: str

    @property
    def is_change(self) -> bool:
        return self.before != self.after


def _titles() -> dict[str, str]:
    rows = definitions(AttributeEntity.ACCOUNT, archived=True)
    return {OWNER: "Owner", SEGMENT: "Segment"} | {f"attribute.{row.key}": row.label for row in rows}


def _preview(
    selection: Selection, changes: Mapping[str, Any], choices: list[Choice], people: list[User]
) -> list[tuple[Account, list[Difference]]]:
    titles = {choice.key: choice.title for choice in choices}
    names = {str(person.pk): str(person) for person in people}
    return [
        (account, _differences(values_of(account, changes), changes, titles, names)) for account in selection.sample
    ]


def _differences(
    before: Mapping[str, Any], after: Mapping[str, Any], titles: Mapping[str, str], people: Mapping[str, str]
) -> list[Difference]:
    return [
        Difference(titles.get(key, key), _shown(key, before.get(key), people), _shown(key, after[key], people))
        for key in after
    ]


def _shown(key: str, value: Any, people: Mapping[str, str]) -> str:
    if key == OWNER:
        return people.get(str(value), "somebody who left") if value else "nobody"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "nothing" if value in (None, "") else str(value)


def _in_words(changes: Mapping[str, Any], titles: Mapping[str, str], people: Mapping[str, str] | None = None) -> str:
    if people is None:
        return ", ".join(titles.get(key, key) for key in changes)
    return ", ".join(f"{titles.get(key, key)} → {_shown(key, value, people)}" for key, value in changes.items())
