from __future__ import annotations

from typing import Any

from django import forms

from hub.accounts.models import AttributeEntity, AttributeKind, ContactRole
from hub.accounts.services.hierarchy import ROLLUPS

CHOICES_HELP = "one in a line; only for a choice"


class AttributeForm(forms.Form):
    """A field to add to accounts or contacts."""

    entity = forms.ChoiceField(choices=AttributeEntity.choices, label="Of")
    key = forms.CharField(max_length=50, help_text="lower-case, such as contract_owner; it never changes")
    label = forms.CharField(max_length=100)
    kind = forms.ChoiceField(choices=AttributeKind.choices, label="Type")
    choices = forms.CharField(
        required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 3}), help_text=CHOICES_HELP
    )

    def clean_choices(self) -> list[str]:
        return str(self.cleaned_data["choices"]).splitlines()


class AttributeChangeForm(forms.Form):
    """What may change of an attribute: its name, its choices, whether it is in use."""

    label = forms.CharField(max_length=100)
    choices = forms.CharField(
        required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 5}), help_text=CHOICES_HELP
    )
    archived = forms.BooleanField(required=False, label="Put away: not offered any more, values are kept")

    def clean_choices(self) -> list[str]:
        return str(self.cleaned_data["choices"]).splitlines()


class RollupForm(forms.Form):
    """Which figures of accounts below count towards those above."""

    figures = forms.MultipleChoiceField(
        choices=list(ROLLUPS.items()), required=False, widget=forms.CheckboxSelectMultiple
    )


class RolesForm(forms.Form):
    """The roles of a contact."""

    roles = forms.MultipleChoiceField(choices=ContactRole.choices, required=False)


class LeftForm(forms.Form):
    """The day somebody left the company."""

    left_on = forms.DateField(error_messages={"required": "Give the day they left.", "invalid": "Give a day."})


def attribute_initial(definition: Any) -> dict[str, Any]:
    return {
        "label": definition.label,
        "choices": "\n".join(definition.choices),
        "archived": definition.archived_at is not None,
    }
