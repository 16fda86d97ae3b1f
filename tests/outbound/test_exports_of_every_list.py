"""Every list there is can be taken as a file, whole, by whoever may, and holds no row of another tenant."""

from __future__ import annotations

import io
from collections.abc import Iterator

import openpyxl
import pytest
from django.db import transaction
from pytest_django.plugin import DjangoDbBlocker

from hub.outbound.exports import writing
from hub.outbound.exports.services import export_start
from hub.outbound.models import Export
from hub.registry.exports import export_lists
from hub.tenancy.context import tenant_context
from tests.architecture.worlds import World, make_world
from tests.outbound.test_exports import lines, staff, taken
from tests.world import ACTOR

FOREIGN = "zzforeignzz"


@pytest.fixture(scope="module")
def worlds(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[tuple[World, World]]:
    """Both tenants, made once and never committed; each test's own transaction lies inside and is taken back."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_world("acme", "ours"), make_world("globex", FOREIGN)
        transaction.set_rollback(True)


@pytest.mark.parametrize("key", [item.key for item in export_lists])
@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_every_list_can_be_taken_and_holds_no_stranger(
    worlds: tuple[World, World], db: None, key: str, format: str
) -> None:
    here, _ = worlds
    for world in worlds:
        with tenant_context(world.tenant):
            export_start(list_key=key, format=format, filters={}, actor=ACTOR)
        writing.drain(world.tenant.pk)
    with tenant_context(here.tenant):
        export = Export.objects.filter(list_key=key, format=format).latest("pk")
    assert (export.status, export.reason) == ("done", "")
    assert export.rows == export.total
    body = taken(staff(here.tenant, "admin"), export)
    if format == "csv":
        found = lines(body)
    else:
        rows = openpyxl.load_workbook(io.BytesIO(body)).worksheets[0].iter_rows(values_only=True)
        found = [[str(cell or "") for cell in row] for row in rows]
    assert found[0] == list(export_lists.get(key).columns)
    assert len(found) == export.rows + 1
    assert {len(row) for row in found} == {len(found[0])}
    assert FOREIGN not in str(found)
