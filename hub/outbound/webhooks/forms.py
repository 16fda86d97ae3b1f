from __future__ import annotations

from typing import Any

from django import forms

from hub.outbound.models import EndpointDialect
from hub.outbound.webhooks.services import TEST
from hub.registry.outgoing import outgoing_kinds


def offered_kinds() -> list[tuple[str, str]]:
    """Kinds that an endpoint can be told of, in words."""
    return [(kind.key, kind.words) for kind in outgoing_kinds if kind.key != TEST]


class EndpointForm(forms.Form):
    """Where an endpoint is and what it is told; what makes an address good is the service's to say."""

    url = forms.CharField(label="Address", max_length=500, help_text="https:// only; it must be on the open internet")
    description = forms.CharField(label="What it is", max_length=200, required=False, help_text="for your colleagues")
    dialect = forms.ChoiceField(
        label="How it is told", choices=EndpointDialect.choices, initial=EndpointDialect.STANDARD, required=False
    )
    kinds = forms.MultipleChoiceField(label="Tell it of", widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["kinds"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = offered_kinds()

    def clean_dialect(self) -> str:
        return self.cleaned_data["dialect"] or EndpointDialect.STANDARD
