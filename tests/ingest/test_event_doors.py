"""The event doors over HTTP: what is answered, what is stored, whose it is."""

from __future__ import annotations

import base64
import gzip
import json
import os
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.db import connection, connections, transaction
from django.test import Client

from hub.accounts.models import Account, AccountState, Contact
from hub.accounts.services import account_upsert
from hub.ingest import flusher as flusher_module
from hub.ingest.following import backlog, drain
from hub.ingest.models import QuarantinedEvent, TouchedAccounts
from hub.people.models import Credential
from hub.people.services import credential_create, credential_revoke
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant, TenantWork
from hub.usage.identities import IdentityChange, identities_upsert
from hub.usage.models import ActiveUserDaily, ProductIdentity, UsageDaily
from tests.world import ACTOR

pytestmark = pytest.mark.django_db(transaction=True)

SAMPLES = Path(__file__).resolve().parents[2] / os.environ.get("SAMPLE_DATA", "../shared/data") / "segment-wire"
NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)


def stamp(at: datetime) -> str:
    return at.isoformat()


@pytest.fixture
def key(acme: Tenant) -> str:
    return credential_create(tenant=acme, name="product", actor=ACTOR, scopes=["ingest"])[1]


@pytest.fixture
def post(key: str) -> Callable[..., Any]:
    def send(endpoint: str, body: object, **extra: Any) -> Any:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"authorization": "Basic " + base64.b64encode(f"{extra.pop('key', key)}:".encode()).decode()}
        headers |= extra.pop("headers", {})
        content_type = extra.pop("content_type", "application/json")
        return Client().post(f"/v1/{endpoint}", raw, content_type=content_type, headers=headers)

    return send


def rows(tenant: Tenant, columns: str = "name, kind, user_key, account_id") -> list[tuple[Any, ...]]:
    with tenant_context(tenant), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns} FROM usage_event WHERE tenant_id = %s ORDER BY occurred_at, name", [tenant.id]
        )
        return list(cursor.fetchall())


def track(event: str = "Report Opened", user: str = "u1", **fields: Any) -> dict[str, Any]:
    return {"type": "track", "event": event, "userId": user, **fields}


def usage(tenant: Tenant) -> dict[tuple[str, str], int]:
    total: Counter[tuple[str, str]] = Counter()
    with tenant_context(tenant):
        for row in UsageDaily.objects.select_related("account"):
            total[row.account.name, row.name] += row.count
    return dict(total)


# --- what is stored -------------------------------------------------------------------------


def test_a_200_means_committed_and_rolled_up(acme: Tenant, post: Callable[..., Any]) -> None:
    with tenant_context(acme):
        account, _ = account_upsert(source="crm", external_id="northwind", fields={"name": "Northwind"})
        AccountState.objects.update(dirty_at=None)
    answer = post("batch", {"batch": [track(context={"groupId": "northwind"}), track("Report Shared")]})
    assert (answer.status_code, answer.json()) == (200, {"success": True, "accepted": 2, "quarantined": 0})
    assert [row[3] for row in rows(acme)] == [account.id, account.id]
    assert usage(acme) == {("Northwind", "Report Opened"): 1, ("Northwind", "Report Shared"): 1}
    with tenant_context(acme):
        assert ActiveUserDaily.objects.get().user_key == "u1"
        assert AccountState.objects.get().dirty_at is not None
    assert TenantWork.objects.filter(tenant=acme, queue="evaluate").exists()


@pytest.mark.parametrize("endpoint", ["track", "t", "track/"])
def test_single_calls_come_in_by_long_and_short_names(acme: Tenant, post: Callable[..., Any], endpoint: str) -> None:
    assert post(endpoint, {"event": "Opened", "anonymousId": "v1", "messageId": "m"}).status_code == 200
    assert rows(acme) == [("Opened", "track", "v1", None)]


def test_body_key_and_beacon_content_type_are_enough(acme: Tenant, key: str, post: Callable[..., Any]) -> None:
    body = {"writeKey": key, "batch": [track()]}
    answer = post("b", body, content_type="text/plain", headers={"authorization": ""})
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert len(rows(acme)) == 1


