from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models.account import Account
from hub.accounts.models.contact import Contact
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class TimelineEntry(TenantModel):
    """One thing that happened at an account, as people read it. Written by the app that owns the thing.

    `kind` is the family the filters show (milestone, signal, message, ticket, survey, note, contract, qbr, task …);
    `key` makes writing it twice harmless. Only entries marked `customer_visible` may leave for the customer's hub.
    """

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="timeline", db_index=False)
    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    occurred_at = models.DateTimeField()
    kind = models.CharField(max_length=32)
    key = models.CharField(max_length=200)
    title = models.CharField(max_length=300)
    body = models.TextField(blank=True)
    url = models.CharField(max_length=300, blank=True)
    source = models.CharField(max_length=50, blank=True)
    customer_visible = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "kind", "key"], name="timeline_key")]
        indexes = [
            models.Index(fields=["tenant", "account", "-occurred_at", "-id"], name="timeline_order"),
            models.Index(fields=["tenant", "account", "kind", "-occurred_at", "-id"], name="timeline_kind"),
            models.Index(fields=["tenant", "account", "source", "-occurred_at", "-id"], name="timeline_source"),
            models.Index(
                fields=["tenant", "account", "contact", "-occurred_at", "-id"],
                name="timeline_contact",
                condition=models.Q(contact__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.title
