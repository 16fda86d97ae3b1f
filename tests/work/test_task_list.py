"""The list of open tasks: whose, and when they are due."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.work.services import task_open
from tests.shell.staff import HTMX, staff
from tests.world import make_account

TASK_QUERIES = 12


@pytest.mark.parametrize(
    ("due", "shown"),
    [
        ("overdue", {"Late"}),
        ("week", {"Soon"}),
        ("later", {"Far"}),
        ("none", {"Any time"}),
        ("", {"Late", "Soon", "Far", "Any time"}),
        ("nonsense", {"Late", "Soon", "Far", "Any time"}),
    ],
)
def test_tasks_are_narrowed_by_when_they_are_due(acme: Tenant, due: str, shown: set[str]) -> None:
    now = timezone.now()
    days = {"Late": -1, "Soon": 3, "Far": 30, "Any time": None}
    with tenant_context(acme):
        account = make_account()
        for title, at in days.items():
            due_at = None if at is None else now + timedelta(days=at)
            task_open(account_id=account.pk, title=title, origin_key=title, due_at=due_at)
    client = staff(acme, "admin")
    page = client.get("/t/acme/tasks/", {"due": due})
    assert {task.title for task in page.context["tasks"]} == shown
    part = client.get("/t/acme/tasks/", {"due": due}, headers=HTMX).text
    assert part.lstrip().startswith('<div id="tasks">')


def test_a_filter_that_nothing_fits_says_so(acme: Tenant) -> None:
    assert "No task fits" in staff(acme, "admin").get("/t/acme/tasks/?due=week").text
    assert "No task is open" in staff(acme).get("/t/acme/tasks/").text


@pytest.mark.parametrize("count", [1, 20])
def test_the_list_asks_as_often_for_twenty_tasks_as_for_one(
    acme: Tenant, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    with tenant_context(acme):
        account = make_account()
        for at in range(count):
            task_open(account_id=account.pk, title=f"Task {at}", origin_key=str(at))
    client = staff(acme, "leader")
    client.get("/t/acme/tasks/")
    with django_assert_num_queries(TASK_QUERIES):
        client.get("/t/acme/tasks/")
