from __future__ import annotations

from django import forms

from hub.work.models import Note


class NoteForm(forms.Form):
    """What somebody writes down about an account."""

    kind = forms.ChoiceField(choices=Note.Kind.choices, initial=Note.Kind.NOTE)
    body = forms.CharField(max_length=20_000, error_messages={"required": "A note needs some text."})


class TaskForm(forms.Form):
    """A task that a person gives themselves or the account's owner."""

    title = forms.CharField(max_length=300, error_messages={"required": "Say what is to be done."})
    due_on = forms.DateField(required=False)


class ReasonForm(forms.Form):
    """Why something is put aside: it teaches whatever made it."""

    reason = forms.CharField(max_length=200, error_messages={"required": "Say why, so that others understand it."})
