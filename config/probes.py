"""Probes: is the process up (/livez), can it work (/readyz)."""

from __future__ import annotations

from datetime import timedelta
from hmac import compare_digest
from typing import Any

import redis
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Min
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from hub.tenancy.models import Heartbeat, TenantWork
from hub.tenancy.wake import queues

HEARTBEAT_MAX_AGE = timedelta(seconds=60)


def livez(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponse:
    """JSON with one entry per part; 503 when any is not ok."""
    checks = {name: _try(check) for name, check in CHECKS.items()}
    ready = all(entry["ok"] for entry in checks.values())
    return JsonResponse({"ready": ready, "checks": checks}, status=200 if ready else 503)


def _try(check: Any) -> dict[str, Any]:
    try:
        problem = check()
    except Exception as error:  # whatever is wrong is the answer of this page
        problem = f"{type(error).__name__}: {error}".splitlines()[0]
    return {"ok": problem is None, **({"problem": problem} if problem else {})}


def _database() -> str | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return None


def _redis() -> str | None:
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2) as client:
        client.ping()
    return None


def _migrations() -> str | None:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(plan)} migrations are not applied" if plan else None


def _worker() -> str | None:
    beat = Heartbeat.objects.using(DEFAULT_DB_ALIAS).filter(process="worker").first()
    if beat is None:
        return "no worker has reported yet"
    age = timezone.now() - beat.beat_at
    return f"last heartbeat {age.total_seconds():.0f} s ago" if age > HEARTBEAT_MAX_AGE else None


CHECKS = {"database": _database, "redis": _redis, "migrations": _migrations, "worker": _worker}


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus: how long the oldest due work of each queue waits, and how long processes have been silent.

    Watch the age of the oldest due row, never the length of a queue. Open to loopback, elsewhere by bearer token.
    """
    if not _may_scrape(request):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry()
    due = Gauge("tandem_oldest_due_seconds", "Age of the oldest due work", ["queue"], registry=registry)
    silent = Gauge("tandem_silent_seconds", "Time since the last sign of life", ["process"], registry=registry)
    now = timezone.now()
    waiting = TenantWork.objects.filter(next_due_at__lte=now).values_list("queue").annotate(oldest=Min("next_due_at"))
    oldest = dict(waiting)
    for queue in queues:
        due.labels(queue).set((now - oldest[queue]).total_seconds() if queue in oldest else 0)
    for process, beat_at in Heartbeat.objects.values_list("process", "beat_at"):
        silent.labels(process).set((now - beat_at).total_seconds())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_scrape(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "").encode(errors="replace")
        return compare_digest(given, f"Bearer {settings.METRICS_TOKEN}".encode())
    # Behind a proxy everybody comes from loopback: then only the token opens.
    forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    return request.META.get("REMOTE_ADDR") in ("127.0.0.1", "::1") and not forwarded


urlpatterns = [
    path("metrics", metrics, name="metrics"),
    path("livez", livez, name="livez"),
    path("readyz", readyz, name="readyz"),
]
