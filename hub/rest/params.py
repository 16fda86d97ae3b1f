"""Query parameters of lists, read strictly: what cannot be read is an error, never silently another question."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from hub.registry.moments import is_reachable


def uuid_param(request: Request, name: str) -> UUID | None:
    text = request.query_params.get(name, "")
    try:
        return UUID(text) if text else None
    except ValueError:
        raise ValidationError({name: ["expected an id"]}) from None


def choice_param(request: Request, name: str, choices: Collection[str], default: str = "") -> str:
    text = request.query_params.get(name, "") or default
    if text and text not in choices:
        raise ValidationError({name: [f"expected one of {', '.join(choices)}"]})
    return text


def date_param(request: Request, name: str) -> date | None:
    text = request.query_params.get(name, "")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise ValidationError({name: ["expected a date like 2024-12-31"]}) from None


def time_param(request: Request, name: str) -> datetime | None:
    text = request.query_params.get(name, "")
    try:
        found = parse_datetime(text) if text else None
    except ValueError:
        found = None
    if text and (found is None or not is_reachable(found)):
        raise ValidationError({name: ["expected a time with its offset like 2024-12-31T23:59:00Z"]})
    return found


def described(name: str, words: str, *, choices: Collection[str] = (), kind: type = str) -> OpenApiParameter:
    """A query parameter in the schema."""
    return OpenApiParameter(name, kind, description=words, enum=list(choices) or None)
