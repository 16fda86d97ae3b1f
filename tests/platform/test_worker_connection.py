"""A worker keeps its connection from task to task, and finds out in time when it is gone."""

from __future__ import annotations

import types
from collections.abc import Iterator

import psycopg
import pytest
from celery.fixups.django import DjangoWorkerFixup  # type: ignore[attr-defined]  # the types leave it out
from celery.signals import task_prerun
from django.db import connection

from config.celery import app

pytestmark = pytest.mark.django_db(transaction=True)
TASK = types.SimpleNamespace(request=types.SimpleNamespace(is_eager=False))


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[DjangoWorkerFixup]:
    """As config/settings.py has it in a worker's process."""
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 600)
    monkeypatch.setitem(connection.settings_dict, "CONN_HEALTH_CHECKS", True)
    connection.close()
    yield DjangoWorkerFixup(app)
    connection.close()


def session() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def task(worker: DjangoWorkerFixup) -> int:
    worker.on_task_prerun(TASK)
    task_prerun.send(sender=None)
    found = session()
    worker.on_task_postrun(TASK)
    return found


def test_tasks_share_a_session_for_a_while(worker: DjangoWorkerFixup) -> None:
    assert worker.db_reuse_max > 1
    assert task(worker) == task(worker) == task(worker)


def test_what_a_session_has_learned_is_forgotten_in_the_end(
    worker: DjangoWorkerFixup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "db_reuse_max", 2)
    assert len({task(worker) for _ in range(6)}) > 1


def test_a_session_that_died_between_two_tasks_fails_none(worker: DjangoWorkerFixup) -> None:
    before = task(worker)
    of = connection.get_connection_params()
    with psycopg.connect(
        host=of["host"], port=of["port"], user=of["user"], password=of["password"], dbname=of["dbname"], autocommit=True
    ) as other:
        assert other.execute("SELECT pg_terminate_backend(%s, 5000)", [before]).fetchone() == (True,)
    assert task(worker) != before
