"""Tables of associations: what belongs to what stands in a file of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from hub.accounts.models import Contact
from hub.feedback.models import Ticket
from hub.ingest.imports import joining, work
from hub.ingest.imports.engine import ImportResult, import_folder
from hub.ingest.imports.preflight import ImportProblem, mapping_read
from hub.ingest.imports.runs import mapping_keep, run_create, run_start
from hub.ingest.models import ImportMapping, ImportRun, QuarantinedRow
from hub.people.models import Role
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.world import ACTOR, make_member

pytestmark = pytest.mark.django_db(transaction=True)

MAPPING = """
source: hubspot
files:
  - {file: companies.csv, match: "companies-*.csv", entity: account, external_id: id, fields: {name: name}}
  - file: contacts.csv
    match: "contacts-*.csv"
    entity: contact
    external_id: id
    account: {column: id, by: {file: links.csv, match: "links-*.csv", key: contact_id, value: company_id}}
    fields: {email: email}
  - file: tickets.csv
    match: "tickets-*.csv"
    entity: ticket
    external_id: id
    account: company
    contact: {column: id, by: {file: askers.csv, match: "askers-*.csv", key: ticket_id, value: contact_id}}
    fields: {opened_at: opened}
"""
FILES = {
    "companies.csv": "id,name\n1,Northwind\n2,Southwind\n",
    "contacts.csv": "id,email\n7,kim@n.example\n8,lee@s.example\n9,nobody@x.example\n",
    # Kim is at two companies: the first counts. A broken row and an empty id say nothing.
    "links.csv": "contact_id,company_id,type\n7,1,primary\n7,2,other\n8,2,primary\n,1,x\n5,\n6,1,x,y,z\n",
    "tickets.csv": "id,company,opened\n100,1,2026-01-02\n101,2,2026-01-03\n",
    "askers.csv": "ticket_id,contact_id\n100,7\n",
}


def folder(path: Path, files: dict[str, str] = FILES) -> Path:
    for name, content in files.items():
        (path / name).write_text(content)
    return path


def run(tenant: Tenant, path: Path) -> ImportResult:
    mapping = mapping_read(MAPPING, name="m.yaml")
    return import_folder(tenant=tenant, mapping=mapping, mapping_name="m", folder=path, actor=ACTOR, historical=True)


def people(tenant: Tenant) -> dict[str, str]:
    with tenant_context(tenant):
        return dict(Contact.objects.values_list("email", "account__name"))


def test_contacts_find_their_companies_by_the_table_of_associations(acme: Tenant, tmp_path: Path) -> None:
    result = run(acme, folder(tmp_path))
    assert people(acme) == {"kim@n.example": "Northwind", "lee@s.example": "Southwind"}
    with tenant_context(acme):
        assert [(row.external_id, row.contact and row.contact.email) for row in Ticket.objects.order_by("id")] == [
            ("100", "kim@n.example"), ("101", None),
        ]  # fmt: skip
        refused = QuarantinedRow.objects.get()
        assert (refused.reason, refused.value, refused.message) == (
            "no_account", "9", "links.csv names no account for the row",
        )  # fmt: skip
    assert [item.name for item in result.files] == ["companies.csv", "contacts.csv", "tickets.csv"]
    again = run(acme, tmp_path)
    assert [item.counts["unchanged"] for item in again.files] == [2, 2, 2]


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"links.csv": None}, "links.csv: not found; it says which account the rows of contacts.csv belong to"),
        ({"links.csv": "contact_id,firm\n7,1\n"}, "links.csv: line 1: column 'company_id' is missing"),
        ({"askers.csv": ""}, "askers.csv"),
    ],
)
def test_nothing_is_written_before_the_associations_are_there(
    acme: Tenant, tmp_path: Path, files: dict[str, Any], problem: str
) -> None:
    folder(tmp_path, {name: content for name, content in {**FILES, **files}.items() if content is not None})
    with pytest.raises(ImportProblem) as caught:
        run(acme, tmp_path)
    assert problem in str(caught.value)
    assert people(acme) == {}


def test_a_table_that_would_fill_the_memory_is_refused(
    acme: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "MOST_PAIRS", 1)
    with pytest.raises(ImportProblem, match=r"links\.csv: more than 1 ids"):
        run(acme, folder(tmp_path))


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("{column: id, by: links.csv}", "expected a mapping with the keys file, key and value"),
        ("{column: id, by: {file: links.csv, key: a}}", "account.by.value: expected a text"),
        ("{column: id, by: {file: l.csv, key: a, value: b, join: left}}", "account.by.join: unknown key"),
        ("{column: id, via: links.csv}", "account.via: unknown key"),
    ],
)
def test_what_is_wrong_with_a_join_is_said(said: str, problem: str) -> None:
    text = MAPPING.replace(
        '{column: id, by: {file: links.csv, match: "links-*.csv", key: contact_id, value: company_id}}', said
    )
    with pytest.raises(ImportProblem) as caught:
        mapping_read(text, name="m.yaml")
    assert problem in str(caught.value)


def sent(month: str) -> list[SimpleUploadedFile]:
    return [
        SimpleUploadedFile(name.replace(".csv", f"-{month}.csv"), content.encode()) for name, content in FILES.items()
    ]


def test_a_kept_mapping_finds_next_months_tables_by_their_names(acme: Tenant, client: Client) -> None:
    member = make_member(acme, Role.ADMIN)
    client.force_login(member.user)
    with tenant_context(acme):
        mapping_keep(name="HubSpot", content=MAPPING, actor=ACTOR)
        made = run_create(files=sent("july"), actor=ACTOR)
    work.drain(acme.pk)
    page = client.get(f"/t/acme/imports/{made.pk}/").content.decode()
    assert "Recognised" in page
    assert "Says what the rows of contacts-july.csv belong to" in page
    assert "Left out" not in page
    # Saving the columns of a file keeps what the form does not show.
    with tenant_context(acme):
        position = made.uploads.get(name="contacts-july.csv").position
    form = {"entity": "contact", "external_id": "id", "account": "id", "field-1": "email"}
    assert client.post(f"/t/acme/imports/{made.pk}/files/{position}/", form).status_code == 302
    with tenant_context(acme):
        run_start(run=made, actor=ACTOR, historical=True)
    work.drain(acme.pk)
    with tenant_context(acme):
        done = ImportRun.objects.get(pk=made.pk)
        assert (done.status, done.mapping) == ("done", "HubSpot"), done.problem
    assert people(acme) == {"kim@n.example": "Northwind", "lee@s.example": "Southwind"}


def test_a_mapping_whose_associations_were_not_sent_says_so(acme: Tenant) -> None:
    with tenant_context(acme):
        mapping_keep(name="HubSpot", content=MAPPING, actor=ACTOR)
        saved = ImportMapping.objects.get()
        files = [file for file in sent("july") if not str(file.name).startswith("links")]
        made = run_create(files=files, actor=ACTOR, saved=saved)
    work.drain(acme.pk)
    with tenant_context(acme):
        made.refresh_from_db()
        with pytest.raises(ValueError, match=r"links\.csv, which says what its rows belong to, is not here"):
            run_start(run=made, actor=ACTOR, historical=True)
