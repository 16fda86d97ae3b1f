from __future__ import annotations

from django.db import models
from django.utils.timezone import now

from hub.accounts.models.account import Account
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class Change(TenantModel):
    """Something that happened to an account and may start something: the row that hands it on, and why.

    `kind` names the happening (``milestone.completed``, ``qbr.line_tagged``), `key` makes telling it twice harmless,
    `object_id` is the row it happened to. The evaluation stage sets `handled_at` in the transaction that stores what
    followed; historical changes are born handled. `origin` and `depth` say which journey caused it and how far down
    the chain, so that nothing triggers itself for ever.
    """

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="changes")
    kind = models.CharField(max_length=64)
    key = models.CharField(max_length=200)
    object_id = models.UUIDField(null=True)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=now)
    data = models.JSONField(default=dict)
    origin = models.CharField(max_length=200, blank=True)
    depth = models.PositiveSmallIntegerField(default=0)
    historical = models.BooleanField(default=False)
    handled_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "kind", "key"], name="change_key")]
        indexes = [
            models.Index(
                fields=["tenant", "account", "id"], name="change_open", condition=models.Q(handled_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
