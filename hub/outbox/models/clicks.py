"""Clicks on links of messages: rows of their own, with what speaks for a machine."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from hub.accounts.models import Account
from hub.outbox.models.message import Message
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class Click(TenantModel):
    """A request for a tracked link; `link` counts the links of the message from 0.

    `bot_score` is 0 (a person) to 100 (a machine), `reasons` says why. Nothing is decided by clicks that score 50 or
    more, and nothing at all by opens, which are not measured.
    """

    derived = True
    # From this score on a click is a machine's.
    MACHINE = 50

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    message = TenantForeignKey(Message, on_delete=models.CASCADE, related_name="clicks", db_index=False)
    link = models.PositiveSmallIntegerField()
    at = models.DateTimeField(default=timezone.now)
    # Since it was handed to the channel; NULL when that is not known.
    seconds_after = models.PositiveIntegerField(null=True)
    agent = models.CharField(max_length=200, blank=True)
    bot_score = models.PositiveSmallIntegerField(default=0)
    reasons = ArrayField(models.CharField(max_length=16), default=list)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(fields=["tenant", "message", "at"], name="click_message"),
            models.Index(fields=["tenant", "account", "-at"], name="click_account"),
            models.Index(fields=["tenant", "-at", "-id"], name="click_recent"),
        ]

    def __str__(self) -> str:
        return f"link {self.link} of {self.message_id}"

    @property
    def is_person(self) -> bool:
        return self.bot_score < self.MACHINE
