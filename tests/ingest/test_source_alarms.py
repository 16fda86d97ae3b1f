"""Sources have a rhythm; a silence that it does not explain raises an alarm, once, which clears by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from hub.accounts.models import SourceAlarm
from hub.ingest.models import DoorVolume, ImportRun
from hub.ingest.sources.alarms import alarms_settle, drain
from hub.ingest.sources.rhythm import FEWEST, SHORTEST, TIMES, TOGETHER, is_quiet, quiet_after, usual_gap
from hub.outbound.models import WebhookEvent
from hub.outbound.webhooks.services import endpoint_create
from hub.people.services import credential_create
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.shell.staff import staff
from tests.world import ACTOR, make_tenant

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
MOMENTS = st.lists(st.integers(0, 60 * 24 * 90).map(lambda minutes: NOW - timedelta(minutes=minutes)), max_size=30)


@given(MOMENTS, st.randoms())
def test_the_rhythm_does_not_depend_on_the_order_of_deliveries(times: list[datetime], random: object) -> None:
    shuffled = list(times)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' own Random
    assert usual_gap(shuffled) == usual_gap(times) == usual_gap([*times, *times])


@given(MOMENTS)
def test_nobody_is_alarmed_within_a_day_or_without_a_rhythm(times: list[datetime]) -> None:
    limit = quiet_after(times)
    assert limit is None or limit >= SHORTEST
    if limit is None:
        assert not is_quiet(times, NOW + timedelta(days=1000))
    else:
        assert not is_quiet(times, max(times) + limit)
        assert is_quiet(times, max(times) + limit + timedelta(seconds=1))


@given(st.integers(FEWEST, 20), st.integers(int(TOGETHER.total_seconds()), 40 * 86_400))
def test_a_steady_source_may_be_silent_for_three_times_its_gap(count: int, seconds: int) -> None:
    gap = timedelta(seconds=seconds)
    assert quiet_after([NOW - n * gap for n in range(count)]) == max(SHORTEST, TIMES * gap)


def test_deliveries_in_one_go_are_one() -> None:
    assert usual_gap([NOW + timedelta(seconds=n) for n in range(500)]) is None


@pytest.fixture
def acme(db: None) -> Tenant:
    return make_tenant()


def speak(tenant: Tenant, credential_id: object, at: datetime) -> None:
    hour = at.replace(minute=0, second=0, microsecond=0)
    DoorVolume.objects.create(credential_id=credential_id, hour=hour, process="t", events=1, last_at=at)


def test_a_key_that_stops_raises_one_alarm_that_clears_when_it_sends_again(acme: Tenant) -> None:
    now = timezone.now()
    admin, marketer = staff(acme, "admin"), staff(acme, "marketer")
    with tenant_context(acme):
        endpoint_create(url="https://x.example/", kinds=["source.alarm_raised", "source.alarm_cleared"], actor=ACTOR)
        key = credential_create(tenant=acme, name="Web app", actor=ACTOR, scopes=["ingest"])[0]
        for n in range(10):
            speak(acme, key.pk, now - timedelta(hours=30 + 2 * n))
    for _ in range(3):
        drain(acme.pk)
    with tenant_context(acme):
        alarm = SourceAlarm.objects.get()
        assert (alarm.kind, alarm.label, alarm.cleared_at) == ("key", "Web app", None)
        assert "30 hours" in alarm.reason
        assert list(WebhookEvent.objects.values_list("kind", flat=True)) == ["source.alarm_raised"]
    assert "Web app" in admin.get("/t/acme/").content.decode()
    assert "Sources that stopped" not in marketer.get("/t/acme/").content.decode()
    with tenant_context(acme):
        speak(acme, key.pk, timezone.now())
    drain(acme.pk)
    drain(acme.pk)
    with tenant_context(acme):
        assert SourceAlarm.objects.get().cleared_at is not None
        assert WebhookEvent.objects.count() == 2
    assert "Sources that stopped" not in admin.get("/t/acme/").content.decode()


def test_a_monthly_import_is_missed_after_three_months_and_a_revoked_key_never(acme: Tenant) -> None:
    now = timezone.now()
    with tenant_context(acme):
        key = credential_create(tenant=acme, name="Old", actor=ACTOR, scopes=["ingest"])[0]
        for n in range(10):
            speak(acme, key.pk, now - timedelta(hours=200 + n))
        key.revoked_at = now
        key.save()
        for n in range(6):
            ImportRun.objects.create(
                source="crm", mapping="Monthly", status="done", started_at=now - timedelta(days=60 + 30 * n)
            )
        alarms_settle(now)
        assert not SourceAlarm.objects.exists()
        alarms_settle(now + timedelta(days=31))
        assert SourceAlarm.objects.get().label == "Monthly"


def test_another_tenants_silence_is_not_told_here(acme: Tenant) -> None:
    other = make_tenant("other")
    with tenant_context(other):
        key = credential_create(tenant=other, name="Elsewhere", actor=ACTOR, scopes=["ingest"])[0]
        for n in range(10):
            speak(other, key.pk, timezone.now() - timedelta(hours=30 + 2 * n))
    for tenant in (acme, other):
        drain(tenant.pk)
    assert "Elsewhere" not in staff(acme, "admin").get("/t/acme/").content.decode()
    with tenant_context(acme):
        assert not SourceAlarm.objects.exists()
