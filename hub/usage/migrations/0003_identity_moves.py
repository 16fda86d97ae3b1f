import django.db.models.deletion
import django.utils.timezone
import hub.tenancy.context
import hub.tenancy.fields
import hub.tenancy.ids
from django.db import migrations, models

from hub.tenancy.operations import GrantFunction

# Of all tenants at once, hence with the owner's rights; it can do this one thing.
FORGET = """
CREATE FUNCTION usage_identity_moves_forget() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH old AS (DELETE FROM usage_identitymove WHERE moved_at < now() - interval '1 day' RETURNING 1)
    SELECT count(*) FROM old
$$;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('tenancy', '0001_initial'),
        ('usage', '0002_event_store'),
    ]

    operations = [
        migrations.CreateModel(
            name='IdentityMove',
            fields=[
                ('id', models.UUIDField(default=hub.tenancy.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('group', 'Group'), ('user', 'User')], max_length=8)),
                ('key', models.CharField(max_length=200)),
                ('xact', models.BigIntegerField()),
                ('moved_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('tenant', hub.tenancy.fields.TenantField(db_index=False, default=hub.tenancy.context.current_tenant_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'indexes': [models.Index(fields=['tenant', 'xact'], name='identity_move_xact')],
            },
        ),
        migrations.RunSQL(FORGET, "DROP FUNCTION usage_identity_moves_forget()"),
        GrantFunction("usage_identity_moves_forget()"),
    ]
