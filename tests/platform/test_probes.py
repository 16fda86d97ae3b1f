from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from hub.tenancy.models import Heartbeat, Tenant, TenantWork


def test_livez_says_ok_without_a_database() -> None:
    assert Client().get("/livez").content == b"ok"


def test_readyz_names_what_is_missing_and_is_ready_once_a_worker_reports(db: None) -> None:
    response = Client().get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["worker"] == {"ok": False, "problem": "no worker has reported yet"}
    assert response.json()["checks"]["database"] == {"ok": True}
    Heartbeat.objects.create(process="worker", beat_at=timezone.now())
    assert Client().get("/readyz").status_code == 200
    Heartbeat.objects.update(beat_at=timezone.now() - timedelta(minutes=5))
    assert "ago" in Client().get("/readyz").json()["checks"]["worker"]["problem"]


def test_metrics_tell_the_age_of_the_oldest_due_work(acme: Tenant) -> None:
    TenantWork.objects.filter(tenant=acme).delete()
    TenantWork.objects.create(tenant=acme, queue="send", next_due_at=timezone.now() - timedelta(seconds=90))
    text = Client().get("/metrics").content.decode()
    assert 'tandem_oldest_due_seconds{queue="send"} 9' in text
    assert 'tandem_oldest_due_seconds{queue="evaluate"} 0.0' in text


def test_metrics_are_for_loopback_or_the_token(db: None, settings: Any) -> None:
    assert Client(REMOTE_ADDR="198.51.100.7").get("/metrics").status_code == 401
    assert Client(HTTP_X_FORWARDED_FOR="198.51.100.7").get("/metrics").status_code == 401
    settings.METRICS_TOKEN = "s3cret"
    assert Client().get("/metrics").status_code == 401
    assert Client(HTTP_AUTHORIZATION="Bearer s3cret").get("/metrics").status_code == 200
