"""A stored day decided again gives the same decisions; what is gone since is told, not hidden."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from hub.accounts.services.attributes import attribute_define
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.decisions.models import Choice
from journeys.decisions.plays import play_change
from journeys.decisions.replay import replay_day
from journeys.decisions.rulebook import RuleBook
from journeys.decisions.terms import terms_of
from tests.journeys.decisions import table
from tests.world import ACTOR, make_account

PAYS = {"fact": "mrr_minor", "op": "gt", "value": 0}


@pytest.fixture
def decided(acme: Tenant) -> Tenant:
    """Five accounts with one or two signals, and plays of which some come first and some are kept back."""
    account = table.lay(acme)
    table.play(acme, "Call", worth="at_risk", purpose="renewal")
    table.play(acme, "Teach", rule=PAYS)
    table.play(acme, "Sell", purpose="expansion", triggers=["team-growth", "usage-decline"])
    with tenant_context(acme):
        accounts = [account, *(make_account(f"Account {n}") for n in range(4))]
    for number, each in enumerate(accounts):
        table.signal(acme, each)
        if number % 2:
            table.signal(acme, each, "team-growth")
    assert len(table.decide(acme)) == 5
    return acme


def test_a_day_decided_again_gives_the_same(decided: Tenant) -> None:
    with tenant_context(decided):
        day = Choice.objects.latest("at").day
        found = replay_day(day)
    assert (found.decided, list(found.differences)) == (5, [])


def test_it_gives_the_same_although_plays_have_other_terms_now(decided: Tenant) -> None:
    with tenant_context(decided):
        choice = Choice.objects.select_related("play").latest("at")
        assert choice.play is not None
        other = table.terms(purpose="newsletter", prior=[1, 900], rule=PAYS)
        play_change(play=choice.play, name="Another", description="", terms=other, seen=1, actor=ACTOR)
        assert not replay_day(choice.day).differences


def test_a_decision_that_somebody_tampered_with_is_found(decided: Tenant) -> None:
    with tenant_context(decided):
        choice = Choice.objects.latest("at")
        choice.given["facts"]["mrr_minor"] = 1
        Choice.objects.filter(pk=choice.pk).update(given=choice.given)
        assert [each.choice.pk for each in replay_day(choice.day).differences] == [choice.pk]


def test_the_command_says_so_and_fails_where_it_differs(decided: Tenant) -> None:
    with tenant_context(decided):
        choice = Choice.objects.latest("at")
    out = StringIO()
    call_command("replay_decisions", tenant="acme", day=choice.day.isoformat(), stdout=out)
    assert "5 decisions" in out.getvalue()
    with tenant_context(decided):
        Choice.objects.filter(pk=choice.pk).update(verdicts=[])
    with pytest.raises(CommandError, match="1 of 5"):
        call_command("replay_decisions", tenant="acme", day=choice.day.isoformat(), stdout=StringIO())
    for wrong in ({"tenant": "nobody", "day": "2026-01-01"}, {"tenant": "acme", "day": "yesterday"}):
        with pytest.raises(CommandError):
            call_command("replay_decisions", **wrong, stdout=StringIO())


def test_a_rule_that_asks_for_what_is_gone_is_true_of_nobody(acme: Tenant) -> None:
    account = table.lay(acme)
    with tenant_context(acme):
        attribute_define(entity="account", key="colour", label="Colour", kind="text", actor=ACTOR)
    play = table.play(acme, rule={"fact": "attribute.colour", "op": "eq", "value": "red"})
    with tenant_context(acme):
        gone = {**play.terms, "rule": {"fact": "attribute.shade", "op": "eq", "value": "red"}}
        type(play).objects.filter(pk=play.pk).update(terms=gone)
        book = RuleBook({("call", 1): terms_of(gone)})
        assert book.nodes["call", 1] is None
    table.signal(acme, account)
    [choice] = table.decide(acme)
    assert (choice.status, choice.reason) == ("nothing", "rule_gone")