def test_the_same_message_id_is_stored_once_whenever_and_however_it_comes(
    acme: Tenant, post: Callable[..., Any]
) -> None:
    with tenant_context(acme):
        account_upsert(source="crm", external_id="northwind", fields={"name": "Northwind"})
    late = datetime(2026, 3, 31, 23, 59, 58, tzinfo=UTC)
    stamps = {
        "plain": stamp(late),
        "none": None,
        "a year ahead": stamp(late + timedelta(days=365)),
        "a day ahead and a bit": stamp(late + timedelta(days=1, seconds=2)),
        "ages ago": stamp(late - timedelta(days=900)),
    }
    for seconds in (0, 0, 4, 3600, 86_400):
        with time_machine.travel(late + timedelta(seconds=seconds), tick=True):
            calls = [
                track(name, messageId=name, timestamp=at, context={"groupId": "northwind"})
                for name, at in stamps.items()
            ]
            sent = stamp(late + timedelta(seconds=seconds + 7))
            assert post("batch", {"batch": [*calls, *calls], "sentAt": sent}).status_code == 200
    assert sorted(row[0] for row in rows(acme)) == sorted(stamps)
    assert set(usage(acme).values()) == {1}


def test_fifty_parallel_sends_of_one_message_are_one_event(acme: Tenant, post: Callable[..., Any]) -> None:
    with tenant_context(acme):
        account_upsert(source="crm", external_id="northwind", fields={"name": "Northwind"})
    call = track(messageId="once", context={"groupId": "northwind"})
    answers: list[int] = []

    def send() -> None:
        answers.append(post("track", call).status_code)
        connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 50
    assert len(rows(acme)) == 1
    assert usage(acme) == {("Northwind", "Report Opened"): 1}


def test_one_message_id_at_two_tenants_is_two_events(acme: Tenant, globex: Tenant, post: Callable[..., Any]) -> None:
    other = credential_create(tenant=globex, name="product", actor=ACTOR)[1]
    assert post("track", track(messageId="m")).status_code == 200
    assert post("track", track(messageId="m"), key=other).status_code == 200
    assert (len(rows(acme)), len(rows(globex))) == (1, 1)


# --- whose it is ----------------------------------------------------------------------------


def test_group_makes_the_account_identify_the_contact_and_earlier_events_are_attached(
    acme: Tenant, post: Callable[..., Any]
) -> None:
    post("track", {"event": "Visited", "anonymousId": "visitor", "timestamp": stamp(NOW)})
    post("track", track("Opened", anonymousId="visitor"))
    post("identify", {"userId": "u1", "traits": {"email": "Kim@Northwind.example", "firstName": "Kim"}})
    drain(acme.id)
    assert {row[3] for row in rows(acme)} == {None}
    post("group", {"userId": "u1", "groupId": "g-7", "traits": {"name": "Northwind", "plan": "Pro", "seats": 40}})
    drain(acme.id)
    with tenant_context(acme):
        account = Account.objects.get()
        contact = Contact.objects.get()
        assert (account.name, account.tier, account.seats) == ("Northwind", "Pro", 40)
        assert (contact.account_id, contact.email, contact.name) == (account.id, "kim@northwind.example", "Kim")
        assert ProductIdentity.objects.filter(due_at__isnull=False).count() == 0
    assert {row[3] for row in rows(acme)} == {account.id}
    assert usage(acme) == {("Northwind", "Visited"): 1, ("Northwind", "Opened"): 1}
    post("track", {"event": "Visited", "anonymousId": "visitor"})
    assert usage(acme) == {("Northwind", "Visited"): 2, ("Northwind", "Opened"): 1}


def test_group_finds_the_account_that_another_source_calls_so(acme: Tenant, post: Callable[..., Any]) -> None:
    with tenant_context(acme):
        account, _ = account_upsert(source="crm", external_id="A-1", fields={"name": "Northwind"})
    post("group", {"userId": "u1", "groupId": "A-1", "traits": {"name": "northwind-prod", "industry": "Retail"}})
    post("track", track())
    drain(acme.id)
    with tenant_context(acme):
        account = Account.objects.get()
        assert (account.name, account.industry) == ("Northwind", "Retail")
    assert usage(acme) == {("Northwind", "Report Opened"): 1}


