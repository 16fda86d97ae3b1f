from __future__ import annotations

from typing import Any

from django import forms

from hub.accounts.models import Account, AttributeEntity, AttributeKind, ContactRole, WinKind
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


class SourceRuleForm(forms.Form):
    """Which source wins: for one field of accounts or contacts, or for all without a rule of their own."""

    entity = forms.ChoiceField(choices=AttributeEntity.choices, label="Of")
    field = forms.CharField(required=False, max_length=70)
    kind = forms.ChoiceField(choices=WinKind.choices, label="The winner")
    order = forms.CharField(
        required=False,
        max_length=5_000,
        label="The order",
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="one source in a line, the strongest first; a person comes before all unless “by hand” is a line",
    )
    hand_days = forms.IntegerField(
        required=False, min_value=1, max_value=3_650, label="Days", help_text="empty: for good"
    )

    def clean_order(self) -> list[str]:
        return [line.strip() for line in str(self.cleaned_data["order"]).splitlines() if line.strip()]

    def rule_values(self) -> dict[str, Any]:
        """The arguments of the services, once valid."""
        names = ("entity", "field", "kind", "order", "hand_days")
        return {name: self.cleaned_data[name] for name in names}


_AccountForm = forms.modelform_factory(
    Account,
    fields=("name", "domain", "industry", "country", "segment", "tier", "seats", "signed_up_on", "timezone"),
    widgets={"signed_up_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")},
    labels={"signed_up_on": "Customer since", "timezone": "Time zone"},
)


class AccountFieldsForm(_AccountForm):  # type: ignore[valid-type,misc]  # a form made from the model's fields
    """The fields of an account that a person may set."""
