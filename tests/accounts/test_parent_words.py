"""Where an account lies is a field like any other: sources say it, rules decide, and the tree stays a tree."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from hub.accounts.models import Account, AccountExternalId, FieldConflict
from hub.accounts.services import (
    HierarchyError,
    WinningError,
    account_parent_say,
    conflict_keep,
    fields_set_by_hand,
    source_rule_preview,
    source_rule_set,
    source_withdraw,
)
from hub.accounts.services.deciding import backlog, drain
from hub.accounts.words import HAND, Rule, RuleKind, words_of
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.rest.test_rest import api_of
from tests.shell.staff import staff
from tests.world import ACTOR, make_account

pytestmark = pytest.mark.django_db
DAY = datetime(2026, 3, 1, tzinfo=UTC)
CRM_FIRST = {"entity": "account", "field": "parent_id", "kind": "order", "order": ["test", "billing"]}


def says(child: Account, parent: Account | None, source: str, day: int = 0) -> bool:
    return account_parent_say(account=child, parent=parent, actor=ACTOR, source=source, as_of=DAY + timedelta(days=day))


def above(child: Account) -> str:
    parent = Account.objects.select_related("parent").get(pk=child.pk).parent
    return parent.name if parent else ""


def three() -> tuple[Account, Account, Account]:
    north, south, low = (make_account(name) for name in ("North", "South", "Low"))
    AccountExternalId.objects.create(account=low, source="billing", value="b1")
    return north, south, low


def test_the_newest_word_wins_and_the_log_has_both(acme: Tenant) -> None:
    with tenant_context(acme):
        north, south, low = three()
        assert says(low, north, "test", 2)
        assert not says(low, south, "billing", 1), "older word"
        assert above(low) == "North"
        conflict = FieldConflict.objects.get()
        assert (conflict.field, conflict.winner_value, conflict.other_value) == (
            "parent_id",
            str(north.pk),
            str(south.pk),
        )
        assert says(low, south, "billing", 3)
        assert above(low) == "South"
        assert says(low, None, "billing", 4), "a source takes its word back: the other's holds"
        assert above(low) == "North"
    page = staff(acme, "admin").get(f"/t/acme/accounts/{low.pk}/").text
    assert "account above comes from" in page


def test_a_rule_decides_what_is_stored_and_the_page_names_accounts(acme: Tenant) -> None:
    with tenant_context(acme):
        north, south, low = three()
        says(low, north, "test", 1)
        says(low, south, "billing", 2)
    page = staff(acme, "admin").get("/t/acme/set-up/conflicts/").text
    assert "Account above" in page
    assert "South" in page
    assert str(south.pk) not in page
    with tenant_context(acme):
        rule = Rule(RuleKind.ORDER, ("test", "billing"))
        assert source_rule_preview(entity="account", field="parent_id", rule=rule).changes == 1
        source_rule_set(**CRM_FIRST, actor=ACTOR)  # type: ignore[arg-type]  # one mapping for all of them
    drain(acme.pk)
    with tenant_context(acme):
        assert backlog() is None
        assert above(low) == "North"
        assert not says(low, south, "billing", 5)
        assert above(low) == "North"


def test_a_withdrawn_source_leaves_the_place_to_the_other(acme: Tenant) -> None:
    with tenant_context(acme):
        north, south, low = three()
        says(low, north, "test", 1)
        says(low, south, "billing", 2)
        source_rule_set(**CRM_FIRST, actor=ACTOR)  # type: ignore[arg-type]  # one mapping for all of them
    drain(acme.pk)
    with tenant_context(acme):
        source_withdraw(source="test", actor=ACTOR)
    drain(acme.pk)
    with tenant_context(acme):
        assert backlog() is None
        assert above(low) == "South"
        assert [word.source for word in words_of(Account.objects.get(pk=low.pk).words, "parent_id")] == ["billing"]


def test_a_word_that_wins_and_cannot_be_is_kept_and_not_stored(acme: Tenant) -> None:
    with tenant_context(acme):
        north, south, low = three()
        says(low, north, "test", 1)
        says(low, south, "billing", 2)
        says(north, low, "billing", 3)
        assert (above(low), above(north)) == ("South", "Low")
        source_rule_set(**CRM_FIRST, actor=ACTOR)  # type: ignore[arg-type]  # one mapping for all of them
    drain(acme.pk)
    with tenant_context(acme):
        assert backlog() is None, "it does not try for ever"
        assert (above(low), above(north)) == ("South", "Low"), "below one another they cannot be"
        with pytest.raises(HierarchyError):
            says(south, low, "billing", 4)
        assert "billing" not in Account.objects.get(pk=south.pk).words, "what is refused is not kept"


def test_a_person_decides_by_hand_and_in_the_log(acme: Tenant) -> None:
    with tenant_context(acme):
        north, south, low = three()
        says(low, north, "test", 1)
        says(low, south, "billing", 2)
        assert conflict_keep(conflict=FieldConflict.objects.get(), source="test", actor=ACTOR) == []
        assert above(low) == "North"
        assert words_of(Account.objects.get(pk=low.pk).words, "parent_id")[0].source == HAND
        assert FieldConflict.objects.get().state == "settled"
        assert fields_set_by_hand(row=low, values={"parent_id": None}, actor=ACTOR) == []
        assert above(low) == ""
        with pytest.raises(WinningError, match="below itself"):
            fields_set_by_hand(row=low, values={"parent_id": str(low.pk), "tier": "x"}, actor=ACTOR)
        assert Account.objects.get(pk=low.pk).tier == ""


def test_every_door_says_it_in_its_own_name(acme: Tenant) -> None:
    with tenant_context(acme):
        north, south, low = three()
    later = (timezone.now() + timedelta(days=1)).isoformat()
    answer = api_of(acme)("PUT", "accounts/by/test/Low", {"parent": str(north.pk), "source_updated_at": later})
    assert answer.status_code == 200
    staff(acme).post(f"/t/acme/accounts/{low.pk}/parent/", {"parent": "South"})
    with tenant_context(acme):
        said = {word.source: word.value for word in words_of(Account.objects.get(pk=low.pk).words, "parent_id")}
        assert said == {"test": str(north.pk), HAND: str(south.pk)}
        assert above(low) == "North", "the source's word is newer"
