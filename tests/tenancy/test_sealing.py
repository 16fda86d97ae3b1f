"""Secrets at rest: no copy of the database holds them, nor can they be moved, and keys can be rotated."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from hub.ingest.connectors.endpoints import endpoint_make, endpoint_renew
from hub.ingest.connectors.selectors import alarms
from hub.ingest.models import HookEndpoint, PullAccess
from hub.ingest.pulling import work as pulling
from hub.ingest.pulling.services import access_give
from hub.outbound.models import WebhookEndpoint
from hub.outbound.webhooks import sending
from hub.outbound.webhooks.services import endpoint_create, endpoint_rotate, endpoint_test
from hub.people.models import AuditEvent
from hub.tenancy.context import tenant_context
from hub.tenancy.fields import Sealed
from hub.tenancy.models import Tenant
from hub.tenancy.operations import SealSecrets
from hub.tenancy.resealing import secret_fields
from hub.tenancy.sealing import PREFIX, SecretUnreadable, is_current, place, seal, unseal
from tests.ingest.hooks import send, stripe_event
from tests.world import ACTOR, make_member

pytestmark = pytest.mark.django_db(transaction=True)
GIVEN = "whsec_that-nobody-may-find"
KEY = "rk_live_that-nobody-may-find"
HERE = "some_table.secret/tenant/row"


@given(text=st.text(min_size=1).filter(lambda text: "\x00" not in text and text.isprintable()))
def test_what_is_sealed_opens_in_its_place_alone(text: str) -> None:
    sealed = seal(text, HERE)
    assert unseal(sealed, HERE) == text
    assert sealed.startswith(PREFIX)
    assert sealed != seal(text, HERE)
    with pytest.raises(SecretUnreadable):
        unseal(sealed, "some_table.secret/another/row")
    with pytest.raises(SecretUnreadable):
        unseal(sealed[:-8] + "AAAAAAA=", HERE)


@given(junk=st.text(max_size=40))
def test_what_nobody_sealed_is_no_secret(junk: str) -> None:
    with pytest.raises(SecretUnreadable):
        unseal(f"{PREFIX}{junk}", HERE)


class Kept:
    """One of every secret that there is."""

    def __init__(self, tenant: Tenant) -> None:
        with tenant_context(tenant):
            self.hook = endpoint_make(source="stripe", label="Billing", secret=GIVEN, actor=ACTOR)
            self.hook = endpoint_renew(endpoint=self.hook, secret=f"{GIVEN}-2", actor=ACTOR)
            self.access = access_give(endpoint=self.hook, secret=KEY, address="https://api.example", actor=ACTOR)
            made = endpoint_create(url="https://theirs.example/", kinds=["signal.recorded"], actor=ACTOR)
            self.out_before = made.secret
            self.out = endpoint_rotate(endpoint=made, actor=ACTOR)
            self.out_now = self.out.secret

    def check(self, tenant: Tenant) -> None:
        with tenant_context(tenant):
            hook, out = HookEndpoint.objects.get(), WebhookEndpoint.objects.get()
            assert hook.secrets() == [f"{GIVEN}-2", GIVEN]
            assert PullAccess.objects.get().secret == KEY
            assert (out.secret, out.previous_secret) == (self.out_now, self.out_before)


@pytest.fixture
def kept(acme: Tenant) -> Kept:
    return Kept(acme)


def columns(migrator: psycopg.Connection) -> list[tuple[str, str, Any]]:
    """Every secret column as it lies in the database."""
    found = []
    for field in secret_fields():
        table, column = field.model._meta.db_table, str(field.column)
        rows = migrator.execute(f'SELECT "{column}" FROM "{table}"').fetchall()
        found += [(table, column, value) for (value,) in rows]
    return found


def test_a_dump_holds_no_secret_and_the_rows_still_give_them(
    acme: Tenant, kept: Kept, migrator: psycopg.Connection
) -> None:
    held = columns(migrator)
    assert len(held) == 5
    assert all(value.startswith(PREFIX) for _, _, value in held)
    tables = migrator.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    dump = "".join(str(migrator.execute(f'SELECT * FROM "{table}"').fetchall()) for (table,) in tables)
    assert not [secret for secret in (GIVEN, KEY, kept.out_now, kept.out_before) if secret in dump]
    kept.check(acme)


def test_a_secret_that_was_moved_to_another_row_or_column_does_not_open(acme: Tenant, kept: Kept) -> None:
    with tenant_context(acme):
        other = endpoint_make(source="stripe", label="Other", secret="whsec_mine_alone", actor=ACTOR)
        held = HookEndpoint.objects.filter(pk=kept.hook.pk).values_list("secret", flat=True).get()
        assert isinstance(held, Sealed)
        HookEndpoint.objects.filter(pk=other.pk).update(secret=held)
        with pytest.raises(SecretUnreadable):
            HookEndpoint.objects.get(pk=other.pk).secret  # noqa: B018  # reading it is the claim
        HookEndpoint.objects.filter(pk=kept.hook.pk).update(previous_secret=held)
        with pytest.raises(SecretUnreadable):
            HookEndpoint.objects.get(pk=kept.hook.pk).secrets()


def test_no_statement_can_write_a_secret_past_its_row(acme: Tenant, kept: Kept) -> None:
    with tenant_context(acme):
        with pytest.raises(TypeError, match="sealed for its row"), transaction.atomic():
            PullAccess.objects.update(secret="plain")
        with pytest.raises(TypeError, match="sealed for its row"):
            HookEndpoint.objects.filter(secret="whsec_guess").exists()
        PullAccess.objects.update(secret="")
        assert PullAccess.objects.get().secret == ""


def test_a_row_that_is_saved_or_read_in_part_keeps_its_secret(acme: Tenant, kept: Kept) -> None:
    with tenant_context(acme):
        row = HookEndpoint.objects.get()
        row.label = "Otherwise"
        row.save()
        assert HookEndpoint.objects.only("label").get().secret == f"{GIVEN}-2"
        row.refresh_from_db()
    kept.check(acme)


def test_secrets_of_before_are_taken_as_they_are_and_sealed_by_the_command(
    acme: Tenant, kept: Kept, migrator: psycopg.Connection
) -> None:
    migrator.execute("UPDATE ingest_pullaccess SET secret = %s", [KEY])
    kept.check(acme)
    call_command("reseal_secrets", stdout=io.StringIO())
    [value] = [value for table, _, value in columns(migrator) if table == "ingest_pullaccess"]
    assert value.startswith(PREFIX)
    kept.check(acme)


def test_the_migration_seals_what_is_there_once_and_can_be_taken_back(
    acme: Tenant, kept: Kept, migrator: psycopg.Connection
) -> None:
    migrator.execute("UPDATE ingest_pullaccess SET secret = %s", [KEY])
    operation = SealSecrets("ingest_pullaccess", "secret")

    def run(change: Callable[..., None]) -> str:
        # Of a schema editor it uses the connection, which here is the migrator's.
        change("ingest", SimpleNamespace(connection=migrator), None, None)
        return next(str(value) for table, _, value in columns(migrator) if table == "ingest_pullaccess")

    assert run(operation.database_forwards).startswith(PREFIX)
    kept.check(acme)
    run(operation.database_forwards)
    kept.check(acme)
    assert run(operation.database_backwards) == KEY


def test_a_rotation_of_the_key_loses_nothing(
    acme: Tenant, kept: Kept, migrator: psycopg.Connection, settings: Settings
) -> None:
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "the next key of this installation, long enough"
    kept.check(acme)
    said = io.StringIO()
    call_command("reseal_secrets", "--dry-run", stdout=said)
    assert "acme: 5 to be encrypted anew, 0 were so, 0 cannot be read" in said.getvalue()
    call_command("reseal_secrets", stdout=io.StringIO())
    assert all(is_current(value) for _, _, value in columns(migrator))
    settings.SECRET_KEY_FALLBACKS = []
    kept.check(acme)
    with tenant_context(acme):
        assert AuditEvent.objects.filter(action="secrets.reseal").count() == 1


def test_without_the_key_pages_say_so_doors_ask_for_patience_and_nothing_is_sent(
    acme: Tenant, kept: Kept, settings: Settings
) -> None:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    with tenant_context(acme):
        endpoint_test(endpoint=kept.out, actor=ACTOR)
    settings.SECRET_KEY = "quite another key of this installation, long enough"
    admin = Client()
    admin.force_login(make_member(acme, "admin", password=None).user)
    page = f"/t/acme/sources/connections/{kept.hook.pk}/"
    shown = admin.get(page)
    assert shown.status_code == 200
    assert "The secret cannot be read" in shown.content.decode()
    assert "encrypted under another SECRET_KEY" in admin.get("/t/acme/sources/connections/").content.decode()
    assert "The secret cannot be read" in admin.get(f"/t/acme/webhooks/{kept.out.pk}/").content.decode()
    call = stripe_event("customer.updated", {"id": "cus_1", "name": "Northwind"}, at=1_760_000_000)
    assert send(acme, kept.hook, call, secret=f"{GIVEN}-2").status_code == 503
    with tenant_context(acme):
        [alarm] = alarms(timezone.now())
        assert "cannot be verified" in alarm.trouble
    with pytest.raises(CommandError, match="5 secrets cannot be read"):
        call_command("reseal_secrets", stdout=io.StringIO())

    [row] = sending.claim(acme)
    assert "cannot be read" in sending.call(row).detail
    pulling.drain(acme.pk)
    with tenant_context(acme):
        access = PullAccess.objects.get()
        assert access.stopped_at is not None
        assert "cannot be read" in access.reason

    # What is given anew is good at once; what nobody can read is not kept as the one before.
    assert admin.post(f"{page}renew/", {"secret": "whsec_the-third-one"}).status_code == 200
    assert send(acme, kept.hook, call, secret="whsec_the-third-one").status_code == 200
    with tenant_context(acme):
        assert HookEndpoint.objects.get().secrets() == ["whsec_the-third-one"]
        again = endpoint_rotate(endpoint=WebhookEndpoint.objects.get(), actor=ACTOR)
        assert again.previous_secret == ""


def test_the_place_of_a_secret_names_its_row(acme: Tenant, kept: Kept) -> None:
    [field] = [field for field in secret_fields() if field.model is PullAccess]
    assert field.place(kept.access) == place("ingest_pullaccess", "secret", acme.pk, kept.access.pk)
