"""A message that comes back goes to the next in charge, and when nobody is left, to a person."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hub.accounts.models import Account
from hub.outbox.channels.base import Outcome, Outgoing, Result
from hub.outbox.models import Message
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.work.models import Task
from tests.journeys import stage
from tests.outbox.provider import Provider, in_place_of_email
from tests.world import make_contact

GONE = {"kim@northwind.example", "lee@x.example"}


def answer(outgoing: Outgoing) -> Result:
    return Result(Outcome.BOUNCED, "550 no such user") if outgoing.address in GONE else Result(Outcome.SENT)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with in_place_of_email(Provider(answer=answer)) as provider:
        yield provider


@pytest.fixture
def account(acme: Tenant, provider: Provider) -> Account:
    rules = {
        "assume_consent": True,
        "holdout_percent": 0,
        "quiet_days": [],
        "quiet_from": "00:00",
        "quiet_until": "00:00",
    }
    account = stage.set_up(acme, outbox=rules)
    with tenant_context(acme):
        make_contact(account, "lee@x.example", roles=["executive_sponsor"], name="Lee")
    return account


def written_to(acme: Tenant, account: Account) -> list[tuple[str, str]]:
    """Let the account enter the journey that saves, and everything that follows happen."""
    stage.decline(acme, account)
    stage.run(acme)
    with tenant_context(acme):
        rows = Message.objects.filter(channel="email").order_by("created_at", "id").select_related("contact")
        return [(row.contact.email, row.status) for row in rows]


def asked(acme: Tenant) -> list[str]:
    with tenant_context(acme):
        return list(Task.objects.filter(title__contains="cannot be reached").values_list("title", flat=True))


def test_the_next_role_is_written_to_and_each_contact_once(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        make_contact(account, "max@x.example", roles=["admin"], name="Max")
    assert written_to(acme, account) == [
        ("kim@northwind.example", "failed"), ("lee@x.example", "failed"), ("max@x.example", "sent"),
    ]  # fmt: skip
    assert asked(acme) == []
    with tenant_context(acme):
        last = Message.objects.get(contact__email="max@x.example")
        # It belongs to the same step: its chain leads back to the same signal.
        assert set(Message.objects.filter(channel="email").values_list("step_run_id", "signal_id")) == {
            (last.step_run_id, last.signal_id)
        }


def test_when_nobody_is_left_a_person_finds_out_who_took_over(acme: Tenant, account: Account) -> None:
    assert written_to(acme, account) == [("kim@northwind.example", "failed"), ("lee@x.example", "failed")]
    assert asked(acme) == ["Lee cannot be reached: find out who took over"]
