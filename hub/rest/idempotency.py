"""`Idempotency-Key` on POST: the same key and request get the same answer for a day, and act once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from hub.people.models import Credential
from hub.rest.models import IdempotentAnswer
from hub.rest.problems import problem
from hub.tenancy.context import tenant_context

HEADER = "Idempotency-Key"
MAX_KEY = 200
KEPT = timedelta(hours=24)
Handle = Callable[[HttpRequest], HttpResponse]


def answer_once(request: HttpRequest, credential: Credential, handle: Handle) -> HttpResponse:
    """Handle the request in its tenant's transaction; a POST with a key that was answered gets that answer."""
    key = request.headers.get(HEADER, "") if request.method == "POST" else ""
    if len(key) > MAX_KEY:
        return problem(400, f"{HEADER} is longer than {MAX_KEY} characters")
    if not key:
        with tenant_context(credential.tenant):
            return handle(request)
    fingerprint = _fingerprint(request)
    with tenant_context(credential.tenant):
        if not _locked(credential, key):
            return problem(409, "a request with this Idempotency-Key is being answered")
        if known := _kept(credential, key):
            return _replay(known, fingerprint)
        response = handle(request)
        if response.status_code < 400:
            _keep(credential, key, fingerprint, response)
    if 400 <= response.status_code < 500:
        # What was refused is rolled back by now; the refusal is kept all the same. Our own faults are not.
        with tenant_context(credential.tenant):
            _keep(credential, key, fingerprint, response)
    return response


def _fingerprint(request: HttpRequest) -> str:
    text = f"{request.method} {request.get_full_path().rstrip('/')}\n".encode() + request.body
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def _locked(credential: Credential, key: str) -> bool:
    """Take the key for this transaction; False when another one holds it."""
    digest = hashlib.blake2b(f"{credential.pk} {key}".encode(), digest_size=8).digest()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [int.from_bytes(digest, signed=True)])
        return bool(cursor.fetchone()[0])


def _kept(credential: Credential, key: str) -> IdempotentAnswer | None:
    found: IdempotentAnswer | None = IdempotentAnswer.objects.filter(
        credential_id=credential.pk, key=key, created_at__gt=timezone.now() - KEPT
    ).first()
    return found


def _replay(known: IdempotentAnswer, fingerprint: str) -> HttpResponse:
    if known.fingerprint != fingerprint:
        return problem(422, "this Idempotency-Key was used for another request")
    response = HttpResponse(known.body, status=known.status, content_type=known.content_type)
    response["Idempotent-Replayed"] = "true"
    return response


def _keep(credential: Credential, key: str, fingerprint: str, response: HttpResponse) -> None:
    IdempotentAnswer.objects.filter(created_at__lte=timezone.now() - KEPT).delete()
    answer = IdempotentAnswer(
        credential_id=credential.pk,
        key=key,
        fingerprint=fingerprint,
        status=response.status_code,
        content_type=response.headers["Content-Type"],
        body=response.content.decode(),
    )
    IdempotentAnswer.objects.bulk_create([answer], ignore_conflicts=True)
