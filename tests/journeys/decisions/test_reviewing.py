"""Approving, vetoing and undoing: of two the first wins, and what was taken back never happens."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from hub.people.models import AuditEvent
from hub.registry.handlers import signal_recorded
from hub.tenancy.context import tenant_context
from hub.tenancy.ids import uuid7
from hub.tenancy.models import Tenant
from hub.work.models import Task
from journeys.decisions.models import Choice, ChoiceStatus
from journeys.decisions.plays import play_archive, play_change, play_switch
from journeys.decisions.reviewing import choices_approve, choices_undo, choices_veto
from tests.journeys.decisions import table
from tests.world import ACTOR, make_member


@pytest.fixture
def choice(acme: Tenant) -> Choice:
    account = table.lay(acme)
    table.play(acme)
    table.signal(acme, account)
    [made] = table.decide(acme)
    return made


def status(tenant: Tenant, choice: Choice) -> str:
    with tenant_context(tenant):
        return str(Choice.objects.get(pk=choice.pk).status)


def tasks(tenant: Tenant) -> int:
    with tenant_context(tenant):
        return int(Task.objects.count())


def test_what_is_undone_in_time_never_happens(acme: Tenant, choice: Choice) -> None:
    with tenant_context(acme):
        choices_approve(ids=[choice.pk], actor=ACTOR)
        assert choices_undo(ids=[choice.pk], actor=ACTOR) == [choice.pk]
    table.time_is_up(acme)
    assert (status(acme, choice), tasks(acme)) == (ChoiceStatus.UNDONE, 0)


def test_what_has_begun_cannot_be_undone(acme: Tenant, choice: Choice) -> None:
    with tenant_context(acme):
        choices_approve(ids=[choice.pk], actor=ACTOR)
    table.time_is_up(acme)
    with tenant_context(acme):
        assert choices_undo(ids=[choice.pk], actor=ACTOR) == []
    assert (status(acme, choice), tasks(acme)) == (ChoiceStatus.DONE, 1)


def test_what_was_vetoed_cannot_be_approved(acme: Tenant, choice: Choice) -> None:
    with tenant_context(acme):
        choices_veto(ids=[choice.pk], reason="known", actor=ACTOR)
        assert choices_approve(ids=[choice.pk], actor=ACTOR) == []
    table.time_is_up(acme)
    assert (status(acme, choice), tasks(acme)) == (ChoiceStatus.VETOED, 0)


def test_a_veto_needs_a_reason(acme: Tenant, choice: Choice) -> None:
    for reason, note in (("", ""), ("nonsense", ""), ("other", " "), ("known", "x" * 301)):
        with tenant_context(acme), pytest.raises(ValidationError):
            choices_veto(ids=[choice.pk], reason=reason, note=note, actor=ACTOR)
    assert status(acme, choice) == ChoiceStatus.ASKED


def test_a_task_goes_to_whom_the_reviewer_says(acme: Tenant, choice: Choice) -> None:
    other = make_member(acme, "marketer")
    with tenant_context(acme):
        choices_approve(ids=[choice.pk], assignee=other.user_id, actor=ACTOR)
    table.time_is_up(acme)
    with tenant_context(acme):
        assert Task.objects.get().assignee_id == other.user_id


def test_a_task_of_somebody_who_has_left_since_is_the_owners(acme: Tenant, choice: Choice) -> None:
    other = make_member(acme, "marketer")
    with tenant_context(acme):
        choices_approve(ids=[choice.pk], assignee=other.user_id, actor=ACTOR)
    other.is_active = False
    other.save(update_fields=["is_active"])
    table.time_is_up(acme)
    with tenant_context(acme):
        assert Task.objects.get().assignee_id == choice.account.owner_id


def test_nobody_of_another_tenant_can_be_given_it(acme: Tenant, choice: Choice, globex: Tenant) -> None:
    stranger = make_member(globex)
    with tenant_context(acme), pytest.raises(ValidationError):
        choices_approve(ids=[choice.pk], assignee=stranger.user_id, actor=ACTOR)


def test_each_word_leaves_an_audit_row(acme: Tenant, choice: Choice) -> None:
    with tenant_context(acme):
        choices_approve(ids=[choice.pk], actor=ACTOR)
        choices_undo(ids=[choice.pk], actor=ACTOR)
        told = list(AuditEvent.objects.filter(object_id=str(choice.pk)).order_by("at").values_list("action", flat=True))
    assert told == ["choice.approve", "choice.undo"]


def test_a_choice_of_another_tenant_is_not_there(acme: Tenant, choice: Choice, globex: Tenant) -> None:
    client = Client()
    client.force_login(make_member(globex, "admin").user)
    for action in ("approve", "veto", "undo"):
        answer = client.post(f"/t/globex/decisions/{choice.pk}/do/", {"action": action, "reason": "known"})
        assert answer.status_code == 404
    client.post("/t/globex/decisions/act/", {"action": "veto", "reason": "known", "choice": [str(choice.pk)]})
    assert status(acme, choice) == ChoiceStatus.ASKED


def test_a_leader_may_look_and_say_nothing(acme: Tenant, choice: Choice) -> None:
    client = Client()
    client.force_login(make_member(acme, "leader").user)
    assert client.get(f"/t/acme/decisions/{choice.pk}/").status_code == 200
    assert client.post(f"/t/acme/decisions/{choice.pk}/do/", {"action": "approve"}).status_code == 403


def test_many_are_vetoed_at_once_with_one_reason(acme: Tenant, choice: Choice) -> None:
    client = Client()
    client.force_login(make_member(acme, "marketer").user)
    page = client.get("/t/acme/decisions/veto/", {"choice": [str(choice.pk), "nonsense", str(uuid7())]})
    assert "Veto 1 decision" in page.text
    client.post("/t/acme/decisions/act/", {"action": "veto", "reason": "wrong_time", "choice": [str(choice.pk)]})
    with tenant_context(acme):
        assert Choice.objects.get().reason == "wrong_time"


def test_a_play_that_was_switched_off_meanwhile_is_not_done(acme: Tenant, choice: Choice) -> None:
    with tenant_context(acme):
        choices_approve(ids=[choice.pk], actor=ACTOR)
        assert choice.play is not None
        play_switch(play=choice.play, on=False, actor=ACTOR)
    table.time_is_up(acme)
    with tenant_context(acme):
        refused = Choice.objects.get()
    assert (refused.status, refused.reason, tasks(acme)) == (ChoiceStatus.REFUSED, "play_off", 0)


def test_a_play_that_is_put_away_takes_what_waits_with_it(acme: Tenant, choice: Choice) -> None:
    with tenant_context(acme):
        assert choice.play is not None
        play_archive(play=choice.play, actor=ACTOR)
    assert status(acme, choice) == ChoiceStatus.LAPSED


def test_what_was_approved_is_done_on_the_terms_of_then(acme: Tenant, choice: Choice) -> None:
    with tenant_context(acme):
        choices_approve(ids=[choice.pk], actor=ACTOR)
        assert choice.play is not None
        changed = table.terms(config={"title": "Something else", "playbook": "", "due_business_days": 2})
        play_change(play=choice.play, name="Call", description="", terms=changed, seen=1, actor=ACTOR)
    table.time_is_up(acme)
    with tenant_context(acme):
        assert Task.objects.get().title == "Call them"


def test_nothing_gives_way_to_what_is_not_kept(acme: Tenant, choice: Choice) -> None:
    """A cause that is told a second time on its day makes no second decision, and takes the place of none."""
    table.play(acme, "Save", purpose="save")
    with tenant_context(acme):
        signal_recorded(acme.pk, [choice.signal.pk] if choice.signal else [])
    assert [(each.pk, each.status) for each in table.decide(acme)] == [(choice.pk, ChoiceStatus.ASKED)]
