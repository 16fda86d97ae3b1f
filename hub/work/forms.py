"""What people type about tasks, playbooks and notes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from hub.tenancy.models import Tenant
from hub.work.models import Clock, Note, PlaybookVersion
from hub.work.playbooks import LONGEST_TALK, Content, read_lines, read_links
from hub.work.services import Act, Action
from hub.work.services.acting import MOST
from hub.work.targets import MOST_HOURS

# Snoozed tasks come back when the day's work begins.
Read = TypeVar("Read")
MORNING: Final = time(8)


class NoteForm(forms.Form):
    """What somebody writes down about an account."""

    kind = forms.ChoiceField(choices=Note.Kind.choices, initial=Note.Kind.NOTE)
    body = forms.CharField(max_length=20_000, error_messages={"required": "A note needs some text."})


class TaskForm(forms.Form):
    """A task that a person gives themselves or the account's owner."""

    title = forms.CharField(max_length=300, error_messages={"required": "Say what is to be done."})
    due_on = forms.DateField(required=False)
    playbook = forms.SlugField(max_length=64, required=False)


class ReasonForm(forms.Form):
    """Why something is put aside: it teaches whatever made it."""

    reason = forms.CharField(max_length=200, error_messages={"required": "Say why, so that others understand it."})


class TargetsForm(forms.Form):
    """What the tenant promises itself about tasks."""

    respond_hours = forms.IntegerField(label="Begin within, hours", min_value=1, max_value=MOST_HOURS)
    clock = forms.ChoiceField(label="Which hours count", choices=Clock.choices)
    completion = forms.IntegerField(label="Completed, percent", min_value=1, max_value=100)


class PlaybookForm(forms.Form):
    """A playbook as it is typed: a step on each line, a link on each line."""

    name = forms.CharField(max_length=200, error_messages={"required": "A playbook needs a name."})
    description = forms.CharField(label="When it is used", max_length=300, required=False)
    steps = forms.CharField(
        label="Steps, one on each line",
        max_length=12_000,
        widget=forms.Textarea(attrs={"rows": 7}),
        error_messages={"required": "A playbook has at least one step."},
    )
    talk_track = forms.CharField(
        label="Talk track", max_length=LONGEST_TALK, required=False, widget=forms.Textarea(attrs={"rows": 6})
    )
    links = forms.CharField(
        label="Links, as “label | https://…” on each line",
        max_length=20_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    respond_hours = forms.IntegerField(label="Begin within, hours", min_value=1, max_value=MOST_HOURS, required=False)
    clock = forms.ChoiceField(
        label="Which hours count", choices=[("", "as everywhere"), *Clock.choices], required=False
    )
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def clean_steps(self) -> tuple[str, ...]:
        return self._read("steps", read_lines)

    def clean_links(self) -> tuple[tuple[str, str], ...]:
        return self._read("links", read_links)

    def _read(self, name: str, read: Callable[[str], Read]) -> Read:
        try:
            return read(self.cleaned_data[name])
        except ValueError as error:
            raise ValidationError(str(error)) from None

    @property
    def content(self) -> Content:
        """What a form without errors says."""
        said = self.cleaned_data
        talk = said["talk_track"].replace("\r\n", "\n")
        return Content(said["steps"], talk, said["links"], said["respond_hours"], said["clock"])


def playbook_initial(version: PlaybookVersion) -> dict[str, Any]:
    """A version as the form shows it."""
    said = Content.of(version)
    return {
        "name": version.playbook.name,
        "description": version.playbook.description,
        "steps": "\n".join(said.steps),
        "talk_track": said.talk_track,
        "links": "\n".join(f"{label} | {url}" for label, url in said.links),
        "respond_hours": said.respond_hours,
        "clock": said.clock,
        "seen": version.number,
    }


def act_read(given: Mapping[str, str], tenant: Tenant) -> Act:
    """The act that a form asks for; raises ValidationError for what cannot be read."""
    try:
        action = Action(given.get("action", ""))
    except ValueError:
        raise ValidationError({"action": ["Choose what to do with the tasks."]}) from None
    until = given.get("until") or given.get("day") or ""
    judged = action in (Action.COMPLETE, Action.JUDGE)
    return Act(
        action,
        assignee=_person(given.get("assignee", "")) if action == Action.ASSIGN else None,
        until=_morning(until, tenant) if action == Action.SNOOZE else None,
        helped=given.get("helped", "") if judged else "",
        note=given.get("note", "").replace("\x00", ""),
    )


def _person(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise ValidationError({"assignee": ["Choose somebody of the list."]}) from None


def _morning(text: str, tenant: Tenant) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), MORNING, tenant.zone)
    except (ValueError, OverflowError):
        raise ValidationError({"until": ["Choose the day on which it comes back."]}) from None


def snooze_days(today: date) -> list[tuple[date, str]]:
    """The days on offer: tomorrow, next Monday, in two weeks, in a month; none twice."""
    offered = {
        today + timedelta(days=1): "Tomorrow",
        today + timedelta(days=7 - today.weekday()): "Next Monday",
        today + timedelta(days=14): "In two weeks",
        today + timedelta(days=30): "In a month",
    }
    return sorted(offered.items())


def chosen(given: QueryDict) -> list[UUID]:
    """The tasks that are ticked in a list; what is no id is none of them."""
    found = []
    for text in given.getlist("task")[:MOST]:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found
