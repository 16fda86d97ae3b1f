"""The variables that messages know, for previews outside of journeys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from hub.accounts.models import Account, Contact
from hub.outbox.values import ValueProvider, value_providers
from hub.tenancy.models import Tenant
from journeys.world import World


def values(tenant: Tenant, account: Account, contact: Contact | None) -> Mapping[str, Any]:
    world = World(tenant, [account.pk], timezone.now())
    return world.values(account.pk, contact, None) | {"story": world.story(account.pk)}


def register() -> None:
    value_providers.register(ValueProvider("journeys", values))
