"""Saved views: a list as somebody wants to see it again, under a name."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.people.models import User
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class SavedView(TenantModel):
    """The address of a list (`params`, as its query string has them) under a name.

    It is its owner's; shared, everybody of the tenant sees it. Without an owner it is the team's (made over REST).
    """

    list_key = models.CharField(max_length=32)
    name = models.CharField(max_length=80)
    params = models.JSONField(default=dict, blank=True)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False)
    shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "list_key", "owner", "name"], name="saved_view_name", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=models.Q(owner__isnull=False) | models.Q(shared=True), name="saved_view_somebodys"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class DefaultView(TenantModel):
    """The view with which a list opens for one member."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    list_key = models.CharField(max_length=32)
    view = TenantForeignKey(SavedView, on_delete=models.CASCADE, related_name="+")

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "user", "list_key"], name="default_view_key")]

    def __str__(self) -> str:
        return f"{self.list_key} of {self.user_id}"
