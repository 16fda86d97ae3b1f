"""How fields of accounts and contacts are called on pages, and how their values are written. Pure."""

from __future__ import annotations

from typing import Any, Final

from hub.accounts.words import ATTRIBUTE

TITLES: Final = {
    "signed_up_on": "Customer since",
    "source_churned": "Churn flag",
    "timezone": "Time zone",
    "owner_id": "Owner",
    "parent_id": "Account above",
    "email": "E-mail",
    "left_on": "Left on",
    "title": "Job title",
    "": "All fields",
}
LONGEST: Final = 200


def field_title(name: str) -> str:
    """The title of a field; an attribute's is its key."""
    return TITLES.get(name) or name.removeprefix(ATTRIBUTE).replace("_", " ").capitalize()


def value_text(value: Any) -> str:
    """A value of JSON as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value_text(entry).replace("_", " ") for entry in value) or "nothing"
    return str(value)[:LONGEST] if value not in (None, "") else "nothing"
