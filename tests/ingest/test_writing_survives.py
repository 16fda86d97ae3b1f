"""`kill -9` of the worker while it writes to a CRM: every value arrives, and what is kept agrees with what is there."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from django.utils import timezone
from pytest_django import Settings

from hub.accounts.models import Account
from hub.accounts.services import account_upsert
from hub.ingest.models import WriteBack, WriteCall, WrittenRow
from hub.ingest.pulling.services import access_give
from hub.ingest.writing.services import writing_set
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.ingest.apis import KEY, Api, Asked, served
from tests.ingest.hooks import endpoint
from tests.workers import workers
from tests.world import ACTOR, make_tenant

pytestmark = [pytest.mark.kill, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

MANY, KILLS = 600, 4
IMPORTS = "import time, uuid; from hub.ingest.writing import work"
LOOP = """
while True:
    work.drain(uuid.UUID(sys.argv[1]))
    time.sleep(0.02)
"""


@pytest.fixture
def tenant(settings: Settings) -> Tenant:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    return make_tenant("acme")


@pytest.fixture
def crm() -> Iterator[Api]:
    companies = [{"id": str(number), "properties": {}, "updatedAt": ""} for number in range(1, MANY + 1)]
    with served("hubspot", {"companies": companies}) as running:
        answer = running.answer

        def slow(api: Api, asked: Asked) -> object:
            time.sleep(0.15)
            return answer(api, asked)

        running.answer = slow
        yield running


def test_every_value_arrives_whoever_dies(tenant: Tenant, crm: Api) -> None:
    to = endpoint(tenant, "hubspot")
    with tenant_context(tenant):
        for number in range(1, MANY + 1):
            account_upsert(source="hubspot", external_id=str(number), fields={"name": f"Customer {number}"})
        access_give(endpoint=to, secret=KEY, address=crm.address, actor=ACTOR)
        writing_set(endpoint=to, fields={"stage": "tandem_stage"}, on=True, actor=ACTOR)
    killed, end = 0, time.monotonic() + 120
    with workers(IMPORTS, LOOP, OUTGOING_ALLOW="127.0.0.1") as start:
        worker = start(str(tenant.pk))
        while time.monotonic() < end and not _done(tenant):
            if killed < KILLS and len(crm.asked) > killed:
                time.sleep(0.05)
                worker.kill()
                killed += 1
                # The lease of the dead ends now instead of in two minutes.
                with tenant_context(tenant):
                    WriteBack.objects.update(due_at=timezone.now())
                worker = start(str(tenant.pk))
            time.sleep(0.05)
    assert killed == KILLS
    assert [thing["properties"].get("tandem_stage") for thing in crm.things["companies"]] == ["onboarding"] * MANY
    writes = [asked for asked in crm.asked if asked.path.endswith("/batch/update")]
    # Raw repeats: at most the call that was under way at each kill.
    assert MANY // 100 <= len(writes) <= MANY // 100 + KILLS
    with tenant_context(tenant):
        assert WrittenRow.objects.filter(written={"tandem_stage": "onboarding"}, due_at=None).count() == MANY
        assert WriteBack.objects.get().written == MANY
        assert WriteCall.objects.count() == MANY // 100


def _done(tenant: Tenant) -> bool:
    with tenant_context(tenant):
        left = WrittenRow.objects.filter(due_at__isnull=False).exists()
        return WriteBack.objects.get().written >= Account.objects.count() and not left
