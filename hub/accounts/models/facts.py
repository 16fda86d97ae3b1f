from __future__ import annotations

from django.db import models

from hub.accounts.models.account import Account
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class AccountFacts(TenantModel):
    """One maintained row per account, which rules read; recomputed for changed accounts and at the day's close."""

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    as_of = models.DateField(null=True)
    computed_at = models.DateTimeField(null=True)
    # Usage, over complete tenant weeks (Monday to Sunday) before as_of.
    usage_last_week = models.BigIntegerField(null=True)
    usage_week_before = models.BigIntegerField(null=True)
    usage_baseline = models.FloatField(null=True)  # mean of the 8 complete weeks before both
    usage_baseline_weeks = models.PositiveSmallIntegerField(default=0)
    usage_drop_pct = models.FloatField(null=True)  # the smaller drop of the two weeks, 0–100
    usage_30d = models.BigIntegerField(default=0)
    features_30d = models.PositiveIntegerField(default=0)
    active_users_30d = models.PositiveIntegerField(default=0)
    last_event_on = models.DateField(null=True)
    # The account with those below it, as far as the tenant's roll-up rule says so; its own figures otherwise.
    rollup_accounts = models.PositiveIntegerField(default=0)
    rollup_mrr_minor = models.BigIntegerField(default=0)
    rollup_usage_30d = models.BigIntegerField(default=0)
    rollup_open_tickets = models.PositiveIntegerField(default=0)
    # Revenue.
    mrr_minor = models.BigIntegerField(default=0)
    renews_on = models.DateField(null=True)
    tier = models.CharField(max_length=100, blank=True)
    # Support and sentiment.
    open_tickets = models.PositiveIntegerField(default=0)
    open_urgent_tickets = models.PositiveIntegerField(default=0)
    tickets_30d = models.PositiveIntegerField(default=0)
    nps_latest = models.SmallIntegerField(null=True)
    nps_latest_on = models.DateField(null=True)
    csat_90d = models.FloatField(null=True)
    # Onboarding.
    milestones_done = models.PositiveSmallIntegerField(default=0)
    milestones_required = models.PositiveSmallIntegerField(default=0)
    milestones_overdue = models.PositiveSmallIntegerField(default=0)
    activated_on = models.DateField(null=True)
    # Health, 0–100, and the band that counts; without any value of a measure there is none.
    health_score = models.PositiveSmallIntegerField(null=True)
    health_band = models.CharField(max_length=8, blank=True, db_default="")
    # Ready to expand, by type, and how much speaks for it; the flags that stand beside the stage.
    expansion_seat = models.BooleanField(default=False, db_default=False)
    expansion_tier = models.BooleanField(default=False, db_default=False)
    expansion_cross_sell = models.BooleanField(default=False, db_default=False)
    expansion_score = models.PositiveSmallIntegerField(null=True)
    flag_expansion = models.BooleanField(default=False, db_default=False)
    flag_advocacy = models.BooleanField(default=False, db_default=False)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "account"], name="account_facts_key")]
        indexes = [
            models.Index(fields=["tenant", "-mrr_minor", "account"], name="account_facts_mrr"),
            models.Index(fields=["tenant", "health_score", "account"], name="account_facts_health"),
            models.Index(fields=["tenant", "health_band"], name="account_facts_band"),
        ]

    def __str__(self) -> str:
        return f"facts of {self.account_id}"
