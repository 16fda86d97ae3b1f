"""`?cursor=&limit=` → `{"results": […], "next": …}`: by id, so that rows that come in meanwhile shift nothing."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

DEFAULT = 50
MAXIMUM = 500


class CursorById(BasePagination):
    """Pages in the order of ids, which is the order of time; `newest_first` of the view turns it round."""

    next_url: str | None = None

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: Any = None
    ) -> list[Any]:
        assert isinstance(queryset, QuerySet)  # ours are
        newest_first = getattr(view, "newest_first", False)
        limit = _limit(request.query_params.get("limit", ""))
        if cursor := request.query_params.get("cursor", ""):
            queryset = queryset.filter(**{"pk__lt" if newest_first else "pk__gt": _read(cursor)})
        rows = list(queryset.order_by("-pk" if newest_first else "pk")[: limit + 1])
        if len(rows) > limit:
            rows.pop()
            self.next_url = replace_query_param(request.build_absolute_uri(), "cursor", _write(rows[-1].pk))
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"results": data, "next": self.next_url})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {
                "results": schema,
                "next": {"type": "string", "format": "uri", "nullable": True, "description": "the next page, or null"},
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        limit = {"type": "integer", "minimum": 1, "maximum": MAXIMUM, "default": DEFAULT}
        return [
            {
                "name": "cursor",
                "in": "query",
                "schema": {"type": "string"},
                "description": "from next of the page before",
            },
            {"name": "limit", "in": "query", "schema": limit, "description": "rows on a page"},
        ]


def _limit(text: str) -> int:
    if not text:
        return DEFAULT
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MAXIMUM:
        raise ValidationError({"limit": [f"expected a number from 1 to {MAXIMUM}"]})
    return int(text)


def _write(pk: UUID) -> str:
    return base64.urlsafe_b64encode(pk.bytes).decode().rstrip("=")


def _read(cursor: str) -> UUID:
    try:
        return UUID(bytes=base64.urlsafe_b64decode(cursor + "=="))
    except (binascii.Error, ValueError):
        raise ValidationError({"cursor": ["this is not a cursor of ours"]}) from None
