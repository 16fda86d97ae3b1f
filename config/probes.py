"""Probes: is the process up (/livez), can it work (/readyz)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import redis
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils import timezone

from hub.tenancy.models import Heartbeat

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

urlpatterns = [path("livez", livez, name="livez"), path("readyz", readyz, name="readyz")]
