"""The event doors, from recorded traffic of unmodified clients to broken bodies."""

import base64
import gzip
import json
import os
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.ingest.segment import (
    ENDPOINTS,
    MAX_BATCH_BYTES,
    MAX_EVENT_BYTES,
    Call,
    Event,
    Normalised,
    Reason,
    RequestError,
    normalise,
    read_request,
)

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / os.environ.get("SAMPLE_DATA", "../shared/data") / "segment-wire"
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"no sample data at {SAMPLES}: set SAMPLE_DATA")

TENANT = UUID("0190a0a0-0000-7000-8000-000000000001")
RECEIVED = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
TRACK = {"type": "track", "event": "Report Opened", "userId": "u1", "messageId": "m1"}


def take(
    body: object,
    endpoint: str = "track",
    *,
    received: datetime = RECEIVED,
    tenant: UUID = TENANT,
    **headers: str,
) -> Normalised:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"authorization": "Basic " + base64.b64encode(b"key:").decode()}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    return normalise(read_request(endpoint, named, raw), tenant_id=tenant, received_at=received)


def one(body: object, endpoint: str = "track", **options: Any) -> Event:
    outcome = take(body, endpoint, **options)
    assert outcome.rejections == ()
    [event] = outcome.events
    return event


def refused(body: object, endpoint: str = "batch", **headers: Any) -> RequestError:
    with pytest.raises(RequestError) as caught:
        take(body, endpoint, **headers)
    return caught.value


# --- recorded clients -----------------------------------------------------------------------


def recorded() -> list[Any]:
    files = sorted(SAMPLES.glob("*.jsonl"))
    return [
        pytest.param(json.loads(line), id=f"{path.stem}-{number}")
        for path in files
        for number, line in enumerate(path.read_text().splitlines())
    ]


@needs_samples
@pytest.mark.parametrize("record", recorded())
def test_recorded_traffic_is_understood_call_by_call(record: dict[str, Any]) -> None:
    headers = {name.lower(): value for name, value in record["headers"]}
    body = json.dumps(record["json"]).encode()
    if headers.get("content-encoding") == "gzip":
        body = gzip.compress(body, mtime=0)
    endpoint = record["path"].removeprefix("/v1/")
    request = read_request(endpoint, headers, body)
    assert request.write_key == "wk_TEST"
    outcome = normalise(request, tenant_id=TENANT, received_at=datetime(2026, 11, 22, 6, 14, tzinfo=UTC))
    assert outcome.rejections == ()
    sent = record["json"]["batch"]
    assert [event.call for event in outcome.events] == [call["type"] for call in sent]
    assert [event.message_id for event in outcome.events] == [call["messageId"] for call in sent]
    assert [event.user_id for event in outcome.events] == [call.get("userId") or "" for call in sent]
    features = [event for event in outcome.events if event.name == "Feature Used"]
    assert all((e.group_id, e.properties["feature"]) == ("acme", "reports") for e in features)


@needs_samples
def test_a_recorded_retry_is_the_same_event() -> None:
    lines = (SAMPLES / "py_500ok.jsonl").read_text().splitlines()
    bodies = [json.loads(line)["json"] for line in lines]
    assert len({body["sentAt"] for body in bodies}) == 3
    events = [one(body, "batch", received=datetime(2026, 11, 22, 6, 14, tzinfo=UTC)) for body in bodies]
    assert len({(event.id, event.day) for event in events}) == 1


# --- forms ----------------------------------------------------------------------------------


@pytest.mark.parametrize("short", ["t", "i", "g", "p", "s", "a"])
def test_short_paths_are_the_long_ones(short: str) -> None:
    call = ENDPOINTS[short]
    assert call is not None
    assert call.value.startswith(short)
    body = {"userId": "u1", "messageId": "m", "event": "E", "groupId": "g", "previousId": "p"}
    assert one(body, short).call is call


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/json"])
def test_the_body_is_json_whatever_it_is_called(kind: str) -> None:
    assert one(TRACK, content_type=kind).name == "Report Opened"


def test_the_key_comes_from_basic_and_else_from_the_body() -> None:
    raw = json.dumps({"writeKey": "body-key", "batch": []}).encode()
    basic = {"authorization": "Basic " + base64.b64encode(b"basic-key:").decode()}
    assert read_request("batch", basic, raw).write_key == "basic-key"
    assert read_request("b", {}, raw).write_key == "body-key"
    assert read_request("b", {"authorization": "Basic ???"}, raw).write_key == "body-key"
    with pytest.raises(RequestError) as caught:
        read_request("b", {}, b'{"batch": []}')
    assert caught.value.status == 401


def test_a_batch_shares_its_context() -> None:
    body = {"batch": [TRACK, TRACK | {"context": {"groupId": "own"}}], "context": {"groupId": "acme"}}
    assert [event.group_id for event in take(body, "batch").events] == ["acme", "own"]


