import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import hub.tenancy.context
import hub.tenancy.fields
import hub.tenancy.ids

# One row for each commit instead of one for each of its accounts: what is due at the moment of the change goes along.
GATHER = """
INSERT INTO ingest_touchedaccounts (tenant_id, id, account_ids, touched_at)
SELECT tenant_id, gen_random_uuid(), array_agg(DISTINCT account_id), min(touched_at)
FROM ingest_touchedaccount GROUP BY tenant_id
"""
SCATTER = """
INSERT INTO ingest_touchedaccount (tenant_id, id, account_id, touched_at)
SELECT t.tenant_id, gen_random_uuid(), a.id, t.touched_at
FROM ingest_touchedaccounts t JOIN accounts_account a ON a.tenant_id = t.tenant_id AND a.id = ANY(t.account_ids)
"""


class Migration(migrations.Migration):
    dependencies = [("ingest", "0002_fast_first_imports"), ("tenancy", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="TouchedAccounts",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=hub.tenancy.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "account_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(), default=list, size=None
                    ),
                ),
                ("touched_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "tenant",
                    hub.tenancy.fields.TenantField(
                        db_index=False,
                        default=hub.tenancy.context.current_tenant_id,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenancy.tenant",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "default_manager_name": "objects",
            },
        ),
        migrations.RunSQL(GATHER, SCATTER),
        migrations.DeleteModel("TouchedAccount"),
    ]
