"""Consent: one model, a log that nobody can change, and a no that counts at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core import mail
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from hub.accounts.models import Contact
from hub.outbox import sending
from hub.outbox.gates import Consent as Counts
from hub.outbox.gates import MessageClass, Purpose
from hub.outbox.models import Consent, ConsentChange, Message, Suppression, Topic
from hub.outbox.services import (
    Draft,
    TopicError,
    address_suppress,
    consent_set,
    message_queue,
    suppressions,
    topic_reset,
    topic_save,
    unsubscribe_token,
)
from hub.outbox.topics import Silent, topics_known, word_of
from hub.portal.services import sign_in_prepare
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.world import ACTOR, make_account, make_contact, make_member

SETTINGS = {"outbox": {"assume_consent": True, "holdout_percent": 0, "quiet_from": "00:00", "quiet_until": "00:00",
                       "quiet_days": []}}  # fmt: skip


WHERE = st.sampled_from([("email", ""), ("email", "a"), ("in_hub", "")])


@pytest.fixture
def kim(acme: Tenant) -> Iterator[Contact]:
    acme.settings = SETTINGS
    acme.save()
    with tenant_context(acme):
        yield make_contact(make_account())


def queued(contact: Contact, topic: str = "growth", key: str = "k", **fields: object) -> Message:
    with tenant_context(contact.tenant):
        return message_queue(
            Draft(
                key=key, contact=contact, channel="email", message_class=MessageClass.PROGRAMME,
                purpose=Purpose.EXPANSION, subject="More", body="<p>More</p>", topic=topic, **fields,  # type: ignore[arg-type]
            )
        )  # fmt: skip


def words(contact: Contact) -> set[tuple[str, str, str]]:
    return {(row.channel, row.topic, row.status) for row in Consent.objects.filter(contact=contact)}


def log(contact: Contact) -> list[tuple[str, str, str]]:
    rows = ConsentChange.objects.filter(contact=contact).order_by("at", "id")
    return [(row.topic, row.before, row.status) for row in rows]


# --- The model ----------------------------------------------------------------------------------------------------


def test_every_change_is_logged_once_with_its_basis_and_source(acme: Tenant, kim: Contact) -> None:
    for _ in range(2):
        consent_set(contact=kim, status="granted", source="form", actor=ACTOR, topic="growth")
    consent_set(contact=kim, status="denied", source="link", actor=ACTOR, topic="growth", note="by phone")
    assert log(kim) == [("growth", "", "granted"), ("growth", "granted", "denied")]
    last = ConsentChange.objects.latest("at")
    assert (last.legal_basis, last.source, last.note, last.actor_label) == ("objection", "link", "by phone", "test")


def test_the_log_can_be_neither_changed_nor_deleted(acme: Tenant, kim: Contact) -> None:
    consent_set(contact=kim, status="granted", source="form", actor=ACTOR)
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        ConsentChange.objects.update(source="x")
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        ConsentChange.objects.all().delete()


def test_a_no_to_everything_ends_each_yes_before_it_and_a_later_yes_counts(acme: Tenant, kim: Contact) -> None:
    consent_set(contact=kim, status="granted", source="form", actor=ACTOR, topic="growth")
    consent_set(contact=kim, status="denied", source="complaint", actor=ACTOR)
    assert words(kim) == {("email", "", "denied"), ("email", "growth", "denied")}
    consent_set(contact=kim, status="granted", source="form", actor=ACTOR, topic="growth")
    said = {("email", row.topic): row.status for row in Consent.objects.all()}
    assert (word_of(said, "email", "growth"), word_of(said, "email", "events")) == ("granted", "denied")


@given(
    st.dictionaries(WHERE, st.sampled_from(["granted", "denied"])),
    st.sampled_from(["rule", "ask", "write"]),
    st.booleans(),
)  # fmt: skip
def test_a_word_on_the_topic_goes_before_one_on_everything_and_any_word_before_silence(
    said: dict[tuple[str, str], str], silence: str, assume: bool
) -> None:
    word = word_of(said, "email", "a")
    assert word == said.get(("email", "a"), said.get(("email", ""), ""))
    counts = Silent({"a": silence}, assume).word("a", Counts.UNKNOWN)
    assert (counts is Counts.GRANTED) is (silence == "write" or (silence == "rule" and assume))
    assert Silent({"a": silence}, assume).word("a", Counts.GRANTED) is Counts.GRANTED


def test_what_silence_means_is_the_topics_own(acme: Tenant, kim: Contact) -> None:
    topic_save(key="growth", name="Growth", description="", silence="ask", actor=ACTOR)
    message = queued(kim)
    assert sending.drain(acme.pk) is None
    message.refresh_from_db()
    assert (message.status, message.reason) == ("withheld", "no_consent")


def test_a_shipped_topic_changes_and_goes_back_and_names_are_not_given_twice(acme: Tenant, kim: Contact) -> None:
    topic_save(key="growth", name="More of it", description="", silence="rule", actor=ACTOR, is_off=True)
    changed = next(topic for topic in topics_known() if topic.key == "growth")
    assert (changed.name, changed.ships, changed.changed, changed.is_off) == ("More of it", True, True, True)
    with pytest.raises(TopicError, match="there already"):
        topic_save(key="mine", name="News", description="", silence="rule", actor=ACTOR)
    topic_save(key="mine", name="Mine", description="", silence="rule", actor=ACTOR)
    topic_reset(key="growth", actor=ACTOR)
    with pytest.raises(TopicError):
        topic_reset(key="mine", actor=ACTOR)
    assert list(Topic.objects.values_list("key", flat=True)) == ["mine"]


# --- Keys that change ---------------------------------------------------------------------------------------------


def test_links_and_blocked_addresses_outlive_a_new_signing_key(acme: Tenant, kim: Contact, settings: object) -> None:
    message = queued(kim)
    token = unsubscribe_token(message.pk)
    address_suppress(channel="email", address=kim.email, reason="bounce")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]  # type: ignore[attr-defined]
    settings.SECRET_KEY = "another key that is long enough for signing"  # type: ignore[attr-defined]
    assert suppressions([("email", kim.email.upper())]) == {("email", kim.email.upper()): "bounce"}
    address_suppress(channel="email", address=kim.email, reason="complaint")
    assert Suppression.objects.count() == 1
    assert Client().get(f"/u/{token}/").status_code == 200


# --- The preference centre ----------------------------------------------------------------------------------------


def test_by_link_a_look_changes_nothing_and_a_choice_counts_for_what_is_queued(acme: Tenant, kim: Contact) -> None:
    growth, events = queued(kim, "growth", "1"), queued(kim, "events", "2")
    url = f"/u/{unsubscribe_token(growth.pk)}/preferences/"
    client = Client(enforce_csrf_checks=True)
    shown = client.get(url)
    assert shown.status_code == 200
    assert "Growing with us" in shown.text
    assert log(kim) == []
    keep = [f"email:{topic.key}" for topic in topics_known() if topic.key != "growth"]
    hub = [f"in_hub:{topic.key}" for topic in topics_known()]
    assert client.post(url, dict.fromkeys([*keep, *hub], "on"), REMOTE_ADDR="203.0.113.9").status_code == 302
    assert log(kim) == [("growth", "", "denied")]
    change = ConsentChange.objects.get()
    assert (change.source, change.ip, change.actor_kind, change.actor_label) == (
        "preference centre, by link", "203.0.113.9", "contact", "",
    )  # fmt: skip
    growth.refresh_from_db()
    events.refresh_from_db()
    assert (growth.status, growth.reason, events.status) == ("withheld", "no_consent", "pending")


def test_stop_all_stops_every_channel_and_topic(acme: Tenant, kim: Contact) -> None:
    consent_set(contact=kim, status="granted", source="form", actor=ACTOR, topic="growth")
    message = queued(kim)
    Client().post(f"/u/{unsubscribe_token(message.pk)}/preferences/", {"stop": "1"})
    assert words(kim) == {("email", "", "denied"), ("in_hub", "", "denied"), ("email", "growth", "denied")}
    message.refresh_from_db()
    assert message.status == "withheld"


def test_a_forged_link_is_a_page_that_is_not(acme: Tenant, kim: Contact) -> None:
    token = unsubscribe_token(queued(kim).pk)
    for bad in ("x", token[:-1] + ("A" if token[-1] != "A" else "B"), token.split(".")[0]):
        assert Client().get(f"/u/{bad}/preferences/").status_code == 404


def test_in_the_hub_a_contact_chooses_and_a_viewer_only_reads(acme: Tenant, kim: Contact) -> None:
    client = Client()
    client.post(f"/hub/acme/enter/{sign_in_prepare(email=kim.email).token}/")
    assert "What you hear about" in client.get("/hub/acme/preferences/").text
    assert client.post("/hub/acme/preferences/", {}).status_code == 302
    assert {status for _, _, status in words(kim)} == {"denied"}
    staff = Client()
    staff.force_login(make_member(acme, "csm", password=None).user)
    staff.post(f"/t/acme/contacts/{kim.pk}/view-as/")
    assert staff.get("/hub/acme/preferences/").status_code == 200
    assert staff.post("/hub/acme/preferences/", {"stop": "1"}).status_code == 403


def test_staff_write_down_a_word_and_see_the_log(acme: Tenant, kim: Contact) -> None:
    client = Client()
    client.force_login(make_member(acme, "csm", password=None).user)
    word = {"channel": "email", "topic": "growth", "status": "granted", "note": "At the fair"}
    url = f"/t/acme/contacts/{kim.pk}/consent/"
    assert client.post(f"{url}word/", {**word, "legal_basis": "objection"}).status_code == 422
    assert client.post(f"{url}word/", {**word, "legal_basis": "contract"}).status_code == 302
    page = client.get(url).text
    assert "At the fair" in page
    assert "Contract" in page
    assert "Hears about" in client.get(f"/t/acme/contacts/{kim.pk}/", follow=True).text


def test_the_letter_leads_to_the_preference_centre(acme: Tenant, kim: Contact, settings: object) -> None:
    settings.EMAIL_URL = "smtp://localhost"  # type: ignore[attr-defined]
    queued(kim, due_at=timezone.now())
    sending.drain(acme.pk)
    [letter] = mail.outbox
    assert "/preferences/" in str(letter.body)
    assert "/preferences/" in str(letter.message().get_payload()[1])  # type: ignore[index]
