"""The form of a connection: what its source needs."""

from __future__ import annotations

from typing import Any

from django import forms

from hub.ingest.connectors.base import Connector


class EndpointForm(forms.Form):
    """A connection; which fields there are is the source's matter, what makes them good the service's."""

    label = forms.CharField(max_length=100, required=False, label="Name", help_text="for your colleagues")
    secret = forms.CharField(max_length=500, required=False, widget=forms.PasswordInput(render_value=False))
    makes_accounts = forms.BooleanField(
        required=False,
        label="Make accounts of customers that are not known here",
        help_text="Otherwise they wait under Unmatched until you say whose they are.",
    )

    def __init__(self, connector: Connector, *args: Any, new: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connector = connector
        self.fields["label"].widget.attrs["placeholder"] = connector.title
        self.fields["secret"].label = connector.secret_label
        may_be_made = connector.makes_secret
        self.fields["secret"].required = new and not may_be_made
        if may_be_made:
            self.fields["secret"].help_text = "leave it empty to have one made"
        if not new or (connector.secret_in_path and not connector.options):
            del self.fields["secret"]
        if not connector.tells_companies:
            del self.fields["makes_accounts"]
        for option in connector.options:
            self.fields[option.name] = _option(option)

    @property
    def options(self) -> dict[str, Any]:
        return {option.name: self.cleaned_data.get(option.name, "") for option in self.connector.options}

    @property
    def option_fields(self) -> list[forms.BoundField]:
        return [self[option.name] for option in self.connector.options]


def _option(option: Any) -> forms.Field:
    if option.choices:
        return forms.ChoiceField(
            choices=option.choices, label=option.label, help_text=option.help, required=option.required
        )
    return forms.CharField(max_length=200, label=option.label, help_text=option.help, required=option.required)


class SecretForm(forms.Form):
    """A new secret of an endpoint."""

    secret = forms.CharField(max_length=500, required=False, widget=forms.PasswordInput(render_value=False))

    def __init__(self, connector: Connector, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["secret"].label = f"New {connector.secret_label.lower()}"
        self.fields["secret"].help_text = "For a day the old one is good beside it."