def test_numbers_are_accepted_as_ids() -> None:
    assert one(TRACK | {"userId": 42}).user_id == "42"


# --- refused as a whole ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"", {}, 400),
        (b"[]", {}, 400),
        (b'"x"', {}, 400),
        (b"\xff\xfe", {}, 400),
        (b'{"batch": {}}', {}, 400),
        (b'{"event": "x"}', {}, 400),
        (b"[" * 100_000, {}, 400),
        (b"not gzip", {"content_encoding": "gzip"}, 400),
        (gzip.compress(b'{"batch": []}', mtime=0)[:-6], {"content_encoding": "gzip"}, 400),
        (gzip.compress(b'{"batch": []}', mtime=0) + b"tail", {"content_encoding": "gzip"}, 400),
        (b"{}", {"content_encoding": "br"}, 400),
        (b" " * (MAX_BATCH_BYTES + 1), {}, 413),
        (gzip.compress(b" " * 50_000_000, mtime=0), {"content_encoding": "gzip"}, 413),
        (gzip.compress(b" " * 300_000, mtime=0) * 2, {"content_encoding": "gzip"}, 413),
    ],
)
def test_a_broken_or_oversize_request_is_refused(body: bytes, headers: dict[str, str], status: int) -> None:
    assert refused(body, **headers).status == status


def test_an_event_over_the_limit_refuses_its_batch_and_one_at_the_limit_does_not() -> None:
    def padded(size: int) -> dict[str, object]:
        empty = TRACK | {"properties": {"pad": ""}}
        return TRACK | {"properties": {"pad": "x" * (size - len(json.dumps(empty)))}}

    assert len(take({"batch": [padded(MAX_EVENT_BYTES)]}, "batch").events) == 1
    error = refused({"batch": [TRACK, padded(MAX_EVENT_BYTES + 1)]})
    assert (error.status, str(error)) == (413, "event 1 is larger than 32768 bytes")


def test_an_unknown_endpoint_is_404() -> None:
    assert refused(TRACK, "tracks").status == 404


@given(st.binary(max_size=200), st.sampled_from(["", "gzip"]))
def test_no_body_ends_in_anything_but_an_answer(body: bytes, encoding: str) -> None:
    try:
        take(body, "batch", content_encoding=encoding)
    except RequestError as error:
        assert error.status in (400, 401, 413)


# --- single bad events ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ({"type": "track", "userId": "u"}, Reason.NO_EVENT_NAME),
        ({"type": "track", "event": "", "userId": "u"}, Reason.NO_EVENT_NAME),
        ({"type": "track", "event": "E"}, Reason.NO_IDENTITY),
        ({"type": "track", "event": "E", "userId": None, "anonymousId": ""}, Reason.NO_IDENTITY),
        ({"type": "group", "userId": "u"}, Reason.NO_GROUP),
        ({"type": "alias", "userId": "u"}, Reason.NO_PREVIOUS_ID),
        ({"type": "trak", "userId": "u"}, Reason.UNKNOWN_TYPE),
        ({"userId": "u"}, Reason.UNKNOWN_TYPE),
        (TRACK | {"timestamp": "yesterday"}, Reason.BAD_TIMESTAMP),
        (TRACK | {"timestamp": "2026-02-30T00:00:00Z"}, Reason.BAD_TIMESTAMP),
        (TRACK | {"timestamp": "0001-01-01T00:00:00+14:00"}, Reason.BAD_TIMESTAMP),
        (TRACK | {"userId": ["u"]}, Reason.MALFORMED),
        (TRACK | {"properties": [1]}, Reason.MALFORMED),
        (TRACK | {"properties": {"a": "b\x00"}}, Reason.UNSTORABLE),
        (TRACK | {"properties": {"a\x00": 1}}, Reason.UNSTORABLE),
        (TRACK | {"messageId": "m" * 600}, Reason.TOO_LONG),
        (7, Reason.MALFORMED),
        (None, Reason.MALFORMED),
    ],
)
def test_one_bad_call_goes_to_quarantine_and_the_rest_is_kept(call: object, reason: Reason) -> None:
    outcome = take({"batch": [TRACK, call, TRACK | {"messageId": "m2"}]}, "batch")
    assert [event.message_id for event in outcome.events] == ["m1", "m2"]
    [rejection] = outcome.rejections
    assert (rejection.index, rejection.reason) == (1, reason)
    assert rejection.detail
    assert json.loads(rejection.raw) == call


def test_text_that_is_not_unicode_goes_to_quarantine() -> None:
    body = b'{"batch":[{"type":"track","event":"\xff"},' + json.dumps(TRACK).encode() + b"]}"
    outcome = take(body, "batch")
    assert [rejection.reason for rejection in outcome.rejections] == [Reason.MALFORMED]
    assert len(outcome.events) == 1


