"""Partitions of the event store: made once, by whoever needs them first; dropped only past retention."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier

import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from hub.usage.store import PostgresEvents
from hub.usage.upkeep import AHEAD, partitions_keep

pytestmark = pytest.mark.django_db


def partitions(migrator: psycopg.Connection) -> set[str]:
    found = migrator.execute("SELECT relname FROM pg_class WHERE relname LIKE 'usage\\_event\\_2%' AND relkind = 'r'")
    return {name for (name,) in found}


def name_of(day: date) -> str:
    return f"usage_event_{day:%Y%m%d}"


@pytest.mark.django_db(transaction=True)
def test_writers_who_need_a_new_day_at_once_all_get_it(migrator: psycopg.Connection) -> None:
    days = [date(2031, 5, 1) + timedelta(days=number) for number in range(12)]
    together = Barrier(6)

    def prepare() -> None:
        # Everybody has looked, and remembers that the day is not there.
        store = PostgresEvents()
        for day in days:
            together.wait(20)
            store.prepare([day])
        connection.close()

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(prepare) for _ in range(6)]:
            done.result()
    assert {name_of(day) for day in days} <= partitions(migrator)
    for day in days:
        migrator.execute(f"DROP TABLE {name_of(day)}")


@pytest.mark.django_db(transaction=True)
def test_days_ahead_are_made_and_days_past_retention_dropped(migrator: psycopg.Connection, settings: Settings) -> None:
    today = timezone.now().date()
    old, young = today - timedelta(days=600), today - timedelta(days=405)
    PostgresEvents().prepare([old, young])
    # However short a tenant's operator would have it: the doors take events of the last 400 days.
    settings.EVENTS_KEPT_DAYS = 10
    partitions_keep(datetime.combine(today, datetime.min.time(), tzinfo=UTC))
    found = partitions(migrator)
    assert name_of(old) not in found
    assert {name_of(young), *(name_of(today + timedelta(days=n)) for n in range(AHEAD + 1))} <= found
