from __future__ import annotations

from typing import Any

from django import forms

from hub.revenue.models import EntitlementKind, EntitlementPeriod


class RankForm(forms.Form):
    """The order of a product's tiers: one `rank` per `tier`; an empty rank leaves the tier without one."""

    product = forms.CharField(max_length=100, required=False)

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        tiers, ranks = self.data.getlist("tier"), self.data.getlist("rank")  # type: ignore[attr-defined]  # a QueryDict
        if not tiers or len(tiers) != len(ranks):
            raise forms.ValidationError("The form was not whole. Nothing was changed; reload the page and try again.")
        found["ranks"] = {name: _rank(name, text) for name, text in zip(tiers, ranks, strict=True) if text.strip()}
        return found


def _rank(name: str, text: str) -> int:
    if not text.strip().isdecimal() or not 0 <= int(text[:6]) <= 32_767:
        raise forms.ValidationError(f"The rank of {name[:100]} is a whole number from 0 to 32767.")
    return int(text)


class EntitlementForm(forms.Form):
    """What a tier allows of one measure."""

    tier = forms.UUIDField(widget=forms.Select)
    measure = forms.CharField(max_length=100, help_text="“seats”, or the name of an event")
    kind = forms.ChoiceField(choices=EntitlementKind.choices)
    limit = forms.IntegerField(min_value=1, max_value=2**53 - 1, required=False, help_text="empty: no limit")
    period = forms.ChoiceField(choices=[("", "None"), *EntitlementPeriod.choices], required=False)
    per_seat = forms.BooleanField(required=False, label="For each seat")


class RateForm(forms.Form):
    """The rate of a currency from a day on."""

    currency = forms.RegexField("^[A-Za-z]{3}$", help_text="its code, such as EUR")
    on = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}))
    rate = forms.DecimalField(max_digits=20, decimal_places=10)

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()