@given(st.text(st.characters() | st.characters(categories=["Cs"]) | st.sampled_from("\\ud8\U0001f600"), min_size=1))
def test_half_an_emoji_costs_no_event_and_whole_ones_stay(name: str) -> None:
    call = TRACK | {"properties": {"name": name}}
    outcome = take({"batch": [call, TRACK]}, "batch")
    assert len(outcome.events) == (1 if "\x00" in name else 2)
    if "\x00" not in name:
        pairs = json.loads(json.dumps(name))
        assert outcome.events[0].properties["name"] == re.sub("[\ud800-\udfff]", "\ufffd", pairs)


def test_a_written_out_escape_is_not_a_nul() -> None:
    assert one(TRACK | {"properties": {"path": "C:\\u0000"}}).properties == {"path": "C:\\u0000"}


# --- identity and time ----------------------------------------------------------------------


def test_the_same_message_of_two_tenants_is_two_events() -> None:
    assert one(TRACK).id != one(TRACK, tenant=uuid4()).id


@pytest.mark.parametrize(
    ("timestamp", "day", "from_receipt"),
    [
        ("2026-03-31T11:59:00Z", date(2026, 3, 31), False),
        ("2026-03-30T23:30:00-05:00", date(2026, 3, 31), False),
        ("2026-04-01T11:59:59Z", date(2026, 4, 1), False),
        ("2026-04-01T12:00:01Z", date(2026, 3, 31), True),
        ("2027-03-31T12:00:00Z", date(2026, 3, 31), True),
        ("2025-02-24T12:00:01Z", date(2025, 2, 24), False),
        ("2025-02-24T11:59:59Z", date(2026, 3, 31), True),
        ("2026-03-31T11:00:00", date(2026, 3, 31), False),
        ("9999-12-31T23:59:59Z", date(2026, 3, 31), True),
        (None, date(2026, 3, 31), True),
    ],
)
def test_the_partition_day_is_the_clients_own_day_when_it_can_be(
    timestamp: str | None, day: date, from_receipt: bool
) -> None:
    event = one(TRACK | {"timestamp": timestamp})
    assert (event.day, event.day_from_receipt) == (day, from_receipt)


def test_a_retry_after_midnight_meets_its_first_copy() -> None:
    call = TRACK | {"timestamp": "2026-03-31T23:59:59.5Z"}
    late = datetime(2026, 4, 1, 0, 0, 5, tzinfo=UTC)
    first = one({"batch": [call], "sentAt": "2026-03-31T23:59:59.9Z"}, "batch", received=RECEIVED)
    again = one({"batch": [call], "sentAt": "2026-04-01T00:00:04Z"}, "batch", received=late)
    assert (first.id, first.day) == (again.id, again.day) == (first.id, date(2026, 3, 31))


def test_a_clock_a_year_ahead_is_put_right() -> None:
    call = TRACK | {"timestamp": "2027-03-31T11:58:00Z"}
    event = one({"batch": [call], "sentAt": "2027-03-31T12:00:00Z"}, "batch")
    assert event.occurred_at == RECEIVED - timedelta(minutes=2)
    assert event.day_from_receipt


def test_time_without_sent_at_is_taken_as_it_is_but_never_far_ahead() -> None:
    assert one(TRACK | {"timestamp": "2026-01-02T03:04:05Z"}).occurred_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert one(TRACK | {"timestamp": "2026-09-01T00:00:00Z"}).occurred_at == RECEIVED + timedelta(minutes=5)


@pytest.mark.parametrize("sent_at", ["soon", 17, None, "", {}, "9999-12-31T23:59:59Z"])
def test_a_useless_sent_at_costs_nothing(sent_at: object) -> None:
    call = TRACK | {"timestamp": "2026-03-31T11:00:00Z"}
    assert one({"batch": [call], "sentAt": sent_at}, "batch").day == date(2026, 3, 31)


@given(st.datetimes(), st.datetimes())
def test_no_event_lies_further_ahead_than_five_minutes(stamp: datetime, sent: datetime) -> None:
    event = one(TRACK | {"timestamp": f"{stamp.isoformat()}Z", "sentAt": f"{sent.isoformat()}Z"})
    assert event.occurred_at <= RECEIVED + timedelta(minutes=5)
    assert event.occurred_at.tzinfo is UTC


def test_rudder_clients_name_the_time_otherwise() -> None:
    call = TRACK | {"originalTimestamp": "2026-03-31T10:00:00Z", "sentAt": "2026-03-31T10:01:00Z"}
    assert one(call).occurred_at == RECEIVED - timedelta(minutes=1)


def test_a_call_without_message_id_is_deduplicated_only_by_its_own_time() -> None:
    bare = {key: value for key, value in TRACK.items() if key != "messageId"}
    assert one(bare).id != one(bare).id
    timed = bare | {"timestamp": "2026-03-31T10:00:00Z"}
    assert one(timed).id == one(timed).id
    assert one(timed).call is Call.TRACK
