"""Secrets sealed anew after a rotation of `SECRET_KEY`, so that the old key can be thrown away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import models

from hub.tenancy.fields import Sealed, SecretField
from hub.tenancy.sealing import SecretUnreadable, is_current, seal, unseal


@dataclass
class Resealed:
    """How many secrets stand under today's key already, were sealed anew, or cannot be read by any key there is."""

    current: int = 0
    anew: int = 0
    unreadable: int = 0


def secret_fields() -> list[SecretField]:
    """Every secret of every model."""
    fields = [field for model in apps.get_models() for field in model._meta.get_fields()]
    return [field for field in fields if isinstance(field, SecretField)]


def secrets_reseal(*, dry_run: bool = False) -> Resealed:
    """Seal the secrets of the tenant in context under today's key; `dry_run` only counts."""
    found = Resealed()
    for field in secret_fields():
        for tenant_id, pk, held in _held(field):
            where = field.place(field.model(pk=pk, tenant_id=tenant_id))
            try:
                plain = unseal(held, where)
            except SecretUnreadable:
                found.unreadable += 1
                continue
            if is_current(held):
                found.current += 1
                continue
            found.anew += 1
            if not dry_run:
                # Whoever has given another secret meanwhile sealed it under today's key.
                mine = field.model._default_manager.filter(pk=pk, **{field.attname: held})
                mine.update(**{field.attname: Sealed(seal(plain, where))})
    return found


def _held(field: SecretField) -> Iterator[tuple[Any, Any, Sealed]]:
    rows: models.QuerySet[Any] = field.model._default_manager.exclude(**{field.attname: ""})
    yield from rows.values_list("tenant_id", "pk", field.attname)
