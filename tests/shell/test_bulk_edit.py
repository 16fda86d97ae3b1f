"""Bulk edit: what changes, for whom, and the way back."""

from __future__ import annotations

import json
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from hub.accounts.models import Account, AttributeChange
from hub.accounts.services import account_upsert, attribute_define, attributes_set
from hub.accounts.words import HAND, words_of
from hub.people.models import AuditEvent
from hub.shell.models import BulkEdit, BulkStatus
from hub.shell.services import bulk
from hub.shell.services.bulk import BulkError, bulk_cancel, bulk_start, bulk_undo, drain
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from metrics.models import FiguresChanged
from tests.shell.staff import staff
from tests.world import ACTOR, make_account, make_member

RULE = json.dumps({"all": [{"fact": "country", "op": "eq", "value": "NO"}]})


def trees(count: int) -> list[Account]:
    return [make_account(f"Tree {at:03}", country="NO" if at % 2 else "SE") for at in range(count)]


def test_a_few_are_changed_at_once_with_a_preview_a_result_and_audit(acme: Tenant) -> None:
    with tenant_context(acme):
        dana = make_member(acme, "csm", "dana@acme.example").user
        attribute_define(entity="account", key="tone", label="Tone", kind="text", actor=ACTOR)
        accounts = trees(4)
        attributes_set(account=accounts[0], values={"tone": "dry"}, actor=ACTOR)
    client = staff(acme, "admin")
    asked = {"account": [str(row.pk) for row in accounts[:3]], "set": ["owner", "attribute.tone"]}
    asked |= {"to.owner": [str(dana.pk)], "to.attribute.tone": ["dry"]}
    preview = client.get("/t/acme/accounts/bulk/new/", {**asked, "preview": "1"})
    assert "Change 3 accounts" in preview.text
    assert "dry already" in preview.text
    with tenant_context(acme):
        assert not Account.objects.filter(owner=dana).exists()
    result = client.post("/t/acme/accounts/bulk/start/", asked, follow=True)
    assert "Tree 002" in result.text
    with tenant_context(acme):
        edit = BulkEdit.objects.get()
        assert (edit.status, edit.changed, edit.total) == (BulkStatus.DONE, 3, 3)
        assert set(Account.objects.filter(owner=dana)) == set(accounts[:3])
        assert AttributeChange.objects.filter(after="dry", actor_label__contains="admin@").count() == 2
        assert AuditEvent.objects.filter(action="accounts.bulk_edit", object_id=str(edit.pk)).exists()


def test_all_that_a_filter_leaves_is_a_workers_and_reaches_those_that_leave_the_filter(
    acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 3)
    with tenant_context(acme):
        dana, lee = (make_member(acme, "csm", f"{name}@acme.example").user for name in ("dana", "lee"))
        accounts = trees(20)
        Account.objects.update(owner=dana)
    client = staff(acme, "admin")
    asked = {"all": "1", "owner": str(dana.pk), "rule": RULE, "set": "owner", "to.owner": str(lee.pk)}
    assert "Change 10 accounts" in client.get("/t/acme/accounts/bulk/new/", asked).text
    answer = client.post("/t/acme/accounts/bulk/start/", asked)
    with tenant_context(acme):
        assert not Account.objects.filter(owner=lee).exists()
    drain(acme.pk)
    assert "Done" in client.get(answer["Location"]).text
    with tenant_context(acme):
        edit = BulkEdit.objects.get()
        assert (edit.total, edit.changed, edit.unchanged) == (10, 10, 0)
        assert {row.name for row in Account.objects.filter(owner=lee)} == {row.name for row in accounts[1::2]}


def test_undo_gives_back_what_nobody_has_changed_since(acme: Tenant) -> None:
    with tenant_context(acme):
        dana, lee = (make_member(acme, "csm", f"{name}@acme.example").user for name in ("dana", "lee"))
        attribute_define(entity="account", key="size", label="Size", kind="number", actor=ACTOR)
        first, second, third = trees(3)
        Account.objects.filter(pk=first.pk).update(owner=dana)
        edit = bulk_start(
            changes={"owner": str(lee.pk), "attribute.size": 5},
            account_ids=[first.pk, second.pk, third.pk],
            actor=ACTOR,
        )
        Account.objects.filter(pk=second.pk).update(owner=dana)
        third.delete()
        assert bulk_undo(edit=edit, actor=ACTOR)
        edit.refresh_from_db()
        assert (edit.status, edit.undone, edit.kept) == (BulkStatus.UNDONE, 1, 1)
        first.refresh_from_db()
        second.refresh_from_db()
        assert (first.owner_id, first.attributes) == (dana.pk, {})
        # The field that nobody touched goes back, the other stays as somebody wanted it.
        assert (second.owner_id, second.attributes) == (dana.pk, {})
        assert not bulk_undo(edit=edit, actor=ACTOR)


