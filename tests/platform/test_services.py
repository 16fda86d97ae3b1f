"""What every other test relies on."""

import os

import psycopg
import pytest
import redis
from django.db import connection, connections
from django.test import TransactionTestCase
from django.utils import timezone
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from hub.tenancy.models import Heartbeat
from tests import services


@pytest.mark.django_db
def test_tests_connect_as_the_app_role_which_row_level_security_binds() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == ("tandem_app", False)


@pytest.mark.django_db
def test_each_process_has_a_database_of_its_own() -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    assert connections["default"].settings_dict["NAME"] == f"tandem_{worker}"
    assert connections["migrator"].settings_dict["NAME"] == f"tandem_{worker}"


@pytest.mark.parametrize("rows", [1, 30_000])
def test_clean_empties_what_tests_committed_and_keeps_what_migrations_filled(
    migrator: psycopg.Connection, rows: int
) -> None:
    table = sql.Identifier(Heartbeat._meta.db_table)
    insert = sql.SQL("INSERT INTO {} (process, beat_at) SELECT n, now() FROM generate_series(1, %s) n").format(table)
    migrator.execute(insert, [rows])
    size = migrator.execute("SELECT pg_relation_size(%s::regclass)", [Heartbeat._meta.db_table]).fetchone()
    # Few rows are deleted, many are truncated.
    assert size is not None
    assert (size[0] > services.LARGE) is (rows > 1)
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as broker:
        broker.set("left", "over")
        services.clean()
        assert broker.dbsize() == 0
    assert migrator.execute(sql.SQL("SELECT count(*) FROM {}").format(table)).fetchone() == (0,)
    applied = migrator.execute("SELECT count(*) FROM django_migrations").fetchone()
    assert applied is not None
    assert applied[0] > 0


def test_the_app_role_may_neither_own_nor_truncate() -> None:
    with psycopg.connect(os.environ["DATABASE_URL"]) as app:
        with pytest.raises(InsufficientPrivilege):
            app.execute("CREATE TABLE mine (id int)")
        app.rollback()
        with pytest.raises(InsufficientPrivilege):
            app.execute("TRUNCATE django_migrations")


@pytest.mark.django_db(transaction=True)
def test_what_a_committing_test_leaves_is_gone_after_it() -> None:
    Heartbeat.objects.create(process="left over", beat_at=timezone.now())
    TransactionTestCase()._fixture_teardown()  # type: ignore[attr-defined]  # what Django calls after such a test
    assert not Heartbeat.objects.exists()
