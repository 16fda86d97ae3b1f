from __future__ import annotations

from datetime import date

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

from hub.accounts.models.account import Account
from hub.accounts.models.contact import Contact
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel

key_validator = RegexValidator(r"^[a-z][a-z0-9_]{0,49}$", "lower-case letters, digits and underscores, at most 50")


class AttributeEntity(models.TextChoices):
    ACCOUNT = "account", "Accounts"
    CONTACT = "contact", "Contacts"


class AttributeKind(models.TextChoices):
    TEXT = "text", "Text"
    NUMBER = "number", "Number"
    MONEY = "money", "Money"
    DATE = "date", "Date"
    BOOLEAN = "boolean", "Yes or no"
    CHOICE = "choice", "Choice"


class AttributeDefinition(TenantModel):
    """A field that the tenant added to accounts or contacts. Its key and kind never change.

    Archived, it stays readable. Rules name it ``attribute.<key>``.
    """

    entity = models.CharField(max_length=8, choices=AttributeEntity)
    key = models.CharField(max_length=50, validators=[key_validator])
    label = models.CharField(max_length=100)
    kind = models.CharField(max_length=8, choices=AttributeKind)
    choices = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "entity", "key"], name="attribute_key")]

    def __str__(self) -> str:
        return self.label


class AttributeValue(TenantModel):
    """The typed value of an attribute: one column is filled, by the attribute's kind, so that filters find an index.

    Numbers are double precision: comparisons of `numeric` use no index under row level security.
    """

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="attribute_values", db_index=False)
    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    definition = TenantForeignKey(AttributeDefinition, on_delete=models.CASCADE, related_name="values", db_index=False)
    text_value = models.CharField(max_length=500, null=True, blank=True)  # noqa: DJ001  # NULL: of another kind
    number_value = models.FloatField(null=True, blank=True)
    money_minor = models.BigIntegerField(null=True, blank=True)
    date_value = models.DateField(null=True, blank=True)
    boolean_value = models.BooleanField(null=True, blank=True)
    source = models.CharField(max_length=50, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "account", "definition"],
                name="attribute_value_account",
                condition=models.Q(contact__isnull=True),
            ),
            models.UniqueConstraint(
                fields=["tenant", "contact", "definition"],
                name="attribute_value_contact",
                condition=models.Q(contact__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "definition", column, "account"],
                name=f"attribute_{column}",
                condition=models.Q(**{f"{column}__isnull": False}),
            )
            for column in ("text_value", "number_value", "money_minor", "date_value", "boolean_value")
        ]

    def __str__(self) -> str:
        return f"{self.definition_id}: {self.value}"

    @property
    def value(self) -> str | float | int | date | bool | None:
        columns = (self.text_value, self.number_value, self.money_minor, self.date_value, self.boolean_value)
        return next((value for value in columns if value is not None), None)


class AttributeChange(TenantModel):
    """A value that became another: the history of attributes, before and after as text."""

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    definition = TenantForeignKey(AttributeDefinition, on_delete=models.CASCADE, related_name="+")
    before = models.CharField(max_length=500, blank=True)
    after = models.CharField(max_length=500, blank=True)
    source = models.CharField(max_length=50, blank=True)
    actor_label = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant", "account", "-at"], name="attribute_change_account")]

    def __str__(self) -> str:
        return f"{self.before} → {self.after}"
