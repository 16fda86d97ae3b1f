"""Pages of the record: attributes and roll-up, an account's place in the tree, a person across accounts."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.accounts import services
from hub.accounts.attribute_values import AttributeValueError, read
from hub.accounts.forms import AttributeChangeForm, AttributeForm, LeftForm, RolesForm, RollupForm, attribute_initial
from hub.accounts.models import Account, AttributeDefinition, AttributeValue, Contact, ContactRole, Person, PersonEvent
from hub.accounts.selectors import (
    Shown,
    account_attributes,
    attribute_history,
    definitions,
    people_alike,
    person_contacts,
    person_history,
)
from hub.accounts.services.hierarchy import ROLLUPS
from hub.accounts.words import HAND
from hub.people.answers import go_back
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.people.permissions import allowed
from hub.registry.panels import contact_panels


def _tell(request: StaffRequest, back: str, done: str, act: Callable[[], object]) -> HttpResponse:
    """Do it, say what came of it, and go back; a refusal of the service changed nothing."""
    try:
        act()
    except ValueError as error:
        messages.error(request, f"Nothing was changed: {error}.")
    else:
        messages.success(request, done)
    return go_back(request, back)


# --- Set-up -------------------------------------------------------------------------------------------------------


@staff_page("record.view")
@require_safe
def attributes(request: StaffRequest) -> HttpResponse:
    """The fields that the tenant has added to accounts and contacts."""
    return _attributes(request, AttributeForm())


def _attributes(request: StaffRequest, form: AttributeForm, status: int = 200) -> HttpResponse:
    context = {
        "definitions": definitions(archived=True),
        "form": form,
        "rule": services.rollup_rule(request.tenant),
        "rollups": ROLLUPS,
    }
    return render(request, "accounts/attributes.html", context, status=status)


@staff_page("record.edit")
@require_POST
def attribute_add(request: StaffRequest) -> HttpResponse:
    """Add a field."""
    form = AttributeForm(request.POST)
    if form.is_valid():
        try:
            services.attribute_define(**form.cleaned_data, actor=actor_of(request))
        except services.AttributeDefinitionError as error:
            form.add_error(None, f"Nothing was added: {error}.")
        else:
            messages.success(request, f"“{form.cleaned_data['label']}” is there.")
            return go_back(request, _set_up_url(request))
    return _attributes(request, form, 422)


@staff_page("record.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def attribute(request: StaffRequest, attribute_id: UUID) -> HttpResponse:
    """One field: rename it, change its choices, put it away."""
    definition = get_object_or_404(AttributeDefinition, pk=attribute_id)
    form = AttributeChangeForm(
        request.POST if request.method == "POST" else None, initial=attribute_initial(definition)
    )
    if request.method == "POST" and form.is_valid():
        try:
            services.attribute_change(definition=definition, **form.cleaned_data, actor=actor_of(request))
        except services.AttributeDefinitionError as error:
            form.add_error(None, f"Nothing was changed: {error}.")
        else:
            messages.success(request, f"“{definition.label}” is changed.")
            return go_back(request, _set_up_url(request))
    used = AttributeValue.objects.filter(definition=definition).count()
    context = {"definition": definition, "form": form, "used": used}
    return render(request, "accounts/attribute.html", context, status=422 if form.errors else 200)


@staff_page("record.edit")
@require_POST
def rollup(request: StaffRequest) -> HttpResponse:
    """Say which figures roll up."""
    form = RollupForm(request.POST)
    figures = form.cleaned_data["figures"] if form.is_valid() else []

    def act() -> None:
        if form.errors:
            raise ValueError("the form named a figure that nobody knows")
        services.rollup_rule_set(tenant=request.tenant, figures=figures, actor=actor_of(request))

    return _tell(request, _set_up_url(request), "Accounts with others below are counted anew in the background.", act)


def _set_up_url(request: StaffRequest) -> str:
    return reverse("record:attributes", kwargs={"tenant": request.tenant.slug})


# --- An account ---------------------------------------------------------------------------------------------------


@staff_page("accounts.edit")
@require_POST
def parent(request: StaffRequest, account_id: UUID) -> HttpResponse:
    """Put the account below the one whose name or id is given; nothing puts it on top."""
    account = get_object_or_404(Account, pk=account_id)
    named = request.POST.get("parent", "").strip()[:200]

    def act() -> None:
        above = _account_named(named) if named else None
        services.account_parent_say(account=account, parent=above, actor=actor_of(request))

    return _tell(request, _account_url(request, account.pk, "family"), "The account has its place.", act)


def _account_named(text: str) -> Account:
    try:
        found: list[Account] = list(Account.objects.filter(pk=UUID(text)))
    except ValueError:
        found = list(Account.objects.filter(name=text)[:2])
    if not found:
        raise ValueError(f"there is no account called “{text}”: write its name as it stands in the list")
    if len(found) > 1:
        raise ValueError(f"several accounts are called “{text}”: give the id, which is the last part of its address")
    return found[0]


@staff_page("accounts.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def account_values(request: StaffRequest, account_id: UUID) -> HttpResponse:
    """The attributes of an account, to be changed, with their history."""
    account = get_object_or_404(Account, pk=account_id)
    shown = account_attributes(account.pk)
    problems: dict[str, str] = {}
    if request.method == "POST":
        # What stayed as it was is nobody's new word.
        given = {
            row.definition.key: request.POST[row.definition.key]
            for row in shown
            if row.definition.key in request.POST and _differs(row, request.POST[row.definition.key])
        }
        try:
            services.attributes_set(account=account, values=given, source=HAND, actor=actor_of(request))
        except services.AttributesError as error:
            problems = error.problems
        else:
            messages.success(request, "The attributes are stored.")
            return go_back(request, _account_url(request, account.pk, "attributes"))
    rows = [(row, request.POST.get(row.definition.key), problems.get(row.definition.key, "")) for row in shown]
    context = {"account": account, "rows": rows, "history": attribute_history(account.pk), "problems": problems}
    return render(request, "accounts/values.html", context, status=422 if problems else 200)


def _differs(row: Shown, text: str) -> bool:
    try:
        given = read(row.definition.kind, text, row.definition.choices)
    except AttributeValueError:
        return True
    return given != (row.value.value if row.value else None)


def _account_url(request: StaffRequest, account_id: UUID, part: str = "") -> str:
    page = reverse("accounts:page", kwargs={"tenant": request.tenant.slug, "account_id": account_id})
    return f"{page}#{part}" if part else page


# --- People -------------------------------------------------------------------------------------------------------


@staff_page("accounts.view")
@require_safe
def contact(request: StaffRequest, contact_id: UUID) -> HttpResponse:
    """The page of the person that a contact is."""
    row = get_object_or_404(Contact, pk=contact_id)
    if row.person_id is None:
        # A contact of the last seconds, whose account has not been evaluated yet.
        services.people_link([row.account_id])
        row.refresh_from_db(fields=["person"])
    return redirect("record:person", tenant=request.tenant.slug, person_id=row.person_id)


@staff_page("accounts.view")
@require_safe
def person(request: StaffRequest, person_id: UUID) -> HttpResponse:
    """Somebody, at every account where they are a contact; merges and splits with their undo."""
    row = get_object_or_404(Person, pk=person_id)
    contacts = person_contacts(row)
    history = person_history(row)
    context = {
        "person": row,
        "contacts": contacts,
        "panels": [(contact, _panels_of(request, contact)) for contact in contacts],
        "name": next((str(contact) for contact in contacts if contact.name), "") or _address_of(row),
        "roles": ContactRole.choices,
        "addresses": list(row.addresses.order_by("email").values_list("email", flat=True)),
        "history": history,
        "alike": people_alike(row),
        "now_at": next((e.person_id for e in history if e.other_id == row.pk and not e.undone_at), None),
    }
    return render(request, "accounts/person.html", context)


def _panels_of(request: StaffRequest, contact: Contact) -> list[tuple[str, str]]:
    shown = (panel for panel in contact_panels if allowed(request.membership.role, panel.permission))
    return [(panel.title, html) for panel in shown if (html := panel.render(request, contact))]


def _address_of(row: Person) -> str:
    return row.addresses.order_by("email").values_list("email", flat=True).first() or "Somebody"


@staff_page("accounts.edit")
@require_POST
def person_merge(request: StaffRequest, person_id: UUID) -> HttpResponse:
    """Merge the person of another contact, given by its id or address, into this one."""
    keep = get_object_or_404(Person, pk=person_id)
    given = request.POST.get("other", "").strip()[:254]

    def act() -> None:
        services.person_merge(keep=keep, other=_person_given(given), actor=actor_of(request))

    return _tell(request, _person_url(request, keep.pk), "They are one person now. It can be undone below.", act)


def _person_given(text: str) -> Person:
    try:
        found = Person.objects.filter(contacts__pk=UUID(text)).first()
    except ValueError:
        found = Person.objects.filter(addresses__email=text.lower()).first()
    if found is None:
        raise ValueError("nobody is known by that address")
    row: Person = found
    return row


@staff_page("accounts.edit")
@require_POST
def person_split(request: StaffRequest, person_id: UUID) -> HttpResponse:
    """Make the chosen contacts those of somebody else."""
    row = get_object_or_404(Person, pk=person_id)

    def act() -> None:
        chosen = [UUID(text) for text in request.POST.getlist("contact")]
        services.person_split(person=row, contact_ids=chosen, actor=actor_of(request))

    return _tell(request, _person_url(request, row.pk), "The chosen contacts are somebody else now.", act)


@staff_page("accounts.edit")
@require_POST
def person_undo(request: StaffRequest, person_event_id: UUID) -> HttpResponse:
    """Put back what a merge or split moved."""
    event = get_object_or_404(PersonEvent, pk=person_event_id)
    back = _person_url(request, event.person_id if event.kind == "merge" else event.other_id)
    return _tell(request, back, "It is undone.", lambda: services.person_undo(event=event, actor=actor_of(request)))


@staff_page("accounts.edit")
@require_POST
def contact_roles(request: StaffRequest, contact_id: UUID) -> HttpResponse:
    row = get_object_or_404(Contact, pk=contact_id)
    form = RolesForm(request.POST)

    def act() -> None:
        if not form.is_valid():
            raise ValueError("the form named a role that nobody knows")
        services.contact_roles_set(contact=row, roles=form.cleaned_data["roles"], actor=actor_of(request))

    return _tell(request, _contact_url(request, row), f"The roles of {row} are stored.", act)


@staff_page("accounts.edit")
@require_POST
def contact_left(request: StaffRequest, contact_id: UUID) -> HttpResponse:
    row = get_object_or_404(Contact, pk=contact_id)
    form = LeftForm(request.POST)

    def act() -> None:
        if not form.is_valid():
            raise ValueError(str(form.errors["left_on"][0]).rstrip(".").lower())
        services.contact_left(contact=row, left_on=form.cleaned_data["left_on"], actor=actor_of(request))

    return _tell(request, _contact_url(request, row), f"{row} has left. Nothing is sent to them any more.", act)


@staff_page("accounts.edit")
@require_POST
def contact_returned(request: StaffRequest, contact_id: UUID) -> HttpResponse:
    row = get_object_or_404(Contact, pk=contact_id)
    done = f"{row} is at the company."
    return _tell(
        request,
        _contact_url(request, row),
        done,
        lambda: services.contact_returned(contact=row, actor=actor_of(request)),
    )


def _person_url(request: StaffRequest, person_id: UUID) -> str:
    return reverse("record:person", kwargs={"tenant": request.tenant.slug, "person_id": person_id})


def _contact_url(request: StaffRequest, row: Contact) -> str:
    return reverse("record:contact", kwargs={"tenant": request.tenant.slug, "contact_id": row.pk})
