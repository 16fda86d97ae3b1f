"""From a signal to a choice, to its effect, once."""

from __future__ import annotations

from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.work.models import Task
from journeys.decisions.models import ChoiceStatus
from journeys.decisions.reviewing import choices_approve
from tests.journeys.decisions import table
from tests.world import ACTOR


def test_a_signal_leads_to_a_choice_that_waits_for_a_word(acme: Tenant) -> None:
    account = table.lay(acme)
    table.play(acme)
    signal = table.signal(acme, account)
    [choice] = table.decide(acme)
    assert choice.status == ChoiceStatus.ASKED
    assert choice.signal_id == signal.pk
    with tenant_context(acme):
        assert not Task.objects.exists()


def test_what_is_approved_is_done_after_the_time_to_undo_it(acme: Tenant) -> None:
    account = table.lay(acme)
    table.play(acme)
    table.signal(acme, account)
    [choice] = table.decide(acme)
    with tenant_context(acme):
        choices_approve(ids=[choice.pk], actor=ACTOR)
    table.decide(acme)
    with tenant_context(acme):
        assert not Task.objects.exists()
    table.time_is_up(acme)
    with tenant_context(acme):
        assert Task.objects.get().origin_key == f"choice:{choice.pk}"
    [done] = table.choices(acme)
    assert done.status == ChoiceStatus.DONE
