from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

from signals.models import urgency


class Migration(migrations.Migration):
    """The inbox from the most severe on and by account, and the counts of the triggers, by index alone."""

    atomic = False
    dependencies = [("signals", "0001_initial")]
    operations = [
        AddIndexConcurrently(
            "signal",
            models.Index(
                "tenant",
                urgency(),
                models.F("recorded_at").desc(),
                models.F("id").desc(),
                name="signal_severe",
                condition=models.Q(status="open"),
            ),
        ),
        AddIndexConcurrently(
            "signal",
            models.Index(
                fields=["tenant", "trigger", "-recorded_at"],
                include=["status", "closed_as", "assignee", "acknowledged_at"],
                name="signal_trigger_count",
            ),
        ),
        AddIndexConcurrently(
            "signal",
            models.Index(
                fields=["tenant", "account", "-recorded_at"],
                include=["snoozed_until"],
                condition=models.Q(status="open"),
                name="signal_account_open",
            ),
        ),
        RemoveIndexConcurrently("signal", "signal_trigger"),
    ]
