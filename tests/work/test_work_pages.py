from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from hub.accounts.models import Account, TimelineEntry
from hub.people.models import AuditEvent
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.work.models import Note, Task, TaskStatus
from hub.work.services import task_open
from tests.shell.staff import HTMX, staff
from tests.world import make_account


@pytest.fixture
def account(acme: Tenant) -> Account:
    with tenant_context(acme):
        return make_account()


@pytest.fixture
def task(acme: Tenant, account: Account) -> Task:
    with tenant_context(acme):
        return task_open(account_id=account.pk, title="Call them", origin_key="t:1", due_at=timezone.now())


def test_a_task_is_done_once_and_htmx_gets_its_row(acme: Tenant, task: Task) -> None:
    client = staff(acme)
    answer = client.post(f"/t/acme/tasks/{task.pk}/done/", headers=HTMX)
    assert answer.text.lstrip().startswith("<li")
    assert "Done by csm@acme.example" in answer.text
    assert "Done by csm@acme.example" in staff(acme, "admin").post(f"/t/acme/tasks/{task.pk}/done/", headers=HTMX).text
    with tenant_context(acme):
        assert AuditEvent.objects.filter(action="task.done").count() == 1


def test_dismissing_a_task_asks_why(acme: Tenant, task: Task) -> None:
    client, url = staff(acme), f"/t/acme/tasks/{task.pk}/dismiss/"
    refused = client.post(url, {"reason": " "}, headers=HTMX)
    assert refused.status_code == 422
    assert "Say why" in refused.text
    assert client.post(url, {"reason": "They left"}).status_code == 302
    with tenant_context(acme):
        task.refresh_from_db()
        assert (task.status, task.closed_reason) == (TaskStatus.DISMISSED, "They left")


def test_a_note_is_kept_for_staff_and_never_marked_for_the_customer(acme: Tenant, account: Account) -> None:
    client, url = staff(acme), f"/t/acme/accounts/{account.pk}/notes/"
    assert client.post(url, {"body": "", "kind": "note"}, headers=HTMX).status_code == 422
    assert client.post(url, {"body": "Met <b>Kim</b>", "kind": "call"}).status_code == 302
    with tenant_context(acme):
        assert Note.objects.get().kind == "call"
        assert not TimelineEntry.objects.get(kind="note").customer_visible
    assert "Met &lt;b&gt;Kim&lt;/b&gt;" in client.get(f"/t/acme/accounts/{account.pk}/").text


def test_a_leader_reads_and_does_not_write(acme: Tenant, account: Account, task: Task) -> None:
    client = staff(acme, "leader")
    for url in (f"tasks/{task.pk}/done/", f"accounts/{account.pk}/notes/", f"accounts/{account.pk}/tasks/"):
        assert client.post(f"/t/acme/{url}").status_code == 403
    assert "Call them" in client.get("/t/acme/tasks/").text


def test_a_new_task_goes_to_the_accounts_owner_at_the_end_of_the_tenants_day(acme: Tenant, account: Account) -> None:
    client = staff(acme)
    day = timezone.localdate() + timedelta(days=3)
    answer = client.post(
        f"/t/acme/accounts/{account.pk}/tasks/", {"title": "Send the recap", "due_on": day.isoformat()}, headers=HTMX
    )
    assert "Send the recap" in answer.text
    with tenant_context(acme):
        task = Task.objects.get(title="Send the recap")
        assert task.due_at is not None
        assert timezone.localtime(task.due_at, acme.zone).isoformat()[:16] == f"{day}T17:00"


def test_somebody_begins_with_their_own_tasks_and_can_see_everybodys(acme: Tenant, task: Task) -> None:
    client = staff(acme)
    assert "Call them" not in client.get("/t/acme/").text
    assert "Call them" in client.get("/t/acme/?whose=all").text
    assert "Call them" in staff(acme, "leader").get("/t/acme/").text


def test_going_back_never_leaves_the_site(acme: Tenant, task: Task) -> None:
    answer = staff(acme).post(f"/t/acme/tasks/{task.pk}/done/", {"next": "https://evil.example/"})
    assert answer["Location"] == f"/t/acme/accounts/{task.account_id}/"


@pytest.mark.parametrize(("hours_to_begin", "told"), [(1, True), (48, False)])
def test_a_time_to_begin_is_told_where_it_comes_before_the_end(
    acme: Tenant, account: Account, hours_to_begin: int, told: bool
) -> None:
    with tenant_context(acme):
        task = task_open(account_id=account.pk, title="T", origin_key="t:2", due_at=timezone.now() + timedelta(days=1))
        task.respond_by = timezone.now() + timedelta(hours=hours_to_begin)
        task.save()
    assert ("at the latest" in staff(acme).get("/t/acme/tasks/?whose=all").text) is told