def test_a_tenant_may_wait_for_the_crm(acme: Tenant, post: Callable[..., Any]) -> None:
    Tenant.objects.filter(pk=acme.pk).update(settings={"ingest": {"unknown_ids": "wait"}})
    post("batch", {"batch": [{"type": "group", "userId": "u1", "groupId": "A-1"}, track()]})
    drain(acme.id)
    with tenant_context(acme):
        assert not Account.objects.exists()
        assert backlog() is None
        account_upsert(source="crm", external_id="A-1", fields={"name": "Northwind"})
        assert backlog() is not None
    drain(acme.id)
    assert usage(acme) == {("Northwind", "Report Opened"): 1}


def test_a_user_who_changes_groups_leaves_earlier_events_where_they_were(
    acme: Tenant, post: Callable[..., Any]
) -> None:
    calls = [
        {"type": "group", "userId": "u1", "groupId": "A"},
        track("first"),
        {"type": "group", "userId": "u1", "groupId": "B"},
        track("second"),
    ]
    for call in calls[:2]:
        post("batch", {"batch": [call]})
        drain(acme.id)
    post("batch", {"batch": [track("between"), *calls[2:]]})
    drain(acme.id)
    assert usage(acme) == {("A", "first"): 1, ("A", "between"): 1, ("B", "second"): 1}


def test_a_user_whom_another_process_has_moved_is_where_that_put_them(acme: Tenant, post: Callable[..., Any]) -> None:
    post("batch", {"batch": [{"type": "group", "userId": "u1", "groupId": "A"}, {"type": "group", "groupId": "B"}]})
    drain(acme.id)
    for number in range(2):
        post("batch", {"batch": [track("before", messageId=str(number))]})
    # As a door of another process writes it: this one remembers the user.
    with tenant_context(acme):
        other = Account.objects.get(name="B").pk
    with transaction.atomic():
        change = IdentityChange(account_id=other, group_key="B")
        identities_upsert({acme.pk: {("user", "u1"): change}}, at=datetime.now(UTC))
    post("batch", {"batch": [track("after")]})
    assert usage(acme) == {("A", "before"): 2, ("B", "after"): 1}


def test_events_of_an_account_that_is_gone_wait_again(acme: Tenant, post: Callable[..., Any]) -> None:
    post("batch", {"batch": [{"type": "group", "userId": "u1", "groupId": "A"}]})
    drain(acme.id)
    assert post("batch", {"batch": [track("before")]}).status_code == 200
    with tenant_context(acme):
        ProductIdentity.objects.all().delete()
        for model in (UsageDaily, ActiveUserDaily):
            model.objects.all().delete()
        Account.objects.all().delete()
    assert post("batch", {"batch": [track("after")]}).status_code == 200
    assert [row[3] for row in rows(acme, "name, kind, user_key, account_id") if row[0] == "after"] == [None]
    post("batch", {"batch": [{"type": "group", "userId": "u1", "groupId": "A"}]})
    drain(acme.id)
    assert usage(acme) == {("A", "after"): 1}


def test_doors_do_not_wait_for_an_account_that_is_being_evaluated(acme: Tenant, post: Callable[..., Any]) -> None:
    with tenant_context(acme):
        account, _ = account_upsert(source="crm", external_id="A", fields={"name": "A"})
        AccountState.objects.update(dirty_at=None)
    with tenant_context(acme):
        list(AccountState.objects.select_for_update())
        assert post("track", track(context={"groupId": "A"})).status_code == 200
    with tenant_context(acme):
        assert TouchedAccounts.objects.get().account_ids == [account.id]
        assert backlog() is not None
    drain(acme.id)
    with tenant_context(acme):
        assert AccountState.objects.get().dirty_at is not None
        assert not TouchedAccounts.objects.exists()


# --- what is refused ------------------------------------------------------------------------


def test_a_bad_event_in_a_good_batch_is_quarantined_and_counted(acme: Tenant, post: Callable[..., Any]) -> None:
    bad = {"type": "track", "userId": "u1", "note": "x\x00y"}
    for _ in range(2):
        answer = post("batch", {"batch": [track(messageId="m"), bad, {"type": "dance", "userId": "u1"}]})
    assert answer.status_code == 200
    assert (answer.json()["accepted"], answer.json()["quarantined"]) == (1, 2)
    assert [problem["index"] for problem in answer.json()["problems"]] == [1, 2]
    with tenant_context(acme):
        assert sorted(QuarantinedEvent.objects.values_list("reason", flat=True)) == [
            "unknown_type",
            "unstorable_character",
        ]
    assert len(rows(acme)) == 1


