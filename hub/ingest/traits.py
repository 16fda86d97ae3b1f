"""Traits of `group` and `identify` calls as fields of accounts and contacts. Pure; what does not fit is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from hub.ingest.imports.values import BadValue, moment

MAX_SEATS = 2_000_000_000


def account_fields(key: str, traits: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of the account that a group is: name, domain, industry, country, tier, seats, sign-up day."""
    fields = {
        "name": _text(traits.get("name"), 200) or key,
        "domain": _host(_text(traits.get("website") or traits.get("domain"), 200)),
        "industry": _text(traits.get("industry"), 100),
        "country": _text(_part(traits.get("address"), "country") or traits.get("country"), 100),
        "tier": _text(traits.get("plan"), 100),
        "seats": _seats(traits.get("seats")),
        "signed_up_on": _day(traits.get("createdAt")),
    }
    return {name: value for name, value in fields.items() if value}


def contact_fields(key: str, traits: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of the contact that a user is: email, name, title; the key serves as address when it is one."""
    names = (_text(traits.get("firstName"), 100), _text(traits.get("lastName"), 100))
    fields = {
        "email": _email(traits.get("email")) or _email(key),
        "name": _text(traits.get("name"), 200) or " ".join(filter(None, names)),
        "title": _text(traits.get("title"), 200),
    }
    return {name: value for name, value in fields.items() if value}


def _text(value: Any, length: int) -> str:
    return str(value).strip()[:length] if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _part(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _host(address: str) -> str:
    host = address
    try:
        host = urlsplit(address if "//" in address else f"//{address}").hostname or ""
    except ValueError:
        host = ""
    return host.removeprefix("www.")


def _email(value: Any) -> str:
    text = _text(value, 300).lower()
    local, at, host = text.rpartition("@")
    return text if at and local and host and len(text) <= 254 and not any(c.isspace() for c in text) else ""


def _seats(value: Any) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and 0 < value <= MAX_SEATS else None


def _day(value: Any) -> Any:
    try:
        return moment(value).date() if isinstance(value, str) else None
    except BadValue:
        return None
