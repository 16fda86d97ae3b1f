from __future__ import annotations

from django.db import models
from django.utils.timezone import now

from hub.people.models import User
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class LifecycleStage(models.TextChoices):
    ONBOARDING = "onboarding", "Onboarding"
    ADOPTION = "adoption", "Adoption"
    VALUE = "value", "Value"
    RENEWAL = "renewal", "Renewal"
    CHURNED = "churned", "Churned"


class Account(TenantModel):
    """A customer of the tenant: what every app's rows hang on."""

    name = models.CharField(max_length=200)
    domain = models.CharField(max_length=200, blank=True)
    industry = models.CharField(max_length=100, blank=True)
    country = models.CharField(max_length=100, blank=True)
    segment = models.CharField(max_length=100, blank=True)
    # Plan as the sources state it; what is paid for is in the contract lines.
    tier = models.CharField(max_length=100, blank=True)
    seats = models.PositiveIntegerField(null=True, blank=True)
    signed_up_on = models.DateField(null=True, blank=True)
    stage = models.CharField(max_length=16, choices=LifecycleStage, default=LifecycleStage.ONBOARDING)
    parent = TenantForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="children")
    owner = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False)
    timezone = models.CharField(max_length=64, blank=True)
    # A source's own word on churn (None: it says nothing): a claim, shown beside the live lines, never believed alone.
    source_churned = models.BooleanField(null=True, blank=True)
    # What sources gave beyond the fields: untyped as it came, and a copy of the typed values (AttributeValue).
    attributes = models.JSONField(default=dict, blank=True)
    # The last word of every source on every field (hub/accounts/words.py): where each value comes from, as of when.
    words = models.JSONField(default=dict, blank=True, editable=False)
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(fields=["tenant", "name", "id"], name="account_name"),
            models.Index(fields=["tenant", "owner", "name"], name="account_owner"),
            models.Index(fields=["tenant", "domain"], name="account_domain"),
        ]

    def __str__(self) -> str:
        return self.name


class AccountState(TenantModel):
    """The lock of an account and how far each stage has come: facts → signals → journeys.

    Whoever writes states, enrollments or caps of accounts takes these rows `ORDER BY id FOR UPDATE` first.
    """

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="states", db_index=False)
    # Raised by every change of facts; a stage acts only when the one before has reached it.
    fact_version = models.BigIntegerField(default=0)
    evaluated_version = models.BigIntegerField(default=0)
    dirty_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "account"], name="account_state_key")]
        indexes = [
            models.Index(
                fields=["tenant", "dirty_at"],
                name="account_state_dirty",
                condition=models.Q(dirty_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"state of {self.account_id}"


class AccountExternalId(TenantModel):
    """What a source calls the account: the key of every upsert."""

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="external_ids")
    source = models.CharField(max_length=50)
    value = models.CharField(max_length=200)
    # When the source changed the account last, by its own clock: older word of the same source changes nothing.
    source_updated_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "source", "value"], name="account_external_id_key")]

    def __str__(self) -> str:
        return f"{self.source}:{self.value}"
