"""Opens the tenant's transaction around a request of the REST interface, by its key."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request

from hub.people.audit import Actor
from hub.people.models import Credential
from hub.people.selectors import credential_for
from hub.rest.idempotency import answer_once
from hub.rest.limits import take
from hub.rest.problems import problem
from hub.tenancy.context import current_scope

if TYPE_CHECKING:
    from hub.tenancy.models import Tenant

log = logging.getLogger(__name__)

PATH = re.compile(r"^/api/v1(/|$)")
# The description of the interface is everybody's.
OPEN = re.compile(r"^/api/v1/(schema|docs)/?$")
READING = ("GET", "HEAD", "OPTIONS")


class KeyMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not PATH.match(request.path_info) or OPEN.match(request.path_info):
            return self.get_response(request)
        response = self._answer(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def _answer(self, request: HttpRequest) -> HttpResponse:
        credential = credential_for(_bearer(request))
        if credential is None:
            response = problem(401, "give a live key as `Authorization: Bearer <key>`")
            response["WWW-Authenticate"] = "Bearer"
            return response
        allowance = take(credential.pk)
        scope = "read" if request.method in READING else "write"
        if allowance.exceeded:
            response = problem(429, f"more than {allowance.limit} requests in a minute")
        elif scope not in credential.scopes:
            response = problem(403, f"this key lacks the scope {scope}")
        else:
            request.credential = credential  # type: ignore[attr-defined]
            response = answer_once(request, credential, self.get_response)
        allowance.tell(response)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not PATH.match(request.path_info):
            return None
        log.error("%s %s failed", request.method, request.path, exc_info=exception)
        if current_scope() is not None:
            transaction.set_rollback(True)
        return problem(500, "the fault is ours; it is logged")


def _bearer(request: HttpRequest) -> str:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def credential_of(request: Request) -> Credential:
    """The key of a request that the middleware let in."""
    return cast(Credential, request._request.credential)  # type: ignore[attr-defined]


def tenant_of(request: Request) -> Tenant:
    return credential_of(request).tenant


def actor_of_key(request: Request) -> Actor:
    """Who acts when a program asks: its key, by name."""
    credential = credential_of(request)
    return Actor("key", str(credential.pk), credential.name, request.META.get("REMOTE_ADDR") or None)
