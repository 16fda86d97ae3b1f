"""Several people at one journey at the same moment: one publishing wins, and no change of the draft is lost unseen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import pytest
from django.db import connections

from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.drafts import operations as ops
from journeys.drafts.models import DraftRevision
from journeys.drafts.publishing import draft_publish
from journeys.drafts.selectors import current_draft
from journeys.drafts.services import StaleDraft, draft_change
from journeys.drafts.shape import BEGINNING
from journeys.models import Journey, JourneyVersion
from journeys.services import PublishConflict, journeys_install
from tests.world import ACTOR, make_tenant

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 4


@pytest.fixture
def journey(transactional_db: None) -> tuple[Tenant, UUID]:
    tenant = make_tenant("acme")
    with tenant_context(tenant):
        journeys_install(actor=ACTOR)
        return tenant, Journey.objects.get(key="save").pk


def at_once(tenant: Tenant, journey_id: UUID, act: Callable[[Journey], object]) -> Counter[str]:
    """What came of it when all of them did it at the same moment, having seen the same."""
    barrier = Barrier(PEOPLE)

    def one(_: int) -> str:
        try:
            with tenant_context(tenant):
                found = Journey.objects.get(pk=journey_id)
                barrier.wait()
                act(found)
            return "done"
        except (StaleDraft, PublishConflict) as refused:
            return type(refused).__name__
        finally:
            connections.close_all()

    with ThreadPoolExecutor(PEOPLE) as pool:
        return Counter(pool.map(one, range(PEOPLE)))


def test_of_publishings_at_the_same_moment_one_wins_and_the_others_are_told(journey: tuple[Tenant, UUID]) -> None:
    tenant, journey_id = journey

    def publish(found: Journey) -> None:
        draft_publish(journey=found, seen=0, live=1, tenant=tenant, actor=ACTOR)

    assert at_once(tenant, journey_id, publish) == {"done": 1, "PublishConflict": PEOPLE - 1}
    with tenant_context(tenant):
        numbers = JourneyVersion.objects.filter(journey_id=journey_id).values_list("number", flat=True)
        assert sorted(numbers) == [1, 2]


def test_of_changes_at_the_same_moment_one_is_taken_and_the_others_are_told(journey: tuple[Tenant, UUID]) -> None:
    tenant, journey_id = journey

    def change(found: Journey) -> None:
        draft_change(
            journey=found,
            seen=0,
            change=lambda graph: ops.insert(graph, BEGINNING, "task")[0],
            words="added a task",
            actor=ACTOR,
        )

    assert at_once(tenant, journey_id, change) == {"done": 1, "StaleDraft": PEOPLE - 1}
    with tenant_context(tenant):
        found = Journey.objects.get(pk=journey_id)
        assert current_draft(found).revision == 2
        assert sorted(DraftRevision.objects.values_list("number", flat=True)) == [1, 2]
