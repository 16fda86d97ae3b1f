from __future__ import annotations

from uuid import UUID

from django.db import models
from django.utils import timezone

from hub.tenancy.models import TenantModel


class SourcedModel(TenantModel):
    """A row that a source keeps: found again by (source, external id), changed only by word that is not older."""

    # Each kind declares its own reference to the account, with its indexes.
    account_id: UUID
    source = models.CharField(max_length=50)
    external_id = models.CharField(max_length=200)
    # When the source changed it last, by the source's own clock; NULL: it never said.
    source_updated_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(TenantModel.Meta):
        abstract = True
