"""Causes planted in accounts, and what is nearly one: every trigger finds its own, and nothing else."""

from __future__ import annotations

import pytest
from django.utils import timezone

from bench.planted import Tally, planted, settled
from bench.plants import PLANTS, UNPLANTED
from hub.tenancy.context import tenant_context
from signals.catalogue import SHIPPED
from signals.models import Signal
from tests.world import make_tenant


def test_every_shipped_trigger_has_a_cause_planted() -> None:
    assert {plant.trigger for plant in PLANTS} | UNPLANTED == {shipped.key for shipped in SHIPPED}


# Of each kind one: weeks, days running, a window against the one before, other triggers.
FEW = ("usage-decline", "seats-near-limit", "users-falling", "renewal-at-risk")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_few_causes_fire_and_what_is_nearly_one_does_not() -> None:
    plants = [plant for plant in PLANTS if plant.trigger in FEW]
    tallies = planted(make_tenant("few", timezone="UTC"), settled(timezone.now()), each=1, noise=1, plants=plants)
    assert {key: tally for key, tally in tallies.items() if tally.wrong or tally.missed} == {}
    assert {key for key, tally in tallies.items() if tally.right} >= set(FEW)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_each_cause_fires_its_trigger_and_what_is_nearly_one_does_not() -> None:
    tenant = make_tenant("planted", timezone="UTC")
    tallies = planted(tenant, settled(timezone.now()), each=1, noise=5)
    assert {key: tally for key, tally in tallies.items() if tally.wrong or tally.missed} == {}
    assert all(tallies[plant.trigger].right for plant in PLANTS)
    with tenant_context(tenant):
        assert Signal.objects.exclude(status="open").count() == 0


def test_a_tally_counts_what_is_wrong_and_what_is_missed() -> None:
    tally = Tally(right=6, wrong=["a", "b"], missed=["c"] * 4)
    assert (tally.precision, tally.recall) == (0.75, 0.6)