def test_a_bad_single_call_is_400_and_kept(acme: Tenant, post: Callable[..., Any]) -> None:
    answer = post("track", {"userId": "u1"})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    with tenant_context(acme):
        assert QuarantinedEvent.objects.get().reason == "no_event_name"


BIG = {"batch": [track(), track(properties={"x": "y" * 33_000})]}


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{not json", {}, 400),
        (b"[]", {}, 400),
        ({"calls": []}, {}, 400),
        (b"\x1f\x8bbroken", {"content-encoding": "gzip"}, 400),
        (gzip.compress(json.dumps({"batch": []}).encode(), mtime=0)[:-9], {"content-encoding": "gzip"}, 400),
        ({"batch": []}, {"content-encoding": "br"}, 400),
        (BIG, {}, 413),
        ({"batch": [track(properties={"x": "y" * 30_000})] * 20}, {}, 413),
        (gzip.compress(b'{"batch": [' + b" " * 10_000_000 + b"]}", mtime=0), {"content-encoding": "gzip"}, 413),
    ],
)
def test_a_broken_request_is_refused_as_a_whole(
    acme: Tenant, post: Callable[..., Any], body: object, headers: dict[str, str], status: int
) -> None:
    answer = post("batch", body, headers=headers)
    assert (answer.status_code, answer.json()["success"]) == (status, False)
    assert set(answer.json()) == {"success", "code", "message"}
    assert rows(acme) == []


def test_keys_that_are_unknown_revoked_or_lack_the_scope_are_401(acme: Tenant, post: Callable[..., Any]) -> None:
    reader = credential_create(tenant=acme, name="reader", actor=ACTOR, scopes=["read"])[1]
    gone, revoked = credential_create(tenant=acme, name="gone", actor=ACTOR)
    credential_revoke(credential=gone, actor=ACTOR)
    for bad in ("wk_TEST", reader, revoked):
        answer = post("batch", {"batch": [track()]}, key=bad)
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_key")
    assert rows(acme) == []


def test_a_key_that_is_taken_away_stops_at_once(acme: Tenant, post: Callable[..., Any]) -> None:
    credential, key = credential_create(tenant=acme, name="site", actor=ACTOR)
    assert post("batch", {"batch": [track(messageId="before")]}, key=key).status_code == 200
    credential_revoke(credential=credential, actor=ACTOR)
    for _ in range(2):
        answer = post("batch", {"batch": [track(messageId="after")]}, key=key)
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_key")
    assert len(rows(acme)) == 1


