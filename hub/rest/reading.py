"""Resources that are only read: a list with filters and one row by its id, from a serializer and a queryset."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.urls import URLPattern
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request

from hub.rest.params import choice_param, date_param, described, time_param, uuid_param
from hub.rest.routes import ID, route

Rows = Callable[[], QuerySet[Any]]


@dataclass(frozen=True, slots=True)
class Filter:
    """A query parameter: its name, what it does, the lookup it becomes, and how it is read from the request."""

    parameter: OpenApiParameter
    lookup: str
    read: Callable[[Request], Any]


def by_id(name: str, words: str, lookup: str) -> Filter:
    return Filter(described(name, words), lookup, lambda request: uuid_param(request, name))


def by_text(name: str, words: str, lookup: str) -> Filter:
    return Filter(described(name, words), lookup, lambda request: request.query_params.get(name, "")[:200])


def by_choice(name: str, words: str, lookup: str, choices: Collection[str]) -> Filter:
    return Filter(described(name, words, choices=choices), lookup, lambda request: choice_param(request, name, choices))


def by_time(name: str, words: str, lookup: str) -> Filter:
    return Filter(described(name, words), lookup, lambda request: time_param(request, name))


def by_day(name: str, words: str, lookup: str) -> Filter:
    return Filter(described(name, words), lookup, lambda request: date_param(request, name))


OF_ACCOUNT = by_id("account", "only of this account", "account_id")


def resource(
    path: str,
    words: str,
    *,
    rows: Rows,
    serializer: type[serializers.BaseSerializer[Any]],
    filters: Sequence[Filter] = (),
) -> list[URLPattern]:
    """Addresses of a list, newest first, and of one row."""

    @extend_schema(parameters=[item.parameter for item in filters], description=words)
    class List(generics.ListAPIView[Any]):
        serializer_class = serializer
        newest_first = True

        def get_queryset(self) -> QuerySet[Any]:
            return narrowed(rows(), filters, self.request)

    class Detail(generics.RetrieveAPIView[Any]):
        serializer_class = serializer

        def get_queryset(self) -> QuerySet[Any]:
            return rows()

    one = path.removesuffix("s")
    return [route(path, List, path), route(f"{path}/{ID}", Detail, one if one != path else f"{path}-one")]


def narrowed(rows: QuerySet[Any], filters: Sequence[Filter], request: Request) -> QuerySet[Any]:
    """The rows that the parameters of a request leave."""
    for item in filters:
        if (value := item.read(request)) not in (None, ""):
            rows = rows.filter(**{item.lookup: value})
    return rows
