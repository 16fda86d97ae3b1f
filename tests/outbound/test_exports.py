"""Exports: asked for on a page, written by a worker in pieces, taken as a download."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub.outbound.exports import sheet, writing
from hub.outbound.exports.services import export_cancel, export_start
from hub.outbound.models import Export, ExportChunk
from hub.people.models import AuditEvent
from hub.registry.exports import ExportList, ExportPage, Filters, export_lists
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.world import ACTOR, make_account, make_contact, make_member


def asked(tenant: Tenant, list_key: str = "accounts", format: str = "csv", **filters: str) -> Export:
    with tenant_context(tenant):
        started: Export = export_start(list_key=list_key, format=format, filters=filters, actor=ACTOR)
    return started


def now(export: Export) -> Export:
    with tenant_context(export.tenant):
        found: Export = Export.objects.get(pk=export.pk)
    return found


def staff(tenant: Tenant, role: str = "csm") -> Client:
    client = Client()
    client.force_login(make_member(tenant, role, password=None).user)
    return client


def taken(client: Client, export: Export) -> bytes:
    response: Any = client.get(f"/t/acme/exports/{export.pk}/file/")
    assert response.status_code == 200
    assert response["Content-Disposition"].startswith("attachment;")
    assert response["X-Content-Type-Options"] == "nosniff"
    body = b"".join(response.streaming_content)
    assert int(response["Content-Length"]) == len(body)
    return body


def lines(body: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline="")))


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "PIECE", 3)


def test_a_person_asks_and_takes_the_file(acme: Tenant) -> None:
    with tenant_context(acme):
        make_account("Northwind")
        make_account("=HYPERLINK(1)")
    client = staff(acme)
    client.post("/t/acme/exports/start/", {"list": "accounts", "format": "csv"})
    with tenant_context(acme):
        export = Export.objects.get()
    assert "Waiting" in client.get("/t/acme/exports/").content.decode()
    writing.drain(acme.pk)
    page = client.get("/t/acme/exports/").content.decode()
    assert f"/t/acme/exports/{export.pk}/file/" in page
    assert "every 2s" not in page
    assert sorted(row[0] for row in lines(taken(client, export))) == ["'=HYPERLINK(1)", "Account", "Northwind"]
    with tenant_context(acme):
        done = AuditEvent.objects.filter(action__in=("export.start", "export.download")).values_list(
            "action", flat=True
        )
        assert sorted(done) == ["export.download", "export.start"]


def test_a_list_longer_than_a_piece_comes_whole_and_in_order(acme: Tenant, small_pieces: None) -> None:
    names = [f"Account {number:02}" for number in range(10)]
    with tenant_context(acme):
        for name in names:
            make_account(name)
    exports = [asked(acme, format=format) for format in ("csv", "xlsx")]
    writing.drain(acme.pk)
    assert [row[0] for row in lines(taken(staff(acme), exports[0]))[1:]] == names
    book = openpyxl.load_workbook(io.BytesIO(taken(staff(acme), exports[1])))
    assert [row[0] for row in book.worksheets[0].iter_rows(min_row=2, values_only=True)] == names


def test_filters_of_the_page_narrow_the_file(acme: Tenant) -> None:
    with tenant_context(acme):
        kept = make_account("Northwind")
        make_contact(kept, "kim@x.example")
        make_contact(make_account("Southwind"), "lee@x.example")
    one, none, other = (asked(acme, "contacts", account=text) for text in (str(kept.pk), "nonsense", ""))
    by_name = asked(acme, "accounts", q="south", ignored="x")
    writing.drain(acme.pk)
    assert [now(export).rows for export in (one, none, other, by_name)] == [1, 0, 2, 1]
    assert now(by_name).filters == {"q": "south"}


def test_a_worker_that_died_is_followed_by_one_that_goes_on_where_it_was(acme: Tenant, small_pieces: None) -> None:
    with tenant_context(acme):
        for number in range(8):
            make_account(f"Account {number}")
    export = asked(acme, format="xlsx")
    dead = writing._claim(acme)
    assert dead is not None
    with tenant_context(acme):
        assert writing._step(acme, dead) is False
    assert (now(export).status, now(export).rows) == ("running", 3)
    with tenant_context(acme):
        Export.objects.update(due_at=timezone.now())
    writing.drain(acme.pk)
    assert now(export).rows == 8
    book = openpyxl.load_workbook(io.BytesIO(taken(staff(acme), export)))
    assert len(list(book.worksheets[0].iter_rows(min_row=2))) == 8
    with pytest.raises(writing._Lost), tenant_context(acme):
        writing._step(acme, dead)


def test_cancelling_stops_the_writer_and_drops_the_pieces(acme: Tenant, small_pieces: None) -> None:
    with tenant_context(acme):
        for number in range(8):
            make_account(f"Account {number}")
    export = asked(acme)
    claimed = writing._claim(acme)
    assert claimed is not None
    with tenant_context(acme):
        writing._step(acme, claimed)
    client = staff(acme)
    assert client.post(f"/t/acme/exports/{export.pk}/cancel/").status_code == 302
    with pytest.raises(writing._Lost), tenant_context(acme):
        writing._step(acme, claimed)
    with tenant_context(acme):
        assert not ExportChunk.objects.exists()
        assert not export_cancel(export=export, actor=ACTOR)
    assert now(export).status == "cancelled"
    assert client.get(f"/t/acme/exports/{export.pk}/file/").status_code == 302


def test_a_file_expires_after_a_week(acme: Tenant) -> None:
    export = asked(acme)
    writing.drain(acme.pk)
    with tenant_context(acme):
        due = writing.backlog()
        assert due is not None
        assert timedelta(days=6) < due - timezone.now() < timedelta(days=8)
        Export.objects.update(due_at=timezone.now())
    writing.drain(acme.pk)
    assert now(export).status == "expired"
    with tenant_context(acme):
        assert not ExportChunk.objects.exists()


@pytest.fixture
def broken_list() -> Any:
    def page(given: Filters, cursor: str, size: int) -> ExportPage:
        raise RuntimeError("no such column")

    broken = ExportList("broken", "Broken", "accounts.view", ("x",), page, lambda given: 1)
    export_lists.register(broken)
    yield broken
    del export_lists._items["broken"]
    export_lists._sorted = None


def test_what_cannot_be_written_says_so_after_some_tries(acme: Tenant, broken_list: ExportList) -> None:
    export, fine = asked(acme, "broken"), asked(acme)
    for _ in range(writing.MAX_ATTEMPTS):
        writing.drain(acme.pk)
        with tenant_context(acme):
            Export.objects.filter(status="running").update(due_at=timezone.now())
    assert now(export).status == "failed"
    assert "no such column" in now(export).reason
    assert now(fine).status == "done"


def test_a_list_too_long_for_a_sheet_is_refused_with_words(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "MAX_ROWS", 2)
    with tenant_context(acme):
        make_account("A")
        make_account("B")
    export = asked(acme, format="xlsx")
    writing.drain(acme.pk)
    assert now(export).status == "failed"
    assert "take CSV" in now(export).reason


@pytest.mark.parametrize("rows", [1, 20])
def test_the_page_asks_the_same_number_of_queries(acme: Tenant, rows: int) -> None:
    with tenant_context(acme):
        for _ in range(rows):
            Export.objects.create(list_key="accounts", format="csv", status="done")
    client = staff(acme)
    with CaptureQueriesContext(connection) as caught:
        assert client.get("/t/acme/exports/").status_code == 200
    assert len([q for q in caught.captured_queries if "outbound_export" in q["sql"]]) == 1


def test_nonsense_starts_nothing(acme: Tenant) -> None:
    client = staff(acme)
    for form in ({}, {"list": "nothing", "format": "csv"}, {"list": "accounts", "format": "exe"}):
        assert client.post("/t/acme/exports/start/", form).status_code == 302
    with tenant_context(acme):
        assert not Export.objects.exists()
