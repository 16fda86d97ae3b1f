from __future__ import annotations

from django import forms


class DismissForm(forms.Form):
    """Why a signal is not worth acting on."""

    reason = forms.CharField(
        max_length=200, error_messages={"required": "Say why the signal is dismissed: it teaches the trigger."}
    )
