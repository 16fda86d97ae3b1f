"""Two at once: of two reviewers one is heard, and undoing while it begins is all or nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.work.models import Task
from journeys.decisions import working
from journeys.decisions.models import Choice, ChoiceStatus
from journeys.decisions.reviewing import choices_approve, choices_undo, choices_veto
from tests.journeys.decisions import table
from tests.world import ACTOR, make_tenant


def status(tenant: Tenant, choice: Choice) -> str:
    with tenant_context(tenant):
        return str(Choice.objects.get(pk=choice.pk).status)


def tasks(tenant: Tenant) -> int:
    with tenant_context(tenant):
        return int(Task.objects.count())


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Run acts in threads of their own that begin together; what each returned, in their order."""
    found: list[Any] = [None] * len(acts)
    start = threading.Barrier(len(acts))

    def run(place: int, act: Callable[[], Any]) -> None:
        start.wait()
        try:
            found[place] = act()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.fixture
def committed(transactional_db: None) -> tuple[Tenant, Choice]:
    tenant = make_tenant("acme")
    account = table.lay(tenant)
    table.play(tenant)
    table.signal(tenant, account)
    [made] = table.decide(tenant)
    return tenant, made


def test_of_two_reviewers_at_once_one_is_heard(committed: tuple[Tenant, Choice]) -> None:
    tenant, choice = committed

    def approve() -> Any:
        with tenant_context(tenant):
            return choices_approve(ids=[choice.pk], actor=ACTOR)

    def veto() -> Any:
        with tenant_context(tenant):
            return choices_veto(ids=[choice.pk], reason="known", actor=ACTOR)

    done = at_once(approve, veto)
    assert sorted(len(each) for each in done) == [0, 1]
    assert status(tenant, choice) in (ChoiceStatus.SCHEDULED, ChoiceStatus.VETOED)


def test_undoing_while_it_begins_is_all_or_nothing(committed: tuple[Tenant, Choice]) -> None:
    tenant, choice = committed
    with tenant_context(tenant):
        choices_approve(ids=[choice.pk], actor=ACTOR)
        Choice.objects.update(due_at=choice.at)

    def undo() -> Any:
        with tenant_context(tenant):
            return choices_undo(ids=[choice.pk], actor=ACTOR)

    undone, _, _ = at_once(undo, lambda: working.drain(tenant.pk), lambda: working.drain(tenant.pk))
    working.drain(tenant.pk)
    if undone:
        assert (status(tenant, choice), tasks(tenant)) == (ChoiceStatus.UNDONE, 0)
    else:
        assert (status(tenant, choice), tasks(tenant)) == (ChoiceStatus.DONE, 1)
