"""Calls that other systems make, and what each system has said about each of its things."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account
from hub.tenancy.fields import SecretField, TenantForeignKey
from hub.tenancy.models import TenantModel
from hub.tenancy.sealing import readable


class HookEndpoint(TenantModel):
    """Where one system of the tenant's sends its calls. Once renewed, the old secret is good until `previous_until`."""

    source = models.CharField(max_length=32)
    label = models.CharField(max_length=100)
    secret = SecretField()
    previous_secret = SecretField(blank=True)
    previous_until = models.DateTimeField(null=True, blank=True)
    # Whether customers that nobody knows here become accounts, or wait until somebody says whose they are.
    makes_accounts = models.BooleanField(default=False)
    # What a source needs beside the secret (the mail provider, the Salesforce organisation).
    options = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.CharField(max_length=200, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    # Calls answered 401, counted at most once a second: who knocks at random must not write without end.
    refused_calls = models.BigIntegerField(default=0)
    refused_at = models.DateTimeField(null=True, blank=True)
    refused_why = models.CharField(max_length=200, blank=True)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant", "source", "id"], name="hook_endpoint_source")]

    def __str__(self) -> str:
        return self.label

    @property
    def record_source(self) -> str:
        """The name under which the record keeps what comes by this endpoint."""
        return str(self.options.get("source") or self.source)

    def secrets(self) -> list[str]:
        """The secrets that are good now, newest first. Raises SecretUnreadable."""
        old = self.previous_until is not None and self.previous_until > timezone.now()
        return [self.secret, self.previous_secret] if old and self.previous_secret else [self.secret]

    @property
    def is_readable(self) -> bool:
        """Whether calls can be verified: the secret was not sealed under a key that is gone."""
        return readable(self, "secret")


class DeliveryState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    APPLIED = "applied", "Applied"
    NOTHING = "nothing", "Nothing to do"
    UNMATCHED = "unmatched", "Account unknown"
    REFUSED = "refused", "Refused"


class HookDelivery(TenantModel):
    """One call: its bytes as they came, and what it became.

    `event_id` is the sender's own id, by which a call that comes again is known. `became` lists the rows:
    ``{"noun", "id", "account", "outcome"}``.
    """

    endpoint = TenantForeignKey(HookEndpoint, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    event_id = models.CharField(max_length=200)
    kind = models.CharField(max_length=100, blank=True)
    content_type = models.CharField(max_length=200, blank=True)
    body = models.BinaryField()
    received_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=16, choices=DeliveryState, default=DeliveryState.WAITING)
    reason = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # When a worker looks at it; NULL as soon as nothing is to be done.
    due_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    became = models.JSONField(default=list, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "endpoint", "event_id"], name="hook_delivery_key")]
        indexes = [
            models.Index(
                fields=["tenant", "due_at", "id"], name="hook_delivery_due", condition=models.Q(due_at__isnull=False)
            ),
            models.Index(fields=["tenant", "endpoint", "-received_at", "-id"], name="hook_delivery_recent"),
            models.Index(fields=["tenant", "endpoint", "state", "-received_at", "-id"], name="hook_delivery_state"),
            models.Index(fields=["tenant", "received_at"], name="hook_delivery_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}"


class SourceObject(TenantModel):
    """A thing of a source (its customer, invoice, ticket) and whose it is, as far as is known.

    What the source said of it are its words; the record's rows (`rows`: noun and external id) are made of all of them
    together, so that the order in which they came does not matter. `waits_for` names a thing (``invoice:in_1``) that
    it points to and that has not come yet.
    """

    # The name that the record knows the source by; mostly the connector's own.
    source = models.CharField(max_length=50)
    connector = models.CharField(max_length=32, default="")
    kind = models.CharField(max_length=32)
    external_id = models.CharField(max_length=200)
    account = TenantForeignKey(Account, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    company = models.CharField(max_length=200, blank=True)
    person = models.CharField(max_length=200, blank=True)
    email = models.CharField(max_length=254, blank=True)
    name = models.CharField(max_length=200, blank=True)
    waits_for = models.CharField(max_length=240, blank=True)
    # The source made the account, so its word on the account's fields counts.
    made = models.BooleanField(default=False)
    rows = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    # How often it was known whose it is and could not be written nevertheless, and before when it is not tried again.
    tries = models.PositiveSmallIntegerField(default=0)
    try_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "source", "kind", "external_id"], name="source_object_key")
        ]
        indexes = [
            models.Index(fields=["tenant", "source", "company"], name="source_object_company"),
            models.Index(fields=["tenant", "source", "person"], name="source_object_person"),
            models.Index(
                fields=["tenant", "source", "waits_for"],
                name="source_object_waits",
                condition=~models.Q(waits_for=""),
            ),
            models.Index(
                fields=["tenant", "kind", "created_at", "id"],
                name="source_object_unmatched",
                condition=models.Q(account__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.external_id


class SourceReference(TenantModel):
    """What is written of a thing depends on another one of its source, by name (``company:9``, ``product:prod_1``).

    `due`: the other has another name since, and the thing waits to be written anew.
    """

    thing = TenantForeignKey(SourceObject, on_delete=models.CASCADE, related_name="references", db_index=False)
    name = models.CharField(max_length=240)
    due = models.BooleanField(default=False)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "thing", "name"], name="source_reference_key")]
        indexes = [
            models.Index(fields=["tenant", "name", "thing"], name="source_reference_name"),
            models.Index(fields=["tenant", "id"], name="source_reference_due", condition=models.Q(due=True)),
        ]

    def __str__(self) -> str:
        return self.name


class SourceWord(TenantModel):
    """What a source said of a thing at one moment: facts as JSON. Ordered by (at, rank, event), never changed."""

    thing = TenantForeignKey(SourceObject, on_delete=models.CASCADE, related_name="words", db_index=False)
    at = models.DateTimeField()
    rank = models.SmallIntegerField(default=0)
    event = models.CharField(max_length=200)
    facts = models.JSONField(default=dict)
    # The call it came by; calls are forgotten earlier than words.
    delivery_id = models.UUIDField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "thing", "event"], name="source_word_key")]
        indexes = [
            models.Index(
                fields=["tenant", "delivery_id"],
                name="source_word_delivery",
                condition=models.Q(delivery_id__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.at:%Y-%m-%dT%H:%M:%S}"