def test_a_flush_that_fails_is_503_and_the_next_one_works(
    acme: Tenant, post: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(flusher_module, "events_record", lambda **_: 1 / 0)
        answer = post("batch", {"batch": [track()]})
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert post("batch", {"batch": [track()]}).status_code == 200
    assert len(rows(acme)) == 1


def test_a_failure_of_one_tenant_is_not_anothers(acme: Tenant, globex: Tenant) -> None:
    from django.utils import timezone

    from hub.ingest.flusher import Parcel, _flush
    from hub.ingest.segment import normalise, read_request

    def parcel(tenant: Tenant, day_known: bool) -> Parcel:
        now = timezone.now()
        request = read_request("track", {}, json.dumps(track(writeKey="k", messageId="m")).encode())
        calls = normalise(request, tenant_id=tenant.id, received_at=now)
        credential = credential_create(tenant=tenant, name="door", actor=ACTOR)[0]
        if not day_known:
            credential.tenant = Tenant(id=UUID(int=1), slug="gone", name="Gone")
        return Parcel(credential, calls, now)

    good, bad = parcel(globex, True), parcel(acme, False)
    # The unknown tenant's rows break a foreign key.
    _flush([bad, good])
    assert good.done.result(0) is None
    assert bad.done.exception(0) is not None
    assert len(rows(globex)) == 1


def test_refused_calls_are_kept_with_the_others_of_their_group(
    acme: Tenant, globex: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.utils import timezone

    from hub.ingest.flusher import Parcel, _flush
    from hub.ingest.models import QuarantinedEvent
    from hub.ingest.segment import normalise, read_request

    def parcel(tenant: Tenant) -> Parcel:
        now = timezone.now()
        batch = {"writeKey": "k", "batch": [track(messageId="m"), {"type": "track", "userId": "u-1"}]}
        calls = normalise(read_request("batch", {}, json.dumps(batch).encode()), tenant_id=tenant.id, received_at=now)
        assert (len(calls.events), len(calls.rejections)) == (1, 1)
        return Parcel(credential_create(tenant=tenant, name="door", actor=ACTOR)[0], calls, now)

    apart: list[Parcel] = []

    def written_apart(parcels: list[Parcel]) -> list[Parcel]:
        apart.extend(parcels)
        return []

    monkeypatch.setattr(flusher_module, "_written_apart", written_apart)
    group = [parcel(acme), parcel(globex)]
    _flush(group)
    assert [each.done.result(0) for each in group] == [None, None]
    assert apart == [], "one refused call sends a whole group back to be written tenant by tenant"
    for tenant in (acme, globex):
        with tenant_context(tenant):
            assert QuarantinedEvent.objects.count() == 1
        assert len(rows(tenant)) == 1


def test_too_much_at_once_is_429_with_retry_after(post: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object, parcel: object) -> None:
        raise flusher_module.Overloaded

    monkeypatch.setattr(flusher_module.Flusher, "submit", full)
    answer = post("batch", {"batch": [track()]})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")


def test_the_flusher_holds_no_more_than_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    from hub.ingest.flusher import LIMIT, Flusher, Overloaded, Parcel
    from hub.ingest.segment import Normalised

    idle = Flusher()
    idle._thread = threading.current_thread()
    parcel = Parcel(Credential(), Normalised(events=(None,) * LIMIT, rejections=()), NOW)  # type: ignore[arg-type]  # only counted
    idle.submit(parcel)
    with pytest.raises(Overloaded):
        idle.submit(parcel)


# --- what browsers and libraries ask first --------------------------------------------------


def test_browsers_may_send_from_any_site() -> None:
    asked = {"origin": "https://app.example", "access-control-request-headers": "content-type,authorization"}
    answer = Client().options("/v1/batch", headers=asked)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Headers"] == "content-type,authorization"


def test_clients_get_the_settings_they_ask_for(key: str) -> None:
    settings = Client().get(f"/v1/projects/{key}/settings").json()
    assert settings["integrations"]["Segment.io"]["apiKey"] == key
    assert settings["integrations"]["Segment.io"]["apiHost"].endswith("/v1")
    basic = {"authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}
    source = Client().get("/sourceConfig?p=web", headers=basic).json()["source"]
    assert (source["enabled"], source["destinations"], source["writeKey"]) == (True, [], key)
    assert Client().get("/v1/projects/wrong/settings").status_code == 404
    assert Client().get("/sourceConfig?writeKey=wrong").status_code == 401


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"no sample data at {SAMPLES}: set SAMPLE_DATA")
@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.jsonl")), ids=lambda path: path.stem)
def test_recorded_traffic_is_stored_call_by_call(acme: Tenant, key: str, path: Path) -> None:
    ids = set()
    for line in path.read_text().splitlines():
        record = json.loads(line)
        body = json.dumps(record["json"]).encode()
        headers = {name.lower(): value for name, value in record["headers"]}
        if headers.get("content-encoding") == "gzip":
            body = gzip.compress(body, mtime=0)
        headers["authorization"] = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
        for name in ("host", "content-length", "content-type"):
            headers.pop(name, None)
        with time_machine.travel(record["json"]["sentAt"], tick=True):
            answer = Client().post(record["path"], body, content_type="application/json", headers=headers)
        assert answer.status_code == 200, answer.content
        assert json.loads(answer.content)["quarantined"] == 0
        ids |= {call["messageId"] for call in record["json"].get("batch", [record["json"]])}
    assert {row[0] for row in rows(acme, "message_id")} == ids
