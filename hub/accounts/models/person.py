from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class Person(TenantModel):
    """Somebody who is a contact at one account or at several; known by their addresses."""

    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"person {self.pk}"


class PersonAddress(TenantModel):
    """An e-mail address and whose it is: contacts with it are that person, until somebody splits them."""

    person = TenantForeignKey(Person, on_delete=models.CASCADE, related_name="addresses")
    email = models.EmailField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "email"], name="person_address_key")]

    def __str__(self) -> str:
        return self.email


class PersonEventKind(models.TextChoices):
    MERGE = "merge", "Merged"
    SPLIT = "split", "Split"


class PersonEvent(TenantModel):
    """A merge or a split: which contacts and addresses went from one person to another, so that it can be undone."""

    kind = models.CharField(max_length=8, choices=PersonEventKind)
    person = TenantForeignKey(Person, on_delete=models.CASCADE, related_name="events_to")  # where they went
    other = TenantForeignKey(Person, on_delete=models.CASCADE, related_name="events_from")  # where they came from
    # Ids of the rows that moved.
    contacts = models.JSONField(default=list)
    addresses = models.JSONField(default=list)
    actor_label = models.CharField(max_length=200)
    at = models.DateTimeField(default=timezone.now)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%Y-%m-%d}"
