"""One tenant for all tests of a module: its triggers are made once, and each test's own rows are taken back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker

if TYPE_CHECKING:
    from hub.tenancy.models import Tenant


@pytest.fixture(scope="module")
def made_once(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Tenant]:
    """Never committed: tests that need commits have a module of their own."""
    from tests.world import make_tenant

    with django_db_blocker.unblock(), transaction.atomic():
        yield make_tenant("acme")
        transaction.set_rollback(True)


@pytest.fixture
def acme(made_once: Tenant, db: None) -> Tenant:
    """The tenant as it is in the database: what a test set on its object is gone."""
    found: Tenant = type(made_once).objects.get(pk=made_once.pk)
    return found
