from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("outbound", "0002_webhooks")]

    operations = [
        migrations.AddField(
            model_name="webhookendpoint",
            name="resting_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False)),
                fields=["tenant", "endpoint", "due_at"],
                name="webhook_delivery_turn",
            ),
        ),
        migrations.RemoveIndex(model_name="webhookdelivery", name="webhook_delivery_due"),
    ]
