"""What is done with tasks: who takes hold, what is written down, what it says later."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connections
from django.utils import timezone

from hub.accounts.models import Account
from hub.people.models import AuditEvent, Membership
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.work import figures
from hub.work.models import Note, Response, Task, TaskStatus
from hub.work.playbooks import Content
from hub.work.services import Act, Action, note_add, playbook_save, task_open, task_tick, tasks_act
from tests.shell.staff import HTMX, staff
from tests.world import ACTOR, make_account, make_member


@pytest.fixture
def account(acme: Tenant) -> Account:
    with tenant_context(acme):
        return make_account()


@pytest.fixture
def csm(acme: Tenant) -> Membership:
    return make_member(acme, "csm", "dana@acme.example", password=None)


@pytest.fixture
def task(acme: Tenant, account: Account) -> Task:
    with tenant_context(acme):
        return task_open(account_id=account.pk, title="Call them", origin_key="t:1", origin="journey")


def act(tenant: Tenant, task: Task, action: Action, member: Membership | None = None, **more: Any) -> int:
    with tenant_context(tenant):
        done = tasks_act(
            ids=[task.pk],
            act=Act(action, **more),
            actor=ACTOR,
            user=member.user if member else None,
        )
        task.refresh_from_db()
        return len(done)


def test_a_journeys_task_has_to_be_begun_within_48_hours(acme: Tenant, task: Task) -> None:
    assert task.respond_by == task.created_at + timedelta(hours=48)


def test_what_a_person_writes_down_has_no_time_to_begin(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        own = task_open(account_id=account.pk, title="Mine", origin_key="t:2", origin="staff")
    assert own.respond_by is None


def test_the_first_action_is_kept_and_later_ones_are_not_it(acme: Tenant, task: Task, csm: Membership) -> None:
    assert act(acme, task, Action.TAKE, csm) == 1
    assert (task.assignee_id, task.response, task.responded_by_id) == (csm.user_id, Response.TAKE, csm.user_id)
    first = task.responded_at
    assert act(acme, task, Action.COMPLETE, csm, helped="yes", note="Renewed early") == 1
    assert (task.responded_at, task.response) == (first, Response.TAKE)
    assert (task.status, task.helped, task.closed_reason) == (TaskStatus.DONE, "yes", "Renewed early")


@pytest.mark.parametrize("action", [Action.SNOOZE, Action.ASSIGN])
def test_putting_off_and_handing_on_is_no_answer_and_stops_no_clock(
    acme: Tenant, task: Task, csm: Membership, action: Action
) -> None:
    before = task.respond_by
    more = {"until": timezone.now() + timedelta(days=3), "note": "They are away"}
    assert act(acme, task, action, csm, **(more if action == Action.SNOOZE else {"assignee": csm.user_id})) == 1
    assert (task.responded_at, task.respond_by) == (None, before)


def test_a_snoozed_task_leaves_today_and_comes_back_by_itself(acme: Tenant, task: Task, csm: Membership) -> None:
    act(acme, task, Action.ASSIGN, csm, assignee=csm.user_id)
    act(acme, task, Action.SNOOZE, csm, until=timezone.now() + timedelta(days=3), note="They are away")
    client = staff(acme, "admin")
    assert "Call them" not in client.get("/t/acme/?whose=all").text
    assert "They are away" in client.get("/t/acme/tasks/?status=snoozed&whose=all").text
    with tenant_context(acme):
        Task.objects.update(snoozed_until=timezone.now() - timedelta(seconds=1))
    assert "Call them" in client.get("/t/acme/?whose=all").text


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (Act(Action.SNOOZE, note="x"), "until"),
        (Act(Action.SNOOZE, until=timezone.now() + timedelta(days=1)), "note"),
        (Act(Action.DISMISS, note="  "), "note"),
        (Act(Action.JUDGE), "helped"),
        (Act(Action.COMPLETE, helped="perhaps"), "helped"),
        (Act(Action.COMPLETE, note="x" * 201), "note"),
    ],
)
def test_an_act_that_lacks_something_changes_nothing(acme: Tenant, task: Task, given: Act, field: str) -> None:
    with tenant_context(acme):
        with pytest.raises(ValidationError) as error:
            tasks_act(ids=[task.pk], act=given, actor=ACTOR)
        assert list(error.value.message_dict) == [field]
        assert Task.objects.get().status == TaskStatus.OPEN


def test_nobody_of_another_tenant_gets_a_task(acme: Tenant, globex: Tenant, task: Task) -> None:
    stranger = make_member(globex, "csm", password=None)
    with pytest.raises(ValidationError):
        act(acme, task, Action.ASSIGN, assignee=stranger.user_id)


def test_a_task_is_opened_again_and_what_was_said_stays_in_the_log(acme: Tenant, task: Task, csm: Membership) -> None:
    act(acme, task, Action.COMPLETE, csm, helped="no", note="Wrong person")
    assert act(acme, task, Action.REOPEN, csm) == 1
    assert (task.status, task.closed_at, task.helped) == (TaskStatus.OPEN, None, "")
    with tenant_context(acme):
        told = AuditEvent.objects.get(action="task.reopen").changes
    assert told == {"before": "done", "reason": "Wrong person", "helped": "no"}


def test_a_call_that_is_noted_is_the_first_action(acme: Tenant, account: Account, task: Task, csm: Membership) -> None:
    act(acme, task, Action.ASSIGN, assignee=csm.user_id)
    with tenant_context(acme):
        note_add(account=account, author=csm.user, body="A thought", actor=ACTOR)
        assert Task.objects.get().responded_at is None
        note_add(account=account, author=csm.user, body="Spoke with Kim", actor=ACTOR, kind=Note.Kind.CALL)
        assert Task.objects.get().response == Response.CONTACT


def test_whether_it_helped_can_be_said_later(acme: Tenant, task: Task) -> None:
    client = staff(acme)
    assert "Did it help?" in client.post(f"/t/acme/tasks/{task.pk}/done/", headers=HTMX).text
    told = client.post(f"/t/acme/tasks/{task.pk}/do/", {"action": "judge", "helped": "too_soon"}, headers=HTMX).text
    assert "Too soon to say" in told


def test_many_are_handed_on_at_once_and_closed_ones_are_left(acme: Tenant, account: Account, csm: Membership) -> None:
    with tenant_context(acme):
        tasks = [task_open(account_id=account.pk, title=f"T{n}", origin_key=f"t:{n}") for n in range(3)]
        tasks_act(ids=[tasks[0].pk], act=Act(Action.COMPLETE), actor=ACTOR)
    client, ids = staff(acme, "admin"), [str(task.pk) for task in tasks]
    assert "3 tasks" in client.get("/t/acme/tasks/act/", {"task": ids}).text
    said = {"task": [*ids, "nonsense"], "action": "assign", "assignee": str(csm.user_id), "note": "Holiday"}
    assert client.post("/t/acme/tasks/act/do/", said).status_code == 302
    with tenant_context(acme):
        assert Task.objects.filter(assignee=csm.user).count() == 2
        assert {e.changes["note"] for e in AuditEvent.objects.filter(action="task.assign")} == {"Holiday"}


# --- Playbooks ----------------------------------------------------------------------------------------------------


def test_a_playbook_that_is_edited_changes_nothing_that_somebody_works_by(
    acme: Tenant, account: Account, csm: Membership
) -> None:
    with tenant_context(acme):
        content = Content(("Call", "Write"), respond_hours=4)
        playbook = playbook_save(playbook=None, name="Save", description="", content=content, actor=ACTOR)
        task = task_open(account_id=account.pk, title="T", origin_key="t", origin="journey", playbook_key="save")
        assert task.respond_by == task.created_at + timedelta(hours=4)
        assert task_tick(task_id=task.pk, step="s2", on=True, user=csm.user, actor=ACTOR)
        again = Content(("Write", "Meet"))
        playbook_save(playbook=playbook, name="Save", description="", content=again, actor=ACTOR, seen=1)
        later = task_open(account_id=account.pk, title="L", origin_key="l", playbook_key="save")
    page = staff(acme, "admin").get(f"/t/acme/tasks/{task.pk}/")
    assert [(step.text, bool(step.tick)) for step in page.context["steps"]] == [("Call", False), ("Write", True)]
    with tenant_context(acme):
        assert [step["text"] for step in later.playbook_version.steps] == ["Write", "Meet"]
        assert later.playbook_version.steps[0]["key"] == "s2"  # the text kept its key
        assert Task.objects.get(pk=task.pk).response == Response.TICK


def test_of_two_who_save_a_playbook_the_second_is_told(acme: Tenant) -> None:
    client = staff(acme, "admin")
    said = {"name": "Save", "steps": "Call\nWrite", "links": "Deck | https://acme.example/deck", "talk_track": "Hi"}
    where = client.post("/t/acme/tasks/playbooks/new/", said)["Location"]
    assert client.post(where, said | {"steps": "Call", "seen": "1"}).status_code == 302
    late = client.post(where, said | {"steps": "Sing", "seen": "1"})
    assert (late.status_code, "Somebody saved version 2" in late.text, "Sing" in late.text) == (422, True, True)


@pytest.mark.parametrize("link", ["x | javascript:alert(1)", "data:text/html,x", "ftp://a.example/", "https://"])
def test_a_link_that_is_no_web_address_is_refused(acme: Tenant, link: str) -> None:
    answer = staff(acme, "admin").post("/t/acme/tasks/playbooks/new/", {"name": "N", "steps": "S", "links": link})
    assert (answer.status_code, "no web address" in answer.text) == (422, True)


def test_what_a_playbook_says_is_shown_as_text(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        content = Content(("<script>alert(1)</script>",), "<b>loud</b>")
        playbook_save(playbook=None, name="<i>N</i>", description="", content=content, actor=ACTOR, key="n")
        task = task_open(account_id=account.pk, title="T", origin_key="t", playbook_key="n")
    page = staff(acme, "admin").get(f"/t/acme/tasks/{task.pk}/").text
    assert "<script>alert" not in page
    assert "&lt;b&gt;loud" in page


def test_a_playbook_that_is_gone_opens_a_task_without(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        task = task_open(account_id=account.pk, title="T", origin_key="t", playbook_key="nowhere")
    assert task.playbook_version is None


# --- Figures ------------------------------------------------------------------------------------------------------


def test_figures_count_what_is_settled_and_what_was_begun_in_time(acme: Tenant, account: Account) -> None:
    now = timezone.now()
    late, early = now - timedelta(hours=1), now + timedelta(hours=1)
    rows: list[dict[str, Any]] = [
        {"status": "done", "responded_at": late, "respond_by": now, "helped": "yes"},
        {"status": "done", "responded_at": now, "respond_by": late, "helped": "no"},
        {"status": "dismissed", "responded_at": late, "respond_by": now},
        {"status": "open", "due_at": late, "respond_by": late},
        {"status": "open", "due_at": early, "respond_by": early},
        {"status": "open"},
    ]
    with tenant_context(acme):
        for number, row in enumerate(rows):
            Task.objects.create(account=account, title="T", origin_key=str(number), **row)
        Task.objects.create(account=account, title="Old", origin_key="o", created_at=now - timedelta(days=31))
        found = figures.figures(30, now)
        assert figures.figures(90, now).opened == 7
        assert sum(row.opened for row in figures.by_playbook(30, now)) == found.opened
        assert sum(row.opened for row in figures.by_person(30, now)) == found.opened
    assert (found.opened, found.settled, found.completion) == (6, 4, 0.5)
    assert (found.judged, found.in_time, found.did_help, found.did_not) == (4, 2, 1, 1)


def test_targets_are_set_by_those_who_answer_for_them(acme: Tenant, account: Account) -> None:
    said = {"respond_hours": "24", "clock": "business", "completion": "90"}
    assert staff(acme, "csm").post("/t/acme/tasks/figures/targets/", said).status_code == 403
    assert staff(acme, "leader").post("/t/acme/tasks/figures/targets/", said).status_code == 302
    with tenant_context(acme):
        assert Tenant.objects.get(pk=acme.pk).settings["tasks"]["respond_hours"] == 24
        task = task_open(account_id=account.pk, title="T", origin_key="t", origin="journey")
    assert task.respond_by is not None
    assert task.respond_by >= task.created_at + timedelta(hours=24)


# --- At once ------------------------------------------------------------------------------------------------------


def at_once(*work: Callable[[], object]) -> list[object]:
    barrier = Barrier(len(work))

    def one(do: Callable[[], object]) -> object:
        barrier.wait()
        try:
            return do()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(one, work))


@pytest.mark.django_db(transaction=True)
def test_of_completing_dismissing_and_handing_on_at_once_one_closes_the_task() -> None:
    from tests.world import make_tenant

    tenant = make_tenant("atonce")
    member = make_member(tenant, "csm", password=None)
    with tenant_context(tenant):
        task = task_open(account_id=make_account().pk, title="T", origin_key="t")

    def do(given: Act) -> Callable[[], object]:
        def work() -> object:
            with tenant_context(tenant):
                return tasks_act(ids=[task.pk], act=given, actor=ACTOR, user=member.user)

        return work

    closing = [Act(Action.COMPLETE, helped="yes"), Act(Action.DISMISS, note="no"), Act(Action.COMPLETE)]
    *closed, _ = at_once(*map(do, closing), do(Act(Action.ASSIGN, assignee=member.user_id)))
    assert sorted(map(bool, closed)) == [False, False, True]
    with tenant_context(tenant):
        assert AuditEvent.objects.filter(action__in=["task.done", "task.dismissed"]).count() == 1
        assert Task.objects.get().status != TaskStatus.OPEN


@pytest.mark.django_db(transaction=True)
def test_two_who_make_a_playbook_of_one_name_at_once_make_two() -> None:
    from tests.world import make_tenant

    tenant = make_tenant("atonce")

    def make() -> object:
        with tenant_context(tenant):
            made = playbook_save(
                playbook=None, name="Escalation", description="", content=Content(("Call them",)), actor=ACTOR
            )
            # The other one is at its insert by now.
            time.sleep(0.2)
            return made.key

    keys = at_once(make, make)
    assert len(set(keys)) == 2
    assert "escalation" in keys
