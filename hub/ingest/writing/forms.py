"""The form of a connection's writing: a field over there for each value, and the switch."""

from __future__ import annotations

from typing import Any

from django import forms

from hub.ingest.writing.base import Writer
from hub.ingest.writing.selectors import Choice

PREFIX = "to-"


class WritingForm(forms.Form):
    """Fields over there by value; what makes them good is the service's matter."""

    other = forms.ChoiceField(required=False, label="Another value")
    other_field = forms.CharField(required=False, max_length=100, label="Its field over there")
    on = forms.BooleanField(
        required=False,
        label="Write these values",
        help_text="At once what differs now, then every change within five minutes. Off: nothing is written.",
    )

    def __init__(self, writer: Writer, choices: list[Choice], others: list[tuple[str, str]], *args: Any) -> None:
        super().__init__(*args)
        self.choices = choices
        for choice in choices:
            self.fields[f"{PREFIX}{choice.fact}"] = forms.CharField(
                required=False,
                max_length=100,
                label=choice.label[:1].upper() + choice.label[1:],
                initial=choice.field,
                help_text=f"for example {choice.proposed}" if choice.proposed else "",
            )
        select: Any = self.fields["other"]
        select.choices = [("", "choose a value"), *others]

    @property
    def targets(self) -> list[forms.BoundField]:
        return [self[f"{PREFIX}{choice.fact}"] for choice in self.choices]

    @property
    def chosen(self) -> dict[str, str]:
        """The fields over there by fact."""
        found = {choice.fact: self.cleaned_data[f"{PREFIX}{choice.fact}"] for choice in self.choices}
        if self.cleaned_data["other"]:
            found[self.cleaned_data["other"]] = self.cleaned_data["other_field"]
        return found
