"""Staff pages of consent: topics in the set-up, and a contact's words with their log."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages as flash
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.accounts.models import Contact
from hub.outbox.channels.base import channels
from hub.outbox.models import ConsentChange, ConsentStatus, LegalBasis, Silence
from hub.outbox.preferences import preferences_of
from hub.outbox.services import TopicError, consent_set, topic_reset, topic_save
from hub.outbox.topics import KnownTopic, topic_names, topics_known
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page

NEW = "new"
LOGGED = 50


class TopicForm(forms.Form):
    """What messages of a kind are about, in the words that customers read."""

    name = forms.CharField(max_length=80)
    description = forms.CharField(max_length=300, required=False, help_text="shown in the preference centre")
    silence = forms.ChoiceField(choices=Silence.choices, label="Who has said nothing", initial=Silence.RULE)
    position = forms.IntegerField(min_value=1, max_value=999, initial=100, label="Place", help_text="lower comes first")
    is_off = forms.BooleanField(required=False, label="Put away: not offered any more, what contacts said stays")


@staff_page("outbox.view")
@require_safe
def topics(request: StaffRequest) -> HttpResponse:
    """What people can choose to hear about."""
    return render(request, "outbox/topics.html", {"topics": topics_known()})


@staff_page("sending.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def topic(request: StaffRequest, topic_key: str) -> HttpResponse:
    """One topic, or a new one."""
    found = None if topic_key == NEW else _found(topic_key)
    form = TopicForm(request.POST if request.method == "POST" else None, initial=_initial(found))
    if request.method == "POST" and form.is_valid():
        key = found.key if found else slugify(form.cleaned_data["name"])[:64]
        try:
            if found is None and key in topic_names():
                raise TopicError(f"“{key}” is there already")
            row = topic_save(key=key, **form.cleaned_data, actor=actor_of(request))
        except TopicError as error:
            form.add_error(None, f"Nothing was kept: {error}.")
        else:
            flash.success(request, f"“{row.name}” is kept.")
            return redirect("outbox:topics", tenant=request.tenant.slug)
    context = {"topic": found, "form": form}
    return render(request, "outbox/topic.html", context, status=422 if form.errors else 200)


def _found(key: str) -> KnownTopic:
    for known in topics_known():
        if known.key == key:
            return known
    raise Http404


def _initial(found: KnownTopic | None) -> dict[str, object]:
    if found is None:
        return {}
    return {name: getattr(found, name) for name in ("name", "description", "silence", "position", "is_off")}


@staff_page("sending.edit")
@require_POST
def topic_back(request: StaffRequest, topic_key: str) -> HttpResponse:
    """Put a shipped topic back."""
    _found(topic_key)
    try:
        topic_reset(key=topic_key, actor=actor_of(request))
        flash.success(request, "It is as it ships.")
    except TopicError as error:
        flash.error(request, f"Nothing was changed: {error}.")
    return redirect("outbox:topics", tenant=request.tenant.slug)


class WordForm(forms.Form):
    """What a contact said to a person: on the phone, at a fair, in a contract."""

    channel = forms.ChoiceField(choices=())
    topic = forms.ChoiceField(choices=(), required=False)
    status = forms.ChoiceField(choices=(("granted", "Agreed"), ("denied", "Does not want it")), label="They")
    legal_basis = forms.ChoiceField(choices=LegalBasis.choices, label="Legal basis")
    note = forms.CharField(max_length=300, label="Where and how they said it")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # Django's own signature
        chosen = [(channel.key, channel.title) for channel in channels]
        self.fields["channel"].choices = chosen  # type: ignore[attr-defined]  # a choice field
        self.fields["topic"].choices = [("", "Every topic"), *topic_names().items()]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, object]:
        given = super().clean() or {}
        denied, objects = given.get("status") == ConsentStatus.DENIED, given.get("legal_basis") == LegalBasis.OBJECTION
        if "legal_basis" in given and "status" in given and denied is not objects:
            self.add_error("legal_basis", "A no is an objection; a yes needs a basis that lets us write.")
        return given


@staff_page("outbox.view")
@require_http_methods(["GET", "HEAD"])
def contact_consent(request: StaffRequest, contact_id: UUID) -> HttpResponse:
    """What counts for a contact, and the log of every word."""
    contact = get_object_or_404(Contact.objects.select_related("account"), pk=contact_id)
    return _consent(request, contact, WordForm(initial={"legal_basis": LegalBasis.CONSENT}))


def _consent(request: StaffRequest, contact: Contact, form: WordForm) -> HttpResponse:
    names = topic_names()
    log = list(ConsentChange.objects.filter(contact=contact).order_by("-at", "-id")[: LOGGED + 1])
    titles = {channel.key: channel.title for channel in channels}
    context = {
        "contact": contact,
        "preferences": preferences_of(contact, request.tenant),
        "log": [
            (row, titles.get(row.channel, row.channel), names.get(row.topic, row.topic) if row.topic else "every topic")
            for row in log[:LOGGED]
        ],
        "more": len(log) > LOGGED,
        "form": form,
    }
    return render(request, "outbox/consent.html", context, status=422 if form.errors else 200)


@staff_page("consent.record")
@require_POST
def contact_word(request: StaffRequest, contact_id: UUID) -> HttpResponse:
    """Write down what a contact said."""
    contact = get_object_or_404(Contact.objects.select_related("account"), pk=contact_id)
    form = WordForm(request.POST)
    if not form.is_valid():
        return _consent(request, contact, form)
    consent_set(contact=contact, source="staff", actor=actor_of(request), **form.cleaned_data)
    flash.success(request, "It is kept, and counts at once.")
    return redirect("outbox:consent", tenant=request.tenant.slug, contact_id=contact.pk)
