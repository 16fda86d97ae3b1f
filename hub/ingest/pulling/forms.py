"""The form of a key to an API."""

from __future__ import annotations

from typing import Any

from django import forms

from hub.ingest.pulling.base import Puller


class AccessForm(forms.Form):
    """What a puller needs; what makes it good is the service's matter."""

    secret = forms.CharField(max_length=1000, widget=forms.PasswordInput(render_value=False))
    address = forms.CharField(max_length=300, required=False, label="Address of the API")
    start_on = forms.DateField(
        required=False,
        label="What changed since",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="a year ago when left empty",
    )

    def __init__(self, puller: Puller, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["secret"].label = puller.secret_label
        self.fields["address"].required = not puller.address
        self.fields["address"].widget.attrs["placeholder"] = puller.address
        self.fields["address"].help_text = puller.address_help
