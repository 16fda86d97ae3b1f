from __future__ import annotations

from django import forms

from signals.models import Severity


class TriggerForm(forms.Form):
    """What a trigger is called and how loud it is; its rule is the form of hub.shell.rule_form."""

    name = forms.CharField(max_length=200, label="Name", error_messages={"required": "Give the trigger a name."})
    family = forms.SlugField(
        max_length=32,
        label="Family",
        help_text="One word that groups it in the inbox, such as usage or renewal.",
        error_messages={"invalid": "One word of letters, digits and hyphens."},
    )
    severity = forms.ChoiceField(choices=Severity.choices, label="Severity", initial=Severity.WARNING)
    cooldown_days = forms.IntegerField(
        min_value=0,
        max_value=730,
        initial=0,
        label="Rest after firing, in days",
        help_text="An account that has just made this signal makes no other one within them.",
    )
    fire_on_first_sight = forms.BooleanField(
        required=False,
        label="Fire on first sight",
        help_text="Also where it is true already when an account is first looked at, such as a new one.",
    )
