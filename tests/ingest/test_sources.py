"""The Sources pages: keys with what came by them, the latest events, their shapes, and what was refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from hub.ingest import flusher as flusher_module
from hub.ingest.flusher import Parcel, _flush
from hub.ingest.models import DoorVolume, EventSchema
from hub.ingest.segment import normalise, read_request
from hub.ingest.sources import services
from hub.ingest.sources.schema import properties_of, type_of
from hub.ingest.sources.selectors import keys_of, tail
from hub.ingest.sources.services import Register
from hub.people.models import Credential, Role
from hub.people.services import credential_create, credential_revoke
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.world import ACTOR, make_member

pytestmark = pytest.mark.django_db(transaction=True)
Take = Callable[..., None]


@pytest.fixture(autouse=True)
def _fresh_register(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flusher_module, "_register", Register())


@pytest.fixture
def credential(acme: Tenant) -> Credential:
    return credential_create(tenant=acme, name="web app", actor=ACTOR, scopes=["ingest"])[0]


@pytest.fixture
def take(credential: Credential) -> Take:
    def take(*calls: dict[str, Any], by: Credential | None = None) -> None:
        used, now = by or credential, timezone.now()
        request = read_request("batch", {}, json.dumps({"batch": calls, "writeKey": "k"}).encode())
        parcel = Parcel(used, normalise(request, tenant_id=used.tenant_id, received_at=now), now)
        _flush([parcel])
        parcel.done.result(0)

    return take


def track(event: str = "Report Shared", **fields: Any) -> dict[str, Any]:
    return {"type": "track", "event": event, "userId": "u1", **fields}


def sign_in(tenant: Tenant, role: Role = Role.ADMIN) -> Client:
    client = Client()
    client.force_login(make_member(tenant, role).user)
    return client


def test_a_key_shows_what_came_by_it(acme: Tenant, credential: Credential, take: Take) -> None:
    take(track(), track(), {"type": "nonsense", "userId": "u1"})
    take(track())
    with tenant_context(acme):
        [key] = [key for key in keys_of(acme, timezone.now()) if key.credential == credential]
    assert (key.today, key.quarantined, key.quiet, len(key.days)) == (3, 1, False, 14)
    page = sign_in(acme).get(f"/t/{acme.slug}/sources/").content.decode()
    assert "web app" in page
    assert "Sending" in page


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_today_is_the_tenants_day(acme: Tenant, credential: Credential, zone: str) -> None:
    with timezone.override(zone), tenant_context(acme):
        now = timezone.now()
        for ago in (0, 1):
            at = now - timedelta(days=ago)
            hour = at.replace(minute=0, second=0, microsecond=0)
            DoorVolume.objects.create(credential=credential, hour=hour, process="p", events=5 + ago, last_at=at)
        [key] = [key for key in keys_of(acme, now) if key.credential == credential]
    assert key.days[-2:] == [6, 5]


def test_a_key_that_sent_all_week_and_stopped_is_quiet(acme: Tenant, credential: Credential) -> None:
    now = timezone.now()
    with tenant_context(acme):
        for ago in range(2, 8):
            at = now - timedelta(days=ago)
            hour = at.replace(minute=0, second=0, microsecond=0)
            DoorVolume.objects.create(credential=credential, hour=hour, process="p", events=5, last_at=at)
        [key] = [key for key in keys_of(acme, now) if key.credential == credential]
        assert key.quiet
    assert "has gone quiet" in sign_in(acme).get(f"/t/{acme.slug}/sources/").content.decode()
    credential_revoke(credential=credential, actor=ACTOR)
    with tenant_context(acme):
        [key] = [key for key in keys_of(acme, now) if key.credential == credential]
    assert not key.quiet


def test_an_admin_makes_a_key_that_is_shown_once_and_revokes_it(acme: Tenant) -> None:
    client = sign_in(acme)
    page = client.post(f"/t/{acme.slug}/sources/keys/new/", {"name": "server"}).content.decode()
    key = page.split('<code id="key">')[1].split("<")[0]
    assert Client().post("/v1/track", track(writeKey=key), content_type="application/json").status_code == 200
    assert key not in client.get(f"/t/{acme.slug}/sources/").content.decode()
    made = Credential.objects.get(tenant=acme, name="server")
    assert made.scopes == ["ingest"]
    assert client.post(f"/t/{acme.slug}/sources/keys/{made.pk}/revoke/").status_code == 302
    assert Client().post("/v1/track", track(writeKey=key), content_type="application/json").status_code == 401


def test_only_admins_make_and_revoke_keys_and_nobody_a_strangers(
    acme: Tenant, globex: Tenant, credential: Credential
) -> None:
    csm, stranger = sign_in(acme, Role.CSM), sign_in(globex)
    assert csm.get(f"/t/{acme.slug}/sources/").status_code == 200
    assert csm.post(f"/t/{acme.slug}/sources/keys/new/", {"name": "x"}).status_code == 403
    assert csm.post(f"/t/{acme.slug}/sources/keys/{credential.pk}/revoke/").status_code == 403
    assert stranger.post(f"/t/{globex.slug}/sources/keys/{credential.pk}/revoke/").status_code == 404
    assert stranger.get(f"/t/{acme.slug}/sources/").status_code == 404
    credential.refresh_from_db()
    assert credential.revoked_at is None


def test_the_latest_events_come_first_and_only_the_tenants_own(acme: Tenant, globex: Tenant, take: Take) -> None:
    other = credential_create(tenant=globex, name="theirs", actor=ACTOR)[0]
    take(track("First"))
    take(track("Second", properties={"plan": "pro"}))
    take(track("Foreign"), by=other)
    with tenant_context(acme):
        rows = tail()
    assert [row.event.name for row in rows] == ["Second", "First"]
    assert json.loads(rows[0].text) == {"plan": "pro"}
    page = sign_in(acme).get(f"/t/{acme.slug}/sources/live/", headers={"hx-request": "true"}).content.decode()
    assert page.lstrip().startswith("<section")
    assert "Second" in page
    assert "Foreign" not in page


def test_the_register_learns_properties_and_types(acme: Tenant, take: Take) -> None:
    take(track(properties={"seats": 3, "email": "ann@example.com", "plan": "pro"}))
    take(track(properties={"seats": "three"}))
    with tenant_context(acme):
        [schema] = EventSchema.objects.all()
    assert schema.properties == {
        "seats:number": "3",
        "seats:text": "three",
        "email:text": "",
        "plan:text": "pro",
    }
    page = sign_in(acme).get(f"/t/{acme.slug}/sources/events/").content.decode()
    assert "mixed types" in page
    assert "ann@example.com" not in page


def test_traits_give_no_examples(acme: Tenant, take: Take) -> None:
    take({"type": "identify", "userId": "u1", "traits": {"title": "Head of Data"}})
    with tenant_context(acme):
        assert EventSchema.objects.get(kind="identify").properties == {"title:text": ""}


def test_what_is_known_already_costs_no_statement(
    acme: Tenant, take: Take, django_assert_num_queries: Callable[..., Any]
) -> None:
    register = flusher_module._register
    take(track(properties={"seats": 3}))
    request = read_request("track", {}, json.dumps(track(writeKey="k", properties={"seats": 4})).encode())
    events = normalise(request, tenant_id=acme.id, received_at=timezone.now()).events
    with tenant_context(acme), django_assert_num_queries(0):
        register.note(acme.id, events, at=timezone.now())


def test_ids_in_event_names_do_not_flood_the_register(
    acme: Tenant, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MOST_NAMES", 5)
    take(*[track(f"Opened {number}") for number in range(8)])
    take(*[track(f"Closed {number}") for number in range(8)])
    with tenant_context(acme):
        assert EventSchema.objects.count() == 5
        assert len(tail()) == 16


def test_refused_calls_are_listed_with_their_reason_and_can_be_taken_along(acme: Tenant, take: Take) -> None:
    take({"type": "nonsense", "userId": "u1"}, {"type": "track", "userId": "u1"}, track())
    client = sign_in(acme, Role.CSM)
    page = client.get(f"/t/{acme.slug}/sources/refused/").content.decode()
    assert "unknown_type" in page
    assert "no_event_name" in page
    only = client.get(f"/t/{acme.slug}/sources/refused/?reason=no_event_name").content.decode()
    assert "a track call needs an event" in only
    assert "nonsense" not in only
    file = client.get(f"/t/{acme.slug}/sources/refused/download/?reason=unknown_type")
    assert "attachment" in file["Content-Disposition"]
    [line] = file.content.decode().splitlines()
    assert json.loads(json.loads(line)["call"])["type"] == "nonsense"


def test_lists_ask_as_often_for_many_rows_as_for_one(
    acme: Tenant, take: Take, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    client = sign_in(acme)
    for count in (1, 20):
        take(*[track(f"Event {number}") for number in range(count)], *[{"type": f"t{n}"} for n in range(count)])
        for path in ("", "live/", "events/", "refused/"):
            with django_assert_max_num_queries(14):
                assert client.get(f"/t/{acme.slug}/sources/{path}").status_code == 200


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json_values, max_size=120))
def test_every_object_has_a_shape_of_bounded_size(values: dict[str, Any]) -> None:
    shape = properties_of(values, examples=True)
    assert len(shape) <= 100
    assert all(len(example) <= 40 and "@" not in example for example in shape.values())
    assert all(type_of(value) in {"text", "number", "boolean", "list", "object", "null"} for value in values.values())


@pytest.mark.parametrize("page", ["imports", "sources/refused"])
@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2024-01-01T00:00:00"])
def test_an_address_with_a_time_beyond_any_calendar_starts_the_list_at_its_beginning(
    acme: Tenant, page: str, time: str
) -> None:
    client = Client()
    client.force_login(make_member(acme, Role.ADMIN).user)
    assert client.get(f"/t/acme/{page}/", {"cursor": f"{time},{acme.pk}"}).status_code == 200
