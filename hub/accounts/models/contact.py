from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.timezone import now

from hub.accounts.models.account import Account
from hub.accounts.models.person import Person
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class ContactRole(models.TextChoices):
    CHAMPION = "champion", "Champion"
    EXECUTIVE_SPONSOR = "executive_sponsor", "Executive sponsor"
    DECISION_MAKER = "decision_maker", "Decision maker"
    ADMIN = "admin", "Admin"
    USER = "user", "User"
    DETRACTOR = "detractor", "Detractor"


class ContactStatus(models.TextChoices):
    ACTIVE = "active", "Active"
    LEFT = "left", "Left the company"
    BOUNCED = "bounced", "Address bounces"


class Contact(TenantModel):
    """Somebody's place at an account. The same address at two accounts is two contacts of one person."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="contacts", db_index=False)
    # Who it is, across accounts; NULL until the next evaluation of the account finds out by the address.
    person = TenantForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="contacts")
    email = models.EmailField(blank=True)
    name = models.CharField(max_length=200, blank=True)
    title = models.CharField(max_length=200, blank=True)
    roles = ArrayField(models.CharField(max_length=32, choices=ContactRole), default=list, blank=True)
    status = models.CharField(max_length=16, choices=ContactStatus, default=ContactStatus.ACTIVE)
    timezone = models.CharField(max_length=64, blank=True)
    # The day they left the company, when `status` says so and the day is known.
    left_on = models.DateField(null=True, blank=True)
    # A copy for reading; the typed values are rows (AttributeValue).
    attributes = models.JSONField(default=dict, blank=True)
    # The last word of every source on every field (hub/accounts/words.py): where each value comes from, as of when.
    words = models.JSONField(default=dict, blank=True, editable=False)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "account", "email"], name="contact_email_key", condition=~models.Q(email="")
            )
        ]
        indexes = [
            models.Index(fields=["tenant", "email"], name="contact_email"),
            models.Index(fields=["tenant", "account", "name"], name="contact_account"),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def has_role(self, role: str) -> bool:
        return role in self.roles


class ContactExternalId(TenantModel):
    """What a source calls the contact (a product's user id, a CRM's contact id)."""

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, related_name="external_ids")
    source = models.CharField(max_length=50)
    value = models.CharField(max_length=200)
    # When the source changed the contact last, by its own clock: older word of the same source changes nothing.
    source_updated_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "source", "value"], name="contact_external_id_key")]

    def __str__(self) -> str:
        return f"{self.source}:{self.value}"
