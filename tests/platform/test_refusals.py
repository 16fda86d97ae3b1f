"""What no page could answer is refused before a page reads it."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from hub.people.services import credential_create
from hub.tenancy.models import Tenant
from tests.world import ACTOR, make_member

pytestmark = pytest.mark.django_db

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def staff(acme: Tenant) -> Client:
    client = Client()
    client.force_login(make_member(acme, "admin", password=None).user)
    return client


@pytest.mark.parametrize("path", ["search/?q=%00", "accounts/?q=a%00b", "exports/?%00=1", "qbrs/?q=%00"])
def test_a_nul_in_an_address_is_a_bad_request(staff: Client, path: str) -> None:
    assert staff.get(f"/t/acme/{path}").status_code == 400


def test_a_nul_in_a_form_is_a_bad_request_even_before_sign_in(acme: Tenant) -> None:
    answer = Client().post("/hub/acme/sign-in/code/", {"email": "a\0@x.example", "code": "ABCDEFGH"})
    assert answer.status_code == 400
    assert "NUL" in answer.content.decode()


def test_a_nul_in_the_query_of_the_interface_is_a_problem_document(acme: Tenant) -> None:
    key = credential_create(tenant=acme, name="sync", actor=ACTOR)[1]
    answer = Client().get("/api/v1/signals?trigger=%00", headers={"authorization": f"Bearer {key}"})
    assert answer.status_code == 400
    assert answer.json()["status"] == 400


@pytest.mark.parametrize("charset", ["utf-7", "latin-1", "nope"])
def test_a_form_in_another_character_set_is_a_bad_request(staff: Client, charset: str) -> None:
    kind = f"{FORM}; charset={charset}"
    assert staff.generic("POST", "/t/acme/qbrs/generate/", b"a=b", kind).status_code == 400


def test_ordinary_forms_and_addresses_pass(staff: Client) -> None:
    assert staff.get("/t/acme/search/?q=%C3%A4").status_code == 200
    assert staff.post("/t/acme/qbrs/generate/", "a=%C3%A4", content_type=f"{FORM}; charset=UTF-8").status_code == 302


def test_a_form_beyond_the_limit_is_too_large(staff: Client) -> None:
    assert staff.post("/t/acme/qbrs/generate/", b"a=" + b"x" * 3_000_000, content_type=FORM).status_code == 413


def parts(size: int) -> dict[str, SimpleUploadedFile]:
    return {"files": SimpleUploadedFile("a.csv", b"x" * size, content_type="text/csv")}


def test_files_are_taken_where_files_are_uploaded_and_from_those_signed_in(staff: Client, settings: Settings) -> None:
    assert staff.post("/t/acme/imports/new/", parts(3_000_000)).status_code in (302, 422)
    for client, address in (
        (staff, "/t/acme/qbrs/generate/"),
        (Client(), "/t/acme/imports/new/"),
        (Client(), "/accounts/login/"),
    ):
        assert client.post(address, parts(3_000_000)).status_code == 413, address
    settings.UPLOAD_MAX_BYTES = 2_000_000
    assert staff.post("/t/acme/imports/new/", parts(3_000_000)).status_code == 413