def test_what_is_stopped_keeps_what_is_done_and_can_be_undone(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BATCH", 4)
    with tenant_context(acme):
        lee = make_member(acme, "csm", "lee@acme.example").user
        trees(10)
        edit = bulk_start(changes={"owner": str(lee.pk)}, query={}, actor=ACTOR)
    for _ in range(2):
        assert bulk._next(acme.pk)
    with tenant_context(acme):
        assert bulk_cancel(edit=edit, actor=ACTOR)
        assert not bulk_cancel(edit=edit, actor=ACTOR)
    drain(acme.pk)
    with tenant_context(acme):
        assert Account.objects.filter(owner=lee).count() == 4
        edit.refresh_from_db()
        assert bulk_undo(edit=edit, actor=ACTOR)
        assert Account.objects.filter(owner=lee).count() == 0


def test_a_step_that_fails_is_tried_again_and_then_says_why(acme: Tenant) -> None:
    with tenant_context(acme):
        trees(2)
        edit = bulk_start(changes={"attribute.gone": 1}, query={}, actor=ACTOR)
    for _ in range(bulk.MAX_ATTEMPTS):
        with tenant_context(acme):
            BulkEdit.objects.update(due_at=timezone.now())
        drain(acme.pk)
    with tenant_context(acme):
        edit.refresh_from_db()
        assert (edit.status, edit.changed) == (BulkStatus.FAILED, 0)
        assert "there is no such attribute" in edit.reason


def test_who_may_not_edit_accounts_sees_what_was_changed_and_changes_nothing(acme: Tenant, globex: Tenant) -> None:
    with tenant_context(acme):
        (tree,) = trees(1)
        edit = bulk_start(changes={"owner": None}, account_ids=[tree.pk], actor=ACTOR)
    leader, stranger = staff(acme, "leader"), staff(globex, "admin")
    assert leader.get(f"/t/acme/accounts/bulk/{edit.pk}/").status_code == 200
    assert leader.post("/t/acme/accounts/bulk/start/", {"account": str(tree.pk)}).status_code == 403
    assert "Choose accounts" not in leader.get("/t/acme/accounts/").text
    assert stranger.get(f"/t/globex/accounts/bulk/{edit.pk}/").status_code == 404
    asked = {"account": str(tree.pk), "set": "owner", "to.owner": ""}
    answer = stranger.post("/t/globex/accounts/bulk/start/", asked, follow=True)
    assert "none of these accounts is there any more" in answer.text


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"set": "owner", "to.owner": str(UUID(int=1))}, "nobody who works here"),
        ({"set": "attribute.size", "to.attribute.size": "large"}, "expected a number"),
    ],
)
def test_a_value_that_cannot_be_is_named_and_changes_nothing(acme: Tenant, given: dict[str, str], told: str) -> None:
    with tenant_context(acme):
        attribute_define(entity="account", key="size", label="Size", kind="number", actor=ACTOR)
        (tree,) = trees(1)
    client = staff(acme, "admin")
    asked = {"account": str(tree.pk), **given}
    page = client.get("/t/acme/accounts/bulk/new/", {**asked, "preview": "1"})
    assert page.status_code == 422
    assert told in page.text.lower()
    assert "Nothing was changed" in client.post("/t/acme/accounts/bulk/start/", asked, follow=True).text


def test_a_rule_that_cannot_be_read_changes_nobody(acme: Tenant) -> None:
    with tenant_context(acme):
        trees(2)
    client = staff(acme, "admin")
    asked = {"all": "1", "rule": "{", "set": "owner", "to.owner": ""}
    assert client.get("/t/acme/accounts/bulk/new/", asked).status_code == 302
    assert "Nothing was changed" in client.post("/t/acme/accounts/bulk/start/", asked, follow=True).text
    with tenant_context(acme):
        assert not BulkEdit.objects.exists()
        with pytest.raises(BulkError):
            bulk_start(changes={}, query={}, actor=ACTOR)
        with pytest.raises(BulkError):
            bulk_start(changes={"owner": None}, account_ids=[uuid4()], actor=ACTOR)


def test_a_segment_is_a_persons_word_reaches_the_figures_and_goes_back(acme: Tenant) -> None:
    with tenant_context(acme):
        first, second = trees(2)
        account_upsert(source="test", external_id=second.name, fields={"segment": "Mid-market"})
    client = staff(acme, "admin")
    asked = {"account": [str(first.pk), str(second.pk)], "set": "segment", "to.segment": " Enterprise "}
    assert "Mid-market" in client.get("/t/acme/accounts/bulk/new/", {**asked, "preview": "1"}).text
    too_long = client.get("/t/acme/accounts/bulk/new/", {**asked, "to.segment": "x" * 101})
    assert (too_long.status_code, "100 characters" in too_long.text) == (422, True)
    with tenant_context(acme):
        FiguresChanged.objects.all().delete()
    client.post("/t/acme/accounts/bulk/start/", asked)
    with tenant_context(acme):
        assert set(Account.objects.values_list("segment", flat=True)) == {"Enterprise"}
        assert FiguresChanged.objects.exists()
        second.refresh_from_db()
        assert [word.source for word in words_of(second.words, "segment")] == [HAND, "test"]
        assert bulk_undo(edit=BulkEdit.objects.get(), actor=ACTOR)
        assert dict(Account.objects.values_list("name", "segment")) == {"Tree 000": "", "Tree 001": "Mid-market"}
