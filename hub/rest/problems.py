"""Errors of the REST interface, as RFC 9457 says: `application/problem+json`."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.core.exceptions import ValidationError as Invalid
from django.db import transaction
from django.http import HttpResponse, JsonResponse
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from hub.tenancy.context import current_scope

CONTENT_TYPE = "application/problem+json"


class Conflict(APIException):
    """The request is well formed and contradicts what is stored."""

    status_code = HTTPStatus.CONFLICT
    default_code = "conflict"


def refused(error: Invalid) -> APIException:
    """What a service would not take, as an error of the interface: of fields (400), or of the whole (409)."""
    if hasattr(error, "error_dict"):
        return ValidationError(error.message_dict)
    return Conflict("; ".join(error.messages))


def problem(status: int, detail: str, **extra: Any) -> HttpResponse:
    """An error as middleware answers it."""
    return JsonResponse(_document(status, detail) | extra, status=status, content_type=CONTENT_TYPE)


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: the document, and the rollback that DRF leaves to ATOMIC_REQUESTS."""
    response = exception_handler(error, context)
    if response is None:
        return None
    if current_scope() is not None:
        transaction.set_rollback(True)
    data = response.data
    if isinstance(data, dict) and set(data) == {"detail"}:
        document = _document(response.status_code, str(data["detail"]))
    else:
        problems = [{"pointer": pointer, "detail": text, "code": code} for pointer, text, code in _flat(data)]
        words = "; ".join(f"{entry['pointer'].strip('/') or 'body'}: {entry['detail']}" for entry in problems)
        document = _document(response.status_code, words) | {"errors": problems}
    response.data = document
    response.content_type = CONTENT_TYPE
    return response


def _document(status: int, detail: str) -> dict[str, Any]:
    # "about:blank" says that the status code tells the kind of error.
    return {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}


def _flat(data: Any, pointer: str = "") -> Iterator[tuple[str, str, str]]:
    """Every message of DRF's nested errors with the JSON pointer of its field, and its code."""
    if isinstance(data, dict):
        for name, inner in data.items():
            yield from _flat(inner, pointer if name == "non_field_errors" else f"{pointer}/{name}")
    elif isinstance(data, list):
        for index, inner in enumerate(data):
            yield from _flat(inner, f"{pointer}/{index}" if isinstance(inner, dict) else pointer)
    else:
        yield pointer, str(data), str(getattr(data, "code", None) or "invalid")
