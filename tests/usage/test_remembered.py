"""What a writer remembers of identities: no query for what it knows, and never what another has changed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event as Signal
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage import remembered as module
from hub.usage.identities import IdentityChange, Key, Known, identities_find, identities_upsert
from hub.usage.models import IdentityMove
from hub.usage.remembered import RememberedIdentities
from hub.usage.upkeep import moves_forget
from tests.world import make_account

pytestmark = pytest.mark.django_db(transaction=True)

U1: Key = ("user", "u1")
G1: Key = ("group", "g1")
KEYS = [U1, ("user", "u2"), ("user", "u3"), G1]


@pytest.fixture
def memory() -> RememberedIdentities:
    return RememberedIdentities()


@pytest.fixture
def accounts(acme: Tenant) -> list[UUID]:
    with tenant_context(acme):
        return [make_account(f"a{number}").pk for number in range(3)]


def write(tenant: Tenant, key: Key, **change: object) -> None:
    with transaction.atomic():
        identities_upsert({tenant.pk: {key: IdentityChange(**change)}}, at=timezone.now())  # type: ignore[arg-type]


def look(memory: RememberedIdentities, tenant: Tenant, *keys: Key) -> dict[Key, Known]:
    with transaction.atomic():
        return memory.find({tenant.pk: list(keys)})[tenant.pk]


@contextmanager
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Key]]:
    """The keys that are read from the table meanwhile."""
    read: list[Key] = []

    def find(keys: dict[UUID, list[Key]]) -> dict[UUID, dict[Key, Known]]:
        read.extend(key for own in keys.values() for key in own)
        return identities_find(keys)

    with monkeypatch.context() as patched:
        patched.setattr(module, "identities_find", find)
        yield read


def test_what_has_an_account_is_read_once(
    acme: Tenant, accounts: list[UUID], memory: RememberedIdentities, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(acme, U1, account_id=accounts[0], group_key="g1")
    write(acme, G1, waiting=True)
    with reads(monkeypatch) as read:
        for _ in range(3):
            found = look(memory, acme, U1, G1, ("user", "nobody"))
            assert found == {U1: Known(accounts[0], "g1"), G1: Known()}
    assert read.count(U1) == 1
    assert read.count(G1) == 3


def test_a_tenant_knows_nothing_of_anothers(
    acme: Tenant, globex: Tenant, accounts: list[UUID], memory: RememberedIdentities
) -> None:
    write(acme, U1, account_id=accounts[0])
    assert look(memory, acme, U1) == {U1: Known(accounts[0])}
    assert look(memory, globex, U1) == {}


def moved(tenant: Tenant, account_id: UUID) -> None:
    write(tenant, U1, account_id=account_id, group_key="g2")


def joined(tenant: Tenant, account_id: UUID) -> None:
    write(tenant, U1, account_id=account_id, same_as="u2")


@pytest.mark.parametrize("change", [moved, joined])
def test_what_another_process_has_committed_is_seen(
    acme: Tenant, accounts: list[UUID], memory: RememberedIdentities, change: object
) -> None:
    write(acme, U1, account_id=accounts[0])
    assert look(memory, acme, U1) == {U1: Known(accounts[0])}
    with ThreadPoolExecutor(1) as other:
        other.submit(_elsewhere, change, acme, accounts[1]).result()
    with transaction.atomic():
        now = identities_find({acme.pk: [U1]})[acme.pk]
    assert now[U1] != Known(accounts[0])
    assert look(memory, acme, U1) == now
    assert look(memory, acme, U1) == now


def _elsewhere(change: object, tenant: Tenant, account_id: UUID) -> None:
    try:
        change(tenant, account_id)  # type: ignore[operator]
    finally:
        connection.close()


def test_a_move_that_began_before_and_commits_later_is_not_missed(
    acme: Tenant, accounts: list[UUID], memory: RememberedIdentities
) -> None:
    """Transactions do not commit in the order of their numbers."""
    write(acme, U1, account_id=accounts[0])
    written, seen = Signal(), Signal()

    def move() -> None:
        try:
            with transaction.atomic():
                moved(acme, accounts[1])
                written.set()
                assert seen.wait(20)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other:
        done = other.submit(move)
        assert written.wait(20)
        for number in range(3):
            write(acme, ("user", f"later{number}"), account_id=accounts[2])
            assert look(memory, acme, U1) == {U1: Known(accounts[0])}
        seen.set()
        done.result()
    assert look(memory, acme, U1) == {U1: Known(accounts[1], "g2")}


def test_what_is_rolled_back_is_not_remembered(
    acme: Tenant, accounts: list[UUID], memory: RememberedIdentities
) -> None:
    write(acme, U1, account_id=accounts[0])
    with transaction.atomic():
        write(acme, U1, account_id=accounts[1], group_key="g2")
        assert memory.find({acme.pk: [U1]})[acme.pk] == {U1: Known(accounts[1], "g2")}
        transaction.set_rollback(True)
    assert look(memory, acme, U1) == {U1: Known(accounts[0])}
    with transaction.atomic():
        assert memory.find({acme.pk: [U1]})[acme.pk] == {U1: Known(accounts[0])}
        write(acme, U1, account_id=accounts[1], group_key="g2")
    assert look(memory, acme, U1) == {U1: Known(accounts[1], "g2")}


steps = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(KEYS),
        st.sampled_from(["look", "move", "join", "take back"]),
        st.integers(0, 2),
    ),
    max_size=25,
)


@given(steps=steps)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_it_knows_what_is_stored(
    acme: Tenant, accounts: list[UUID], steps: list[tuple[int, Key, str, int]]
) -> None:
    memories = [RememberedIdentities(), RememberedIdentities()]
    for who, key, what, number in steps:
        if what == "move":
            write(acme, key, account_id=accounts[number], group_key=f"g{number}")
        elif what == "join":
            write(acme, key, account_id=accounts[number], same_as=f"u{number}")
        elif what == "take back":
            with transaction.atomic():
                write(acme, key, account_id=accounts[number], group_key=f"h{number}")
                memories[who].find({acme.pk: KEYS})
                transaction.set_rollback(True)
        with transaction.atomic():
            stored = identities_find({acme.pk: KEYS})[acme.pk]
        assert look(memories[who], acme, *KEYS) == stored


def test_only_so_many_are_remembered(
    acme: Tenant,
    globex: Tenant,
    accounts: list[UUID],
    memory: RememberedIdentities,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    with tenant_context(globex):
        other = make_account().pk
    for tenant, account_id in ((acme, accounts[0]), (globex, other)):
        for key in KEYS[:2]:
            write(tenant, key, account_id=account_id)
    for tenant in (acme, globex):
        look(memory, tenant, *KEYS[:2])
    with reads(monkeypatch) as read:
        assert set(look(memory, globex, *KEYS[:2])) == set(KEYS[:2])
        assert read == []
        assert set(look(memory, acme, *KEYS[:2])) == set(KEYS[:2])
        assert sorted(read) == KEYS[:2]


def test_a_tenant_that_was_not_asked_about_for_long_is_read_anew(
    acme: Tenant, accounts: list[UUID], memory: RememberedIdentities, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(acme, U1, account_id=accounts[0])
    look(memory, acme, U1)
    with reads(monkeypatch) as read:
        look(memory, acme, U1)
        assert read == []
        monkeypatch.setattr(module, "LONGEST", -1.0)
        look(memory, acme, U1)
        assert read == [U1]


def test_moves_are_kept_for_a_day(acme: Tenant, accounts: list[UUID]) -> None:
    write(acme, U1, account_id=accounts[0])
    for account_id, group in ((accounts[1], "g1"), (accounts[2], "g2")):
        write(acme, U1, account_id=account_id, group_key=group)
    with tenant_context(acme):
        old, young = IdentityMove.objects.order_by("xact")
        IdentityMove.objects.filter(pk=old.pk).update(moved_at=timezone.now() - timedelta(hours=25))
    moves_forget(datetime.now(UTC))
    with tenant_context(acme):
        assert list(IdentityMove.objects.all()) == [young]
